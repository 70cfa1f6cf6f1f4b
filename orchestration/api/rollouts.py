"""`/api/rollouts`: configurations that are written to a canary first, then cohort by cohort."""

from django.http import HttpRequest
from ninja import Path, Router
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.requests import NO_REASON, Because
from orchestration.api.schemas.rollouts import RolloutListed, RolloutOut
from orchestration.fields import Id

rollouts = Router(tags=["rollouts"])


@rollouts.get(
    "", response=list[RolloutListed], operation_id="rollouts_list", summary="List rollouts of configurations"
)
@paginate(Pages, item=RolloutListed, order=orders.ROLLOUTS)
def rollouts_list(request: HttpRequest):
    """Newest first, with the state of each cohort. One is begun by `orchestration/sync-configs`."""
    return service(request).get_rollouts()


@rollouts.get("/{rollout_id}", response=RolloutOut, operation_id="rollouts_show", summary="Show a rollout")
def rollouts_show(request: HttpRequest, rollout_id: Path[Id]):
    """With its channels, and how the sync of each ended."""
    return service(request).get_rollout(rollout_id=rollout_id)


@rollouts.post(
    "/{rollout_id}/continue",
    response=RolloutOut,
    operation_id="rollouts_continue",
    summary="Let a halted rollout go on",
)
def rollouts_continue(request: HttpRequest, rollout_id: Path[Id], body: Because = NO_REASON):
    """What failed is synced once more; the next cohort follows when all of the present one went well."""
    return service(request).continue_rollout(rollout_id=rollout_id, reason=body.reason)


@rollouts.post(
    "/{rollout_id}/stop", response=RolloutOut, operation_id="rollouts_stop", summary="Stop a rollout"
)
def rollouts_stop(request: HttpRequest, rollout_id: Path[Id], body: Because = NO_REASON):
    """What is being written is finished; no other channel follows."""
    return service(request).stop_rollout(rollout_id=rollout_id, reason=body.reason)
