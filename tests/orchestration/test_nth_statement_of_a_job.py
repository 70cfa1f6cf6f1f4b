"""Whichever statement fails while a job runs, its publication is uploaded once and public once, by the sandbox's ledger."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from channels.sandbox.ledger import count
from orchestration.engine import worker
from orchestration.models import Schedule
from orchestration.queue import jobs as queue
from tests.engine_room import Engine, door
from tests.orchestration.nth_statement import Lost, failing_at
from tests.orchestration.test_failpoints import go_public, is_armed_or_ended, settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.one_database, pytest.mark.slow]
EVERY = int(os.environ.get("HEADEND_TEST_EVERY_STATEMENT_OF_A_JOB", "31"))
MOST = 600


def to_be_uploaded(engine: Engine, channel) -> Schedule:
    row = engine.planned(channel, minutes=10)
    engine.tick()
    return row


def to_be_armed(engine: Engine, channel) -> Schedule:
    row = engine.staged(channel, minutes=10)
    engine.tick()
    return row


def to_be_flipped(engine: Engine, channel) -> Schedule:
    row = engine.staged(channel, minutes=5)
    engine.pass_until(row.publish_at + timedelta(seconds=1))
    engine.tick()
    return row


def to_be_disarmed(engine: Engine, channel) -> Schedule:
    row = engine.armed(channel, minutes=10)
    return door().move_schedule(schedule_id=row.pk, publish_at=row.publish_at + timedelta(minutes=4))


def to_be_looked_at(engine: Engine, channel) -> Schedule:
    row = engine.armed(channel, minutes=5)
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    engine.tick()
    return row


def assert_once(engine: Engine, row: Schedule) -> None:
    title = engine.on_youtube(row)["snippet"]["title"]
    at = {"channel": row.channel.youtube_channel_id, "title": title, "publish_at": row.publish_at.isoformat()}
    counted = count(engine.sandbox.ledger.lines(), [at])
    assert not counted.broken and not counted.never_public, counted.as_dict()
    story = counted.stories[at["channel"], title]
    assert (story.uploads, len(story.public_flips)) == (1, 1), story


def tries(step) -> range:
    """Return the statements that fail: on each step others, together each of them."""
    return range(1 + len(step.__name__) % EVERY, MOST, EVERY)


@pytest.mark.parametrize(
    "step", [to_be_uploaded, to_be_armed, to_be_flipped, to_be_disarmed, to_be_looked_at]
)
def test_whichever_statement_of_a_job_fails_it_is_uploaded_once_and_public_once(engine, step):
    channel = engine.channel(
        misfire_policy="publish_late",
        misfire_grace_minutes=600,
        lead_time_minutes=5,
        min_gap_minutes=0,
        daily_cap=500,
    )
    tried = 0
    for number in tries(step):
        row = step(engine, channel)
        row.refresh_from_db()
        with failing_at(number) as hit:
            try:
                worker.work(fast=True)
                worker.work(fast=False)
            except Lost:
                pass
        engine.pass_time(seconds=queue.LEASE_SECONDS + 5)
        worker.reap()
        settle(engine, is_armed_or_ended(row))
        go_public(engine, row)
        assert_once(engine, row)
        if not hit.sql:
            break
        tried += 1
    else:
        pytest.fail("never ended")
    assert tried
