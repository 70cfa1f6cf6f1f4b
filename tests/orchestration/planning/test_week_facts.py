"""What a week of slots means is said in sentences: the gap, the cap, and what the clocks do."""

from datetime import UTC, datetime, time

from orchestration.planning.week_facts import SlotAt, facts_of

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def said(slots, *, gap=60, cap=6, zone="UTC"):
    return [fact.sentence for fact in facts_of(slots, min_gap_minutes=gap, daily_cap=cap, zone=zone, now=NOW)]


def test_slots_closer_than_the_gap_are_named_also_over_the_end_of_the_week():
    assert said([SlotAt(0, time(18)), SlotAt(0, time(18, 30)), SlotAt(0, time(19, 30))]) == [
        "Monday 18:00 and Monday 18:30 are 30 min apart, but two publications need 1 h: of these two slots one stays empty."
    ]
    (over,) = said([SlotAt(6, time(23, 45)), SlotAt(0, time(0, 15))])
    assert over.startswith("Sunday 23:45 and Monday 00:15 are 30 min apart")
    assert said([SlotAt(0, time(18)), SlotAt(0, time(18, 30), enabled=False)]) == []
    assert said([SlotAt(0, time(18))]) == []


def test_more_slots_than_the_cap_of_a_day_are_counted():
    slots = [SlotAt(4, time(hour)) for hour in range(8, 16)]
    assert said(slots) == ["Friday has 8 slots, but at most 6 are published a day: 2 stay empty."]


def test_the_next_changes_of_the_clocks_are_said_with_the_slots_that_they_move():
    spring, autumn = said([SlotAt(6, time(2, 30))], zone="Europe/Berlin")
    assert spring == (
        "On Sunday, 28 March 2027, the clocks go forward by 1 h at 02:00: the slot at 02:30 is used at 03:00."
    )
    assert autumn == (
        "On Sunday, 31 October 2027, the clocks go back by 1 h at 03:00: the slot at 02:30 is used once, the first time."
    )
    assert "no slot of that day is touched" in said([SlotAt(0, time(2, 30))], zone="America/New_York")[0]
    assert said([], zone="Asia/Tokyo") == []
