"""Read a list's filters from the address of its page, by the rules that the API has for them, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, get_args

from django.contrib import messages
from django.http import HttpRequest
from ninja import FilterSchema
from pydantic import ValidationError

from dashboard.live_pages import asks_for_live_part

ADDRESS_NAMES = {
    "channel_id": "channel",
    "wave_id": "wave",
    "video_id": "video",
    "source_id": "source",
    "subject_type": "subject",
    "subject_id": "id",
    "correlation_id": "cid",
    "actor_contains": "actor",
}
"""The short names that some filters have in the addresses of pages."""

Filters = TypeVar("Filters", bound=FilterSchema)


def filters_of(request: HttpRequest, filters: type[Filters], names: Iterable[str]) -> Filters:
    """Return a list's filters as the address gives them, by the rules of `orchestration.lists`.

    What they refuse is left out, and a message names the field: a stale link still opens.
    """
    values: dict[str, Any] = {}
    for name in names:
        given = [word.strip() for word in request.GET.getlist(ADDRESS_NAMES.get(name, name)) if word.strip()]
        if given:
            values[name] = given if _takes_several(filters, name) else given[-1]
    refused: dict[str, dict[str, None]] = {}
    try:
        return filters.model_validate(values)
    except ValidationError as refusal:
        for error in refusal.errors():
            refused.setdefault(str(error["loc"][0]), {})[error["msg"]] = None
    if not asks_for_live_part(request):
        for name, why in refused.items():
            messages.warning(
                request, f"The filter {ADDRESS_NAMES.get(name, name)} is left out: {'; '.join(why)}."
            )
    return filters.model_validate({name: value for name, value in values.items() if name not in refused})


def _takes_several(filters: type[FilterSchema], name: str) -> bool:
    return any(
        getattr(kind, "__origin__", None) is list for kind in get_args(filters.model_fields[name].annotation)
    )


def first(values: Sequence[Any] | None) -> Any:
    """Return the one value that a page's form offers of a filter that takes several; nothing where it is not used."""
    return values[0] if values else ""
