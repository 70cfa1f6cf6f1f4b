"""From a source's address to a file that can be uploaded: every item once, every fault by its name."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from channels.sandbox import site
from channels.sandbox.site_media import FILMS
from orchestration import media
from orchestration.models import Activity, Distribution, Job, Source, Video
from orchestration.pipeline.scrape import absolute
from orchestration.states import (
    DistributionState,
    JobKind,
    JobState,
    RightsBasis,
    ScheduleState,
    VideoState,
)
from tests import factories
from tests.engine_room import STAGED, door, state_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def films(engine, monkeypatch, videos):
    """The sandbox's video site with two short films, made once a run."""
    site.seed_demo(engine.sandbox.store)
    files = {FILMS[0].slug: videos.whole, FILMS[1].slug: videos.tall}
    monkeypatch.setattr(site, "film_file", lambda store, film: files.get(film.slug, videos.mute))
    return engine.sandbox.site_url


def add(url: str, rights: str = RightsBasis.OWNED) -> Source:
    return door().add_source(url=url, name="Films", rights_basis=rights)


def read(engine, url: str, **more) -> Source:
    source = add(url, **more)
    engine.work()
    source.refresh_from_db()
    return source


def video_at(url: str, **values) -> Video:
    return factories.VideoFactory(found=True, url=url, **values)


def fetch(engine, url: str) -> Video:
    video = video_at(url)
    engine.tick()
    engine.work()
    video.refresh_from_db()
    return video


# -- reading a source ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_source_is_read_and_each_item_is_known_once(engine, films):
    source = read(engine, f"{films}/feed.xml?limit=3")
    assert (source.last_found, source.last_error) == (3, "")
    assert source.videos.count() == 3
    assert source.next_scrape_at > timezone.now() + timedelta(minutes=50)
    door().scrape_source(source_id=source.pk)
    engine.work()
    assert source.videos.count() == 3
    entry = Activity.objects.filter(verb="source_scraped", object_id=source.pk).earliest("pk")
    assert sorted(entry.additional_data["members"]["video"]) == sorted(
        source.videos.values_list("pk", flat=True)
    )


def test_an_item_in_two_sources_is_one_video_of_the_first(engine, films):
    first = read(engine, f"{films}/feed.xml?limit=2")
    second = read(engine, f"{films}/atom.xml?limit=3")
    assert (first.videos.count(), second.videos.count()) == (2, 1)
    assert second.last_found == 3


def test_a_dead_source_says_so_and_counts_its_failures(engine, nothing_there):
    source = add(nothing_there)
    for _ in range(6):
        engine.retry_now()
        engine.work()
    source.refresh_from_db()
    assert source.consecutive_failures == 1
    assert source.last_error
    job = Job.objects.get(kind=JobKind.SCRAPE)
    assert (job.state, job.error_code, job.blocked_on.source) == (JobState.WAITING, "source_down", source)


def test_a_page_without_a_video_is_named_as_such(engine, films):
    source = read(engine, f"{films}/about")
    assert Job.objects.get().error_code == "no_video_found"
    assert source.videos.count() == 0
    assert source.last_error


def test_without_rights_items_are_kept_but_nothing_is_fetched(engine, films):
    source = read(engine, f"{films}/feed.xml?limit=2", rights=RightsBasis.NONE)
    engine.tick()
    engine.work()
    assert set(source.videos.values_list("state", flat=True)) == {VideoState.FOUND}
    assert engine.sandbox.requests("GET", "/site/media/") == []


# -- fetching and preparing ----------------------------------------------------------------------------------------


def test_a_found_video_becomes_ready_by_itself(engine, films):
    source = read(engine, f"{films}/feed.xml?limit=1")
    for _ in range(3):
        engine.tick()
        engine.work()
    video = source.videos.get()
    assert (video.state, video.error_code) == (VideoState.READY, "")
    assert (video.width, video.height) == (320, 180)
    assert video.duration_seconds == pytest.approx(3, abs=0.3)
    assert len(video.content_hash) == len(video.prepared_hash) == 64
    for stored in (video.original_file, video.prepared_file, video.thumbnail_file):
        assert absolute(stored).stat().st_size > 0
    assert list(Job.objects.filter(video=video).values_list("state", flat=True)) == [JobState.SUCCEEDED] * 2


def test_the_same_content_under_another_address_is_a_duplicate(engine, media_site, videos):
    content = videos.mute.read_bytes()
    first = fetch(engine, media_site.file("/one.mp4", content))
    second = fetch(engine, media_site.file("/two.mp4", content))
    assert (second.state, second.duplicate_of_id) == (VideoState.DUPLICATE, first.pk)
    assert second.error_code == "duplicate_content"
    assert f"video {first.pk}" in second.error_message
    assert not list(absolute(f"videos/{second.pk}").glob("*.mp4"))


def test_what_is_planned_with_a_duplicate_goes_on_with_the_first_but_for_channels_that_have_it(
    engine, media_site, videos
):
    """It never becomes ready: else it would wait until its moment and then be missed without a reason."""
    content = videos.mute.read_bytes()
    first = fetch(engine, media_site.file("/one.mp4", content))
    second = video_at(media_site.file("/two.mp4", content))
    atlas, borealis, corona = engine.channel(), engine.channel("borealis"), engine.channel("corona")
    engine.planned(atlas, video=first, minutes=900, stage_at=timezone.now() + timedelta(hours=9))
    twice = engine.planned(atlas, video=second, minutes=300)
    due = engine.planned(borealis, video=second)
    later = engine.planned(corona, video=second, minutes=600, stage_at=timezone.now() + timedelta(hours=5))
    engine.tick()
    engine.work()
    second.refresh_from_db()
    assert second.state == VideoState.DUPLICATE
    assert state_of(twice) == (ScheduleState.FAILED, DistributionState.FAILED)
    assert "duplicate" in Distribution.objects.get(pk=twice.distribution_id).error_message
    for row in (due, later):
        assert Distribution.objects.get(pk=row.distribution_id).video == first
    assert Activity.objects.filter(verb="distribution_carried_over").count() == 2
    for _ in range(4):
        engine.tick()
        engine.work()
    assert state_of(due) == STAGED
    assert state_of(later) == (ScheduleState.PLANNED, DistributionState.ASSIGNED)


def test_plans_with_a_duplicate_fail_and_say_why_where_the_first_may_not_be_published(
    engine, media_site, videos
):
    content = videos.mute.read_bytes()
    first = fetch(engine, media_site.file("/one.mp4", content))
    second = video_at(media_site.file("/two.mp4", content))
    Source.objects.filter(pk=first.source_id).update(rights_basis=RightsBasis.NONE)
    row = engine.planned(engine.channel(), video=second)
    engine.tick()
    engine.work()
    assert state_of(row) == (ScheduleState.FAILED, DistributionState.FAILED)
    assert "duplicate" in Distribution.objects.get(pk=row.distribution_id).error_message
    assert Job.objects.get(kind=JobKind.STAGE).error_code == "video_failed"


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ("empty-file", "file_empty"),
        ("truncated-file", "file_damaged"),
        ("lost-file", "source_unreachable"),
    ],
)
def test_a_file_that_is_broken_fails_the_video_by_name_and_is_kept_until_somebody_looks(
    engine, films, page, code
):
    video = fetch(engine, f"{films}/videos/{page}")
    assert (video.state, video.error_code) == (VideoState.FAILED, code)
    assert video.error_message
    assert video.content_hash == ""
    kept = [path.name for path in absolute(f"videos/{video.pk}").glob("*.mp4")]
    assert kept == ([Path(video.original_file).name] if code == "file_damaged" else [])


def test_a_page_without_a_video_fails_the_video(engine, films):
    video = fetch(engine, f"{films}/about")
    assert (video.state, video.error_code) == (VideoState.FAILED, "no_video_found")


def test_a_video_that_failed_takes_the_stage_jobs_that_wait_for_it_along(engine, films):
    row = engine.planned(engine.channel(), video=video_at(f"{films}/videos/empty-file"))
    engine.tick()
    engine.work()
    assert state_of(row) == (ScheduleState.FAILED, DistributionState.FAILED)
    job = Job.objects.get(kind=JobKind.STAGE)
    assert (job.state, job.error_code) == (JobState.FAILED, "video_failed")


def test_a_planned_video_is_fetched_prepared_and_staged_in_one_go(engine, films):
    row = engine.planned(engine.channel(), video=video_at(f"{films}/videos/{FILMS[0].slug}"))
    for _ in range(4):
        engine.tick()
        engine.work()
    assert state_of(row) == STAGED


def test_a_worker_killed_while_fetching_is_replaced(engine, films, monkeypatch):
    video = video_at(f"{films}/videos/{FILMS[0].slug}")

    class Killed(BaseException):
        """The worker is gone."""

    def killed(*_, **__):
        raise Killed

    engine.tick()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(media, "download", killed)
        with pytest.raises(Killed):
            engine.work()
    video.refresh_from_db()
    assert video.state == VideoState.SCRAPING
    Job.objects.update(lease_expires_at=timezone.now())
    engine.tick()
    engine.work()
    video.refresh_from_db()
    assert video.state in {VideoState.SCRAPED, VideoState.PROCESSING, VideoState.READY}
    assert Job.objects.filter(kind=JobKind.SCRAPE).get().attempts == 2
