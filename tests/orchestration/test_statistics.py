"""YouTube's numbers are collected cheaply, kept for 30 days, and shown as they came beside our own counts."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.gateways.errors import RemoteUnavailable, WrongChannel
from channels.models import ChannelStatistics
from channels.sandbox import youtube_state
from channels.states import CredentialState
from orchestration.errors import InvalidRequest, NotFound
from orchestration.models import Activity, BudgetEntry, Job, VideoStatistics
from orchestration.monitoring import statistics
from orchestration.queue.pools import BudgetExhausted, ensure_defaults
from orchestration.states import JobKind, ScheduleState
from tests.factories import (
    ChannelFactory,
    ChannelStatisticsFactory,
    CredentialFactory,
    DistributionFactory,
    JobFactory,
    PoolFactory,
    ScheduleFactory,
    VideoStatisticsFactory,
)
from tests.register_helpers import connected_channel, held, lead_to_sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def outside(settings, sandbox):
    lead_to_sandbox(settings, sandbox)


def collect(channel) -> dict:
    return statistics.run_collect(*held(JobFactory(kind=JobKind.COLLECT, channel=channel)))


def published_at_youtube(sandbox, channel, title: str, **values):
    """Put a public video into the sandbox and its published distribution into our tables."""
    with sandbox.store.change("youtube") as youtube:
        video = youtube_state.new_video(
            youtube,
            channel.youtube_channel_id,
            {"snippet": {"title": title}, "status": {"privacyStatus": "public"}},
            sandbox.store.now(),
            duration_seconds=60.0,
            failure="",
        )
    return DistributionFactory(channel=channel, published=True, youtube_video_id=video["id"], **values)


# -- collect -------------------------------------------------------------------------------------------------------


def test_a_channels_numbers_and_those_of_its_videos_are_stored_as_they_came(sandbox):
    channel = connected_channel(sandbox, "delta")
    shown = published_at_youtube(sandbox, channel, "Harbour")
    DistributionFactory(channel=channel, published=True, youtube_video_id="gone")
    DistributionFactory(channel=channel, staged=True)

    result = collect(channel)

    row = ChannelStatistics.objects.get()
    assert (row.subscriber_count, row.channel) == (1200, channel)
    assert VideoStatistics.objects.get().distribution == shown
    assert (result["videos"], result["gone"]) == (1, 1)


def test_fifty_videos_cost_one_unit_and_the_channel_another(sandbox):
    ensure_defaults()
    channel = connected_channel(sandbox, "delta")
    for number in range(51):
        published_at_youtube(sandbox, channel, f"Clip {number}")
    sandbox.store.advance(10)  # past YouTube's processing of the uploads
    collect(channel)
    entries = BudgetEntry.objects.order_by("id").values_list("call", "units", "state")
    assert list(entries) == [
        ("channels.list", 1, "settled"),
        ("videos.list", 1, "settled"),
        ("videos.list", 1, "settled"),
    ]
    assert VideoStatistics.objects.count() == 51
    assert len(sandbox.requests(path="/youtube/")) == 3


def test_numbers_of_another_channel_are_not_stored(sandbox):
    channel = connected_channel(sandbox, "delta", youtube_channel_id="UCanother")
    with pytest.raises(WrongChannel):
        collect(channel)
    assert not ChannelStatistics.objects.exists()


def test_statistics_leave_publishing_its_reserve(sandbox):
    PoolFactory(name="youtube_units", budget=True, capacity=10, reserve=10)
    with pytest.raises(BudgetExhausted):
        collect(connected_channel(sandbox, "delta"))
    assert sandbox.requests(path="/youtube/") == []


def test_a_failing_youtube_is_an_error_to_be_tried_again(sandbox):
    channel = connected_channel(sandbox, "delta")
    sandbox.faults.add("^/youtube/", "status_before", status=503, times=None)
    with pytest.raises(RemoteUnavailable):
        collect(channel)


def test_numbers_older_than_thirty_days_are_deleted_without_a_trace_of_each(sandbox):
    now = timezone.now()
    ChannelStatisticsFactory(collected_at=now - timedelta(days=31))
    VideoStatisticsFactory(collected_at=now - timedelta(days=31))
    kept = ChannelStatisticsFactory(collected_at=now - timedelta(days=29))
    before = Activity.objects.count()
    assert statistics.purge(now) == 2
    assert ChannelStatistics.objects.get() == kept
    assert not VideoStatistics.objects.exists()
    assert Activity.objects.count() == before


def test_collections_are_due_for_connected_channels_the_oldest_numbers_first():
    now = timezone.now()
    fresh, old, never = (CredentialFactory().channel for _ in range(3))
    ChannelStatisticsFactory(channel=fresh, collected_at=now - timedelta(minutes=5))
    ChannelStatisticsFactory(channel=old, collected_at=now - timedelta(hours=2))
    CredentialFactory(state=CredentialState.REVOKED)
    CredentialFactory(channel=ChannelFactory(disabled=True))
    ChannelFactory()
    assert [job.channel for job in statistics.due_collections(now)] == [never, old]
    assert statistics.due_collections(now) == []
    assert Job.objects.count() == 2


# -- report --------------------------------------------------------------------------------------------------------


def test_the_report_shows_the_latest_numbers_of_each_channel():
    channel = ChannelFactory(name="Delta")
    ChannelStatisticsFactory(channel=channel, view_count=1, collected_at=timezone.now() - timedelta(hours=1))
    ChannelStatisticsFactory(channel=channel, view_count=2)
    ChannelStatisticsFactory(channel=ChannelFactory(disabled=True))
    (row,) = statistics.report().channels
    assert (row["name"], row["view_count"], row["subscriber_count"]) == ("Delta", 2, 1200)


def test_the_report_lists_the_recently_published_videos_by_their_latest_views():
    now = timezone.now()
    low, high = DistributionFactory(published=True), DistributionFactory(published=True)
    VideoStatisticsFactory(distribution=low, view_count=500, collected_at=now - timedelta(hours=1))
    VideoStatisticsFactory(distribution=low, view_count=10)
    VideoStatisticsFactory(distribution=high, view_count=20)
    VideoStatisticsFactory(
        distribution=DistributionFactory(published=True, published_at=now - timedelta(days=9)), view_count=999
    )
    DistributionFactory(published=True)
    rows = statistics.report(days=7).top_videos
    assert [(row["distribution_id"], row["view_count"]) for row in rows] == [(high.pk, 20), (low.pk, 10)]


def test_the_report_counts_our_own_publications_by_day_and_by_outcome():
    now = timezone.now()
    ScheduleFactory(published=True, lateness_seconds=1.0)
    ScheduleFactory(published=True, lateness_seconds=3.0)
    ScheduleFactory(state=ScheduleState.MISSED)
    ScheduleFactory()
    report = statistics.report(days=3, now=now)
    assert len(report.published_by_day) == 3
    assert sum(row["count"] for row in report.published_by_day) == 2
    assert report.outcomes == {"missed": 1, "published": 2}
    assert report.median_lateness_seconds == 2.0


def test_the_report_can_be_of_some_channels_only():
    wanted, other = ChannelStatisticsFactory().channel, ChannelStatisticsFactory().channel
    for channel, lateness in ((wanted, 1.0), (other, 9.0), (other, 9.0)):
        row = ScheduleFactory(published=True, lateness_seconds=lateness, channel=channel)
        VideoStatisticsFactory(distribution=row.distribution)
    report = statistics.report(days=3, channel_ids=[wanted.pk])
    assert [row["channel_id"] for row in report.channels] == [wanted.pk]
    assert [row["channel_id"] for row in report.top_videos] == [wanted.pk]
    assert sum(row["count"] for row in report.published_by_day) == 1
    assert (report.outcomes, report.median_lateness_seconds) == ({"published": 1}, 1.0)
    with pytest.raises(NotFound) as refused:
        statistics.report(channel_ids=[wanted.pk, 404])
    assert refused.value.field == "channel_ids"


def test_an_empty_installation_has_an_empty_report():
    report = statistics.report(days=1)
    assert (report.channels, report.top_videos, report.outcomes) == ([], [], {})
    assert report.median_lateness_seconds is None


@pytest.mark.parametrize("days", [0, -1, 31])
def test_days_that_cannot_be_shown_are_refused(days):
    with pytest.raises(InvalidRequest) as refused:
        statistics.report(days=days)
    assert refused.value.field == "days"


def test_the_report_takes_as_many_queries_for_many_channels_as_for_one(django_assert_num_queries):
    for _ in range(12):
        channel = ChannelStatisticsFactory().channel
        VideoStatisticsFactory(distribution=DistributionFactory(channel=channel, published=True))
    with django_assert_num_queries(5):
        assert len(statistics.report().channels) == 12
