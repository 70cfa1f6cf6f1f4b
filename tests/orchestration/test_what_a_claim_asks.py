"""A claim asks nothing of what it need not know."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestration.models import Job
from orchestration.queue import jobs as queue
from tests.orchestration.engine import plain_job, running, stage_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def system():
    running()


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


@pytest.mark.postgres_only
@pytest.mark.parametrize("fast", [True, False])
def test_a_claim_goes_along_the_queue_and_ends_with_what_it_takes(fast):
    """Whatever the planner thinks of the queue's length: else every claim reads and sorts all that is due."""
    first = plain_job(fast=fast)
    told = {name: getattr(first, name) for name in ("kind", "executor", "fast", "run_at", "priority", "rank")}
    Job.objects.bulk_create(Job(**told, dedupe_key=f"one of many: {n}") for n in range(5_000))
    with CaptureQueriesContext(connection) as asked:
        assert queue.claim(fast=fast, limit=1)
    candidates = next(one["sql"] for one in asked if "SKIP LOCKED" in one["sql"] and '"rank"' in one["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {candidates}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Sort" not in plan and "job_in_order_to_claim" in plan, plan
