"""Do what is asked for in a channel's week and among its blackouts."""

from __future__ import annotations

from datetime import time

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from channels.models import Channel, PostingSlot
from dashboard.actions import reason_of, service
from dashboard.channel_forms import BlackoutForm, CopyDayForm, SlotsForm, refused
from dashboard.listing import id_of
from dashboard.views.channel_page import channel_of, do_in_section, show_section
from orchestration.core import lookup
from orchestration.errors import InvalidRequest, OrchestrationError

DAYS = dict(PostingSlot.Weekday.choices)


@require_POST
def channel_add_slots(request: HttpRequest, slug: str) -> HttpResponse:
    """Give some days a time."""
    row, form = channel_of(slug), SlotsForm(request.POST, auto_id="id_slots_%s")
    if not form.is_valid():
        return show_section(request, row, "week", status=422, slots_form=form)
    try:
        made = service(request).add_slots(
            channel_id=row.pk, weekdays=form.cleaned_data["days"], local_times=[form.cleaned_data["at"]]
        )
    except OrchestrationError as error:
        form.add_error("at" if error.field == "local_time" else None, error.message)
        return show_section(request, row, "week", status=error.status, slots_form=form)
    said = f"Added: {', '.join(f'{DAYS[slot.weekday]} {slot.local_time:%H:%M}' for slot in made)}."
    return show_section(request, row, "week", said=said)


@require_POST
def channel_change_week(request: HttpRequest, slug: str) -> HttpResponse:
    """Do what one button of the grid asks for: add a slot, switch one on or off, or take one away."""

    def change(row: Channel) -> str:
        door = service(request)
        if at := request.POST.get("add"):
            weekday, local_time = _cell(at)
            door.add_slot(channel_id=row.pk, weekday=weekday, local_time=local_time)
            return f"Added: {DAYS[weekday]} {local_time:%H:%M}."
        for name in ("remove", "on", "off"):
            if name in request.POST:
                slot = lookup.one(row.slots.all(), id_of(request.POST[name]) or 0, field="slot_id")
                shown = f"{DAYS[slot.weekday]} {slot.local_time:%H:%M}"
                if name == "remove":
                    door.remove_slot(slot_id=slot.pk)
                    return f"Taken away: {shown}. What is scheduled already stays."
                door.enable_slot(slot_id=slot.pk, enabled=name == "on")
                return f"{shown} is switched {name}."
        raise InvalidRequest("Choose what is to be done.", field="add")

    return do_in_section(request, slug, "week", change)


def _cell(text: str) -> tuple[int, time]:
    """Read `0 18:00`. Raises: InvalidRequest."""
    day, _, at = text.partition(" ")
    weekday = id_of(day)
    try:
        local_time = time.fromisoformat(at)
    except ValueError:
        local_time = None
    if weekday not in DAYS or local_time is None or local_time.tzinfo is not None:
        raise InvalidRequest(f"{text[:40]!r} is no cell of a week.", field="add")
    return weekday, local_time


@require_POST
def channel_copy_day(request: HttpRequest, slug: str) -> HttpResponse:
    """Give other days exactly the slots of one."""
    row, form = channel_of(slug), CopyDayForm(request.POST, auto_id="id_copy_%s")
    if not form.is_valid():
        return show_section(request, row, "week", status=422, copy_form=form)
    day, to = form.cleaned_data["day"], form.cleaned_data["to"]
    try:
        service(request).copy_day(channel_id=row.pk, weekday=day, to=to, reason=reason_of(request))
    except OrchestrationError as error:
        refused(form, error)
        return show_section(request, row, "week", status=error.status, copy_form=form)
    others = ", ".join(DAYS[each] for each in to if each != day)
    return show_section(request, row, "week", said=f"{others}: the slots of {DAYS[day]}.")


@require_POST
def channel_add_blackout(request: HttpRequest, slug: str) -> HttpResponse:
    """Let a channel publish nothing in a stretch."""
    row, form = channel_of(slug), BlackoutForm(request.POST, auto_id="id_new_blackout_%s")
    if not form.is_valid():
        return show_section(request, row, "blackouts", status=422, form=form)
    try:
        service(request).add_blackout(channel_id=row.pk, **form.cleaned_data)
    except OrchestrationError as error:
        refused(form, error)
        return show_section(request, row, "blackouts", status=error.status, form=form)
    return show_section(request, row, "blackouts", said="Entered. What is planned in it already stays.")


@require_POST
def channel_change_blackout(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Give a blackout another stretch."""
    form = BlackoutForm(request.POST)

    def change(row: Channel) -> str:
        lookup.one(row.blackouts.all(), pk, field="blackout_id")
        _require(form)
        service(request).change_blackout(blackout_id=pk, **form.cleaned_data)
        return "Changed. What is planned in it already stays."

    return do_in_section(request, slug, "blackouts", change)


@require_POST
def channel_remove_blackout(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Take a blackout away."""

    def change(row: Channel) -> str:
        lookup.one(row.blackouts.all(), pk, field="blackout_id")
        service(request).remove_blackout(blackout_id=pk, reason=reason_of(request))
        return "Taken away."

    return do_in_section(request, slug, "blackouts", change)


def _require(form: Form) -> None:
    """Raises: InvalidRequest, naming the first field at fault."""
    if not form.is_valid():
        field, errors = next(iter(form.errors.items()))
        raise InvalidRequest(f"{form.fields[field].label}: {errors[0]}", field=field)
