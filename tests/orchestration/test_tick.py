"""Time passes: what is due gives one job, whoever looks and however often; what is over is closed."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestration.engine import control, tick, worker
from orchestration.models import Activity, Job, Schedule, Video, Wave
from orchestration.queue import jobs as queue
from orchestration.scheduling import misfires, waves
from orchestration.states import JobKind, JobState, ScheduleState, SystemStatus, VideoState, WaveState
from tests import factories
from tests.factories import in_
from tests.orchestration.engine import process_job, running, stage_job, staging_schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keeps_invariants")]


@pytest.fixture(autouse=True)
def system(db):
    return running()


def due(**values):
    return factories.ScheduleFactory(**{"stage_at": in_(seconds=-1), "publish_at": in_(minutes=30)} | values)


def staged(**values):
    return factories.ScheduleFactory(staged=True, **{"publish_at": in_(minutes=5)} | values)


def jobs(kind):
    return Job.objects.filter(kind=kind)


# ------------------------------------------------------------------------------------------------------------- staging


def test_a_schedule_whose_staging_is_due_gives_one_job_whatever_number_of_ticks():
    schedule = due(priority=8)
    for _ in range(3):
        tick.tick()
    job = jobs(JobKind.STAGE).get()
    schedule.refresh_from_db()
    assert schedule.state == ScheduleState.STAGING
    assert (job.schedule_id, job.distribution_id, job.video_id, job.channel_id, job.priority) == (
        schedule.pk,
        schedule.distribution_id,
        schedule.distribution.video_id,
        schedule.channel_id,
        8,
    )
    assert (job.executor, job.fast, job.dedupe_key) == (
        "local",
        False,
        f"stage:distribution:{schedule.distribution_id}",
    )


def test_staging_many_takes_as_many_statements_as_staging_one():
    """It reads no more of each row than it needs, and needs no more than it has read."""

    def statements(count: int) -> int:
        for number in range(count):
            if number % 2:
                due(distribution__youtube_video_id=f"yt{Schedule.objects.count():09d}")
            else:
                due()
        with CaptureQueriesContext(connection) as asked:
            assert tick.stage_due(timezone.now()) == count
        return len(asked)

    statements(2)  # content types are looked up once
    assert statements(2) == statements(12)


def test_one_entry_names_all_that_is_being_staged():
    rows = [due() for _ in range(3)]
    tick.tick()
    entry = Activity.objects.get(verb="schedules_staging")
    assert sorted(entry.additional_data["members"]["schedule"]) == [row.pk for row in rows]


def test_a_channel_with_a_repository_is_staged_there():
    due(channel=factories.ChannelFactory(github=True))
    tick.tick()
    job = jobs(JobKind.STAGE).get()
    assert (job.executor, job.fast) == ("github", True)


def test_what_is_uploaded_already_is_staged_at_once_without_a_job():
    schedule = due(distribution=factories.DistributionFactory(staged=True))
    tick.stage_due(timezone.now())
    schedule.refresh_from_db()
    assert schedule.state == ScheduleState.STAGED
    assert not jobs(JobKind.STAGE).exists()


@pytest.mark.parametrize(
    "values",
    [
        {
            "stage_in": timedelta(minutes=5)
        },  # from the test's beginning, which may be long after it was collected
        {"state": ScheduleState.HELD},
        {"state": ScheduleState.CANCELLED},
        {"channel__state": "paused"},
        {"channel__state": "disabled"},
        {"wave__state": WaveState.PAUSED},
    ],
    ids=["not due", "held", "cancelled", "channel paused", "channel disabled", "wave paused"],
)
def test_what_is_not_due_or_held_back_is_not_staged(values):
    values = dict(values)
    if span := values.pop("stage_in", None):
        values["stage_at"] = timezone.now() + span
    wave = values.pop("wave__state", None)
    channel = factories.ChannelFactory(state=values.pop("channel__state", "active"))
    due(channel=channel, wave=factories.WaveFactory(state=wave) if wave else None, **values)
    tick.tick()
    assert not jobs(JobKind.STAGE).exists()


@pytest.mark.parametrize("state", [SystemStatus.STOPPED, SystemStatus.PAUSED, SystemStatus.DRAINING])
def test_nothing_is_staged_or_published_unless_the_system_runs(state):
    due()
    staged()
    running(state)
    tick.tick()
    tick.stage_due(timezone.now())
    tick.publish_due(timezone.now())
    tick.release_late(timezone.now())
    tick.take_up_stranded(timezone.now())
    assert not Job.objects.exists()


def test_a_bumped_schedule_gives_a_bumped_job():
    due()
    bumped = due(bumped_at=timezone.now(), priority=0)
    tick.tick()
    first = jobs(JobKind.STAGE).order_by("rank").first()
    assert first.schedule_id == bumped.pk


def test_a_schedule_that_is_staged_by_nobody_is_staged_anew():
    """A job by hand that was to skip the upload stood for it: it succeeded, and the schedule would have waited for ever."""
    schedule = due()
    standing = stage_job(schedule=schedule, state=JobState.RUNNING, holder="w", skip_upload=True)
    standing.__class__.objects.filter(pk=standing.pk).update(lease_expires_at=in_(minutes=1))
    tick.tick()
    schedule.refresh_from_db()
    assert (schedule.state, jobs(JobKind.STAGE).count()) == (ScheduleState.STAGING, 1)
    standing.refresh_from_db()
    queue.finish(standing, JobState.SUCCEEDED, result={"skip_upload": True})
    assert tick.tick()["stranded"] == 1
    schedule.refresh_from_db()
    assert schedule.state == ScheduleState.STAGING
    assert jobs(JobKind.STAGE).filter(state=JobState.QUEUED, skip_upload=False).count() == 1


def test_a_schedule_that_is_being_staged_is_not_taken_for_stranded():
    job = stage_job()
    assert "stranded" not in tick.tick()
    job.schedule.refresh_from_db()
    assert job.schedule.state == ScheduleState.STAGING


@pytest.mark.parametrize("state", [VideoState.FAILED, VideoState.DUPLICATE, VideoState.WITHDRAWN])
def test_a_video_that_will_not_be_ready_ends_what_waits_for_it_with_the_reason(state):
    job = stage_job()
    Video.objects.filter(pk=job.video_id).update(state=state, error_message="The page holds no video.")
    tick.tick()
    job.refresh_from_db()
    job.schedule.refresh_from_db()
    job.distribution.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "video_failed")
    assert "The page holds no video." in job.error_message
    assert (job.schedule.state, job.distribution.state) == ("failed", "failed")


# ---------------------------------------------------------------------------------------------------------- publishing


def test_what_may_be_armed_gives_one_publish_job_whatever_number_of_ticks():
    schedule = staged()
    for _ in range(3):
        tick.tick()
    job = jobs(JobKind.PUBLISH).get()
    assert (job.schedule_id, job.fast, job.particulars) == (schedule.pk, True, {})
    assert Activity.objects.filter(verb="publications_due").count() == 1


def test_what_is_too_far_ahead_is_not_armed_yet(settings):
    settings.HEADEND_ARM_SECONDS = 60
    staged(publish_at=in_(minutes=2))
    tick.tick()
    assert not jobs(JobKind.PUBLISH).exists()


def test_a_publication_that_lost_its_job_half_way_gets_another():
    schedule = staged(state=ScheduleState.PUBLISHING, publish_at=in_(seconds=-5))
    tick.tick()
    assert jobs(JobKind.PUBLISH).get().schedule_id == schedule.pk


@pytest.mark.parametrize("held_by", ["channel", "wave", "distribution"])
def test_what_is_held_back_is_not_published(held_by):
    schedule = staged()
    if held_by == "channel":
        type(schedule.channel).objects.update(state="paused")
    elif held_by == "wave":
        Schedule.objects.update(wave=factories.WaveFactory(paused=True))
    else:
        type(schedule.distribution).objects.update(state="needs_review")
    tick.tick()
    assert not jobs(JobKind.PUBLISH).exists()


@pytest.fixture
def patient(settings):
    settings.HEADEND_RELEASES_PER_MINUTE = 2


def late(**values):
    """Make a publication of ten minutes ago whose channel publishes late."""
    values = {"publish_at": in_(minutes=-10)} | values
    channel = factories.ChannelFactory(misfire_policy="publish_late", misfire_grace_minutes=24 * 60)
    return staged(channel=channel, **values)


def test_what_is_late_is_released_in_due_order_at_its_rate(patient):
    rows = [late(publish_at=in_(minutes=-20 + n)) for n in range(5)]
    for _ in range(3):
        tick.tick()
    assert [job.schedule_id for job in jobs(JobKind.PUBLISH).order_by("pk")] == [rows[0].pk, rows[1].pk]
    before = in_(minutes=-2)
    Job.objects.update(created_at=before, state_changed_at=before)
    tick.tick()
    assert jobs(JobKind.PUBLISH).count() == 4


def test_what_is_late_does_not_stand_before_what_is_in_time(patient, monkeypatch):
    """After a long pause thousands are late; whose moment is now must not wait until they are released."""
    for _ in range(6):
        late()
    in_time = staged(publish_at=in_(seconds=30))
    monkeypatch.setattr(tick, "BATCH", 3)
    assert tick.publish_due(timezone.now(), most=3) == 1
    assert jobs(JobKind.PUBLISH).get().schedule_id == in_time.pk


def test_what_is_armed_is_looked_at_in_time_however_late_it_is(patient):
    rows = [late() for _ in range(4)]
    at = rows[0].publish_at
    for row in rows:
        Schedule.objects.filter(pk=row.pk).update(armed_for=at, publish_at=at)
    tick.tick()
    assert jobs(JobKind.PUBLISH).count() == 4


# ----------------------------------------------------------------------------------------------------------- preparing


def test_every_usable_video_is_carried_on_until_it_is_ready():
    found = factories.VideoFactory(found=True)
    scraped = factories.VideoFactory(state=VideoState.SCRAPED)
    factories.VideoFactory()
    for _ in range(2):
        tick.tick()
    assert {(job.kind, job.video_id) for job in Job.objects.all()} == {
        (JobKind.SCRAPE, found.pk),
        (JobKind.PROCESS, scraped.pk),
    }


def test_a_video_without_rights_is_not_even_fetched():
    factories.VideoFactory(found=True, source=factories.SourceFactory(without_rights=True))
    tick.tick()
    assert not Job.objects.exists()


# ------------------------------------------------------------------------------------------------------ robust, in order


def test_a_step_that_fails_does_not_keep_the_others_from_their_work_and_is_told(monkeypatch):
    schedule = due()

    def broken(now):
        raise ValueError("one broken row")

    monkeypatch.setattr(misfires, "settle", broken)
    monkeypatch.setattr(waves, "complete", broken)
    with pytest.raises(ValueError, match="one broken row"):
        tick.tick()
    schedule.refresh_from_db()
    assert schedule.state == ScheduleState.STAGING


def test_a_tick_says_what_it_did_and_nothing_else():
    assert tick.tick() == {}
    due()
    assert tick.tick() == {"staging": 1}


def test_a_wave_of_which_nothing_is_open_any_more_is_completed_once():
    wave = factories.WaveFactory()
    factories.ScheduleFactory(published=True, wave=wave)
    open_one = factories.ScheduleFactory(wave=wave, stage_at=in_(hours=1), publish_at=in_(hours=2))
    assert "waves" not in tick.tick()
    Schedule.objects.filter(pk=open_one.pk).update(state=ScheduleState.SKIPPED)
    for _ in range(2):
        tick.tick()
    wave.refresh_from_db()
    assert wave.state == WaveState.COMPLETED
    assert Activity.objects.filter(verb="wave_completed", cid=wave.correlation_id).count() == 1


def test_a_stopped_system_still_closes_what_is_over():
    wave = factories.WaveFactory()
    factories.ScheduleFactory(published=True, wave=wave)
    control.stop()
    tick.tick()
    assert Wave.objects.get().state == WaveState.COMPLETED


def test_what_was_lost_is_rescued_before_anything_else_happens():
    lost = factories.JobFactory(
        running=True, kind=JobKind.COLLECT, lease_expires_at=in_(minutes=-1), attempts=1
    )
    assert tick.tick()["rescued"] == 1
    lost.refresh_from_db()
    assert lost.state == JobState.WAITING


def test_the_reasons_why_jobs_wait_are_written_down():
    running(SystemStatus.PAUSED)
    job = process_job()
    tick.tick()
    job.refresh_from_db()
    assert job.waits_for == "the system is paused"


def test_an_overdue_schedule_follows_its_channels_policy_in_the_tick():
    channel = factories.ChannelFactory(misfire_policy="skip")
    schedule = staging_schedule(
        channel=channel, state=ScheduleState.PLANNED, publish_at=in_(minutes=-30), stage_at=in_(minutes=-60)
    )
    tick.tick()
    schedule.refresh_from_db()
    assert schedule.state == ScheduleState.SKIPPED
    assert schedule.lateness_seconds > 1000
    assert not Job.objects.exists()


def test_a_batch_is_bounded_and_the_rest_follows_with_the_next_tick():
    for _ in range(5):
        due()
    now = timezone.now()
    assert [tick.stage_due(now, most=3), tick.stage_due(now, most=3), tick.stage_due(now)] == [3, 2, 0]


def test_the_clock_of_the_tick_is_the_one_that_is_given():
    due(stage_at=in_(hours=1), publish_at=in_(hours=2))
    assert "staging" not in tick.tick(timezone.now())
    assert tick.tick(timezone.now() + timedelta(hours=1, minutes=1))["staging"] == 1


def test_a_tick_costs_a_bounded_number_of_statements(django_assert_max_num_queries):
    for _ in range(12):
        due()
        staged()
    tick.tick()
    Schedule.objects.filter(state=ScheduleState.STAGING).update(state=ScheduleState.PLANNED)
    Job.objects.all().delete()
    with django_assert_max_num_queries(60):
        tick.tick()


def test_a_lost_publish_job_goes_on_where_it_was():
    schedule = staged(state=ScheduleState.PUBLISHING, publish_at=in_(seconds=-5))
    tick.tick()
    job = jobs(JobKind.PUBLISH).get()
    Job.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING, holder="w", attempts=1, lease_expires_at=in_(seconds=-1)
    )
    worker.reap()
    assert jobs(JobKind.PUBLISH).filter(state=JobState.WAITING).count() == 1
    schedule.refresh_from_db()
    assert schedule.state == ScheduleState.PUBLISHING
