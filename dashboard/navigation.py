"""Name the pages, grouped as an operator thinks of them."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from orchestration.core.permissions import level_of
from orchestration.models import ApiToken

GROUPS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "On air",
        (
            ("overview", "Overview", "overview"),
            ("schedule", "Schedule", "schedule"),
            ("waves", "Waves", "waves"),
            ("reviews", "Review", "eye"),
            ("channels", "Channels", "channels"),
        ),
    ),
    (
        "Library",
        (
            ("library", "Library", "up"),
            ("sources", "Sources", "sources"),
            ("videos", "Videos", "videos"),
            ("words", "Words", "api"),
            ("distribute", "Distribute", "distribute"),
            ("standing_rules", "Standing rules", "sync"),
            ("profiles", "Profiles", "videos"),
        ),
    ),
    (
        "Engine",
        (
            ("jobs", "Jobs", "jobs"),
            ("blockers", "Waiting for", "pause"),
            ("conflicts", "Conflicts", "conflicts"),
            ("pools", "Pools", "pools"),
            ("forecast", "Forecast", "forecast"),
        ),
    ),
    (
        "Record",
        (
            ("statistics", "Statistics", "statistics"),
            ("activity", "Activity", "activity"),
            ("notifications", "Notifications", "bell"),
        ),
    ),
)


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


def navigation_of(request: HttpRequest) -> list[Group]:
    """Return the menu with the page that is open marked."""
    groups = []
    for title, entries in GROUPS:
        items = []
        for name, label, icon in entries:
            url = reverse(f"dashboard:{name}")
            current = request.path == url if name == "overview" else request.path.startswith(url)
            if name == "schedule":
                current = current or request.path.startswith("/schedules/")
            items.append(Item(label, icon, url, current))
        groups.append(Group(title, items))
    if request.user.is_staff:
        items = []
        if level_of(request.user) == ApiToken.Scope.ADMIN:
            for name, label, icon in (("users", "Users", "channels"), ("tokens", "Tokens", "api")):
                url = reverse(f"dashboard:{name}")
                items.append(Item(label, icon, url, request.path.startswith(url)))
        items += [Item("Configuration", "admin", "/admin/", False), Item("API", "api", "/api/docs", False)]
        groups.append(Group("Set up", items))
    return groups
