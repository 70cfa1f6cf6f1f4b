"""Buttons: show the actions that are legal, each as a form of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from channels.stateful import Stateful
from dashboard.addresses import reverse
from dashboard.templatetags.headend_tags import icon
from dashboard.who_may import May, method_of

register = template.Library()

CSRF_FIELD = "csrfmiddlewaretoken"


@register.filter
def may_post(url: str, may: May) -> bool:
    """Return whether whoever looks may send the form that goes to an address."""
    return may.post(url)


BUTTONS = {
    "start": ("Start", "play", "primary"),
    "stop": ("Stop", "stop", "danger"),
    "pause": ("Pause", "pause", ""),
    "continue": ("Go on", "play", "primary"),
    "resume": ("Resume", "play", "primary"),
    "disable": ("Disable", "off", "danger"),
    "check": ("Check now", "pulse", ""),
    "sync": ("Sync config", "sync", ""),
    "trigger": ("Run pipeline", "bolt", ""),
    "scrape": ("Scrape now", "down", ""),
    "retry": ("Retry", "redo", ""),
    "cancel": ("Cancel", "x", "danger"),
    "bump": ("Bump", "up", ""),
    "reopen": ("Reopen", "redo", "primary"),
    "hold": ("Hold", "pause", ""),
    "release": ("Release", "play", ""),
    "move": ("Move", "move", ""),
    "recall": ("Recall", "back", "danger"),
    "probe": ("Ask now", "pulse", ""),
    "take_over_branch": ("Use the default branch", "check", ""),
    "take_back": ("Take back", "back", ""),
    "confirm": ("Confirm", "check", "primary"),
    "refuse": ("Refuse", "x", "danger"),
    "review": ("Review", "eye", "primary"),
    "take_theirs": ("Take theirs", "check", "primary"),
    "put_ours_back": ("Put ours back", "redo", ""),
    "dismiss": ("Dismiss", "x", ""),
    "enable": ("Switch on", "play", ""),
    "switch_off": ("Switch off", "off", ""),
    "test": ("Test", "bell", ""),
    "resend": ("Send again", "redo", ""),
    "choose": ("Choose", "check", ""),
    "take_out": ("Take out", "x", ""),
    "remove": ("Remove", "x", "danger"),
    "silence": ("Silence a day", "pause", ""),
    "end_silence": ("End", "x", ""),
    "apply": ("Apply", "check", "primary"),
    "run_rule": ("Run now", "play", ""),
    "skip_episode": ("Pass over", "x", ""),
    "abandon": ("Give up", "x", "danger"),
    "take_in": ("Take in again", "redo", ""),
    "revoke": ("Revoke", "x", "danger"),
    "deactivate": ("Shut out", "off", "danger"),
    "reactivate": ("Let in again", "play", "primary"),
    "reset_second_factors": ("Take the second factor away", "x", "danger"),
    "end_sessions": ("Log out everywhere", "out", ""),
    "note_deleted": ("It is deleted", "check", ""),
    "lift_lockout": ("Let try again", "play", ""),
}
ELSEWHERE = frozenset({"move", "reopen", "review", "trigger"})
"""These need a value: the button leads to the form on the page of its subject (its anchor has the action's name)."""


DIALOGS = frozenset({"trigger"})
"""Of these the form stands in a dialog of the page, which the button opens."""


_FORM = (
    '<form method="post" action="{url}" hx-post="{url}" hx-target="#messages" hx-swap="innerHTML" '
    'hx-disable="find button"{confirm} class="one">{fields}'
    '<button class="{look}" data-action="{action}">{icon}{label}</button></form>'
)
_LINK = '<a class="button {look}" href="{url}" data-action="{action}">{icon}{label}</a>'
_OPENER = '<button type="button" popovertarget="{action}" data-action="{action}">{icon}{label}…</button>'


@register.simple_tag(takes_context=True)
def button(
    context: template.Context,
    action: str,
    url: str,
    label: str = "",
    small: bool = False,
    confirm: str = "",
    **fields: Any,
) -> SafeString:
    """Show one action as a form of its own that posts to `url`; it works without JavaScript, too.

    `confirm` is asked first. Nothing is shown to whoever may not do it.
    """
    if not context["may"].post(url):
        return SafeString("")
    return _form(context, action, url, label=label, small=small, confirm=confirm, fields=fields)


def _form(
    context: template.Context,
    action: str,
    url: str,
    *,
    label: str = "",
    small: bool = False,
    confirm: str = "",
    fields: Mapping[str, Any],
) -> SafeString:
    """Return an action's form; a list has hundreds of them, so they are put together here and not by a template each."""
    text, symbol, look = BUTTONS.get(action, (action.replace("_", " ").capitalize(), "", ""))
    hidden = fields if context.get("csrf_token") is None else {CSRF_FIELD: context["csrf_token"], **fields}
    return format_html(
        _FORM,
        url=url,
        confirm=format_html(' hx-confirm="{}"', confirm) if confirm else "",
        fields=format_html_join("", '<input type="hidden" name="{}" value="{}">', hidden.items()),
        look=_look(look, small),
        action=action,
        icon=icon(symbol) if symbol else "",
        label=label or text,
    )


def _look(look: str, small: bool) -> str:
    return f"{look} small".strip() if small else look


@register.simple_tag(takes_context=True)
def actions(
    context: template.Context,
    row: Stateful,
    kind: str,
    key: object,
    page: str = "",
    small: bool = True,
    without: str = "",
) -> SafeString:
    """Show the actions that are legal for one row: `kind` is the prefix of the URL names (job, schedule, …).

    Each button says which version of the row it was pressed for. What whoever looks may not do is not shown.
    """
    may, left_out = context["may"], set(without.split())
    shown = [
        _action(context, name, kind, key, page=page, small=small, version=row.version)
        for name in row.actions
        if name not in left_out and may[method_of(f"{kind}_{name}") or ""]
    ]
    return (
        format_html('<div class="actions">{}</div>', SafeString("".join(shown))) if shown else SafeString("")
    )


def _action(
    context: template.Context, name: str, kind: str, key: object, *, page: str, small: bool, version: int
) -> SafeString:
    """Return the form of one action, or the button that leads to the form which asks for more."""
    label, symbol, look = BUTTONS[name]
    if name in DIALOGS:
        return format_html(_OPENER, action=name, icon=icon(symbol), label=label)
    if name in ELSEWHERE:
        return format_html(
            _LINK,
            url=f"{page}#{name}",
            look=_look(look, small),
            action=name,
            icon=icon(symbol),
            label=label,
        )
    url = reverse(f"dashboard:{kind}_{name}", args=[key])
    return _form(context, name, url, small=small, fields={"version": version})
