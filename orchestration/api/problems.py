"""Describe what went wrong as RFC 9457 problems, alike for the API and for `--json` on the command line."""

from collections.abc import Mapping
from typing import Any

from orchestration.api.schemas.plain_values import plain
from orchestration.errors import OrchestrationError

CONTENT_TYPE = "application/problem+json"


def problem(
    code: str,
    status: int,
    detail: str,
    *,
    field: str = "",
    errors: list[dict[str, Any]] | None = None,
    again: str = "never",
    **details: Any,
) -> dict[str, Any]:
    """Return a problem document; `details` are facts of the case, for example the present state."""
    document: dict[str, Any] = {
        "type": f"urn:headend:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "again": again,
    }
    if field:
        document["field"] = field
    if errors:
        document["errors"] = errors
    return document | {key: plain(value) for key, value in details.items() if key not in document}


def of_error(error: OrchestrationError) -> dict[str, Any]:
    """Return the problem that a refusal of the service is."""
    details = dict(error.details)
    errors = details.pop("errors", None)
    if errors is None and error.field and error.status == 422:
        errors = [{"field": error.field, "message": error.message}]
    return problem(
        error.code,
        error.status,
        error.message,
        field=error.field,
        errors=errors,
        again=error.again,
        **details,
    )


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
