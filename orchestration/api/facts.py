"""Say what pydantic has against a value in our words, where its own speak of Python."""

from collections.abc import Mapping
from typing import Any

FACTS = {
    "missing": "is needed",
    "extra_forbidden": "is not a field of this request",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
}


def fact_of(error: Mapping[str, Any]) -> str:
    """Return what pydantic has against a value, in our words where its own speak of Python."""
    kind, numbers = error["type"], error.get("ctx", {})
    if kind in FACTS:
        return FACTS[kind]
    if kind in {"too_long", "string_too_long"}:
        return f"is longer than {numbers['max_length']}"
    if kind in {"too_short", "string_too_short"}:
        return "is empty" if numbers["min_length"] == 1 else f"is shorter than {numbers['min_length']}"
    return error["msg"].removeprefix("Value error, ")
