"""What is past its moment follows its channel's misfire policy, is released at a bounded rate, and as it was shown."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.sandbox.faults import Match
from orchestration.engine import tick as clock
from orchestration.models import Activity, Distribution, Job, Schedule
from orchestration.scheduling import misfires
from orchestration.states import DistributionState, JobKind, ScheduleState
from tests import factories
from tests.engine_room import PUBLISHED, door, state_of

pytestmark = pytest.mark.django_db


def late(
    engine, policy: str, *, hours: float = 1, channel=None, state=ScheduleState.STAGED, **values
) -> Schedule:
    """Return a publication that is past its moment, uploaded on the sandbox or only planned."""
    channel = channel or engine.channel(f"late-{Schedule.objects.count()}", misfire_policy=policy, **values)
    row = engine.staged(channel, minutes=300) if state == ScheduleState.STAGED else engine.planned(channel)
    at = timezone.now() - timedelta(hours=hours)
    Schedule.objects.filter(pk=row.pk).update(publish_at=at, state=state)
    row.refresh_from_db()
    return row


def settle(engine) -> None:
    engine.tick()
    engine.work()
    engine.tick()


def test_publish_late_publishes_within_the_grace_and_stores_the_lateness(engine):
    row = late(engine, "publish_late", misfire_grace_minutes=120)
    settle(engine)
    assert state_of(row) == PUBLISHED
    assert row.misfire_action == "publish_late"
    assert 3590 < row.lateness_seconds < 3700
    entry = Activity.objects.get(verb="schedule_misfired")
    assert "within the grace" in entry.reason


@pytest.mark.parametrize(
    ("hours", "ends"), [(1, PUBLISHED), (3, (ScheduleState.MISSED, DistributionState.STAGED))]
)
@pytest.mark.slow
def test_an_outage_at_its_moment_leaves_the_decision_to_the_policy(engine, hours, ends):
    """Not to the number of tries: with growing pauses eight of them were over after nine minutes."""
    row = engine.staged(engine.channel(misfire_policy="publish_late", misfire_grace_minutes=120), minutes=30)
    engine.sandbox.faults.add(
        Match(path="^/youtube/youtube/v3/videos"), "status_before", times=None, status=503
    )
    engine.pass_until(row.publish_at)
    for _ in range(12):
        engine.retry_now()
        engine.tick()
        engine.work()
        engine.pass_time(minutes=5 * hours)
    assert state_of(row)[0] == (ScheduleState.STAGED if ends == PUBLISHED else ScheduleState.MISSED)
    engine.sandbox.faults.clear()
    for _ in range(3):
        engine.retry_now()
        engine.tick()
        engine.work()
    assert state_of(row) == ends
    assert len(engine.publications()) == (1 if ends == PUBLISHED else 0)


@pytest.mark.parametrize("policy", ["publish_late", "skip"])
def test_what_was_armed_and_youtube_left_private_follows_its_policy_once_it_is_looked_at(engine, policy):
    """Armed it did not count as late: its policy decided it anew with every tick, and nobody released it."""
    row = engine.armed(engine.channel(misfire_policy=policy, misfire_grace_minutes=120))
    with engine.sandbox.store.change("youtube") as youtube:
        youtube["scheduled"].clear()
    engine.pass_until(row.publish_at + timedelta(minutes=5))
    for _ in range(4):
        engine.tick()
        engine.work()
        engine.retry_now()
    assert state_of(row)[0] == ("published" if policy == "publish_late" else "skipped")
    assert row.misfire_action == ("publish_late" if policy == "publish_late" else "skip")
    assert len(engine.publications()) == (1 if policy == "publish_late" else 0)


def test_publish_late_beyond_the_grace_is_missed_and_says_why(engine):
    row = late(engine, "publish_late", misfire_grace_minutes=30)
    settle(engine)
    assert state_of(row) == (ScheduleState.MISSED, DistributionState.STAGED)
    assert "beyond the grace of 30 min" in row.reason
    assert engine.publications() == []


def test_next_slot_moves_to_the_channels_next_free_slot(engine):
    row = late(engine, "next_slot")
    settle(engine)
    assert state_of(row)[0] == ScheduleState.STAGED
    assert row.publish_at > timezone.now()
    assert row.local_wall.endswith("T18:00:00")
    assert row.misfire_action == "move"
    assert engine.publications() == []


def test_next_slot_without_a_slot_is_held(engine):
    row = late(engine, "next_slot")
    row.channel.slots.all().delete()
    settle(engine)
    assert state_of(row)[0] == ScheduleState.HELD
    assert "no free slot ahead" in row.reason


def test_skip_ends_it_and_hold_waits_for_a_person(engine):
    skipped, held = late(engine, "skip"), late(engine, "hold")
    settle(engine)
    assert (state_of(skipped)[0], state_of(held)[0]) == (ScheduleState.SKIPPED, ScheduleState.HELD)
    assert skipped.reason
    assert held.reason
    assert engine.publications() == []


def test_what_was_held_for_its_lateness_is_published_once_a_person_releases_it(engine):
    row = late(engine, "hold")
    settle(engine)
    door().release_schedule(schedule_id=row.pk, reason="better late than never")
    settle(engine)
    assert state_of(row) == PUBLISHED
    assert len(engine.publications()) == 1


def test_a_release_while_the_channel_is_paused_decides_nothing(engine):
    row = late(engine, "skip")
    Schedule.objects.filter(pk=row.pk).update(state=ScheduleState.HELD)
    door().pause_channel(channel_id=row.channel_id)
    door().release_schedule(schedule_id=row.pk)
    assert state_of(row)[0] == ScheduleState.STAGED
    settle(engine)
    assert state_of(row)[0] == ScheduleState.STAGED
    door().resume_channel(channel_id=row.channel_id)
    settle(engine)
    assert state_of(row)[0] == ScheduleState.SKIPPED


def test_what_is_not_even_staged_is_decided_too(engine):
    row = late(engine, "publish_late", state=ScheduleState.PLANNED, misfire_grace_minutes=30)
    settle(engine)
    assert state_of(row) == (ScheduleState.MISSED, DistributionState.ASSIGNED)


def test_one_that_cannot_be_decided_does_not_keep_the_others_waiting(engine, monkeypatch):
    first, second = late(engine, "skip", hours=2), late(engine, "skip", hours=1)
    settle_one = misfires.settle_one

    def broken(row, now, **more):
        if row.pk == first.pk:
            raise misfires.OrchestrationError("somebody was faster")
        return settle_one(row, now, **more)

    monkeypatch.setattr(misfires, "settle_one", broken)
    settle(engine)
    assert (state_of(first)[0], state_of(second)[0]) == (ScheduleState.STAGED, ScheduleState.SKIPPED)


def test_late_items_of_one_channel_keep_its_gap(engine):
    channel = engine.channel(min_gap_minutes=60, misfire_grace_minutes=600, misfire_policy="publish_late")
    first = late(engine, "", channel=channel, hours=2)
    second = late(engine, "", channel=channel, hours=1)
    for _ in range(3):
        settle(engine)
    assert (state_of(first), state_of(second)[0]) == (PUBLISHED, ScheduleState.STAGED)
    engine.pass_time(minutes=61)
    settle(engine)
    assert state_of(second) == PUBLISHED
    times = sorted(timezone.datetime.fromisoformat(p["public_at"]) for p in engine.publications())
    assert times[1] - times[0] >= timedelta(minutes=60)


def test_releases_are_bounded_by_the_minute(engine, settings):
    settings.HEADEND_RELEASES_PER_MINUTE = 2
    rows = [late(engine, "publish_late", misfire_grace_minutes=600, hours=3 - n / 10) for n in range(4)]
    settle(engine)
    assert [state_of(row)[0] for row in rows] == ["published", "published", "staged", "staged"]
    engine.pass_time(seconds=61)
    settle(engine)
    assert [state_of(row)[0] for row in rows] == ["published"] * 4
    assert Job.objects.filter(kind=JobKind.PUBLISH, released_late=True).count() == 4


@pytest.mark.slow
def test_resume_does_what_its_preview_showed(engine):
    crowded = engine.channel(
        "crowded", min_gap_minutes=60, misfire_policy="publish_late", misfire_grace_minutes=130
    )
    slots = engine.channel("slots", misfire_policy="next_slot")
    rows = [
        late(engine, "", channel=crowded, hours=2),  # published
        late(engine, "", channel=crowded, hours=1.9),  # its turn would come after its grace: missed
        late(engine, "publish_late", misfire_grace_minutes=10),  # missed
        late(engine, "skip"),
        late(engine, "hold"),
        late(engine, "", channel=slots, hours=3),
        late(engine, "", channel=slots, hours=1),
    ]
    paused = late(engine, "skip")
    door().pause_channel(channel_id=paused.channel_id)
    door().pause()
    preview = door("read").preview_resume()
    shown = {item.schedule.pk: item for item in preview.items}
    assert set(shown) == {row.pk for row in rows}
    assert all(item.sentence and item.lateness_seconds > 0 for item in preview.items)
    door().resume()
    for _ in range(8):
        settle(engine)
        engine.pass_time(minutes=3)
    for row in rows:
        item = shown[row.pk]
        state = state_of(row)[0]
        assert (
            state
            == {
                "publish_late": ScheduleState.PUBLISHED,
                "miss": ScheduleState.MISSED,
                "skip": ScheduleState.SKIPPED,
                "hold": ScheduleState.HELD,
                "move": ScheduleState.STAGED,
            }[item.action]
        ), (item.action, row.reason)
        if item.action == "move":
            assert row.publish_at == item.new_at
    assert [shown[row.pk].action for row in rows] == [
        "publish_late", "miss", "miss", "skip", "hold", "move", "move",
    ]  # fmt: skip
    assert rows[5].publish_at != rows[6].publish_at
    assert state_of(paused)[0] == ScheduleState.STAGED


def test_nothing_overdue_is_decided_while_the_system_is_paused(engine):
    row = late(engine, "skip")
    door().pause()
    clock.tick()
    assert misfires.settle(timezone.now()) == 0
    assert state_of(row)[0] == ScheduleState.STAGED


def test_what_is_a_few_seconds_late_is_simply_published(engine):
    row = late(engine, "skip", hours=20 / 3600)
    settle(engine)
    assert state_of(row) == PUBLISHED
    assert row.misfire_action == ""


def test_a_late_publication_stands_in_the_calendar_where_it_went_public(db):
    channel = factories.ChannelFactory(min_gap_minutes=60)
    now = timezone.now()
    row = factories.ScheduleFactory(channel=channel, published=True, publish_at=now - timedelta(hours=3))
    Distribution.objects.filter(pk=row.distribution_id).update(published_at=now - timedelta(minutes=5))
    calendar = misfires.calendars_for([channel.pk], now)[channel.pk]
    assert calendar.free_from(now) == now + timedelta(minutes=55)


def test_late_items_that_their_channels_gap_holds_back_do_not_keep_other_channels_waiting(engine, settings):
    settings.HEADEND_RELEASES_PER_MINUTE = 2
    crowded = engine.channel(min_gap_minutes=600, misfire_grace_minutes=6000, daily_cap=50)
    first, *rest = [late(engine, "", channel=crowded, hours=9 - n) for n in range(4)]
    other = late(engine, "publish_late", hours=1)
    settle(engine)
    engine.pass_time(seconds=61)
    settle(engine)
    assert (state_of(first), state_of(other)) == (PUBLISHED, PUBLISHED)
    assert {state_of(row)[0] for row in rest} == {ScheduleState.STAGED}
