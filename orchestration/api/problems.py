"""Describe what went wrong as RFC 9457 problems, alike for the API and for `--json` on the command line."""

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
