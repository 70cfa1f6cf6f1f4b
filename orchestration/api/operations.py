"""Know the API's operations by their ids: what each takes and needs, and ask one on behalf of a request.

What an assistant is offered is read from here, so that a new operation is offered without a second description of it.
"""

from __future__ import annotations

import functools
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from orchestration.api.answers import LOOK_OUTSIDE
from orchestration.core.permissions import NEEDS, SCOPES, Actor
from orchestration.errors import InvalidRequest, NotFound
from orchestration.fields import check_whole
from orchestration.models import ApiToken

PREFIX = "/api/"
CARRIED = (
    "REMOTE_ADDR",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_AUTHORIZATION",
    "HTTP_HOST",
    "SERVER_NAME",
    "SERVER_PORT",
)
"""What an operation that is asked on behalf of a request is told of where that came from."""

CLOSED_TAGS: dict[str, str] = {
    "tokens": "whoever makes tokens needs no confirmation",
    "users": "people and what they may do are a person's to say",
    "me": "an assistant is no person",
    "proposals": "they have tools of their own",
    "run callbacks": "they are for runs, with their own token",
    "uploads": "files are not sent through an assistant",
    "webhooks": "they hold secrets, and look at the network",
    "events": "a stream is no answer",
}
"""What no assistant is offered to change, and why; what of it can be read in JSON, it may read."""
CLOSED: dict[str, str] = {
    "channels_acknowledge_public": "it speaks to GitHub before it writes",
    "channels_provision": "it speaks to GitHub before it writes",
    "channels_resolve_drift": "it speaks to GitHub before it writes",
    "channels_set_credential": "it takes a secret",
    "sources_set_access": "it takes a secret",
    "sources_set_keys": "it takes a secret",
    "sources_create": "it looks at the network before it writes",
    "sources_change": "it looks at the network before it writes",
    "sources_patch": "it looks at the network before it writes",
    "sources_add_storage": "it takes a secret",
    "notifications_addresses_create": "it takes a secret, and looks at the network",
    "notifications_addresses_change": "it takes a secret, and looks at the network",
    "notifications_addresses_patch": "it takes a secret, and looks at the network",
    "notifications_addresses_test": "it sends a message",
    "plan_calendar_address": "its answer is a secret",
    "plan_calendar_address_remove": "it is a person's own",
    "setup_check_github": "it takes a secret, and looks at the network",
    "setup_check_google": "it takes a secret, and looks at the network",
    "since_seen": "it is a person's own",
    "views_create": "it is a person's own",
    "views_change": "it is a person's own",
    "views_patch": "it is a person's own",
    "views_remove": "it is a person's own",
    "views_delete": "it is a person's own",
    "videos_add_picture": "files are not sent through an assistant",
    "videos_add_subtitles": "files are not sent through an assistant",
    "configuration_apply": "it looks at the network before it writes",
    "orchestration_make_backup": "where it is written is for whoever keeps the machine",
}
PREVIEWED_BY = {
    "bulk_do": "bulk_preview",
    "orchestration_resume": "orchestration_preview_resume",
    "plan_import": "plan_preview",
    "schedules_move": "schedules_move_preview",
    "waves_move": "waves_move_preview",
    "waves_recall": "waves_recall_preview",
}
"""Changes without a dry run of their own that another operation shows beforehand."""
SHOWN_ONLY = frozenset({"orchestration_resume", "schedules_move", "waves_move", "waves_recall"})
"""Of these the preview tells of the moment, so that it need not be the same when the change is made."""
AS_SEEN = {
    "orchestration_resume": "orchestration_status",
    "schedules_move": "schedules_show",
    "waves_move": "waves_show",
}
"""Of these the version is proposed that the operation beside it shows, unless one is: whatever else becomes of the row
until then, the change is not made. A recall names the publications that it takes back."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API."""

    id: str
    method: str
    path: str
    tags: tuple[str, ...]
    summary: str
    description: str
    needs: str
    parameters: Mapping[str, Mapping[str, Any]]
    in_path: frozenset[str]
    required: frozenset[str]
    body: str
    """The name of its body's schema; empty without one."""
    fields: Mapping[str, Any]
    answers_json: bool

    @property
    def reads(self) -> bool:
        """Return whether it only looks, by its method or by its name."""
        return self.method == "get" or "preview" in self.id.split("_")

    @property
    def has_dry_run(self) -> bool:
        """Return whether it can be asked what it would do."""
        return "dry_run" in self.fields

    @property
    def has_fingerprint(self) -> bool:
        """Return whether it takes the fingerprint of the plan that was shown."""
        return "fingerprint" in self.fields

    @property
    def closed(self) -> str:
        """Return why no assistant is offered it; empty if one is."""
        if self.reads:
            if "run callbacks" in self.tags:
                return CLOSED_TAGS["run callbacks"]
            return "" if self.answers_json else "it answers no JSON"
        if LOOK_OUTSIDE.fullmatch(re.sub(r"{\w+}", "1", self.path)):
            return CLOSED.get(self.id, "it looks outside before it writes")
        return CLOSED.get(self.id) or next((CLOSED_TAGS[tag] for tag in self.tags if tag in CLOSED_TAGS), "")

    def split(self, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """Return address, query and body of a call. Raises: InvalidRequest, naming what it does not take or lacks."""
        known = set(self.parameters) | set(self.fields)
        if unknown := sorted(set(arguments) - known):
            raise InvalidRequest(f"{self.id} takes no {unknown[0]}.", field=unknown[0])
        if lacking := sorted(self.in_path - set(arguments)):
            raise InvalidRequest(f"{lacking[0]} is needed.", field=lacking[0])
        path = self.path
        for name in self.in_path:
            path = path.replace(f"{{{name}}}", quote(_plain(arguments[name], name), safe=""))
        query = {
            name: arguments[name]
            for name in self.parameters
            if name in arguments and name not in self.in_path
        }
        body = {name: arguments[name] for name in self.fields if name in arguments}
        return path, query, body


def require_holdable(value: Any) -> None:
    """Refuse texts anywhere in a value that no database holds. Raises: InvalidRequest."""
    if isinstance(value, str):
        try:
            check_whole(value)
        except ValueError as error:
            raise InvalidRequest(f"A text {error}.", field="arguments") from error
    elif isinstance(value, Mapping):
        for name, item in value.items():
            require_holdable(name)
            require_holdable(item)
    elif isinstance(value, list):
        for item in value:
            require_holdable(item)


def _plain(value: Any, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value in ("", ".", ".."):
        raise InvalidRequest(f"{name} is a number or a word.", field=name)
    return str(value)


_source: list[Callable[[], dict[str, Any]]] = []
_needs: dict[str, str] = {}


def know(document: Callable[[], dict[str, Any]], views: Iterator[tuple[str, Callable[..., Any]]]) -> None:
    """Read the operations from this document when they are first asked for, and what each needs from its view."""
    _source[:] = [document]
    _needs.clear()
    _needs.update({name: needs_of(view) for name, view in views})
    everything.cache_clear()


def needs_of(view: Callable[..., Any]) -> str:
    """Return the level that a view needs: the highest of the service's methods that it calls."""
    view = unwrapped(view)
    called = [NEEDS[name] for name in view.__code__.co_names if name in NEEDS]
    return max(called, key=SCOPES.__getitem__, default=ApiToken.Scope.READ.value)


def unwrapped(view: Any) -> Any:
    """Return a view without what was put around it."""
    while hasattr(view, "__wrapped__"):
        view = view.__wrapped__
    return view


@functools.cache
def everything() -> Mapping[str, Operation]:
    """Return every operation by its id."""
    document = _source[0]()
    schemas = document["components"]["schemas"]
    found = {}
    for path, operations in document["paths"].items():
        for method, described in operations.items():
            made = _operation(path, method, described, schemas)
            found[made.id] = made
    return found


@functools.cache
def schemas() -> Mapping[str, Any]:
    """Return the schemas that operations refer to."""
    return _source[0]()["components"]["schemas"]


def one(operation_id: str) -> Operation:
    """Return an operation. Raises: NotFound."""
    found = everything().get(operation_id)
    if found is None:
        raise NotFound(f"There is no operation {operation_id[:80]}.", field="operation")
    return found


def _least(method: str, needs: str) -> str:
    """Return what a call needs at least: whatever is sent by another method than GET is taken from a scheduler or above."""
    least = ApiToken.Scope.READ if method == "get" else ApiToken.Scope.SCHEDULE
    return max(needs, least.value, key=SCOPES.__getitem__)


def _operation(path: str, method: str, described: dict[str, Any], schemas: dict[str, Any]) -> Operation:
    content = described.get("requestBody", {}).get("content", {})
    body = content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
    parameters = {
        item["name"]: {
            **item["schema"],
            **({"description": item["description"]} if "description" in item else {}),
        }
        for item in described.get("parameters", ())
        if item["in"] in ("path", "query")
    }
    in_path = frozenset(re.findall(r"{(\w+)}", path))
    required = {item["name"] for item in described.get("parameters", ()) if item.get("required")}
    must_come = described.get("requestBody", {}).get("required", False)
    schema = schemas.get(body, {})
    answers = [value for status, value in described["responses"].items() if str(status).startswith("2")]
    return Operation(
        id=described["operationId"],
        method=method,
        path=path,
        tags=tuple(described.get("tags", ())),
        summary=described.get("summary", ""),
        description=described.get("description", ""),
        needs=_least(method, _needs.get(described["operationId"], ApiToken.Scope.READ.value)),
        parameters=parameters,
        in_path=in_path,
        required=frozenset(
            required & set(parameters) | (set(schema.get("required", ())) if must_come else set())
        ),
        body=body,
        fields=schema.get("properties", {}),
        answers_json=any("application/json" in value.get("content", {}) for value in answers)
        and (not content or "application/json" in content),
    )


# --------------------------------------------------------------------------------------------------------------- asking


def ask(request: HttpRequest, operation: Operation, arguments: Mapping[str, Any]) -> HttpResponse:
    """Ask an operation on behalf of whoever sent a request; everything that is checked of a request is checked of this."""
    path, query, body = operation.split(arguments)
    sent = json.dumps(body).encode() if operation.fields else b""
    environ: dict[str, Any] = {name: request.META[name] for name in CARRIED if name in request.META}
    environ |= {
        "REQUEST_METHOD": operation.method.upper(),
        "PATH_INFO": path,
        "QUERY_STRING": urlencode(query_of(query), doseq=True),
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(sent)),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BytesIO(sent),
    }
    inner = WSGIRequest(environ)
    match = resolve(path)
    response: HttpResponse = match.func(inner, *match.args, **match.kwargs)
    return response


def look(actor: Actor, path: str, query: Sequence[tuple[str, str]]) -> HttpResponseBase:
    """Return what a GET answers to somebody who is known already: `path` is what stands behind `/api/`. Raises: NotFound."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": f"{PREFIX}{path.strip('/')}",
        "QUERY_STRING": urlencode(query),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(),
    }
    inner = WSGIRequest(environ)
    inner.known = actor  # type: ignore[attr-defined]  # as `auth.identify` notes whom it found
    try:
        match = resolve(inner.path_info)
    except Resolver404 as error:
        raise NotFound(f"There is no {path[:80]} below {PREFIX}.", field="path") from error
    response: HttpResponseBase = match.func(inner, *match.args, **match.kwargs)
    return response


def query_of(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a query as an address takes it: truth in small letters, what is null left out."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in query.items()
        if value is not None
    }


def answer_of(response: HttpResponse) -> Any:
    """Return what an answer says, as JSON; None if it says nothing."""
    return json.loads(response.content) if response.content else None
