"""Show the calendar: months, weeks and days, on one clock or each channel's, with what stays empty and what is closed."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_date

from channels.zones import zone_names
from dashboard import calendar_grid as grid
from dashboard.actions import page, service
from dashboard.filters import filters_of, first
from dashboard.forms import zones_of_channels
from dashboard.listing import whole_number
from dashboard.live_pages import asks_for_live_part, show
from dashboard.picking import channel_words, filter_picker
from orchestration.lists import ScheduleFilters, ScheduleGroup, schedule_states
from orchestration.models import Preferences, Wave
from orchestration.planning.days import OWN_ZONE, date_of
from orchestration.scheduling.backlog import Backlog
from orchestration.scheduling.calendar_view import DEFAULT_LAYERS, FIRST_YEAR, LAST_YEAR, CalendarView
from orchestration.states import OPEN_WAVES, ScheduleState

STATES = (*ScheduleGroup.choices, *ScheduleState.choices)
LAYERS = (
    ("slots", "empty slots"),
    ("blackouts", "blackouts"),
    ("caps", "full days"),
    ("pacific", "Pacific days"),
)
PER_CELL = {
    (grid.MONTH, False): 3,
    (grid.WEEK, False): 2,
    (grid.DAY, False): 10,
    (grid.MONTH, True): 2,
    (grid.WEEK, True): 4,
    (grid.DAY, True): 4,
}
"""How many publications of a cell are shown, by view and whether channels are lanes; of the others it is said how many."""
CROWDED = 100
"""Of a cell that holds more, none is shown: the first two of a thousand say nothing, and to find them all are sorted."""
LANES = 20
MOST_WAVES = 50
MOST_WORDS = 100


def calendar_zone(request: HttpRequest) -> str:
    """Return whose clock the page is on: as its address says, else as the person prefers; nothing: each channel's own."""
    asked = request.GET.get("zone")
    if asked is None:
        found = Preferences.objects.filter(user=request.user.pk).values_list("timezone", flat=True).first()
        asked = found or OWN_ZONE
    return asked if asked in zone_names() else OWN_ZONE


def _day(request: HttpRequest, today: date) -> date:
    try:
        day = parse_date(request.GET.get("day", ""))
    except ValueError:
        day = None
    inside = day is not None and FIRST_YEAR < day.year < LAST_YEAR
    return day if day is not None and inside else today


def _layers(request: HttpRequest) -> list[str]:
    """Return the layers that are ticked; where nobody chose, those that are shown by themselves."""
    if "layers" not in request.GET:
        return sorted(DEFAULT_LAYERS)
    chosen = set(request.GET.getlist("layer"))
    return [name for name, _ in LAYERS if name in chosen]


def _word(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\x00", "").strip()[:MOST_WORDS]


@page
def calendar(request: HttpRequest) -> HttpResponse:
    """Show a month, a week or a day."""
    zone = calendar_zone(request)
    view = request.GET.get("view", grid.WEEK)
    view = view if view in dict(grid.VIEWS) else grid.WEEK
    lanes = request.GET.get("lanes") == "1"
    today = date_of(timezone.now(), zone or "UTC")
    span = grid.span_of(view, _day(request, today), lanes=lanes)
    filters = filters_of(
        request, ScheduleFilters, ("state", "channel_id", "wave_id", "channels", "group", "label")
    )
    layers = _layers(request)
    found = service(request).get_calendar(
        first=span.first,
        days=span.days,
        zone=zone,
        by_hour=(view, lanes) in {(grid.WEEK, False), (grid.DAY, False), (grid.DAY, True)},
        lanes=lanes,
        per_cell=PER_CELL[view, lanes],
        crowded=CROWDED,
        page=whole_number(request, "page", 1, range(1, 100_000)),
        limit=LANES,
        channels=channel_words(filters),
        wave_id=first(filters.wave_id) or None,
        states=None if filters.state is None else sorted(schedule_states(filters.state)),
        layers=layers,
    )
    pages = -(-found.channel_count // LANES) if lanes else 1
    return show(
        request,
        "calendar.html",
        {
            "grid": grid.grid_of(found, span),
            "calendar": found,
            "sentence": grid.sentence_of(found),
            "span": span,
            "views": grid.VIEWS,
            "lanes": lanes,
            "today": today,
            "zone": zone,
            "zone_label": grid.zone_label(zone, found.now),
            "layers": LAYERS,
            "shown_layers": layers,
            "pages": pages,
            "earlier_page": found.request.page - 1,
            "later_page": found.request.page + 1 if found.request.page < pages else 0,
            "picker": filter_picker(request, filters),
            "state": first(filters.state),
            "backlog": _backlog(request, found),
            "placing": urlencode(
                {"zone": zone, "channel": found.channels[0].slug if found.channel_count == 1 else ""}
            ),
            **_choices(request, zone, first(filters.wave_id)),
        },
    )


def _backlog(request: HttpRequest, found: CalendarView) -> Backlog | None:
    """Return the ready videos beside the calendar, if they are wanted; of the one channel that is shown, if it is one."""
    if request.GET.get("backlog") != "1" or asks_for_live_part(request):
        return None
    return service(request).get_backlog(
        channel_id=found.channels[0].pk if found.channel_count == 1 and found.channels else None,
        q=_word(request, "bq"),
        page=whole_number(request, "bpage", 1, range(1, 100_000)),
    )


def _choices(request: HttpRequest, zone: str, wave_id: Any) -> dict[str, Any]:
    """Return what the filters offer."""
    waves = Wave.objects.filter(Q(state__in=OPEN_WAVES) | Q(pk=wave_id or 0)).only("pk", "name")
    return {
        "zones": [name for name in dict.fromkeys(["UTC", zone, *zones_of_channels()]) if name],
        "states": STATES,
        "waves": waves[:MOST_WAVES],
        "wave_id": wave_id,
    }
