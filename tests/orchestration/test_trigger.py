"""A pipeline that is started by hand takes the channel's own way, or says why not."""

import pytest
from django.utils import timezone

from orchestration.errors import (
    ChannelPaused,
    InvalidRequest,
    NoRightsBasis,
    NotFound,
    PlanRefused,
    SystemNotRunning,
    VideoNotReady,
)
from orchestration.models import Activity, Distribution, Job, Video
from orchestration.states import DistributionState, JobKind, JobState, ScheduleState, VideoState
from tests import factories
from tests.engine_room import STAGED, door, state_of

pytestmark = pytest.mark.django_db


def trigger(channel, **values):
    return door().trigger_pipeline(channel_id=getattr(channel, "pk", channel), **values)


def test_a_local_channel_is_staged_by_our_own_workers(engine):
    channel, video = engine.channel(), engine.video()
    result = trigger(channel, video_id=video.pk)
    assert (result.method, result.job.kind, result.job.executor) == ("local_pipeline", JobKind.STAGE, "local")
    engine.work()
    result.distribution.refresh_from_db()
    assert result.distribution.state == DistributionState.STAGED
    assert engine.uploads()[0]["privacy_status"] == "private"
    entry = Activity.objects.get(verb="pipeline_triggered")
    assert entry.after["method"] == "local_pipeline"
    assert entry.cid == result.job.correlation_id


def test_a_channel_with_a_repository_is_staged_by_github_actions(engine):
    engine.sandbox.run_queue_seconds = 3600
    channel = engine.channel(github=True)
    result = trigger(channel, video_id=engine.video().pk)
    assert (result.method, result.job.executor) == ("github_actions", "github")
    engine.work()
    assert len(engine.sandbox.requests("POST", "/dispatches")) == 1


def test_without_a_video_the_best_ready_one_is_chosen(engine):
    channel = engine.channel(filters={"languages": ["no"]})
    engine.video(language="en")
    wanted = engine.video(language="no")
    assert trigger(channel).job.video_id == wanted.pk
    engine.work()
    with pytest.raises(VideoNotReady) as refused:  # not: "is staged already"
        trigger(channel)
    assert refused.value.field == "channel_id"


def test_a_video_that_is_not_fetched_yet_is_prepared_on_the_way(engine):
    video = factories.VideoFactory(found=True)
    result = trigger(engine.channel(), video_id=video.pk)
    kinds = set(Job.objects.values_list("kind", "video"))
    assert kinds == {(JobKind.STAGE, video.pk), (JobKind.SCRAPE, video.pk)}
    assert result.distribution.state == DistributionState.ASSIGNED


def test_an_address_means_its_video_or_its_sources_newest(engine):
    channel = engine.channel()
    old = engine.video(source__url="https://films.example/feed")
    new = engine.video(source=old.source, source_published_at=timezone.now())
    assert trigger(channel, source_url="https://films.example/feed").job.video_id == new.pk
    assert trigger(channel, source_url=old.url).job.video_id == old.pk


@pytest.mark.parametrize(
    ("values", "error", "field"),
    [
        ({"video_id": 404}, NotFound, "video_id"),
        ({"channel_id": 404, "video_id": 1}, NotFound, "channel_id"),
        ({"video_id": 1, "source_url": "https://a.example/x.mp4"}, InvalidRequest, "source_url"),
        ({"source_url": "ftp://a.example/x.mp4"}, InvalidRequest, "source_url"),
        ({"source_url": "https://a.example/unknown.mp4"}, NoRightsBasis, "source_url"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_field(engine, values, error, field):
    given = {"channel_id": engine.channel().pk, **values}
    before = Activity.objects.count()
    with pytest.raises(error) as refused:
        door().trigger_pipeline(**given)
    assert refused.value.field == field
    assert (Job.objects.count(), Distribution.objects.count(), Activity.objects.count()) == (0, 0, before)


@pytest.mark.parametrize(
    ("channel", "video", "error"),
    [
        ({"paused": True}, {}, ChannelPaused),
        ({"disabled": True}, {}, ChannelPaused),
        ({}, {"source__rights_basis": ""}, NoRightsBasis),
        ({}, {"failed": True}, VideoNotReady),
        ({}, {"state": VideoState.DUPLICATE}, VideoNotReady),
    ],
)
def test_what_may_not_be_published_is_not_triggered(engine, channel, video, error):
    row, clip = engine.channel(**channel), factories.VideoFactory(**video)
    with pytest.raises(error):
        trigger(row, video_id=clip.pk)
    assert (Job.objects.count(), Distribution.objects.count()) == (0, 0)


def test_a_paused_system_starts_nothing(engine):
    channel, video = engine.channel(), engine.video()
    door().pause()
    with pytest.raises(SystemNotRunning, match="paused"):
        trigger(channel, video_id=video.pk)
    assert Job.objects.count() == 0


def test_what_is_staged_or_public_there_is_not_uploaded_again(engine):
    channel = engine.channel()
    row = engine.staged(channel)
    with pytest.raises(PlanRefused) as refused:
        trigger(channel, video_id=row.distribution.video_id)
    assert refused.value.details["kind"] == "duplicate"


def test_the_same_content_under_another_address_is_not_uploaded_again(engine):
    channel = engine.channel()
    row = engine.staged(channel)
    first = Video.objects.get(pk=row.distribution.video_id)
    twin = factories.VideoFactory(state=VideoState.FOUND, content_hash="")
    # A twin that slipped through as a video of its own before its content was known.
    Video.objects.filter(pk=twin.pk).update(content_hash=first.content_hash, state=VideoState.DUPLICATE)
    with pytest.raises(VideoNotReady):
        trigger(channel, video_id=twin.pk)


def test_triggering_twice_gives_one_job(engine):
    channel, video = engine.channel(), engine.video()
    first, second = trigger(channel, video_id=video.pk), trigger(channel, video_id=video.pk)
    assert first.job.pk == second.job.pk
    engine.work()
    assert len(engine.uploads()) == 1


def test_what_is_planned_and_triggered_by_hand_is_uploaded_once_and_keeps_its_time(engine):
    channel = engine.channel()
    row = engine.planned(channel, minutes=600, stage_at=timezone.now() + timezone.timedelta(hours=5))
    trigger(channel, video_id=row.distribution.video_id)
    engine.work()
    engine.tick()
    engine.work()
    assert state_of(row) == STAGED
    assert len(engine.uploads()) == 1


def test_a_rehearsal_on_a_local_channel_prepares_and_uploads_nothing(engine):
    channel, video = engine.channel(), factories.VideoFactory(found=True)
    result = trigger(channel, video_id=video.pk, skip_upload=True)
    assert result.job.kind == JobKind.SCRAPE
    assert Distribution.objects.count() == 0
    with pytest.raises(VideoNotReady, match="nothing to do"):
        trigger(channel, video_id=engine.video().pk, skip_upload=True)


def test_a_rehearsal_never_passes_for_the_upload_of_what_is_planned(engine):
    """One job served both: the rehearsal ended well, and the publication waited for ever for its upload."""
    engine.sandbox.run_queue_seconds = 3600
    channel, video = engine.channel(github=True), engine.video()
    rehearsal = trigger(channel, video_id=video.pk, skip_upload=True)
    assert rehearsal.message.startswith(f"{video} is rehearsed")
    upload = trigger(channel, video_id=video.pk)
    assert upload.job.pk != rehearsal.job.pk
    row = engine.planned(channel)
    with pytest.raises(PlanRefused) as refused:
        trigger(channel, video_id=row.distribution.video_id, skip_upload=True)
    assert refused.value.field == "skip_upload"
    assert state_of(row)[0] == ScheduleState.PLANNED
    assert Job.objects.filter(state=JobState.QUEUED).count() == 2
