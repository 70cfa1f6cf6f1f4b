"""What a rehearsal takes of this installation, and what it found: names, zones, slots and gaps go in, no secret does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from django.utils import timezone

from channels.models import Channel, PostingSlot
from channels.states import OPENING_CREDENTIALS, Executor
from orchestration.models import KeptReport, Source
from orchestration.monitoring.first_steps import REHEARSAL
from orchestration.states import OPEN_SCHEDULES

MOST_CHANNELS = 6
"""The sandbox has accounts for so many."""
COPIED = ("name", "timezone", "min_gap_minutes", "daily_cap", "lead_time_minutes", "priority")
UNDER_WAY = frozenset(str(state) for state in OPEN_SCHEDULES)
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Played:
    """What the rehearsal said of itself: figures of its publications and its work, as its command line gives them."""

    wanted: int
    publications: Mapping[str, Any]
    work: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """What a rehearsal found; `would_fail` is of this installation: what the sandbox had and it has not."""

    ok: bool
    summary: str
    channels: tuple[str, ...]
    outcomes: Mapping[str, int]
    p50_seconds: float | None
    max_seconds: float | None
    failures: tuple[str, ...]
    would_fail: tuple[str, ...]


def channels_like_ours() -> list[dict[str, Any]]:
    """Return what a rehearsal's channels are to be like: the first six by priority; no id, no address, no secret."""
    slots = Prefetch("slots", PostingSlot.objects.filter(enabled=True), to_attr="open_slots")
    rows = Channel.objects.enabled().order_by("-priority", "name").prefetch_related(slots)[:MOST_CHANNELS]
    return [
        {
            **{name: getattr(row, name) for name in COPIED},
            "slots": [
                {"weekday": slot.weekday, "local_time": slot.local_time.isoformat()}
                for slot in row.open_slots
            ],
        }
        for row in rows
    ]


def keep(played: Played) -> Report:
    """Keep what a rehearsal found, for the page that shows it; the only thing that it writes here."""
    outcomes = dict(played.publications.get("outcomes", {}))
    public = outcomes.get("published", 0)
    late = played.publications.get("lateness", {})
    failures = tuple(
        f"{failure['kind']}: {failure['cause'].replace('_', ' ')}, {failure['count']} times"
        for failure in played.work.get("failures", ())
    )
    ok = public == played.wanted
    report = Report(
        ok=ok,
        summary=f"{public} of {played.wanted} publications went public in the sandbox."
        if outcomes
        else "It did not get as far as a wave.",
        channels=tuple(channel["name"] for channel in channels_like_ours()),
        outcomes=outcomes,
        p50_seconds=late.get("p50_seconds"),
        max_seconds=late.get("max_seconds"),
        failures=failures,
        would_fail=tuple(_would_fail()),
    )
    KeptReport.objects.update_or_create(
        key=REHEARSAL,
        defaults={"document": document(report), "computed_at": timezone.now(), "took_seconds": 0.0},
    )
    return report


def _would_fail() -> list[str]:
    """Return what stands against the same wave here, from the facts; nobody is asked."""
    used = Channel.objects.enabled()
    found = []
    alone = list(
        used.exclude(credential__state__in=OPENING_CREDENTIALS)
        .order_by("name")
        .values_list("name", flat=True)
    )
    if alone:
        found.append(f"Not connected with Google: {_named(alone)}.")
    bare = list(
        used.filter(executor=Executor.GITHUB, repository="").order_by("name").values_list("name", flat=True)
    )
    if bare:
        found.append(f"Staged at GitHub, without a repository: {_named(bare)}.")
    if used.filter(executor=Executor.GITHUB).exists() and not (
        settings.GITHUB_APP_ID or settings.GITHUB_TOKEN
    ):
        found.append("Nothing opens GitHub: neither GITHUB_APP_ID nor GITHUB_TOKEN is set.")
    if not (settings.GOOGLE_CLIENT_ID and settings.GOOGLE_CLIENT_SECRET):
        found.append("GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET are not both set.")
    if not Source.objects.exclude(rights_basis="").exists():
        found.append("No source has a rights basis, so nothing of it is published.")
    return found


def _named(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


def document(report: Report) -> dict[str, Any]:
    """Return a report as JSON can say it."""
    return asdict(report)


def lines(report: Report) -> list[str]:
    """Return a report as lines of text."""
    late = (
        ""
        if report.max_seconds is None
        else f"Late: middle {report.p50_seconds:g} s, most {report.max_seconds:g} s."
    )
    return [
        report.summary,
        *filter(None, [late]),
        *(f"Failed there: {failure}" for failure in report.failures),
        *(f"Would fail here: {sentence}" for sentence in report.would_fail),
    ]
