"""Tell of each thing that can be edited as what it was read (`ETag`); edit it only if it is still that (`If-Match`).

One table of things, for every operation below their addresses. An ETag is two digests: one of what a GET of the thing
answers less what changes by itself, by which `If-Match` goes, and one of the whole answer, so that `If-None-Match` never
hides what has changed. It is held against the thing before an edit, and once more where the edit has locked its row.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, QueryDict
from django.http.response import HttpResponseBase
from django.urls import resolve

from channels.limits import current, limited_to
from channels.models import Blackout, Channel, ChannelGroup, Label, PostingSlot
from orchestration.api.auth import READING, identify
from orchestration.core.preconditions import Expectation, expecting
from orchestration.errors import InvalidRequest, OrchestrationError, PreconditionFailed, StaleState
from orchestration.models import (
    ApiToken,
    Attachment,
    Conflict,
    Job,
    NotificationAddress,
    NotificationRule,
    Pool,
    Profile,
    SavedView,
    Schedule,
    Silence,
    Source,
    StandingRule,
    Wave,
    WebhookEndpoint,
)

TAG = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*')
TAGS = re.compile(rf"{TAG.pattern}(,{TAG.pattern})*")


class CannotBeRead(OrchestrationError):
    """What is to be compared could not be read; the problem of that is the answer."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem["detail"])
        self.code, self.status, self.again = problem["code"], problem["status"], problem["again"]  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class Thing:
    """What can be edited below one address: its model, and what of its answer is nobody's edit."""

    model: Callable[[], type[models.Model]]
    by_itself: frozenset[str] = frozenset()
    part: str = ""
    only: frozenset[str] = frozenset()


def _thing(model: type[models.Model], *by_itself: str) -> Thing:
    return Thing(lambda: model, frozenset({"actions", *by_itself}))


def _versioned(model: type[models.Model], part: str = "") -> Thing:
    """Return a thing whose `version` says all: every write raises it."""
    return Thing(lambda: model, part=part, only=frozenset({"id", "version"}))


THINGS: dict[str, Thing] = {
    "attachments": _thing(Attachment),
    "blackouts": _thing(Blackout),
    "channels": _thing(
        Channel,
        *(
            "health",
            "health_reason",
            "health_checked_at",
            "credential_state",
            "credential_expires_at",
            "updated_at",
            "slots",
            "blackouts",
        ),
    ),
    "conflicts": _versioned(Conflict),
    "groups": _thing(ChannelGroup),
    "jobs": _versioned(Job),
    "labels": _thing(Label),
    "notifications/addresses": _thing(NotificationAddress, "last_error", "last_tried_at", "gave_up_at"),
    "notifications/rules": _thing(NotificationRule),
    "notifications/silences": _thing(Silence),
    "pools": _thing(Pool, "used", "waiting", "leases", "day", "days", "resets_at"),
    "profiles": _thing(Profile, "channels", "sources", "files"),
    "schedules": _versioned(Schedule),
    "slots": _thing(PostingSlot),
    "sources": _thing(
        Source,
        *(
            "last_scraped_at",
            "last_found",
            "last_error",
            "next_scrape_at",
            "waiting_items",
            "repairs",
            "place",
        ),
        *("unchanged_readings", "consecutive_failures"),
    ),
    "standing": _thing(
        StandingRule, "next_run_at", "last_run_at", "last_summary", "last_problem", "last_low"
    ),
    "tokens": _thing(ApiToken, "last_used_at", "state"),
    "users": Thing(
        get_user_model,
        frozenset({"actions", "last_login_at", "sessions", "tokens", "why_kept", "second_factors"}),
    ),
    "views": _thing(SavedView),
    "waves": _versioned(Wave, part="wave"),
    "webhooks": _thing(WebhookEndpoint, "failing_since", "failures", "last_error", "paused_until"),
}
ADDRESS = re.compile(rf"/api/({'|'.join(THINGS)})/(\d+|(?<=/profiles/)[-\w]+)(?=/|$)")
"""The address of a thing, and what lies below it. The key of a profile is a word."""


DESCRIBED = re.compile(rf"/api/({'|'.join(THINGS)})/{{\w+}}(?=/|$)")
"""The same in the document."""


@dataclass(frozen=True, slots=True)
class Met:
    """A thing that a request names."""

    address: str
    thing: Thing
    key: str


def met(request: HttpRequest) -> Met | None:
    """Return the thing at the address of a request, or above it; None if there is none that has an ETag."""
    found = ADDRESS.match(request.path_info)
    return Met(found[0], THINGS[found[1]], found[2]) if found else None


def etag_of(thing: Thing, document: dict[str, Any]) -> str:
    """Return the ETag of what a GET of a thing answers: as what it is edited, and as what it is read."""
    told = document[thing.part] if thing.part else document
    counts = {
        name: value
        for name, value in told.items()
        if name not in thing.by_itself and (not thing.only or name in thing.only)
    }
    return f'"{_digest(counts)}-{_digest(document)[:16]}"'


def _digest(document: dict[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _edited_as(tag: str) -> str:
    """Return the part of an ETag that an edit goes by; a weak one keeps its mark, and so names nothing."""
    return tag.partition("-")[0].strip('"')


def conditionally(request: HttpRequest, run: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Answer a request, an edit only if `If-Match` holds, with the ETag of the thing as it is then.

    Raises: InvalidRequest, if `If-Match` cannot be read, or stands where nothing has an ETag; PreconditionFailed.
    """
    found = met(request)
    wanted = None if request.method in READING else request.headers.get("If-Match")
    if wanted is None:
        return _answer(request, run, found)
    if found is None:
        raise InvalidRequest("Nothing at this address has an ETag; leave If-Match out.", field="If-Match")
    if not TAGS.fullmatch(wanted) and wanted.strip() != "*":
        raise InvalidRequest("If-Match is * or ETags in quotation marks.", field="If-Match")
    if identify(request) is None:
        return run()  # refuses by itself

    def check() -> None:
        _require(request, found, wanted)

    check()
    with expecting(Expectation(found.thing.model(), found.key, check)):
        return _answer(request, run, found)


def unchanged(request: HttpRequest) -> AbstractContextManager[None]:
    """Let an edit of a thing fail that is no more as it is now: for a change of parts, which reads and writes the whole.

    Raises, from inside: StaleState.
    """
    found = met(request)
    if found is None:
        raise LookupError(f"nothing has an ETag at {request.path_info}")
    seen = _present(request, found)[0]

    def check() -> None:
        if _present(request, found)[0] != seen:
            raise StaleState("Somebody else changed it in the meantime; send the change again.")

    return expecting(Expectation(found.thing.model(), found.key, check))


def _answer(request: HttpRequest, run: Callable[[], HttpResponseBase], found: Met | None) -> HttpResponseBase:
    """Answer, with the ETag of the thing where the answer is the thing: as it was read, or as it is by a PATCH or a PUT."""
    response = run()
    if found is None or found.address != request.path_info:
        return response
    return _unless_known(request, _tell(response, found))


def _unless_known(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Answer a read with 304 and no body if who asks has it as it is; the weak comparison of RFC 9110, as for all reads."""
    wanted, etag = request.headers.get("If-None-Match", ""), response.headers.get("ETag")
    if request.method not in READING or etag is None:
        return response
    if wanted.strip() != "*" and etag not in [tag.strip().removeprefix("W/") for tag in TAG.findall(wanted)]:
        return response
    return HttpResponseNotModified(headers={"ETag": etag})


def _require(request: HttpRequest, found: Met, wanted: str) -> None:
    etag, document = _present(request, found)
    if not etag:
        if request.method == "PUT":
            raise PreconditionFailed("There is no such thing yet.", field="If-Match")
        return  # the operation itself says that there is no such thing
    if wanted.strip() == "*" or _edited_as(etag) in [_edited_as(tag.strip()) for tag in TAG.findall(wanted)]:
        return
    told = document[found.thing.part] if found.thing.part else document
    version = {"version": told["version"]} if "version" in told else {}
    raise PreconditionFailed(
        "It was changed since it was read; read it again before you decide.",
        field="If-Match",
        etag=etag,
        **version,
    )


def _present(request: HttpRequest, found: Met) -> tuple[str, dict[str, Any]]:
    """Return the ETag of a thing and all that a GET of it answers now; empty if who asks sees no such thing."""
    asked = copy.copy(request)
    asked.method = "GET"
    asked.GET = QueryDict()
    asked.META = {name: value for name, value in request.META.items() if name != "HTTP_IF_NONE_MATCH"} | {
        "REQUEST_METHOD": "GET",
        "QUERY_STRING": "",
    }
    asked.__dict__.pop("headers", None)  # of the request itself, kept once they were looked at
    asked.path_info = found.address
    view, arguments, named = resolve(found.address)
    with limited_to(current()):  # whose limit the question sets anew
        response = view(asked, *arguments, **named)
    if response.status_code >= 500:
        raise CannotBeRead(json.loads(response.content))
    etag = response.headers.get("ETag", "")
    return etag, json.loads(response.content) if etag else {}


def _tell(response: HttpResponseBase, found: Met) -> HttpResponseBase:
    """Tell the ETag of the thing that an answer is."""
    kind = response.headers.get("Content-Type", "")
    if (
        response.status_code == 200
        and isinstance(response, HttpResponse)
        and kind.startswith("application/json")
    ):
        response.headers["ETag"] = etag_of(found.thing, json.loads(response.content))
    return response
