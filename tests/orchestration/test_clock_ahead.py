"""A clock of ours that is ahead of YouTube's makes nothing public early."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.gateways.youtube_wire import clock_ahead
from orchestration.queue.lease import JobLease, WaitUntil
from orchestration.states import ScheduleState
from tests.engine_room import Engine, state_of
from tests.factories import JobFactory

pytestmark = pytest.mark.django_db
AHEAD_SECONDS = 300


def try_now(engine: Engine) -> None:
    engine.retry_now()
    engine.tick()
    engine.work()


@pytest.mark.parametrize("armed", [True, False])
def test_what_our_clock_takes_for_due_is_not_flipped_before_youtubes_clock_says_so_too(engine, armed):
    channel = engine.channel()
    row = engine.armed(channel, minutes=10) if armed else engine.staged(channel, minutes=10)
    engine.sandbox.store.advance(-AHEAD_SECONDS)
    engine.pass_until(row.publish_at + timedelta(seconds=60 if armed else 0))
    try_now(engine)
    assert engine.publications() == []
    assert state_of(row)[0] == ScheduleState.STAGED
    engine.pass_until(row.publish_at + timedelta(seconds=AHEAD_SECONDS + 1))
    try_now(engine)
    assert state_of(row)[0] == ScheduleState.PUBLISHED
    (public,) = engine.publications()
    assert public["public_at"] >= row.publish_at.isoformat()


def test_a_clock_that_is_set_while_a_job_waits_for_its_second_lets_it_look_again(engine, monkeypatch):
    lease = JobLease(JobFactory(running=True), every_seconds=0)
    monkeypatch.setattr(lease, "check", lambda: None)
    monkeypatch.setattr(
        "orchestration.queue.lease.time.sleep", lambda seconds: engine.pass_time(seconds=AHEAD_SECONDS)
    )
    with pytest.raises(WaitUntil, match="the clock went on by itself"):
        lease.wait_until(timezone.now() + timedelta(seconds=8))


@pytest.mark.parametrize(
    ("sent", "received", "ahead"),
    [(0, 0.2, 0), (2, 9, 0), (3, 4, 4), (300, 301, 301), (-300, -299, 0)],
)
def test_only_what_latency_cannot_explain_is_a_clock_that_is_ahead(sent, received, ahead):
    there = timezone.now().replace(microsecond=0)
    date = there.strftime("%a, %d %b %Y %H:%M:%S GMT")
    found = clock_ahead(date, there + timedelta(seconds=sent), there + timedelta(seconds=received))
    assert found == timedelta(seconds=ahead)


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 26 Nov 2026 12:00:00"])
def test_a_date_that_cannot_be_read_says_nothing(date):
    assert clock_ahead(date, timezone.now(), timezone.now()) == timedelta(0)
