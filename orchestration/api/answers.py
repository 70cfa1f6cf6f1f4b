"""Wrap every address of the API: a correlation id, one effect per Idempotency-Key, problems for 404 and 405."""

import functools
import json
import re
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from ninja.responses import NinjaJSONEncoder

from orchestration.api import idempotency
from orchestration.api.auth import READING, ApiRequest, identify, rate_headers
from orchestration.api.conditions import conditionally
from orchestration.api.pagination import only_fields
from orchestration.api.problems import CONTENT_TYPE, problem
from orchestration.below import below
from orchestration.core.audit import new_correlation_id
from orchestration.errors import IdempotencyConflict

View = Callable[..., HttpResponseBase]
KEPT_HEADERS = ("Content-Type", "Location", "X-Correlation-Id")
TUS_PREFIX = "/api/uploads"
RUNS_OWN = re.compile(r"/api/runs/[^/]+/(permit|result)")
"""Where the bearer is a run's and no token of ours: it is not looked for among these, nor counted as a wrong one."""
NEVER_KEPT = frozenset({401, 403, 412, 429})
# What asks another machine, runs ffmpeg or throws files away may not lie inside a transaction: a new source's host name and
# a notification's or webhook's address are looked up, a test sends a message, probes and checks ask Google or GitHub.
LOOK_OUTSIDE = re.compile(
    r"/api/(sources(/storages|/\d+(/change)?)?|notifications/addresses(/\d+(/(change|test))?)?|"
    r"webhooks(/\d+(/(change|test))?)?|webhooks/deliveries/\d+/resend|blockers/\d+/(probe|take-over-branch)|"
    r"setup/check-\w+|channels/\d+/repository/(resolve|provision)|videos/\d+/(pictures|frames|subtitles)|"
    r"orchestration/clean-disk|configuration)"
)

# What these answer is shown once: it is kept nowhere, so a repeat of their key is refused instead of answered.
SHOWN_ONCE = re.compile(r"/api/(tokens|users/\d+/password-link|plan/calendar-address|webhooks(/\d+/rotate)?)")


class ProblemResponse(HttpResponse):
    """An answer that carries a problem, and whether to ask again."""

    again: str = ""


def problem_response(document: dict[str, Any], **headers: str) -> ProblemResponse:
    """Return an answer that carries a problem."""
    response = ProblemResponse(
        json.dumps(document, cls=NinjaJSONEncoder),
        status=document["status"],
        content_type=CONTENT_TYPE,
        headers=headers,
    )
    response.again = document.get("again", "")
    return response


def answered(
    pattern: URLPattern, on_exception: Callable[[HttpRequest, Exception], HttpResponse]
) -> URLPattern:
    """Wrap the view of one address; what goes wrong outside of ninja's own reach goes to the same error table."""
    view = pattern.callback

    @functools.wraps(view)
    def wrapper(request: ApiRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.correlation_id = new_correlation_id()
        try:
            run = functools.partial(conditionally, request, functools.partial(view, request, *args, **kwargs))
            is_once = request.method == "POST" and "Idempotency-Key" in request.headers
            response = only_fields(request, _once(request, run) if is_once else _whole(request, run))
        except Exception as error:
            response = on_exception(request, error)
        if response.status_code == 405:
            allowed = response.headers.get("Allow", "")
            response = problem_response(
                problem("method_not_allowed", 405, f"{request.method} is not possible here; {allowed} is."),
                Allow=allowed,
            )
        if (where := response.headers.get("Location", "")).startswith("/"):
            response.headers["Location"] = below(where)
        response.headers.setdefault("X-Correlation-Id", request.correlation_id)
        response.headers.setdefault("Cache-Control", "no-store")
        for name, value in rate_headers(request).items():
            response.headers[name] = value
        if request.path_info.startswith(TUS_PREFIX):  # tus asks for it on every answer, refusals too
            response.headers.setdefault("Tus-Resumable", "1.0.0")
            response.headers.setdefault("Tus-Version", "1.0.0")
        return response

    pattern.callback = wrapper
    return pattern


def _whole(request: ApiRequest, run: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Answer a change in one transaction, its answer included: what is answered by an error of ours was not done."""
    path = request.path_info
    apart = path.startswith(TUS_PREFIX) or RUNS_OWN.fullmatch(path) or LOOK_OUTSIDE.fullmatch(path)
    if request.method in READING or apart or identify(request) is None:
        return run()
    with transaction.atomic():
        response = run()
        if response.status_code >= 500 or connection.needs_rollback:
            transaction.set_rollback(True)
    return response


def _once(request: ApiRequest, run: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    caller = None if RUNS_OWN.fullmatch(request.path_info) else identify(request)
    if caller is None:
        return run()  # refuses by itself, or is a run's callback, which is safe to double
    key = idempotency.check_key(request.headers["Idempotency-Key"].strip())
    kept: list[HttpResponseBase] = []

    def answer() -> idempotency.Answer:
        response = run()
        kept.append(response)
        return _answer_of(request, response)

    request_print = idempotency.fingerprint(request.method or "", request.get_full_path(), request.body)
    result = idempotency.once(
        caller.label, key, request_print, answer, apart=LOOK_OUTSIDE.fullmatch(request.path_info) is not None
    )
    if not result.replayed:
        return kept[-1]
    if result.status < 300 and SHOWN_ONCE.fullmatch(request.path_info):
        raise IdempotencyConflict(
            "This was done, and its secret was shown with the first answer; it is kept nowhere.",
            field="Idempotency-Key",
        )
    return HttpResponse(
        result.body, status=result.status, headers={**result.headers, "Idempotency-Replayed": "true"}
    )


def _answer_of(request: ApiRequest, response: HttpResponseBase) -> idempotency.Answer:
    """Return what is kept of a response; one without effect that may go otherwise later leaves the key free."""
    response.headers.setdefault("X-Correlation-Id", request.correlation_id)
    content = getattr(response, "content", b"")
    final = (
        response.status_code < 500
        and response.status_code not in NEVER_KEPT
        and getattr(response, "again", "") != "again"
    )
    shown_once = response.status_code < 300 and SHOWN_ONCE.fullmatch(request.path_info) is not None
    return idempotency.Answer(
        status=response.status_code,
        body=content.decode() if final and not shown_once else "",
        headers={name: response.headers[name] for name in KEPT_HEADERS if name in response.headers},
        final=final,
    )
