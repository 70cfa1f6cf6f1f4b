"""What is planned reserves its upload on a Pacific day, and so does what is moved: no day is promised twice."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from channels.quota import pacific_day, pacific_day_bounds
from channels.states import MisfirePolicy
from orchestration.engine import tick
from orchestration.errors import PlanRefused
from orchestration.models import Conflict, Pool, Schedule
from orchestration.queue import jobs as queue
from orchestration.queue import pool_names, pools
from orchestration.scheduling import misfires, snapshots
from orchestration.states import ConflictState, JobState, ScheduleState
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)  # noon in California
TODAY = pacific_day(NOON)
MIDNIGHT = pacific_day_bounds(TODAY)[1]
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def system(db):
    with time_machine.travel(NOON, tick=False):
        factories.SystemStateFactory(running=True)
        pools.ensure_defaults()
        yield


def uploads_a_day(count: int) -> None:
    Pool.objects.filter(name=pool_names.UPLOADS).update(capacity=count)


def planned(at: datetime, channel=None, **values) -> Schedule:
    """Plan one video on a channel of its own."""
    channel = channel or factories.ChannelFactory(**values)
    made = door().coordinate_publication(
        video_id=factories.VideoFactory().pk, channel_ids=[channel.pk], scheduled_at=at, priority=5
    )
    return Schedule.objects.get(wave=made.wave)


def reserved() -> dict:
    return snapshots.reserved_uploads(TODAY)


# ------------------------------------------------------------------------------------------------------------ planned


def test_a_schedule_stages_on_the_day_that_its_plan_reserved_though_its_lead_time_wants_a_full_one():
    uploads_a_day(2)
    for _ in range(2):
        planned(MIDNIGHT - 3 * HOUR)
    row = planned(MIDNIGHT + HOUR)  # its two hours of lead reach back into a day that is full
    assert row.stage_at == MIDNIGHT
    assert reserved() == {TODAY: 2, TODAY + timedelta(days=1): 1}


def test_plans_one_after_the_other_never_promise_more_of_a_day_than_it_has():
    uploads_a_day(2)
    for hours in (-3, -3, 1, 9):
        planned(MIDNIGHT + hours * HOUR)
    shown = door().coordinate_publication(
        video_id=factories.VideoFactory().pk,
        channel_ids=[factories.ChannelFactory().pk],
        scheduled_at=MIDNIGHT + 9 * HOUR,
        dry_run=True,
    )
    assert [c.rule for c in shown.plan.conflicts] == ["budget_exhausted"]
    assert max(reserved().values()) == 2


def test_what_is_held_keeps_its_day_until_its_moment_and_no_longer():
    row = planned(MIDNIGHT + 9 * HOUR)
    day = pacific_day(row.stage_at)
    door().hold_schedule(schedule_id=row.pk)
    assert reserved() == {day: 1}
    with time_machine.travel(row.publish_at + HOUR, tick=False):
        assert snapshots.reserved_uploads(day) == {}


def test_what_is_cancelled_gives_its_day_back():
    row = planned(MIDNIGHT + 9 * HOUR)
    door().cancel_schedule(schedule_id=row.pk)
    assert reserved() == {}


@pytest.mark.parametrize(
    ("timing", "apart"), [("simultaneous", timedelta()), ("staggered", timedelta(minutes=10))]
)
def test_what_a_budget_refused_on_several_channels_is_planned_on_all_of_them_by_its_alternative(
    timing, apart
):
    uploads_a_day(2)
    factories.BudgetEntryFactory(pool=Pool.objects.get(name=pool_names.UPLOADS), day=TODAY, units=2)
    channels, video = factories.ChannelFactory.create_batch(2), factories.VideoFactory()
    with pytest.raises(PlanRefused):
        door().coordinate_publication(
            video_id=video.pk,
            channel_ids=[c.pk for c in channels],
            scheduled_at=NOON + 3 * HOUR,
            timing=timing,
            stagger_seconds=int(apart.total_seconds()),
            on_conflict="reject",
            priority=7,
        )
    conflict = Conflict.objects.get(rule="budget_exhausted")
    assert conflict.channel is None
    door().apply_alternative(conflict_id=conflict.pk, index=0)
    rows = Schedule.objects.order_by("publish_at", "pk")
    first = MIDNIGHT + 2 * HOUR
    assert [(row.publish_at, row.priority) for row in rows] == [(first, 7), (first + apart, 7)]


# -------------------------------------------------------------------------------------------------------------- moved


def test_a_move_to_a_time_whose_days_are_full_is_refused_with_the_first_time_that_has_room():
    uploads_a_day(1)
    planned(MIDNIGHT - 3 * HOUR)
    row = planned(MIDNIGHT + 60 * HOUR)
    before = (row.publish_at, row.stage_at)
    with pytest.raises(
        PlanRefused, match=r"youtube_uploads gives 1 a Pacific day and has no room"
    ) as refused:
        door().move_schedule(schedule_id=row.pk, publish_at=MIDNIGHT - 2 * HOUR)
    row.refresh_from_db()
    assert (row.publish_at, row.stage_at) == before
    offers = refused.value.details["alternatives"]
    assert datetime.fromisoformat(offers[0]["at"]) == MIDNIGHT + 2 * HOUR  # the next day, with its lead time
    door().move_schedule(schedule_id=row.pk, publish_at=datetime.fromisoformat(offers[0]["at"]))


def test_what_is_moved_within_its_day_needs_no_second_upload():
    uploads_a_day(1)
    row = planned(MIDNIGHT - 3 * HOUR)
    door().move_schedule(schedule_id=row.pk, publish_at=MIDNIGHT - 2 * HOUR)
    assert reserved() == {TODAY: 1}


def test_what_is_moved_reserves_a_day_with_room_even_if_its_lead_time_wants_another():
    uploads_a_day(1)
    planned(MIDNIGHT - 3 * HOUR)
    row = planned(MIDNIGHT + 60 * HOUR)
    moved = door().move_schedule(schedule_id=row.pk, publish_at=MIDNIGHT + HOUR)
    assert moved.stage_at == MIDNIGHT
    assert reserved() == {TODAY: 1, TODAY + timedelta(days=1): 1}


def test_what_is_uploaded_already_is_moved_whatever_the_budget():
    uploads_a_day(1)
    planned(MIDNIGHT - 3 * HOUR)
    row = factories.ScheduleFactory(staged=True, publish_at=MIDNIGHT + 60 * HOUR)
    door().move_schedule(schedule_id=row.pk, publish_at=MIDNIGHT - HOUR)
    assert reserved() == {TODAY: 1}


def test_a_move_says_that_a_pool_without_capacity_can_stage_nothing_at_all():
    row = planned(MIDNIGHT + 9 * HOUR)
    uploads_a_day(0)
    with pytest.raises(PlanRefused, match="at all: the pool youtube_uploads has no capacity") as refused:
        door().move_schedule(schedule_id=row.pk, publish_at=MIDNIGHT + 8 * HOUR)
    assert refused.value.details["alternatives"] == []


def test_a_wave_that_is_moved_to_a_full_day_is_refused_whole():
    uploads_a_day(3)
    for _ in range(2):
        planned(MIDNIGHT - 3 * HOUR)
    made = door().coordinate_publication(
        video_id=factories.VideoFactory().pk,
        channel_ids=[c.pk for c in factories.ChannelFactory.create_batch(2)],
        scheduled_at=MIDNIGHT + 60 * HOUR,
    )
    before = set(Schedule.objects.values_list("pk", "publish_at"))
    with pytest.raises(PlanRefused, match="youtube_uploads gives 3 a Pacific day"):
        door().move_wave(wave_id=made.wave.pk, scheduled_at=MIDNIGHT - HOUR)
    assert set(Schedule.objects.values_list("pk", "publish_at")) == before


def test_a_wave_that_is_moved_spreads_its_staging_over_the_days_that_have_room():
    uploads_a_day(1)
    made = door().coordinate_publication(
        video_id=factories.VideoFactory().pk,
        channel_ids=[c.pk for c in factories.ChannelFactory.create_batch(2)],
        scheduled_at=MIDNIGHT + 90 * HOUR,
    )
    door().move_wave(wave_id=made.wave.pk, scheduled_at=MIDNIGHT + 10 * HOUR)
    assert reserved() == {TODAY: 1, TODAY + timedelta(days=1): 1}


def test_a_wave_that_is_moved_meets_the_daily_cap_with_its_own_members_too():
    """Three publications over two days of a channel that takes two a day must not all come to lie on one."""
    channel = factories.ChannelFactory(timezone="UTC", daily_cap=2, min_gap_minutes=30)
    at = datetime(2026, 11, 26, 23, 0, tzinfo=UTC)
    made = door().schedule_wave_publication(
        video_ids=[v.pk for v in factories.VideoFactory.create_batch(3)],
        channel_ids=[channel.pk],
        scheduled_at=at,
        delay_seconds=2400,
    )
    with pytest.raises(PlanRefused, match="daily cap is 2"):
        door().move_wave(wave_id=made.wave.pk, scheduled_at=at + 3 * HOUR)
    door().move_wave(wave_id=made.wave.pk, scheduled_at=at + 24 * HOUR)


def test_what_gives_way_to_a_wave_reserves_its_new_day():
    uploads_a_day(2)
    channel = factories.ChannelFactory(min_gap_minutes=60)
    low = planned(MIDNIGHT + 9 * HOUR, channel)
    Schedule.objects.filter(pk=low.pk).update(priority=1)
    door().coordinate_publication(
        video_id=factories.VideoFactory().pk,
        channel_ids=[channel.pk],
        scheduled_at=low.publish_at,
        priority=9,
        on_conflict="preempt",
    )
    low.refresh_from_db()
    assert low.publish_at == MIDNIGHT + 10 * HOUR
    assert low.stage_at == MIDNIGHT + 8 * HOUR
    assert reserved() == {TODAY + timedelta(days=1): 2}


def test_a_late_one_that_moves_to_its_next_slot_reserves_a_day_with_room():
    uploads_a_day(1)
    channel = factories.ChannelFactory(timezone="UTC", misfire_policy=MisfirePolicy.NEXT_SLOT)
    slot = MIDNIGHT + HOUR
    factories.PostingSlotFactory(channel=channel, weekday=slot.weekday(), local_time=slot.time())
    planned(MIDNIGHT - 3 * HOUR)
    late = factories.ScheduleFactory(channel=channel, publish_at=NOON - HOUR, stage_at=NOON - 3 * HOUR)
    misfires.settle(NOON)
    late.refresh_from_db()
    assert (late.publish_at, late.stage_at, late.state) == (slot, MIDNIGHT, ScheduleState.PLANNED)


# -------------------------------------------------------------------------------------------------------------- shown


def shown(name: str = pool_names.UPLOADS) -> dict:
    """Return the columns of a budget that are not empty, by Pacific day."""
    report = next(row for row in door("read").get_pools() if row.name == name)
    columns = ("planned", "reserved", "charged", "settled", "unknown")
    return {day.day: {c: getattr(day, c) for c in columns if getattr(day, c)} for day in report.days}


@pytest.mark.parametrize(
    ("ends", "becomes", "column"),
    [
        ({"state": JobState.SUCCEEDED}, ScheduleState.STAGED, "settled"),
        (
            {"state": JobState.NEEDS_REVIEW, "uncertain": True, "error_code": "x"},
            ScheduleState.NEEDS_REVIEW,
            "unknown",
        ),
    ],
)
def test_an_upload_stands_in_one_column_of_its_day_at_a_time(ends, becomes, column):
    row = planned(NOON + 3 * HOUR)
    assert shown() == {TODAY: {"planned": 1}}
    with time_machine.travel(row.stage_at, tick=False):
        tick.stage_due(row.stage_at)
        assert shown() == {TODAY: {"planned": 1}}
        (job,) = queue.claim(limit=1)
        assert shown() == {TODAY: {"reserved": 1}}
        pools.charge_reserved(job)
        assert shown() == {TODAY: {"charged": 1}}
        queue.finish(job, **ends)
        Schedule.objects.update(state=becomes)
        assert shown() == {TODAY: {column: 1}}


def test_a_day_says_what_may_still_be_planned_on_it():
    uploads_a_day(3)
    for _ in range(2):
        planned(MIDNIGHT + 9 * HOUR)
    factories.BudgetEntryFactory(pool=Pool.objects.get(name=pool_names.UPLOADS), day=TODAY, units=5)
    report = next(row for row in door("read").get_pools() if row.name == pool_names.UPLOADS)
    assert [(day.day, day.taken, day.free) for day in report.days] == [
        (TODAY, 5, 0),  # its capacity was lowered after it was spent
        (TODAY + timedelta(days=1), 2, 1),
    ]


def test_units_are_planned_for_the_day_of_the_moment_and_today_is_always_shown():
    pools.settle(pools.charge(pool_names.UNITS, 51, call="videos.update"))
    assert shown(pool_names.UNITS) == {TODAY: {"settled": 51}}
    assert shown() == {TODAY: {}}
    factories.ScheduleFactory(staged=True, publish_at=MIDNIGHT + HOUR)
    assert shown(pool_names.UNITS) == {TODAY: {"settled": 51}, TODAY + timedelta(days=1): {"planned": 52}}


# -------------------------------------------------------------------------------------- the units of making it public


def test_a_wave_that_a_days_units_cannot_make_public_says_so_and_keeps_it_as_an_open_conflict():
    Pool.objects.filter(name=pool_names.UNITS).update(capacity=4 * 52)
    planned(MIDNIGHT + 9 * HOUR)
    channels = factories.ChannelFactory.create_batch(4)
    made = door().coordinate_publication(
        video_id=factories.VideoFactory().pk,
        channel_ids=[c.pk for c in channels],
        scheduled_at=MIDNIGHT + 10 * HOUR,
        acknowledge_policy=True,
    )
    conflict = Conflict.objects.get(wave=made.wave, rule="budget_exhausted")
    assert (conflict.state, conflict.kind) == (ConflictState.OPEN, "resource")
    assert (
        "would take 260 of the 208 that youtube_units gives, so 1 of these 4 would be late"
        in conflict.message
    )
    told = door("read").forecast(days=2)
    assert (pool_names.UNITS, TODAY + timedelta(days=1), 260) in {(d.pool, d.day, d.used) for d in told.days}


def test_what_is_armed_has_paid_for_being_made_public():
    row = factories.ScheduleFactory(staged=True, publish_at=NOON + HOUR)
    units = {view.name: view for view in snapshots.pool_views()}[pool_names.UNITS]
    assert units.committed == {TODAY: 52}
    Schedule.objects.filter(pk=row.pk).update(armed_for=row.publish_at)
    units = {view.name: view for view in snapshots.pool_views()}[pool_names.UNITS]
    assert units.committed == {}


def units_for(count: int) -> None:
    """Let a day pay for making so many publications public."""
    Pool.objects.filter(name=pool_names.UNITS).update(capacity=count * 52)


def wave_of(count: int, at: datetime):
    """Plan one video over so many channels of their own, as one wave."""
    return (
        door()
        .coordinate_publication(
            video_id=factories.VideoFactory().pk,
            channel_ids=[c.pk for c in factories.ChannelFactory.create_batch(count)],
            scheduled_at=at,
            acknowledge_policy=True,
        )
        .wave
    )


def test_a_move_to_a_day_whose_units_are_promised_is_refused_with_the_first_day_that_pays_for_it():
    units_for(1)
    planned(MIDNIGHT + 9 * HOUR)
    row = factories.ScheduleFactory(staged=True, publish_at=MIDNIGHT + 60 * HOUR)
    with pytest.raises(PlanRefused, match="would take 104 of the 52 that youtube_units gives") as refused:
        door().move_schedule(schedule_id=row.pk, publish_at=MIDNIGHT + 10 * HOUR)
    offers = [datetime.fromisoformat(offer["at"]) for offer in refused.value.details["alternatives"]]
    assert offers[0] == MIDNIGHT + 24 * HOUR
    assert door().move_schedule(schedule_id=row.pk, publish_at=offers[0]).publish_at == offers[0]


def test_what_is_late_where_it_is_may_still_be_moved_within_its_day():
    row = planned(MIDNIGHT + 9 * HOUR)
    planned(MIDNIGHT + 9 * HOUR)
    units_for(1)
    moved = door().move_schedule(schedule_id=row.pk, publish_at=MIDNIGHT + 10 * HOUR)
    assert moved.publish_at == MIDNIGHT + 10 * HOUR


def test_a_move_says_that_no_day_ever_has_the_units():
    row = planned(MIDNIGHT + 9 * HOUR)
    door().cancel_schedule(schedule_id=row.pk)
    units_for(0)
    with pytest.raises(PlanRefused, match="of the 0 that youtube_units gives") as refused:
        door().reopen_schedule(schedule_id=row.pk, publish_at=MIDNIGHT + 40 * HOUR)
    assert refused.value.details["alternatives"] == []


def test_a_wave_is_not_moved_to_a_day_whose_units_do_not_pay_for_all_of_it():
    units_for(3)
    planned(MIDNIGHT + 9 * HOUR)
    wave = wave_of(3, MIDNIGHT + 60 * HOUR)
    before = set(Schedule.objects.values_list("pk", "publish_at"))
    with pytest.raises(PlanRefused, match="so 1 of these 3 would be late"):
        door().move_wave(wave_id=wave.pk, scheduled_at=MIDNIGHT + 10 * HOUR)
    assert set(Schedule.objects.values_list("pk", "publish_at")) == before


def test_a_wave_that_no_day_pays_for_was_planned_so_and_may_be_moved_so():
    wave = wave_of(3, MIDNIGHT + 60 * HOUR)
    units_for(2)
    report = door().move_wave(wave_id=wave.pk, scheduled_at=MIDNIGHT + 10 * HOUR)
    assert {m.schedule.publish_at for m in report.members} == {MIDNIGHT + 10 * HOUR}
