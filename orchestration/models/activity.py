"""The audit log: who did what to which row, by which trigger, and why."""

from auditlog.models import AbstractLogEntry, LogEntryManager
from django.db import models
from django.db.models import Q

from orchestration.states import Trigger


class AppendOnlyError(Exception):
    """Somebody tried to change or delete an audit entry."""


class AppendOnlyQuerySet(models.QuerySet):
    """Entries can be read and added. An entry outlives its actor: Django empties that column past this class."""

    def update(self, **kwargs):
        """Refuse: an entry that stands is never changed."""
        raise AppendOnlyError("The activity log is append-only.")

    def bulk_update(self, objs, fields, batch_size=None):
        """Refuse: an entry that stands is never changed."""
        raise AppendOnlyError("The activity log is append-only.")

    def delete(self):
        """Refuse: the log is append-only; retention is the database administrator's business."""
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
        "contenttypes.ContentType", on_delete=models.CASCADE, related_name="+", db_index=False
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
    actor_label = models.CharField(
        max_length=150, blank=True, help_text="user name, token name, worker or run"
    )
    reason = models.CharField(max_length=500, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)

    objects = LogEntryManager.from_queryset(AppendOnlyQuerySet)()

    class Meta(AbstractLogEntry.Meta):
        abstract = False
        verbose_name = "activity"
        verbose_name_plural = "activity"
        ordering = ["-timestamp", "-id"]
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

    def _name_who_asked(self, username: str) -> None:
        self.actor_label = self.actor_label or username

    asked_by = property(
        fset=_name_who_asked, doc="Who sent the request; set by the middleware while it is saved."
    )

    def save(self, *args, **kwargs) -> None:
        """Write a new entry; an entry that stands is never changed."""
        if self.pk is not None and not self._state.adding:
            raise AppendOnlyError("The activity log is append-only.")
        if not self.verb:
            self.verb = {0: "create", 1: "update", 2: "delete", 3: "access"}.get(self.action, "update")
        if not self.actor_label and self.actor is not None:
            self.actor_label = self.actor.get_username()
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        """Refuse: the log is append-only; retention is the database administrator's business."""
        raise AppendOnlyError("The activity log is append-only.")
