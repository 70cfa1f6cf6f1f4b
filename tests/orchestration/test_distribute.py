"""Ready videos find their channels by the rules, once, and every yes and no can be explained."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orchestration.errors import InvalidRequest, NotFound
from orchestration.models import Activity, Conflict, Distribution, Pool, Schedule
from orchestration.queue import pool_names, pools
from orchestration.scheduling import forecast
from orchestration.states import ScheduleState, VideoState
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def system(db):
    factories.SystemStateFactory(running=True)
    pools.ensure_defaults()


def posting_channel(**values):
    channel = factories.ChannelFactory(**values)
    for day in range(7):
        factories.PostingSlotFactory(channel=channel, weekday=day)
    return channel


def test_ready_videos_go_into_free_slots_and_a_second_run_adds_nothing():
    channels = [posting_channel(), posting_channel(timezone="Asia/Tokyo")]
    videos = factories.VideoFactory.create_batch(3)
    first = door().distribute_videos()
    assert len(first.created) == 6
    assert all(row.publish_at.astimezone(row.channel.zone).hour == 18 for row in Schedule.objects.all())
    second = door().distribute_videos()
    assert second.created == []
    assert Distribution.objects.count() == len(videos) * len(channels)
    assert all(not decision.chosen and decision.reason for decision in second.decisions)


def test_a_day_whose_units_do_not_pay_for_what_was_placed_on_it_is_told_and_kept_as_an_open_conflict(
    settings,
):
    settings.HEADEND_CONTENT_COOLDOWN_HOURS = 0
    Pool.objects.filter(name=pool_names.UNITS).update(capacity=52)
    for _ in range(2):
        posting_channel()
    factories.VideoFactory()
    said = "would take 104 of the 52 that youtube_units gives, so 1 of these 2 would be late"
    shown = door().distribute_videos(dry_run=True)
    assert said in shown.summary
    assert not Conflict.objects.exists()
    assert said in door().distribute_videos().summary
    conflict = Conflict.objects.get()
    assert (conflict.kind, conflict.rule, conflict.state) == ("resource", "budget_exhausted", "open")
    assert said in conflict.message
    assert said in Activity.objects.get(verb="videos_distributed").reason


def test_a_dry_run_writes_nothing_and_decides_the_same():
    posting_channel()
    factories.VideoFactory.create_batch(2)
    before = Activity.objects.count()
    shown = door().distribute_videos(dry_run=True)
    assert (shown.created, Distribution.objects.count(), Activity.objects.count()) == ([], 0, before)
    done = door().distribute_videos()
    times = lambda result: {(d.video_id, d.channel_id, d.publish_at) for d in result.decisions if d.chosen}  # noqa: E731
    assert times(shown) == times(done)


def test_every_decision_is_explained_and_kept_with_what_came_of_it():
    strict = posting_channel(filters={"min_height": 1080, "languages": ["no"]})
    good = factories.VideoFactory(language="no")
    unknown = factories.VideoFactory(language="", height=720)
    result = door().distribute_videos()
    told = {decision.video_id: decision for decision in result.decisions}
    assert told[good.pk].chosen
    assert not told[unknown.pk].chosen
    assert told[unknown.pk].reason.startswith("no")
    row = Distribution.objects.get()
    assert row.method == Distribution.Method.DISTRIBUTED
    assert all({"rule", "value", "threshold", "ok", "sentence"} <= set(rule) for rule in row.explanation)
    explanation = door("read").explain(video_id=unknown.pk, channel_id=strict.pk)
    refused = {rule.rule: rule for rule in explanation.rules if not rule.ok}
    assert {"language", "min_height"} <= set(refused)
    assert refused["language"].value is None  # unknown fails closed, and says so
    assert "unknown" in refused["language"].sentence


def test_what_may_not_be_published_goes_nowhere():
    posting_channel(paused=True)
    channel = posting_channel()
    factories.VideoFactory(source__rights_basis="")
    factories.VideoFactory(state=VideoState.PROCESSING)
    taken = factories.DistributionFactory(channel=channel, published=True)
    result = door().distribute_videos()
    assert result.created == []
    assert {d.channel_id for d in result.decisions} == {channel.pk}
    assert all(d.reason for d in result.decisions)
    assert Distribution.objects.get() == taken


def test_the_cap_on_channels_for_one_video_holds(settings):
    settings.HEADEND_CHANNELS_PER_VIDEO = 2
    for _ in range(4):
        posting_channel()
    factories.VideoFactory()
    assert len(door().distribute_videos().created) == 2
    assert door().distribute_videos().created == []


@pytest.mark.parametrize(
    ("values", "error", "field"),
    [
        ({"video_ids": []}, InvalidRequest, "video_ids"),
        ({"channel_ids": []}, InvalidRequest, "channel_ids"),
        ({"video_ids": [404]}, NotFound, "video_ids"),
        ({"channel_ids": [404]}, NotFound, "channel_ids"),
        ({"video_ids": [7, 7]}, InvalidRequest, "video_ids"),
        ({"horizon_days": 0}, InvalidRequest, "horizon_days"),
        ({"horizon_days": 91}, InvalidRequest, "horizon_days"),
    ],
)
def test_bad_input_is_refused_by_field(values, error, field):
    with pytest.raises(error) as refused:
        door().distribute_videos(**values)
    assert refused.value.field == field


def test_a_channel_that_was_asked_for_and_is_paused_is_told_why_not():
    paused = posting_channel(paused=True)
    video = factories.VideoFactory()
    (decision,) = door().distribute_videos(channel_ids=[paused.pk]).decisions
    assert (decision.chosen, decision.video_id) == (False, video.pk)
    assert "paused" in decision.reason


def test_explaining_an_unknown_pair_names_it():
    channel, video = factories.ChannelFactory(), factories.VideoFactory()
    for values, field in (
        ({"video_id": 404, "channel_id": channel.pk}, "video_id"),
        ({"video_id": video.pk, "channel_id": 404}, "channel_id"),
    ):
        with pytest.raises(NotFound) as refused:
            door("read").explain(**values)
        assert refused.value.field == field


def test_a_missed_publication_is_distributed_anew():
    channel = posting_channel()
    row = factories.ScheduleFactory(channel=channel, state=ScheduleState.MISSED)
    (created,) = door().distribute_videos().created
    assert created.pk == row.distribution_id
    assert Schedule.objects.get().state == ScheduleState.PLANNED


def test_a_forecast_leaves_out_what_is_held_past_its_moment_until_a_person_decides():
    ahead = factories.ScheduleFactory(state=ScheduleState.HELD)
    factories.ScheduleFactory(state=ScheduleState.HELD, overdue=True)
    told = door("read").forecast(days=7)
    assert (told.items, told.late) == (1, ())
    assert ahead.publish_at > timezone.now()


def test_a_forecast_counts_what_is_planned_and_refuses_absurd_spans():
    factories.ScheduleFactory.create_batch(3)
    factories.ScheduleFactory(publish_at=timezone.now() + timedelta(days=60))
    told = door("read").forecast(days=7)
    assert told.items == 3
    assert sum(told.published_by_day.values()) == 3
    for days in (0, forecast.LONGEST_DAYS + 1):
        with pytest.raises(InvalidRequest) as refused:
            door("read").forecast(days=days)
        assert refused.value.field == "days"
