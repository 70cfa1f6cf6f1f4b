"""What waits for one pool never stands in the way of what needs another."""

import pytest
from django.utils import timezone

from orchestration.models import Job
from orchestration.queue import jobs as queue
from orchestration.states import JobKind, JobState
from tests.orchestration.engine import capacity, process_job, running, stage_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def system():
    running()


def test_a_crowd_before_a_spent_budget_leaves_the_way_to_other_work_open():
    capacity(youtube_uploads=0)
    for _ in range(12):
        stage_job(priority=10, rank=queue.rank_of(10, timezone.now()))
    behind = process_job(priority=0, rank=queue.rank_of(0, timezone.now()))
    assert [job.pk for job in queue.claim(fast=False, limit=1)] == [behind.pk]
    assert queue.claim(fast=False, limit=1) == []


def test_a_batch_goes_on_behind_what_filled_a_pool():
    capacity(process=2, upload=3)
    for _ in range(6):
        process_job(priority=9, rank=queue.rank_of(9, timezone.now()))
    for _ in range(6):
        stage_job(priority=1, rank=queue.rank_of(1, timezone.now()))
    taken = queue.claim(fast=False, limit=10)
    kinds = [job.kind for job in taken]
    assert (kinds.count(JobKind.PROCESS), kinds.count(JobKind.STAGE)) == (2, 3)
    assert queue.claim(fast=False, limit=10) == []


def test_who_waits_for_a_full_pool_is_told_which():
    from orchestration.engine import waiting_reasons

    capacity(process=1)
    process_job()
    left = process_job()
    queue.claim(fast=False, limit=1)
    waiting_reasons.refresh_waiting_reasons(timezone.now())
    left = Job.objects.get(state=JobState.QUEUED)
    assert left.waits_for == "Processing at once: all 1 are taken"


def test_an_upload_that_reserved_its_part_goes_on_when_the_budget_is_spent():
    capacity(youtube_uploads=1)
    job = stage_job()
    (taken,) = queue.claim(fast=False, limit=1)
    from orchestration.queue import pools

    pools.charge_reserved(taken)
    queue.try_again(taken, at=timezone.now(), error_code="x", error_message="the line dropped")
    assert [again.pk for again in queue.claim(fast=False, limit=1)] == [job.pk]
