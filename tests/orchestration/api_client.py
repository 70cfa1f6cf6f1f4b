"""Call the API as a program would: JSON over HTTP with a bearer token."""

import functools
import json
import re
from typing import Any

import jsonschema
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse
from django.test import Client

from config.api import api as headend


class ApiClient:
    """A test client that sends JSON and a token, and holds each answer against the API's document."""

    def __init__(self, token: str = "", *, raise_errors: bool = False, held: bool = True) -> None:
        self.client = Client(raise_request_exception=raise_errors)
        self.held = held
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self._fits(self.client.get(f"/api/{path}", query or None, headers=self.headers))

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self.send("POST", path, {} if body is None else body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> HttpResponse:
        return self.send("PUT", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> HttpResponse:
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> HttpResponse:
        return self.send("DELETE", path, **headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """Send a change; `If_Match="…"` is a header."""
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        plain = isinstance(body, dict | list | tuple)
        data = json.dumps(body, cls=DjangoJSONEncoder) if plain else body or ""
        kind = "application/json"
        return self._fits(self.client.generic(method, f"/api/{path}", data, content_type=kind, headers=sent))

    def _fits(self, answer: HttpResponse) -> HttpResponse:
        """Return an answer; fail if its status or its shape is not the documented one."""
        asked = answer.wsgi_request
        described = responses_of(asked.method, asked.path) if self.held else None
        if described is None:
            return answer
        status = str(answer.status_code)
        status = status if status in described else f"{status[0]}XX"
        assert status in described, f"{asked.method} {asked.path} answered {answer.status_code}: {answer}"
        kind = answer.get("Content-Type", "").partition(";")[0]
        if status[0] == "2" and kind.endswith("json") and answer.content:
            validator_of(asked.method, asked.path, status, kind).validate(answer.json())
        return answer


@functools.cache
def document() -> dict[str, Any]:
    """Return the API's document, as a client reads it."""
    return json.loads(json.dumps(headend.get_openapi_schema(path_prefix="/api/")))


@functools.cache
def _addresses() -> list[tuple[re.Pattern[str], str]]:
    """Return what the paths of the document match, those without a variable first."""
    paths = sorted(document()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), path) for path in paths]


def _path_of(method: str, address: str) -> str:
    matching = (path for pattern, path in _addresses() if pattern.fullmatch(address))
    return next((path for path in matching if method.lower() in document()["paths"][path]), "")


def responses_of(method: str, address: str) -> dict[str, Any] | None:
    """Return the responses of an operation by status; None if there is no such operation."""
    path = _path_of(method, address)
    return document()["paths"][path][method.lower()]["responses"] if path else None


def validator_of(
    method: str, address: str, status: str, kind: str = "application/json"
) -> jsonschema.Draft202012Validator:
    """Return what checks an answer of an operation."""
    return _validator(_path_of(method, address), method.lower(), status, kind)


@functools.cache
def _validator(path: str, method: str, status: str, kind: str) -> jsonschema.Draft202012Validator:
    content = document()["paths"][path][method]["responses"][status].get("content", {})
    schema = content.get(kind, {}).get("schema", {})
    return jsonschema.Draft202012Validator({**schema, "components": document()["components"]})
