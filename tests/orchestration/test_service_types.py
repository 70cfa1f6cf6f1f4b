"""Every public method of the service says precisely what it takes and what it returns."""

import inspect
from collections.abc import Callable
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from orchestration.service import CentralOrchestrationService

VAGUE = {Any, object, dict, list, tuple}
METHODS = [
    method
    for name, method in inspect.getmembers(CentralOrchestrationService, inspect.isfunction)
    if not name.startswith("_")
]


def parts_of(hint: object) -> list[object]:
    """Return a hint with everything in it."""
    return [hint, *(part for argument in get_args(hint) for part in parts_of(argument))]


def test_the_walk_finds_the_whole_service() -> None:
    assert len(METHODS) >= 59


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_a_method_says_what_it_takes_and_returns(method: Callable[..., object]) -> None:
    hints = get_type_hints(method)
    parameters = set(inspect.signature(method).parameters) - {"self"}
    assert parameters | {"return"} <= hints.keys()
    returned = hints["return"]
    assert get_origin(returned) is not dict, "a named type says more"
    assert [part for part in parts_of(returned) if part in VAGUE] == []
