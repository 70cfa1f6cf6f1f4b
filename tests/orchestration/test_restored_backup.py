"""After a restore the world is ahead of the database: it is looked at before anything is decided or uploaded again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.sandbox.faults import Match
from orchestration.core import gateways
from orchestration.models import Distribution, Job, OrphanUpload, Schedule, SystemState
from orchestration.pipeline import stage
from orchestration.queue import jobs as queue
from orchestration.scheduling import misfires
from orchestration.states import DistributionState, JobKind, JobState, ScheduleState, SystemStatus
from tests import factories
from tests.engine_room import PUBLISHED, door, state_of
from tests.factories import in_

pytestmark = pytest.mark.django_db
VIDEOS = Match("GET", "^/youtube/youtube/v3/videos")


def restored(engine) -> None:
    """Let the database be one that another installation wrote, as a restored backup is, and its first tick pause it."""
    SystemState.objects.update(installation_id="the one that is gone", state=SystemStatus.RUNNING)
    engine.tick()
    assert door().get_status().state == SystemStatus.PAUSED


def as_before_its_upload(row: Schedule) -> None:
    """Let the backup be of the time before a publication was staged."""
    Distribution.objects.filter(pk=row.distribution_id).update(
        state=DistributionState.ASSIGNED, youtube_video_id=None, marker="", upload_session_sealed="",
        published_at=None, verified_at=None, staged_at=None,
    )  # fmt: skip
    Schedule.objects.filter(pk=row.pk).update(
        state=ScheduleState.PLANNED, armed_for=None, lateness_seconds=None
    )
    Job.objects.all().delete()


def published_by_the_original(row: Schedule) -> None:
    with gateways.youtube(row.channel) as youtube:
        youtube.publish_now(row.distribution.youtube_video_id)


@pytest.mark.parametrize("policy", ["publish_late", "skip", "hold", "next_slot"])
def test_what_went_public_after_the_backup_is_read_back_before_its_policy_decides(engine, policy):
    row = engine.staged(engine.channel(misfire_policy=policy, misfire_grace_minutes=1), minutes=10)
    engine.stand_still_at(row.publish_at)
    row.distribution.refresh_from_db()
    published_by_the_original(row)
    engine.pass_time(hours=3)
    restored(engine)
    (item,) = door().preview_resume().items
    assert "read back first" in item.sentence
    door().resume(reason="looked")
    engine.tick()
    assert state_of(row)[0] == ScheduleState.STAGED, "nothing is decided before YouTube was asked"
    engine.work()
    engine.tick()
    assert state_of(row) == PUBLISHED
    assert row.misfire_action == ""
    assert row.lateness_seconds < 5
    assert len(engine.publications()) == 1


def test_what_did_not_go_public_is_decided_once_it_was_seen_private(engine):
    row = engine.staged(engine.channel(misfire_policy="skip"), minutes=10)
    engine.pass_until(row.publish_at + timedelta(hours=3))
    restored(engine)
    door().resume()
    engine.tick()
    engine.work()
    engine.tick()
    assert state_of(row)[0] == ScheduleState.SKIPPED
    assert engine.publications() == []


def test_nothing_is_decided_while_youtube_cannot_be_asked(engine):
    row = engine.staged(engine.channel(misfire_policy="skip"), minutes=10)
    engine.stand_still_at(row.publish_at)
    row.distribution.refresh_from_db()
    published_by_the_original(row)
    engine.pass_time(hours=3)
    restored(engine)
    engine.sandbox.faults.add(VIDEOS, "status_before", times=None, status=503)
    door().resume()
    for _ in range(3):
        engine.retry_now()
        engine.tick()
        engine.work()
    assert state_of(row)[0] == ScheduleState.STAGED
    engine.sandbox.faults.clear()
    engine.retry_now()
    engine.work()
    assert state_of(row) == PUBLISHED


def test_a_publish_job_of_the_backup_looks_first_too(engine):
    """It stood in the queue when the backup was made; it is not doubled, and what it reads back comes first."""
    row = engine.staged(engine.channel(misfire_policy="skip"), minutes=10)
    engine.tick()
    job = Job.objects.get(schedule=row, kind=JobKind.PUBLISH)
    Job.objects.filter(pk=job.pk).update(state=JobState.WAITING, run_at=timezone.now() + timedelta(days=1))
    engine.stand_still_at(row.publish_at)
    row.distribution.refresh_from_db()
    published_by_the_original(row)
    engine.pass_time(hours=3)
    restored(engine)
    door().resume()
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED
    assert Job.objects.filter(schedule=row, kind=JobKind.PUBLISH).count() == 1


def test_what_was_uploaded_after_the_backup_is_adopted_and_not_uploaded_again(engine):
    """The backup knows neither the upload nor its marker; both follow from what it does know."""
    row = engine.published(engine.channel(misfire_policy="publish_late", misfire_grace_minutes=600))
    video_id = row.distribution.youtube_video_id
    as_before_its_upload(row)
    engine.pass_time(minutes=30)
    restored(engine)
    door().resume()
    for _ in range(4):
        engine.tick()
        engine.work()
        engine.retry_now()
    assert state_of(row) == PUBLISHED
    row.distribution.refresh_from_db()
    assert row.distribution.youtube_video_id == video_id
    assert len(engine.uploads()) == 1
    assert len(engine.publications()) == 1, "what is public already does not become private in between"
    assert not OrphanUpload.objects.exists()


@pytest.mark.parametrize("by", ["its policy", "a person"])
def test_what_went_public_since_the_backup_stays_so_though_it_was_given_another_time_here(engine, by):
    channel = engine.channel(misfire_policy="next_slot" if by == "its policy" else "skip")
    row = engine.published(channel)
    as_before_its_upload(row)
    engine.pass_time(minutes=30)
    restored(engine)
    door().resume()
    engine.tick()
    if by == "a person":
        assert state_of(row)[0] == ScheduleState.SKIPPED
        door().reopen_schedule(schedule_id=row.pk, publish_at=timezone.now() + timedelta(hours=30))
    assert state_of(row)[0] == ScheduleState.PLANNED
    assert row.publish_at > timezone.now()
    engine.pass_until(row.stage_at + timedelta(seconds=1))
    for moment in (row.publish_at - timedelta(minutes=10), row.publish_at + timedelta(seconds=5)):
        engine.tick()
        engine.work()
        engine.pass_until(moment)
    assert state_of(row) == (ScheduleState.NEEDS_REVIEW, DistributionState.NEEDS_REVIEW)
    assert "before its database was restored" in row.reason + str(engine.jobs_of(row))
    assert engine.on_youtube(row)["privacy_status"] == "public"
    assert [step["to"] for step in engine.on_youtube(row)["transitions"]] == ["private", "public"]
    door().review_schedule(schedule_id=row.pk, outcome="published", reason="seen in the browser")
    assert state_of(row) == PUBLISHED


def test_many_that_are_due_are_read_back_in_as_many_queries_as_few(django_assert_num_queries):
    """The switch is held alone meanwhile: with eight queries each, a thousand took five seconds."""
    factories.SystemStateFactory(state=SystemStatus.RUNNING)
    for count in (3, 12):
        Job.objects.all().delete()
        factories.ScheduleFactory.create_batch(count, staged=True, publish_at=in_(hours=-1))
        rows = set(Schedule.objects.values_list("pk", flat=True))
        with django_assert_num_queries(4):
            assert misfires.read_back_first(timezone.now()) == len(rows)
        jobs = Job.objects.filter(
            kind=JobKind.PUBLISH,
            read_back_first=True,
        )
        assert set(jobs.values_list("schedule", flat=True)) == rows
    standing = jobs.first()
    Job.objects.filter(pk=standing.pk).update(released_late=True, try_until=in_(hours=1), run_at=in_(hours=3))
    misfires.read_back_first(timezone.now())
    standing.refresh_from_db()
    assert (standing.released_late, standing.read_back_first) == (True, True)
    assert (standing.try_until, standing.run_at < in_(seconds=1)) == (None, True)
    assert jobs.count() == len(rows)


def test_what_has_its_moment_after_the_resume_does_not_wait_behind_all_that_is_read_back(engine):
    late = [engine.staged(engine.channel(f"late-{n}"), minutes=10, priority=7) for n in range(2)]
    engine.pass_until(late[0].publish_at + timedelta(hours=2))
    restored(engine)
    due = engine.planned(engine.channel("due"), minutes=5, state=ScheduleState.STAGED, priority=5)
    Distribution.objects.filter(pk=due.distribution_id).update(
        state=DistributionState.STAGED, youtube_video_id=late[0].distribution.youtube_video_id[::-1]
    )
    door().resume()
    engine.tick()
    order = queue.claimable(timezone.now(), fast=True, status=SystemStatus.RUNNING).order_by("rank", "id")
    assert [job.schedule_id for job in order] == [due.pk, *(row.pk for row in late)]


def test_an_installation_that_was_never_restored_does_not_look_before_a_first_upload(engine):
    engine.staged(engine.channel())
    assert engine.sandbox.requests("GET", "/youtube/youtube/v3/playlistItems") == []


def test_a_marker_is_of_one_video_on_one_channel():
    one = factories.DistributionFactory()
    same_video = factories.DistributionFactory(video=one.video)
    same_channel = factories.DistributionFactory(channel=one.channel)
    markers = [stage.ensure_marker(row)[0] for row in (one, same_video, same_channel)]
    assert len(set(markers)) == 3
    Distribution.objects.filter(pk=one.pk).update(marker="")
    one.refresh_from_db()
    assert stage.ensure_marker(one) == (markers[0], True)
