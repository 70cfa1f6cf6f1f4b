"""What the log says of the past is what was: random verbs through the service, and a snapshot after each to compare with."""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from channels.editing import ChannelValues
from channels.models import Blackout, Channel, PostingSlot
from orchestration.engine import tick
from orchestration.errors import OrchestrationError
from orchestration.models import Distribution, Pool, Schedule, Wave
from orchestration.monitoring.rewind import log, publications
from orchestration.planning.week_facts import SlotAt
from orchestration.queue import pools
from orchestration.register import blackouts
from orchestration.scheduling import misfires
from tests import factories
from tests.engine_room import door
from tests.orchestration.engine import running

pytestmark = pytest.mark.django_db
PAGE = 3
MORNING = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
MODELS = (Schedule, Distribution, Wave, Channel, PostingSlot, Blackout, Pool)
SEEDS = [int(seed) for seed in os.environ.get("HEADEND_TEST_REWIND_SEEDS", "8").split(",")]
NEEDED = {"wave", "move", "cancel", "clock", "week", "slots", "change_channel"}
MADE_AT = {Schedule, Distribution, Wave, Channel}


def snapshot() -> dict[Any, dict[int, dict[str, Any]]]:
    return {model: {row.pk: log.columns(row) for row in model._default_manager.all()} for model in MODELS}


def rewound(record: log.Log, model: Any) -> dict[int, dict[str, Any]]:
    if model in log.SETS:
        sets = record.sets(model, record.present(model, Channel.objects.values_list("pk", flat=True)))
        return {pk: values for rows in sets.values() for pk, values in rows.items()}
    rows = model._default_manager.all()
    if model in MADE_AT:
        rows = rows.filter(created_at__lte=record.at)
    return record.rewound(list(rows))


class Play:
    """Some channels, and somebody who presses buttons at random."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.service = door("admin")
        running()
        self.channels = [factories.ChannelFactory(min_gap_minutes=15, lead_time_minutes=30) for _ in range(3)]
        self.videos = factories.VideoFactory.create_batch(25)
        self.done: list[str] = []

    def _open(self, *states: str) -> int:
        rows = Schedule.objects.filter(state__in=states or ["planned", "staged"])
        return self.chance.choice(list(rows.order_by("pk").values_list("pk", flat=True)) or [0])

    def _later(self) -> datetime:
        return timezone.now() + timedelta(minutes=self.chance.randint(45, 2000))

    def wave(self) -> None:
        self.service.schedule_wave_publication(
            video_ids=[self.chance.choice(self.videos).pk],
            channel_ids=[row.pk for row in self.chance.sample(self.channels, 2)],
            scheduled_at=self._later(),
            timing="simultaneous",
            on_conflict="shift",
            acknowledge_policy=True,
        )

    def move(self) -> None:
        self.service.move_schedule(schedule_id=self._open(), publish_at=self._later())

    def hold(self) -> None:
        self.service.hold_schedule(schedule_id=self._open("planned", "staging", "staged"))

    def release(self) -> None:
        self.service.release_schedule(schedule_id=self._open("held"))

    def cancel(self) -> None:
        self.service.cancel_schedule(schedule_id=self._open("planned", "held"))

    def reopen(self) -> None:
        row = self._open("cancelled", "missed", "skipped")
        self.service.reopen_schedule(schedule_id=row, publish_at=self._later())

    def bump(self) -> None:
        self.service.bump_schedule(schedule_id=self._open())

    def pause_wave(self) -> None:
        self.service.pause_wave(wave_id=self._wave())

    def resume_wave(self) -> None:
        self.service.resume_wave(wave_id=self._wave())

    def move_wave(self) -> None:
        self.service.move_wave(wave_id=self._wave(), scheduled_at=self._later())

    def cancel_wave(self) -> None:
        self.service.cancel_wave(wave_id=self._wave())

    def _wave(self) -> int:
        return self.chance.choice(list(Wave.objects.order_by("pk").values_list("pk", flat=True)) or [0])

    def channel_state(self) -> None:
        verb = self.chance.choice(["pause_channel", "resume_channel"])
        getattr(self.service, verb)(channel_id=self.chance.choice(self.channels).pk)

    def edit_channel(self) -> None:
        row = Channel.objects.get(pk=self.chance.choice(self.channels).pk)
        row.min_gap_minutes = self.chance.randint(10, 40)
        row.failover = not row.failover
        row.name = f"Channel {self.chance.randint(1, 99)}"
        row.save()

    def zone(self) -> None:
        row = Channel.objects.get(pk=self.chance.choice(self.channels).pk)
        row.timezone = self.chance.choice(["UTC", "Europe/Berlin", "America/New_York"])
        row.save()

    def slot(self) -> None:
        channel = self.chance.choice(self.channels).pk
        self.service.add_slot(channel_id=channel, weekday=self.chance.randint(0, 6), local_time=time(9, 30))

    def slots(self) -> None:
        days = self.chance.sample(range(7), 3)
        self.service.add_slots(
            channel_id=self.chance.choice(self.channels).pk, weekdays=days, local_times=[time(7), time(21)]
        )

    def week(self) -> None:
        channel = self.chance.choice(self.channels).pk
        times = [time(self.chance.randint(0, 23)) for _ in range(3)]
        slots = [SlotAt(self.chance.randint(0, 6), at, self.chance.random() < 0.8) for at in times]
        self.service.set_slots(
            channel_id=channel, slots=list({(slot.weekday, slot.local_time): slot for slot in slots}.values())
        )

    def copied_day(self) -> None:
        slot = PostingSlot.objects.latest("pk")
        self.service.copy_day(channel_id=slot.channel_id, weekday=slot.weekday, to=[2, 4])

    def all_blackouts(self) -> None:
        days = [date(2027, 2, self.chance.randint(1, 28)) for _ in range(2)]
        rows = [Blackout(first_date=day, last_date=day, reason="fair") for day in set(days)]
        blackouts.set_blackouts(self.chance.choice(self.channels).pk, rows)

    def change_channel(self) -> None:
        values = ChannelValues(
            min_gap_minutes=self.chance.randint(10, 40), daily_cap=self.chance.randint(2, 9)
        )
        self.service.change_channel(channel_id=self.chance.choice(self.channels).pk, values=values)

    def slot_goes(self) -> None:
        self.service.remove_slot(slot_id=PostingSlot.objects.earliest("pk").pk)

    def slot_by_admin(self) -> None:
        row = PostingSlot.objects.latest("pk")
        if self.chance.random() < 0.5:
            row.delete()
        else:
            row.enabled = not row.enabled
            row.save()

    def blackout(self) -> None:
        day = date(2027, 1, self.chance.randint(1, 28))
        channel = self.chance.choice(self.channels).pk
        self.service.add_blackout(channel_id=channel, first_date=day, last_date=day, from_time=time(8))

    def blackout_goes(self) -> None:
        self.service.remove_blackout(blackout_id=Blackout.objects.earliest("pk").pk)

    def blackouts_by_import(self) -> None:
        self.chance.choice(self.channels).blackouts.all().delete()

    def pool(self) -> None:
        row = self.chance.choice(list(pools.Pool.objects.order_by("pk")))
        verb = self.service.resume_pool if row.paused else self.service.pause_pool
        verb(pool_id=row.pk)

    def pool_by_admin(self) -> None:
        row = self.chance.choice(list(pools.Pool.objects.order_by("pk")))
        row.capacity += 1
        row.save()

    def system(self) -> None:
        self.chance.choice([self.service.pause, self.service.resume])()

    def clock(self) -> None:
        tick.stage_due(timezone.now())
        tick.take_up_stranded(timezone.now())

    def misfire(self) -> None:
        misfires.settle(timezone.now())

    VERBS = (
        *(wave, wave, wave, move, move, hold, release, cancel, reopen, bump, pause_wave, resume_wave),
        *(move_wave, cancel_wave, channel_state, edit_channel, change_channel, zone, slot, slots, week),
        *(copied_day, slot_goes, slot_by_admin, blackout, blackout_goes, all_blackouts, blackouts_by_import),
        *(pool, pool_by_admin, system, clock, clock, misfire),
    )

    def step(self) -> None:
        for _ in range(8):
            verb = self.chance.choice(self.VERBS)
            try:
                verb(self)
            except (OrchestrationError, PostingSlot.DoesNotExist, Blackout.DoesNotExist):
                continue
            self.done.append(verb.__name__)
            return


@pytest.mark.parametrize("seed", SEEDS)
def test_the_past_is_what_it_was_at_each_instant(seed):
    kept: dict[datetime, Any] = {}
    with time_machine.travel(MORNING, tick=False) as clock:
        play = Play(seed)
        for _ in range(50):
            play.step()
            kept[timezone.now()] = snapshot()
            if play.chance.random() < 0.8:  # else two changes have one time
                clock.shift(timedelta(minutes=play.chance.choice([1, 1, 7, 40])))
        owner = dict(Schedule.objects.values_list("pk", "channel_id"))
        for at, was in list(kept.items())[:: 1 if len(SEEDS) > 1 else 3]:
            record = log.Log(at)
            for model in MODELS:
                assert rewound(record, model) == was[model], (at, model.__name__, play.done)
            plan = {pk: row["publish_at"] for pk, row in was[Schedule].items()}
            order = [pk for _, pk in sorted((moment, pk) for pk, moment in plan.items())]
            window = publications.Window(record, MORNING - timedelta(days=1), MORNING + timedelta(days=40))
            assert window.total == len(order)
            pages = [window.ids(low, low + PAGE) for low in range(0, len(order) + PAGE, PAGE)]
            assert [pk for page in pages for pk in page] == order
            assert +window.states() == Counter(row["state"] for row in was[Schedule].values())
            coming = [pk for pk in order if plan[pk] >= at]
            assert publications.Window(record, at).ids(0, PAGE) == coming[:PAGE]
            here = {channel.pk: [pk for pk in order if owner[pk] == channel.pk] for channel in play.channels}
            for pk, mine in here.items():
                of_one = publications.Window(record, at - timedelta(days=2), channel_id=pk)
                assert of_one.ids(0, len(order)) == [x for x in mine if plan[x] >= at - timedelta(days=2)]
    assert set(play.done) >= NEEDED, NEEDED - set(play.done)
