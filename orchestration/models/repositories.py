"""What Headend knows of its channels' repositories: what it last wrote there, what differs now, what was acknowledged."""

from django.db import models

from channels.models import Channel
from channels.querysets import Lockable


class RepositoryRecord(models.Model):
    """What a channel's repository holds by our record; it counts for the repository with this id only.

    `files`, `secrets` and `branches` are what we last wrote or a person told us to keep; `drift` is what was found
    otherwise, with the three values: recorded, wanted by us, there now.
    """

    channel = models.OneToOneField(Channel, on_delete=models.CASCADE, related_name="repository_record")
    repository_id = models.BigIntegerField(
        null=True, blank=True, help_text="of the repository that all this is about"
    )
    branch = models.CharField(max_length=120, blank=True)
    files = models.JSONField(
        default=dict, blank=True, help_text="blob ids by path: written last, about to be written, kept"
    )
    secrets = models.JSONField(
        default=dict, blank=True, help_text="when GitHub says each secret was last stored, by name"
    )
    secrets_pending = models.BooleanField(
        default=False, help_text="secrets were about to be written; their times are not known yet"
    )
    branches = models.JSONField(
        null=True, blank=True, help_text="which branches may use the environment; null: not set by us"
    )
    drift = models.JSONField(default=list, blank=True)
    drift_found_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)

    public_acknowledged_at = models.DateTimeField(null=True, blank=True)
    public_acknowledged_by = models.CharField(max_length=150, blank=True)
    public_acknowledged_reason = models.CharField(max_length=300, blank=True)

    objects = Lockable.as_manager()

    def __str__(self) -> str:
        return f"repository of {self.channel.slug}"
