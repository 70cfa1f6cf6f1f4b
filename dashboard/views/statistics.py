"""Show what was done here, and what YouTube counted: two parts that are never mixed, as charts, tables and CSV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse

from dashboard import figure_sheets
from dashboard.actions import page, service
from dashboard.addresses import reverse
from dashboard.figure_sheets import Shown
from dashboard.listing import chosen_id, whole_number
from dashboard.live_pages import asks_for_live_part, show
from dashboard.picking import Picker, channel_chips
from orchestration.errors import InvalidRequest, NotFound, OrchestrationError
from orchestration.models import Source, Wave
from orchestration.monitoring.youtube_figures import CHANNELS_SHOWN
from orchestration.register import selection

DAYS = (1, 2, 7, 14, 30)
PARTS = (
    ("publications", "Publications", "dashboard:statistics"),
    ("work", "Work", "dashboard:statistics_work"),
    ("youtube", "YouTube's numbers", "dashboard:statistics_youtube"),
)
ADDRESS_NAMES = {"channel_ids": "channels", "wave_id": "wave", "source_id": "source"}
Figures = TypeVar("Figures")


@page
def statistics(request: HttpRequest) -> HttpResponse:
    """Show what became of publications, and how late they were."""
    figures, asked = _figures(request, service(request).get_publication_figures)
    shown = figure_sheets.publications(figures)
    return _show(request, "publications", figures, shown, asked)


@page
def statistics_work(request: HttpRequest) -> HttpResponse:
    """Show how long each step took, what failed, and what it drew on."""
    figures, asked = _figures(request, service(request).get_work_figures)
    return _show(request, "work", figures, figure_sheets.work(figures), asked)


@page
def statistics_youtube(request: HttpRequest) -> HttpResponse:
    """Show YouTube's numbers as they came."""
    figures, asked = _figures(request, service(request).get_youtube_figures, channels_from=_begin(request))
    more = {
        "earlier": max(0, figures.channels_from - CHANNELS_SHOWN) if figures.channels_from else None,
        "later": figures.channels_from + CHANNELS_SHOWN
        if figures.channels_from + CHANNELS_SHOWN < figures.channels_total
        else None,
    }
    return _show(request, "youtube", figures, figure_sheets.youtube(figures), asked, **more)


@page
def statistics_table(request: HttpRequest, part: str, key: str) -> HttpResponse:
    """Hand out one table of a part as a file (CSV): the rows that its page shows."""

    match part:
        case "publications":
            published, _ = _figures(request, service(request).get_publication_figures)
            shown = figure_sheets.publications(published)
        case "work":
            done, _ = _figures(request, service(request).get_work_figures)
            shown = figure_sheets.work(done)
        case "youtube":
            ask = service(request).get_youtube_figures
            counted, _ = _figures(request, ask, channels_from=_begin(request))
            shown = figure_sheets.youtube(counted)
        case _:
            raise Http404("There is no such part of the statistics.")
    for one in shown:
        if one.sheet.key == key:
            return HttpResponse(
                one.sheet.csv(),
                content_type="text/csv; charset=utf-8",
                headers={"Content-Disposition": f'attachment; filename="headend-{key}.csv"'},
            )
    raise Http404("There is no such table.")


def _begin(request: HttpRequest) -> int:
    return min(chosen_id(request, "from") or 0, 1_000_000)


def _figures(
    request: HttpRequest, ask: Callable[..., Figures], **more: Any
) -> tuple[Figures, dict[str, Any]]:
    """Ask for figures by the filters of the address; one that names nothing is left out with a message."""
    asked: dict[str, Any] = {"days": whole_number(request, "days", 7, DAYS)}
    for name in ("wave_id", "source_id"):
        if (number := chosen_id(request, ADDRESS_NAMES[name])) is not None:
            asked[name] = number
    if words := _words(request):
        try:
            asked["channel_ids"] = selection.read_ids(words, some=True)
        except OrchestrationError as refused:
            _left_out(request, "channels", refused)
    while True:
        try:
            return ask(**asked, **more), asked
        except (InvalidRequest, NotFound) as refused:
            if refused.field == "days" or refused.field not in asked:
                raise
            del asked[refused.field]
            _left_out(request, ADDRESS_NAMES.get(refused.field, refused.field), refused)


def _words(request: HttpRequest) -> list[str]:
    """Return the words that name channels in the address; a single one, a group or a label also by a name of its own."""
    words = [*request.GET.getlist("channels"), *request.GET.getlist("channel")]
    words += [f"{kind}:{name}" for kind in ("group", "label") for name in request.GET.getlist(kind) if name]
    return [word.replace("\x00", "") for word in words if word.strip("\x00 ")]


def _left_out(request: HttpRequest, name: str, refused: OrchestrationError) -> None:
    if not asks_for_live_part(request):
        messages.warning(request, f"The filter {name} is left out: {refused.message}")


def _show(
    request: HttpRequest, part: str, figures: Any, shown: list[Shown], asked: dict[str, Any], **more: Any
) -> HttpResponse:
    named = _named(asked)
    query = request.GET.copy()
    for name in ("version", "from"):
        query.pop(name, None)
    return show(
        request,
        "statistics.html",
        {
            "part": part,
            "tabs": [
                {"key": key, "title": title, "url": f"{reverse(url)}?{query.urlencode()}".rstrip("?")}
                for key, title, url in PARTS
            ],
            "figures": figures,
            "shown": shown,
            "days": asked["days"],
            "choices": DAYS,
            "asked": asked,
            "named": named,
            "picker": Picker(
                name="channels",
                id="id_channels",
                label="channels",
                chips=channel_chips(_words(request)),
                placeholder="all channels",
            ),
            **more,
        },
    )


def _named(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the rows that the filters name, for their names."""
    named: dict[str, Any] = {}
    if "wave_id" in asked:
        named["wave"] = Wave.objects.only("name").get(pk=asked["wave_id"])
    if "source_id" in asked:
        named["source"] = Source.objects.only("name", "url").get(pk=asked["source_id"])
    return named
