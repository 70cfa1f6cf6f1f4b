"""Measure the pure planning core: run `python tests/benchmarks/bench_planning_core.py` from the repository.

Each figure is the best of three and stands beside a raw floor of the same run: making as many placement values as the plan
has, and nothing else. It is a script, not a test: machines differ.
"""

from __future__ import annotations

import gc
import random
import sys
import time as clock
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from orchestration.planning.answers import DistributionCaps
from orchestration.planning.distribution import distribute
from orchestration.planning.distribution_state import DistributionContext
from orchestration.planning.earliest import items_of_slots
from orchestration.planning.forecast import forecast
from orchestration.planning.slots import iter_slots, next_slots
from orchestration.planning.types import (
    ChannelView,
    Filters,
    Occupied,
    Placement,
    PoolView,
    SlotRule,
    VideoView,
    WaveRequest,
)
from orchestration.planning.waves import plan_wave

NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
AT = NOW + timedelta(hours=3)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC", "Australia/Lord_Howe")
GENEROUS = (PoolView("youtube_uploads", "budget", 1_000_000),)
DEFAULT = (PoolView("youtube_uploads", "budget", 100),)


def best_of(work: Callable[[], object], times: int = 3) -> tuple[float, object]:
    """Return the least processor time of a few runs, and what the work returned: others may share the machine."""
    shortest, result = float("inf"), None
    for _ in range(times):
        gc.collect()
        start = clock.process_time()
        result = work()
        shortest = min(shortest, clock.process_time() - start)
    return shortest, result


def slots_at(*hours: int) -> tuple[SlotRule, ...]:
    """Return a slot on every day at each of these hours."""
    return tuple(SlotRule(day, time(hour), day * 24 + hour) for day in range(7) for hour in hours)


def some_channels(count: int, daily_cap: int | None = None) -> list[ChannelView]:
    """Return channels in five zones with three slots a day."""
    return [
        ChannelView(
            number,
            f"channel-{number}",
            f"Channel {number}",
            ZONES[number % 5],
            min_gap_minutes=60,
            daily_cap=daily_cap,
            slots=slots_at(9, 13, 18),
        )
        for number in range(1, count + 1)
    ]


def some_videos(count: int) -> list[VideoView]:
    """Return videos with rights and distinct content."""
    return [
        VideoView(n, f"Video {n}", rights_basis="owned", content_hash=f"h{n}") for n in range(1, count + 1)
    ]


def floor_of(placements: int) -> float:
    """Return how long it takes to make that many placement values."""
    wall = AT.replace(tzinfo=None)

    def work() -> list[Placement]:
        return [
            Placement(number, number, AT, wall, "UTC", 5, "simultaneous", "", None, AT, None)
            for number in range(placements)
        ]

    return best_of(work)[0]


def report(name: str, seconds: float, items: int, floor: float, note: str = "") -> None:
    """Print one line of the table."""
    each = seconds / max(items, 1) * 1e6
    ratio = f"{seconds / floor:6.1f}" if floor else "     -"
    print(f"{name:58} {seconds * 1000:9.1f} ms {each:7.2f} us each {ratio} x floor  {note}")


def waves() -> None:
    """Measure waves of all timings, empty and full calendars, growth, and the default budget."""
    before = [
        Occupied(c, AT - timedelta(days=100) + timedelta(minutes=100 * k + c), c * 1000 + k)
        for c in range(1, 101)
        for k in range(1000)
    ]
    around = [
        Occupied(c, AT + timedelta(minutes=97 * k + c), c * 1000 + k)
        for c in range(1, 101)
        for k in range(1000)
    ]
    for timing in ("simultaneous", "staggered", "independent"):
        cases = [
            ("10 x 100", 10, (), DEFAULT[:0], None),
            ("100 x 100", 100, (), GENEROUS, None),
            ("100 x 100, daily cap 6", 100, (), GENEROUS, 6),
            ("100 x 100 beside 100,000 others", 100, before, GENEROUS, None),
            ("100 x 100 among 100,000 others", 100, around, GENEROUS, None),
            ("100 x 100, 100 uploads a day", 100, (), DEFAULT, None),
        ]
        for name, count, occupied, pools, cap in cases:
            videos, channels = some_videos(count), some_channels(100, cap)
            request = WaveRequest(
                tuple(v.id for v in videos),
                tuple(c.id for c in channels),
                timing,
                AT,
                60,
                same_asset_limit=100,
            )

            def work(request=request, channels=channels, videos=videos, occupied=occupied, pools=pools):
                return plan_wave(request, channels, videos, occupied, (), pools, now=NOW)

            seconds, plan = best_of(work)
            made = len(plan.placements)
            note = f"{len(plan.conflicts)} conflicts, {plan.days_needed} days"
            report(f"{timing} {name}", seconds, made, floor_of(made), note)


def growth() -> None:
    """Measure how the time per schedule grows from 1,000 to 100,000."""
    for count in (10, 100, 1000):
        videos, channels = some_videos(count), some_channels(100)
        request = WaveRequest(tuple(v.id for v in videos), tuple(c.id for c in channels), "independent", AT)

        def work(request=request, channels=channels, videos=videos):
            return plan_wave(request, channels, videos, (), (), GENEROUS, now=NOW)

        seconds, plan = best_of(work, 2)
        made = len(plan.placements)
        report(f"independent {count} x 100 (growth)", seconds, made, floor_of(made))


def slots() -> None:
    """Measure slots a second in one zone, beside a bare addition of days."""
    rules = slots_at(2, 9, 18)
    seconds, _ = best_of(lambda: next_slots(rules, "Europe/Berlin", NOW, 50_000))
    day = timedelta(days=1)
    floor, _ = best_of(lambda: [NOW + day * n for n in range(50_000)])
    report("slots: 50,000 in one zone", seconds, 50_000, floor, f"{50_000 / seconds:,.0f} slots/s")
    seconds, _ = best_of(lambda: [next(iter_slots(rules, zone, NOW)) for zone in ZONES * 1000])
    report("slots: the next one, 5,000 times", seconds, 5000, 0)


def distribution() -> None:
    """Measure 1,000 ready videos over 100 channels: weighed, ranked, placed, and every pair's reasons read."""
    chance = random.Random(1)
    videos = [
        VideoView(
            number,
            f"Video {chance.choice(['cat', 'dog', 'news', 'music'])} {number}",
            duration_seconds=chance.choice([None, 30, 60, 600, 3600]),
            width=1920,
            height=chance.choice([None, 480, 720, 1080, 2160]),
            views=chance.choice([None, 10, 1000, 100_000]),
            watermarked=chance.choice([None, True, False]),
            language=chance.choice([None, "en", "de", "en-GB"]),
            source_id=chance.randrange(5),
            rights_basis=chance.choice(["", "owned", "owned"]),
            content_hash=f"h{number}",
            ready_at=NOW - timedelta(hours=number),
        )
        for number in range(1000)
    ]
    channels = [
        ChannelView(
            number,
            f"channel-{number}",
            f"Channel {number}",
            ZONES[number % 5],
            min_gap_minutes=60,
            daily_cap=6,
            slots=slots_at(9, 13, 18),
            filters=Filters(
                min_height=chance.choice([None, 720]),
                min_views=chance.choice([None, None, 100]),
                languages=chance.choice([(), ("en",)]),
                keywords_in=chance.choice([(), ("cat", "dog")]),
                exclude_watermarked=chance.random() < 0.2,
            ),
        )
        for number in range(100)
    ]
    for name, caps, pools in (
        ("no caps", DistributionCaps(), ()),
        ("3 channels a video", DistributionCaps(channels_per_video=3), ()),
        ("5 channels, 2 a day, 24 h cooldown, budget", DistributionCaps(5, 2, 24), DEFAULT),
    ):
        context = DistributionContext(NOW, caps=caps, pools=pools)

        def work(context=context):
            plan = distribute(videos, channels, context)
            reasons = sum(len(plan.reasons(v.id, c.id)) for v in videos for c in channels)
            return plan, reasons

        seconds, (plan, reasons) = best_of(work)
        note = f"{len(plan.placements)} placed, {reasons} reasons"
        report(f"distribute 1,000 x 100, {name}", seconds, 100_000, floor_of(len(plan.placements)), note)


def week_ahead() -> None:
    """Measure a forecast of 7 days over 1,000 channels with 10 publications a day each."""
    channels = [
        ChannelView(
            number,
            f"channel-{number}",
            zone=ZONES[number % 5],
            priority=number % 11,
            min_gap_minutes=30,
            slots=slots_at(*range(8, 18)),
            executor="github" if number % 2 else "local",
            stage_seconds=60,
        )
        for number in range(1000)
    ]
    seconds, items = best_of(lambda: items_of_slots(channels, (), NOW), 2)
    report("forecast: the slots of 1,000 channels", seconds, len(items), 0)
    rate = PoolView("github_dispatch", "rate", 80, 60, executor="github")
    for name, uploads, servers in (("default budget", 100, 8), ("raised budget", 1_000_000, 16)):
        pools = [PoolView("youtube_uploads", "budget", uploads), PoolView("upload", "slots", servers), rate]
        seconds, outlook = best_of(lambda pools=pools: forecast(items, pools, NOW), 2)
        report(f"forecast 7 days, {name}", seconds, len(items), 0, f"{len(outlook.late)} late")


def main() -> None:
    """Run everything and print the table."""
    print(f"Python {sys.version.split()[0]}")
    slots()
    waves()
    growth()
    distribution()
    week_ahead()


if __name__ == "__main__":
    main()
