"""Complete the OpenAPI document with what holds for all operations: problems, Idempotency-Key, the run's token."""

from typing import Any

from orchestration.api.idempotency import MAX_KEY_LENGTH
from orchestration.api.problems import CONTENT_TYPE

PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457; further members are facts of the case, for example the present `state`.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "again"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:headend:problem:illegal_transition"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "stable", "examples": ["illegal_transition"]},
        "field": {"type": "string", "description": "the field at fault"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "again": {"type": "string", "enum": ["again", "never", "unknown"]},
        "state": {"type": "string", "description": "the present state, where that is the reason"},
    },
}
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "The same key and body have one effect and one answer for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
}
RUN_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "GitHub's OIDC token or the one-use secret for the permit; what came with it for the rest",
}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add what every operation shares, and return the document."""
    components = document["components"]
    components["schemas"]["Problem"] = PROBLEM
    components.setdefault("securitySchemes", {})["RunToken"] = RUN_TOKEN
    refused = {
        "description": "Refused, or failed: a problem",
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in document["paths"].values():
        for method, operation in operations.items():
            operation["responses"]["default"] = refused
            if method == "post" and "run callbacks" not in operation.get("tags", ()):
                operation["parameters"].append(IDEMPOTENCY_KEY)
    return document
