"""Say which rows django-auditlog follows: by a rule, with exceptions that have their reason.

The rule: every model of ours, of accounts and of the clock is followed, so that what is changed past the service (the back
door, a command, a script) is in the record as well. Left out are models whose rows the system itself writes, and those that
the service writes and records, with a reason, and nothing else can change. Of a followed row secrets are hidden, and what
changes all the time is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from auditlog.registry import auditlog
from django.apps import apps
from django.db import models

APPS = ("auth", "channels", "orchestration", "django_celery_beat")
_STATE = "its states and changes go by transition(), which records them"
_DOOR = "the service alone writes it, and records why; the back door only shows it"
_WORK = "the system writes it as it works; what it belongs to is recorded"
_RECORD = "it is the record, or counts for it"

NOT_FOLLOWED: dict[str, str] = {
    "auth.Permission": "migrations write it",
    "channels.ChannelGroup": _DOOR,
    "channels.ChannelStatistics": _WORK,
    "channels.ConfigRevision": _DOOR,
    "channels.Label": _DOOR,
    "django_celery_beat.PeriodicTasks": "it only says that another table has changed",
    "orchestration.Activity": _RECORD,
    "orchestration.Approval": _DOOR,
    "orchestration.Attachment": _DOOR,
    "orchestration.Blocker": _WORK,
    "orchestration.BudgetEntry": _WORK,
    "orchestration.CalendarAddress": _DOOR,
    "orchestration.Call": _WORK,
    "orchestration.ChangeCount": _RECORD,
    "orchestration.Conflict": _STATE,
    "orchestration.Distribution": _STATE,
    "orchestration.ExternalIdentity": _DOOR,
    "orchestration.Heartbeat": _WORK,
    "orchestration.IdempotencyRecord": _WORK,
    "orchestration.Incident": _WORK,
    "orchestration.Job": _STATE,
    "orchestration.KeptReport": _WORK,
    "orchestration.Lease": _WORK,
    "orchestration.Notification": _WORK,
    "orchestration.OrphanUpload": _WORK,
    "orchestration.Preferences": _DOOR,
    "orchestration.Profile": _DOOR,
    "orchestration.Proposal": _DOOR,
    "orchestration.RateCount": _WORK,
    "orchestration.RecoveryCode": _DOOR,
    "orchestration.Refusal": _RECORD,
    "orchestration.Rendition": _WORK,
    "orchestration.RepositoryRecord": _DOOR,
    "orchestration.Restriction": _DOOR,
    "orchestration.Rollout": _DOOR,
    "orchestration.RolloutMember": _WORK,
    "orchestration.SavedView": _DOOR,
    "orchestration.Schedule": _STATE,
    "orchestration.Seal": _RECORD,
    "orchestration.SealBlock": _RECORD,
    "orchestration.SecondFactor": _DOOR,
    "orchestration.StandingRule": _DOOR,
    "orchestration.SystemState": _STATE,
    "orchestration.Upload": _DOOR,
    "orchestration.Video": _STATE,
    "orchestration.VideoStatistics": _WORK,
    "orchestration.Wave": _STATE,
    "orchestration.WebhookDelivery": _WORK,
    "orchestration.WebhookEndpoint": _DOOR,
    "orchestration.WorkflowRun": _STATE,
}
"""Models that are left out, each with its reason."""

EVERYWHERE = frozenset({"version", "state", "state_changed_at", "created_at", "updated_at"})
"""Left out of every row: states go by transition(), and the entry has its own time."""
LEFT_OUT: dict[str, tuple[str, ...]] = {
    "auth.User": ("last_login", "date_joined"),
    "channels.Channel": ("health", "health_reason", "health_checks", "health_checked_at"),
    "channels.Credential": ("checked_at", "pushed_at"),
    "django_celery_beat.PeriodicTask": ("last_run_at", "total_run_count", "date_changed", "headers"),
    "orchestration.ApiToken": ("last_used_at",),
    "orchestration.NotificationAddress": ("last_tried_at", "last_error", "gave_up_at"),
    "orchestration.NotificationRule": ("digest_from",),
    "orchestration.Source": (
        "next_scrape_at",
        "last_scraped_at",
        "last_found",
        "waiting_items",
        "repairs",
        "unchanged_readings",
        "addresses_asked_at",
        "reading",
        "last_error",
        "consecutive_failures",
        "looked_at",
    ),
}
"""Of some rows: what the system writes there as it works."""
MASKED = ("password",)
"""That these have changed is told, what they are not."""
MANY: dict[str, tuple[str, ...]] = {
    "auth.Group": ("permissions",),
    "auth.User": ("groups", "user_permissions"),
    "orchestration.NotificationRule": ("addresses", "channels", "groups", "labels"),
}
"""Relations to many whose members are told."""


def models_followed() -> Iterator[type[models.Model]]:
    """Return every model that the rule follows."""
    for label in APPS:
        for model in apps.get_app_config(label).get_models():
            if model._meta.label not in NOT_FOLLOWED:
                yield model


def is_secret(field: str) -> bool:
    """Return whether a column's value is kept out of the record altogether."""
    return field.endswith(("_sealed", "_hash"))


def register() -> None:
    """Let django-auditlog follow what the rule says."""
    for model in models_followed():
        names = [field.name for field in model._meta.concrete_fields]
        left_out = {*EVERYWHERE, *LEFT_OUT.get(model._meta.label, ()), *filter(is_secret, names)}
        auditlog.register(
            model,
            exclude_fields=[name for name in names if name in left_out],
            mask_fields=[name for name in names if name in MASKED],
            mask_callable="orchestration.core.followed.hidden",
            m2m_fields=set(MANY.get(model._meta.label, ())),
        )


def hidden(value: str) -> str:
    """Return what is shown in place of a value that is nobody's business."""
    return "(hidden)" if value and value != "None" else ""
