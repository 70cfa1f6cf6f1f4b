"""Figures over time: ours from our own records, YouTube's as they came, narrowed as asked, in fixed statements."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from orchestration.errors import InvalidRequest, NotFound
from orchestration.models import BudgetEntry, Lease
from orchestration.monitoring import publication_figures, work_figures
from orchestration.monitoring.figure_scope import Scope
from orchestration.monitoring.figures import Step, spread_of
from orchestration.service import CentralOrchestrationService
from orchestration.states import JobKind, JobState, ScheduleState
from tests.engine_room import door
from tests.factories import (
    BudgetEntryFactory,
    ChannelFactory,
    ChannelGroupFactory,
    ChannelStatisticsFactory,
    DistributionFactory,
    JobFactory,
    LabelFactory,
    LeaseFactory,
    PoolFactory,
    ScheduleFactory,
    VideoStatisticsFactory,
    WaveFactory,
)

NOW = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_middle_and_95_are_values_by_nearest_rank(values):
    spread = spread_of((float(value), 1) for value in values)
    ordered = sorted(values)
    assert spread.p50_seconds == ordered[-(-len(values) // 2) - 1]
    assert spread.p95_seconds == ordered[-(-len(values) * 95 // 100) - 1]
    assert (spread.count, spread.max_seconds) == (len(values), ordered[-1])


@pytest.mark.parametrize(
    ("days", "step", "buckets"), [(1, Step.HOUR, 24), (2, Step.HOUR, 48), (7, Step.DAY, 7)]
)
def test_the_window_ends_now_and_has_whole_hours_or_days(days, step, buckets):
    window = Scope(days=days).window(NOW)
    assert (window.step, len(window.buckets), window.until) == (step, buckets, NOW)
    assert window.buckets[-1] <= NOW < window.buckets[-1] + work_figures.WIDTH[step]


# -- publications ----------------------------------------------------------------------------------------------------


def a_publication(at, late=None, **values):
    state = ScheduleState.PUBLISHED if late is not None else values.pop("state", ScheduleState.MISSED)
    return ScheduleFactory(
        publish_at=at,
        local_wall=f"{at:%Y-%m-%dT%H:%M:%S}",
        state=state,
        lateness_seconds=late,
        **values,
    )


@pytest.mark.django_db
def test_a_publication_counts_once_at_its_moment_by_its_state_now():
    now = timezone.now().replace(hour=12, minute=30)
    for late in (1.0, 2.0, 300.26):
        a_publication(now - timedelta(hours=1), late)
    a_publication(now - timedelta(days=1))
    a_publication(now - timedelta(days=9), 1.0)
    a_publication(now + timedelta(hours=1), state=ScheduleState.PLANNED)
    figures = publication_figures_at(now)
    assert figures.outcomes == {"published": 3, "missed": 1}
    assert [sum(row.outcomes.values()) for row in figures.over_time] == [0, 0, 0, 0, 0, 1, 3]
    assert (figures.lateness.p50_seconds, figures.lateness.p95_seconds) == (2.0, 300.3)
    assert figures.lateness.max_seconds == 300.26
    hour = next(row for row in figures.hours_of_week if (row.weekday, row.hour) == (now.weekday(), 11))
    assert (hour.published, hour.late, len(figures.hours_of_week)) == (3, 1, 168)


def publication_figures_at(now, **scope):
    return publication_figures.figures(Scope(**scope), now)


@pytest.mark.django_db
def test_group_label_channel_wave_and_source_narrow_and_can_be_combined():
    now = timezone.now()
    wave = WaveFactory()
    wanted = a_publication(now - timedelta(minutes=5), 1.0, wave=wave)
    other = a_publication(now - timedelta(minutes=5), 1.0)
    group, label = ChannelGroupFactory(), LabelFactory()
    wanted.channel.groups.add(group)
    for channel in (wanted.channel, other.channel):
        channel.labels.add(label)
    source = wanted.distribution.video.source_id

    def many(**scope):
        return publication_figures_at(now, **scope).outcomes.get("published", 0)

    assert many() == many(label=label.name) == 2
    assert many(group=group.slug, label=label.name) == many(channel_ids=[wanted.channel_id]) == 1
    assert many(wave_id=wave.pk) == many(source_id=source) == 1
    assert many(channel_ids=[other.channel_id], wave_id=wave.pk) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "error", "field"),
    [
        ({"days": 31}, InvalidRequest, "days"),
        ({"channel_ids": [404]}, NotFound, "channel_ids"),
        ({"group": "none"}, NotFound, "group"),
        ({"label": "none"}, NotFound, "label"),
        ({"wave_id": 404}, NotFound, "wave_id"),
        ({"source_id": 404}, NotFound, "source_id"),
    ],
)
def test_what_names_nothing_is_refused_with_its_field(asked, error, field):
    with pytest.raises(error) as refused:
        door().get_publication_figures(**asked)
    assert refused.value.field == field


# -- work ------------------------------------------------------------------------------------------------------------


def a_job(now, kind, wait, took, state=JobState.SUCCEEDED, **values):
    return JobFactory(
        kind=kind,
        state=state,
        run_at=now - timedelta(seconds=wait + took),
        started_at=now - timedelta(seconds=took),
        finished_at=now,
        **values,
    )


@pytest.mark.django_db
def test_steps_tell_the_work_of_the_last_try_and_its_wait():
    now = timezone.now()
    for took in (10, 20, 1234):
        a_job(now - timedelta(minutes=1), JobKind.STAGE, 4, took)
    a_job(now - timedelta(minutes=1), JobKind.STAGE, 4, 9, JobState.FAILED, error_code="quota")
    a_job(now - timedelta(minutes=1), JobKind.CHECK, 4, 9)
    ready = ScheduleFactory(published=True, publish_at=now - timedelta(minutes=2), lateness_seconds=0.0)
    ready.distribution.staged_at = now - timedelta(minutes=12)
    ready.distribution.save()
    figures = work_figures.figures(Scope(days=1), now)
    stage = next(row for row in figures.stages if row.stage == JobKind.STAGE)
    assert (stage.work.count, stage.work.p50_seconds, stage.work.max_seconds) == (3, 20.0, 1234.0)
    assert (stage.queue_wait.p95_seconds, figures.ready_ahead.p50_seconds) == (4.0, 600.0)
    assert [dict(row.ended) for row in figures.over_time if row.ended] == [{"stage": 4}]
    (failure,) = figures.failures
    assert (failure.cause, failure.kind, failure.count) == ("quota", "stage", 1)


@pytest.mark.django_db
def test_busy_seconds_of_a_slot_are_split_over_the_hours_that_it_was_held_in():
    now = NOW
    pool = PoolFactory(name="upload", label="Uploads", kind="slots", capacity=2)

    def held(begins, ends):
        LeaseFactory(pool=pool, acquired_at=begins, released_at=ends, expires_at=now + timedelta(hours=1))

    held(datetime(2026, 11, 26, 10, 50, tzinfo=UTC), datetime(2026, 11, 26, 11, 20, tzinfo=UTC))
    held(datetime(2026, 11, 26, 11, 0, tzinfo=UTC), datetime(2026, 11, 26, 11, 30, tzinfo=UTC))
    held(datetime(2026, 11, 26, 12, 20, tzinfo=UTC), None)
    held(datetime(2026, 11, 25, 12, 50, tzinfo=UTC), datetime(2026, 11, 25, 13, 10, tzinfo=UTC))
    (use,) = work_figures.figures(Scope(days=1), now).pools
    used = {row.at.hour: (row.used, row.share) for row in use.over_time if row.used}
    assert used == {
        10: (600, 600 / 7200),
        11: (3000, 3000 / 7200),
        12: (600, 600 / 7200),
        13: (600, 600 / 7200),
    }


@pytest.mark.django_db
def test_a_budget_is_told_by_pacific_day_without_what_was_given_back():
    pool = PoolFactory(name="youtube_units", label="Units", budget=True, capacity=1000)
    day = datetime(2026, 11, 26, tzinfo=UTC).date()
    for state, units in (("settled", 100), ("charged", 50), ("released", 7)):
        if state in {value for value, _ in BudgetEntry._meta.get_field("state").choices}:
            BudgetEntryFactory(pool=pool, day=day, state=state, units=units)
    (use,) = work_figures.figures(Scope(days=7), NOW).pools
    assert [(row.day, row.used, row.share) for row in use.by_day if row.used] == [(day, 150, 0.15)]


# -- YouTube's numbers -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_last_reading_of_a_day_stands_for_it_and_nothing_is_added_up():
    now = timezone.now()
    channel = ChannelFactory(name="Delta")
    day = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    for hour, count in ((1, 10), (20, 12)):
        ChannelStatisticsFactory(
            channel=channel, collected_at=day + timedelta(hours=hour), subscriber_count=count
        )
    ChannelStatisticsFactory(channel=ChannelFactory(name="Small"), subscriber_count=None)
    ChannelStatisticsFactory(channel=ChannelFactory(disabled=True))
    figures = door().get_youtube_figures(days=7)
    assert [row.name for row in figures.channels] == ["Delta", "Small"]
    (point,) = figures.channel_lines[0].points
    assert (point.at, point.numbers["subscriber_count"]) == (day, 12)
    assert figures.channels_total == 2
    assert [row.name for row in door().get_youtube_figures(channels_from=1).channels] == ["Small"]


@pytest.mark.django_db
def test_videos_of_a_wave_are_told_by_their_latest_views():
    wave = WaveFactory()
    low, high = (DistributionFactory(published=True, wave=wave) for _ in range(2))
    VideoStatisticsFactory(distribution=low, view_count=900, collected_at=timezone.now() - timedelta(hours=1))
    VideoStatisticsFactory(distribution=low, view_count=10)
    VideoStatisticsFactory(distribution=high, view_count=20)
    VideoStatisticsFactory(view_count=999)
    figures = door().get_youtube_figures(wave_id=wave.pk)
    assert [(row.distribution_id, row.view_count) for row in figures.videos] == [(high.pk, 20), (low.pk, 10)]
    assert [line.id for line in figures.video_lines] == [high.pk, low.pk]


# -- in general ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_figures_take_as_many_statements_for_many_rows_as_for_few():
    def statements(method):
        with CaptureQueriesContext(connection) as caught:
            method(CentralOrchestrationService(actor=door().actor), days=7)
        return len(caught)

    methods = [
        CentralOrchestrationService.get_publication_figures,
        CentralOrchestrationService.get_work_figures,
        CentralOrchestrationService.get_youtube_figures,
    ]
    ChannelStatisticsFactory()
    VideoStatisticsFactory()
    few = [statements(method) for method in methods]
    for _ in range(8):
        ChannelStatisticsFactory()
        VideoStatisticsFactory()
        LeaseFactory()
        a_publication(timezone.now() - timedelta(minutes=5), 1.0)
    assert [statements(method) for method in methods] == few
    assert max(few) <= 8, few
    assert Lease.objects.exists()
