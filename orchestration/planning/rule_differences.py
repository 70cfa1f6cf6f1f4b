"""Say what rules, a series or a file leave out: they ask for no moment of their own that could be missed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from orchestration.planning.answers import Unplaced
from orchestration.planning.conflicts import format_count
from orchestration.planning.difference_values import (
    Cause,
    Difference,
    Differences,
    Differs,
    because,
    clock,
    count_of,
    number,
)
from orchestration.planning.series import SeriesOnChannel

MOST_GROUPS = 3
OF_A_RULE = {
    "free_slot": "no slot is free within the days ahead",
    "channels_per_video": "each is on as many channels as one video may be on",
    "staging": "it cannot be staged in time",
    "no_channels": "no channel is active",
}


def of_distribution(videos: int, placed: int, unplaced: Iterable[Unplaced]) -> Differences:
    """Return which ready videos the rules send nowhere, by the rule that said no most often."""
    by_rule = Counter(each.rule for each in unplaced)
    items = [
        left_out(
            count,
            videos,
            "video",
            Cause(rule, OF_A_RULE.get(rule, f"the rule “{rule.replace('_', ' ')}” says no")),
        )
        for rule, count in by_rule.most_common(MOST_GROUPS)
    ]
    rest = by_rule.total() - sum(item.count for item in items)
    if rest:
        items.append(left_out(rest, videos, "video", Cause("others", "of other rules")))
    wish = f"{format_count(videos, 'video')} by the rules" if videos else "there was nothing to place"
    return Differences(videos, placed, tuple(items), wish=wish)


def of_series(placed: int, channels: Sequence[SeriesOnChannel]) -> Differences:
    """Return what a run of a series passes over: times that were not free, episodes that wait for something."""
    items = []
    times = sum(len(channel.left_out) for channel in channels)
    if times:
        whom = (
            f"{number(times)} {'time of the series is' if times == 1 else 'times of the series are'} left out"
        )
        items.append(
            Difference(Differs.LEFT_OUT, times, 0, (), f"{whom}, because the channel has no room then")
        )
    waiting = [channel for channel in channels if channel.waits_for]
    if waiting:
        causes = tuple(Cause("waits", f"{c.slug} waits for {c.waits_for}", c.channel_id) for c in waiting)
        count = sum(channel.waiting for channel in waiting)
        items.append(
            Difference(
                Differs.LEFT_OUT,
                count,
                0,
                causes,
                f"{format_count(count, 'episode')} {'waits' if count == 1 else 'wait'}{because(causes)}",
            )
        )
    return Differences(
        placed + sum(item.count for item in items), placed, tuple(items), wish="each in its own time"
    )


def of_lines(whole: int, refused: Sequence[tuple[int, str]]) -> Differences:
    """Return which lines of a file cannot be written, each with its number and why."""
    by_reason: dict[str, list[int]] = defaultdict(list)
    for line, reason in refused:
        by_reason[reason].append(line)
    items = []
    for reason, numbers in sorted(by_reason.items(), key=lambda pair: (-len(pair[1]), pair[1]))[:MOST_GROUPS]:
        where = (
            f"line {numbers[0]}" if len(numbers) == 1 else f"lines {numbers[0]} and {len(numbers) - 1} more"
        )
        verb = "cannot be written"
        cause = Cause("refused", reason)
        items.append(Difference(Differs.LEFT_OUT, len(numbers), 0, (cause,), f"{where} {verb}: {reason}"))
    rest = len(refused) - sum(item.count for item in items)
    if rest:
        items.append(
            Difference(Differs.LEFT_OUT, rest, 0, (), f"{format_count(rest, 'more line')} cannot be written")
        )
    return Differences(
        whole, whole - len(refused), tuple(items), unit="line", wish=format_count(whole, "line")
    )


def of_move(from_at: datetime, at: datetime, messages: Sequence[str], members: int = 1) -> Differences:
    """Return how a move differs from the wish: it is had at the very time that is asked for, or nothing is moved."""
    if not messages:
        return Differences(members, members, wish=f"from {clock(from_at)} to {clock(at, from_at)}")
    causes = tuple(Cause("not_free", message) for message in messages)
    whom = "it stays" if members == 1 else "all stay"
    sentence = f"{whom} at {clock(from_at)}{because(causes)}"
    return Differences(members, 0, (Difference(Differs.LEFT_OUT, members, 0, causes, sentence),))


def left_out(count: int, whole: int, noun: str, cause: Cause) -> Difference:
    """Return that so many of the whole are left out, because of one cause."""
    whom = f"{count_of(count, whole) or 'the only'} {noun}{'s' if whole > 1 else ''}"
    verb = "goes" if count == 1 else "go"
    return Difference(Differs.LEFT_OUT, count, 0, (cause,), f"{whom} {verb} nowhere{because((cause,))}")
