"""Say why a publication is late, or why it is not public: from facts that were written down, without a guess.

Values in, values out. Each delay has its cause and its seconds; they may overlap, so they do not add up to the lateness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestration.planning.difference_values import clock, span
from orchestration.planning.misfire import ON_TIME_SECONDS

SHORTEST_SECONDS = 1
NOT_PUBLIC = frozenset({"cancelled", "skipped", "missed", "failed", "held", "needs_review"})


@dataclass(frozen=True, slots=True)
class Delay:
    """What took time: its code, a sentence, how many seconds, and from when to when it lasted."""

    code: str
    sentence: str
    seconds: int
    from_at: datetime | None = None
    to_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A change of its moment: by whom (or what) and why."""

    at: datetime
    from_at: datetime
    to_at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which it did not go on; `to_at` None: until now."""

    code: str
    what: str
    from_at: datetime
    to_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ending:
    """Who brought it into its present state, when, and why."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class PublicationFacts:
    """All that is written down about how a publication came to be as it is."""

    schedule_id: int
    name: str
    state: str
    publish_at: datetime
    stage_at: datetime
    public_at: datetime | None
    moves: Sequence[Moved] = ()
    stretches: Sequence[Stretch] = ()
    ending: Ending | None = None
    misfire: str = ""
    waits_for: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PublicationWhy:
    """Why a publication was late, is not public, or what it waits for; `outcome` says which of these it is.

    `wished_at` is the moment that was asked for first, `planned_at` the one that counts now.
    """

    schedule_id: int
    outcome: str
    sentence: str
    wished_at: datetime
    planned_at: datetime
    public_at: datetime | None
    late_seconds: int
    moved_seconds: int
    delays: tuple[Delay, ...]
    why_not: tuple[str, ...]


def explain(facts: PublicationFacts, now: datetime) -> PublicationWhy:
    """Explain one publication as of `now`."""
    moves = sorted(facts.moves, key=lambda move: move.at)
    wished_at = moves[0].from_at if moves else facts.publish_at
    is_over = facts.state in NOT_PUBLIC - {"held", "needs_review"}
    until = facts.public_at or (facts.ending.at if is_over and facts.ending else now)
    is_waited_for = not is_over and facts.state != "held"
    late = int((until - facts.publish_at).total_seconds()) if facts.public_at or is_waited_for else 0
    delays = [*map(_of_move, moves), *_of_stretches(facts, until)]
    if facts.misfire:
        delays.append(Delay("misfire", f"the policy for late ones: {facts.misfire.replace('_', ' ')}", 0))
    outcome = _outcome(facts, late)
    why_not = _why_not(facts, outcome)
    return PublicationWhy(
        schedule_id=facts.schedule_id,
        outcome=outcome,
        sentence=_sentence(outcome, late, facts, delays, why_not),
        wished_at=wished_at,
        planned_at=facts.publish_at,
        public_at=facts.public_at,
        late_seconds=max(late, 0),
        moved_seconds=int((facts.publish_at - wished_at).total_seconds()),
        delays=tuple(delays),
        why_not=why_not,
    )


def _outcome(facts: PublicationFacts, late: int) -> str:
    if facts.public_at is not None:
        return "public_late" if late > ON_TIME_SECONDS else "public_on_time"
    if facts.state in NOT_PUBLIC:
        return facts.state
    return "overdue" if late > ON_TIME_SECONDS else "to_come"


def _of_move(move: Moved) -> Delay:
    seconds = int((move.to_at - move.from_at).total_seconds())
    by = f" by {move.by}" if move.by else ""
    why = f": {move.reason}" if move.reason else ""
    way = f"moved {span(abs(seconds))} {'later' if seconds >= 0 else 'earlier'}"
    return Delay(
        "moved",
        f"{way}{by}, from {clock(move.from_at)} to {clock(move.to_at)}{why}",
        seconds,
        move.at,
        move.at,
    )


def _of_stretches(facts: PublicationFacts, until: datetime) -> list[Delay]:
    """Return the stretches between the start of its staging and its end, cut to that, the longest first."""
    since = min(facts.stage_at, facts.publish_at)
    found = []
    for stretch in facts.stretches:
        starts, ends = max(stretch.from_at, since), min(stretch.to_at or until, until)
        seconds = int((ends - starts).total_seconds())
        if seconds >= SHORTEST_SECONDS:
            still = " and is still" if stretch.to_at is None and facts.public_at is None else ""
            sentence = f"{stretch.what}{still}, {span(seconds)} from {clock(starts)} to {clock(ends, starts)}"
            found.append(Delay(stretch.code, sentence, seconds, starts, ends))
    return sorted(found, key=lambda delay: -delay.seconds)


def _why_not(facts: PublicationFacts, outcome: str) -> tuple[str, ...]:
    if outcome in {"public_late", "public_on_time"}:
        return ()
    if facts.state in NOT_PUBLIC and facts.ending is not None:
        ended = facts.ending
        why = f": {ended.reason}" if ended.reason else ""
        by = f" by {ended.by}" if ended.by else ""
        return (f"{facts.state.replace('_', ' ')}{by} at {clock(ended.at)}{why}", *facts.waits_for)
    return tuple(facts.waits_for)


def _sentence(
    outcome: str, late: int, facts: PublicationFacts, delays: Sequence[Delay], why_not: Sequence[str]
) -> str:
    moved = next((delay for delay in delays if delay.code == "moved" and delay.seconds), None)
    ahead = f" It was {moved.sentence}." if moved else ""
    if outcome == "public_on_time":
        return f"Public on time.{ahead}"
    if outcome == "public_late":
        main = next((delay for delay in delays if delay.code not in {"moved", "misfire"}), None)
        because = f": {main.sentence}" if main else "; nothing that was written down says why"
        return f"Public {span(late)} late{because}.{ahead}"
    if outcome == "to_come":
        waits = f" It waits: {'; '.join(why_not)}." if why_not else " Nothing stands against it."
        return f"Due at {clock(facts.publish_at)}.{waits}{ahead}"
    if outcome == "overdue":
        waits = "; ".join(why_not) or next(
            (d.sentence for d in delays if d.code not in {"moved", "misfire"}), ""
        )
        return f"Overdue by {span(late)}{f': {waits}' if waits else ''}.{ahead}"
    return f"Not public: {'; '.join(why_not) or outcome.replace('_', ' ')}.{ahead}"


def stretch_between(code: str, what: str, from_at: datetime | None, to_at: datetime | None) -> list[Stretch]:
    """Return a stretch if both ends are known and it lasted; a list, to be put together with others."""
    if from_at is None or to_at is None or to_at - from_at < timedelta(seconds=SHORTEST_SECONDS):
        return []
    return [Stretch(code, what, from_at, to_at)]
