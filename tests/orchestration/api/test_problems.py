"""What the API says when it says no."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, InterfaceError, InternalError, OperationalError
from ninja.errors import Throttled

from channels.gateways.errors import QuotaExhausted, RateLimited, RemoteRejected
from orchestration import errors
from orchestration.api.schemas.requests import DistributeVideos
from orchestration.planning.distribution import MAX_HORIZON_DAYS
from orchestration.service import CentralOrchestrationService
from tests.factories import ChannelFactory, VideoFactory

pytestmark = pytest.mark.django_db
REFUSALS = sorted(
    (
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.OrchestrationError)
    ),
    key=lambda kind: kind.__name__,
)


@pytest.fixture
def failing(monkeypatch, api):
    """Let `GET status` fail with an error, also with one that it does not document."""
    api.held = False

    def ask(error: Exception):
        def fail(self):
            raise error

        monkeypatch.setattr(CentralOrchestrationService, "get_status", fail)
        return api.get("orchestration/status")

    return ask


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_each_refusal_becomes_a_problem_with_its_code(failing, kind):
    answer = failing(kind("This is why.", field="channel_ids", state="paused"))

    problem = answer.json()
    assert answer.status_code == problem["status"] == kind.status
    assert answer["Content-Type"] == "application/problem+json"
    assert problem["code"] == kind.code
    assert problem["type"] == f"urn:headend:problem:{kind.code}"
    assert problem["title"]
    assert problem["detail"] == "This is why."
    assert problem["field"] == "channel_ids"
    assert problem["state"] == "paused"
    assert problem["again"] == kind.again


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RemoteRejected("GitHub said no."), 502, "remote_rejected"),
        (RateLimited("Too fast.", retry_after_seconds=7), 503, "rate_limited"),
        (QuotaExhausted("Used up.", bucket="uploads"), 503, "quota_exhausted"),
        (Throttled(wait=3), 429, "too_many_requests"),
        (OperationalError("password=hunter2"), 503, "database_busy"),
        (InterfaceError("the connection is closed, hunter2"), 503, "database_busy"),
        (InternalError("received 2 results from command 'BEGIN'"), 503, "database_busy"),
        (IntegrityError("hunter2 is there already"), 500, "internal_error"),
        (ValidationError({"timezone": ["is not one"]}), 422, "invalid_request"),
        (ValidationError("not like this"), 422, "invalid_request"),
    ],
)
def test_other_failures_have_their_place_in_the_table(failing, error, status, code):
    answer = failing(error)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "hunter2" not in answer.content.decode()


def test_an_error_of_ours_shows_nothing_of_our_insides(failing, caplog):
    answer = failing(KeyError("the secret is hunter2"))

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.content.decode()
    assert problem["correlation_id"] == answer["X-Correlation-Id"]
    assert problem["correlation_id"] in caplog.text


@pytest.mark.parametrize("path", ["nothing", "channels/", "orchestration/nothing", "channels/1/nothing"])
def test_an_address_that_does_not_exist_is_a_problem_too(stranger, path):
    answer = stranger.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer["Content-Type"] == "application/problem+json"


def test_a_method_that_is_not_possible_names_those_that_are(api):
    answer = api.get("orchestration/start")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer["Allow"] == "POST"


@pytest.mark.parametrize(
    "path",
    [
        "channels/999",
        "slots/999",
        "blackouts/999",
        "sources/999",
        "videos/999",
        "waves/999",
        "distributions/999",
        "schedules/999",
        "jobs/999",
        "runs/999",
        "pools/999",
        "conflicts/999",
        "activity/999",
    ],
)
def test_a_row_that_does_not_exist_names_the_field(api, path):
    answer = api.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["field"].endswith("_id")


@pytest.mark.parametrize("row_id", ["0", "-1", "abc", "9" * 30, "1.5"])
def test_what_cannot_be_an_id_is_refused_by_name(api, row_id):
    answer = api.get(f"channels/{row_id}")

    assert answer.status_code == 422
    assert answer.json()["field"] == "channel_id"


def test_an_unknown_field_in_a_body_is_refused_by_name(api):
    answer = api.post("orchestration/start", {"reason": "morning", "reson": "typo"})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"] == [{"field": "reson", "message": "is not a field of this request"}]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("2030-01-01T10:00:00", "no offset"),
        ("tomorrow", "ISO 8601"),
        (1893456000, "ISO 8601"),
        ("0001-01-01T00:00:00+14:00", "outside"),
        ("2030-02-30T10:00:00Z", "ISO 8601"),
    ],
)
def test_an_instant_without_offset_or_sense_is_refused_by_name(api, value, says):
    body = {
        "video_ids": [VideoFactory().pk],
        "channel_ids": [ChannelFactory().pk],
        "wave_config": {"scheduled_at": value},
    }

    answer = api.post("orchestration/schedule-wave", body)

    assert answer.status_code == 422
    assert answer.json()["field"] == "wave_config.scheduled_at"
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("orchestration/start", {"reason": "x" * 301}, "reason is longer than 300"),
        ("orchestration/start", None, "body must be a JSON object"),
        ("orchestration/start", [], "body must be a JSON object"),
        ("orchestration/monitor-channels", {"channel_ids": []}, "channel_ids is empty"),
    ],
)
def test_a_value_of_the_wrong_size_or_kind_is_refused_in_plain_words(api, path, body, detail):
    answer = api.client.post(
        f"/api/{path}", json.dumps(body), content_type="application/json", headers=api.headers
    )

    assert (answer.status_code, answer.json()["detail"]) == (422, detail)


def test_two_times_for_one_member_of_a_wave_are_refused_by_name(api):
    member = {"video_id": 1, "channel_id": 2}
    times = [member | {"publish_at": f"2030-01-0{day}T10:00:00Z"} for day in (1, 2)]
    body = {"video_ids": [1], "channel_ids": [2], "wave_config": {"overrides": times}}

    answer = api.post("orchestration/schedule-wave", body)

    assert (answer.status_code, answer.json()["field"]) == (422, "wave_config.overrides")
    assert "video 1 on channel 2 more than once" in answer.json()["detail"]


def test_an_instant_whose_plus_was_lost_in_the_address_is_explained(api):
    answer = api.client.get("/api/schedules?since=2030-01-01T10:00:00+02:00", headers=api.headers)

    assert answer.status_code == 422
    assert answer.json()["field"] == "since"
    assert "%2B" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "video_id"),
        ({"video_id": 1, "channel_ids": []}, "channel_ids"),
        ({"video_id": 1, "channel_ids": [2, 2]}, "channel_ids"),
        ({"video_id": 1, "channel_ids": [True]}, "channel_ids.0"),
        ({"video_id": 1, "channel_ids": ["2"]}, "channel_ids.0"),
        ({"video_id": 10**30, "channel_ids": [1]}, "video_id"),
        ({"video_id": 1, "channel_ids": [1], "timing": "never"}, "timing"),
        ({"video_id": 1, "channel_ids": [1], "priority": 11}, "priority"),
        ({"video_id": 1, "channel_ids": [1], "stagger_seconds": -1}, "stagger_seconds"),
        ({"video_id": 1, "channel_ids": [1], "dry_run": "yes"}, "dry_run"),
        ([], "body"),
        ("text", "body"),
    ],
)
def test_a_body_that_does_not_fit_names_the_field(api, body, field):
    answer = api.client.post(
        "/api/orchestration/coordinate-publication",
        json.dumps(body),
        content_type="application/json",
        headers=api.headers,
    )

    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert answer.json()["errors"][0]["field"] == field


def test_a_body_that_is_too_large_is_refused(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    for headers in ({}, {"Idempotency_Key": "k1"}):
        answer = api.post("orchestration/start", {"reason": "x" * 200}, **headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_database_that_is_busy_before_the_request_began_is_said_so_too(api, monkeypatch):
    def busy(*_, **__):
        raise OperationalError("database is locked")

    monkeypatch.setattr("orchestration.api.idempotency.once", busy)
    answer = api.post("orchestration/start", Idempotency_Key="k1")

    assert (answer.status_code, answer.json()["code"]) == (503, "database_busy")


def test_every_code_is_described():
    described = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()

    missing = [
        kind.code
        for kind in REFUSALS
        if kind is not errors.OrchestrationError and f"`{kind.code}`" not in described
    ]
    assert missing == []


@pytest.mark.parametrize("reason", ["a\x00b", "\ud800"])
def test_text_that_no_database_holds_is_refused(api, reason):
    answer = api.post("orchestration/start", {"reason": reason})

    assert (answer.status_code, answer.json()["field"]) == (422, "reason")


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(api, body):
    answer = api.client.post(
        "/api/orchestration/start", body, content_type="application/json", headers=api.headers
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
    assert answer.json()["again"] == "never"


def test_a_field_that_does_not_fit_says_that_trying_again_is_of_no_use(api):
    answer = api.post("orchestration/distribute-videos", {"horizon_days": 0})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["again"] == "never"


def test_the_description_promises_no_longer_horizon_than_the_service_takes():
    described = DistributeVideos.model_json_schema()["properties"]["horizon_days"]

    assert described["maximum"] == MAX_HORIZON_DAYS
