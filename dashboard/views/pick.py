"""Answer the pickers: what a search finds, and how many channels are chosen; parts of pages, for htmx."""

from __future__ import annotations

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from dashboard import picking
from dashboard.listing import whole_number
from orchestration.states import USABLE_VIDEOS

LAST_PAGE = 500


@require_GET
def pick_channels(request: HttpRequest) -> HttpResponse:
    """Offer channels, groups and labels that fit what was typed."""
    options = picking.channel_options(
        _typed(request),
        enabled=request.GET.get("enabled") == "1",
        groups=request.GET.get("only") != "channels",
        user_id=request.user.pk,
    )
    return render(request, "parts/picker_options.html", {"options": options, "what": "channels"})


@require_GET
def pick_count(request: HttpRequest) -> HttpResponse:
    """Say how many channels the chosen words mean."""
    words = [word for word in request.GET.getlist("channels") if "\x00" not in word][
        : picking.MOST_CHIPS * 10
    ]
    text = picking.count_of(words, enabled=request.GET.get("enabled") == "1")
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@require_GET
def pick_videos(request: HttpRequest) -> HttpResponse:
    """Offer videos that fit what was typed, newest first, page by page."""
    state = request.GET.get("state", "")
    options = picking.video_options(
        _typed(request),
        state if state in USABLE_VIDEOS else "",
        _day(request.GET.get("since", "")),
        whole_number(request, "page", 1, range(1, LAST_PAGE + 1)),
    )
    return render(request, "parts/picker_options.html", {"options": options, "what": "videos"})


def _typed(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\x00", "")


def _day(text: str) -> str:
    """Return a date as it was typed; nothing for what is none."""
    try:
        return date.fromisoformat(text).isoformat() if len(text) == 10 else ""
    except ValueError:
        return ""
