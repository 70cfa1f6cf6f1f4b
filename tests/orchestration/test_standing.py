"""What is planned by itself: rules that distribute, and series whose episodes follow in order and are never passed over."""

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from django.utils import timezone

from channels.states import ChannelState
from orchestration import tasks
from orchestration.errors import InvalidRequest, NotFound, NotPermitted
from orchestration.models import Activity, Distribution, Schedule, StandingRule
from orchestration.queue import pools
from orchestration.scheduling.standing import StandingValues, next_run, read_times
from orchestration.states import DistributionState, ScheduleState, VideoState
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db
MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TUESDAYS = [(1, time(18))]


@pytest.fixture(autouse=True)
def monday():
    """Let it be a Monday noon, with the system running."""
    with time_machine.travel(MONDAY_NOON, tick=False) as traveller:
        factories.SystemStateFactory(running=True)
        pools.ensure_defaults()
        yield traveller


def posting_channel(**values):
    channel = factories.ChannelFactory(**values)
    for day in range(7):
        factories.PostingSlotFactory(channel=channel, weekday=day)
    return channel


def episodes(source, *titles, **values):
    return [
        factories.VideoFactory(
            source=source, title=title, source_published_at=MONDAY_NOON - timedelta(days=30 - n), **values
        )
        for n, title in enumerate(titles)
    ]


def series(source, *channels, **values):
    given = {"name": "News", "kind": "series", "times": TUESDAYS, **values}
    return door().add_standing_rule(
        values=StandingValues(channel_ids=[c.pk for c in channels], source_id=source.pk, **given)
    )


def aired(channel):
    rows = Schedule.objects.filter(channel=channel).order_by("publish_at")
    return [(row.distribution.video.title, f"{row.publish_at:%a %d %H:%M}") for row in rows]


# ------------------------------------------------------------------------------------------------------------ distribute


def test_a_rule_distributes_at_its_time_and_again_after_its_interval(monday):
    channel = posting_channel()
    rule = door().add_standing_rule(values=StandingValues("Fill", every_minutes=30, horizon_days=7))
    factories.VideoFactory()
    tasks.run_standing_rules()
    assert Distribution.objects.filter(channel=channel).count() == 1
    factories.VideoFactory()
    monday.shift(timedelta(minutes=29))
    tasks.run_standing_rules()
    assert Distribution.objects.count() == 1
    monday.shift(timedelta(minutes=1))
    tasks.run_standing_rules()
    assert Distribution.objects.count() == 2
    rule.refresh_from_db()
    assert rule.last_run_at == timezone.now()
    assert "1 placement" in rule.last_summary


def test_each_run_that_plans_is_an_entry_with_its_members_and_one_that_says_nothing_new_is_none(monday):
    posting_channel()
    factories.VideoFactory()
    rule = door().add_standing_rule(values=StandingValues("Fill", every_minutes=5))
    tasks.run_standing_rules()
    planned = Activity.objects.get(verb="videos_distributed")
    assert planned.object_repr == "Fill"
    assert planned.additional_data["members"]["distribution"] == [Distribution.objects.get().pk]
    assert planned.cid == Activity.objects.get(verb="standing_rule_ran").cid is not None
    for _ in range(3):
        monday.shift(timedelta(minutes=5))
        tasks.run_standing_rules()
    # The second run finds nothing new and says that; the third and fourth say the same.
    assert Activity.objects.filter(verb="standing_rule_ran", object_id=rule.pk).count() == 2


def test_a_rule_holds_for_its_channels_and_its_source_only():
    mine, other = posting_channel(), posting_channel()
    wanted, unwanted = factories.VideoFactory(), factories.VideoFactory()
    door().add_standing_rule(values=StandingValues("Mine", channel_ids=[mine.pk], source_id=wanted.source_id))
    tasks.run_standing_rules()
    assert list(Distribution.objects.values_list("video", "channel")) == [(wanted.pk, mine.pk)]
    assert unwanted.distributions.count() == other.distributions.count() == 0


@pytest.mark.parametrize("how", ["switched off", "system paused", "channel paused"])
def test_nothing_is_planned_by_itself_where_it_is_switched_off(how):
    channel = posting_channel(state=ChannelState.PAUSED if how == "channel paused" else ChannelState.ACTIVE)
    factories.VideoFactory()
    door().add_standing_rule(
        values=StandingValues("Fill", channel_ids=[channel.pk], enabled=how != "switched off")
    )
    if how == "system paused":
        door().pause(reason="night")
    tasks.run_standing_rules()
    assert Distribution.objects.count() == 0


def test_a_channel_below_the_floor_is_warned_of_and_no_longer_once_it_is_filled(monday):
    channel = posting_channel(slug="aurora")
    door().add_standing_rule(values=StandingValues("Fill", backlog_floor=2, every_minutes=5))
    tasks.run_standing_rules()
    told = [each for each in door().get_dashboard_data().problems if each["code"] == "backlog_low"]
    assert len(told) == 1
    assert "aurora" in told[0]["sentence"]
    factories.VideoFactory.create_batch(2)
    monday.shift(timedelta(minutes=5))
    tasks.run_standing_rules()
    assert channel.schedules.count() == 2
    assert not [each for each in door().get_dashboard_data().problems if each["code"] == "backlog_low"]


def test_a_rule_that_breaks_off_says_so_and_keeps_no_other_from_its_run(monkeypatch):
    posting_channel()
    factories.VideoFactory()
    first, _ = (door().add_standing_rule(values=StandingValues(name)) for name in ("A", "B"))
    from orchestration.scheduling import standing_runs

    real = standing_runs.run

    def run(rule_id, **kwargs):
        if rule_id == first.pk:
            raise ZeroDivisionError
        return real(rule_id, **kwargs)

    monkeypatch.setattr(standing_runs, "run", run)
    tasks.run_standing_rules()
    first.refresh_from_db()
    assert "fault of ours" in first.last_problem
    assert Distribution.objects.count() == 1
    assert [p["subject"] for p in door().get_dashboard_data().problems if p["code"] == "standing_rule"] == [
        "A"
    ]


def test_a_time_of_day_is_that_of_the_rules_zone_across_the_change_of_the_clocks():
    rule = factories.StandingRuleFactory(daily_at=time(6), zone="Europe/Berlin")
    saturday = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert next_run(rule, saturday) == datetime(2026, 10, 25, 5, tzinfo=UTC)
    assert next_run(rule, datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(2026, 3, 29, 4, tzinfo=UTC)


# ---------------------------------------------------------------------------------------------------------------- series


def test_episodes_follow_in_order_each_at_the_next_of_the_series_times_on_each_channels_clock():
    source = factories.SourceFactory()
    here, there = factories.ChannelFactory(), factories.ChannelFactory(timezone="Asia/Tokyo")
    episodes(source, "One", "Two", "Three")
    rule = series(source, here, there, horizon_days=21)
    door().run_standing_rule(rule_id=rule.pk)
    assert aired(here) == [("One", "Tue 24 18:00"), ("Two", "Tue 01 18:00"), ("Three", "Tue 08 18:00")]
    assert aired(there) == [("One", "Tue 24 09:00"), ("Two", "Tue 01 09:00"), ("Three", "Tue 08 09:00")]
    assert set(Distribution.objects.values_list("method", flat=True)) == {"series"}


def test_a_series_asks_no_filter_and_runs_on_from_its_last_episode(monday):
    source = factories.SourceFactory()
    channel = factories.ChannelFactory(filters={"min_height": 4000})
    episodes(source, "One", "Two")
    rule = series(source, channel, horizon_days=7)
    door().run_standing_rule(rule_id=rule.pk)
    assert aired(channel) == [("One", "Tue 24 18:00")]
    monday.shift(timedelta(days=7))
    door().run_standing_rule(rule_id=rule.pk)
    door().run_standing_rule(rule_id=rule.pk)
    assert aired(channel) == [("One", "Tue 24 18:00"), ("Two", "Tue 01 18:00")]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"state": VideoState.FAILED, "error_message": "It is cut short."}, "cut short"),
        ({"title": ""}, "title"),
    ],
)
def test_an_episode_that_cannot_go_out_holds_up_those_behind_it_until_a_person_passes_it_over(values, said):
    source = factories.SourceFactory()
    channel = factories.ChannelFactory()
    _, second, _ = episodes(source, "One", "Two", "Three")
    for name, value in values.items():
        setattr(second, name, value)
    second.save()
    rule = series(source, channel, horizon_days=30)
    made = door().run_standing_rule(rule_id=rule.pk)
    assert [title for title, _ in aired(channel)] == ["One"]
    assert said in made.problem
    told = next(p for p in door().get_dashboard_data().problems if p["code"] == "standing_rule")
    assert said in told["sentence"]
    door().skip_episode(rule_id=rule.pk, video_id=second.pk)
    door().run_standing_rule(rule_id=rule.pk)
    assert [title for title, _ in aired(channel)] == ["One", "Three"]


def test_a_time_that_is_not_free_is_left_out_and_the_episode_takes_the_next_one():
    source = factories.SourceFactory()
    channel = factories.ChannelFactory()
    factories.BlackoutFactory(channel=channel, first_date="2026-12-01", last_date="2026-12-01")
    episodes(source, "One", "Two")
    made = door().run_standing_rule(rule_id=series(source, channel, horizon_days=21).pk)
    assert aired(channel) == [("One", "Tue 24 18:00"), ("Two", "Tue 08 18:00")]
    assert "1 time not free" in made.summary


def test_an_episode_that_failed_or_was_missed_comes_again_and_one_that_a_person_cancelled_does_not(monday):
    source = factories.SourceFactory()
    channel = factories.ChannelFactory()
    episodes(source, "One", "Two", "Three")
    rule = series(source, channel, horizon_days=30)
    door().run_standing_rule(rule_id=rule.pk)
    one, two, _ = Schedule.objects.order_by("publish_at")
    Schedule.objects.filter(pk=one.pk).update(state=ScheduleState.FAILED)
    Distribution.objects.filter(pk=one.distribution_id).update(state=DistributionState.FAILED)
    door().cancel_schedule(schedule_id=two.pk, reason="not this one")
    door().run_standing_rule(rule_id=rule.pk)
    door().run_standing_rule(rule_id=rule.pk)
    ahead = Schedule.objects.filter(state=ScheduleState.PLANNED).order_by("publish_at")
    titles = [(row.distribution.video.title, f"{row.publish_at:%d %b}") for row in ahead]
    assert titles == [("Three", "08 Dec"), ("One", "15 Dec")]
    two.refresh_from_db()
    assert two.state == ScheduleState.CANCELLED


def test_only_episodes_from_the_beginning_on_are_taken():
    source = factories.SourceFactory()
    channel = factories.ChannelFactory()
    episodes(source, "One", "Two", "Three")
    rule = series(source, channel, horizon_days=30, since=MONDAY_NOON - timedelta(days=28, hours=1))
    door().run_standing_rule(rule_id=rule.pk)
    assert [title for title, _ in aired(channel)] == ["Three"]


def test_a_preview_of_a_rule_writes_nothing_and_says_what_its_run_would_do():
    source = factories.SourceFactory()
    channel = factories.ChannelFactory()
    episodes(source, "One")
    rule = series(source, channel, horizon_days=7)
    before = Activity.objects.count()
    shown = door("read").preview_standing_rule(rule_id=rule.pk)
    assert (Schedule.objects.count(), Activity.objects.count()) == (0, before)
    done = door().run_standing_rule(rule_id=rule.pk)
    assert shown.placed == done.placed != []


# -------------------------------------------------------------------------------------------------------------- entering


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"kind": "weekly"}, "kind"),
        ({"every_minutes": 4}, "every_minutes"),
        ({"horizon_days": 91}, "horizon_days"),
        ({"zone": "Europe/Atlantis"}, "zone"),
        ({"times": TUESDAYS}, "times"),
        ({"kind": "series", "times": TUESDAYS}, "source_id"),
        ({"priority": 3}, "priority"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_the_name_of_the_field(values, field):
    with pytest.raises(InvalidRequest) as refused:
        door().add_standing_rule(values=StandingValues(**{"name": "Fill", **values}))
    assert refused.value.field == field
    assert StandingRule.objects.count() == 0


def test_a_series_needs_channels_and_times_and_names_are_given_once():
    source, channel = factories.SourceFactory(), factories.ChannelFactory()
    with pytest.raises(InvalidRequest) as refused:
        series(source)
    assert refused.value.field == "channel_ids"
    with pytest.raises(InvalidRequest) as refused:
        series(source, channel, times=[])
    assert refused.value.field == "times"
    series(source, channel)
    with pytest.raises(InvalidRequest) as refused:
        series(source, channel)
    assert refused.value.field == "name"
    with pytest.raises(NotFound):
        door().add_standing_rule(values=StandingValues("Other", channel_ids=[999_999]))


def test_times_are_read_as_people_write_them_and_what_is_none_is_named():
    assert read_times("tue 18:00, Friday 09:30") == [(1, time(18)), (4, time(9, 30))]
    with pytest.raises(InvalidRequest, match="someday"):
        read_times("tue 18:00, someday 9:00")


def test_a_reader_may_look_and_change_nothing():
    rule = factories.StandingRuleFactory()
    assert door("read").get_standing_rules() == [rule]
    for call in (
        lambda: door("read").run_standing_rule(rule_id=rule.pk),
        lambda: door("read").remove_standing_rule(rule_id=rule.pk),
        lambda: door("read").add_standing_rule(values=StandingValues("x")),
    ):
        with pytest.raises(NotPermitted):
            call()


def test_changing_and_removing_a_rule_is_recorded_and_what_it_planned_stays():
    posting_channel()
    factories.VideoFactory()
    rule = door().add_standing_rule(values=StandingValues("Fill"))
    tasks.run_standing_rules()
    door().change_standing_rule(rule_id=rule.pk, values=StandingValues("Fill up", horizon_days=3))
    entry = Activity.objects.get(verb="standing_rule_changed")
    assert (entry.before["name"], entry.after["name"], entry.actor_label) == ("Fill", "Fill up", "olga")
    door().remove_standing_rule(rule_id=rule.pk, reason="by hand again")
    assert Activity.objects.get(verb="standing_rule_removed").reason == "by hand again"
    assert Distribution.objects.count() == 1
