"""What is limited is shared: slots, rates, and budgets of a Pacific day; each unit is counted once."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from channels.quota import pacific_day, pacific_day_bounds
from orchestration.engine import waiting_reasons, worker
from orchestration.errors import IllegalTransition, NotFound
from orchestration.models import Activity, BudgetEntry, Distribution, Job, Lease, Pool
from orchestration.monitoring import pool_reports
from orchestration.queue import jobs as queue
from orchestration.queue import pool_actions, pool_names, pools
from orchestration.queue.pools import BudgetExhausted
from orchestration.states import BudgetEntryState, JobKind, JobState, PoolKind
from tests import factories
from tests.factories import in_
from tests.orchestration.engine import (
    capacity,
    claimed,
    ends_by,
    plain_job,
    process_job,
    running,
    stage_job,
    staging_schedule,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keeps_invariants")]


@pytest.fixture(autouse=True)
def system(db):
    return running()


def pool(name):
    return Pool.objects.get(name=name)


def held(name):
    return Lease.objects.filter(pool__name=name, released_at=None).count()


def reason_of(job):
    job.refresh_from_db()
    return job.waits_for


# --------------------------------------------------------------------------------------------------------------- slots


def test_a_pool_gives_out_as_many_slots_as_it_has_and_says_why_the_next_one_waits():
    capacity(process=2)
    rows = [process_job() for _ in range(3)]
    assert [job.pk for job in queue.claim(limit=5)] == [rows[0].pk, rows[1].pk]
    assert held("process") == 2
    waiting_reasons.refresh_waiting_reasons(timezone.now())
    assert reason_of(rows[2]) == "Processing at once: all 2 are taken"


def test_a_slot_that_is_given_back_is_taken_by_the_next():
    capacity(process=1)
    first, second = process_job(), process_job()
    taken = claimed(first)
    assert queue.claim() == []
    queue.finish(taken, JobState.SUCCEEDED, result={})
    assert [job.pk for job in queue.claim()] == [second.pk]


@pytest.mark.parametrize("end", ["finish", "try again", "rescue"])
def test_a_slot_is_given_back_once_however_the_job_ends(end):
    job = claimed(process_job())
    if end == "finish":
        queue.finish(job, JobState.FAILED, error_code="x", error_message="x")
    elif end == "try again":
        queue.try_again(job, at=timezone.now(), error_code="x", error_message="x")
    else:
        Job.objects.filter(pk=job.pk).update(lease_expires_at=in_(seconds=-1))
        worker.reap()
    lease = Lease.objects.get(job=job)
    assert lease.released_at is not None
    assert lease.release_reason
    before = lease.released_at
    pools.give_back(job, reason="again", spent=False, now=in_(hours=1))
    lease.refresh_from_db()
    assert lease.released_at == before


def test_a_lowered_capacity_lets_what_is_held_run_out():
    capacity(process=3)
    for _ in range(3):
        claimed(process_job())
    row = pool("process")
    row.capacity = 1
    row.save()
    process_job()
    assert queue.claim() == []
    assert held("process") == 3


def test_a_pool_that_its_operator_deleted_limits_nothing():
    Pool.objects.all().delete()
    for _ in range(5):
        process_job()
    stage_job()
    assert len(queue.claim(limit=9)) == 6
    assert pools.charge(pool_names.UNITS, 99_999, call="videos.list") is None
    pools.settle(None)


def test_a_paused_pool_gives_nothing_new_and_keeps_what_is_held():
    job = claimed(process_job())
    waits = process_job()
    pool_actions.pause(pool("process").pk, "the disk is being replaced")
    assert queue.claim() == []
    job.refresh_from_db()
    assert (job.state, job.cancel_requested_at, held("process")) == (JobState.RUNNING, None, 1)
    pool_actions.resume(pool("process").pk)
    assert [row.pk for row in queue.claim()] == [waits.pk]
    assert list(
        Activity.objects.filter(verb__startswith="pool_").values_list("verb", flat=True).order_by("id")
    ) == [
        "pool_paused",
        "pool_resumed",
    ]


def test_a_pool_is_paused_once():
    pk = pool("process").pk
    pool_actions.pause(pk)
    with pytest.raises(IllegalTransition):
        pool_actions.pause(pk)
    with pytest.raises(NotFound):
        pool_actions.pause(999_999)


# ------------------------------------------------------------------------------------------------------ taken by hand


def test_a_slot_taken_by_hand_is_free_and_its_job_is_asked_to_stop():
    job = claimed(process_job())
    lease = Lease.objects.get(job=job)
    pool_actions.release_by_hand(lease.pk, "it hangs")
    job.refresh_from_db()
    assert job.cancel_requested_at is not None
    assert job.cancel_reason == "operator"
    assert held("process") == 0
    lease.refresh_from_db()
    assert lease.release_reason == "it hangs"
    entry = Activity.objects.get(verb="lease_released")
    assert entry.additional_data["members"] == {"lease": [lease.pk], "job": [job.pk]}


def test_a_slot_is_taken_by_hand_once():
    lease = Lease.objects.get(job=claimed(process_job()))
    pool_actions.release_by_hand(lease.pk)
    with pytest.raises(IllegalTransition):
        pool_actions.release_by_hand(lease.pk)
    with pytest.raises(NotFound):
        pool_actions.release_by_hand(999_999)


def test_a_job_that_lost_its_slot_by_hand_holds_its_publication_like_any_cancelled_by_an_operator(
    monkeypatch,
):
    def runner(job, lease):
        pool_actions.release_by_hand(Lease.objects.get(job=job, released_at=None).pk, "it hangs")
        lease.check()

    ends_by(monkeypatch, runner)
    job = stage_job()
    worker.run(claimed(job))
    job.refresh_from_db()
    job.schedule.refresh_from_db()
    assert (job.state, job.schedule.state) == (JobState.CANCELLED, "held")


# --------------------------------------------------------------------------------------------------------------- rates


def dispatch_job():
    return stage_job(
        schedule=staging_schedule(channel=factories.ChannelFactory(github=True)), executor="github", fast=True
    )


def test_a_rate_counts_starts_in_its_window_whether_they_have_ended_or_not():
    capacity(github_dispatches=2)
    for _ in range(3):
        dispatch_job()
    now = timezone.now()
    assert len(queue.claim(limit=3, now=now)) == 2
    for job in Job.objects.filter(state=JobState.RUNNING):
        queue.finish(job, JobState.SUCCEEDED, result={})
    assert queue.claim(now=now + timedelta(seconds=59)) == []
    assert len(queue.claim(now=now + timedelta(seconds=61))) == 1


def test_a_start_that_is_counted_in_a_window_is_held_by_nobody():
    claimed(dispatch_job())
    lease = Lease.objects.get(pool__name=pool_names.DISPATCH)
    assert lease.released_at == lease.acquired_at
    assert pool_reports.report()[0] is not None


# ------------------------------------------------------------------------------------------------------------- budgets


def test_an_upload_is_reserved_with_the_claim_charged_with_the_call_and_settled_with_the_end():
    job = claimed(stage_job())
    entry = BudgetEntry.objects.get(job=job)
    assert (entry.state, entry.units, entry.day, entry.call) == (
        BudgetEntryState.RESERVED,
        1,
        pacific_day(timezone.now()),
        "videos.insert",
    )
    pools.charge_reserved(job)
    entry.refresh_from_db()
    assert entry.state == BudgetEntryState.CHARGED
    queue.finish(job, JobState.SUCCEEDED, result={})
    entry.refresh_from_db()
    assert entry.state == BudgetEntryState.SETTLED
    assert entry.settled_at is not None


def test_an_upload_that_may_have_happened_is_never_given_back():
    capacity(youtube_uploads=1)
    job = claimed(stage_job())
    pools.charge_reserved(job)
    queue.finish(job, JobState.NEEDS_REVIEW, error_code="x", error_message="?", uncertain=True)
    assert BudgetEntry.objects.get(job=job).state == BudgetEntryState.UNKNOWN
    stage_job()
    assert queue.claim() == []


def triggered_job(**values):
    """Make a stage job that somebody triggered, without a schedule, and that ranks before all others."""
    row = factories.DistributionFactory()
    return factories.JobFactory(
        kind=JobKind.STAGE,
        dedupe_key=f"stage:distribution:{row.pk}",
        channel=row.channel,
        video=row.video,
        distribution=row,
        rank=-(10**9),
        **values,
    )


@pytest.mark.parametrize("planned_first", [True, False])
def test_what_was_triggered_by_hand_leaves_the_planned_its_uploads_until_it_is_bumped(planned_first):
    capacity(youtube_uploads=3, upload=9)
    later_today = pacific_day_bounds(pacific_day(timezone.now()))[1] - timedelta(seconds=1)
    factories.ScheduleFactory(publish_at=in_(days=3), stage_at=later_today)
    by_hand = [triggered_job() for _ in range(3)]
    planned = stage_job(rank=-(10**10) if planned_first else 0)
    # Three uploads are left, two of them reserved: one is there for what nobody planned, though it ranks first.
    assert {job.pk for job in queue.claim(limit=9)} == {by_hand[0].pk, planned.pk}
    waiting_reasons.refresh_waiting_reasons(timezone.now())
    assert "is reserved by schedules, more at" in reason_of(by_hand[1])
    assert queue.claim(limit=9) == []
    queue.bump_rows([by_hand[2]], "now, please")
    assert [job.pk for job in queue.claim(limit=9)] == [by_hand[2].pk]


def test_a_rehearsal_and_an_upload_that_goes_on_ask_for_nothing_that_is_reserved():
    capacity(youtube_uploads=2, upload=9)
    first = triggered_job()
    queue.try_again(claimed(first), at=timezone.now(), error_code="x", error_message="the line broke")
    BudgetEntry.objects.filter(job=first).update(state=BudgetEntryState.CHARGED)
    rehearsal = triggered_job(skip_upload=True)
    for _ in range(2):
        factories.ScheduleFactory(publish_at=in_(days=3), stage_at=in_(minutes=-1))
    assert {job.pk for job in queue.claim(limit=9)} == {first.pk, rehearsal.pk}


def test_a_reservation_whose_call_was_never_made_is_given_back():
    capacity(youtube_uploads=1)
    job = claimed(stage_job())
    queue.finish(job, JobState.FAILED, error_code="x", error_message="the file is gone")
    assert BudgetEntry.objects.get(job=job).state == BudgetEntryState.RELEASED
    assert claimed(stage_job())


def test_a_spent_budget_names_the_day_and_when_there_is_more():
    with time_machine.travel(datetime(2026, 7, 1, 12, tzinfo=UTC), tick=False):
        running()
        capacity(youtube_uploads=1)
        queue.finish(claimed(stage_job()), JobState.SUCCEEDED, uncertain=True)
        with pytest.raises(BudgetExhausted) as spent:
            pools.charge(pool_names.UPLOADS, 1, call="videos.insert")
        assert spent.value.resets_at == datetime(2026, 7, 2, 7, tzinfo=UTC)
        assert "2026-07-01 (Pacific)" in spent.value.message


@pytest.mark.parametrize(
    ("last", "first"),
    [
        ("2026-07-02T06:59:59", "2026-07-02T07:00:00"),
        ("2026-12-02T07:59:59", "2026-12-02T08:00:00"),
        ("2026-11-02T07:59:59", "2026-11-02T08:00:00"),  # the end of a day of 25 hours
        ("2026-03-09T06:59:59", "2026-03-09T07:00:00"),  # the end of one of 23
    ],
)
def test_a_budget_is_refilled_at_midnight_in_california(last, first):
    capacity(youtube_units=1)
    before, after = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (last, first))
    assert pools.charge(pool_names.UNITS, 1, call="videos.list", now=before)
    with pytest.raises(BudgetExhausted) as spent:
        pools.charge(pool_names.UNITS, 1, call="videos.list", now=before)
    assert spent.value.resets_at == after
    assert pools.charge(pool_names.UNITS, 1, call="videos.list", now=after)


def test_statistics_and_checks_leave_what_is_kept_for_publishing():
    Pool.objects.filter(name=pool_names.UNITS).update(capacity=10, reserve=6)
    publishes, looks = plain_job(JobKind.PUBLISH), plain_job(JobKind.COLLECT)
    pools.charge(pool_names.UNITS, 4, call="videos.list", job=looks)
    for kind in (JobKind.COLLECT, JobKind.CHECK):
        with pytest.raises(BudgetExhausted):
            pools.charge(pool_names.UNITS, 1, call="videos.list", job=plain_job(kind))
    assert pools.charge(pool_names.UNITS, 6, call="videos.update", job=publishes)


def test_pictures_leave_what_is_kept_for_publishing_and_a_days_uploads_can_all_be_made_public():
    """A hundred pictures of 50 units and a hundred armings of 51 are more than a day has: the pictures yield."""
    stages, publishes = plain_job(JobKind.STAGE), plain_job(JobKind.PUBLISH)
    with pytest.raises(BudgetExhausted):
        for _ in range(100):
            pools.charge(pool_names.UNITS, 50, call="thumbnails.set", job=stages)
    with pytest.raises(BudgetExhausted):
        for _ in range(10_000):
            pools.charge(pool_names.UNITS, 50, call="videos.list", job=plain_job(JobKind.COLLECT))
    for _ in range(pool(pool_names.UPLOADS).capacity):
        pools.charge(pool_names.UNITS, 51, call="videos.update", job=publishes)
        pools.charge(pool_names.UNITS, 1, call="videos.list", job=publishes)


def test_a_paused_budget_is_waited_for_until_it_goes_on_and_not_until_midnight():
    Pool.objects.filter(name=pool_names.UNITS).update(paused=True)
    with pytest.raises(BudgetExhausted, match="paused") as refused:
        pools.charge(pool_names.UNITS, 1, call="videos.list")
    assert refused.value.resets_at < in_(minutes=5)


@pytest.mark.parametrize(("known", "state"), [(True, "settled"), (False, "unknown")])
def test_a_charge_is_closed_by_what_is_known_of_its_call_and_only_once(known, state):
    entry = pools.charge(pool_names.UNITS, 51, call="videos.update")
    pools.settle(entry, known=known)
    pools.settle(entry, known=not known)
    entry.refresh_from_db()
    assert entry.state == state


def test_a_refused_charge_writes_nothing():
    capacity(youtube_units=5)
    with pytest.raises(BudgetExhausted):
        pools.charge(pool_names.UNITS, 6, call="videos.update")
    assert not BudgetEntry.objects.exists()


def test_an_upload_that_is_begun_anew_the_next_day_is_charged_to_that_day(monkeypatch):
    """Without a session to resume it is another call, and Google counts it on its own day."""
    job = claimed(stage_job())
    pools.charge_reserved(job)
    queue.try_again(job, at=timezone.now(), error_code="x", error_message="503")
    BudgetEntry.objects.update(day=pacific_day(timezone.now()) - timedelta(days=1))
    claimed(job)
    assert sorted(BudgetEntry.objects.filter(job=job).values_list("state", flat=True)) == [
        "charged",
        "reserved",
    ]


def test_an_upload_that_is_resumed_the_next_day_costs_nothing_more():
    job = claimed(stage_job())
    pools.charge_reserved(job)
    sealed = job.distribution.sealed_session("https://upload.example/session")
    Distribution.objects.filter(pk=job.distribution_id).update(upload_session_sealed=sealed)
    queue.try_again(job, at=timezone.now(), error_code="x", error_message="503")
    BudgetEntry.objects.update(day=pacific_day(timezone.now()) - timedelta(days=1))
    claimed(job)
    assert BudgetEntry.objects.filter(job=job).count() == 1


def test_what_uploads_nothing_reserves_nothing():
    claimed(stage_job(skip_upload=True))
    assert not BudgetEntry.objects.exists()


# -------------------------------------------------------------------------------------------------------------- report


def test_the_report_shows_what_is_used_who_holds_it_and_how_many_wait():
    capacity(process=1)
    job = claimed(process_job())
    process_job()
    process_job(run_at=in_(hours=1))
    report = {row.name: row for row in pool_reports.report()}["process"]
    assert (report.used, report.capacity, report.waiting, report.kind) == (1, 1, 1, PoolKind.SLOTS)
    assert [lease["job_id"] for lease in report.leases] == [job.pk]


def test_the_report_shows_what_was_spent_today_and_when_there_is_more():
    pools.charge(pool_names.UNITS, 51, call="videos.update")
    BudgetEntry.objects.create(
        pool=pool(pool_names.UNITS), day=pacific_day(in_(days=-1)), units=9000, call="x", state="settled"
    )
    report = {row.name: row for row in pool_reports.report()}[pool_names.UNITS]
    assert (report.used, report.day) == (51, pacific_day(timezone.now()))
    assert report.resets_at > timezone.now()
