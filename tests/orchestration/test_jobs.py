"""An operator steers single jobs: cancel, try again, move to the front."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from channels.models import Channel
from channels.verbs import offered
from orchestration.engine import jobs
from orchestration.errors import IllegalTransition, NotFound, PlanRefused
from orchestration.models import Activity, Distribution, Job, Schedule
from orchestration.queue import jobs as queue
from orchestration.scheduling.rows import why_not_at
from orchestration.states import JOB_VERBS, DistributionState, JobKind, JobState, ScheduleState, VideoState
from tests import factories
from tests.factories import in_
from tests.orchestration.engine import claimed, plain_job, process_job, publish_job, running, stage_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keeps_invariants")]


@pytest.fixture(autouse=True)
def system(db):
    return running()


@pytest.mark.parametrize("action", ["cancel", "retry", "bump"])
@pytest.mark.parametrize("state", JobState.values)
def test_an_action_is_taken_where_it_is_shown_and_refused_elsewhere(action, state):
    job = plain_job(state=state, holder="w" if state == JobState.RUNNING else "")
    if action in offered(JOB_VERBS, state):
        getattr(jobs, action)(job.pk, "because")
    else:
        with pytest.raises(IllegalTransition):
            getattr(jobs, action)(job.pk)
        assert Job.objects.get().state == state


@pytest.mark.parametrize("action", ["cancel", "retry", "bump"])
def test_a_job_that_is_not_there_is_named(action):
    with pytest.raises(NotFound):
        getattr(jobs, action)(999_999)


# -------------------------------------------------------------------------------------------------------------- cancel


def test_a_waiting_job_is_cancelled_at_once():
    job = jobs.cancel(plain_job().pk, "not wanted")
    assert (job.state, job.error_message, job.cancel_reason) == (JobState.CANCELLED, "not wanted", "operator")
    assert job.finished_at is not None


def test_a_running_job_is_asked_once_and_ends_when_its_worker_has_stopped():
    job = claimed(plain_job())
    jobs.cancel(job.pk, "not wanted")
    first = Job.objects.get().cancel_requested_at
    jobs.cancel(job.pk, "really")
    stored = Job.objects.get()
    assert (stored.state, stored.cancel_requested_at, stored.cancel_reason) == (
        JobState.RUNNING,
        first,
        "operator",
    )
    assert Activity.objects.filter(verb="job_cancel_requested").count() == 1


def test_cancelling_a_staging_holds_its_publication():
    job = stage_job()
    jobs.cancel(job.pk, "look first")
    job.schedule.refresh_from_db()
    assert (job.schedule.state, job.distribution.state) == (ScheduleState.HELD, DistributionState.ASSIGNED)


def test_cancelling_a_publish_job_holds_its_publication_and_disarms_what_is_armed():
    """Held here and armed there, it would go public at its moment all the same."""
    job = publish_job(armed=True, state=JobState.WAITING)
    jobs.cancel(job.pk, "look first")
    job.schedule.refresh_from_db()
    assert (job.schedule.state, job.schedule.armed_for) == (ScheduleState.HELD, None)
    disarm = Job.objects.get(kind=JobKind.DISARM)
    assert disarm.distribution_id == job.distribution_id


@pytest.mark.parametrize("running_now", [True, False], ids=["running", "waiting"])
@pytest.mark.parametrize("how", ["armed", "publishing"])
def test_a_publication_whose_moment_has_come_is_not_cancelled_any_more(running_now, how):
    job = publish_job(state=JobState.RUNNING, holder="w") if running_now else publish_job()
    moment = in_(seconds=-1)
    if how == "armed":
        Schedule.objects.update(publish_at=moment, armed_for=moment)
    else:
        Schedule.objects.update(state=ScheduleState.PUBLISHING)
    with pytest.raises(IllegalTransition, match="recalled"):
        jobs.cancel(job.pk)
    stored = Job.objects.get()
    assert (stored.state == job.state, stored.cancel_requested_at) == (True, None)


def test_cancelling_what_prepares_a_video_fails_it_and_what_waits_for_it():
    video = factories.VideoFactory(state=VideoState.PROCESSING)
    waits = stage_job(
        schedule=factories.ScheduleFactory(
            state=ScheduleState.STAGING, distribution=factories.DistributionFactory(video=video)
        )
    )
    jobs.cancel(process_job(video=video).pk, "the wrong file")
    video.refresh_from_db()
    waits.refresh_from_db()
    waits.schedule.refresh_from_db()
    assert (video.state, waits.state, waits.schedule.state) == ("failed", "failed", "failed")
    assert "the wrong file" in waits.error_message


# --------------------------------------------------------------------------------------------------------------- retry


def test_a_retried_job_starts_anew():
    job = plain_job(
        state=JobState.FAILED,
        attempts=5,
        progress=0.7,
        error_code="x",
        error_message="y",
        finished_at=timezone.now(),
        cancel_requested_at=timezone.now(),
        cancel_reason="operator",
        waits_for="old news",
    )
    again = jobs.retry(job.pk, "the disk has room again")
    stored = Job.objects.get()
    for row in (again, stored):
        assert (row.state, row.attempts, row.progress, row.error_code, row.finished_at) == (
            JobState.QUEUED,
            0,
            0,
            "",
            None,
        )
        assert (row.cancel_requested_at, row.cancel_reason, row.waits_for) == (None, "", "")
    assert claimed(stored).pk == job.pk


def test_a_retry_is_refused_while_another_job_does_the_same():
    failed = plain_job(state=JobState.FAILED, dedupe_key="k")
    standing = plain_job(dedupe_key="k")
    with pytest.raises(IllegalTransition, match=f"Job {standing.pk} already does this"):
        jobs.retry(failed.pk)


def test_a_failed_staging_that_is_tried_again_takes_its_publication_up_again():
    job = stage_job(state=JobState.FAILED)
    type(job.distribution).objects.update(state="failed")
    Schedule.objects.update(state=ScheduleState.FAILED)
    jobs.retry(job.pk)
    job.schedule.refresh_from_db()
    job.distribution.refresh_from_db()
    assert (job.schedule.state, job.distribution.state) == (ScheduleState.STAGING, DistributionState.ASSIGNED)


def test_a_failed_publish_job_that_is_tried_again_stands_where_its_video_is():
    job = publish_job(state=JobState.FAILED)
    Schedule.objects.update(state=ScheduleState.FAILED)
    jobs.retry(job.pk)
    job.schedule.refresh_from_db()
    assert job.schedule.state == ScheduleState.STAGED


def failed_publication(**times):
    """Make a publication whose publish job failed, on a channel with a gap of an hour."""
    at = (timezone.now() + timedelta(**times)).replace(microsecond=0)
    channel = factories.ChannelFactory(min_gap_minutes=60)
    schedule = factories.ScheduleFactory(
        distribution=factories.DistributionFactory(staged=True, channel=channel),
        channel=channel,
        publish_at=at,
    )
    job = publish_job(schedule=schedule, state=JobState.FAILED)
    Schedule.objects.filter(pk=schedule.pk).update(state=ScheduleState.FAILED)
    Distribution.objects.filter(pk=schedule.distribution_id).update(state=DistributionState.FAILED)
    schedule.refresh_from_db()
    return job, schedule


def in_its_place(schedule, **shift):
    return factories.ScheduleFactory(
        staged=True, channel=schedule.channel, publish_at=schedule.publish_at + timedelta(**shift)
    )


TAKEN = {
    "the gap": lambda row: in_its_place(row, minutes=10),
    "the daily cap": lambda row: (
        factories.ScheduleFactory(channel=row.channel, publish_at=row.publish_at.replace(hour=12, minute=0)),
        Channel.objects.filter(pk=row.channel_id).update(daily_cap=1, timezone="UTC"),
    ),
    "a blackout": lambda row: factories.BlackoutFactory(
        channel=row.channel,
        first_date=row.publish_at.date() - timedelta(days=1),
        last_date=row.publish_at.date() + timedelta(days=1),
    ),
}


@pytest.mark.parametrize("rule", TAKEN)
def test_a_retry_does_not_take_a_time_back_that_the_calendar_has_given_away(rule):
    job, row = failed_publication(hours=5)
    TAKEN[rule](row)
    with pytest.raises(PlanRefused) as refused:
        jobs.retry(job.pk)
    assert "next_free" in refused.value.message
    assert refused.value.details["alternatives"]
    job.refresh_from_db()
    row.refresh_from_db()
    assert (job.state, row.state) == (JobState.FAILED, ScheduleState.FAILED)

    jobs.retry(job.pk, next_free=True)
    at = row.publish_at
    job.refresh_from_db()
    row.refresh_from_db()
    row.distribution.refresh_from_db()
    assert (job.state, row.state, row.distribution.state) == (
        JobState.QUEUED,
        ScheduleState.STAGED,
        DistributionState.STAGED,
    )
    assert row.publish_at > at
    assert why_not_at(row, row.publish_at) == ([], [])
    assert job.run_at == row.publish_at - timedelta(seconds=settings.HEADEND_ARM_SECONDS)
    assert (
        Activity.objects.get(verb="schedule_moved", object_id=row.pk).before["publish_at"] == at.isoformat()
    )


def test_a_retry_after_its_moment_is_refused_or_takes_the_next_free_time():
    job, row = failed_publication(minutes=-30)
    with pytest.raises(PlanRefused, match="in the past"):
        jobs.retry(job.pk)
    jobs.retry(job.pk, next_free=True)
    row.refresh_from_db()
    assert row.state == ScheduleState.STAGED
    assert row.publish_at > timezone.now()


def test_a_retry_keeps_a_time_that_is_still_free():
    job, row = failed_publication(minutes=10)
    in_its_place(row, minutes=90)
    jobs.retry(job.pk, next_free=True)
    at = row.publish_at
    row.refresh_from_db()
    assert (row.state, row.publish_at) == (ScheduleState.STAGED, at)
    assert not Activity.objects.filter(verb="schedule_moved").exists()


def test_a_staging_that_an_operator_cancelled_is_taken_up_again_by_its_retry():
    job = stage_job()
    jobs.cancel(job.pk)
    jobs.retry(job.pk)
    job.schedule.refresh_from_db()
    assert job.schedule.state == ScheduleState.STAGING


@pytest.mark.parametrize("state", ["held", "cancelled", "skipped", "missed"])
def test_what_was_decided_about_a_publication_is_not_undone_by_an_old_job(state):
    job = stage_job(state=JobState.CANCELLED, cancel_reason="withdrawn")
    Schedule.objects.update(state=state)
    with pytest.raises(IllegalTransition, match="release it, or give it a new time"):
        jobs.retry(job.pk)
    assert (Job.objects.get().state, Schedule.objects.get().state) == (JobState.CANCELLED, state)


def test_what_needs_review_is_settled_at_its_publication_first():
    job = stage_job(state=JobState.NEEDS_REVIEW)
    Schedule.objects.update(state=ScheduleState.NEEDS_REVIEW)
    with pytest.raises(IllegalTransition, match="review"):
        jobs.retry(job.pk)


def test_a_staging_by_hand_that_needs_review_can_be_tried_again():
    """It has no publication to be settled at, and its next try looks for the upload's marker first."""
    distribution = factories.DistributionFactory(state=DistributionState.NEEDS_REVIEW)
    job = factories.JobFactory(
        needs_review=True, kind=JobKind.STAGE, distribution=distribution, video=distribution.video
    )
    jobs.retry(job.pk, "looked, nothing there")
    distribution.refresh_from_db()
    assert distribution.state == DistributionState.ASSIGNED


def test_a_failed_video_that_is_tried_again_goes_on_from_where_it_failed():
    video = factories.VideoFactory(state=VideoState.FAILED)
    jobs.retry(process_job(video=video, state=JobState.FAILED).pk)
    video.refresh_from_db()
    assert video.state == VideoState.SCRAPED


def test_a_recall_that_is_tried_again_is_a_recall_again():
    schedule = factories.ScheduleFactory(published=True)
    job = publish_job(schedule=schedule, kind=JobKind.RECALL, state=JobState.FAILED)
    type(job.distribution).objects.update(state="needs_review")
    Schedule.objects.update(state=ScheduleState.NEEDS_REVIEW)
    jobs.retry(job.pk)
    job.distribution.refresh_from_db()
    assert (job.distribution.state, Schedule.objects.get().state) == ("published", "published")


# ---------------------------------------------------------------------------------------------------------------- bump


def test_a_bumped_job_goes_before_all_others_and_the_latest_bump_first():
    highest, first, second = (
        plain_job(priority=10),
        plain_job(priority=0),
        plain_job(priority=0, run_at=in_(hours=3)),
    )
    jobs.bump(first.pk, "the partner waits")
    jobs.bump(second.pk)
    assert [queue.claim()[0].pk for _ in range(3)] == [second.pk, first.pk, highest.pk]
    assert Activity.objects.filter(verb="job_bumped", reason="the partner waits").count() == 1
