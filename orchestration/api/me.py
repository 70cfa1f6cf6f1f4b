"""`/api/me`: who asks, and what they may set for themselves."""

from django.http import HttpRequest
from ninja import Router, Status

from orchestration.api.auth import service
from orchestration.api.schemas.people import MeOut, OwnPassword, OwnTimezone, SessionsEndedOut

router = Router(tags=["me"])


@router.get("", response=MeOut, operation_id="me_show", summary="Show who I am")
def me_show(request: HttpRequest):
    """A person, or a token."""
    return service(request).get_me()


@router.post(
    "/set-password", response={204: None}, operation_id="me_set_password", summary="Set my own password"
)
def me_set_password(request: HttpRequest, body: OwnPassword):
    """The present one is asked. Every session ends, this one too."""
    service(request).set_own_password(**body.model_dump())
    return Status(204, None)


@router.post(
    "/set-timezone", response=OwnTimezone, operation_id="me_set_timezone", summary="Set my own clock"
)
def me_set_timezone(request: HttpRequest, body: OwnTimezone):
    """Times are told by it; empty: by each channel's own."""
    return {"timezone": service(request).set_own_timezone(timezone=body.timezone)}


@router.post(
    "/end-sessions", response=SessionsEndedOut, operation_id="me_end_sessions", summary="Log me out elsewhere"
)
def me_end_sessions(request: HttpRequest):
    """Of every other browser; of every one, where no browser asks."""
    session = getattr(request, "session", None)
    return {
        "ended": service(request).end_own_sessions(keep_session=getattr(session, "session_key", None) or "")
    }
