"""The sections of a channel's page: each with a line that says what is in it, and what it needs once it is opened."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from channels.models import Blackout, Channel, PostingSlot
from dashboard import words_form
from dashboard.actions import service
from dashboard.channel_forms import (
    SECTION_FORMS,
    BlackoutForm,
    CopyDayForm,
    CredentialForm,
    GroupsForm,
    SlotsForm,
)
from dashboard.listing import whole_number
from dashboard.wording import plural, stager
from dashboard.zones import datalist_options
from orchestration.models import Activity, Video
from orchestration.register.channel_edit import resting_on
from orchestration.states import VideoState
from orchestration.words import limits

MOST_REVISIONS = 20
RECENT_VIDEOS = 25
YEARS = range(2000, 2200)


@dataclass(slots=True)
class Section:
    """One section of the page; `open` ones are filled in, the others when they are opened."""

    name: str
    title: str
    summary: str
    open: bool = False
    context: dict[str, Any] = field(default_factory=dict)

    @property
    def template(self) -> str:
        """Return the part that is shown inside."""
        return f"parts/channel_in_{self.name}.html"


@dataclass(frozen=True, slots=True)
class Known:
    """What the lines of all sections are made of, read once."""

    channel: Channel
    slots: Sequence[PostingSlot]
    blackouts: Sequence[Blackout]
    latest_revision: int
    groups: Sequence[str]
    """Names of its groups, and its labels."""


def known_of(channel: Channel, blackouts: Sequence[Blackout] | None = None) -> Known:
    """Return what the page's lines need, in four queries."""
    latest = channel.revisions.order_by("-number").values_list("number", flat=True).first()
    labels = channel.labels.order_by().values_list("name", flat=True)
    return Known(
        channel,
        list(channel.slots.all()),
        list(channel.blackouts.all()) if blackouts is None else blackouts,
        latest or 0,
        sorted(channel.groups.order_by().values_list("name", flat=True).union(labels)),
    )


def sections_of(
    request: HttpRequest,
    channel: Channel,
    wanted: Iterable[str],
    blackouts: Sequence[Blackout] | None = None,
) -> list[Section]:
    """Return the sections of a page with those that are wanted filled in."""
    known, opened = known_of(channel, blackouts), set(wanted)
    sections = []
    for name, (title, line, _) in SECTIONS.items():
        section = Section(name, title, line(known), name in opened)
        if section.open:
            section.context = context_of(request, channel, name)
        sections.append(section)
    return sections


def section_of(request: HttpRequest, channel: Channel, name: str, **more: Any) -> Section:
    """Return one section, filled in."""
    title, line, _ = SECTIONS[name]
    return Section(name, title, line(known_of(channel)), True, context_of(request, channel, name) | more)


def context_of(request: HttpRequest, channel: Channel, name: str) -> dict[str, Any]:
    """Return what an open section shows."""
    return SECTIONS[name][2](request, channel)


# -- the line of each -----------------------------------------------------------------------------------------------


def _basics_line(known: Known) -> str:
    return (
        f"{known.channel.slug}, on the clock of {known.channel.timezone}, priority {known.channel.priority}"
    )


def _week_line(known: Known) -> str:
    used = [slot for slot in known.slots if slot.enabled]
    if not used:
        return "no slot yet: independent waves and the rules have nowhere to place videos"
    days = len({slot.weekday for slot in used})
    off = len(known.slots) - len(used)
    said = f"{plural(len(used), 'slot')} on {plural(days, 'day')} of the week"
    return f"{said}, {off} switched off" if off else said


def _pace_line(known: Known) -> str:
    row = known.channel
    return f"at most {row.daily_cap} a day, {row.min_gap_minutes} min apart, staged {row.lead_time_minutes} min ahead"


def _blackouts_line(known: Known) -> str:
    today = timezone.now().astimezone(known.channel.zone).date()
    coming = [row for row in known.blackouts if row.last_date >= today]
    if not coming:
        return "none to come"
    return f"{len(coming)} to come, the next from {coming[0].first_date:%-d %b %Y}"


def _takes_line(known: Known) -> str:
    filters = known.channel.filters or {}
    said = []
    if filters.get("min_height"):
        said.append(f"{filters['min_height']} lines or more")
    if filters.get("languages"):
        said.append(", ".join(filters["languages"]))
    if filters.get("source_ids"):
        said.append(plural(len(filters["source_ids"]), "source"))
    more = len(set(filters) - {"min_height", "languages", "source_ids"})
    if more:
        said.append(f"{more} more" if said else plural(more, "rule"))
    return "; ".join(said) or "everything that there is a right to publish"


def _words_line(known: Known) -> str:
    said = [known.channel.title_template]
    if known.channel.tags:
        said.append(plural(len(known.channel.tags), "tag"))
    return ", ".join(said)


def _staging_line(known: Known) -> str:
    said = stager(known.channel.executor)
    return f"{said}, {known.channel.repository}" if known.channel.repository else said


def _connection_line(known: Known) -> str:
    credential = getattr(known.channel, "credential", None)
    if credential is None:
        return "not connected yet"
    return f"{credential.state.replace('_', ' ')}{f': {credential.reason}' if credential.reason else ''}"


def _groups_line(known: Known) -> str:
    return ", ".join(known.groups) or "none"


def _preparation_line(known: Known) -> str:
    profile = known.channel.profile or "as its sources say"
    return f"{profile}; {'waits for an approval' if known.channel.needs_approval_since else 'no approval wanted'}"


def _revisions_line(known: Known) -> str:
    return f"revision {known.latest_revision} is the latest" if known.latest_revision else "none yet"


# -- what each shows ------------------------------------------------------------------------------------------------


def _form_of(name: str) -> Callable[[HttpRequest, Channel], dict[str, Any]]:
    def context(request: HttpRequest, channel: Channel) -> dict[str, Any]:
        more = {"zones": datalist_options()} if name == "basics" else {}
        return {"form": SECTION_FORMS[name].of(channel), **more}

    return context


HOURS = range(24)


def _week(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    week = service(request).get_week(channel_id=channel.pk)
    cells: dict[tuple[int, int], list[PostingSlot]] = defaultdict(list)
    for slot in week.slots:
        cells[slot.weekday, slot.local_time.hour].append(slot)
    days = PostingSlot.Weekday.choices
    hours = [
        {
            "label": f"{hour:02}:00",
            "cells": [{"day": day, "name": name, "slots": cells[day, hour]} for day, name in days],
        }
        for hour in HOURS
    ]
    return {
        "week": week,
        "hours": hours,
        "days": days,
        "slots_form": SlotsForm(auto_id="id_slots_%s"),
        "copy_form": CopyDayForm(auto_id="id_copy_%s"),
        "today": timezone.now().astimezone(channel.zone).weekday(),
    }


def _blackouts(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    today = timezone.now().astimezone(channel.zone).date()
    year = whole_number(request, "year", today.year, YEARS)
    rows = list(channel.blackouts.order_by("first_date", "from_time", "pk"))
    dark = _dark_days(rows, year)
    weeks = calendar.Calendar()
    months = [
        {
            "name": f"{date(year, month, 1):%B}",
            "weeks": [
                [
                    {"day": day if day.month == month else None, "dark": dark.get(day), "today": day == today}
                    for day in week
                ]
                for week in weeks.monthdatescalendar(year, month)
            ],
        }
        for month in range(1, 13)
    ]
    coming = [row for row in rows if row.last_date >= today]
    return {
        "year": year,
        "years": [each for each in (year - 1, year + 1) if each in YEARS],
        "months": months,
        "coming": [{"row": row, "form": BlackoutForm.of(row)} for row in coming],
        "past": [row for row in rows if row.last_date < today][::-1],
        "form": BlackoutForm(auto_id="id_new_blackout_%s"),
    }


def _dark_days(rows: Iterable[Blackout], year: int) -> dict[date, str]:
    """Return the days of a year that lie in a blackout, wholly or in part, with why."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    dark: dict[date, str] = {}
    for row in rows:
        day, end = max(row.first_date, first), min(row.last_date, last)
        while day <= end:
            dark[day] = row.reason or "blackout"
            day += timedelta(days=1)
    return dark


def _words(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    shown = service(request).get_words(subject="channel", subject_id=channel.pk, few=0)
    return {
        "subject": shown,
        "cells": words_form.cells_of(shown),
        "videos": Video.objects.filter(state=VideoState.READY)
        .only("pk", "title", "url")
        .order_by("-pk")[:RECENT_VIDEOS],
        **words_tried(request, channel, {}, None),
    }


def words_tried(
    request: HttpRequest, channel: Channel, words: Mapping[str, Any], video_id: int | None
) -> dict[str, Any]:
    """Return how a video would look by words that are not saved, with how much of the limits it takes."""
    tried = service(request).preview_channel_words(channel_id=channel.pk, words=words, video_id=video_id)
    said = tried.words
    return {
        "tried": tried,
        "room": [
            ("Title", limits.characters(said.title), limits.TITLE_CHARACTERS, "characters"),
            ("Description", limits.size_bytes(said.description), limits.DESCRIPTION_ROOM, "bytes"),
            ("Tags", limits.tags_characters(said.tags), limits.TAG_ROOM, "characters"),
        ],
    }


def _staging(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    checks = channel.health_checks or ()
    return {
        **_form_of("staging")(request, channel),
        "repository": service(request).get_repository(channel_id=channel.pk) if channel.repository else None,
        "blocked_public": any(look["ok"] is False and look["check"] == "visibility" for look in checks),
    }


def _connection(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    credential = getattr(channel, "credential", None)
    return {
        "credential": credential,
        "statistics": channel.statistics.first(),
        "form": CredentialForm(initial={"client_id": credential.client_id if credential else ""}),
        "kept": [
            name
            for name, sealed in (
                ("client secret", credential and credential.client_secret_sealed),
                ("refresh token", credential and credential.refresh_token_sealed),
            )
            if sealed
        ],
    }


def _groups(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    return {
        "groups": list(channel.groups.all()),
        "labels": list(channel.labels.all()),
        "form": GroupsForm.of(channel),
    }


def _revisions(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    before = whole_number(request, "before", 0, range(1, 2**31))
    rows = service(request).get_revisions(
        channel_id=channel.pk, before=before or None, most=MOST_REVISIONS + 1
    )
    return {
        "revisions": rows[:MOST_REVISIONS],
        "older": rows[MOST_REVISIONS - 1].number if len(rows) > MOST_REVISIONS else 0,
    }


def _preparation(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    return {"profiles": service(request).get_profiles()}


def _jobs(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    return {"jobs": list(channel.jobs.select_related("video", "source").prefetch_related("runs")[:12])}


def _videos(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    return {"distributions": channel.distributions.select_related("video", "wave", "schedule")[:15]}


def _activity(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    of_channel = Q(content_type__app_label="channels", content_type__model="channel", object_id=channel.pk)
    return {"activity": list(Activity.objects.filter(of_channel).select_related("content_type")[:12])}


def _end(request: HttpRequest, channel: Channel) -> dict[str, Any]:
    return {"rests": resting_on(channel)}


SECTIONS: Mapping[
    str, tuple[str, Callable[[Known], str], Callable[[HttpRequest, Channel], dict[str, Any]]]
] = {
    "week": ("Week", _week_line, _week),
    "pace": ("Pace", _pace_line, _form_of("pace")),
    "blackouts": ("Blackouts", _blackouts_line, _blackouts),
    "takes": ("What it takes", _takes_line, _form_of("takes")),
    "words": ("Words", _words_line, _words),
    "preparation": ("Preparation and approval", _preparation_line, _preparation),
    "staging": ("Staging", _staging_line, _staging),
    "connection": ("YouTube connection", _connection_line, _connection),
    "groups": ("Groups and labels", _groups_line, _groups),
    "basics": ("Name and place", _basics_line, _form_of("basics")),
    "revisions": ("Revisions", _revisions_line, _revisions),
    "videos": ("Videos on this channel", lambda known: "what was given to it, and why", _videos),
    "jobs": ("Jobs", lambda known: "what runs on it, and what ran", _jobs),
    "activity": ("Activity", lambda known: "who did what to it", _activity),
    "end": ("Remove", lambda known: "only while nothing rests on it", _end),
}
"""Title, line and content of each, in their order."""
