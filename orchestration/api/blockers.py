"""`/api/blockers`, and the verbs by cause of `/api/orchestration`: what work waits for, and all of one cause at once."""

from django.http import HttpRequest
from ninja import Path, Router
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.blockers import (
    BlockerOut,
    ByCause,
    CauseCountOut,
    CauseResultOut,
    MoveByCause,
    RetryByCause,
)
from orchestration.api.schemas.requests import NO_REASON, Because
from orchestration.fields import Id

blockers = Router(tags=["blockers"])
by_cause = Router(tags=["orchestration"])


@blockers.get("", response=list[BlockerOut], operation_id="blockers_list", summary="List what work waits for")
@paginate(Pages, item=BlockerOut, order=orders.BLOCKERS)
def blockers_list(request: HttpRequest):
    """The open conditions, those that most wait for first, each with what ends it."""
    return service(request).get_blockers()


@blockers.post(
    "/{blocker_id}/probe",
    response=BlockerOut,
    operation_id="blockers_probe",
    summary="Ask about a condition now",
)
def blockers_probe(request: HttpRequest, blocker_id: Path[Id]):
    """If it has ended, all that waited for it goes on, in the order it had."""
    return service(request).probe_blocker(blocker_id=blocker_id)


@blockers.post(
    "/{blocker_id}/take-over-branch",
    response=BlockerOut,
    operation_id="blockers_take_over_branch",
    summary="Use the repository's default branch",
)
def blockers_take_over_branch(request: HttpRequest, blocker_id: Path[Id], body: Because = NO_REASON):
    """Only where a channel's branch is missing: the channel names the default branch from now on."""
    return service(request).take_over_branch(blocker_id=blocker_id, reason=body.reason)


@by_cause.get(
    "/causes",
    response=list[CauseCountOut],
    operation_id="orchestration_causes",
    summary="Count failed jobs by cause",
)
@paginate(Pages, item=CauseCountOut, order=orders.CAUSES)
def causes(request: HttpRequest):
    """By which codes jobs ended badly that no later job has done, those with the most first."""
    return service(request).get_causes()


@by_cause.post(
    "/retry-by-cause",
    response=CauseResultOut,
    operation_id="orchestration_retry_by_cause",
    summary="Try all of one cause again",
)
def retry_by_cause(request: HttpRequest, body: RetryByCause):
    """Each member is told of; one that is refused does not keep the others from it."""
    return service(request).retry_by_cause(**body.arguments())


@by_cause.post(
    "/release-by-cause",
    response=CauseResultOut,
    operation_id="orchestration_release_by_cause",
    summary="Release all that one cause holds",
)
def release_by_cause(request: HttpRequest, body: ByCause):
    """`hold` for what a misfire policy holds, else the error code of the job that was stopped."""
    return service(request).release_by_cause(**body.arguments())


@by_cause.post(
    "/move-by-cause",
    response=CauseResultOut,
    operation_id="orchestration_move_by_cause",
    summary="Move all of one cause to free slots",
)
def move_by_cause(request: HttpRequest, body: MoveByCause):
    """What waits for a condition is moved; what failed by it, or was `missed`, is reopened there."""
    return service(request).move_by_cause(**body.arguments())
