"""`/api/setup`: what an installation still needs, and whether Google and GitHub are set up."""

from django.http import HttpRequest
from ninja import Router

from orchestration.api.auth import service
from orchestration.api.schemas.setup import (
    CheckGitHubBody,
    CheckGoogleBody,
    ConnectionReportOut,
    SetUpOut,
)

router = Router(tags=["setup"])


@router.get("", response=SetUpOut, operation_id="setup_show", summary="Show what is still to be set up")
def setup_show(request: HttpRequest):
    """The steps until the first film is public, each read from the facts."""
    return service(request).get_set_up()


@router.post(
    "/check-google",
    response=ConnectionReportOut,
    operation_id="setup_check_google",
    summary="Check the connection with Google",
)
def setup_check_google(request: HttpRequest, body: CheckGoogleBody):
    """Asks Google, step by step, and names the first that is missing; one unit of the budget for a connected channel."""
    return service(request).check_google(redirect_uri=body.redirect_uri, channel_id=body.channel_id)


@router.post(
    "/check-github",
    response=ConnectionReportOut,
    operation_id="setup_check_github",
    summary="Check the set-up at GitHub",
)
def setup_check_github(request: HttpRequest, body: CheckGitHubBody):
    """Asks GitHub, step by step, by reading calls only."""
    return service(request).check_github(channel_id=body.channel_id)
