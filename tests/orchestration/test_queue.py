"""The queue of record: one open job a key, highest priority first, nobody starves, every wait has its reason."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orchestration.core.audit import Acting, acting_as
from orchestration.engine import jobs, waiting_reasons
from orchestration.errors import LeaseLost, NotFound, StaleState
from orchestration.models import Activity, Job, Schedule, Video
from orchestration.planning.priority import AGEING_STEP_SECONDS, longest_advantage_seconds
from orchestration.queue import jobs as queue
from orchestration.queue import pauses
from orchestration.states import TAKING_BACK, JobKind, JobState, ScheduleState, SystemStatus, VideoState
from tests import factories
from tests.factories import in_
from tests.orchestration.engine import (
    capacity,
    claimed,
    plain_job,
    process_job,
    publish_job,
    running,
    stage_job,
    staging_schedule,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keeps_invariants")]


@pytest.fixture(autouse=True)
def system(db):
    return running()


def claim_order():
    order = []
    while taken := queue.claim(holder="test"):
        order.append(taken[0].pk)
    return order


# ------------------------------------------------------------------------------------------------------------- enqueue


def test_a_job_that_stands_already_is_returned_and_not_doubled():
    first = queue.enqueue(JobKind.CHECK, dedupe_key="check:channel:1", priority=2)
    again = queue.enqueue(JobKind.CHECK, dedupe_key="check:channel:1", priority=9)
    assert again.pk == first.pk
    assert Job.objects.get().priority == 2
    assert Activity.objects.filter(verb="job_queued").count() == 1


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.WAITING])
def test_a_job_stands_in_every_open_state(state):
    standing = plain_job(dedupe_key="k", state=state, holder="w" if state == JobState.RUNNING else "")
    assert queue.enqueue(JobKind.COLLECT, dedupe_key="k").pk == standing.pk


@pytest.mark.parametrize("state", ["succeeded", "failed", "errored", "cancelled", "needs_review"])
def test_a_job_that_is_over_makes_room_for_the_next(state):
    over = plain_job(dedupe_key="k", state=state)
    assert queue.enqueue(JobKind.COLLECT, dedupe_key="k").pk != over.pk


def test_a_job_is_tied_to_the_action_that_asked_for_it():
    with acting_as(Acting("mira", None, "api", "c0ffee")):
        job = queue.enqueue(JobKind.CHECK, dedupe_key="k")
    assert job.correlation_id == "c0ffee"
    assert Activity.objects.get(verb="job_queued").cid == "c0ffee"


@pytest.mark.parametrize(
    ("kind", "executor", "fast"),
    [
        (JobKind.STAGE, "local", False),
        (JobKind.STAGE, "github", True),
        (JobKind.PROCESS, "local", False),
        (JobKind.SCRAPE, "local", False),
        (JobKind.PUBLISH, "local", True),
        (JobKind.RECALL, "local", True),
        (JobKind.DISARM, "local", True),
        (JobKind.SYNC, "local", True),
        (JobKind.COLLECT, "local", True),
        (JobKind.CHECK, "local", True),
    ],
)
def test_short_calls_are_kept_apart_from_slow_work(kind, executor, fast):
    assert queue.enqueue(kind, dedupe_key="k", executor=executor).fast is fast


# --------------------------------------------------------------------------------------------------------------- order


def ranked(priority, waited_seconds=0):
    at = in_(seconds=-waited_seconds)
    return plain_job(priority=priority, run_at=at, rank=queue.rank_of(priority, at))


def test_the_highest_priority_goes_first():
    low, high, middle = ranked(1), ranked(9), ranked(5)
    assert claim_order() == [high.pk, middle.pk, low.pk]


def test_of_equal_priority_the_one_that_waits_longer_goes_first():
    young, old = ranked(5), ranked(5, waited_seconds=60)
    assert claim_order() == [old.pk, young.pk]


def test_a_job_of_priority_zero_goes_before_all_that_came_the_bound_later():
    bound = longest_advantage_seconds()
    assert bound == 10 * AGEING_STEP_SECONDS
    fresh = [ranked(priority) for priority in range(11)]
    starving = ranked(0, waited_seconds=bound + 1)
    assert claim_order()[0] == starving.pk
    assert Job.objects.filter(pk__in=[job.pk for job in fresh], state=JobState.RUNNING).count() == 11


def test_within_the_bound_priority_still_counts():
    waiting_long = ranked(0, waited_seconds=longest_advantage_seconds() - 60)
    urgent = ranked(10)
    assert claim_order() == [urgent.pk, waiting_long.pk]


def test_a_job_is_not_claimed_before_its_time():
    job = plain_job(run_at=in_(minutes=5))
    assert queue.claim() == []
    assert [row.pk for row in queue.claim(now=in_(minutes=6))] == [job.pk]


def test_a_claim_names_its_holder_its_lease_and_its_attempt():
    before = timezone.now()
    job = claimed(plain_job(attempts=1), holder="w1")
    stored = Job.objects.get(pk=job.pk)
    assert (stored.state, stored.holder, stored.attempts, stored.version) == (JobState.RUNNING, "w1", 2, 1)
    assert stored.lease_expires_at >= before + timedelta(seconds=queue.LEASE_SECONDS)
    assert (job.holder, job.attempts, job.version) == (stored.holder, stored.attempts, stored.version)


def test_a_batch_leaves_one_entry_that_names_its_jobs():
    rows = [plain_job() for _ in range(3)]
    queue.claim(limit=3)
    entry = Activity.objects.get(verb="jobs_claimed")
    assert sorted(entry.additional_data["members"]["job"]) == [row.pk for row in rows]


def test_a_bumped_job_keeps_its_place_when_it_has_to_be_tried_again():
    bumped, other = plain_job(priority=0), ranked(10, waited_seconds=30)
    jobs.bump(bumped.pk)
    assert other.pk != bumped.pk
    taken = claimed(Job.objects.get(pk=bumped.pk))
    queue.try_again(taken, at=timezone.now(), error_code="x", error_message="503")
    assert claim_order()[0] == bumped.pk


# ------------------------------------------------------------------------------------------------------ who is left out


def test_a_paused_channel_keeps_its_jobs_back_except_what_is_safe():
    channel = factories.ChannelFactory(paused=True)
    stage_job(schedule=staging_schedule(channel=channel))
    publish_job(schedule=factories.ScheduleFactory(staged=True, channel=channel))
    plain_job(JobKind.COLLECT, channel=channel)
    allowed = {plain_job(kind, channel=channel).pk for kind in (JobKind.CHECK, *TAKING_BACK, JobKind.SYNC)}
    assert {job.pk for job in queue.claim(limit=9)} == allowed


def test_a_paused_wave_keeps_its_jobs_back():
    wave = factories.WaveFactory(paused=True)
    stage_job(schedule=staging_schedule(wave=wave))
    publish_job(schedule=factories.ScheduleFactory(staged=True, wave=wave))
    free = stage_job(schedule=staging_schedule(wave=factories.WaveFactory()))
    assert [job.pk for job in queue.claim(limit=9)] == [free.pk]


@pytest.mark.parametrize("state", sorted(set(VideoState.values) - {VideoState.READY}))
def test_a_staging_waits_until_its_video_is_ready(state):
    job = stage_job()
    Video.objects.filter(pk=job.video_id).update(state=state)
    assert queue.claim() == []
    Video.objects.filter(pk=job.video_id).update(state=VideoState.READY)
    assert [row.pk for row in queue.claim()] == [job.pk]
    Schedule.objects.filter(pk=job.schedule_id).update(state=ScheduleState.STAGING)


def test_what_is_armed_and_has_come_is_looked_at_on_a_paused_channel_too():
    job = publish_job(armed=True)
    at = in_(seconds=-2)
    Schedule.objects.update(publish_at=at, armed_for=at)
    type(job.channel).objects.update(state="paused")
    assert [row.pk for row in queue.claim()] == [job.pk]


# ---------------------------------------------------------------------------------------------------- the holder's side


def test_only_the_holder_extends_reports_and_hands_over():
    job = claimed(process_job(), holder="ours")
    for act in (
        lambda: queue.heartbeat(job, "theirs"),
        lambda: queue.note_progress(job, "theirs", 0.9, "mine now"),
        lambda: queue.hand_over(job, "theirs", "run:1", seconds=60),
    ):
        with pytest.raises(LeaseLost):
            act()
    job.holder = "theirs"
    for act in (
        lambda: queue.finish(job, JobState.SUCCEEDED, result={}),
        lambda: queue.try_again(job, at=timezone.now(), error_code="", error_message=""),
    ):
        with pytest.raises(StaleState):
            act()
    stored = Job.objects.get(pk=job.pk)
    assert (stored.state, stored.holder, stored.progress) == (JobState.RUNNING, "ours", 0)


def test_a_heartbeat_extends_the_job_and_its_slots_and_tells_of_a_wish_to_stop():
    job = claimed(process_job(), holder="w")
    Job.objects.update(lease_expires_at=in_(seconds=1))
    assert queue.heartbeat(job, "w") is False
    job.refresh_from_db()
    assert job.lease_expires_at > in_(seconds=50)
    assert job.leases.get().expires_at == job.lease_expires_at
    Job.objects.update(cancel_requested_at=timezone.now())
    assert queue.heartbeat(job, "w") is True


@pytest.mark.parametrize(("said", "kept"), [(-1, 0.0), (0.5, 0.5), (7, 1.0)])
def test_progress_lies_between_nothing_and_all(said, kept):
    job = claimed(plain_job(), holder="w")
    queue.note_progress(job, "w", said, "n" * 300)
    stored = Job.objects.get()
    assert (stored.progress, len(stored.progress_note)) == (kept, 200)


def test_a_wait_that_is_no_failure_is_not_counted():
    job = claimed(plain_job())
    queue.try_again(job, at=timezone.now(), error_code="", error_message="armed", counted=False)
    assert Job.objects.get().attempts == 0


@pytest.mark.parametrize("attempts", range(1, 14))
def test_the_back_off_doubles_up_to_a_quarter_of_an_hour_with_jitter(attempts):
    middle = min(4 * 2 ** (attempts - 1), 900)
    waits = {pauses.back_off(attempts).total_seconds() for _ in range(30)}
    assert min(waits) >= 0.75 * middle
    assert max(waits) <= 1.25 * middle
    assert len(waits) > 1, "many that failed together must not come back together"


def test_a_job_that_is_not_there_is_named():
    with pytest.raises(NotFound) as error:
        queue.locked(999_999)
    assert error.value.field == "job_id"


# ---------------------------------------------------------------------------------------------------- waits explained


def explained(job):
    waiting_reasons.refresh_waiting_reasons(timezone.now())
    job.refresh_from_db()
    return job.waits_for


def test_each_wait_has_its_reason():
    paused = factories.ChannelFactory(paused=True, name="Aurora")
    wave = factories.WaveFactory(paused=True, name="Premiere")
    unready = stage_job()
    Video.objects.filter(pk=unready.video_id).update(state=VideoState.PROCESSING)
    cases = {
        stage_job(schedule=staging_schedule(channel=paused)): "channel Aurora is paused",
        stage_job(schedule=staging_schedule(wave=wave)): "wave Premiere is paused",
        unready: "its video is Processing, not ready yet",
        plain_job(run_at=in_(hours=1)): "its time has not come",
        plain_job(): "",
    }
    for job, reason in cases.items():
        assert explained(job) == reason


def test_a_job_that_waits_for_another_try_keeps_saying_why():
    job = claimed(plain_job())
    queue.try_again(job, at=in_(hours=1), error_code="x", error_message="GitHub answered 503")
    assert explained(job) == "another try: GitHub answered 503"


@pytest.mark.parametrize("state", [SystemStatus.STOPPED, SystemStatus.PAUSED, SystemStatus.DRAINING])
def test_a_system_that_does_not_run_is_the_reason(state):
    running(state)
    assert explained(process_job()) == f"the system is {state}"
    assert explained(plain_job(JobKind.CHECK)) == ""


def test_a_reason_that_is_over_is_taken_away():
    job = process_job()
    running(SystemStatus.PAUSED)
    assert explained(job)
    running()
    assert explained(job) == ""


def test_a_claimed_job_waits_for_nothing():
    capacity(process=1)
    first, second = process_job(), process_job()
    taken = claimed(first)
    assert "all 1 are taken" in explained(second)
    queue.finish(taken, JobState.SUCCEEDED, result={})
    assert claimed(second).waits_for == ""
    assert Job.objects.get(pk=second.pk).waits_for == ""
