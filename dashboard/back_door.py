"""Say of everything that the back door (Django's admin) shows where in the console one acts on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.urls import NoReverseMatch

from dashboard.addresses import reverse

OfRow = Callable[[Any], tuple[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the console: its name in dashboard/urls.py, and of one row which page, with what names the row."""

    page: str
    of_row: OfRow | None = None


def _channel_of(row: Any) -> tuple[str, Any] | None:
    return ("channel", row.channel.slug) if row.channel_id else None


def _job_of(row: Any) -> tuple[str, Any] | None:
    return ("job", row.job_id) if row.job_id else None


def _video_of(row: Any) -> tuple[str, Any] | None:
    return ("video", row.video_id) if row.video_id else None


def _own(page: str, key: str = "pk") -> OfRow:
    return lambda row: (page, getattr(row, key))


PLACES: dict[str, Place] = {
    "channels.channel": Place("channels", _own("channel", "slug")),
    "channels.channelgroup": Place("groups", _own("group", "slug")),
    "channels.channelstatistics": Place("statistics", _channel_of),
    "channels.configrevision": Place("channels", _channel_of),
    "channels.credential": Place("channels", _channel_of),
    "channels.label": Place("groups"),
    "orchestration.activity": Place("activity"),
    "orchestration.apitoken": Place("tokens"),
    "orchestration.restriction": Place("users"),
    "orchestration.approval": Place("reviews"),
    "orchestration.attachment": Place("videos", _video_of),
    "orchestration.blocker": Place("blockers"),
    "orchestration.budgetentry": Place("pools"),
    "orchestration.calendaraddress": Place("me"),
    "orchestration.call": Place("jobs", _job_of),
    "orchestration.conflict": Place("conflicts"),
    "orchestration.distribution": Place("videos", _video_of),
    "orchestration.externalidentity": Place("users"),
    "orchestration.heartbeat": Place("system"),
    "orchestration.incident": Place("notifications"),
    "orchestration.job": Place("jobs", _own("job")),
    "orchestration.keptreport": Place("system"),
    "orchestration.lease": Place("pools", _job_of),
    "orchestration.notification": Place("notification_log"),
    "orchestration.notificationaddress": Place("notifications", _own("notification_address")),
    "orchestration.notificationrule": Place("notifications", _own("notification_rule")),
    "orchestration.orphanupload": Place("orphans"),
    "orchestration.pool": Place("pools", _own("pool")),
    "orchestration.preferences": Place("me"),
    "orchestration.profile": Place("profiles", _own("profile", "key")),
    "orchestration.proposal": Place("proposals", _own("proposal")),
    "orchestration.recoverycode": Place("users"),
    "orchestration.refusal": Place("activity"),
    "orchestration.rendition": Place("videos", _video_of),
    "orchestration.repositoryrecord": Place("channels", _channel_of),
    "orchestration.rollout": Place("rollouts"),
    "orchestration.rolloutmember": Place("rollouts"),
    "orchestration.schedule": Place("schedule", _own("publication")),
    "orchestration.silence": Place("notifications"),
    "orchestration.secondfactor": Place("users"),
    "orchestration.sealblock": Place("system"),
    "orchestration.source": Place("sources", _own("source_edit")),
    "orchestration.standingrule": Place("standing_rules", _own("standing_rule")),
    "orchestration.systemstate": Place("system"),
    "orchestration.webhookdelivery": Place("webhook_deliveries", _own("webhook_delivery")),
    "orchestration.webhookendpoint": Place("webhooks", _own("webhook")),
    "orchestration.upload": Place("library"),
    "orchestration.video": Place("videos", _own("video")),
    "orchestration.videostatistics": Place("statistics"),
    "orchestration.wave": Place("waves", _own("wave")),
    "orchestration.workflowrun": Place("jobs", _job_of),
    "auth.user": Place("users", _own("user")),
    "axes.accessattempt": Place("users"),
    "axes.accesslog": Place("users"),
    "django_celery_beat.periodictask": Place("settings"),
}
NOWHERE: dict[str, str] = {
    "orchestration.changecount": "Kept by the database for pages that are open; nothing is to be done with it.",
    "orchestration.ratecount": "How often something was asked in a window of time; nothing is to be done with it.",
    "orchestration.idempotencyrecord": "Answers that are kept for a day; nothing is to be done with them.",
    "orchestration.seal": "Written by the sealer, once; `manage.py verify_audit` reads them.",
    "orchestration.savedview": "Saved where the list is, by whom it is for.",
    "django_celery_beat.clockedschedule": "For entries of your own in the clock; Headend's own do not use it.",
    "django_celery_beat.crontabschedule": "For entries of your own in the clock; Headend's own do not use it.",
    "django_celery_beat.intervalschedule": "For entries of your own in the clock; those of Headend are on Settings.",
    "django_celery_beat.solarschedule": "For entries of your own in the clock; Headend's own do not use it.",
}
"""Of what has no place in the console: why one needs none."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where one acts: an address with its words, or a sentence alone where there is none."""

    sentence: str
    address: str = ""


def way_to_console(model: type[Model], row: Model | None = None) -> Way:
    """Return where in the console one acts on a kind of row, or on one row."""
    label = model._meta.label_lower
    if label in NOWHERE:
        return Way(NOWHERE[label])
    place = PLACES[label]
    named = place.of_row(row) if place.of_row and row is not None else None
    if named is not None:
        try:
            return Way("Edit this in the console", reverse(f"dashboard:{named[0]}", args=[named[1]]))
        except NoReverseMatch:  # a page that is not there (yet): the list is
            pass
    return Way("Edit this in the console", reverse(f"dashboard:{place.page}"))
