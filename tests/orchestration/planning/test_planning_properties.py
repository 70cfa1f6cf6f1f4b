"""What holds of every plan, whatever is asked and whatever stands in the way."""

import random
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.quota import pacific_day
from orchestration.planning.calendar import calendars_of
from orchestration.planning.earliest import earliest_time
from orchestration.planning.types import (
    Blackout,
    ChannelView,
    Existing,
    Occupied,
    PoolView,
    SlotRule,
    VideoView,
    WaveRequest,
)
from orchestration.planning.waves import plan_wave

NOW = datetime(2026, 10, 23, 18, 30, tzinfo=UTC)  # a change of clocks lies ahead in Europe and in America
SHORT_OF_UNITS = ("budget_exhausted", "open")
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Los_Angeles",
]
MODEST = settings(deadline=None, max_examples=120)

minutes = st.integers(-600, 6000)
instants = minutes.map(lambda m: NOW + timedelta(minutes=m))
slot_rules = st.lists(
    st.builds(
        SlotRule,
        st.integers(0, 6),
        st.integers(0, 47).map(lambda h: time(h // 2, h % 2 * 30)),
        st.integers(1, 99),
    ),
    max_size=8,
).map(tuple)
blackouts = st.lists(
    st.tuples(minutes, st.integers(1, 2000)).map(
        lambda b: Blackout(NOW + timedelta(minutes=b[0]), NOW + timedelta(minutes=b[0] + b[1]), "closed")
    ),
    max_size=2,
).map(tuple)


BUDGETED = (
    (PoolView("youtube_uploads", "budget", 3, used={pacific_day(NOW): 2}),),
    (
        PoolView("youtube_uploads", "budget", 4),
        PoolView("upload", "slots", 1, queued=2),
        PoolView("dispatch", "rate", 2, 3600, executor="github"),
    ),
    (
        PoolView("youtube_uploads", "budget", 2),
        PoolView("youtube_units", "budget", 104, cost_per_item=0, publish_units=52),
    ),
)


@st.composite
def situations(
    draw,
    pool_sets=((), *BUDGETED),
    resolutions=("shift", "preempt", "skip", "reject"),
    priorities=(0, 10),
):
    channels = [
        ChannelView(
            number,
            f"channel-{number}",
            f"Channel {number}",
            draw(st.sampled_from(ZONES)),
            min_gap_minutes=draw(st.sampled_from([0, 15, 60, 240])),
            daily_cap=draw(st.sampled_from([None, 1, 2, 5])),
            slots=draw(slot_rules),
            blackouts=draw(blackouts),
            state=draw(st.sampled_from(["active"] * 5 + ["paused"])),
            executor=draw(st.sampled_from(["local", "github"])),
            stage_seconds=draw(st.sampled_from([0, 60, 1800])),
        )
        for number in range(1, draw(st.integers(1, 4)) + 1)
    ]
    videos = [
        VideoView(number, f"Video {number}", rights_basis="owned", content_hash=f"h{draw(st.integers(1, 6))}")
        for number in range(1, draw(st.integers(1, 5)) + 1)
    ]
    occupied = [
        Occupied(
            draw(st.integers(1, len(channels))),
            draw(instants),
            100 + index,
            draw(st.integers(*priorities)),
            f"older {index}",
            draw(st.booleans()),
            draw(st.sampled_from([None, None, 7])),
        )
        for index in range(draw(st.integers(0, 12)))
    ]
    existing = [
        Existing(
            draw(st.integers(1, 5)), draw(st.integers(1, len(channels))), f"h{draw(st.integers(1, 6))}", None
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    pools = draw(st.sampled_from(pool_sets))
    request = WaveRequest(
        tuple(v.id for v in videos),
        tuple(c.id for c in channels),
        draw(st.sampled_from(["simultaneous", "staggered", "independent"])),
        draw(st.one_of(st.none(), instants)),
        draw(st.sampled_from([0, 600, 7200])),
        draw(st.integers(*priorities)),
        draw(st.sampled_from(resolutions)),
        draw(st.sampled_from([0, 3600])),
        overrides=draw(
            st.dictionaries(
                st.tuples(st.sampled_from([v.id for v in videos]), st.sampled_from([c.id for c in channels])),
                instants,
                max_size=2,
            )
        ),
    )
    return request, channels, videos, occupied, existing, pools


def local_day(channel, at):
    return at.astimezone(ZoneInfo(channel.zone)).date()


def calendar_after(plan, channel, occupied):
    moved = {d.schedule_id: d.to_at for d in plan.displacements}
    stays = [(o.at, None) for o in occupied if o.channel_id == channel.id and o.schedule_id not in moved]
    stays += [(at, True) for i, at in moved.items() if at and by_id(occupied, i).channel_id == channel.id]
    return sorted(
        stays + [(p.at, True) for p in plan.placements if p.channel_id == channel.id], key=lambda e: e[0]
    )


def by_id(occupied, schedule_id):
    return next(o for o in occupied if o.schedule_id == schedule_id)


@MODEST
@given(situations())
def test_gaps_caps_blackouts_and_the_present_hold_for_everything_a_plan_places_or_moves(situation):
    request, channels, videos, occupied, existing, pools = situation
    plan = plan_wave(request, channels, videos, occupied, existing, pools, now=NOW)
    for channel in channels:
        entries = calendar_after(plan, channel, occupied)
        gap = timedelta(minutes=channel.min_gap_minutes)
        for (first, first_new), (second, second_new) in pairwise(entries):
            if first_new or second_new:  # what already stood too close is not the plan's doing
                assert second - first >= gap
        days = Counter(local_day(channel, at) for at, _ in entries)
        for at, new in entries:
            if new:
                assert at > NOW
                assert channel.daily_cap is None or days[local_day(channel, at)] <= channel.daily_cap
                assert not any(b.starts_at <= at < b.ends_at for b in channel.blackouts)


@MODEST
@given(situations(pool_sets=BUDGETED))
@pytest.mark.slow
def test_budgets_hold_on_every_pacific_day_and_nothing_is_staged_after_its_moment(situation):
    request, channels, videos, occupied, existing, pools = situation
    plan = plan_wave(request, channels, videos, occupied, existing, pools, now=NOW)
    for load in plan.days:
        assert load.planned + load.taken <= load.capacity
        assert load.day >= pacific_day(NOW)
    for placement in plan.placements:
        assert placement.stage_at <= placement.at
        assert placement.stage_on <= pacific_day(placement.at)
        assert pacific_day(placement.stage_at) == placement.stage_on
    assert sum(load.planned for load in plan.days) == len(plan.placements)


@MODEST
@given(situations(pool_sets=((),)))
def test_without_a_budget_no_day_is_reserved_and_nothing_is_staged_after_its_moment(situation):
    request, channels, videos, occupied, existing, pools = situation
    plan = plan_wave(request, channels, videos, occupied, existing, pools, now=NOW)
    assert plan.days == ()
    for placement in plan.placements:
        assert placement.stage_on is None
        assert placement.stage_at <= placement.at


@MODEST
@given(situations(resolutions=("shift", "preempt"), priorities=(4, 6)))
def test_nothing_of_equal_or_higher_priority_moves_and_only_what_may_move(situation):
    request, channels, videos, occupied, existing, pools = situation
    plan = plan_wave(request, channels, videos, occupied, existing, pools, now=NOW)
    for moved in plan.displacements:
        entry = by_id(occupied, moved.schedule_id)
        assert entry.priority < request.priority
        assert entry.movable
        assert request.on_conflict in ("shift", "preempt")
        assert entry.wave_id is None or request.on_conflict == "preempt"
        assert moved.to_at is None or moved.to_at > entry.at
    assert len({m.schedule_id for m in plan.displacements}) == len(plan.displacements)


@MODEST
@given(situations())
def test_each_member_is_placed_once_or_explained(situation):
    request, channels, videos, occupied, existing, pools = situation
    plan = plan_wave(request, channels, videos, occupied, existing, pools, now=NOW)
    placed = Counter((p.video_id, p.channel_id) for p in plan.placements)
    assert not placed or max(placed.values()) == 1
    assert plan.refused == (not plan.placements)
    for video in videos:
        for channel in channels:
            if (video.id, channel.id) not in placed:
                assert plan.conflicts_of(video.id, channel.id) or plan.refused
    if request.on_conflict == "reject" and any(c.resolution == "rejected" for c in plan.conflicts):
        assert plan.placements == ()
    for conflict in plan.conflicts:
        assert conflict.message
        offers = [a for a in conflict.alternatives if a.kind != "skip"]
        assert [a.minutes_later for a in offers] == sorted(a.minutes_later for a in offers)


@MODEST
@given(situations())
def test_a_timing_keeps_its_meaning(situation):
    request, channels, videos, occupied, existing, pools = situation
    plan = plan_wave(request, channels, videos, occupied, existing, pools, now=NOW)
    times = {}
    for placement in plan.placements:
        if (placement.video_id, placement.channel_id) not in request.overrides:
            times.setdefault(placement.video_id, set()).add(placement.at)
    if request.timing == "simultaneous":
        assert all(len(at) == 1 for at in times.values())
    if request.timing == "independent":
        for placement in plan.placements:
            channel = next(c for c in channels if c.id == placement.channel_id)
            if channel.slots and placement.method == "slot":
                assert placement.local_wall == placement.at.astimezone(ZoneInfo(channel.zone)).replace(
                    tzinfo=None, fold=0
                )


@MODEST
@given(situations(), st.randoms(use_true_random=False))
def test_the_order_in_which_facts_come_changes_nothing(situation, shuffle: random.Random):
    request, channels, videos, occupied, existing, pools = situation
    plan = plan_wave(request, channels, videos, occupied, existing, pools, now=NOW)
    shuffled = [
        shuffle.sample(list(facts), len(facts)) for facts in (channels, videos, occupied, existing, pools)
    ]
    again = plan_wave(request, *shuffled, now=NOW)
    assert again.fingerprint == plan.fingerprint
    assert again.summary == plan.summary


@MODEST
@given(situations())
@pytest.mark.slow
def test_planning_again_what_was_committed_adds_nothing(situation):
    request, channels, videos, occupied, existing, pools = situation
    plan = plan_wave(request, channels, videos, occupied, existing, pools, now=NOW)
    moved = {d.schedule_id: d.to_at for d in plan.displacements}
    committed = [o if o.schedule_id not in moved else o._replace(at=moved[o.schedule_id]) for o in occupied]
    committed = [o for o in committed if o.at is not None]
    committed += [Occupied(p.channel_id, p.at, 900 + n, p.priority) for n, p in enumerate(plan.placements)]
    hashes = {v.id: v.content_hash for v in videos}
    known = existing + [Existing(p.video_id, p.channel_id, hashes[p.video_id], p.at) for p in plan.placements]
    again = plan_wave(request, channels, videos, committed, known, (), now=NOW)
    if plan.placements:
        placed = {(p.video_id, p.channel_id) for p in plan.placements}
        assert not placed & {(p.video_id, p.channel_id) for p in again.placements}
    if len(plan.placements) == len(videos) * len(channels):
        assert again.placements == ()
        assert {c.kind for c in again.conflicts} <= {"duplicate", "policy"}


@MODEST
@given(situations(), st.integers(0, 5000))
def test_a_calendar_says_why_not_exactly_where_it_is_not_free(situation, offset):
    _, channels, _, occupied, _, _ = situation
    at = NOW + timedelta(minutes=offset)
    for calendar in calendars_of(channels, occupied, NOW).values():
        assert calendar.is_free(at) == (calendar.why_not(at) == [])
        free_at = calendar.free_from(at)
        assert free_at >= at
        probe = at
        while probe < min(free_at, at + timedelta(hours=30)):  # nothing before it was free
            assert calendar.why_not(probe) != [] or probe <= NOW
            probe += timedelta(minutes=7)


@MODEST
@given(situations())
def test_adding_and_removing_leaves_a_calendar_as_it_was(situation):
    _, channels, _, occupied, _, _ = situation
    for channel_id, calendar in calendars_of(channels, occupied, NOW).items():
        before = list(calendar)
        entry = Occupied(channel_id, NOW + timedelta(hours=5), 1)
        free = calendar.free_from(NOW + timedelta(hours=4))
        calendar.add(entry)
        calendar.free_from(NOW + timedelta(hours=4))
        calendar.remove(entry)
        assert list(calendar) == before
        assert calendar.free_from(NOW + timedelta(hours=4)) == free


@settings(deadline=None, max_examples=40)
@given(situations())
def test_the_earliest_time_of_a_wave_needs_no_moving(situation):
    request, channels, videos, occupied, existing, pools = situation
    at, plan = earliest_time(request, channels, videos, occupied, existing, pools, now=NOW)
    if at is not None:
        assert at > NOW
        assert not [
            c for c in plan.conflicts if c.resolution == "shifted" or (c.rule, c.resolution) == SHORT_OF_UNITS
        ]
        assert plan.displacements == ()
