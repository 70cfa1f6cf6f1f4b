"""A wave is planned over channels and time; every kind of conflict is found, settled and explained."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from orchestration.planning.eligibility import UnknownMember
from orchestration.planning.slots import NaiveDatetime, blackout_of_dates
from orchestration.planning.types import (
    ChannelView,
    Existing,
    Occupied,
    PoolView,
    SlotRule,
    VideoView,
    WaveRequest,
)
from orchestration.planning.waves import plan_wave, planning_window

NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def channel(number: int, **traits) -> ChannelView:
    return ChannelView(number, f"channel-{number}", f"Channel {number}", **traits)


def video(number: int, **traits) -> VideoView:
    return VideoView(
        number, f"Video {number}", **{"rights_basis": "owned", "content_hash": f"h{number}", **traits}
    )


def wave(videos, channels, **wishes) -> WaveRequest:
    wishes = {"scheduled_at": AT, "same_asset_limit": 99, **wishes}
    return WaveRequest(tuple(v.id for v in videos), tuple(c.id for c in channels), **wishes)


def plan(videos, channels, occupied=(), existing=(), pools=(), **wishes):
    return plan_wave(wave(videos, channels, **wishes), channels, videos, occupied, existing, pools, now=NOW)


def times(of) -> dict[tuple[int, int], datetime]:
    return {(p.video_id, p.channel_id): p.at for p in of.placements}


# ------------------------------------------------------------------------------------------------------------- timings


def test_a_simultaneous_wave_has_one_instant_for_all_channels_and_videos_the_largest_gap_apart():
    channels = [channel(1, min_gap_minutes=30), channel(2, min_gap_minutes=90, zone="Asia/Tokyo")]
    made = plan([video(1), video(2)], channels)
    assert times(made) == {(1, 1): AT, (1, 2): AT, (2, 1): AT + 1.5 * HOUR, (2, 2): AT + 1.5 * HOUR}
    assert made.conflicts == ()
    assert {p.local_wall.hour for p in made.placements if p.channel_id == 2} == {21, 22}


def test_a_delay_longer_than_the_gap_spaces_the_videos():
    made = plan([video(1), video(2)], [channel(1, min_gap_minutes=30)], delay_seconds=7200)
    assert times(made)[2, 1] == AT + 2 * HOUR


def test_a_staggered_wave_goes_from_channel_to_channel_and_then_to_the_next_video():
    made = plan([video(1), video(2)], [channel(1), channel(2)], timing="staggered", delay_seconds=600)
    minutes = {member: (at - AT).total_seconds() / 60 for member, at in times(made).items()}
    assert minutes == {(1, 1): 0, (1, 2): 10, (2, 1): 20, (2, 2): 30}


def test_an_independent_wave_takes_each_channels_own_next_free_slots():
    every_day = tuple(SlotRule(day, time(9), day) for day in range(7))
    channels = [
        channel(1, zone="Europe/Berlin", slots=every_day),
        channel(2, zone="Asia/Tokyo", slots=every_day),
    ]
    taken = Occupied(1, datetime(2026, 11, 25, 8, tzinfo=UTC), 7, 5, "an older one")
    made = plan(
        [video(1), video(2)],
        [replace(c, min_gap_minutes=60) for c in channels],
        [taken],
        timing="independent",
    )
    assert times(made) == {
        (1, 1): datetime(2026, 11, 26, 8, tzinfo=UTC),
        (2, 1): datetime(2026, 11, 27, 8, tzinfo=UTC),
        (1, 2): datetime(2026, 11, 25, 0, tzinfo=UTC),
        (2, 2): datetime(2026, 11, 26, 0, tzinfo=UTC),
    }
    assert {p.method for p in made.placements} == {"slot"}
    assert made.conflicts == (), "a taken slot is passed by; it is no conflict"


def test_an_independent_channel_without_slots_takes_its_next_free_time():
    made = plan([video(1), video(2)], [channel(1, min_gap_minutes=60)], timing="independent")
    assert times(made) == {(1, 1): AT, (2, 1): AT + HOUR}
    assert {p.method for p in made.placements} == {"free_time"}


def test_without_a_time_a_wave_starts_as_soon_as_it_can():
    made = plan([video(1)], [channel(1)], scheduled_at=None)
    assert made.first_at == NOW + timedelta(minutes=1)
    assert made.conflicts == ()


def test_a_members_own_time_is_kept_whatever_the_timing():
    pinned = {(1, 2): AT + 5 * HOUR}
    for timing in ("simultaneous", "staggered", "independent"):
        made = plan([video(1)], [channel(1), channel(2)], timing=timing, overrides=pinned)
        assert times(made)[1, 2] == AT + 5 * HOUR
        assert [p.method for p in made.placements if p.channel_id == 2] == ["override"]


# ---------------------------------------------------------------------------------------------------------- duplicates


def test_a_video_that_already_goes_to_the_channel_is_a_duplicate():
    made = plan([video(1)], [channel(1), channel(2)], existing=[Existing(1, 1, "h1", AT, "published")])
    (conflict,) = made.conflicts
    assert (conflict.kind, conflict.rule, conflict.resolution) == (
        "duplicate",
        "already_distributed",
        "skipped",
    )
    assert conflict.other.video_id == 1
    assert (
        conflict.message
        == "“Video 1” already goes, or went, to Channel 1: published (at 2026-11-24 12:00 UTC)"
    )
    assert set(times(made)) == {(1, 2)}


def test_the_same_content_under_another_name_is_a_duplicate():
    made = plan([video(2, content_hash="h1")], [channel(1)], existing=[Existing(1, 1, "h1", None, "staged")])
    (conflict,) = made.conflicts
    assert conflict.rule == "same_content"
    assert "same content as video 1" in conflict.message
    assert made.refused, "nothing is left of the wave"


def test_the_same_content_twice_in_one_wave_goes_out_once():
    made = plan([video(1), video(2, content_hash="h1")], [channel(1)])
    assert set(times(made)) == {(1, 1)}
    assert [c.rule for c in made.conflicts] == ["same_content"]


# -------------------------------------------------------------------------------------------------------------- timing


def test_a_time_too_close_to_another_publication_moves_to_the_next_free_one():
    other = Occupied(1, AT + timedelta(minutes=20), 77, 5, "Evening news")
    made = plan([video(1)], [channel(1, min_gap_minutes=60)], [other])
    assert times(made)[1, 1] == other.at + HOUR
    (conflict,) = made.conflicts
    assert (conflict.rule, conflict.yielded, conflict.resolution) == ("minimum_gap", "request", "shifted")
    assert conflict.moved_to == other.at + HOUR
    assert conflict.other.schedule_id == 77
    assert (
        "20 min from Evening news at 2026-11-24 12:20 UTC on Channel 1, which keeps 60 min apart"
        in conflict.message
    )


def test_a_blocked_channel_moves_the_whole_simultaneous_group():
    other = Occupied(2, AT, 77, 5, "Evening news")
    made = plan([video(1)], [channel(1), channel(2, min_gap_minutes=60)], [other])
    assert set(times(made).values()) == {AT + HOUR}
    (conflict,) = made.conflicts
    assert conflict.channel_id == 2
    assert "the whole group moves" in conflict.message


def test_a_full_local_day_moves_to_the_next_local_day():
    zone = "Asia/Tokyo"  # its 24th ends at 15:00 UTC
    others = [Occupied(1, AT - n * HOUR, n, 5) for n in (4, 8)]
    made = plan([video(1)], [channel(1, zone=zone, daily_cap=2, min_gap_minutes=1)], others)
    assert times(made)[1, 1] == AT.replace(hour=15)
    (conflict,) = made.conflicts
    assert conflict.rule == "daily_cap"
    assert "Channel 1 has 2 publications on 2026-11-24 local time; its daily cap is 2" in conflict.message


def test_a_blackout_moves_to_its_end():
    blackout = blackout_of_dates(date(2026, 11, 24), date(2026, 11, 25), "UTC", "mourning")
    made = plan([video(1)], [channel(1, blackouts=(blackout,))])
    assert times(made)[1, 1] == datetime(2026, 11, 26, tzinfo=UTC)
    assert "lies in a blackout of Channel 1 (mourning)" in made.conflicts[0].message


def test_a_time_in_the_past_moves_to_the_next_minute():
    made = plan([video(1)], [channel(1), channel(2)], scheduled_at=NOW - 2 * HOUR)
    assert set(times(made).values()) == {NOW + timedelta(minutes=1)}
    (conflict,) = made.conflicts
    assert conflict.rule == "in_the_past"
    assert "lies 2 h in the past" in conflict.message


def test_a_channel_that_is_never_free_is_left_out_and_named():
    for_ever = blackout_of_dates(date(2026, 1, 1), date(2040, 1, 1), "UTC", "closed")
    made = plan([video(1)], [channel(1, blackouts=(for_ever,)), channel(2)])
    assert set(times(made)) == {(1, 2)}
    assert {c.rule for c in made.conflicts} == {"no_free_time"}


# ------------------------------------------------------------------------------------------- channel, rights, policy


@pytest.mark.parametrize(
    ("traits", "rule"),
    [
        ({"state": "paused"}, "channel_paused"),
        ({"state": "disabled"}, "channel_disabled"),
        ({"health": "failing"}, "channel_failing"),
        ({"credential_state": "revoked"}, "credential_revoked"),
        ({"credential_state": "wrong_channel"}, "credential_revoked"),
    ],
)
def test_a_channel_that_takes_nothing_is_one_conflict_for_all_videos(traits, rule):
    made = plan([video(1), video(2)], [channel(1, **traits), channel(2)])
    (conflict,) = made.conflicts
    assert (conflict.kind, conflict.rule, conflict.channel_id, conflict.video_id) == (
        "channel",
        rule,
        1,
        None,
    )
    assert {c for _, c in times(made)} == {2}
    assert made.conflicts_of(2, 1) == (conflict,)


def test_a_video_without_rights_goes_nowhere():
    made = plan([video(1, rights_basis=""), video(2)], [channel(1)])
    (conflict,) = made.conflicts
    assert (conflict.kind, conflict.rule) == ("rights", "no_rights_basis")
    assert set(times(made)) == {(2, 1)}


def test_a_withdrawn_video_goes_nowhere_and_one_in_preparation_may_be_planned():
    made = plan([video(1, state="withdrawn"), video(2, state="processing")], [channel(1)])
    assert [c.rule for c in made.conflicts] == ["video_not_ready"]
    assert set(times(made)) == {(2, 1)}


def test_one_video_over_many_channels_is_warned_of_and_the_acknowledgement_recorded():
    channels = [channel(n) for n in range(1, 6)]
    open_warning = plan([video(1)], channels, same_asset_limit=3)
    acknowledged = plan([video(1)], channels, same_asset_limit=3, acknowledge_policy=True)
    assert [(c.kind, c.resolution) for c in open_warning.conflicts] == [("policy", "open")]
    assert [c.resolution for c in acknowledged.conflicts] == ["warned"]
    assert len(open_warning.placements) == len(acknowledged.placements) == 5
    refusing = plan([video(1)], channels, same_asset_limit=3, on_conflict="reject")
    assert not refusing.refused, "a warning is no refusal"


# ------------------------------------------------------------------------------------------------------------ priority


def test_under_shift_the_lower_priority_yields_and_finds_its_next_free_time():
    low = Occupied(1, AT + timedelta(minutes=20), 77, 2, "Filler")
    made = plan([video(1)], [channel(1, min_gap_minutes=60)], [low], priority=8)
    assert times(made)[1, 1] == AT
    (moved,) = made.displacements
    assert (moved.schedule_id, moved.from_at, moved.to_at) == (77, low.at, AT + HOUR)
    (conflict,) = made.conflicts
    assert (conflict.yielded, conflict.resolution, conflict.moved_to) == ("existing", "shifted", AT + HOUR)
    assert "priority 2 yields to 8" in conflict.message
    assert conflict.alternatives[0].kind == "shift"
    assert conflict.alternatives[0].at == low.at + HOUR


@pytest.mark.parametrize("priority", [5, 9])
@pytest.mark.parametrize("on_conflict", ["shift", "preempt"])
def test_an_equal_or_higher_priority_is_never_moved(priority, on_conflict):
    high = Occupied(1, AT, 77, priority, "News")
    made = plan([video(1)], [channel(1, min_gap_minutes=60)], [high], priority=5, on_conflict=on_conflict)
    assert made.displacements == ()
    assert times(made)[1, 1] == AT + HOUR


def test_a_lower_member_of_another_wave_moves_under_preempt_only():
    member = Occupied(1, AT, 77, 2, "Other wave", wave_id=4)
    shifted = plan([video(1)], [channel(1, min_gap_minutes=60)], [member], priority=8)
    preempting = plan(
        [video(1)], [channel(1, min_gap_minutes=60)], [member], priority=8, on_conflict="preempt"
    )
    assert shifted.displacements == ()
    assert times(shifted)[1, 1] == AT + HOUR
    assert [d.schedule_id for d in preempting.displacements] == [77]
    assert preempting.conflicts[0].resolution == "preempted"
    assert preempting.conflicts[0].other.wave_id == 4


def test_what_must_not_move_is_not_moved():
    publishing = Occupied(1, AT, 77, 0, "On air", movable=False)
    made = plan(
        [video(1)], [channel(1, min_gap_minutes=60)], [publishing], priority=10, on_conflict="preempt"
    )
    assert made.displacements == ()
    assert times(made)[1, 1] == AT + HOUR


def test_over_the_daily_cap_the_lowest_of_the_day_makes_room():
    day = [Occupied(1, AT + n * HOUR, n, n, f"no {n}") for n in (1, 2, 3)]
    made = plan([video(1)], [channel(1, daily_cap=3)], day, priority=8, on_conflict="preempt")
    (moved,) = made.displacements
    assert moved.schedule_id == 1
    assert moved.to_at == datetime(2026, 11, 25, tzinfo=UTC)


# ---------------------------------------------------------------------------------------------------- skip and reject


def test_skip_leaves_out_what_collides_and_keeps_the_rest_at_its_time():
    other = Occupied(2, AT, 77, 0, "News")
    channels = [channel(1), channel(2, min_gap_minutes=60)]
    made = plan([video(1)], channels, [other], on_conflict="skip", priority=9)
    assert times(made) == {(1, 1): AT}
    (conflict,) = made.conflicts
    assert conflict.resolution == "skipped"
    assert [a.kind for a in conflict.alternatives] == ["preempt", "shift", "skip"]
    assert [a.minutes_later for a in conflict.alternatives] == [0, 60, 0]


def test_reject_refuses_the_whole_wave_and_still_names_every_conflict():
    others = [Occupied(2, AT, 77, 0, "News"), Occupied(3, AT, 78, 0, "Weather")]
    channels = [channel(n, min_gap_minutes=60) for n in (1, 2, 3)] + [channel(4, state="paused")]
    made = plan([video(1)], channels, others, on_conflict="reject")
    assert made.refused
    assert made.placements == ()
    assert sorted(c.rule for c in made.conflicts) == ["channel_paused", "minimum_gap", "minimum_gap"]
    assert {c.resolution for c in made.conflicts} == {"rejected"}
    assert made.summary == (
        "refused: 3 conflicts (closer to another publication than the channel's minimum gap, 2 times; "
        "the channel is paused); nothing is planned"
    )


def test_alternatives_name_the_next_slot_and_the_units_that_a_move_costs():
    slots = tuple(SlotRule(day, time(18), day) for day in range(7))
    staged = Occupied(1, AT, 77, 1, "Staged", move_units=50)
    made = plan([video(1)], [channel(1, min_gap_minutes=60, slots=slots)], [staged], on_conflict="skip")
    preempt, shift, slot, skip = made.conflicts[0].alternatives
    assert (preempt.kind, preempt.units, preempt.minutes_later) == ("preempt", 50, 0)
    assert (shift.kind, shift.at) == ("shift", AT + HOUR)
    assert (slot.kind, slot.at, slot.minutes_later) == ("next_slot", AT.replace(hour=18), 360)
    assert skip.kind == "skip"


# ------------------------------------------------------------------------------------------------------------- budgets


def test_a_wave_over_the_daily_budget_is_answered_with_the_days_it_takes():
    channels = [channel(n) for n in range(1, 11)]
    uploads = PoolView("youtube_uploads", "budget", 10)
    made = plan([video(n) for n in range(1, 6)], channels, pools=[uploads], delay_seconds=3600)
    assert len(made.placements) == 50
    assert made.days_needed == 5
    assert [(d.day, d.planned) for d in made.days] == [(date(2026, 11, 23 + n), 10) for n in range(5)]
    groups = sorted({p.at for p in made.placements})
    assert len(groups) == 5, "each video keeps one instant on all channels"
    assert groups[2] == datetime(2026, 11, 25, 8, tzinfo=UTC), (
        "the third video's uploads wait for midnight in California"
    )
    assert {c.rule for c in made.conflicts} == {"budget_exhausted"}
    assert made.conflicts[0].message.endswith("; moved to 2026-11-25 08:00 UTC")
    early = plan(
        [video(n) for n in (1, 2, 3)], channels, pools=[uploads], delay_seconds=3600, lead_time_seconds=7200
    )
    assert early.conflicts[0].message.endswith("; moved to 2026-11-25 10:00 UTC, with 2 h of lead time")
    assert "staging takes 5 Pacific days, 2026-11-23 to 2026-11-27" in made.summary


UNITS = PoolView("youtube_units", "budget", 520, cost_per_item=0, publish_units=52)


@pytest.mark.parametrize(
    ("on_conflict", "resolution", "refused"), [("shift", "open", False), ("reject", "rejected", True)]
)
def test_more_publications_than_a_day_has_units_to_make_public_are_said_to_be_late(
    on_conflict, resolution, refused
):
    channels = [channel(n) for n in range(1, 12)]
    made = plan([video(1)], channels, pools=[UNITS], on_conflict=on_conflict)
    (conflict,) = made.conflicts
    assert (conflict.kind, conflict.rule) == ("resource", "budget_exhausted")
    assert (conflict.resolution, made.refused) == (resolution, refused)
    assert "2026-11-24 (Pacific) would take 572 of the 520 that youtube_units gives" in conflict.message
    assert "1 of these 11 would be late" in conflict.message
    assert plan([video(1)], channels[:10], pools=[UNITS]).conflicts == ()


def test_what_is_spent_and_promised_of_a_days_units_counts_and_another_day_has_its_own():
    channels = [channel(n) for n in range(1, 7)]
    day = date(2026, 11, 24)
    taken = replace(UNITS, used={day: 100}, committed={day: 4 * 52})
    (conflict,) = plan([video(1)], channels, pools=[taken]).conflicts
    assert "2 of these 6 would be late" in conflict.message
    assert plan([video(1)], channels, pools=[taken], scheduled_at=AT + 24 * HOUR).conflicts == ()


def test_what_others_have_charged_or_reserved_counts():
    uploads = PoolView(
        "youtube_uploads", "budget", 2, used={date(2026, 11, 23): 1}, committed={date(2026, 11, 24): 2}
    )
    made = plan(
        [video(1), video(2)], [channel(1)], pools=[uploads], scheduled_at=NOW + HOUR, delay_seconds=60
    )
    assert [p.stage_on for p in made.placements] == [date(2026, 11, 23), date(2026, 11, 25)]
    assert all(load.planned + load.taken <= load.capacity for load in made.days)


def test_a_reservation_is_made_as_late_as_the_moment_allows():
    uploads = PoolView("youtube_uploads", "budget", 100)
    made = plan(
        [video(1)], [channel(1)], pools=[uploads], scheduled_at=AT + 10 * 24 * HOUR, lead_time_seconds=7200
    )
    assert made.placements[0].stage_on == date(2026, 12, 4)
    assert made.placements[0].stage_at == AT + 10 * 24 * HOUR - 2 * HOUR


@pytest.mark.parametrize("on_conflict", ["shift", "reject"])
def test_a_member_pinned_to_a_later_day_leaves_the_days_before_to_the_rest_of_its_wave(on_conflict):
    channels = [channel(1, stage_seconds=7200), channel(2, stage_seconds=7200)]
    later = AT + 72 * HOUR
    pools = [PoolView("youtube_uploads", "budget", 1), PoolView("upload", "slots", 1)]
    made = plan(
        [video(1)],
        channels,
        pools=pools,
        scheduled_at=NOW + 3 * HOUR,
        overrides={(1, 2): later},
        on_conflict=on_conflict,
    )
    assert made.conflicts == ()
    assert times(made) == {(1, 1): NOW + 3 * HOUR, (1, 2): later}
    assert [p.stage_on for p in made.placements] == [date(2026, 11, 23), date(2026, 11, 27)]


def test_pinned_members_share_what_the_days_before_them_have():
    channels = [channel(n) for n in (1, 2, 3)]
    pins = {(1, n): AT + 24 * HOUR for n in (2, 3)}
    uploads = PoolView("youtube_uploads", "budget", 1)
    made = plan([video(1)], channels, pools=[uploads], scheduled_at=NOW + HOUR, overrides=pins)
    assert sorted(p.stage_on for p in made.placements) == [date(2026, 11, day) for day in (23, 24, 25)]
    one_day_less = [replace(uploads, used={date(2026, 11, 24): 1})]
    made = plan([video(1)], channels, pools=one_day_less, scheduled_at=NOW + HOUR, overrides=pins)
    assert [c.rule for c in made.conflicts] == ["budget_exhausted"]


def test_an_upload_that_takes_longer_than_there_is_time_moves_the_group():
    slots = PoolView("upload", "slots", 1)
    made = plan(
        [video(1)], [channel(1), channel(2)], pools=[slots], scheduled_at=NOW + HOUR / 2, overrides={}
    )
    assert made.conflicts == (), "without an estimate nothing is held against it"
    slow = [channel(n, stage_seconds=1200) for n in (1, 2)]
    made = plan([video(1)], slow, pools=[slots], scheduled_at=NOW + HOUR / 2)
    assert {p.at for p in made.placements} == {NOW + timedelta(minutes=40)}
    assert [(c.kind, c.rule, c.resolution) for c in made.conflicts] == [
        ("resource", "pool_capacity", "shifted")
    ]


def test_a_rate_pool_spaces_the_starts():
    rate = PoolView("github_dispatch", "rate", 1, window_seconds=3600, executor="github")
    channels = [channel(n, executor="github") for n in (1, 2, 3)] + [channel(4)]
    made = plan([video(1)], channels, pools=[rate], scheduled_at=NOW + HOUR, on_conflict="skip")
    assert {c for _, c in times(made)} == {1, 2, 4}


def test_a_pool_without_capacity_is_a_conflict_and_not_an_endless_search():
    made = plan([video(1)], [channel(1)], pools=[PoolView("youtube_uploads", "budget", 0)])
    assert made.refused
    (conflict,) = made.conflicts
    assert conflict.kind == "resource"
    assert conflict.message.endswith("the pool youtube_uploads has no capacity")


# ----------------------------------------------------------------------------------------------------------- the edges


def test_naive_times_and_unknown_members_are_refused_by_name():
    with pytest.raises(NaiveDatetime, match="scheduled_at"):
        plan([video(1)], [channel(1)], scheduled_at=datetime(2027, 1, 1))  # noqa: DTZ001
    with pytest.raises(NaiveDatetime, match="override"):
        plan([video(1)], [channel(1)], overrides={(1, 1): datetime(2027, 1, 1)})  # noqa: DTZ001
    with pytest.raises(UnknownMember, match="channel 9 is not among"):
        plan_wave(WaveRequest((1,), (9,)), [channel(1)], [video(1)], now=NOW)
    with pytest.raises(ValueError, match="at least one video"):
        plan_wave(WaveRequest((), (1,)), [channel(1)], [], now=NOW)
    with pytest.raises(ValueError, match="sideways"):
        plan([video(1)], [channel(1)], timing="sideways")


def test_the_window_to_load_covers_an_ordinary_plan_and_a_plan_says_how_far_it_looked():
    channels = [channel(n, min_gap_minutes=60, daily_cap=6) for n in range(1, 4)]
    videos = [video(n) for n in range(1, 30)]
    for timing in ("simultaneous", "staggered", "independent"):
        start, end = planning_window(wave(videos, channels, timing=timing, delay_seconds=60), channels, NOW)
        made = plan(videos, channels, timing=timing, delay_seconds=60)
        assert start < NOW
        assert made.last_at < made.looked_until
        assert made.last_at < end


def test_what_is_reserved_beyond_a_days_capacity_takes_the_room_of_the_days_before():
    uploads = PoolView("youtube_uploads", "budget", 2, committed={date(2026, 11, 25): 6})
    made = plan([video(1)], [channel(1)], pools=[uploads], scheduled_at=AT + 24 * HOUR)
    assert made.placements[0].stage_on == date(2026, 11, 26)
    assert made.conflicts[0].rule == "budget_exhausted"


def test_even_a_conflict_that_no_time_mends_offers_to_leave_the_member_out():
    made = plan([video(1, rights_basis=""), video(2)], [channel(1), channel(2, state="paused")])
    assert [[a.sentence for a in c.alternatives] for c in made.conflicts] == [
        ["leave Channel 2 out"],
        ["leave “Video 1” out"],
    ]


def test_a_channels_own_lead_time_decides_when_its_staging_starts():
    made = plan([video(1)], [channel(1, lead_time_seconds=7200), channel(2)], lead_time_seconds=600)
    assert {p.channel_id: p.at - p.stage_at for p in made.placements} == {1: 2 * HOUR, 2: HOUR / 6}
