"""Find anything: pages and what can be done by their names, rows by what the service finds."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.actions import by_htmx, page, service
from dashboard.addresses import reverse
from dashboard.live_pages import show
from dashboard.navigation import GROUPS, LEVELS, OPERATE, READ, SCHEDULE
from orchestration.core.permissions import Actor
from orchestration.monitoring.search import LONGEST

MOST_PAGES = 6
ACTIONS: tuple[tuple[str, str, str, str], ...] = (
    ("New wave", "wave_new", "", SCHEDULE),
    ("Distribute videos", "distribute", "", SCHEDULE),
    ("Upload films", "library", "", OPERATE),
    ("Add a source", "sources", "#add", OPERATE),
    ("New standing rule", "standing_rule_new", "", SCHEDULE),
    ("Check channels", "channels", "", OPERATE),
    ("Start, pause, resume or stop", "overview", "", OPERATE),
    ("What changed since I left", "since", "", READ),
    ("Schedule as it was an hour ago", "rewind", "", READ),
)
"""What can be done: each leads to the page whose button does it, and asks there."""


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the answer."""

    kind: str
    title: str
    note: str
    address: str
    state: str = ""


@page
def search(request: HttpRequest) -> HttpResponse:
    """Answer the palette with a part of a page, and whoever has no script with a page."""
    words = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:LONGEST]
    context = {"words": words, "results": results(request, words)}
    if by_htmx(request):
        return render(request, "parts/search_results.html", context)
    return show(request, "search.html", context)


def results(request: HttpRequest, words: str) -> list[Result]:
    """Return what fits: pages and actions that the person may open, then rows."""
    actor = Actor.of_user(request.user)
    wanted = words.casefold()
    pages = [
        Result("page", label, title, reverse(f"dashboard:{name}"))
        for title, entries in GROUPS
        for name, label, _ in entries
        if actor.reaches(LEVELS.get(name, READ)) and wanted in label.casefold()
    ]
    pages.sort(key=lambda row: not row.title.casefold().startswith(wanted))
    actions = [
        Result("action", label, "", reverse(f"dashboard:{name}") + anchor)
        for label, name, anchor, needs in ACTIONS
        if actor.reaches(needs) and wanted in label.casefold()
    ]
    hits = [
        Result(
            hit.kind,
            hit.title,
            hit.note,
            reverse(f"dashboard:{hit.kind}", args=[hit.key]),
            hit.state,
        )
        for hit in (service(request).search(words=words) if words else [])
    ]
    return [*pages[: MOST_PAGES if words else None], *actions, *hits]
