"""Two who plan at once see each other; on PostgreSQL, as SQLite's single writer hides what is tested here."""

import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.utils import timezone

from channels.quota import pacific_day, pacific_day_bounds
from orchestration.errors import OrchestrationError, PlanRefused
from orchestration.models import Distribution, OrphanUpload, Pool, Schedule, Wave
from orchestration.pipeline import stage
from orchestration.queue import pool_names, pools
from orchestration.scheduling import snapshots
from orchestration.states import DistributionState, ScheduleState
from tests import factories
from tests.engine_room import door
from tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres_only]


@pytest.fixture(autouse=True)
def system(transactional_db):
    factories.SystemStateFactory(running=True)
    pools.ensure_defaults()


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Make calls in threads that begin together; returns what each returned or raised."""
    ended: list[object] = [None] * len(calls)
    together = threading.Barrier(len(calls))

    def make(number: int) -> None:
        try:
            together.wait(PATIENCE_SECONDS)
            ended[number] = calls[number]()
        except BaseException as error:
            ended[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=make, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


def unexpected(ended: list[object]) -> list[object]:
    return [e for e in ended if isinstance(e, BaseException) and not isinstance(e, OrchestrationError)]


def test_waves_planned_at_once_never_put_two_publications_closer_than_the_gap():
    channels = factories.ChannelFactory.create_batch(4, min_gap_minutes=30, daily_cap=50)
    at = (timezone.now() + timedelta(hours=6)).replace(microsecond=0)
    videos = factories.VideoFactory.create_batch(8)
    ids = [channel.pk for channel in channels]

    def plan(video, order):
        return lambda: door().schedule_wave_publication(
            video_ids=[video.pk], channel_ids=order, scheduled_at=at, acknowledge_policy=True
        )

    ended = at_once(*(plan(video, ids if n % 2 else ids[::-1]) for n, video in enumerate(videos)))
    assert [e for e in ended if isinstance(e, BaseException)] == []
    assert Schedule.objects.count() == 8 * 4
    for channel in channels:
        times = sorted(Schedule.objects.filter(channel=channel).values_list("publish_at", flat=True))
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps) >= timedelta(minutes=30)


def test_the_same_wave_committed_at_once_gives_one_and_one_refusal():
    channels, video = factories.ChannelFactory.create_batch(3), factories.VideoFactory()

    def plan():
        return door().schedule_wave_publication(
            video_ids=[video.pk],
            channel_ids=[c.pk for c in channels],
            scheduled_at=timezone.now() + timedelta(hours=5),
        )

    ended = at_once(*[plan] * 4)
    assert unexpected(ended) == []
    assert sum(isinstance(e, PlanRefused) for e in ended) == 3
    assert (Wave.objects.count(), Distribution.objects.count()) == (1, 3)


def test_distributing_at_once_gives_each_pair_once():
    channels = factories.ChannelFactory.create_batch(2)
    for channel in channels:
        for day in range(7):
            factories.PostingSlotFactory(channel=channel, weekday=day)
    factories.VideoFactory.create_batch(3)
    ended = at_once(*[door().distribute_videos] * 3)
    assert unexpected(ended) == []
    assert sorted(len(result.created) for result in ended) == [0, 0, 6]


def test_a_move_and_a_plan_at_once_keep_the_gap():
    channel = factories.ChannelFactory(min_gap_minutes=60)
    at = (timezone.now() + timedelta(hours=8)).replace(microsecond=0)
    row = factories.ScheduleFactory(channel=channel, publish_at=at + timedelta(days=2))
    video = factories.VideoFactory()
    ended = at_once(
        lambda: door().move_schedule(schedule_id=row.pk, publish_at=at),
        lambda: door().coordinate_publication(
            video_id=video.pk, channel_ids=[channel.pk], scheduled_at=at, on_conflict="reject"
        ),
    )
    assert unexpected(ended) == []
    times = sorted(Schedule.objects.values_list("publish_at", flat=True))
    assert all(later - earlier >= timedelta(minutes=60) for earlier, later in pairwise(times))
    assert sum(isinstance(e, PlanRefused) for e in ended) == 1


def test_planners_of_different_channels_at_once_never_reserve_more_of_a_day_than_it_has():
    Pool.objects.filter(name=pool_names.UPLOADS).update(capacity=3)
    channels, videos = factories.ChannelFactory.create_batch(8), factories.VideoFactory.create_batch(8)
    day = pacific_day(timezone.now()) + timedelta(days=1)
    # Today is full, so that each of them needs the one day that is left before its moment.
    factories.BudgetEntryFactory(
        pool=Pool.objects.get(name=pool_names.UPLOADS),
        units=3,
        day=pacific_day(timezone.now()),
        state="settled",
    )
    at = pacific_day_bounds(day)[1] - timedelta(hours=1)

    def plan(channel, video):
        return lambda: door().coordinate_publication(
            video_id=video.pk, channel_ids=[channel.pk], scheduled_at=at, on_conflict="reject"
        )

    ended = at_once(*map(plan, channels, videos))
    assert unexpected(ended) == []
    assert sum(isinstance(e, PlanRefused) for e in ended) == 5
    assert snapshots.reserved_uploads(pacific_day(timezone.now())) == {day: 3}


def test_a_move_and_a_plan_of_different_channels_at_once_share_what_is_left_of_a_day():
    Pool.objects.filter(name=pool_names.UPLOADS).update(capacity=1)
    now = timezone.now()
    day = pacific_day(now) + timedelta(days=1)
    factories.BudgetEntryFactory(
        pool=Pool.objects.get(name=pool_names.UPLOADS), units=1, day=pacific_day(now), state="settled"
    )
    at = pacific_day_bounds(day)[1] - timedelta(hours=1)
    later = at + timedelta(days=3)
    row = factories.ScheduleFactory(publish_at=later, stage_at=later - timedelta(hours=2))
    other, video = factories.ChannelFactory(), factories.VideoFactory()
    ended = at_once(
        lambda: door().move_schedule(schedule_id=row.pk, publish_at=at),
        lambda: door().coordinate_publication(
            video_id=video.pk, channel_ids=[other.pk], scheduled_at=at, on_conflict="reject"
        ),
    )
    assert unexpected(ended) == []
    assert sum(isinstance(e, PlanRefused) for e in ended) == 1
    assert snapshots.reserved_uploads(pacific_day(now))[day] == 1


def test_a_cancel_and_an_upload_that_ends_at_once_lose_nothing():
    """Whoever is first: the upload is recorded, or listed as an orphan; never neither, and nobody deadlocks."""
    for _ in range(10):
        row = factories.ScheduleFactory(state=ScheduleState.STAGING)
        upload = f"yt{row.pk:09d}"
        ended = at_once(
            lambda row=row: door().cancel_schedule(schedule_id=row.pk),
            lambda row=row, upload=upload: stage.record_staged(row.distribution_id, upload),
        )
        assert unexpected(ended) == []
        distribution = Distribution.objects.get(pk=row.distribution_id)
        recorded = distribution.youtube_video_id == upload
        assert recorded != OrphanUpload.objects.filter(youtube_video_id=upload).exists()
        assert distribution.state in {DistributionState.CANCELLED, DistributionState.STAGED}


def test_two_uploads_that_end_at_once_give_one_video_and_one_orphan():
    row = factories.ScheduleFactory(state=ScheduleState.STAGING)
    ended = at_once(
        *(
            lambda name=name: stage.record_staged(row.distribution_id, name)
            for name in ("first000001", "second00001")
        )
    )
    assert sorted(map(bool, ended)) == [False, True]
    distribution = Distribution.objects.get()
    assert {distribution.youtube_video_id, OrphanUpload.objects.get().youtube_video_id} == {
        "first000001",
        "second00001",
    }


def test_a_wave_cancelled_and_moved_at_once_ends_as_one_of_both():
    wave = factories.WaveFactory()
    rows = [factories.ScheduleFactory(wave=wave, distribution__wave=wave) for _ in range(5)]
    at = timezone.now() + timedelta(days=1)
    ended = at_once(
        lambda: door().cancel_wave(wave_id=wave.pk),
        lambda: door().move_wave(wave_id=wave.pk, scheduled_at=at),
    )
    assert unexpected(ended) == []
    assert set(Schedule.objects.filter(pk__in=[r.pk for r in rows]).values_list("state", flat=True)) == {
        ScheduleState.CANCELLED
    }
