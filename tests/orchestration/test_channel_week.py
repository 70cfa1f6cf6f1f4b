"""A channel's week and its blackouts are set whole or one by one; each change is recorded and kept as a revision."""

from datetime import date, time

import pytest

from channels.models import ConfigRevision
from orchestration.errors import InvalidRequest, StaleVersion
from orchestration.models import Activity
from orchestration.planning.week_facts import SlotAt
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db
EVENING, NIGHT = time(18), time(23, 30)


def week_of(channel) -> list[str]:
    return [f"{slot.weekday} {slot.local_time:%H:%M} {slot.enabled}" for slot in channel.slots.all()]


def test_several_days_get_several_times_and_what_is_there_stays():
    slot = factories.PostingSlotFactory(weekday=0, local_time=EVENING)
    made = door().add_slots(channel_id=slot.channel_id, weekdays=[0, 1], local_times=[EVENING, NIGHT])
    assert len(made) == 3 and slot.channel.slots.count() == 4
    assert Activity.objects.filter(verb="slots_added").count() == 1
    with pytest.raises(InvalidRequest, match="already"):
        door().add_slots(channel_id=slot.channel_id, weekdays=[0], local_times=[EVENING])
    with pytest.raises(InvalidRequest) as refused:
        door().add_slots(channel_id=slot.channel_id, weekdays=[0], local_times=[])
    assert refused.value.field == "local_time"
    assert ConfigRevision.objects.count() == 1


def test_a_whole_week_is_set_and_a_slot_that_stays_keeps_its_id():
    slot = factories.PostingSlotFactory(weekday=0, local_time=EVENING)
    gone = factories.PostingSlotFactory(channel=slot.channel, weekday=1, local_time=EVENING)
    wanted = [SlotAt(0, EVENING, False), SlotAt(2, NIGHT)]
    week = door().set_slots(channel_id=slot.channel_id, slots=wanted)
    assert week_of(slot.channel) == ["0 18:00 False", "2 23:30 True"]
    assert week.slots[0].pk == slot.pk and gone.pk not in {row.pk for row in week.slots}
    entry = Activity.objects.get(verb="week_changed")
    assert entry.after["slots"] == ["Monday 18:00, off", "Wednesday 23:30"]
    with pytest.raises(InvalidRequest, match="twice"):
        door().set_slots(channel_id=slot.channel_id, slots=[*wanted, wanted[0]])


def test_a_week_that_was_changed_meanwhile_is_refused():
    slot = factories.PostingSlotFactory()
    seen = door().get_week(channel_id=slot.channel_id).version
    door().enable_slot(slot_id=slot.pk, enabled=False)
    with pytest.raises(StaleVersion):
        door().set_slots(channel_id=slot.channel_id, slots=[], version=seen)
    assert week_of(slot.channel) == ["0 18:00 False"]


def test_a_day_is_copied_to_others_which_then_have_exactly_its_slots():
    channel = factories.PostingSlotFactory(weekday=0, local_time=EVENING).channel
    factories.PostingSlotFactory(channel=channel, weekday=1, local_time=NIGHT)
    door().copy_day(channel_id=channel.pk, weekday=0, to=[1, 5])
    assert week_of(channel) == ["0 18:00 True", "1 18:00 True", "5 18:00 True"]
    with pytest.raises(InvalidRequest):
        door().copy_day(channel_id=channel.pk, weekday=0, to=[0])


def test_the_week_says_what_the_channels_gap_makes_impossible():
    channel = factories.PostingSlotFactory(weekday=0, local_time=EVENING).channel
    factories.PostingSlotFactory(channel=channel, weekday=0, local_time=time(18, 20))
    assert [fact.code for fact in door().get_week(channel_id=channel.pk).facts] == ["slots_too_close"]


def test_a_blackout_is_changed_by_the_same_rules_and_the_entry_says_what_it_was():
    row = factories.BlackoutFactory()
    stretch = {"first_date": date(2027, 5, 1), "last_date": date(2027, 5, 2)}
    changed = door().change_blackout(blackout_id=row.pk, **stretch, reason="fair")
    assert (changed.first_date, changed.reason) == (date(2027, 5, 1), "fair")
    entry = Activity.objects.get(verb="blackout_changed")
    assert (entry.before["first_date"], entry.after["first_date"]) == (f"{row.first_date}", "2027-05-01")
    with pytest.raises(InvalidRequest) as refused:
        door().change_blackout(blackout_id=row.pk, **stretch | {"last_date": date(2027, 4, 1)})
    assert refused.value.field == "last_date"
    other = door().add_blackout(channel_id=row.channel_id, first_date=DAY, last_date=DAY)
    with pytest.raises(InvalidRequest, match="already"):
        door().change_blackout(blackout_id=other.pk, **stretch)


DAY = date(2027, 6, 1)
