"""`/api/bulk`: one verb for many rows, shown first and then done; and taking an action back."""

from django.http import HttpRequest
from ninja import Router

from orchestration.api.auth import service
from orchestration.api.schemas.bulk import BulkAsked, BulkDone, BulkResultOut, Undo, UndoOut

router = Router(tags=["bulk"])


@router.post(
    "/preview",
    response=BulkResultOut,
    operation_id="bulk_preview",
    summary="Show what a verb would do to many rows",
)
def bulk_preview(request: HttpRequest, body: BulkAsked):
    """What would be changed, and what is refused and why; nothing is written."""
    return service(request).preview_bulk(**body.arguments())


@router.post("/do", response=BulkResultOut, operation_id="bulk_do", summary="Do a verb to many rows")
def bulk_do(request: HttpRequest, body: BulkDone):
    """In one transaction, with one entry that names all; one that is refused keeps no other from it."""
    return service(request).do_bulk(**body.arguments(), reason=body.reason)


@router.post("/undo", response=UndoOut, operation_id="bulk_undo", summary="Take an action back")
def bulk_undo(request: HttpRequest, body: Undo):
    """By the inverse verb of each row; 409 with the fact where nothing of it can be taken back."""
    return service(request).undo(correlation_id=body.correlation_id, reason=body.reason)
