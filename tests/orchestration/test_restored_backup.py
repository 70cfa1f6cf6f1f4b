"""After a restore the world is ahead of the database: it is looked at before anything is decided or uploaded again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.sandbox.faults import Match
from orchestration import remotes
from orchestration.models import Distribution, Job, OrphanUpload, Schedule, SystemState
from orchestration.pipeline import staging
from orchestration.states import DistributionState, JobKind, JobState, ScheduleState, SystemStatus
from tests import factories
from tests.engine_room import PUBLISHED, door, state_of

pytestmark = pytest.mark.django_db
VIDEOS = Match("GET", "^/youtube/youtube/v3/videos")


def restored(engine) -> None:
    """Let the database be one that another installation wrote, as a restored backup is, and its first tick pause it."""
    SystemState.objects.update(installation_id="the one that is gone", state=SystemStatus.RUNNING)
    engine.tick()
    assert door().get_status().state == SystemStatus.PAUSED


def published_by_the_original(row: Schedule) -> None:
    with remotes.youtube(row.channel) as youtube:
        youtube.publish_now(row.distribution.youtube_video_id)


@pytest.mark.parametrize("policy", ["publish_late", "skip", "hold", "next_slot"])
def test_what_went_public_after_the_backup_is_read_back_before_its_policy_decides(engine, policy):
    row = engine.staged(engine.channel(misfire_policy=policy, misfire_grace_minutes=1), minutes=10)
    engine.pass_until(row.publish_at)
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
    engine.pass_until(row.publish_at)
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
    engine.pass_until(row.publish_at)
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
    Distribution.objects.filter(pk=row.distribution_id).update(
        state=DistributionState.ASSIGNED, youtube_video_id=None, marker="", upload_session_sealed="",
        published_at=None, verified_at=None, staged_at=None,
    )  # fmt: skip
    Schedule.objects.filter(pk=row.pk).update(
        state=ScheduleState.PLANNED, armed_for=None, lateness_seconds=None
    )
    Job.objects.all().delete()
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


def test_an_installation_that_was_never_restored_does_not_look_before_a_first_upload(engine):
    engine.staged(engine.channel())
    assert engine.sandbox.requests("GET", "/youtube/youtube/v3/playlistItems") == []


def test_a_marker_is_of_one_video_on_one_channel():
    one = factories.DistributionFactory()
    same_video = factories.DistributionFactory(video=one.video)
    same_channel = factories.DistributionFactory(channel=one.channel)
    markers = [staging.ensure_marker(row)[0] for row in (one, same_video, same_channel)]
    assert len(set(markers)) == 3
    Distribution.objects.filter(pk=one.pk).update(marker="")
    one.refresh_from_db()
    assert staging.ensure_marker(one) == (markers[0], True)
