"""Each publication sends the file that its profile asks for; one upload never mixes two."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orchestration.media.profiles import AS_IS, SDR_1080
from orchestration.models import Distribution, Job, Rendition, Video
from orchestration.pipeline import profile_choice, renditions, stage
from orchestration.states import JobKind, JobState, ScheduleState, VideoState
from tests import factories
from tests.engine_room import STAGED, state_of

pytest_plugins = ["tests.media_fixture"]
pytestmark = pytest.mark.django_db


def fetched(engine, videos, **values):
    """Return a ready video whose original lies in the media folder, too."""
    video = engine.video(**values)
    original = stage.absolute(f"original-{video.pk}.mp4")
    original.write_bytes(videos.mute.read_bytes())
    Video.objects.filter(pk=video.pk).update(original_file=original.name)
    video.refresh_from_db()
    return video


def go_on(engine, times=3):
    for _ in range(times):
        engine.tick()
        engine.work()
        engine.retry_now()


def process_jobs(video):
    return Job.objects.filter(video=video, kind=JobKind.PROCESS)


def test_two_channels_with_two_profiles_get_two_files(engine, videos):
    video = fetched(engine, videos)
    usual = engine.planned(engine.channel("aurora"), video=video)
    as_is = engine.planned(engine.channel("borealis", profile=AS_IS.key), video=video)
    go_on(engine)
    assert (state_of(usual), state_of(as_is)) == (STAGED, STAGED)
    made = {row.fingerprint: row for row in video.renditions.all()}
    assert made.keys() == {AS_IS.fingerprint, SDR_1080.fingerprint}
    sent = {engine.on_youtube(row)["sha256"] for row in (usual, as_is)}
    assert sent == {row.content_hash for row in made.values()}
    assert engine.on_youtube(as_is)["sha256"] == made[AS_IS.fingerprint].content_hash
    video.refresh_from_db()
    assert video.prepared_hash == made[SDR_1080.fingerprint].content_hash


def test_a_publication_that_waits_for_its_file_says_so_and_its_video_stays_ready(engine, videos):
    video = fetched(engine, videos)
    row = engine.planned(engine.channel(profile=AS_IS.key), video=video)
    renditions_of = Rendition.objects.filter(video=video)
    assert renditions.rendition_for(row.distribution) is None
    job = stage_asked(engine, row)
    assert job.state == JobState.WAITING
    assert job.waits_for.endswith("its file is being prepared by the profile As is")
    video.refresh_from_db()
    assert video.state == VideoState.READY
    assert process_jobs(video).count() == 1
    engine.work()  # makes the file, which wakes the publication
    assert state_of(row) == STAGED
    assert renditions_of.count() == 2


def stage_asked(engine, row):
    """Stage a publication without the tick's foresight; returns its job, after its first try."""
    from orchestration.engine import tick as clock

    clock.stage_due(timezone.now())
    return engine.work_one()


def test_a_file_is_made_a_day_ahead_of_its_staging(engine, videos):
    video = fetched(engine, videos)
    now = timezone.now()
    channel = engine.channel(profile=AS_IS.key)
    row = engine.planned(channel, video=video, minutes=3 * 24 * 60, stage_at=now + timedelta(days=2))
    engine.tick()
    assert not process_jobs(video).exists()
    type(row).objects.filter(pk=row.pk).update(stage_at=now + timedelta(hours=20))
    engine.tick()
    engine.work()
    assert renditions.rendition_for(row.distribution).profile_name == "As is"
    assert state_of(row)[0] == ScheduleState.PLANNED
    engine.tick()
    assert process_jobs(video).count() == 1


def test_the_channel_wins_over_the_source_and_the_source_over_the_default(db):
    own = factories.ProfileFactory(key="own")
    source = factories.SourceFactory(profile=AS_IS.key)
    video = factories.VideoFactory(source=source)
    channel = factories.ChannelFactory()
    distribution = factories.DistributionFactory(video=video, channel=channel)
    assert profile_choice.wanted_of(distribution).key == AS_IS.key
    channel.profile = "own"
    assert profile_choice.wanted_of(distribution).name == own.name
    channel.profile, source.profile = "", ""
    assert profile_choice.wanted_of(distribution).key == SDR_1080.key
    type(own).objects.update(is_default=True)
    assert profile_choice.wanted_of(distribution).key == "own"
    channel.profile = "one-that-is-gone"
    assert profile_choice.wanted_of(distribution).key == "own"


@pytest.mark.parametrize(
    "keys", [("", ""), ("as-is", ""), ("", "as-is"), ("1080p-sdr", "as-is"), ("gone", "own")]
)
@pytest.mark.parametrize("default", [False, True])
def test_the_query_and_the_row_agree_on_the_profile(db, keys, default):
    factories.ProfileFactory(key="own", is_default=default)
    channel = factories.ChannelFactory(profile=keys[0])
    video = factories.VideoFactory(source=factories.SourceFactory(profile=keys[1]))
    row = factories.ScheduleFactory(
        channel=channel,
        distribution=factories.DistributionFactory(video=video, channel=channel),
        stage_at=timezone.now(),
    )
    video.renditions.all().delete()
    (found,) = profile_choice.without_file(profile_choice.profiles(), until=timezone.now())
    assert found.fingerprint == profile_choice.wanted_of(row.distribution).fingerprint


def test_a_changed_profile_leaves_a_begun_upload_its_file(engine, videos):
    video = fetched(engine, videos)
    channel = engine.channel()
    row = engine.planned(channel, video=video)
    distribution = row.distribution
    first = renditions.require_file(distribution)
    stage.store_session(distribution, "https://upload.example/session")
    type(channel).objects.filter(pk=channel.pk).update(profile=AS_IS.key)
    distribution = Distribution.objects.get(pk=distribution.pk)
    factories.RenditionFactory(video=video, file=video.prepared_file)
    assert renditions.require_file(distribution) == first
    assert distribution.upload_session == "https://upload.example/session"
    Distribution.objects.filter(pk=distribution.pk).update(upload_session_sealed="")
    distribution.refresh_from_db()
    assert renditions.require_file(distribution).fingerprint == AS_IS.fingerprint


def test_another_file_begins_another_upload(engine, videos):
    video = fetched(engine, videos)
    row = engine.planned(engine.channel(), video=video)
    distribution = row.distribution
    begun = renditions.require_file(distribution)
    stage.store_session(distribution, "https://upload.example/session")
    stage.absolute(begun.file).unlink()
    other = factories.RenditionFactory(video=video)
    stage.absolute(other.file).parent.mkdir(parents=True, exist_ok=True)
    stage.absolute(other.file).write_bytes(b"another")
    channel = distribution.channel
    channel.profile = AS_IS.key
    channel.save()
    distribution.refresh_from_db()
    assert renditions.require_file(distribution) == other
    distribution.refresh_from_db()
    assert (distribution.rendition, distribution.upload_session_sealed) == (other, "")


def test_a_file_that_is_made_anew_begins_the_upload_anew(engine, videos):
    video = fetched(engine, videos)
    row = engine.planned(engine.channel(), video=video)
    distribution = row.distribution
    begun = renditions.require_file(distribution)
    stage.store_session(distribution, "https://upload.example/session")
    renditions.store(video, begun.fingerprint, content_hash="f" * 64)
    distribution.refresh_from_db()
    assert distribution.upload_session_sealed == ""


def test_a_file_that_cannot_be_made_fails_its_own_publications_only(engine, videos):
    video = fetched(engine, videos)
    stage.absolute(video.original_file).write_bytes(b"not a video")
    usual = engine.planned(engine.channel("aurora"), video=video)
    as_is = engine.planned(engine.channel("borealis", profile=AS_IS.key), video=video)
    go_on(engine)
    assert state_of(usual) == STAGED
    assert state_of(as_is)[0] == ScheduleState.FAILED
    video.refresh_from_db()
    assert video.state == VideoState.READY
    failed = video.renditions.get(fingerprint=AS_IS.fingerprint)
    assert (failed.file, failed.error_message != "") == ("", True)
    engine.tick()
    assert process_jobs(video).count() == 1  # it is not tried in each tick
    stage.absolute(video.original_file).write_bytes(videos.mute.read_bytes())
    from orchestration.engine import jobs

    jobs.retry(process_jobs(video).get().pk)
    engine.work()
    failed.refresh_from_db()
    assert (failed.file != "", failed.error_message) == (True, "")


def test_a_video_becomes_ready_with_all_that_its_plans_need(engine, videos):
    video = fetched(engine, videos, state=VideoState.SCRAPED, prepared_file="")
    engine.planned(engine.channel("aurora"), video=video)
    engine.planned(engine.channel("borealis", profile=AS_IS.key), video=video)
    go_on(engine, 1)
    video.refresh_from_db()
    assert video.state == VideoState.READY
    assert {row.fingerprint for row in video.renditions.present()} == {
        AS_IS.fingerprint,
        SDR_1080.fingerprint,
    }
    assert process_jobs(video).count() == 1
    assert not list(stage.absolute(f"videos/{video.pk}").glob("*.part"))
