"""Show instants, states, numbers and buttons the same way on every screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import template
from django.http import QueryDict
from django.template.base import Parser, Token
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard import tones
from dashboard.live import LiveNode
from dashboard.naming import named
from dashboard.screens import VERSION_PARAMETER
from dashboard.wording import (
    clock_length,
    counts,
    duration,
    lateness,
    listed,
    number,
    plural,
    size,
    waiting,
    words,
)

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
    waiting,
    words,
):
    register.filter(_say)

register.simple_tag(named)

NOTHING = SafeString('<span class="none" aria-label="none">–</span>')


# ------------------------------------------------------------------------------------------------------------- living


@register.tag("live")
def do_live(parser: Parser, token: Token) -> LiveNode:
    """Wrap what changes by itself: `{% live busy %}…{% endlive %}`; a truthy `busy` lets the page look every 2 s.

    `{% live busy id address %}` makes a second living part that is asked for elsewhere.
    """
    busy, name, address = [*map(parser.compile_filter, token.split_contents()[1:]), None, None, None][:3]
    nodes = parser.parse(("endlive",))
    parser.delete_first_token()
    return LiveNode(nodes, busy, name, address)


# ------------------------------------------------------------------------------------------------------------ instants


def _aware(value: datetime | str | None) -> datetime | None:
    if isinstance(value, str):
        value = parse_datetime(value)
    if value is None or value.tzinfo is None:
        return None
    return value


def _zone(name: str | ZoneInfo | None) -> ZoneInfo | Any:
    if isinstance(name, ZoneInfo):
        return name
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _title(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@register.simple_tag
def when(value: datetime | str | None, zone: str | None = None, form: str = "full") -> SafeString:
    """Show an instant on the clock of `zone`, UTC on hover; `form` is full, minute, clock or date."""
    instant = _aware(value)
    if instant is None:
        return NOTHING
    local = instant.astimezone(_zone(zone))
    day = f"{local:%a} {local.day} {local:%b}"
    text = {
        "full": f"{day} {local:%H:%M:%S}",
        "minute": f"{day} {local:%H:%M}",
        "clock": f"{local:%H:%M:%S}",
        "date": f"{day} {local:%Y}",
    }[form]
    return format_html(
        '<time datetime="{}" title="{}">{} <span class="zone">{}</span></time>',
        instant.astimezone(UTC).isoformat(timespec="seconds"),
        _title(instant),
        text,
        local.tzname(),
    )


@register.simple_tag
def relative(value: datetime | str | None, zone: str | None = None) -> SafeString:
    """Show how far away an instant is; the page's script keeps it ticking, without it the clock time stands there."""
    instant = _aware(value)
    if instant is None:
        return NOTHING
    local = instant.astimezone(_zone(zone))
    return format_html(
        '<time class="rel" datetime="{}" title="{}" data-relative hx-morph-skip-children>{}</time>',
        instant.astimezone(UTC).isoformat(timespec="seconds"),
        _title(instant),
        f"{local:%H:%M:%S} {local.tzname()}",
    )


# -------------------------------------------------------------------------------------------------------------- states


@register.simple_tag
def state(value: object, label: str = "", title: str = "") -> SafeString:
    """Show a state: its shape, its colour and its word."""
    if value in (None, ""):
        return NOTHING
    tone = tones.tone_of(value)
    return format_html(
        '<span class="state {}"{}><i aria-hidden="true">{}</i>{}</span>',
        tone,
        format_html(' title="{}"', title) if title else "",
        tones.MARKS[tone],
        label or str(value).replace("_", " "),
    )


@register.filter
def tone(value: object) -> str:
    """Return the tone of a state, as a class."""
    return tones.tone_of(value)


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw one of our own icons; it is decoration, the word stands beside it."""
    from django.templatetags.static import static

    return format_html(
        '<svg class="icon" aria-hidden="true" width="16" height="16"><use href="{}#{}"></use></svg>',
        static("headend-icons.svg"),
        name,
    )


@register.simple_tag
def bar(value: float | None, maximum: float | None, label: str = "", tone: str = "") -> SafeString:
    """Draw a share as a bar; `label` says it in words for whoever cannot see it."""
    top = float(maximum or 0)
    share = min(1.0, max(0.0, float(value or 0) / top)) if top else 0.0
    if not tone:
        tone = tones.BAD if share >= 1 and top else tones.WARN if share >= 0.85 else tones.GOOD
    return format_html(
        '<progress class="bar {}" max="1" value="{}" aria-label="{}">{}</progress>',
        tone,
        f"{share:.4f}",
        label or f"{share:.0%}",
        f"{share:.0%}",
    )


# ------------------------------------------------------------------------------------------------------------- buttons

BUTTONS = {
    "start": ("Start", "play", "primary"),
    "stop": ("Stop", "stop", "danger"),
    "pause": ("Pause", "pause", ""),
    "resume": ("Resume", "play", "primary"),
    "disable": ("Disable", "off", "danger"),
    "check": ("Check now", "pulse", ""),
    "sync": ("Sync config", "sync", ""),
    "trigger": ("Run pipeline", "bolt", ""),
    "scrape": ("Scrape now", "down", ""),
    "retry": ("Retry", "redo", ""),
    "cancel": ("Cancel", "x", "danger"),
    "bump": ("Bump", "up", ""),
    "hold": ("Hold", "pause", ""),
    "release": ("Release", "play", ""),
    "move": ("Move", "move", ""),
    "recall": ("Recall", "back", "danger"),
    "take_back": ("Take back", "back", ""),
    "review": ("Review", "eye", "primary"),
    "dismiss": ("Dismiss", "x", ""),
    "apply": ("Apply", "check", "primary"),
}
ELSEWHERE = frozenset({"move", "review", "trigger"})
"""These need a value: the button leads to the form on the page of its subject (its anchor has the action's name)."""


@register.inclusion_tag("parts/button.html", takes_context=True)
def button(
    context: template.Context,
    action: str,
    url: str,
    label: str = "",
    small: bool = False,
    confirm: str = "",
    **fields: Any,
) -> dict[str, Any]:
    """Show one action as a form of its own that posts to `url`; it works without JavaScript, too.

    `confirm` is asked first. Nothing is shown to whoever may only read.
    """
    text, symbol, look = BUTTONS.get(action, (action.replace("_", " ").capitalize(), "", ""))
    return {
        "action": action,
        "url": url,
        "label": label or text,
        "icon": symbol,
        "look": look,
        "small": small,
        "confirm": confirm,
        "fields": fields,
        "may_operate": context.get("may_operate"),
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("parts/actions.html", takes_context=True)
def actions(
    context: template.Context,
    names: Iterable[str],
    kind: str,
    key: object,
    page: str = "",
    small: bool = True,
    without: str = "",
) -> dict[str, Any]:
    """Show the actions that are legal for one row: `kind` is the prefix of the URL names (job, schedule, …).

    Nothing is shown to whoever may only read.
    """
    if not context.get("may_operate"):
        return {"items": []}
    left_out = set(without.split())
    return {
        "items": [
            {
                "action": name,
                "url": f"{page}#{name}"
                if name in ELSEWHERE
                else reverse(f"dashboard:{kind}_{name}", args=[key]),
                "elsewhere": name in ELSEWHERE,
                "label": BUTTONS[name][0],
                "icon": BUTTONS[name][1],
                "look": BUTTONS[name][2],
            }
            for name in names
            if name not in left_out
        ],
        "small": small,
        "may_operate": True,
        "screen": context["screen"],
        "csrf_token": context.get("csrf_token"),
    }


# --------------------------------------------------------------------------------------------------------------- small


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """Return this page's query with some parameters changed; an empty value takes one out."""
    current: QueryDict = context["request"].GET.copy()
    current.pop(VERSION_PARAMETER, None)
    for name, value in changes.items():
        current.pop(name, None)
        if value not in (None, ""):
            current[name] = value
    return f"?{current.urlencode()}" if current else "?"


@register.filter
def get(mapping: Mapping[Any, Any] | None, key: Any) -> Any:
    """Look a key up; empty where there is none."""
    return (mapping or {}).get(key, "")


@register.simple_tag
def facts(value: Any) -> SafeString:
    """Show a small JSON value as a list of names and values."""
    if isinstance(value, Mapping):
        return format_html(
            '<dl class="facts">{}</dl>',
            format_html_join(
                "", "<div><dt>{}</dt><dd>{}</dd></div>", ((k, facts(v)) for k, v in value.items())
            ),
        )
    if isinstance(value, list | tuple):
        if len(value) > 24:
            return format_html("{} … and {} more", ", ".join(map(str, value[:24])), len(value) - 24)
        if all(not isinstance(item, Mapping | list | tuple) for item in value):
            return format_html("{}", ", ".join(map(str, value)) or "–")
        return format_html_join("", "{}", ((facts(item),) for item in value))
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return format_html("{}", "yes" if value else "no")
    return format_html("{}", value)


# -------------------------------------------------------------------------------------------------------- what rows say

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
    """Return four lamps, lit as far as a member is, and their tone."""
    reached = _REACHED.get(str(member.readiness), 0)
    shade = tones.tone_of(member.readiness)
    if member.readiness in {"public", "published"}:
        shade = tones.GOOD
    return {"lamps": [step <= reached for step in range(1, len(READINESS) + 1)], "tone": shade}


@register.filter
def first_at(report: Any) -> datetime | None:
    """Return when a wave's first member is to go out, or went."""
    return min((member.schedule.publish_at for member in report.members), default=report.wave.scheduled_at)


@register.filter
def channel_tone(report: Any) -> str:
    """Return the tone of a channel: what the operator wants counts before what was observed."""
    return tones.tone_of(report.state if report.state != "active" else report.health)


@register.filter
def published_total(report: Any) -> int:
    """Return how many publications of ours a statistics report counts."""
    return sum(row["count"] for row in report.published_by_day)


@register.filter
def problem_url(problem: Mapping[str, Any]) -> str:
    """Return the page on which a problem can be solved."""
    kind, key = problem.get("subject_type"), problem.get("subject_id")
    if kind == "channel" and problem.get("slug"):
        return reverse("dashboard:channel", args=[problem["slug"]])
    if kind in {"schedule", "job", "video", "wave"} and key:
        name = "publication" if kind == "schedule" else kind
        return reverse(f"dashboard:{name}", args=[key])
    page = {
        "channel": "channels",
        "schedule": "schedule",
        "job": "jobs",
        "source": "sources",
        "pool": "pools",
        "conflict": "conflicts",
        "credential": "channels",
    }.get(str(kind))
    return reverse(f"dashboard:{page}") if page else ""


@register.filter
def field(form: Any, name: str) -> Any:
    """Return one field of a form by its name."""
    return form[name]


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
