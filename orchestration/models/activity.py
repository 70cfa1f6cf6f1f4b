"""The audit log: who did what to which row, by which trigger, and why."""

from auditlog.models import AbstractLogEntry, LogEntryManager
from django.conf import settings
from django.db import models
from django.db.models import Q

from channels.limits import narrow
from orchestration.states import Trigger


class AppendOnlyError(Exception):
    """Somebody tried to change or delete an audit entry."""


class AppendOnlyQuerySet(models.QuerySet):
    """Entries can be read and added; triggers in the database say the same (`orchestration/core/append_only.py`)."""

    def update(self, **kwargs):
        """Refuse: an entry that stands is never changed."""
        raise AppendOnlyError("The activity log is append-only.")

    def bulk_update(self, objs, fields, batch_size=None):
        """Refuse: an entry that stands is never changed."""
        raise AppendOnlyError("The activity log is append-only.")

    def delete(self):
        """Refuse: the log is append-only; `manage.py prune_audit` exports what it takes away."""
        raise AppendOnlyError("The activity log is append-only.")

    # What Django's own methods carry: templates may not call them, and no manager offers `delete`.
    update.alters_data = bulk_update.alters_data = delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class Activity(AbstractLogEntry):
    """One audit entry; django-auditlog's entry with a verb, a trigger and the reason.

    Written by `orchestration.activity.record` in the same transaction as the change, and by django-auditlog for edits of
    the configuration. `cid` is the correlation id that ties a whole action together; `changes` holds before and after.
    """

    # Indexed with the row and with the time below; auditlog has an index on each alone.
    content_type = models.ForeignKey(
        "contenttypes.ContentType", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # An entry keeps whose it was when that user's row is gone; a constraint would want the entry changed.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    object_id = models.BigIntegerField(blank=True, null=True)
    verb = models.CharField(max_length=60, help_text="what was done, for example schedule_wave")
    members_of = models.CharField(
        max_length=30,
        blank=True,
        editable=False,
        help_text="the kind of row that before and after are of, where members are named and they are each one's",
    )
    trigger = models.CharField(max_length=10, choices=Trigger.choices, default=Trigger.ADMIN)
    actor_label = models.CharField(max_length=150, help_text="user name, token name, worker or run")
    reason = models.CharField(max_length=500, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)

    objects = LogEntryManager.from_queryset(AppendOnlyQuerySet)()

    class Meta(AbstractLogEntry.Meta):
        abstract = False
        verbose_name = "activity"
        verbose_name_plural = "activity"
        ordering = ["-timestamp", "-id"]
        constraints = [models.CheckConstraint(condition=~Q(actor_label=""), name="activity_has_its_actor")]
        indexes = [
            models.Index(fields=["content_type", "object_id"], name="activity_of_row"),
            models.Index(fields=["content_type", "timestamp"], name="activity_of_kind_at"),
            models.Index(fields=["verb", "timestamp"], name="activity_of_verb_at"),
            models.Index(
                fields=["members_of", "timestamp"], condition=~Q(members_of=""), name="activity_of_members_at"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb or self.get_action_display()} {self.object_repr}"

    def save(self, *args, **kwargs) -> None:
        """Write a new entry; an entry that stands is never changed."""
        if self.pk is not None and not self._state.adding:
            raise AppendOnlyError("The activity log is append-only.")
        if not self.verb:
            self.verb = {0: "create", 1: "update", 2: "delete", 3: "access"}.get(self.action, "update")
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        """Refuse: the log is append-only; `manage.py prune_audit` exports what it takes away."""
        raise AppendOnlyError("The activity log is append-only.")


narrow(type(Activity.objects))
