"""Cut lists into pages, with the addresses of the next and the previous one."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, FilterSchema, Schema
from ninja.pagination import PaginationBase

from orchestration.errors import InvalidRequest

MAX_LIMIT = 200
PageNumber = Annotated[int, Field(ge=1, le=1_000_000)]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]


class Pages(PaginationBase):
    """`?page=2&limit=50`; a parameter that the list does not know is refused, as a mistyped filter would show all."""

    class Input(Schema):
        page: PageNumber = 1
        limit: Limit = 50

    class Output(Schema):
        items: list[Any]
        total: int = Field(description="items on all pages")
        page: int
        limit: int
        next: str | None = Field(description="address of the next page")
        previous: str | None = Field(description="address of the previous page")

    def paginate_queryset(
        self, queryset: Any, pagination: Input, request: HttpRequest, **params: Any
    ) -> dict[str, Any]:
        """Return one page of a query or of a list."""
        known = {"page", "limit"}
        for value in params.values():
            if isinstance(value, FilterSchema):
                known |= set(type(value).model_fields)
        for name in request.GET:
            if name not in known:
                raise InvalidRequest(
                    f"This list has no filter {name}; it knows {', '.join(sorted(known))}.", field=name
                )
        start = (pagination.page - 1) * pagination.limit
        items = list(queryset[start : start + pagination.limit + 1])
        more = len(items) > pagination.limit
        return {
            "items": items[: pagination.limit],
            "total": self._items_count(queryset),
            "page": pagination.page,
            "limit": pagination.limit,
            "next": _address(request, pagination.page + 1) if more else None,
            "previous": _address(request, pagination.page - 1) if pagination.page > 1 else None,
        }


def _address(request: HttpRequest, page: int) -> str:
    query = request.GET.copy()
    query["page"] = str(page)
    return f"{request.path}?{query.urlencode()}"
