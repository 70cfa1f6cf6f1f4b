"""No job ends without its consequence: for each kind and outcome, what it worked for says so."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.models import Credential
from channels.states import CredentialState, Executor
from orchestration.engine import jobs
from orchestration.errors import StaleState
from orchestration.models import Activity, Distribution, Job, Schedule, Video
from orchestration.pipeline import outcomes
from orchestration.states import TAKING_BACK, DistributionState, JobKind, JobState, ScheduleState, VideoState
from tests import factories
from tests.factories import in_
from tests.orchestration.engine import process_job, publish_job, running, stage_job, staging_schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keeps_invariants")]
BAD = [JobState.FAILED, JobState.ERRORED]


@pytest.fixture(autouse=True)
def system(db):
    return running()


def end(job, state, *, code="x", message="the remote said no", reason=""):
    """End a running job as a worker does."""
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING, holder="w", cancel_reason=reason)
    job.refresh_from_db()
    assert outcomes.end_job(job, state, code, message)
    for row in (job, job.schedule, job.distribution, job.video, job.source):
        if row is not None:
            row.refresh_from_db()
    return job


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.NEEDS_REVIEW])
def test_a_job_that_is_over_is_not_ended_again(state):
    job = publish_job(state=JobState.CANCELLED)
    before = Activity.objects.count()
    assert not outcomes.end_job(job, state)
    assert Job.objects.get().state == JobState.CANCELLED
    assert (pair(job), Activity.objects.count()) == (("staged", "staged"), before)


def test_a_job_that_was_taken_from_its_holder_is_ended_by_nobody_else():
    job = publish_job(state=JobState.RUNNING, holder="first")
    Job.objects.update(holder="second")
    with pytest.raises(StaleState):
        outcomes.end_job(job, JobState.FAILED, "x", "the remote said no")
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.RUNNING, "")
    assert pair(job) == ("staged", "staged")


def pair(job):
    return job.schedule.state, job.distribution.state


# ------------------------------------------------------------------------------------------------------- source, video


def source_job():
    source = factories.SourceFactory()
    return factories.JobFactory(kind=JobKind.SCRAPE, channel=None, source=source)


@pytest.mark.parametrize("state", [*BAD, JobState.NEEDS_REVIEW])
def test_a_source_that_could_not_be_read_counts_it_and_says_why(state):
    job = end(source_job(), state)
    assert (job.source.consecutive_failures, job.source.last_error) == (1, "the remote said no")
    assert Activity.objects.filter(verb="source_failed").count() == 1


@pytest.mark.parametrize("reason", ["operator", "stop_now"])
def test_a_reading_that_was_cancelled_says_nothing_about_its_source(reason):
    job = end(source_job(), JobState.CANCELLED, reason=reason)
    assert (job.source.consecutive_failures, job.source.last_error) == (0, "")


def video_job(kind):
    at_work = VideoState.SCRAPING if kind == JobKind.SCRAPE else VideoState.PROCESSING
    return process_job(kind=kind, video=factories.VideoFactory(state=at_work))


@pytest.mark.parametrize("kind", [JobKind.SCRAPE, JobKind.PROCESS])
@pytest.mark.parametrize(
    ("state", "reason", "video_state"),
    [
        (JobState.FAILED, "", VideoState.FAILED),
        (JobState.ERRORED, "", VideoState.FAILED),
        (JobState.CANCELLED, "operator", VideoState.FAILED),
        (JobState.CANCELLED, "stop_now", None),
    ],
)
def test_a_video_follows_the_job_that_prepared_it(kind, state, reason, video_state):
    job = end(video_job(kind), state, reason=reason)
    back = VideoState.FOUND if kind == JobKind.SCRAPE else VideoState.SCRAPED
    assert job.video.state == (video_state or back)
    if video_state:
        assert job.video.error_message == "the remote said no"


def test_a_failed_video_takes_all_that_waits_for_it_along_on_every_channel():
    video = factories.VideoFactory(state=VideoState.PROCESSING)
    waits = [
        stage_job(schedule=staging_schedule(distribution=factories.DistributionFactory(video=video)))
        for _ in range(3)
    ]
    end(process_job(video=video), JobState.FAILED, message="cut short")
    for job in waits:
        job.refresh_from_db()
        job.schedule.refresh_from_db()
        job.distribution.refresh_from_db()
        assert (job.state, job.error_code, *pair(job)) == ("failed", "video_failed", "failed", "failed")
        assert "cut short" in job.error_message


# ------------------------------------------------------------------------------------------------------------- staging


@pytest.mark.parametrize(
    ("state", "reason", "schedule", "distribution"),
    [
        (JobState.FAILED, "", "failed", "failed"),
        (JobState.ERRORED, "", "failed", "failed"),
        (JobState.NEEDS_REVIEW, "", "needs_review", "needs_review"),
        (JobState.CANCELLED, "operator", "held", "assigned"),
        (JobState.CANCELLED, "", "held", "assigned"),
        (JobState.CANCELLED, "stop_now", "planned", "assigned"),
        (JobState.CANCELLED, "withdrawn", "staging", "assigned"),
    ],
)
def test_a_publication_follows_the_job_that_staged_it(state, reason, schedule, distribution):
    assert pair(end(stage_job(), state, reason=reason)) == (schedule, distribution)
    if reason == "withdrawn":
        Schedule.objects.update(
            state=ScheduleState.HELD
        )  # as whoever withdrew it does in the same transaction


def test_an_upload_that_is_recorded_stays_staged_whatever_came_after_it():
    job = stage_job(schedule=factories.ScheduleFactory(staged=True))
    assert pair(end(job, JobState.FAILED, message="its worker is gone, for the 5th time")) == (
        "staged",
        "staged",
    )


@pytest.mark.parametrize("decided", ["cancelled", "skipped", "missed"])
def test_what_was_decided_meanwhile_stays_decided(decided):
    job = stage_job()
    Schedule.objects.update(state=decided)
    Distribution.objects.update(state="cancelled")
    assert pair(end(job, JobState.NEEDS_REVIEW)) == (decided, "cancelled")


def test_a_staging_by_hand_without_a_schedule_ends_its_distribution():
    distribution = factories.DistributionFactory()
    job = factories.JobFactory(kind=JobKind.STAGE, distribution=distribution, video=distribution.video)
    assert end(job, JobState.FAILED).distribution.state == DistributionState.FAILED


def test_the_reason_stands_on_the_distribution_and_in_the_log():
    job = end(stage_job(), JobState.FAILED, code="file_damaged", message="the file is cut short")
    assert (job.distribution.error_code, job.distribution.error_message) == (
        "file_damaged",
        "the file is cut short",
    )
    assert Activity.objects.get(verb="schedule_failed").reason == "the file is cut short"


# ---------------------------------------------------------------------------------------------------------- publishing


@pytest.mark.parametrize(
    ("state", "reason", "schedule", "distribution"),
    [
        (JobState.FAILED, "", "failed", "staged"),
        (JobState.ERRORED, "", "failed", "staged"),
        (JobState.NEEDS_REVIEW, "", "needs_review", "needs_review"),
        (JobState.CANCELLED, "operator", "held", "staged"),
        (JobState.CANCELLED, "stop_now", "staged", "staged"),
        (JobState.CANCELLED, "withdrawn", "staged", "staged"),
    ],
)
def test_a_publication_follows_the_job_that_publishes_it(state, reason, schedule, distribution):
    assert pair(end(publish_job(), state, reason=reason)) == (schedule, distribution)


@pytest.mark.parametrize("state", BAD)
def test_a_publication_that_failed_while_armed_or_half_way_is_in_doubt(state):
    """YouTube may have made it public, or will: calling it failed would invite a second time."""
    assert pair(end(publish_job(armed=True), state)) == ("needs_review", "needs_review")
    half_way = publish_job(schedule=factories.ScheduleFactory(staged=True, state=ScheduleState.PUBLISHING))
    assert pair(end(half_way, state)) == ("needs_review", "needs_review")


def test_an_operator_who_cancels_an_armed_publication_has_it_disarmed():
    job = end(publish_job(armed=True), JobState.CANCELLED, reason="operator")
    assert (job.schedule.state, job.schedule.armed_for) == ("held", None)
    assert Job.objects.get(kind__in=TAKING_BACK).kind == JobKind.DISARM


def test_what_can_no_longer_be_stopped_stays_and_is_looked_at_again():
    job = publish_job(armed=True)
    moment = in_(seconds=1)
    Schedule.objects.update(publish_at=moment, armed_for=moment)
    job = end(job, JobState.CANCELLED, reason="operator")
    assert (job.schedule.state, job.schedule.armed_for) == ("staged", moment)
    assert not Job.objects.filter(kind__in=TAKING_BACK).exists()


# -------------------------------------------------------------------------------------------------------------- recall


@pytest.mark.parametrize("state", [*BAD, JobState.NEEDS_REVIEW])
def test_a_video_that_could_not_be_made_private_is_reviewed_with_its_publication(state):
    """Only a schedule under review can be settled by a person; without it there was no way out."""
    job = end(publish_job(kind=JobKind.RECALL, schedule=factories.ScheduleFactory(published=True)), state)
    assert pair(job) == ("needs_review", "needs_review")
    assert job.distribution.error_message == "It could not be made private: the remote said no"


@pytest.mark.parametrize("decided", ["held", "cancelled", "skipped", "missed", "failed", "staged"])
def test_what_was_held_back_and_could_not_be_disarmed_is_reviewed(decided):
    schedule = factories.ScheduleFactory(staged=True, state=decided)
    if decided == "cancelled":
        Distribution.objects.update(state="cancelled")
    job = end(publish_job(kind=JobKind.DISARM, schedule=schedule), JobState.FAILED)
    assert pair(job) == ("needs_review", "needs_review")


def test_a_recall_that_was_cancelled_leaves_things_as_they_are():
    job = end(
        publish_job(kind=JobKind.RECALL, schedule=factories.ScheduleFactory(published=True)),
        JobState.CANCELLED,
    )
    assert pair(job) == ("published", "published")


# --------------------------------------------------------------------------------------------------------------- others


@pytest.mark.parametrize("kind", [JobKind.SYNC, JobKind.COLLECT, JobKind.CHECK])
@pytest.mark.parametrize("state", [*BAD, JobState.CANCELLED, JobState.SUCCEEDED])
def test_other_jobs_end_for_themselves(kind, state):
    job = factories.JobFactory(kind=kind)
    before = Activity.objects.count()
    end(job, state)
    assert Activity.objects.count() == before + 1


@pytest.mark.parametrize(
    "kind", [JobKind.STAGE, JobKind.PUBLISH, JobKind.RECALL, JobKind.DISARM, JobKind.SCRAPE, JobKind.PROCESS]
)
def test_a_success_has_no_bad_consequence(kind):
    job = publish_job(kind=kind)
    Video.objects.update(state=VideoState.READY)
    assert pair(end(job, JobState.SUCCEEDED, code="", message="")) == ("staged", "staged")
    assert job.video.state == VideoState.READY


@pytest.mark.parametrize(
    ("pushed", "state"),
    [(None, "valid"), (-1, "valid"), (1, "revoked")],
    ids=["by hand", "older", "the same"],
)
def test_a_run_s_refused_token_marks_the_credential_only_if_it_is_the_present_one(pushed, state):
    credential = factories.CredentialFactory()
    connected_at = timezone.now() - timedelta(days=1)
    pushed_at = pushed and connected_at + timedelta(hours=pushed)
    Credential.objects.filter(pk=credential.pk).update(
        connected_at=connected_at, pushed_at=pushed_at, checked_at=timezone.now()
    )
    job = factories.JobFactory(kind=JobKind.STAGE, channel=credential.channel, executor=Executor.GITHUB)
    factories.WorkflowRunFactory(
        job=job, channel=credential.channel, result={"outcome": "failed", "error_code": "credential_revoked"}
    )
    end(job, JobState.FAILED, code="credential_revoked", message="Google answered 400")
    credential.refresh_from_db()
    assert credential.state == state
    if state == "valid":
        assert credential.checked_at is None  # so that the next check does not take Google's earlier word


def test_a_credential_that_google_refused_is_marked_once():
    credential = factories.CredentialFactory()
    for _ in range(2):
        job = factories.JobFactory(kind=JobKind.CHECK, channel=credential.channel)
        end(job, JobState.FAILED, code="credential_revoked", message="Google refuses the refresh token")
    credential.refresh_from_db()
    assert (credential.state, credential.reason) == (
        CredentialState.REVOKED,
        "Google refuses the refresh token",
    )
    assert credential.checked_at <= timezone.now()
    assert Activity.objects.filter(verb="credential_revoked").count() == 1


@pytest.mark.parametrize(("reconnected", "state"), [(True, "valid"), (False, "revoked")])
def test_a_token_refused_to_a_job_that_began_before_the_channel_was_connected_anew_marks_nothing(
    reconnected, state
):
    credential = factories.CredentialFactory()
    now = timezone.now()
    connected_at = now - timedelta(minutes=5 if reconnected else 90)
    Credential.objects.filter(pk=credential.pk).update(connected_at=connected_at, checked_at=now)
    job = factories.JobFactory(
        kind=JobKind.STAGE, channel=credential.channel, started_at=now - timedelta(hours=1)
    )
    end(job, JobState.FAILED, code="credential_revoked", message="Google answered 400")
    credential.refresh_from_db()
    assert (credential.state, credential.checked_at is None) == (state, reconnected)


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.NEEDS_REVIEW, JobState.CANCELLED])
def test_a_rehearsal_that_ends_badly_leaves_the_publication_that_was_planned_meanwhile(state):
    upload = stage_job()
    rehearsal = factories.JobFactory(
        kind=JobKind.STAGE,
        channel=upload.channel,
        video=upload.video,
        distribution=upload.distribution,
        skip_upload=True,
    )
    before = pair(upload)
    end(rehearsal, state, reason="operator")
    for row in (upload.schedule, upload.distribution):
        row.refresh_from_db()
    assert pair(upload) == before == (ScheduleState.STAGING, DistributionState.ASSIGNED)


def test_a_rehearsal_that_is_tried_again_does_not_take_up_a_failed_publication():
    upload = end(stage_job(), JobState.FAILED)
    rehearsal = factories.JobFactory(
        kind=JobKind.STAGE,
        state=JobState.FAILED,
        channel=upload.channel,
        video=upload.video,
        distribution=upload.distribution,
        skip_upload=True,
    )
    jobs.retry(rehearsal.pk)
    upload.schedule.refresh_from_db()
    assert upload.schedule.state == ScheduleState.FAILED
