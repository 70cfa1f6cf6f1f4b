"""Filters: say what a value or a row is in words, and look things up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.urls import NoReverseMatch

from channels.links import web_link
from dashboard import badges
from dashboard.actions import UNDO
from dashboard.addresses import reverse
from dashboard.wording import (
    clock_length,
    counts,
    duration,
    lateness,
    listed,
    number,
    plural,
    size,
    stager,
    waiting,
    words,
)
from orchestration.github import run_states
from orchestration.media.urls import without_secrets

register = template.Library()
for _say in (
    clock_length,
    counts,
    duration,
    lateness,
    listed,
    number,
    plural,
    size,
    stager,
    waiting,
    words,
    without_secrets,
):
    register.filter(_say)


register.filter("outside", web_link)
"""An address that others chose goes through it before it becomes a link; empty where it must not."""


@register.filter
def badge(value: object) -> str:
    """Return the badge of a state, as a class."""
    return badges.badge_of(value)


@register.filter
def in_words(run: Any) -> str:
    """Say what GitHub last told of a run."""
    return run_states.in_words(run.remote_status, run.conclusion)


SINCE = {
    "went_wrong": "{} went wrong",
    "published": "{} published",
    "moved": "{} moved, held or cancelled",
    "planned": "{} planned",
    "configuration": "{} set otherwise",
}


@register.filter
def since_counts(counts: Mapping[str, int]) -> str:
    """Say how much changed, in the order in which it matters."""
    return ", ".join(text.format(number(counts[key])) for key, text in SINCE.items() if counts.get(key))


@register.filter
def get(mapping: Mapping[Any, Any] | None, key: Any) -> Any:
    """Look a key up; empty where there is none."""
    return (mapping or {}).get(key, "")


READINESS = ("assigned", "staged", "armed", "public")
"""How far a member of a wave is: each step contains the ones before it."""
_REACHED = {
    "staging": 1,
    "published": 4,
    "publishing": 3,
    **{name: step for step, name in enumerate(READINESS, 1)},
}


@register.filter
def readiness_steps(member: Any) -> dict[str, Any]:
    """Return four lamps, lit as far as a member is, and their badge."""
    reached = _REACHED.get(str(member.readiness), 0)
    badge = badges.badge_of(member.readiness)
    if member.readiness in {"public", "published"}:
        badge = badges.GOOD
    return {"lamps": [step <= reached for step in range(1, len(READINESS) + 1)], "badge": badge}


@register.filter
def pace(wave: Any) -> str:
    """Return how a wave's members follow each other."""
    if wave.timing == "staggered" and wave.delay_seconds:
        return f"{wave.timing}, {duration(wave.delay_seconds)} apart"
    return str(wave.timing)


@register.filter
def channel_badge(report: Any) -> str:
    """Return the badge of a channel: what the operator wants counts before what was observed."""
    return badges.badge_of(report.state if report.state != "active" else report.health)


@register.filter
def published_total(report: Any) -> int:
    """Return how many publications of ours a statistics report counts."""
    return sum(row["count"] for row in report.published_by_day)


@register.filter
def remedy_url(remedy: Any) -> str:
    """Return the address at which a need is met; that of the overview, if this console has no such page."""
    query, _, anchor = remedy.query.partition("#")
    try:
        url = reverse(f"dashboard:{remedy.page}", args=[remedy.key] if remedy.key else [])
    except NoReverseMatch:
        return reverse("dashboard:overview")
    return f"{url}{f'?{query}' if query else ''}{f'#{anchor}' if anchor else ''}"


@register.filter
def undo_of(tags: str) -> str:
    """Return the correlation id of the action that a message offers to take back; empty where it offers none."""
    return next((tag.removeprefix(UNDO) for tag in (tags or "").split() if tag.startswith(UNDO)), "")


@register.filter
def field(form: Any, name: str) -> Any:
    """Return one field of a form by its name."""
    return form[name]


@register.filter
def less(value: int, other: int) -> int:
    """Subtract, for what a list leaves out."""
    return value - other


@register.filter
def taken_and_planned(day: Any) -> int:
    """Return what a budget's day would hold with a plan."""
    return day.taken + day.planned


@register.filter
def steps_done(steps: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Part the first steps, with their numbers, into those that are done and those that are not."""
    parted: dict[str, list[Mapping[str, Any]]] = {"done": [], "open": []}
    for place, step in enumerate(steps, 1):
        parted["done" if step["done"] else "open"].append({**step, "number": place})
    return parted


@register.filter
def hover(item: Any) -> str:
    """Return in one line what a mark of the calendar is, for a mark that has no room for it."""
    row = item.schedule
    parts = [str(row.distribution.video), row.channel.name, words(row.state)]
    return " · ".join([*parts, f"wave {row.wave.name}"] if row.wave else parts)


@register.filter
def subject(job: Any) -> str:
    """Return the video or the source that a job works on; empty where it has none."""
    return str(job.video or job.source or "")


@register.filter
def about(job: Any) -> str:
    """Return what a job works on and for which channel; empty where it has neither."""
    return " → ".join(filter(None, (subject(job), job.channel.name if job.channel else "")))


@register.filter
def collapsed(jobs: Iterable[Any]) -> list[Any]:
    """Show neighbours of the same kind and state that did well as one line with a count."""
    shown: list[Any] = []
    for job in jobs:
        before = shown[-1] if shown else None
        if before and job.state == "succeeded" == before.state and job.kind == before.kind:
            before.alike += 1
        else:
            job.alike = 0
            shown.append(job)
    return shown
