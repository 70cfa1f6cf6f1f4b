"""`/api/views`: lists with their filters, saved under a name."""

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router, Status
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.saved_views import ChangedView, NewView, ViewOut
from orchestration.core import lookup
from orchestration.fields import Id
from orchestration.lists import SavedViewFilters

router = Router(tags=["views"])


@router.get("", response=list[ViewOut], operation_id="views_list", summary="List saved views")
@paginate(Pages, item=ViewOut, order=orders.VIEWS)
def views_list(request: HttpRequest, filters: Query[SavedViewFilters]):
    """The caller's own and those that are shared."""
    return service(request).get_saved_views(page=filters.of_page or "")


@router.post("", response={201: ViewOut}, operation_id="views_create", summary="Save a view")
def views_create(request: HttpRequest, body: NewView, response: HttpResponse):
    """Of the person who is logged in; a token has none."""
    row = service(request).add_saved_view(**body.model_dump())
    return Status(201, row)


@router.get("/{view_id}", response=ViewOut, operation_id="views_show", summary="Show a saved view")
def views_show(request: HttpRequest, view_id: Path[Id]):
    """One of the caller's own, or one that is shared."""
    return lookup.among(service(request).get_saved_views(), view_id, called="saved view", field="view_id")


@router.delete("/{view_id}", response={204: None}, operation_id="views_delete", summary="Take a view away")
def views_delete(request: HttpRequest, view_id: Path[Id]):
    """As `remove`."""
    service(request).remove_saved_view(view_id=view_id)
    return Status(204, None)


@router.patch("/{view_id}", response=ViewOut, operation_id="views_patch", summary="Change a saved view")
@router.post("/{view_id}/change", response=ViewOut, operation_id="views_change", summary="Change a view")
def views_change(request: HttpRequest, view_id: Path[Id], body: ChangedView):
    """One's own only; what is left out stays."""
    return service(request).change_saved_view(view_id=view_id, **body.model_dump())


@router.post("/{view_id}/remove", response={204: None}, operation_id="views_remove", summary="Remove a view")
def views_remove(request: HttpRequest, view_id: Path[Id]):
    """One's own only."""
    service(request).remove_saved_view(view_id=view_id)
    return Status(204, None)
