"""`/api/runs/{correlation_id}/…`: what a GitHub Actions run calls, authorised by what it proves of itself."""

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Path, Router
from pydantic import Field

from orchestration.api.auth import NotAuthenticated, bearer_secret
from orchestration.api.media import stream
from orchestration.api.schemas.requests import RunClaim, RunResult
from orchestration.github import callbacks
from orchestration.service import CentralOrchestrationService
from orchestration.states import Trigger

router = Router(tags=["run callbacks"], auth=None)
CorrelationId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
SECURITY: dict[str, Any] = {"security": [{"RunToken": []}]}


def _secret(request: HttpRequest) -> str:
    secret = bearer_secret(request)
    if not secret:
        raise NotAuthenticated(
            "A run sends its proof, or the secret of its permit, in the Authorization header."
        )
    return secret


def _door(correlation_id: str) -> CentralOrchestrationService:
    return CentralOrchestrationService(trigger=Trigger.RUN, correlation_id=correlation_id)


@router.post(
    "/{correlation_id}/permit",
    response=dict[str, Any],
    operation_id="runs_permit",
    summary="Let a run begin",
    openapi_extra=SECURITY,
)
def runs_permit(request: HttpRequest, correlation_id: Path[CorrelationId], body: RunClaim):
    """Once, for one run id and attempt; any other is refused with 409 and exits.

    Bearer is GitHub's OIDC token for the audience HEADEND_PUBLIC_URL, or the one-use secret of the job sheet. The answer's
    `token` is the bearer of the run's other calls.
    """
    return _door(correlation_id).take_permit(
        correlation_id=correlation_id,
        secret=_secret(request),
        run_id=body.run_id,
        run_attempt=body.run_attempt,
        claim=body.claim,
    )


@router.post(
    "/{correlation_id}/result",
    response=dict[str, Any],
    operation_id="runs_result",
    summary="Record what became of a run",
    openapi_extra=SECURITY,
)
def runs_result(request: HttpRequest, correlation_id: Path[CorrelationId], body: RunResult):
    """Doubled or late calls end alike."""
    error = body.error
    return _door(correlation_id).record_run_result(
        correlation_id=correlation_id,
        secret=_secret(request),
        run_id=body.run_id,
        run_attempt=body.run_attempt,
        outcome=body.outcome,
        youtube_video_id=body.youtube_video_id,
        error_code=error.code if error else "",
        error_message=error.message if error else "",
        again_at=error.again_at if error else None,
        bucket=error.bucket if error else "",
    )


@router.get(
    "/{correlation_id}/media",
    operation_id="runs_media",
    summary="Hand out the prepared file",
    openapi_extra={
        **SECURITY,
        "responses": {
            200: {"description": "the whole file", "content": {"video/mp4": {}}},
            206: {"description": "the part that Range asked for", "content": {"video/mp4": {}}},
            416: {"description": "the part lies outside the file"},
        },
    },
)
def runs_media(request: HttpRequest, correlation_id: Path[CorrelationId]) -> HttpResponseBase:
    """To the run that is to upload it; `Range` is understood, so that a broken download goes on."""
    return stream(request, callbacks.media_for_run(correlation_id, _secret(request)))


@router.api_operation(["HEAD"], "/{correlation_id}/media", include_in_schema=False)
def runs_media_head(request: HttpRequest, correlation_id: Path[CorrelationId]) -> HttpResponseBase:
    """Return how large the file is."""
    whole = runs_media(request, correlation_id)
    whole.close()
    return HttpResponse(status=whole.status_code, headers=dict(whole.headers))
