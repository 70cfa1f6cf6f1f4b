"""Show what YouTube counted, and what was done here."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from dashboard.actions import page, service
from dashboard.listing import whole_number
from dashboard.live_pages import show


@page
def statistics(request: HttpRequest) -> HttpResponse:
    """Show what YouTube counted, and what we did, side by side and never mixed."""
    days = whole_number(request, "days", 7, (1, 7, 14, 30))
    report = service(request).get_statistics(days=days)
    top = max((row["count"] for row in report.published_by_day), default=0)
    total = len(report.published_by_day) or 1
    columns = [
        {
            "x": f"{index * 100 / total + 8 / total:.2f}%",
            "middle": f"{(index + 0.5) * 100 / total:.2f}%",
            "width": f"{84 / total:.2f}%",
            "y": 118 - round(100 * row["count"] / top) if top else 118,
            "height": round(100 * row["count"] / top) if top else 0,
            "label_y": (118 - round(100 * row["count"] / top) if top else 118) - 5,
            "row": row,
            "named": total <= 14 or index % 3 == 0,
        }
        for index, row in enumerate(report.published_by_day)
    ]
    return show(
        request,
        "statistics.html",
        {
            "report": report,
            "days": days,
            "choices": (1, 7, 14, 30),
            "columns": columns,
            "published": sum(row["count"] for row in report.published_by_day),
        },
    )
