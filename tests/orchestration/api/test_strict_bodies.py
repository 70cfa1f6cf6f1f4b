"""A number or a yes in a body is one by its type, as the document says: `"7"`, `1` for yes and `7.0` are refused."""

import typing
from collections.abc import Iterator
from datetime import time
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from config.api import api
from orchestration.fields import WallTime

LAX = {"FilterDocument"}
"""What is also read from where it is stored, and checked by the planner's own rules."""


def parts(hint: Any, metadata: list[Any]) -> Iterator[tuple[Any, bool]]:
    """Yield the types that a hint is made of, and whether each is taken by its type alone."""
    is_strict = any(getattr(each, "strict", False) or is_strict_field(each) for each in metadata)
    yield hint, is_strict
    for each in typing.get_args(hint):
        if typing.get_origin(hint) is typing.Annotated and each is typing.get_args(hint)[0]:
            yield from parts(each, list(typing.get_args(hint)[1:]))
        elif isinstance(each, type) or typing.get_args(each):
            yield from parts(each, metadata)


def is_strict_field(each: Any) -> bool:
    return any(getattr(inner, "strict", False) for inner in getattr(each, "metadata", ()))


def bodies() -> set[type[BaseModel]]:
    """Return every schema that a request's body is read by."""
    found: set[type[BaseModel]] = set()
    waiting: list[Any] = [
        field.annotation
        for _, router in api._routers
        for view in router.path_operations.values()
        for operation in view.operations
        for model in operation.models
        if model.__ninja_param_source__ == "body"
        for field in model.model_fields.values()
    ]
    while waiting:
        for each, _ in parts(waiting.pop(), []):
            if isinstance(each, type) and issubclass(each, BaseModel) and each not in found:
                found.add(each)
                waiting += [field.annotation for field in each.model_fields.values()]
    return found


def test_numbers_and_yes_are_taken_by_their_type_alone():
    found = bodies()
    assert len(found) > 60
    lax = [
        f"{model.__name__}.{name}"
        for model in found
        if model.__name__ not in LAX and not model.model_config.get("strict")
        for name, field in model.model_fields.items()
        for hint, is_strict in parts(field.annotation, list(field.metadata))
        if hint in (int, bool) and not is_strict
    ]
    assert not lax, f"say strict=True, or take BodyId: {sorted(lax)}"


@pytest.mark.parametrize("value", [0, 64_800, 18.5, "18", "18:00Z", "18:00+02:00", "", None, ["18:00"]])
def test_a_time_on_a_wall_is_text_without_an_offset(value):
    with pytest.raises(ValidationError):
        TypeAdapter(WallTime).validate_python(value)
    assert TypeAdapter(WallTime).validate_python("18:00") == time(18)
