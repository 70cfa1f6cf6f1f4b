"""What a person said of a publication before it went out."""

from django.db import models
from django.utils import timezone

from channels.querysets import Lockable
from orchestration.models.plan import Distribution
from orchestration.states import Verdict


class Approval(models.Model):
    """The last word on one publication: approved as it was seen, refused, or approved once and taken back by a change.

    Written by `pipeline.approvals`. `seal` is a hash of the words and the file that were seen; an approval holds for these.
    """

    distribution = models.OneToOneField(Distribution, on_delete=models.CASCADE, related_name="approval")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    seal = models.CharField(max_length=64)
    by = models.CharField(max_length=150)
    reason = models.CharField(max_length=300, blank=True)
    decided_at = models.DateTimeField(default=timezone.now)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["-decided_at", "-pk"]

    def __str__(self) -> str:
        return f"publication {self.distribution_id}: {self.verdict} by {self.by}"
