"""Say on each empty list what it is for, and what the first step is: one table for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template

from dashboard.addresses import reverse

register = template.Library()


@dataclass(frozen=True, slots=True)
class Empty:
    """What an empty list says; `page` is where its first step is taken, `action` what the link there says.

    `needs` is the method of the service that it leads to: the link is shown to whoever may call it.
    """

    title: str
    sentence: str
    action: str = ""
    page: str = ""
    needs: str = ""


EMPTIES = {
    "channels": Empty(
        "No channel yet",
        "A channel is where videos go out. Four fields make one; its week, its words and its connection follow on its page.",
        "Make the first one",
        "channel_new",
        "add_channel",
    ),
    "conflicts": Empty(
        "No conflict", "What collides is found before it is saved, and kept here with how it was resolved."
    ),
    "jobs": Empty(
        "No job yet",
        "Jobs appear when the system runs and something is due.",
        "First steps",
        "set_up",
        "start",
    ),
    "videos": Empty(
        "No video yet",
        "What was uploaded, or found at a source, stands here with what became of it.",
        "Upload the first film",
        "library",
        "begin_upload",
    ),
    "waves": Empty(
        "No wave yet",
        "A wave publishes videos on many channels at once, staggered, or each in its own slot.",
        "Plan the first wave",
        "wave_new",
        "schedule_wave_publication",
    ),
    "library": Empty(
        "Nothing was sent yet",
        "What people send stands here, with what became of it. Drag a film onto this page to begin.",
    ),
    "words": Empty(
        "No publication here",
        "What publications say is read and changed here, once there are any that fit the filters.",
        "Plan a wave",
        "wave_new",
        "schedule_wave_publication",
    ),
    "standing_rules": Empty(
        "Nothing is planned by itself yet",
        "A rule keeps the next days of channels filled, or lets a source run as a series. Until then it is done by hand.",
    ),
    "blockers": Empty(
        "Nothing waits for a condition",
        "What is blocked by one (a consent, a budget, a repository) is listed here by its cause, with what ends it.",
    ),
    "reviews": Empty(
        "Nothing waits for an approval",
        "What a channel or a source wants to be looked at before it goes out stands here.",
        "Ask for it on a channel's page",
        "channels",
        "set_channel_approval",
    ),
    "notification_log": Empty(
        "No message was sent yet",
        "Who is to be told what is said by rules.",
        "Make an address and a rule",
        "notifications",
        "add_notification_address",
    ),
    "webhooks": Empty(
        "No event is sent anywhere yet",
        "An endpoint is another machine that is told what happens, each event signed. Enter one below.",
    ),
    "webhook_deliveries": Empty(
        "No event was sent yet",
        "What happens is sent to endpoints, and stands here with what became of it.",
        "Enter an endpoint",
        "webhooks",
        "add_webhook_endpoint",
    ),
    "pools": Empty(
        "No pools yet",
        "They say how much goes on at once, and how many units a day may cost. They are made when Start is pressed for "
        "the first time.",
    ),
    "rollouts": Empty(
        "There was no rollout yet",
        "A configuration is written to one channel first, then cohort by cohort; each halts as soon as one fails.",
    ),
    "proposals": Empty(
        "Nothing was proposed yet",
        "An assistant (manage.py mcp) looks, plans and proposes; what it would change stands here for a person to confirm.",
    ),
    "activity": Empty(
        "Nothing has happened yet", "Whatever anybody does stands here: who, what, by which way, and why."
    ),
    "groups": Empty(
        "No group yet",
        "A group is channels that are run together: a language, a client, a subject. Make one below.",
    ),
    "labels": Empty(
        "No label yet", "A label is a word on channels, to find and pick them by. Give one below."
    ),
    "tokens": Empty("No token yet", "A program that is to call the API needs one of its own. Make it below."),
    "sources": Empty(
        "No source is registered yet",
        "Give Headend a page, a feed or a file with videos that you may publish, below, or upload a film.",
        "Upload a film",
        "library",
        "begin_upload",
    ),
}


@register.inclusion_tag("parts/empty.html", takes_context=True)
def nothing(context: template.Context, name: str, *narrowing: Any) -> dict[str, Any]:
    """Show what an empty list is for; where any of `narrowing` is set, filters made it so and the way back is shown.

    The first step is offered to whoever may take it.
    """
    empty = EMPTIES[name]
    return {
        "empty": empty,
        "url": reverse(f"dashboard:{empty.page}") if empty.page and context["may"][empty.needs] else "",
        "all": context["request"].path if any(narrowing) else "",
    }
