"""Cut lists into pages: by number, or by a cursor that keeps its place whatever is added, in an order, in part."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Field, FilterSchema, Schema
from ninja.pagination import PaginationBase
from pydantic import BeforeValidator, WithJsonSchema, create_model
from pydantic_core import core_schema

from orchestration.api import cursors
from orchestration.api.orders import Order
from orchestration.errors import InvalidRequest

MAX_LIMIT = 200
SPARSE_TYPE = "application/vnd.headend.sparse+json"
SPARSE_PAGE = {
    "title": "SparsePage",
    "description": "A page of a list of whose items only the `fields` that were asked for are told.",
    "type": "object",
    "required": ["items", "total", "page", "limit", "cursor", "next", "previous"],
    "additionalProperties": False,
    "properties": {
        "items": {"type": "array", "items": {"type": "object"}},
        "total": {"type": ["integer", "null"]},
        "page": {"type": ["integer", "null"]},
        "limit": {"type": "integer"},
        "cursor": {"type": ["string", "null"]},
        "next": {"type": ["string", "null"]},
        "previous": {"type": ["string", "null"]},
    },
}
SPARSE_THING = {
    "title": "SparseThing",
    "description": "One thing, of which only the `fields` that were asked for are told.",
    "type": "object",
}
MAX_CURSOR_LENGTH = 2000
PageNumber = Annotated[int, Field(ge=1, le=1_000_000)]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]


@dataclass(frozen=True, slots=True)
class WorkedOut:
    """Rows of which items are made once it is known which of them are on the page."""

    rows: Any
    items: Callable[[Sequence[Any]], Sequence[Any]]


class OneWord:
    """Take one of some words, which are known when the program runs."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        """Return the schema of the words."""
        return core_schema.literal_schema(self.words)


def fields_of(item: type[Schema]) -> Any:
    """Return the type of `fields`: names of an item's fields, repeated or with commas between them."""
    known = list(item.model_fields)

    def named(value: Any) -> Any:
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, list) or not all(isinstance(part, str) for part in given):
            return value
        names = _names_in(given)
        for name in names:
            if name not in known:
                raise ValueError(f"there is no field {name!r}; an item has {', '.join(known)}")
        return names

    names = {"type": "array", "items": {"type": "string", "enum": known}, "minItems": 1}
    return Annotated[
        list[str] | None,
        BeforeValidator(named),
        WithJsonSchema(names),
        Field(description="only these fields of each item; repeated, or with commas between them"),
    ]


class Pages(PaginationBase):
    """`?page=2&limit=50`, or `?cursor=…`; a parameter that the list does not know is refused.

    A mistyped filter would else show all.
    """

    class Input(Schema):
        """Which part of a list, in which order, with which fields."""

        page: Annotated[
            PageNumber | None, Field(description="by number, from 1; not together with `cursor`")
        ] = None
        cursor: Annotated[
            str | None,
            Field(
                max_length=MAX_CURSOR_LENGTH,
                description="where to go on: the `cursor` of an answer before; empty: from the beginning. "
                "Nothing is told twice or left out by what is added meanwhile",
            ),
        ] = None
        limit: Limit = 50
        count: Annotated[
            bool | None,
            Field(
                description="whether `total` is counted; left out: with pages by number, not with a cursor"
            ),
        ] = None

    class Output(Schema):
        items: list[Any]
        total: int | None = Field(description="items on all pages; null if it was not counted")
        page: int | None = Field(description="number of this page; null with a cursor")
        limit: int
        cursor: str | None = Field(description="send it as `cursor` to go on; null: there is no more")
        next: str | None = Field(description="address of the next page")
        previous: str | None = Field(
            description="address of the previous page; null: nothing is before this one"
        )

    def __init__(self, *, item: type[Schema], order: Order, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.order = order
        sort: Any = Annotated[str, OneWord(order.words), Field(description=order.description)]
        self.Input = create_model(  # type: ignore[misc]
            f"PageOf{item.__name__}",
            __base__=Pages.Input,
            sort=(sort, order.default),
            fields=(fields_of(item), None),
        )

    def paginate_queryset(
        self, queryset: Any, pagination: Any, request: HttpRequest, **params: Any
    ) -> dict[str, Any]:
        """Return one page of a query or of a list."""
        _refuse_unknown(request, set(type(pagination).model_fields), params)
        if pagination.page is not None and pagination.cursor is not None:
            raise InvalidRequest(
                "A page is chosen by its number or by a cursor, not by both.", field="cursor"
            )
        worked = queryset if isinstance(queryset, WorkedOut) else WorkedOut(queryset, lambda rows: rows)
        columns = self.order.columns(pagination.sort)
        place = cursors.Place(request.path_info, pagination.sort)
        values, back = place.read(pagination.cursor) if pagination.cursor else ((), False)
        read_in = cursors.turned(columns) if back else columns
        rows = cursors.in_order(worked.rows, read_in)
        part = cursors.behind(rows, read_in, values) if values else rows
        page = None if pagination.cursor is not None else pagination.page or 1
        start = 0 if page is None else (page - 1) * pagination.limit
        found = list(part[start : start + pagination.limit + 1])
        more = len(found) > pagination.limit
        found = found[: pagination.limit]
        ahead, before = more, bool(values)
        if back:
            # From the end: what was read first stands last, and behind that is where the cursor came from.
            found, ahead, before = found[::-1], bool(found), more
        cursor = place.write(cursors.values_of(found[-1], columns)) if ahead else None
        counted = pagination.count if pagination.count is not None else page is not None
        request.sparse_fields = pagination.fields  # type: ignore[attr-defined]
        if page is not None:
            onward, backward = {"page": page + 1}, {"page": page - 1} if page > 1 else {}
        else:
            onward = {"cursor": cursor}
            first = cursors.values_of(found[0], columns) if before and found else None
            backward = {"cursor": place.write(first, back=True)} if first is not None else {}
        return {
            "items": worked.items(found),
            "total": self._items_count(worked.rows) if counted else None,
            "page": page,
            "limit": pagination.limit,
            "cursor": cursor,
            "next": _address(request, **onward) if ahead else None,
            "previous": _address(request, **backward) if backward else None,
        }


def only_fields(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Leave out of the items of a list, or of one thing, what was not asked for; it is another kind of document then.

    Raises: InvalidRequest, for a field that one thing does not have; a list has refused it before it was read.
    """
    if response.status_code != 200 or not isinstance(response, HttpResponse):
        return response
    page_fields = getattr(request, "sparse_fields", None)
    if page_fields:
        page = json.loads(response.content)
        page["items"] = [_part_of(item, page_fields) for item in page["items"]]
        return _sparse(response, page)
    if "fields" in request.GET and _is_one_thing(request, response):
        thing = json.loads(response.content)
        names = _names_in(request.GET.getlist("fields"))
        if unknown := [name for name in names if name not in thing]:
            raise InvalidRequest(
                f"There is no field {unknown[0]!r}; it has {', '.join(thing)}.", field="fields"
            )
        return _sparse(response, _part_of(thing, names))
    return response


def _names_in(parts: Sequence[str]) -> list[str]:
    """Return names that were given repeatedly, or with commas between them."""
    return [name.strip() for part in parts for name in part.split(",")]


def _is_one_thing(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether an answer is one object that was read, and no page of a list."""
    return (
        request.method == "GET"
        and not hasattr(request, "sparse_fields")
        and response.headers.get("Content-Type", "").startswith("application/json")
        and response.content.startswith(b"{")
    )


def _part_of(thing: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in thing.items() if name in names}


def _sparse(response: HttpResponse, document: dict[str, Any]) -> HttpResponse:
    response.content = json.dumps(document, separators=(",", ":"))
    response.headers["Content-Type"] = SPARSE_TYPE
    return response


def _refuse_unknown(request: HttpRequest, known: set[str], params: dict[str, Any]) -> None:
    for value in params.values():
        if isinstance(value, FilterSchema):
            known |= set(type(value).model_fields)
    for name in request.GET:
        if name not in known:
            raise InvalidRequest(
                f"This list has no filter {name}; it knows {', '.join(sorted(known))}.", field=name
            )


def _address(request: HttpRequest, **changed: Any) -> str:
    query = request.GET.copy()
    for name, value in changed.items():
        query[name] = str(value)
    return f"{request.path}?{query.urlencode()}"
