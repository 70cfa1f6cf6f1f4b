"""A plan says how it differs from what was asked: by how much, for how many, because of whom, and what else to ask."""

from datetime import UTC, datetime, timedelta

from orchestration.planning.answers import Unplaced
from orchestration.planning.difference_values import WayKind
from orchestration.planning.differences import compared
from orchestration.planning.rule_differences import of_distribution, of_lines, of_series
from orchestration.planning.series import SeriesOnChannel
from orchestration.planning.types import ChannelView, Occupied, PoolView, VideoView, WaveRequest
from orchestration.planning.waves import plan_wave

NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def channel(number: int, **traits) -> ChannelView:
    return ChannelView(number, f"channel-{number}", f"Channel {number}", **traits)


def video(number: int, **traits) -> VideoView:
    return VideoView(number, f"Video {number}", rights_basis="owned", content_hash=f"h{number}", **traits)


def told(videos, channels, occupied=(), pools=(), **wishes):
    wishes = {"scheduled_at": AT, "same_asset_limit": 99, **wishes}
    asked = WaveRequest(tuple(v.id for v in videos), tuple(c.id for c in channels), **wishes)
    made = plan_wave(asked, channels, videos, occupied, (), pools, now=NOW)
    return compared(asked, made, channels).difference


def test_what_is_planned_as_it_was_asked_says_so():
    found = told([video(1)], [channel(1), channel(2)])
    assert (found.sentence, found.short, found.items, found.ways) == (
        "As asked",
        "2 publications, as asked",
        (),
        (),
    )


def test_without_a_wished_moment_the_first_free_one_is_as_asked():
    found = told(
        [video(1)], [channel(1, min_gap_minutes=60)], [Occupied(1, NOW + HOUR, 7)], scheduled_at=None
    )
    assert found.is_as_asked
    assert found.sentence.startswith("As asked: as soon as it can be, from 2026-11-23 20:30 UTC on")


def test_one_channel_that_moves_all_is_named_with_what_stands_there():
    channels = [channel(number, min_gap_minutes=52) for number in (1, 2, 3, 4)]
    found = told([video(1)], channels, [Occupied(1, AT, 7, 5, "an older one")])
    assert found.sentence == "52 min later for all four, because of Channel 1 at 12:00"
    assert found.short == "4 publications, 52 min later"
    (item,) = found.items
    assert (item.kind, item.count, item.seconds) == ("later", 4, 52 * 60)
    assert (item.causes[0].channel_id, item.causes[0].schedule_id, item.causes[0].label) == (
        1,
        7,
        "an older one",
    )


def test_the_alternatives_are_to_move_only_that_channel_or_to_do_without_it():
    channels = [channel(number, min_gap_minutes=52) for number in (1, 2, 3)]
    found = told([video(1)], channels, [Occupied(1, AT, 7, 5)])
    own, without = found.ways
    assert (own.kind, own.at, own.video_id, own.channel_ids) == (WayKind.OWN_TIME, AT + 52 * MINUTE, 1, (1,))
    assert own.label == "Only Channel 1 at 12:52, the others at 12:00"
    assert (without.kind, without.channel_ids) == (WayKind.WITHOUT, (1,))


def test_what_outranks_the_other_party_may_ask_to_take_its_time():
    occupied = [Occupied(1, AT, 7, 3, "an older one", wave_id=9)]
    found = told([video(1)], [channel(1, min_gap_minutes=60)], occupied, priority=5)
    assert [(way.kind, way.on_conflict) for way in found.ways] == [(WayKind.ON_CONFLICT, "preempt")]
    taken = told([video(1)], [channel(1, min_gap_minutes=60)], occupied, priority=5, on_conflict="preempt")
    assert taken.sentence == "Channel 1 at 2026-11-24 12:00 UTC moves to 13:00"
    assert taken.short == "1 publication, 1 moved away"
    assert taken.ways[0].on_conflict == "skip"


def test_what_is_left_out_says_because_of_what():
    channels = [channel(1), channel(2, state="paused"), channel(3)]
    found = told([video(1)], channels, on_conflict="skip")
    assert found.sentence == "One of three is left out, because Channel 2 is paused"
    assert (found.asked, found.met, found.short) == (3, 2, "2 publications, 1 left out")
    assert [way.label for way in found.ways] == ["Without Channel 2"]


def test_many_causes_are_put_together_by_their_rule():
    channels = [channel(number, min_gap_minutes=10 * number) for number in range(1, 9)]
    occupied = [Occupied(c.id, AT, 100 + c.id) for c in channels]
    found = told([video(1)], channels, occupied, timing="staggered")
    assert len(found.items) == 1
    assert found.sentence.startswith(
        "Up to 1 h 20 min later for all eight, because of Channel 1 at 12:00 and of "
    )
    assert found.sentence.endswith(" and six more")


def test_a_video_behind_one_that_moved_says_that_it_follows():
    occupied = [Occupied(1, AT, 7)]
    found = told([video(1), video(2)], [channel(1, min_gap_minutes=30)], occupied)
    assert [item.count for item in found.items] == [1, 1]
    assert "because what goes before it is later" in found.sentence


def test_staging_that_takes_its_time_is_a_cause():
    pool = PoolView("upload", "slots", 1, queued=3)
    found = told([video(1, stage_seconds=7200)], [channel(1)], pools=(pool,), scheduled_at=NOW + HOUR)
    assert "later, because it cannot be staged sooner" in found.sentence


def test_what_rules_a_series_and_a_file_leave_out_is_told_by_its_cause():
    nowhere = [
        Unplaced(1, "free_slot", 3, ""),
        Unplaced(2, "free_slot", 3, ""),
        Unplaced(3, "min_width", 1, ""),
    ]
    assert of_distribution(14, 11, nowhere).sentence == (
        "2 of 14 videos go nowhere, because no slot is free within the days ahead; "
        "1 of 14 videos goes nowhere, because the rule “min width” says no"
    )
    waits = SeriesOnChannel(1, "north", 2, 3, "Part 4: it has no title yet", (AT,))
    assert of_series(2, [waits]).sentence == (
        "One time of the series is left out, because the channel has no room then; "
        "3 episodes wait, because north waits for Part 4: it has no title yet"
    )
    lines = of_lines(9, [(3, "there is no channel x"), (5, "there is no channel x"), (8, "no")])
    assert lines.sentence == (
        "Lines 3 and 1 more cannot be written: there is no channel x; line 8 cannot be written: no"
    )
    assert (lines.short, of_lines(9, []).sentence) == ("6 lines, 3 left out", "As asked: 9 lines")
