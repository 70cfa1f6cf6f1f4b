"""Files are deleted by rule, never what a plan needs or what cannot be had again; below its floor the disk takes nothing."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from orchestration.errors import InvalidRequest
from orchestration.models import Activity, Blocker, Rendition, Schedule, Video
from orchestration.pipeline import renditions, retention, room
from orchestration.pipeline.scrape import absolute
from orchestration.planning.retention import Facts, Rule, deletable
from orchestration.scheduling import reservations
from orchestration.states import JobKind, ScheduleState, VideoState
from tests import factories
from tests.engine_room import door

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
INSTANTS = st.none() | st.integers(-2000, 2000).map(lambda hours: NOW + timedelta(hours=hours))
RULES = st.sampled_from(["forever", "published", "1", "30"]).map(Rule.read)
FACTS = st.builds(
    Facts,
    is_ready=st.booleans(),
    is_needed=st.booleans(),
    can_be_fetched=st.booleans(),
    has_original=st.booleans(),
    has_prepared=st.booleans(),
    ready_at=INSTANTS,
    published_at=INSTANTS,
)


@given(FACTS, RULES, RULES)
def test_nothing_that_is_needed_or_cannot_be_had_again_is_ever_deleted(facts, originals, prepared):
    original, files = deletable(facts, originals, prepared, NOW)
    if facts.is_needed or not facts.is_ready:
        assert (original, files) == (False, False)
    if original or files:
        assert facts.can_be_fetched or (facts.has_original and not original)
    if originals == Rule():
        assert not original
    if prepared == Rule():
        assert not files


@pytest.mark.parametrize("text", ["", "0", "-1", "3651", "1.5", "a week", "٣"])
def test_what_is_no_rule_is_refused(text):
    with pytest.raises(ValueError, match="number of days"):
        Rule.read(text)


@pytest.fixture(autouse=True)
def looked_up_anew():
    cache.clear()


@pytest.mark.django_db
def test_what_would_be_freed_is_looked_up_once_a_minute(settings, kept_a_day, django_assert_max_num_queries):
    for _ in range(3):
        old_video(settings)
    assert (door().get_disk().deletable_bytes, door().get_disk().deletable_videos) == (3000, 3)
    with django_assert_max_num_queries(5):
        door().get_disk()


@pytest.fixture
def kept_a_day(settings):
    settings.HEADEND_KEEP_ORIGINALS = settings.HEADEND_KEEP_PREPARED = "1"


def old_video(settings, **values) -> Video:
    """Return a video that was ready three days ago, with its files."""
    video = factories.VideoFactory(ready_at=timezone.now() - timedelta(days=3), **values)
    folder = Path(settings.MEDIA_ROOT) / "videos" / str(video.pk)
    folder.mkdir(parents=True)
    for name, size in (("source.mp4", 700), ("prepared-x.mp4", 300)):
        (folder / name).write_bytes(bytes(size))
    stored = f"videos/{video.pk}"
    Video.objects.filter(pk=video.pk).update(
        original_file=f"{stored}/source.mp4", prepared_file=f"{stored}/prepared-x.mp4", size_bytes=700
    )
    Rendition.objects.filter(video=video).delete()
    Rendition.objects.create(
        video=video, fingerprint="x", file=f"{stored}/prepared-x.mp4", size_bytes=300, made_at=timezone.now()
    )
    video.refresh_from_db()
    return video


def files_of(video: Video) -> set[str]:
    folder = absolute(f"videos/{video.pk}")
    return {path.name for path in folder.iterdir()}


BOTH = {"source.mp4", "prepared-x.mp4"}


@pytest.mark.django_db
def test_by_default_everything_is_kept(settings):
    video = old_video(settings)
    assert retention.clean().items == []
    assert files_of(video) == BOTH


@pytest.mark.django_db
def test_what_is_over_is_told_then_deleted_and_recorded(settings, kept_a_day):
    video = old_video(settings)
    told = door("read").preview_cleaning()
    assert [(item.video_id, item.original, item.prepared) for item in told.items] == [(video.pk, True, True)]
    assert (told.freed_bytes, told.dry_run) == (1000, True)
    assert files_of(video) == BOTH
    assert door("admin").clean_disk().freed_bytes == 1000
    assert files_of(video) == set()
    video.refresh_from_db()
    assert (video.state, video.original_file, video.prepared_file) == (VideoState.READY, "", "")
    entry = Activity.objects.get(verb="files_deleted")
    assert len(entry.before["files"]) == 2
    assert entry.after["freed_bytes"] == 1000
    assert retention.clean().items == []


@pytest.mark.django_db
def test_what_was_uploaded_keeps_its_original_and_is_prepared_from_it(settings, kept_a_day):
    video = old_video(settings, url="", canonical_url="headend:uploads/x")
    retention.clean()
    assert files_of(video) == {"source.mp4"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "state",
    [ScheduleState.PLANNED, ScheduleState.STAGED, ScheduleState.HELD, ScheduleState.NEEDS_REVIEW],
)
def test_what_a_plan_needs_stays(settings, kept_a_day, state):
    video = old_video(settings)
    factories.ScheduleFactory(distribution__video=video, state=state)
    assert retention.clean().items == []
    assert files_of(video) == BOTH


@pytest.mark.django_db
def test_what_a_job_works_on_stays(settings, kept_a_day):
    video = old_video(settings)
    factories.JobFactory(video=video, kind=JobKind.PROCESS, running=True)
    assert retention.clean().items == []


@pytest.mark.django_db
def test_a_source_has_its_own_rule_and_publication_ends_another(settings):
    settings.HEADEND_KEEP_PREPARED = "published"
    own, published, waits = (old_video(settings) for _ in range(3))
    door("admin").set_source_retention(source_id=own.source_id, keep_originals="2", reason="short of room")
    row = factories.ScheduleFactory(distribution__video=published, published=True)
    row.distribution.published_at = timezone.now()
    row.distribution.save()
    retention.clean()
    assert files_of(own) == {"prepared-x.mp4"}
    assert files_of(published) == {"source.mp4"}
    assert files_of(waits) == BOTH
    assert Activity.objects.get(verb="source_retention_changed").reason == "short of room"
    with pytest.raises(InvalidRequest) as error:
        door("admin").set_source_retention(source_id=own.source_id, keep_prepared="soon")
    assert error.value.field == "keep_prepared"


@pytest.mark.django_db
def test_a_cleaned_video_that_is_planned_again_is_fetched_again(settings, kept_a_day):
    video = old_video(settings)
    retention.clean()
    row = factories.ScheduleFactory(distribution__video=video)
    Schedule.objects.filter(pk=row.pk).update(stage_at=timezone.now())
    renditions.keep_making(timezone.now())
    video.refresh_from_db()
    assert video.state == VideoState.FOUND


@pytest.mark.django_db
def test_below_the_floor_a_fetch_waits_by_name_and_goes_on(engine, settings, monkeypatch):
    monkeypatch.setattr(room, "free_bytes", lambda: settings.HEADEND_DISK_FLOOR_BYTES - 1)
    factories.VideoFactory(found=True, url="http://127.0.0.1:9/film.mp4")
    engine.tick()
    engine.work()
    blocker = Blocker.objects.open().get()
    assert blocker.code == "disk_too_full"
    assert blocker.jobs.count() == 1
    assert door().probe_blocker(blocker_id=blocker.pk).waiting == 1
    monkeypatch.setattr(room, "free_bytes", lambda: 2 * settings.HEADEND_DISK_FLOOR_BYTES)
    door().probe_blocker(blocker_id=blocker.pk)
    assert not Blocker.objects.open().exists()


@pytest.mark.django_db
def test_the_disk_is_shown_on_pools_and_over_the_api(settings, console_of):
    old_video(settings)
    report = door("read").get_disk()
    assert (report.originals_bytes, report.prepared_bytes) == (700, 300)
    assert (report.grows_bytes_a_day, report.keep_originals) == (142, "forever")
    page = console_of("olga").get("/pools/").content.decode()
    assert "kept for good" in " ".join(page.split())
    assert console_of("olga").get("/api/orchestration/disk").json()["prepared_bytes"] == 300


@pytest.fixture
def console_of(client):
    def login(name: str):
        client.force_login(
            factories.UserFactory(operator=True, username=f"{name}{timezone.now().timestamp()}")
        )
        return client

    return login


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_a_plan_that_is_being_made_is_waited_for(settings, kept_a_day, monkeypatch):
    video = old_video(settings)
    planning, cleaning = threading.Event(), threading.Event()
    hold_alone = reservations.hold_alone

    def plan() -> None:
        try:
            with transaction.atomic():
                hold_alone()
                factories.ScheduleFactory(distribution__video=video)
                planning.set()
                cleaning.wait(10)
        finally:
            connection.close()

    def waits() -> None:
        cleaning.set()
        hold_alone()

    monkeypatch.setattr(reservations, "hold_alone", waits)
    planner = threading.Thread(target=plan)
    planner.start()
    assert planning.wait(10)
    done = retention.clean()
    planner.join()
    assert done.items == []
    assert files_of(video) == BOTH
