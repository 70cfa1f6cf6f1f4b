"""A claim reads as much of the queue as it takes, however much waits, and asks nothing of what it need not know."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestration.models import Job
from orchestration.queue import jobs as queue
from tests import factories
from tests.orchestration.engine import running, stage_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def system():
    running()


def _rows_read(plan):
    """Return how many rows of the jobs a plan of PostgreSQL has read."""
    own = plan["Actual Rows"] * plan["Actual Loops"] if plan.get("Relation Name") == Job._meta.db_table else 0
    return own + sum(_rows_read(part) for part in plan.get("Plans", ()))


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="its planner is asked")
def test_a_claim_reads_as_many_jobs_as_it_takes_however_many_wait_at_one_instant():
    channel, now = factories.ChannelFactory(), timezone.now()
    Job.objects.bulk_create(
        factories.JobFactory.build(
            kind="check",
            fast=True,
            channel=channel,
            dedupe_key=f"k{n}",
            run_at=now,
            rank=queue.rank_of(5, now),
        )
        for n in range(400)
    )
    with CaptureQueriesContext(connection) as asked:
        assert len(queue.claim(fast=True, limit=3)) == 3
    [found] = [one["sql"] for one in asked if "SKIP LOCKED" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {found}")
        (told,) = cursor.fetchone()
    [whole] = json.loads(told) if isinstance(told, str) else told
    assert 3 <= _rows_read(whole["Plan"]) <= 10


def test_what_was_never_tried_has_reserved_nothing_and_is_not_asked_for_it():
    def asked_for_reservations():
        with CaptureQueriesContext(connection) as asked:
            [taken] = queue.claim(fast=False, limit=1)
        named = "upload_session_sealed"
        return taken, any(named in one["sql"] and "budgetentry" in one["sql"] for one in asked)

    stage_job()
    job, fresh = asked_for_reservations()
    queue.try_again(job, at=timezone.now(), error_code="x", error_message="the line dropped")
    _, again = asked_for_reservations()
    assert (fresh, again) == (False, True)
