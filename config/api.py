"""The API: its routers, its one error table, its documentation."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelInvalid
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from ninja import NinjaAPI, Router
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError

from channels.gateways.errors import RemoteError
from orchestration.api import (
    actions,
    activity,
    administration,
    attachments,
    blockers,
    bulk,
    calendar,
    callbacks,
    channel_setup,
    channels,
    configuration,
    conflicts,
    control,
    disk,
    distributions,
    events,
    groups,
    jobs,
    me,
    notifications,
    operations,
    plan_file,
    pools,
    profiles,
    proposals,
    record,
    repositories,
    reviews,
    rollouts,
    runs,
    saved_views,
    schedules,
    setup,
    sources,
    standing,
    statistics,
    tokens,
    uploads,
    users,
    videos,
    waves,
    webhooks,
    words,
    words_outside,
)
from orchestration.api.answers import answered, problem_response
from orchestration.api.auth import WAYS_IN, NotAuthenticated, TooManyRequests
from orchestration.api.document import complete
from orchestration.api.facts import fact_of
from orchestration.api.problems import of_error, problem
from orchestration.core.database_loss import is_lost
from orchestration.errors import NotFound, OrchestrationError

logger = logging.getLogger("headend.api")
MAX_ERRORS = 50

DESCRIPTION = """
Publish videos over many channels: plan, preview, schedule, watch, correct.

Instants are ISO 8601 with an offset. Errors are problem documents (RFC 9457) with a stable `code`. Lists are gone through by
`cursor`, or by `page`, with `limit` (at most 200), `sort` and `fields`. What was read with an `ETag` is edited only if it is
still that (`If-Match`). Every POST takes an `Idempotency-Key`: the same key and body have one effect and one answer.
Log in with a bearer token (`manage.py issue_token`) or with the browser's session.
"""


class HeadendAPI(NinjaAPI):
    """Ninja's API with each address wrapped by `answers.answered`, and the document saying so."""

    def __init__(self, **options: Any) -> None:
        self._documents: dict[str, Any] = {}
        super().__init__(**options)

    def _get_urls(self) -> list[Any]:
        return [answered(pattern, self.on_exception) for pattern in super()._get_urls()]

    def get_openapi_schema(self, **where: Any) -> Any:
        """Return the OpenAPI document, with problems and the Idempotency-Key on every operation they concern."""
        key = repr(where)
        if key not in self._documents:  # the routes do not change while we run
            self._documents[key] = complete(super().get_openapi_schema(**where))
        return self._documents[key]


api = HeadendAPI(
    title="Headend",
    version="1",
    description=DESCRIPTION.strip(),
    urls_namespace="api",
    auth=list(WAYS_IN),
    openapi_extra={
        "components": {
            "securitySchemes": {
                "RunToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "GitHub's OIDC token (or the one-use secret) for the permit, what it gave for the rest",
                }
            }
        }
    },
)

# ------------------------------------------------------------------------------------------------- the one error table


def _where(location: tuple[Any, ...]) -> str:
    """Return the field that an error's location means, for example `channel_ids.0`."""
    parts = [str(part) for part in location]
    # Behind where it came from stands the name of the argument that a whole body, or a set of filters, is read into.
    parts = parts[2:] if parts[:1] == ["body"] or parts[1:2] == ["filters"] else parts[1:]
    return ".".join(parts) or "body"


def refused(request: HttpRequest, error: OrchestrationError) -> HttpResponse:
    """Answer a refusal of the service."""
    headers = {"Retry-After": str(error.wait_seconds)} if isinstance(error, TooManyRequests) else {}
    if "etag" in error.details:
        headers["ETag"] = error.details["etag"]
    return problem_response(of_error(error), **headers)


def not_authenticated(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer that nobody is logged in, and how one would be."""
    if not isinstance(error, NotAuthenticated):
        error = NotAuthenticated("Send a bearer token, or log in.")
    return problem_response(of_error(error), **{"WWW-Authenticate": error.challenge})


def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Name each field that does not fit."""
    errors = [{"field": _where(item["loc"]), "message": fact_of(item)} for item in error.errors[:MAX_ERRORS]]
    detail = "; ".join(f"{item['field']} {item['message']}" for item in errors[:5])
    return problem_response(
        problem("invalid_request", 422, detail, field=errors[0]["field"] if errors else "", errors=errors)
    )


def model_invalid(request: HttpRequest, error: ModelInvalid) -> HttpResponse:
    """Name each field that a model's own check refused."""
    fields = error.message_dict if hasattr(error, "error_dict") else {"body": error.messages}
    errors = [{"field": name, "message": " ".join(messages)} for name, messages in fields.items()]
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in errors)
    return problem_response(problem("invalid_request", 422, detail, field=errors[0]["field"], errors=errors))


def not_found(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer that there is no such thing, without saying what was looked for."""
    return refused(request, NotFound("There is no such thing."))


def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Answer what ninja refused by itself; a body that is no JSON is the common case."""
    codes = {400: "invalid_json", 403: "not_permitted", 404: "not_found"}
    detail = "The body is not valid JSON." if error.status_code == 400 else error.message
    return problem_response(problem(codes.get(error.status_code, "http_error"), error.status_code, detail))


def not_readable(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer that the request itself is not one: too large, cut off, or forged."""
    if isinstance(error, RequestDataTooBig):
        return problem_response(problem("too_large", 413, "The body is larger than this server takes."))
    return problem_response(problem("bad_request", 400, "The request cannot be read."))


def throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    """Answer that there were too many requests."""
    return problem_response(
        problem("too_many_requests", 429, "Too many requests; wait a moment.", again="again")
    )


def remote(request: HttpRequest, error: RemoteError) -> HttpResponse:
    """Answer that GitHub or YouTube did not do it; their errors carry no secret."""
    headers = {}
    if error.retry_after_seconds:
        headers["Retry-After"] = str(int(error.retry_after_seconds) + 1)
    status = 503 if error.again == "again" else 502
    return problem_response(problem(error.code, status, str(error), again=error.again), **headers)


def database_error(request: HttpRequest, error: DatabaseError | InterfaceError) -> HttpResponse:
    """Answer that the database did not answer in time; what it refused is a fault of ours."""
    if not is_lost(error):
        return unexpected(request, error)
    logger.exception("the database did not answer")
    return problem_response(
        problem("database_busy", 503, "The database did not answer in time; try again.", again="again"),
        **{"Retry-After": "1"},
    )


def unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer no more than that it was our fault; the log has the rest under the same correlation id."""
    correlation_id = getattr(request, "correlation_id", "")
    logger.exception("unexpected error, correlation id %s", correlation_id)
    return problem_response(
        problem(
            "internal_error",
            500,
            "Something went wrong on our side; the log has it under this correlation id.",
            again="unknown",
            correlation_id=correlation_id,
        )
    )


ERRORS: dict[type[Exception], Any] = {
    OrchestrationError: refused,
    NotAuthenticated: not_authenticated,
    AuthenticationError: not_authenticated,
    ValidationError: invalid,
    ModelInvalid: model_invalid,
    Http404: not_found,
    ObjectDoesNotExist: not_found,
    Throttled: throttled,
    SuspiciousOperation: not_readable,
    UnreadablePostError: not_readable,
    HttpError: http_error,
    RemoteError: remote,
    DatabaseError: database_error,
    InterfaceError: database_error,
    Exception: unexpected,
}
for _kind, _handler in ERRORS.items():
    api.add_exception_handler(_kind, _handler)

# --------------------------------------------------------------------------------------------------------- the routers

api.add_router("/orchestration", control.router)
api.add_router("/orchestration", actions.router)
api.add_router("/orchestration", disk.router)
api.add_router("/orchestration", administration.router)
api.add_router("/orchestration", blockers.by_cause)
api.add_router("/orchestration", events.router)
api.add_router("/blockers", blockers.blockers)
api.add_router("/channels", channels.router)
api.add_router("/channels", channel_setup.router)
api.add_router("/channels", repositories.router)
api.add_router("/bulk", bulk.router)
api.add_router("/views", saved_views.router)
api.add_router("/groups", groups.router)
api.add_router("/labels", groups.labels)
api.add_router("/reviews", reviews.reviews)
api.add_router("/channels", reviews.of_channels)
api.add_router("/sources", reviews.of_sources)
api.add_router("/rollouts", rollouts.rollouts)
api.add_router("/profiles", profiles.router)
api.add_router("/proposals", proposals.router)
api.add_router("/standing", standing.router)
api.add_router("/plan", plan_file.router)
api.add_router("/configuration", configuration.router)
api.add_router("/setup", setup.router)
api.add_router("/slots", channels.slots)
api.add_router("/blackouts", channels.blackouts)
api.add_router("/sources", sources.sources)
api.add_router("/uploads", uploads.router)
api.add_router("/videos", videos.videos)
api.add_router("/videos", attachments.of_videos)
api.add_router("/attachments", attachments.attachments)
api.add_router("/waves", waves.waves)
api.add_router("/words", words.words)
api.add_router("/distributions", words_outside.outside)
api.add_router("/distributions", distributions.distributions)
api.add_router("/schedules", schedules.schedules)
api.add_router("/calendar", calendar.router)
api.add_router("/schedules", calendar.of_schedules)
api.add_router("/waves", calendar.of_waves)
api.add_router("/videos", calendar.of_videos)
api.add_router("/jobs", jobs.jobs)
api.add_router("/runs", callbacks.router)
api.add_router("/runs", runs.runs)
api.add_router("/pools", pools.pools)
api.add_router("/orphans", pools.orphans)
api.add_router("/conflicts", conflicts.conflicts)
api.add_router("/notifications/addresses", notifications.addresses)
api.add_router("/notifications/rules", notifications.rules)
api.add_router("/notifications/silences", notifications.silences)
api.add_router("/notifications", notifications.router)
api.add_router("/webhooks", webhooks.router)
api.add_router("/users", users.router)
api.add_router("/tokens", tokens.router)
api.add_router("/me", me.router)
api.add_router("/activity", activity.log)
api.add_router("/rewind", record.past)
api.add_router("/since", record.away)
api.add_router("/search", record.found)
api.add_router("/statistics", statistics.numbers)


everything_else = Router()


@everything_else.api_operation(
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"],
    "/{path:rest}",
    auth=None,
    include_in_schema=False,
)
def nothing_here(request: HttpRequest, rest: str):
    """Answer for addresses that do not exist."""
    raise NotFound(f"There is nothing at {request.path}.")


api.add_router("", everything_else)


def _views() -> Iterator[tuple[str, Callable[..., Any]]]:
    for bound in api._get_bound_routers():
        for path_view in bound.path_operations.values():
            for operation in path_view.operations:
                if operation.operation_id:
                    yield operation.operation_id, operation.view_func


operations.know(lambda: api.get_openapi_schema(path_prefix=operations.PREFIX), _views())
