"""Show what the coming days bring."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from channels.models import Channel
from dashboard.actions import page, service
from dashboard.listing import whole_number
from dashboard.live_pages import show
from orchestration.errors import OrchestrationError


@page
def forecast(request: HttpRequest) -> HttpResponse:
    """Show what the coming days bring: loads, budgets, and what will be late and why."""
    days = whole_number(request, "days", 7, range(1, 31))
    try:
        kept = service(request).get_kept_forecast(days=days)
    except OrchestrationError as error:
        return show(request, "forecast.html", {"refusal": error.message, "days": days})
    context = {"kept": kept, "days": days, "forecast": kept.forecast}
    if kept.forecast is None:
        return show(request, "forecast.html", context)
    report = kept.forecast
    by_pool: dict[str, list] = {}
    for hour in report.hours:
        by_pool.setdefault(hour.pool, []).append(hour)
    return show(
        request,
        "forecast.html",
        context
        | {
            "pools": [
                {"name": name, "peak": max(hours, key=lambda hour: hour.share), "hours": hours}
                for name, hours in by_pool.items()
            ],
            "late": report.late,
            "channels": Channel.objects.in_bulk({late.item.channel_id for late in report.late}),
            "published": sorted(report.published_by_day.items()),
        },
    )
