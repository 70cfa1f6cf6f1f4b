"""Show waves, plan new ones, and do what their buttons ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count, Max, Min, Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from dashboard import bulk, other_ways
from dashboard.actions import act, by_htmx, done, page, reason_of, refuse, service, version_of
from dashboard.addresses import reverse
from dashboard.filters import filters_of, first
from dashboard.forms import MoveForm, TimeForm, WaveForm, sentence_of
from dashboard.listing import ids_of, page_of
from dashboard.live_pages import show
from dashboard.picking import filter_picker
from dashboard.plan_shown import plan_context, plan_of, plan_part
from dashboard.views.missing import found
from dashboard.words_form import panel_of
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.lists import WaveFilters, WaveGroup
from orchestration.models import Schedule, Wave
from orchestration.results.waves import WaveReport
from orchestration.states import OPEN_WAVES, ScheduleState, WaveState

CANCEL_QUESTION = (
    "Cancel every member of this wave that is not public yet? "
    "Only a person takes up again what was cancelled."
)
MOVE_NOTE = "The first member falls on this time, the others follow by the same span; times set by hand stay."


@page
def waves(request: HttpRequest) -> HttpResponse:
    """List the waves, those under way first."""
    filters = filters_of(request, WaveFilters, ("state", "q", "channels", "group", "label"))
    here = page_of(request, filters.filter(Wave.objects.all()).order_by("-created_at", "-id"))
    members = _members_of(here.object_list)
    return show(
        request,
        "waves.html",
        {
            "page": here,
            "rows": [(wave, members.get(wave.pk)) for wave in here.object_list],
            "bulk": bulk.bar(request, "wave", filters, here.paginator.count),
            "state": first(filters.state),
            "states": [*WaveGroup.choices, *WaveState.choices],
            "q": filters.q or "",
            "picker": filter_picker(request, filters),
            "busy": Wave.objects.open().exists(),
        },
    )


def _members_of(waves: Iterable[Wave]) -> Mapping[int, Mapping[str, Any]]:
    """Return how many members each of some waves has, how many of them are public, and their first and last moments."""
    members = Schedule.objects.filter(wave__in=[wave.pk for wave in waves]).order_by().values("wave_id")
    counted = members.annotate(
        members=Count("*"),
        public=Count("pk", filter=Q(state=ScheduleState.PUBLISHED)),
        first_at=Min("publish_at"),
        last_at=Max("publish_at"),
    )
    return {row["wave_id"]: row for row in counted}


@page
def wave_new(request: HttpRequest) -> HttpResponse:
    """Show the form of a new wave."""
    form = WaveForm(
        initial={
            "videos": request.GET.getlist("video"),
            "channels": [
                *(f"id:{pk}" for pk in request.GET.getlist("channel")),
                *request.GET.getlist("channels"),
            ],
            "zone": request.GET.get("zone", "UTC"),
        }
    )
    form.searched = (request.GET.get("vq", "").replace("\x00", ""), "", "")
    return show(request, "wave_new.html", {"form": form})


def _show_plan(request: HttpRequest, form: WaveForm, context: dict[str, Any]) -> HttpResponse:
    asks = {
        "form": "wave-form",
        "preview": reverse("dashboard:wave_preview"),
        "commit": reverse("dashboard:wave_schedule"),
        "own_times": True,
    }
    plan = context.pop("plan", None)
    context = {"form": form, "asks": asks, **plan_context(plan, form.typed_times), **context}
    if by_htmx(request):
        return plan_part(request, context)
    return show(request, "wave_new.html", context)


@require_POST
def wave_preview(request: HttpRequest) -> HttpResponse:
    """Show the plan of a wave before anything is written, or the other way that a button of it offers."""
    try:
        form = WaveForm(other_ways.data_of(request))
    except OrchestrationError as error:
        return refuse(request, error, reverse("dashboard:wave_new"))
    if not form.is_valid():
        return _show_plan(request, form, {"refusal": InvalidRequest(sentence_of(form))})
    try:
        result = service(request).schedule_wave_publication(**form.arguments(), dry_run=True)
    except OrchestrationError as error:
        return _show_plan(request, form, {"refusal": error, "plan": plan_of(error)})
    return _show_plan(request, form, {"plan": result.plan})


@require_POST
def wave_earliest(request: HttpRequest) -> HttpResponse:
    """Show the first time at which the whole wave fits and nothing has to move; writes nothing."""
    form = WaveForm(request.POST)
    wanted = ("video_ids", "channel_ids", "timing", "scheduled_at", "delay_seconds", "overrides")
    if not form.is_valid():
        return _show_plan(request, form, {"refusal": InvalidRequest(sentence_of(form))})
    try:
        arguments = form.arguments()
        result = service(request).find_earliest_time(**{name: arguments[name] for name in wanted})
    except OrchestrationError as error:
        return _show_plan(request, form, {"refusal": error})
    return _show_plan(request, form, {"plan": result.plan, "earliest": result})


@require_POST
def wave_schedule(request: HttpRequest) -> HttpResponse:
    """Write a wave, whole or not at all."""
    form = WaveForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), reverse("dashboard:wave_new"))
    try:
        result = service(request).schedule_wave_publication(**form.arguments(), fingerprint=form.fingerprint)
    except OrchestrationError as error:
        return refuse(request, error, reverse("dashboard:wave_new"))
    members = len(result.plan.placements)
    return done(
        request,
        f"{result.written.name} is scheduled: {members} publication{'' if members == 1 else 's'}.",
        to=_page(result.written.pk),
        leave=True,
    )


def _page(pk: int) -> str:
    return reverse("dashboard:wave", args=[pk])


@page
def wave(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one wave: each member's readiness and, once public, how far apart they went out."""
    members = Schedule.objects.filter(wave=pk)
    told = members.aggregate(
        count=Count("*"), first=Min("publish_at"), one_zone=Min("zone"), other_zone=Max("zone")
    )
    here = page_of(request, range(told["count"]))
    skip = max(here.start_index(), 1) - 1
    report = found(lambda: service(request).get_wave(wave_id=pk, skip=skip, most=here.paginator.per_page))
    here.object_list = report.members
    first = told["first"] or report.wave.scheduled_at
    zone = told["one_zone"] if told["one_zone"] and told["one_zone"] == told["other_zone"] else "UTC"
    initial: dict[str, Any] = {"zone": "UTC"}
    if first:
        initial["at"] = first.astimezone(timezone.get_fixed_timezone(0)).replace(tzinfo=None, microsecond=0)
    return show(
        request,
        "wave.html",
        {
            "report": report,
            "wave": report.wave,
            "zone": zone,
            "first_at": first,
            "move_form": MoveForm(initial=initial),
            "time_forms": _time_forms(report),
            "cancel_question": CANCEL_QUESTION,
            "words": panel_of(service(request), "wave", pk),
            "page": here,
            "busy": report.wave.state in OPEN_WAVES,
        },
    )


def _time_forms(report: WaveReport) -> list[TimeForm]:
    """Return the form that moves the whole wave, if it can be moved."""
    if "move" not in report.actions:
        return []
    url = reverse("dashboard:wave_move", args=[report.wave.pk])
    return [TimeForm("move", "Move", "Move the whole wave", MOVE_NOTE, url)]


def _change(request: HttpRequest, pk: int, method: str, message: str) -> HttpResponse:
    call = getattr(service(request), method)
    return act(
        request,
        lambda: call(wave_id=pk, reason=reason_of(request), version=version_of(request)),
        message,
        to=_page(pk),
        undo=True,
    )


@require_POST
def wave_pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Hold back a wave."""
    return _change(request, pk, "pause_wave", "The wave is paused: what is not public yet is held back.")


@require_POST
def wave_resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a paused wave go on."""
    return _change(request, pk, "resume_wave", "The wave goes on.")


@require_POST
def wave_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel what is not public yet."""
    return _change(request, pk, "cancel_wave", "The wave is cancelled; what is public stays.")


@require_POST
def wave_move(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a wave as a whole."""
    form = MoveForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _page(pk))
    return act(
        request,
        lambda: service(request).move_wave(
            wave_id=pk,
            scheduled_at=form.cleaned_data["at"],
            reason=form.cleaned_data["reason"],
            version=version_of(request),
        ),
        "The wave is moved; members with a time of their own keep it.",
        to=_page(pk),
        undo=True,
    )


@require_POST
def wave_recall(request: HttpRequest, pk: int) -> HttpResponse:
    """List what is public, and make it private again once that list is confirmed."""
    confirmed = ids_of(request.POST.getlist("confirmed"))
    if "confirm" in request.POST:
        return act(
            request,
            lambda: service(request).recall_wave(
                wave_id=pk,
                confirmed_ids=confirmed,
                reason=reason_of(request),
                version=version_of(request),
            ),
            "Recalled: what was public goes back to private.",
            to=_page(pk),
        )
    try:
        preview = service(request).preview_recall(wave_id=pk)
    except OrchestrationError as error:
        return refuse(request, error, _page(pk))
    return show(request, "wave_recall.html", {"preview": preview, "wave": preview.wave})
