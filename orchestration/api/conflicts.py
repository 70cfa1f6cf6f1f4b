"""`/api/waves`, `/api/distributions`, `/api/schedules` and `/api/conflicts`: what goes where and when."""

from django.http import HttpRequest
from ninja import Path, Query, Router
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.plan import (
    ConflictOut,
)
from orchestration.api.schemas.requests import (
    AS_SEEN,
    ApplyAlternative,
    Decision,
)
from orchestration.core import lookup
from orchestration.fields import Id
from orchestration.lists import ConflictFilters
from orchestration.models import Conflict

conflicts = Router(tags=["conflicts"])


@conflicts.get("", response=list[ConflictOut], operation_id="conflicts_list", summary="List conflicts")
@paginate(Pages, item=ConflictOut, order=orders.CONFLICTS)
def conflicts_list(request: HttpRequest, filters: Query[ConflictFilters]):
    """Newest first: what collided, by which rule, who yielded, and how it was resolved."""
    return filters.filter(Conflict.objects.all())


@conflicts.get(
    "/{conflict_id}", response=ConflictOut, operation_id="conflicts_show", summary="Show a conflict"
)
def conflicts_show(request: HttpRequest, conflict_id: Path[Id]):
    """With its ranked alternatives."""
    return lookup.one(Conflict, conflict_id, field="conflict_id")


@conflicts.post(
    "/{conflict_id}/apply",
    response=ConflictOut,
    operation_id="conflicts_apply",
    summary="Resolve a conflict by an alternative",
)
def conflicts_apply(request: HttpRequest, conflict_id: Path[Id], body: ApplyAlternative):
    """Take one of the alternatives that were recorded with it."""
    return service(request).apply_alternative(conflict_id=conflict_id, index=body.index, version=body.version)


@conflicts.post(
    "/{conflict_id}/dismiss",
    response=ConflictOut,
    operation_id="conflicts_dismiss",
    summary="Dismiss a conflict",
)
def conflicts_dismiss(request: HttpRequest, conflict_id: Path[Id], body: Decision = AS_SEEN):
    """Say that nothing needs to be done about it."""
    return service(request).dismiss_conflict(
        conflict_id=conflict_id, reason=body.reason, version=body.version
    )
