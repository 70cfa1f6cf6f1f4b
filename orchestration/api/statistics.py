"""`/api/statistics`: what YouTube counted, and what we did, never mixed into one figure."""

from django.http import HttpRequest
from ninja import Query, Router

from orchestration.api.auth import service
from orchestration.api.filters import FigureWindow, StatisticsWindow, YouTubeWindow
from orchestration.api.schemas.figures import PublicationFiguresOut, WorkFiguresOut, YouTubeFiguresOut
from orchestration.api.schemas.system import StatisticsOut

numbers = Router(tags=["statistics"])


@numbers.get("", response=StatisticsOut, operation_id="statistics_show", summary="Show statistics")
def statistics_show(request: HttpRequest, window: Query[StatisticsWindow]):
    """What YouTube counted, and what we did, in the last days; the two are never mixed into one figure."""
    return service(request).get_statistics(days=window.days, channel_ids=window.channel_id)


@numbers.get(
    "/publications",
    response=PublicationFiguresOut,
    operation_id="statistics_publications",
    summary="Show what became of publications over time",
)
def statistics_publications(request: HttpRequest, window: Query[FigureWindow]):
    """By hour (up to two days) or day of UTC: how many stand where, and how late in seconds; and by hour of the week."""
    return service(request).get_publication_figures(**window.asked())


@numbers.get(
    "/work",
    response=WorkFiguresOut,
    operation_id="statistics_work",
    summary="Show how the work went over time",
)
def statistics_work(request: HttpRequest, window: Query[FigureWindow]):
    """Time of each step and its wait in the queue (seconds), failures by cause, and how far pools were used."""
    return service(request).get_work_figures(**window.asked())


@numbers.get(
    "/youtube",
    response=YouTubeFiguresOut,
    operation_id="statistics_youtube",
    summary="Show YouTube's raw numbers over time",
)
def statistics_youtube(request: HttpRequest, window: Query[YouTubeWindow]):
    """As YouTube gave them; of several readings in an hour or day the last. Nothing is added up or worked out from them."""
    return service(request).get_youtube_figures(**window.asked(), channels_from=window.channels_from)
