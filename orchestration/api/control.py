"""`/api/orchestration/`: the switch of the whole system, and what the overview shows."""

from django.http import HttpRequest
from ninja import Query, Router

from orchestration.api.auth import service
from orchestration.api.filters import EarliestWindow, ForecastWindow
from orchestration.api.schemas.plan import EarliestOut, ExplanationOut, ResumePreviewOut
from orchestration.api.schemas.requests import (
    AS_SEEN,
    BY_POLICY,
    DRAIN,
    JUST_PAUSE,
    Decision,
    Pause,
    Resume,
    Stop,
)
from orchestration.api.schemas.system import DashboardOut, KeptForecastOut, NeedsOut, StatusOut
from orchestration.fields import Id

router = Router(tags=["orchestration"])


@router.post("/start", response=StatusOut, operation_id="orchestration_start", summary="Start the system")
def start(request: HttpRequest, body: Decision = AS_SEEN):
    """Due work is dispatched from now on. Refused with the present state if it runs already."""
    return service(request).start(reason=body.reason, version=body.version)


@router.post("/stop", response=StatusOut, operation_id="orchestration_stop", summary="Stop the system")
def stop(request: HttpRequest, body: Stop = DRAIN):
    """Let what runs finish, then stop; with `now`, ask what runs to cancel; with `disarm`, take back what is armed."""
    return service(request).stop(now=body.now, reason=body.reason, version=body.version, disarm=body.disarm)


@router.post("/pause", response=StatusOut, operation_id="orchestration_pause", summary="Pause the system")
def pause(request: HttpRequest, body: Pause = JUST_PAUSE):
    """Start nothing new; what runs finishes, and what is armed on YouTube goes public, unless `disarm` takes it back."""
    return service(request).pause(reason=body.reason, version=body.version, disarm=body.disarm)


@router.post("/resume", response=StatusOut, operation_id="orchestration_resume", summary="Resume the system")
def resume(request: HttpRequest, body: Resume = BY_POLICY):
    """Go on after a pause; what is overdue goes the way chosen for it, else as its channel's misfire policy says."""
    return service(request).resume(
        reason=body.reason, version=body.version, choices=body.chosen(), all_as=body.all_as
    )


@router.get(
    "/preview-resume",
    response=ResumePreviewOut,
    operation_id="orchestration_preview_resume",
    summary="Show what resuming would do",
)
def preview_resume(request: HttpRequest):
    """List what is overdue and what will happen to each."""
    return service(request).preview_resume()


@router.get(
    "/status", response=StatusOut, operation_id="orchestration_status", summary="Show the system's state"
)
def status(request: HttpRequest):
    """Say whether the system runs, since when, by whom and why, and what it is doing."""
    return service(request).get_status()


@router.get(
    "/dashboard", response=DashboardOut, operation_id="orchestration_dashboard", summary="Show the overview"
)
def dashboard(request: HttpRequest):
    """Return what the overview shows, each part cut; the rest has endpoints of its own."""
    return service(request).get_dashboard_data()


@router.get(
    "/needs", response=NeedsOut, operation_id="orchestration_needs", summary="Show what needs a person"
)
def needs(request: HttpRequest):
    """Say in one line whether all is well, and list what needs a person, the most urgent first."""
    return service(request).get_needs()


@router.get(
    "/explain",
    response=ExplanationOut,
    operation_id="orchestration_explain",
    summary="Explain why, or why not",
)
def explain(request: HttpRequest, video_id: Query[Id], channel_id: Query[Id]):
    """Say rule by rule why a video may or may not go to a channel."""
    return service(request).explain(video_id=video_id, channel_id=channel_id)


@router.get(
    "/forecast",
    response=KeptForecastOut,
    operation_id="orchestration_forecast",
    summary="Show what the coming days bring",
)
def forecast(request: HttpRequest, window: Query[ForecastWindow]):
    """The planner and dispatcher against a simulated clock: loads, budgets, and what will be late; at once, with its age."""
    return service(request).get_kept_forecast(days=window.days)


@router.get(
    "/earliest-time",
    response=EarliestOut,
    operation_id="orchestration_earliest_time",
    summary="Find the earliest time for a wave",
)
def earliest_time(request: HttpRequest, window: Query[EarliestWindow]):
    """Find the first time at which all of it fits and nothing has to move; `video_id` and `channel_id` may be repeated."""
    return service(request).find_earliest_time(
        video_ids=window.video_id,
        channel_ids=window.channel_id,
        timing=window.timing,
        scheduled_at=window.since,
        delay_seconds=window.delay_seconds,
        overrides=window.overrides,
    )
