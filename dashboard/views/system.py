"""Show the overview, and start, pause, resume or stop the system."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dashboard.actions import act, page, reason_of, refuse, service, version_of
from dashboard.live_pages import asks_for_live_part, show
from dashboard.system_bar import SystemBar, bar_for
from orchestration.below import below
from orchestration.errors import OrchestrationError
from orchestration.results.system import SystemReport

HOME = "/"


@page
def overview(request: HttpRequest) -> HttpResponse:
    """Show whether all is well, what needs a person, and what comes next."""
    board = service(request).get_dashboard_data(rest=False)
    return show(request, "overview.html", {"board": board, "system": SystemBar(board.status)})


@page
def overview_more(request: HttpRequest) -> HttpResponse:
    """Show the rest: on the overview once it is unfolded, or on a page of its own."""
    return show(request, "overview_more.html", {"board": service(request).get_overview_more()})


@page
def switch(request: HttpRequest) -> HttpResponse:
    """Answer the switch in the head of every page, when it asks whether it changed."""
    if not asks_for_live_part(request):
        return redirect("dashboard:overview")
    return show(request, "switch.html", {"system": bar_for(service(request))[0]})


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Start the system."""
    return act(
        request,
        lambda: service(request).start(reason=reason_of(request), version=version_of(request)),
        "The system is running: due work is dispatched from now on.",
        to=below(HOME),
    )


@require_POST
def pause(request: HttpRequest) -> HttpResponse:
    """Pause the system; with `disarm`, also take back what is armed on YouTube."""
    disarm = request.POST.get("disarm") == "1"
    return act(
        request,
        lambda: service(request).pause(reason=reason_of(request), disarm=disarm),
        lambda report: f"Paused: nothing new starts, what runs finishes.{_of_the_armed(report, disarm)}",
        to=below(HOME),
    )


def _of_the_armed(report: SystemReport, disarm: bool) -> str:
    """Return what becomes of what YouTube was told to publish by itself."""
    stays = (
        f" {report.armed_schedules} armed on YouTube will go public all the same."
        if report.armed_schedules
        else ""
    )
    return f" Being taken back from YouTube: {report.disarming_schedules}.{stays}" if disarm else stays


def _choices(request: HttpRequest) -> dict[int, str]:
    """Return what was chosen for single publications; an empty choice leaves it to the one for all."""
    named = {
        name.removeprefix("choice-"): value
        for name, value in request.POST.items()
        if name.startswith("choice-")
    }
    return {int(pk): str(value) for pk, value in named.items() if pk.isdecimal() and value}


@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    """Resume the system; with `preview`, first show what is overdue and what will happen to it."""
    if request.POST.get("preview"):
        try:
            preview = service(request).preview_resume()
        except OrchestrationError as error:
            return refuse(request, error, below(HOME))
        if preview.items:
            return show(request, "resume.html", {"preview": preview})
    return act(
        request,
        lambda: service(request).resume(
            reason=reason_of(request),
            version=version_of(request),
            choices=_choices(request),
            all_as=request.POST.get("all_as") or "policy",
        ),
        "The system is running again.",
        to=below(HOME),
    )


@require_POST
def stop(request: HttpRequest) -> HttpResponse:
    """Stop the system: let what runs finish, or ask it to cancel (`now`); with `disarm`, also take back what is armed."""
    now, disarm = request.POST.get("now") == "1", request.POST.get("disarm") == "1"
    return act(
        request,
        lambda: service(request).stop(now=now, reason=reason_of(request), disarm=disarm),
        lambda report: (
            (
                "The system is stopped."
                if report.state == "stopped"
                else f"Stopping: {report.running_jobs} running jobs "
                + ("were asked to cancel." if now else "finish first.")
            )
            + _of_the_armed(report, disarm)
        ),
        to=below(HOME),
    )
