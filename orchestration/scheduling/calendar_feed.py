"""Show the plan in calendar programs: an iCalendar feed (RFC 5545) under a secret address of each person's own."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from icalendar import Calendar, Event

from channels.limits import limited_to
from orchestration.core import audit
from orchestration.core.permissions import Actor
from orchestration.errors import NotFound
from orchestration.models import CalendarAddress, Schedule
from orchestration.states import OCCUPYING_SCHEDULES, ScheduleState

BEFORE, AHEAD = timedelta(days=30), timedelta(days=90)
MOST_EVENTS = 5_000
SHORTEST = timedelta(minutes=15)
"""So long an event is at least, so that a calendar shows it as more than a line."""
STATUS = {ScheduleState.PUBLISHED: "CONFIRMED", ScheduleState.HELD: "TENTATIVE"}


def make_address(user_id: int) -> str:
    """Return a new secret for a person's calendar; the one before it opens nothing any more. Only its hash is kept."""
    secret = secrets.token_urlsafe(32)
    user = _user(user_id)
    with transaction.atomic():
        row, _ = CalendarAddress.objects.update_or_create(
            user=user,
            defaults={"secret_hash": _hash(secret), "created_at": timezone.now(), "last_read_at": None},
        )
        audit.record("calendar_address_made", row, after={"user": user.get_username()})
    return secret


def remove_address(user_id: int) -> None:
    """Let a person's calendar address open nothing any more. Raises: NotFound, if there is none."""
    with transaction.atomic():
        row = CalendarAddress.objects.filter(user=user_id).first()
        if row is None:
            raise NotFound("There is no calendar address to be removed.", field="user_id")
        audit.record("calendar_address_removed", row, before={"user": row.user.get_username()}, after={})
        row.delete()


def _user(user_id: int):
    user = get_user_model().objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise NotFound(f"There is no user {user_id}.", field="user_id")
    return user


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def read(secret: str, *, slugs: Sequence[str] = ()) -> bytes | None:
    """Return the feed that a secret opens, of some channels or of all; None where it opens none.

    It shows 30 days back and 90 ahead, the nearest 5,000 publications at most.
    """
    row = (
        CalendarAddress.objects.select_related("user")
        .filter(secret_hash=_hash(secret), user__is_active=True)
        .first()
    )
    if row is None:
        return None
    now = timezone.now()
    CalendarAddress.objects.filter(pk=row.pk).update(last_read_at=now)
    with limited_to(Actor.of_user(row.user).limit):
        return _feed(now, slugs)


def _feed(now: datetime, slugs: Sequence[str]) -> bytes:
    rows = Schedule.objects.filter(
        state__in=OCCUPYING_SCHEDULES, publish_at__gte=now - BEFORE, publish_at__lt=now + AHEAD
    )
    if slugs:
        rows = rows.filter(channel__slug__in=slugs)
    return build(
        list(
            rows.select_related("channel", "wave", "distribution__video").order_by("publish_at")[:MOST_EVENTS]
        )
    )


def build(rows: Sequence[Schedule]) -> bytes:
    """Return publications as an iCalendar document; instants in UTC, which every program shows on its own clock."""
    calendar = Calendar()
    calendar.add("prodid", "-//Headend//plan//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Headend")
    calendar.add("refresh-interval;value=duration", "PT15M")
    for row in rows:
        calendar.add_component(_event(row))
    return calendar.to_ical()


def _event(row: Schedule) -> Event:
    video = row.distribution.video
    event = Event()
    event.add("uid", f"publication-{row.pk}@{settings.HEADEND_INSTALLATION_ID}")
    event.add("dtstamp", row.state_changed_at or row.created_at)
    event.add("sequence", row.version)
    event.add("summary", f"{row.channel.name}: {video}")
    event.add("dtstart", row.publish_at)
    event.add("dtend", row.publish_at + max(SHORTEST, timedelta(seconds=video.duration_seconds or 0)))
    event.add("status", STATUS.get(ScheduleState(row.state), "CONFIRMED"))
    event.add("categories", [row.channel.slug])
    told = [f"{row.get_state_display()}; {row.local_wall.replace('T', ' ')} in {row.zone}"]
    event.add("description", "\n".join(told + ([f"wave {row.wave.name}"] if row.wave else [])))
    if settings.HEADEND_PUBLIC_URL:
        event.add("url", f"{settings.HEADEND_PUBLIC_URL.rstrip('/')}/schedules/{row.pk}/")
    return event
