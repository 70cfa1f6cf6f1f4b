"""`/api/tokens`: who may call the API; for administrators."""

from django.http import HttpRequest
from ninja import Path, Router, Status
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.people import NewToken, TokenMadeOut, TokenName, TokenOut, TokenRotation
from orchestration.api.schemas.requests import NO_REASON, Because
from orchestration.core import lookup
from orchestration.fields import Id

router = Router(tags=["tokens"])


@router.get("", response=list[TokenOut], operation_id="tokens_list", summary="List tokens")
@paginate(Pages, item=TokenOut, order=orders.TOKENS)
def tokens_list(request: HttpRequest):
    """By name, without their text, those that open nothing any more too."""
    return service(request).get_tokens()


@router.post("", response={201: TokenMadeOut}, operation_id="tokens_create", summary="Make a token")
def tokens_create(request: HttpRequest, body: NewToken):
    """Its text is in this answer and nowhere else."""
    return Status(201, service(request).make_token(**body.model_dump()))


@router.get("/{token_id}", response=TokenOut, operation_id="tokens_show", summary="Show a token")
def tokens_show(request: HttpRequest, token_id: Path[Id]):
    """Without its text, which is kept nowhere."""
    return lookup.among(service(request).get_tokens(), token_id, called="token", field="token_id")


@router.patch(
    "/{token_id}", response=TokenOut, operation_id="tokens_patch", summary="Change the name of a token"
)
@router.post("/{token_id}/rename", response=TokenOut, operation_id="tokens_rename", summary="Rename a token")
def tokens_rename(request: HttpRequest, token_id: Path[Id], body: TokenName):
    """What it did stays under its old name in the activity log."""
    return service(request).rename_token(token_id=token_id, **body.model_dump())


@router.post(
    "/{token_id}/rotate",
    response=TokenMadeOut,
    operation_id="tokens_rotate",
    summary="Give a token another text",
)
def tokens_rotate(request: HttpRequest, token_id: Path[Id], body: TokenRotation):
    """The text is in this answer and nowhere else; the one before it opens for `overlap_hours` yet, older ones not."""
    return service(request).rotate_token(token_id=token_id, **body.model_dump())


@router.post("/{token_id}/revoke", response=TokenOut, operation_id="tokens_revoke", summary="Revoke a token")
def tokens_revoke(request: HttpRequest, token_id: Path[Id], body: Because = NO_REASON):
    """It opens nothing from now on; its name stays taken."""
    return service(request).revoke_token(token_id=token_id, reason=body.reason)
