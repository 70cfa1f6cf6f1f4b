"""After a restore the world is ahead of the database: it is looked at before anything is decided or uploaded again."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from channels.gateways.github import GitHubGateway, RunInfo
from channels.models import Channel
from channels.sandbox.faults import Match
from orchestration.core import gateways
from orchestration.models import Distribution, Job, OrphanUpload, Schedule, SystemState, WorkflowRun
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


def test_a_disarming_of_the_backup_takes_nothing_off_the_air_that_went_public_since(engine):
    """It was held, its time taken off, let go again and published; the backup was made in between."""
    row = engine.armed(engine.channel())
    door().hold_schedule(schedule_id=row.pk, reason="wrong film")
    job = Job.objects.get(kind=JobKind.DISARM)
    engine.stand_still_at(row.publish_at + timedelta(seconds=5))
    row.distribution.refresh_from_db()
    published_by_the_original(row)
    engine.pass_time(hours=1)
    restored(engine)
    door().resume(reason="looked")
    engine.tick()
    engine.work()
    job.refresh_from_db()
    assert job.state == JobState.NEEDS_REVIEW
    assert engine.on_youtube(row)["privacy_status"] == "public"
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


@pytest.mark.parametrize("policy", ["publish_late", "skip", "hold", "next_slot"])
@pytest.mark.parametrize("is_github", [False, True])
def test_what_was_uploaded_and_published_after_the_backup_is_found_before_its_policy_decides(
    engine, policy, is_github
):
    """The backup knows of no upload: skipped, missed or moved would be said of what everybody can see."""
    row = engine.published(engine.channel(misfire_policy=policy, misfire_grace_minutes=1))
    if is_github:
        Channel.objects.update(executor="github", repository="fixture/aurora")
    as_before_its_upload(row)
    engine.pass_time(hours=3)
    restored(engine)
    (item,) = door().preview_resume().items
    assert "looked for on YouTube first" in item.sentence
    door().resume()
    engine.tick()
    assert state_of(row)[0] == ScheduleState.PLANNED, "nothing is decided before YouTube was asked"
    engine.work()
    engine.tick()
    assert state_of(row) == PUBLISHED
    assert (len(engine.uploads()), len(engine.publications())) == (1, 1)


@pytest.mark.parametrize(
    ("policy", "wanted"), [("skip", ScheduleState.SKIPPED), ("publish_late", ScheduleState.PUBLISHED)]
)
def test_what_is_not_on_youtube_is_decided_once_its_list_can_be_believed(engine, policy, wanted):
    row = engine.planned(engine.channel(misfire_policy=policy, misfire_grace_minutes=600), minutes=10)
    engine.pass_until(row.publish_at + timedelta(hours=3))
    restored(engine)
    door().resume()
    for _ in range(3):
        engine.tick()
        engine.work()
        engine.retry_now()
    assert state_of(row)[0] == ScheduleState.PLANNED
    assert engine.uploads() == [], "the list of uploads lags, so its silence says nothing yet"
    engine.pass_time(minutes=3)
    for _ in range(4):
        engine.tick()
        engine.work()
        engine.retry_now()
    assert state_of(row)[0] == wanted


def test_what_a_person_lets_go_on_later_is_looked_at_before_its_policy_decides_too(engine):
    row = engine.published(engine.channel(misfire_policy="skip"))
    as_before_its_upload(row)
    Schedule.objects.filter(pk=row.pk).update(state=ScheduleState.HELD)
    engine.pass_time(hours=3)
    restored(engine)
    door().resume()
    engine.tick()
    engine.work()
    assert state_of(row)[0] == ScheduleState.HELD
    Schedule.objects.filter(pk=row.pk).update(state=ScheduleState.PLANNED)
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED


def test_what_went_public_since_the_backup_stays_so_though_a_person_gave_it_another_time_here(engine):
    row = engine.published(engine.channel(misfire_policy="skip"))
    as_before_its_upload(row)
    engine.pass_time(minutes=30)
    restored(engine)
    later = timezone.now() + timedelta(hours=30)
    Schedule.objects.filter(pk=row.pk).update(publish_at=later, stage_at=timezone.now())
    row.refresh_from_db()
    door().resume()
    for moment in (row.publish_at - timedelta(minutes=10), row.publish_at + timedelta(seconds=5)):
        engine.tick()
        engine.work()
        engine.pass_until(moment)
    assert state_of(row) == (ScheduleState.NEEDS_REVIEW, DistributionState.NEEDS_REVIEW)
    assert engine.on_youtube(row)["privacy_status"] == "public"
    assert [step["to"] for step in engine.on_youtube(row)["transitions"]] == ["private", "public"]
    door().review_schedule(schedule_id=row.pk, outcome="published", reason="seen in the browser")
    assert state_of(row) == PUBLISHED


def test_a_marker_without_a_run_is_no_proof_that_nothing_was_dispatched(engine):
    """C1 of issue 7: the backup was made after the marker was stored, and before the run's intent."""
    channel = engine.channel(github=True, misfire_policy="publish_late", misfire_grace_minutes=600)
    row = engine.planned(channel)
    stage.ensure_marker(row.distribution)
    with gateways.youtube(channel) as youtube:
        path = Path(engine.settings.MEDIA_ROOT) / row.distribution.video.prepared_file
        metadata = stage.metadata_for(row.distribution, row.distribution.marker)
        youtube.upload(path, metadata, on_session=lambda uri: None)
    engine.pass_time(minutes=5)
    restored(engine)
    door().resume()
    for _ in range(3):
        engine.tick()
        engine.work()
        engine.retry_now()
    assert state_of(row)[0] == ScheduleState.STAGED
    assert len(engine.uploads()) == 1
    assert engine.sandbox.requests("POST", "/dispatches") == []


def test_a_run_that_the_backup_does_not_know_is_waited_for(engine, monkeypatch):
    channel = engine.channel(github=True)
    row = engine.planned(channel, minutes=300)
    restored(engine)
    door().resume()
    engine.pass_time(minutes=4)
    forgotten = RunInfo(
        run_id=77, run_attempt=1, display_title="stage of-the-lost-time", status="in_progress", conclusion=None,
        html_url="", event="workflow_dispatch", created_at=timezone.now(), updated_at=timezone.now(),
    )  # fmt: skip
    listed = [forgotten]
    monkeypatch.setattr(GitHubGateway, "dispatched_since", lambda *_: listed)
    engine.tick()
    engine.work()
    job = Job.objects.get(distribution=row.distribution_id)
    assert (job.state, WorkflowRun.objects.count()) == (JobState.WAITING, 0)
    assert "GitHub run 77 was dispatched after the restored backup" in job.error_message
    listed[0] = replace(forgotten, status="completed", conclusion="success")
    engine.retry_now()
    engine.work()
    assert WorkflowRun.objects.count() == 0, "YouTube's list may lag behind a run that has just ended"
    listed[0] = replace(listed[0], updated_at=timezone.now() - timedelta(minutes=3))
    engine.retry_now()
    engine.work()
    assert WorkflowRun.objects.count() == 1


def test_the_runs_since_the_backup_are_listed_by_github(engine):
    channel = engine.channel(github=True)
    with gateways.github(channel) as github:
        assert github.dispatched_since(channel.repository, channel.workflow, timezone.now()) == []


def test_the_marker_is_looked_for_as_far_back_as_the_backup_is_old(engine, monkeypatch):
    row = engine.staged(engine.channel())
    row.distribution.refresh_from_db()
    with gateways.youtube(row.channel) as youtube:
        for number in range(4):
            path = Path(engine.settings.MEDIA_ROOT) / row.distribution.video.prepared_file
            metadata = replace(stage.metadata_for(row.distribution, "another"), marker=f"another-{number}")
            youtube.upload(path, metadata, on_session=lambda uri: None)
        asked = []
        marker, ours = row.distribution.marker, [row.distribution.youtube_video_id]
        hour_ago = timezone.now() - timedelta(hours=1)
        monkeypatch.setattr("channels.gateways.youtube.PAGE", 2)
        assert youtube.find_all_by_marker(marker, newest=2) == []
        more = lambda: asked.append(1)  # noqa: E731
        assert youtube.find_all_by_marker(marker, newest=2, since=hour_ago, before_more=more) == ours
        assert len(asked) == 2, "each further time is charged"
        in_an_hour = timezone.now() + timedelta(hours=1)
        assert youtube.find_all_by_marker(marker, newest=2, since=in_an_hour, before_more=more) == []


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
    order = [job for job in order if job.kind == JobKind.PUBLISH]  # looks at uploads are there, too
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
