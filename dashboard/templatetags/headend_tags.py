"""Tags: show the live part of a page, instants, states, shares and facts the same way everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import template
from django.db.models import Model
from django.template.base import Parser, Token
from django.templatetags.static import static
from django.utils.dateparse import parse_datetime
from django.utils.html import conditional_escape, escape, format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard import badges, tickets
from dashboard.actions import service
from dashboard.addresses import reverse
from dashboard.live_pages import LiveNode
from dashboard.naming import named, told
from dashboard.options import drawn
from dashboard.timeline import Lane
from dashboard.wording import words
from orchestration.below import below
from orchestration.media.urls import without_secrets_in
from orchestration.monitoring.since import SinceCount
from orchestration.words.fields import CATEGORIES, FIELDS, LICENCES

register = template.Library()
register.simple_tag(named)
register.simple_tag(below)
register.simple_tag(told)

NOTHING = SafeString('<span class="none" aria-label="none">–</span>')


@register.simple_tag(takes_context=True)
def changes_since(context: template.Context) -> SinceCount:
    """Count what changed since whoever looks has said that they have seen it all: two small queries."""
    return service(context["request"]).count_changes_since()


@register.tag("live")
def do_live(parser: Parser, token: Token) -> LiveNode:
    """Wrap what changes by itself: `{% live busy %}…{% endlive %}`; a truthy `busy` lets the page look every 2 s.

    `{% live busy id address %}` makes a second live part that is asked for elsewhere.
    """
    busy, name, address = [*map(parser.compile_filter, token.split_contents()[1:]), None, None, None][:3]
    nodes = parser.parse(("endlive",))
    parser.delete_first_token()
    return LiveNode(nodes, busy, name, address)


class TightNode(template.Node):
    """What is laid out in lines, sent without the white space between elements, but for what parts words."""

    def __init__(self, nodelist: template.NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: template.Context) -> SafeString:
        """Render it; two elements that stand in a line of text stay apart, as they do in the template.

        Numbers are written as they are: how a language writes them would be looked up for each.
        """
        context.use_l10n = False
        html = _WORDS.sub(r"\1\0", self.nodelist.render(context).strip())
        return SafeString(_BETWEEN.sub("><", html).replace("\0", " "))


_INLINE = "a|abbr|b|bdi|code|del|em|i|ins|kbd|q|small|span|strong|sub|time"
_WORDS = re.compile(rf"(</(?:{_INLINE})>)\s+(?=<(?:{_INLINE})[\s>])")
_BETWEEN = re.compile(r">\s+<")


@register.tag("tight")
def do_tight(parser: Parser, token: Token) -> TightNode:
    """Send no more white space between elements than a reader sees: `{% tight %}…{% endtight %}`."""
    nodes = parser.parse(("endtight",))
    parser.delete_first_token()
    return TightNode(nodes)


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


@register.simple_tag
def state(value: object, label: str = "", title: str = "") -> SafeString:
    """Show a state: its shape, its colour and its word."""
    if value in (None, ""):
        return NOTHING
    badge = badges.badge_of(value)
    return format_html(
        '<span class="state {}"{}><i aria-hidden="true">{}</i>{}</span>',
        badge,
        format_html(' title="{}"', title) if title else "",
        badges.MARKS[badge],
        label or SHOWN_AS.get(str(value), str(value).replace("_", " ")),
    )


SHOWN_AS = {"assigned": "planned"}
"""A publication that is planned has a distribution that is assigned: to a person that is one state."""
_DATED = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?)( UTC| to (?=\d{4}-\d\d-\d\d \d\d:\d\d))")


@register.filter
def dated(sentence: Any) -> SafeString:
    """Write the instants of a sentence as the rest of the page does: `Thu 26 Nov 13:00 UTC`, the whole date on hover."""
    text, shown, done = str(sentence), [], 0
    for found in _DATED.finditer(text):
        shown.append(conditional_escape(text[done : found.start()]))
        done = found.end()
        try:
            at = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
        except ValueError:
            shown.append(conditional_escape(found[0]))
            continue
        shown.append(when(at, "UTC", "full" if at.second else "minute"))
        shown.append(conditional_escape(found[2].removeprefix(" UTC")))
    shown.append(conditional_escape(text[done:]))
    return SafeString("".join(shown))


@register.simple_tag
def mark(value: object) -> SafeString:
    """Show a state's shape alone, where its word stands beside it."""
    return format_html('<i aria-hidden="true">{}</i>', badges.MARKS[badges.badge_of(value)])


@register.filter
def said(value: Any) -> str:
    """Write a value of a publication's words: yes and no, tags with commas, a dash for nothing."""
    if value is None or value in ("", []):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@register.filter
def said_as(value: Any, field: str) -> str:
    """Write a value of one field of the words: a category and a licence by name, pictures and subtitles by how many."""
    if field == "category_id":
        return CATEGORIES.get(str(value), said(value))
    if field == "licence":
        return LICENCES.get(str(value), said(value))
    if field == "picture":
        return "a picture of ours" if value else "–"
    if field == "subtitles" and isinstance(value, list):
        return f"{len(value)} of ours" if value else "–"
    return said(value)


@register.filter
def field_label(name: str) -> str:
    """Return what the pages call a field of the words."""
    field = FIELDS.get(name)
    return field.label if field else str(name).replace("_", " ")


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """Draw one of our own icons; it is decoration, the word stands beside it. They are few, and on every button."""
    return format_html(
        '<svg class="icon" aria-hidden="true" width="16" height="16"><use href="{}#{}"></use></svg>',
        static("headend-icons.svg"),
        name,
    )


@register.simple_tag
def pins(lane: Lane) -> SafeString:
    """Draw the publications of a lane, each after the gap that it keeps; hundreds of them, so they are put together here."""
    before, after = reverse("dashboard:publication", args=[0]).rsplit("0", 1)
    gaps, dots = [], []
    for pin in lane.pins:
        row, badge = pin.schedule, badges.badge_of(pin.schedule.state)
        near = " · closer than the minimum gap" if pin.clash else ""
        gaps.append(
            f'<rect class="{"clash" if pin.clash else f"gap {badge}"}" x="{pin.gap.x}" width="{pin.gap.width}" '
            f'y="{lane.y + 9}" height="10" rx="2"></rect>'
        )
        dots.append(
            f'<a href="{before}{row.pk}{after}" class="{badge}"><circle class="pin" cx="{pin.x}" cy="{lane.middle}" r="5">'
            f"</circle><title>{escape(row.label)} · {row.publish_at.astimezone(UTC):%a %d %b %H:%M:%S} UTC"
            f" · {row.state.replace('_', ' ')}{near}</title></a>"
        )
    return SafeString("".join(gaps + dots))


@register.simple_tag
def options(rows: Iterable[Model], chosen: object = None) -> SafeString:
    """Draw rows as the options of a choice, by their names; `chosen` is the id of one."""
    return drawn(tuple((str(row.pk), str(row)) for row in rows), "" if chosen is None else str(chosen))


@register.simple_tag
def choice(
    name: str, choices: Iterable[Any], chosen: object = None, nothing: str = "", label: str = ""
) -> SafeString:
    """Draw a filter's choice: of values with their labels, of words, or of rows by their ids; `nothing` chooses none."""
    return format_html(
        '<select name="{}" aria-label="{}">{}{}</select>',
        name,
        label or name,
        format_html('<option value="">{}</option>', nothing) if nothing else "",
        drawn(tuple(map(_valued, choices)), "" if chosen is None else str(chosen)),
    )


def _valued(entry: Any) -> tuple[str, str]:
    if isinstance(entry, Model):
        return str(entry.pk), str(entry)
    if isinstance(entry, str):
        return entry, words(entry)
    value, label = entry
    return str(value), str(label)


@register.simple_tag
def bar(value: float | None, maximum: float | None, label: str = "", badge: str = "") -> SafeString:
    """Draw a share as a bar; `label` says it in words for whoever cannot see it."""
    top = float(maximum or 0)
    share = min(1.0, max(0.0, float(value or 0) / top)) if top else 0.0
    if not badge:
        badge = badges.BAD if share >= 1 and top else badges.WARN if share >= 0.85 else badges.GOOD
    return format_html(
        '<progress class="bar {}" max="1" value="{}" aria-label="{}">{}</progress>',
        badge,
        f"{share:.4f}",
        label or f"{share:.0%}",
        f"{share:.0%}",
    )


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """Return this page's query with some parameters changed; an empty value takes one out."""
    current = dict(context["request"].GET.lists())
    current.pop(tickets.PARAMETER, None)
    for name, value in changes.items():
        current.pop(name, None)
        if value not in (None, ""):
            current[name] = [value]
    return f"?{urlencode(current, doseq=True)}"


@register.simple_tag(name="facts", takes_context=True)
def facts_shown(context: template.Context, value: Any) -> SafeString:
    """Show a small JSON value as a list of names and values; addresses without their secrets to whoever may only read."""
    return facts(value if context["may"]["change_source"] else without_secrets_in(value))


def facts(value: Any) -> SafeString:
    """Return a small JSON value as a list of names and values."""
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
