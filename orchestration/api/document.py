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


ALWAYS = {
    "401": "Nobody is logged in, or the token is none: a problem",
    "403": "Whoever asks may not do this: a problem",
    "429": "Too many requests for now: a problem; `Retry-After` says when to ask again",
    "5XX": "Failed, or not to be had for now: a problem; `again` says whether the same request may be sent again",
}
"""What every operation may answer, whatever is asked."""
NAMED = {"404": "What is named is not there: a problem"}
"""What an operation may answer that names something: in its address, its query or its body."""
GIVEN = {
    "400": "The request cannot be read: a problem",
    "422": "What was sent cannot be used: a problem that names the field and the fact",
}
CHANGING = {"409": "Not possible in the present state: a problem that names the state"}
BODY = {
    "413": "The body is larger than is read: a problem",
    "415": "The body is not of a media type that is read here: a problem",
}
SENDING = {
    "410": "The upload has ended or was thrown away: a problem",
    "412": "The version of the protocol is not spoken here: a problem",
    "423": "Another request sends to this upload: a problem",
    "460": "The bytes are not those of the checksum: a problem",
}
"""What the resumable uploads may answer besides (tus 1.0)."""


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add what every operation shares, and return the document, so that generators of clients read all of it."""
    components = document["components"]
    components["schemas"]["Problem"] = PROBLEM
    components.setdefault("securitySchemes", {})["RunToken"] = RUN_TOKEN
    told = components.setdefault("responses", {})
    for operations in document["paths"].values():
        for method, operation in operations.items():
            _say_examples_once(operation)
            _plain_body(operation)
            for status, description in refusals_of(method, operation).items():
                told[f"Refused{status}"] = _refused(description)
                operation["responses"].setdefault(status, {"$ref": f"#/components/responses/Refused{status}"})
            if method == "post" and "run callbacks" not in operation.get("tags", ()):
                operation["parameters"].append(IDEMPOTENCY_KEY)
    return document


def refusals_of(method: str, operation: dict[str, Any]) -> dict[str, str]:
    """Return which refusals an operation may answer with, each status with what it means."""
    found = dict(ALWAYS)
    if operation.get("parameters") or "requestBody" in operation:
        found |= NAMED | GIVEN
    if method != "get" or "run callbacks" in operation.get("tags", ()):
        found |= CHANGING
    if "requestBody" in operation:
        found |= BODY
    if "uploads" in operation.get("tags", ()):
        found |= BODY | SENDING
    return found


def _refused(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {CONTENT_TYPE: {"schema": schema}}}


def _say_examples_once(operation: dict[str, Any]) -> None:
    """Move a parameter's examples into its schema: beside it OpenAPI wants them by name, and generators insist."""
    for parameter in operation.get("parameters", ()):
        if isinstance(parameter.get("examples"), list):
            parameter["schema"].setdefault("examples", parameter.pop("examples"))


def _plain_body(operation: dict[str, Any]) -> None:
    """Let a body that may be left out be no more than its schema: a default for a whole object is what generators refuse."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        schema = media["schema"]
        schema.pop("default", None)
        if set(schema) <= {"allOf", "title"} and len(schema.get("allOf", ())) == 1:
            media["schema"] = schema["allOf"][0]
