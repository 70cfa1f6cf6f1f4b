"""Buttons: show the actions that are legal, each as a form of its own."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse

from channels.stateful import Stateful
from dashboard.who_may import May, method_of

register = template.Library()


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
    "review": ("Review", "eye", "primary"),
    "take_theirs": ("Take theirs", "check", "primary"),
    "put_ours_back": ("Put ours back", "redo", ""),
    "dismiss": ("Dismiss", "x", ""),
    "enable": ("Switch on", "play", ""),
    "switch_off": ("Switch off", "off", ""),
    "test": ("Test", "bell", ""),
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
    "end_sessions": ("Log out everywhere", "out", ""),
    "note_deleted": ("It is deleted", "check", ""),
    "lift_lockout": ("Let try again", "play", ""),
}
ELSEWHERE = frozenset({"move", "reopen", "review", "trigger"})
"""These need a value: the button leads to the form on the page of its subject (its anchor has the action's name)."""


DIALOGS = frozenset({"trigger"})
"""Of these the form stands in a dialog of the page, which the button opens."""


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

    `confirm` is asked first. Nothing is shown to whoever may not do it.
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
        "may_press": context["may"].post(url),
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("parts/actions.html", takes_context=True)
def actions(
    context: template.Context,
    row: Stateful,
    kind: str,
    key: object,
    page: str = "",
    small: bool = True,
    without: str = "",
) -> dict[str, Any]:
    """Show the actions that are legal for one row: `kind` is the prefix of the URL names (job, schedule, …).

    Each button says which version of the row it was pressed for. What whoever looks may not do is not shown.
    """
    may = context["may"]
    left_out = set(without.split())
    return {
        "items": [
            {
                "action": name,
                "url": f"{page}#{name}"
                if name in ELSEWHERE
                else reverse(f"dashboard:{kind}_{name}", args=[key]),
                "elsewhere": name in ELSEWHERE,
                "dialog": name in DIALOGS,
                "label": BUTTONS[name][0],
                "icon": BUTTONS[name][1],
                "look": BUTTONS[name][2],
            }
            for name in row.actions
            if name not in left_out and may[method_of(f"{kind}_{name}") or ""]
        ],
        "version": row.version,
        "small": small,
        "may": may,
        "screen": context["screen"],
        "csrf_token": context.get("csrf_token"),
    }
