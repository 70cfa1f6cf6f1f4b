"""Say of a whole stretch of time where a publication may stand, by the rules that decide about a single instant.

No rule is written here. What is known is only *where* an answer can change: at the edges of blackouts, a gap away from each
entry, at midnight on the channel's clock, at midnight in California, when staging can be ready, and now. Between two such
edges every whole second has the same answer, so one question is asked for each piece: of `ChannelCalendar.why_not`, of the
staging that was booked, of the units of the Pacific day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestration.planning import rules
from orchestration.planning.budgets import Booking, PacificDays
from orchestration.planning.calendar import ChannelCalendar
from orchestration.planning.slots import ONE_DAY, ONE_SECOND

MOST_DAYS = 45
"""So long a window may be asked about at most."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Instants, in whole seconds, that one answer holds for: from `starts_at` up to, not including, `ends_at`.

    `rules` are the codes of what forbids them; where there are none, a publication may stand there.
    """

    starts_at: datetime
    ends_at: datetime
    rules: tuple[str, ...] = ()

    @property
    def is_free(self) -> bool:
        """Return whether a publication may stand at these instants."""
        return not self.rules

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return what forbids them, in words."""
        return tuple(rules.TITLE_OF_RULE[rule] for rule in self.rules)


def ceil_second(at: datetime) -> datetime:
    """Return the first whole second at or after an instant: times are planned in whole seconds."""
    floor = at.replace(microsecond=0)
    return floor if floor == at else floor + ONE_SECOND


def after(at: datetime) -> datetime:
    """Return the first whole second after an instant."""
    return at.replace(microsecond=0) + ONE_SECOND


def edges_of(calendar: ChannelCalendar, since: datetime, until: datetime) -> set[datetime]:
    """Return the whole seconds at which a calendar's answer can change, from `since` up to `until`."""
    found = {after(calendar.now)}
    for blackout in calendar.channel.blackouts:
        found |= {ceil_second(blackout.starts_at), ceil_second(blackout.ends_at)}
    for entry in calendar:
        found |= {after(entry.at - calendar.gap), ceil_second(entry.at + calendar.gap)}
    at = since
    while at < until:
        at = calendar.clock.day(at)[1]
        found.add(ceil_second(at))
    return {edge for edge in found if since < edge < until}


def stretches(
    calendar: ChannelCalendar,
    since: datetime,
    until: datetime,
    *,
    unstaged: Callable[[datetime], Iterable[str]] = lambda at: (),
    more_edges: Iterable[datetime] = (),
) -> list[Stretch]:
    """Return the answer for every whole second from `since` up to `until`, as few pieces in order of time.

    `unstaged` answers by which rules the pools forbid an instant; its answer changes at `more_edges` only.
    """
    since, until = ceil_second(since), ceil_second(until)
    edges = edges_of(calendar, since, until)
    edges |= {edge for edge in map(ceil_second, more_edges) if since < edge < until}
    found: list[Stretch] = []
    starts = [since, *sorted(edges)]
    for at, ends_at in zip(starts, [*starts[1:], until], strict=True):
        if at >= ends_at:
            continue
        why = tuple(dict.fromkeys([*(o.rule for o in calendar.why_not(at)), *unstaged(at)]))
        if found and found[-1].rules == why:
            found[-1] = Stretch(found[-1].starts_at, ends_at, why)
        else:
            found.append(Stretch(at, ends_at, why))
    return found


def staging_rule(booking: Booking | None, at: datetime) -> tuple[str, ...]:
    """Return by which rule what was booked cannot be staged by an instant; nothing, if it can."""
    if booking is None:
        return (rules.POOL_CAPACITY,)
    return () if booking.ready_at <= at else (booking.rule or rules.POOL_CAPACITY,)


def pacific_edges(since: datetime, until: datetime, days: PacificDays) -> list[datetime]:
    """Return where a Pacific day begins in a window."""
    day, found = days.day(since), []
    while (starts_at := days.bounds(day)[0]) < until:
        found.append(starts_at)
        day += ONE_DAY
    return found


def answer_at(answers: Sequence[Stretch], at: datetime) -> Stretch | None:
    """Return the answer that holds for an instant; None outside of the window."""
    return next((piece for piece in answers if piece.starts_at <= at < piece.ends_at), None)


def around(gap_minutes: int) -> timedelta:
    """Return how far beyond a window a channel's entries have to be known: a local day, and its gap."""
    return max(timedelta(minutes=gap_minutes), 2 * ONE_DAY) + ONE_DAY
