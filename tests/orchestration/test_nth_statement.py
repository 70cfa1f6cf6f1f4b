"""Whichever statement fails, nothing is half written, and the same call then does what it says, once."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.db import DatabaseError

from orchestration.models import Wave
from orchestration.monitoring import invariants
from orchestration.register import tokens
from tests import factories
from tests.orchestration.api_client import ApiClient
from tests.orchestration.engine import running
from tests.orchestration.flows import (
    FLOWS,
    armed,
    failed_job,
    ids,
    open_channel,
    posting_channel,
    soon,
    two_channels,
)
from tests.orchestration.nth_statement import changed, counts, digest, failing_at, failing_commit

pytestmark = pytest.mark.django_db(transaction=True)
Asked = tuple[str, dict[str, Any]]
EVERY = int(os.environ.get("HEADEND_TEST_EVERY_STATEMENT", "1" if os.environ.get("DATABASE_URL") else "3"))
"""On PostgreSQL each statement fails, on SQLite each third, which ones differing by flow: the code is the same."""
MOST = 2000


@pytest.fixture(autouse=True)
def system(transactional_db: None) -> None:
    running()


@pytest.mark.parametrize("flow", FLOWS)
def test_whatever_statement_fails_nothing_is_written_and_the_same_call_then_succeeds(flow):
    call = FLOWS[flow].scene()
    before = digest()
    tried = 0
    for number in range(1 + list(FLOWS).index(flow) % EVERY, MOST, EVERY):
        with failing_at(number) as hit:
            try:
                call()
            except DatabaseError:
                assert hit.sql, "failed by itself"
            else:
                assert not hit.sql, f"went on past a statement that failed: {hit.sql}"
                break
        if hit.stands and not FLOWS[flow].kept:
            assert changed(before) == [], (number, hit.sql)
        tried += 1
    else:
        pytest.fail("never ended")
    assert tried
    assert changed(before), "did nothing in the end"
    assert not invariants.check(everything=True)


@pytest.mark.one_database
@pytest.mark.parametrize("flow", ["coordinate"])
def test_a_commit_that_fails_leaves_nothing_and_the_same_call_then_succeeds(flow):
    call = FLOWS[flow].scene()
    before = digest()
    with failing_commit(1, after=False) as hit, pytest.raises(DatabaseError):
        call()
    assert hit
    assert changed(before) == []
    call()
    assert changed(before)
    assert not invariants.check(everything=True)


# Each makes its scene and returns where a program asks for what, and by which body.


def ask_for_a_wave() -> Asked:
    channels, videos = two_channels(), factories.VideoFactory.create_batch(2)
    wave_config = {"scheduled_at": soon(30).isoformat(), "timing": "simultaneous"}
    body = {"video_ids": ids(videos), "channel_ids": ids(channels), "wave_config": wave_config}
    return "orchestration/schedule-wave", body


def ask_for_a_distribution() -> Asked:
    channels, videos = [posting_channel(), posting_channel()], factories.VideoFactory.create_batch(2)
    return "orchestration/distribute-videos", {"video_ids": ids(videos), "channel_ids": ids(channels)}


def ask_for_an_upload_now() -> Asked:
    body = {"channel_id": open_channel().pk, "video_id": factories.VideoFactory().pk}
    return "orchestration/trigger-pipeline", body


def ask_for_another_time() -> Asked:
    return f"schedules/{armed().pk}/move", {"publish_at": soon(60).isoformat()}


def ask_for_many_to_be_held() -> Asked:
    return "bulk/do", {"kind": "schedule", "verb": "hold", "ids": ids([armed(), armed()])}


def ask_for_a_retry() -> Asked:
    return f"jobs/{failed_job().pk}/retry", {}


def ask_for_a_token() -> Asked:
    return "tokens", {"name": f"another program {Wave.objects.count()}", "scope": "read"}


def growth(before: dict[str, int]) -> dict[str, int]:
    now = counts()
    return {table: now[table] - before[table] for table in now if now[table] != before[table]}


@pytest.mark.one_database
@pytest.mark.parametrize(
    "asked",
    [
        ask_for_a_wave,
        ask_for_a_distribution,
        ask_for_an_upload_now,
        ask_for_another_time,
        ask_for_many_to_be_held,
        ask_for_a_retry,
        ask_for_a_token,
    ],
)
def test_a_request_whose_commit_stood_though_its_answer_was_lost_is_answered_again_and_has_one_effect(asked):
    api = ApiClient(tokens.issue("a program", "admin")[1])
    where, body = asked()
    before = counts()
    lost = 0
    for number in range(1, 20):
        with failing_commit(number, after=True) as hit:
            answer = api.post(where, body, Idempotency_Key="once")
        if not hit:
            break
        lost += answer.status_code >= 500
    is_kept_nowhere = where == "tokens" and answer.status_code == 409
    assert answer.status_code < 300 or is_kept_nowhere
    assert lost, "no commit was lost"
    once = growth(before)
    factories.WaveFactory()
    where, body = asked()
    before = counts()
    assert api.post(where, body, Idempotency_Key="undisturbed").status_code < 300
    assert once == growth(before)
