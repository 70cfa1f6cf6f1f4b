"""Name the pages, grouped as an operator thinks of them; whoever may not open a page is not shown it."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from dashboard.addresses import reverse
from orchestration.below import below, within
from orchestration.core.permissions import Actor
from orchestration.core.reach import concerns_all

READ, SCHEDULE, OPERATE, ADMIN = "read", "schedule", "operate", "admin"

Entry = tuple[str, str, str]
GROUPS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Now",
        (
            ("overview", "Overview", "overview"),
            ("reviews", "Review", "eye"),
            ("proposals", "Proposals", "check"),
            ("blockers", "Waiting for", "pause"),
            ("conflicts", "Conflicts", "conflicts"),
            ("jobs", "Jobs", "jobs"),
        ),
    ),
    (
        "Plan",
        (
            ("calendar", "Calendar", "schedule"),
            ("schedule", "Schedule", "schedule"),
            ("waves", "Waves", "waves"),
            ("distribute", "Distribute", "distribute"),
            ("standing_rules", "Standing rules", "sync"),
            ("forecast", "Forecast", "forecast"),
            ("plan_file", "Plan as a file", "down"),
        ),
    ),
    (
        "Films",
        (
            ("library", "Library", "up"),
            ("videos", "Videos", "videos"),
            ("words", "Words", "api"),
            ("sources", "Sources", "sources"),
        ),
    ),
    (
        "Channels",
        (
            ("channels", "Channels", "channels"),
            ("groups", "Groups", "channels"),
            ("rollouts", "Rollouts", "sync"),
        ),
    ),
    (
        "Record",
        (
            ("statistics", "Statistics", "statistics"),
            ("activity", "Activity", "activity"),
            ("since", "Since you left", "eye"),
            ("rewind", "Rewind", "sync"),
            ("notification_log", "Messages sent", "bell"),
            ("orphans", "Orphan uploads", "away"),
        ),
    ),
    (
        "Set up",
        (
            ("set_up", "First steps", "bolt"),
            ("pools", "Pools", "pools"),
            ("profiles", "Profiles", "videos"),
            ("notifications", "Notifications", "bell"),
            ("webhooks", "Webhooks", "away"),
            ("users", "Users", "channels"),
            ("tokens", "Tokens", "bolt"),
            ("configuration", "Configuration", "down"),
            ("settings", "Settings", "admin"),
            ("system", "System", "pulse"),
        ),
    ),
)
LEVELS = dict.fromkeys(("webhooks", "users", "tokens", "configuration", "settings", "system"), ADMIN)
"""What a page asks for, where it is more than to be logged in."""
READ_BY = {
    "forecast": "get_kept_forecast",
    "notifications": "get_notification_board",
    "pools": "get_disk",
    "rewind": "get_state_at",
    "rollouts": "get_rollouts",
    "set_up": "get_set_up",
    "standing_rules": "get_standing_rules",
}
"""The method that a page asks, where that is refused to whoever is limited to groups of channels."""
BELOW = {"schedule": ("/schedules/",)}
"""Addresses that belong to an entry besides those that begin as its own does."""
BACK_DOOR = (("Back door", "away", "/admin/", ADMIN), ("API", "api", "/api/docs", READ))
FOLDED = frozenset({"Set up"})
"""What is seldom needed is closed, unless the page that is open stands in it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the menu."""

    label: str
    icon: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Some entries that belong together."""

    title: str
    items: list[Item]

    @property
    def is_open(self) -> bool:
        """Return whether its entries are shown at once."""
        return self.title not in FOLDED or any(item.current for item in self.items)


def navigation_of(request: HttpRequest) -> list[Group]:
    """Return the menu with the page that is open marked."""
    actor = Actor.of_user(request.user)
    addresses = {name: reverse(f"dashboard:{name}") for _, entries in GROUPS for name, _, _ in entries}
    current = _current(within(request.path), {name: within(address) for name, address in addresses.items()})
    groups = [
        Group(
            title,
            [
                Item(label, icon, addresses[name], name == current)
                for name, label, icon in entries
                if actor.reaches(LEVELS.get(name, READ))
                and not (actor.limit is not None and name in READ_BY and concerns_all(READ_BY[name]))
            ],
        )
        for title, entries in GROUPS
    ]
    groups[-1].items.extend(
        Item(label, icon, below(url), False) for label, icon, url, needs in BACK_DOOR if actor.reaches(needs)
    )
    return groups


def _current(path: str, addresses: dict[str, str]) -> str:
    """Return the entry that a page belongs to: of those whose address it begins with, the longest."""
    fitting = [
        (len(begin), name)
        for name, url in addresses.items()
        for begin in (url, *BELOW.get(name, ()))
        if path == begin or (begin != "/" and path.startswith(begin))
    ]
    return max(fitting)[1] if fitting else ""
