"""Complete the OpenAPI document with what holds for all operations: problems, Idempotency-Key, the run's token."""

import re
from typing import Any

from orchestration.api.conditions import DESCRIBED
from orchestration.api.examples import Examples, refusal_of
from orchestration.api.idempotency import MAX_KEY_LENGTH
from orchestration.api.pagination import SPARSE_PAGE, SPARSE_THING, SPARSE_TYPE
from orchestration.api.problems import CONTENT_TYPE
from orchestration.fields import LINE_PATTERN

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
LINE = LINE_PATTERN.removeprefix("^").removesuffix("*$")
NOT_BLANK_PATTERN = f"^{LINE}*{LINE.removesuffix(']')}\\s\\u202a-\\u202e\\u2066-\\u2069]{LINE}*$"
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "The same key and body have one effect and one answer for 24 hours.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_KEY_LENGTH,
        "pattern": "^[ -~]*[!-~][ -~]*$",
    },
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "description": "The `ETag` with which the thing was read, or several: refused (412) if it is another by now; `*`: any.",
    "schema": {
        "type": "string",
        "pattern": r"^(\*|(W/)?\"[!#-~]*\"( *, *(W/)?\"[!#-~]*\")*)$",
        "examples": ['"0f343b0931126a20f133d67c2b018a3b-7f83b1657ff1fc53"'],
    },
}
IF_NONE_MATCH = {
    **IF_MATCH,
    "name": "If-None-Match",
    "description": "The `ETag` with which the thing was read, or several: 304 without a body if all of it is the same.",
}
ETAG = {
    "description": "As what the thing was read; send it as `If-Match` with an edit, as `If-None-Match` with the next read.",
    "schema": {"type": "string"},
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
LOOKING_AHEAD = ("/allowed", "preview")
"""What looks at what a change would do, and is refused where the change would be."""
BODY = {
    "413": "The body is larger than is read: a problem",
    "415": "The body is not of a media type that is read here: a problem",
}
NOT_AS_EXPECTED = (
    "It is not as `If-Match` says, or this version of the protocol is not spoken here: a problem"
)
CONDITIONAL = {"412": NOT_AS_EXPECTED}
FOLLOWING = {"410": "The stream does not hold the event that is to be gone on from: a problem; begin anew"}
SENDING = {
    "410": "The upload has ended or was thrown away: a problem",
    "412": NOT_AS_EXPECTED,
    "423": "Another request sends to this upload: a problem",
    "460": "The bytes are not those of the checksum: a problem",
}
"""What the resumable uploads may answer besides (tus 1.0)."""


def webhooks_of(schemas: dict[str, Any]) -> dict[str, Any]:
    """Return what Headend itself sends to webhook endpoints; their signing follows Standard Webhooks."""
    if "EventOut" not in schemas:
        return {}
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return {
        "event": {
            "post": {
                "operationId": "webhook_event",
                "summary": "Something happened",
                "description": "Each type stands in docs/webhooks.md; `webhook.test` has an `id` and a `message` only.",
                "parameters": [
                    {"in": "header", "name": name, "required": True, "schema": {"type": "string"}}
                    for name in names
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EventOut"}}},
                },
                "responses": {
                    "2XX": {"description": "Taken"},
                    "410": {"description": "Send no more: the endpoint is switched off"},
                },
            }
        }
    }


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add what every operation shares, and return the document, so that generators of clients read all of it."""
    components = document["components"]
    components["schemas"]["Problem"] = PROBLEM
    components["schemas"]["SparsePage"] = SPARSE_PAGE
    components["schemas"]["SparseThing"] = SPARSE_THING
    components.setdefault("securitySchemes", {})["RunToken"] = RUN_TOKEN
    told = components.setdefault("responses", {})
    examples = Examples(components)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _say_examples_once(operation)
            _say_one_success(operation)
            _plain_body(operation)
            _say_sparse(method, operation, components["schemas"])
            _say_conditions(path, method, operation)
            for status, description in refusals_of(path, method, operation).items():
                told[f"Refused{status}"] = _refused(status, description)
                operation["responses"].setdefault(status, {"$ref": f"#/components/responses/Refused{status}"})
            _say_examples(operation, examples)
            if method == "post" and "run callbacks" not in operation.get("tags", ()):
                operation["parameters"].append(IDEMPOTENCY_KEY)
    _say_links(document)
    _say_not_blank(document)
    document["webhooks"] = webhooks_of(components["schemas"])
    return document


def refusals_of(path: str, method: str, operation: dict[str, Any]) -> dict[str, str]:
    """Return which refusals an operation may answer with, each status with what it means."""
    found = dict(ALWAYS)
    if operation.get("parameters") or "requestBody" in operation:
        found |= NAMED | GIVEN
    if method != "get" or path.endswith(LOOKING_AHEAD) or "run callbacks" in operation.get("tags", ()):
        found |= CHANGING
    if method != "get":
        found["422"] = GIVEN["422"]
    if "requestBody" in operation:
        found |= BODY
    if method != "get" and DESCRIBED.match(path):
        found |= CONDITIONAL
    if "events" in operation.get("tags", ()):
        found |= FOLLOWING
    if "uploads" in operation.get("tags", ()):
        found |= BODY | SENDING
    return found


def _refused(status: str, description: str) -> dict[str, Any]:
    media = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": refusal_of(status)}
    return {"description": description, "content": {CONTENT_TYPE: media}}


def _say_examples(operation: dict[str, Any], examples: Examples) -> None:
    """Give a body and what is answered an example each."""
    name = operation["operationId"]
    for media in operation.get("requestBody", {}).get("content", {}).values():
        examples.give(media, f"{name}_body", given=True)
    for status, answer in operation["responses"].items():
        if str(status).startswith("2"):
            for media in answer.get("content", {}).values():
                examples.give(media, f"{name}_{status}", given=False)


def _say_examples_once(operation: dict[str, Any]) -> None:
    """Move a parameter's examples into its schema: beside it OpenAPI wants them by name, and generators insist."""
    for parameter in operation.get("parameters", ()):
        if isinstance(parameter.get("examples"), list):
            parameter["schema"].setdefault("examples", parameter.pop("examples"))


def _say_not_blank(said: Any) -> None:
    """Let a line that has to say something hold more than spaces: they are taken away before it is measured."""
    if isinstance(said, dict):
        if said.get("pattern") == LINE_PATTERN and said.get("minLength", 0) > 0:
            said["pattern"] = NOT_BLANK_PATTERN
        for part in said.values():
            _say_not_blank(part)
    elif isinstance(said, list):
        for part in said:
            _say_not_blank(part)


def _say_one_success(operation: dict[str, Any]) -> None:
    """Drop the plain 200 that ninja says of every operation without a schema, where what it answers is described."""
    answers = operation["responses"]
    described = [status for status in answers if 200 < int(status) < 300]
    plain = next(
        (status for status in answers if int(status) == 200 and "content" not in answers[status]), None
    )
    if described and plain is not None:
        del answers[plain]


def _say_sparse(method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Describe what a list answers if only some fields of its items are asked for, and what one thing does."""
    content = operation["responses"].get(200, {}).get("content", {})
    if any(parameter["name"] == "fields" for parameter in operation.get("parameters", ())):
        content[SPARSE_TYPE] = {"schema": {"$ref": "#/components/schemas/SparsePage"}}
        return
    told = content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
    names = list(schemas.get(told, {}).get("properties", ()))
    if method != "get" or not names:
        return
    content[SPARSE_TYPE] = {"schema": {"$ref": "#/components/schemas/SparseThing"}}
    operation.setdefault("parameters", []).append(
        {
            "in": "query",
            "name": "fields",
            "required": False,
            "description": "only these fields; repeated, or with commas between them",
            "schema": {"type": "array", "items": {"type": "string", "enum": names}, "minItems": 1},
        }
    )


def _say_links(document: dict[str, Any]) -> None:
    """Lead from what was made to all that can be asked of it: the `id` of the answer is the one in the address."""
    paths, schemas = document["paths"], document["components"]["schemas"]
    for path, operations in paths.items():
        made = operations.get("post", {}).get("responses", {}).get(201, {})
        told = made.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
        if "{" in path or "id" not in schemas.get(told.rpartition("/")[2], {}).get("properties", ()):
            continue
        for below, others in paths.items():
            found = re.match(rf"{re.escape(path)}/{{(\w+)}}(/[^{{]*)?$", below)
            if found is None:
                continue
            for operation in others.values():
                made.setdefault("links", {})[operation["operationId"]] = {
                    "operationId": operation["operationId"],
                    "parameters": {found[1]: "$response.body#/id"},
                }


def _say_conditions(path: str, method: str, operation: dict[str, Any]) -> None:
    """Describe by what a thing is known that was read, and what of it an edit may ask."""
    found = DESCRIBED.match(path)
    if found is None:
        return
    if method != "get":
        operation["parameters"].append(IF_MATCH)
    if found[0] == path and method in ("get", "patch", "put"):
        for status, answer in operation["responses"].items():
            if str(status) == "200":
                answer["headers"] = {"ETag": ETAG}
    if found[0] == path and method == "get":
        operation.setdefault("parameters", []).append(IF_NONE_MATCH)
        operation["responses"]["304"] = {
            "description": "It is as `If-None-Match` says",
            "headers": {"ETag": ETAG},
        }


def _plain_body(operation: dict[str, Any]) -> None:
    """Let a body that may be left out be no more than its schema: a default for a whole object is what generators refuse."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        schema = media["schema"]
        schema.pop("default", None)
        if set(schema) <= {"allOf", "title"} and len(schema.get("allOf", ())) == 1:
            media["schema"] = schema["allOf"][0]
