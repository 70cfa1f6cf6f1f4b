"""Do one verb to many rows: shown first with what is refused and why, then done in one transaction, with one entry for all.

Which row takes which verb is the table of verbs (`why_not`); what stands against a time is found by trying, and taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import models, transaction

from channels.models import Channel, ChannelGroup
from channels.stateful import Stateful
from orchestration.core import audit, lookup
from orchestration.engine import jobs
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.github import configuration
from orchestration.models import Conflict, Job, Schedule, Source, SystemState, Wave
from orchestration.monitoring import health
from orchestration.queue import jobs as queue
from orchestration.register import channels, groups, sources
from orchestration.scheduling import conflict_actions, reservations, schedules, waves
from orchestration.scheduling.rows import lock_channels

MOST = 1_000
"""So many rows are taken at once, in one transaction that planners wait for: a second or two at most."""
MOST_TRIED = 300
"""So many, where each has to be tried to know whether its time is free."""
LONGEST_MOVE_MINUTES = 525_600
MEMBERS_NAMED = 20

Values = Mapping[str, Any]
One = Callable[[Any, str, Values], Any]
Many = Callable[..., Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class BulkVerb:
    """How a verb is done to one row, or to all at once, and what is said of a row to which it is done."""

    says: str
    one: One | None = None
    many: Many | None = None
    """Takes ids, the reason and what it `needs`, does the same to rows of any state in a few statements, and returns by id
    why it refuses some."""
    all: Callable[[list[int], str, Values], Any] | None = None
    tried: bool = False
    """Whether only trying tells what becomes of a row: a time may not be free."""
    needs: tuple[str, ...] = ()
    """Values that must be given."""
    any_state: bool = False
    """Whether the table of verbs does not know it, since no state stands against it."""
    method: str = ""
    """The method of the service that does it to one, whose level it needs; by rule the verb and the kind, joined."""


@dataclass(frozen=True, slots=True)
class BulkRefusal:
    """Why some rows are left as they are: how many, and the first of them by name."""

    cause: str
    count: int
    ids: Sequence[int]
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What a verb does, or would do, to many rows. `left` were beyond what is taken at once."""

    kind: str
    verb: str
    dry_run: bool
    total: int
    done: Sequence[int]
    names: Sequence[str]
    says: str
    refused: Sequence[BulkRefusal] = field(default_factory=tuple)
    left: int = 0
    correlation_id: str = ""
    sentences: Sequence[str] = field(default_factory=tuple)

    @property
    def refused_count(self) -> int:
        """Return how many are refused."""
        return sum(refusal.count for refusal in self.refused)


def _shift(row: Schedule, reason: str, values: Values) -> Schedule:
    return schedules.move(row.pk, row.publish_at + timedelta(minutes=values["minutes"]), reason)


def _group_of(values: Values) -> int:
    return lookup.one(ChannelGroup.objects.all(), values["group_id"], field="group_id").pk


CHANNEL_BULK = {
    "pause": BulkVerb(
        "is paused", lambda row, why, _: channels.pause_channel(row.pk, why), many=channels.pause_all
    ),
    "resume": BulkVerb(
        "goes on", lambda row, why, _: channels.resume_channel(row.pk, why), many=channels.resume_all
    ),
    "disable": BulkVerb(
        "is disabled", lambda row, why, _: channels.disable_channel(row.pk, why), many=channels.disable_all
    ),
    "check": BulkVerb("is checked", all=lambda ids, why, _: health.check(ids), method="check_channels"),
    "sync": BulkVerb(
        "has its configuration written",
        all=lambda ids, why, _: configuration.sync(ids),
        method="sync_channel_configs",
    ),
    "add_to_group": BulkVerb(
        "comes into the group",
        all=lambda ids, why, values: groups.add_channels(_group_of(values), ids, why),
        needs=("group_id",),
        any_state=True,
        method="add_group_channels",
    ),
    "remove_from_group": BulkVerb(
        "goes out of the group",
        all=lambda ids, why, values: groups.remove_channels(_group_of(values), ids, why),
        needs=("group_id",),
        any_state=True,
        method="remove_group_channels",
    ),
    "add_labels": BulkVerb(
        "has the labels",
        all=lambda ids, why, values: groups.add_labels(ids, values["labels"], why),
        needs=("labels",),
        any_state=True,
        method="add_channel_labels",
    ),
    "remove_labels": BulkVerb(
        "loses the labels",
        all=lambda ids, why, values: groups.remove_labels(ids, values["labels"], why),
        needs=("labels",),
        any_state=True,
        method="remove_channel_labels",
    ),
}
SCHEDULE_BULK = {
    "hold": BulkVerb("is held", lambda row, why, _: schedules.hold(row.pk, why), many=schedules.hold_all),
    "release": BulkVerb(
        "is released",
        lambda row, why, _: schedules.release(row.pk, why),
        many=schedules.release_all,
        tried=True,
    ),
    "move": BulkVerb("is moved", _shift, many=schedules.move_all, tried=True, needs=("minutes",)),
    "cancel": BulkVerb(
        "is cancelled", lambda row, why, _: schedules.cancel(row.pk, why), many=schedules.cancel_all
    ),
    "reopen": BulkVerb(
        "is reopened",
        lambda row, why, _: schedules.reopen(row.pk, why),
        many=schedules.reopen_all,
        tried=True,
    ),
    "bump": BulkVerb("goes first", lambda row, why, _: schedules.bump(row.pk, why), many=schedules.bump_all),
}
JOB_BULK = {
    "retry": BulkVerb("is tried again", lambda row, why, _: jobs.retry(row.pk, why), tried=True),
    "cancel": BulkVerb(
        "is cancelled, or asked to stop", lambda row, why, _: jobs.cancel(row.pk, why), many=jobs.cancel_all
    ),
    "bump": BulkVerb("goes first", lambda row, why, _: jobs.bump(row.pk, why), many=queue.bump_all),
}
WAVE_BULK = {
    "pause": BulkVerb("is paused", lambda row, why, _: waves.pause(row.pk, why), many=waves.pause_all),
    "resume": BulkVerb("goes on", lambda row, why, _: waves.resume(row.pk, why), many=waves.resume_all),
    "cancel": BulkVerb("is cancelled", lambda row, why, _: waves.cancel(row.pk, why), many=waves.cancel_all),
}
SOURCE_BULK = {
    "pause": BulkVerb("is paused", lambda row, why, _: sources.pause(row.pk, why), many=sources.pause_all),
    "resume": BulkVerb("goes on", lambda row, why, _: sources.resume(row.pk, why), many=sources.resume_all),
    "scrape": BulkVerb("is read", lambda row, why, _: sources.scrape_now(row.pk), many=sources.scrape_all),
}
CONFLICT_BULK = {
    "dismiss": BulkVerb(
        "is dismissed",
        lambda row, why, _: conflict_actions.dismiss(row.pk, why),
        many=conflict_actions.dismiss_all,
    ),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one kind: what can be done to many of them, and how they are read and named."""

    rows: Callable[[], models.QuerySet[Any]]
    verbs: Mapping[str, BulkVerb]
    name: Callable[[Any], str]
    channels: Callable[[Sequence[Any]], Iterable[int]]


def _job_name(row: Job) -> str:
    about = " on ".join(str(thing) for thing in (row.video or row.source, row.channel) if thing)
    return f"{row.get_kind_display()}: {about}" if about else str(row.get_kind_display())


def _own_channels(rows: Sequence[Any]) -> set[int]:
    return {row.channel_id for row in rows if row.channel_id is not None}


def _wave_channels(rows: Sequence[Wave]) -> set[int]:
    return set(Schedule.objects.filter(wave__in=rows).values_list("channel_id", flat=True))


KINDS: Mapping[str, Kind] = {
    "channel": Kind(
        lambda: Channel.objects.order_by("name", "pk"), CHANNEL_BULK, str, lambda rows: [r.pk for r in rows]
    ),
    "schedule": Kind(
        lambda: Schedule.objects.select_related("distribution__video", "channel", "wave").order_by(
            "publish_at", "pk"
        ),
        SCHEDULE_BULK,
        lambda row: f"{row.distribution.video} on {row.channel}",
        _own_channels,
    ),
    "job": Kind(
        lambda: Job.objects.select_related("video", "source", "channel", "schedule").order_by("rank", "pk"),
        JOB_BULK,
        _job_name,
        _own_channels,
    ),
    "wave": Kind(lambda: Wave.objects.order_by("pk"), WAVE_BULK, str, _wave_channels),
    "source": Kind(lambda: Source.objects.order_by("name", "pk"), SOURCE_BULK, str, lambda rows: ()),
    "conflict": Kind(
        lambda: Conflict.objects.order_by("pk"), CONFLICT_BULK, lambda row: row.message, lambda rows: ()
    ),
}


OF_CHANNELS = frozenset({"channel", "schedule", "job", "wave", "conflict"})
"""The kinds of rows that belong to channels, so that whoever is limited to some may take them."""


def verbs_of(kind: str) -> list[str]:
    """Return what can be done to many rows of a kind."""
    return list(KINDS[kind].verbs)


def method_of(kind: str, verb: str) -> str | None:
    """Return the method of the service that does a verb to one row; None where there is no such verb."""
    how = KINDS[kind].verbs.get(verb) if kind in KINDS else None
    return None if how is None else how.method or f"{verb}_{kind}"


def run(
    kind: str,
    verb: str,
    ids: Sequence[int],
    *,
    reason: str = "",
    values: Values | None = None,
    dry_run: bool = False,
    against: Mapping[int, str] | None = None,
) -> BulkResult:
    """Do a verb to rows, or show what it would do; one that is refused keeps no other from it.

    `against` says of rows by id why they are refused, whatever their state.

    Raises: InvalidRequest, naming the field; NotFound, naming the rows that are missing.
    """
    known, how, values = _checked(kind, verb, values or {})
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        raise InvalidRequest("Nothing is chosen: name at least one.", field="ids")
    most = MOST_TRIED if how.tried else MOST
    with transaction.atomic():
        if not dry_run or how.tried:
            _lock(known, wanted[:most], how)
        rows = _read(known, wanted[:most])
        lookup.check_found(known.rows().model, wanted[:most], [row.pk for row in rows], field="ids")
        outcome = _Outcome(known, verb, how, reason, values)
        chosen = len(rows)
        rows = outcome.without(rows, against or {})
        if how.all is not None:
            outcome.together(rows, dry_run=dry_run)
        elif how.many is not None and (how.tried or not dry_run):
            outcome.in_sets(rows, dry_run=dry_run)
        else:
            outcome.each(rows, dry_run=dry_run)
        if outcome.done and not dry_run:
            audit.record(
                f"bulk_{verb}",
                SystemState(pk=1),
                after={
                    "kind": kind,
                    "done": len(outcome.done),
                    "refused": chosen - len(outcome.done),
                    **{name: values[name] for name in how.needs},
                },
                reason=reason,
                members={kind: [row.pk for row in outcome.done]},
            )
        if dry_run:
            transaction.set_rollback(True)
    return BulkResult(
        kind=kind,
        verb=verb,
        dry_run=dry_run,
        total=len(wanted),
        done=[row.pk for row in outcome.done],
        names=[known.name(row) for row in outcome.done[:MEMBERS_NAMED]],
        says=how.says,
        refused=outcome.refusals(),
        left=max(len(wanted) - most, 0),
        correlation_id="" if dry_run else audit.acting().correlation_id,
        sentences=outcome.sentences[:MEMBERS_NAMED],
    )


def _checked(kind: str, verb: str, values: Values) -> tuple[Kind, BulkVerb, Values]:
    known = KINDS.get(kind)
    if known is None:
        raise InvalidRequest(f"{kind!r} is not one of {', '.join(KINDS)}.", field="kind")
    how = known.verbs.get(verb)
    if how is None:
        raise InvalidRequest(f"{verb!r} is not one of {', '.join(known.verbs)}.", field="verb")
    for name in how.needs:
        if values.get(name) in (None, "", []):
            raise InvalidRequest(f"{verb.replace('_', ' ').capitalize()} needs {name}.", field=name)
    minutes = values.get("minutes")
    if "minutes" in how.needs and (
        not isinstance(minutes, int) or not 0 < abs(minutes) <= LONGEST_MOVE_MINUTES
    ):
        raise InvalidRequest(
            f"Minutes to move by lie between 1 and {LONGEST_MOVE_MINUTES}, either way.", field="minutes"
        )
    if "labels" in how.needs:
        values = {**values, "labels": groups.check_labels(values["labels"])}
    if "group_id" in how.needs:
        _group_of(values)
    return known, how, values


def _lock(known: Kind, ids: Sequence[int], how: BulkVerb) -> None:
    """Lock in the order that everybody takes: all calendars first, then the planners' lock."""
    rows = list(known.rows().filter(pk__in=ids))
    lock_channels(sorted(known.channels(rows)))
    if how.tried:
        reservations.hold_alone()


def _read(known: Kind, ids: Sequence[int]) -> list[Any]:
    return list(known.rows().filter(pk__in=ids))


class _Outcome:
    """What becomes of each row."""

    def __init__(self, known: Kind, verb: str, how: BulkVerb, reason: str, values: Values) -> None:
        self.known, self.verb, self.how, self.reason, self.values = known, verb, how, reason, values
        self.done: list[Any] = []
        self.sentences: list[str] = []
        self._refused: dict[str, list[Any]] = {}

    def without(self, rows: Sequence[Any], against: Mapping[int, str]) -> list[Any]:
        """Refuse those that something stands against, and return the others."""
        for row in rows:
            if row.pk in against:
                self._refuse(row, against[row.pk])
        return [row for row in rows if row.pk not in against]

    def each(self, rows: Sequence[Any], *, dry_run: bool) -> None:
        """Do it to one after the other, each in a savepoint of its own; a preview tries only what has to be tried."""
        if "minutes" in self.how.needs and self.values["minutes"] > 0:
            rows = list(reversed(rows))  # each makes room for the one before it
        for row in rows:
            against = self._against(row)
            if against:
                self._refuse(row, against)
            elif dry_run and not self.how.tried:
                self.done.append(row)
            else:
                self._try(row)

    def _try(self, row: Any) -> None:
        assert self.how.one is not None  # noqa: S101 - one of both is there
        try:
            with transaction.atomic():
                made = self.how.one(row, self.reason, self.values)
        except OrchestrationError as error:
            self._refuse(row, error.message)
            return
        self.done.append(row)
        self._say(row, made)

    def _say(self, row: Any, made: Any) -> None:
        if isinstance(made, Schedule) and made.publish_at != row.publish_at:
            self.sentences.append(f"{self.known.name(row)}: {made.publish_at:%Y-%m-%d %H:%M} UTC")
        elif isinstance(made, Schedule) and self.how.tried:
            self.sentences.append(f"{self.known.name(row)}: {made.get_state_display()}")

    def together(self, rows: Sequence[Any], *, dry_run: bool) -> None:
        """Do it in one call to all that take it."""
        for row in rows:
            against = self._against(row)
            if against:
                self._refuse(row, against)
            else:
                self.done.append(row)
        if self.done and not dry_run:
            assert self.how.all is not None  # noqa: S101 - one of both is there
            self.how.all([row.pk for row in self.done], self.reason, self.values)

    def in_sets(self, rows: Sequence[Any], *, dry_run: bool) -> None:
        """Do it to all that take it in a few statements; what stands against one alone is found row by row then."""
        assert self.how.many is not None  # noqa: S101 - asked for by who has it
        try:
            with transaction.atomic():
                given = {name: self.values[name] for name in self.how.needs}
                refused = self.how.many([row.pk for row in rows], self.reason, **given)
        except OrchestrationError:
            self.each(rows, dry_run=dry_run)
            return
        for row in rows:
            if row.pk in refused:
                self._refuse(row, refused[row.pk])
            else:
                self.done.append(row)
        if self.how.tried:
            after = {row.pk: row for row in _read(self.known, [row.pk for row in self.done])}
            for row in self.done:
                self._say(row, after[row.pk])

    def _against(self, row: Stateful) -> str:
        return "" if self.how.any_state else row.why_not(self.verb)

    def _refuse(self, row: Any, sentence: str) -> None:
        self._refused.setdefault(_cause(row, sentence), []).append(row)

    def refusals(self) -> list[BulkRefusal]:
        """Return the causes, those with the most rows first."""
        return [
            BulkRefusal(
                cause,
                len(rows),
                [row.pk for row in rows],
                [self.known.name(row) for row in rows[:MEMBERS_NAMED]],
            )
            for cause, rows in sorted(self._refused.items(), key=lambda item: (-len(item[1]), item[0]))
        ]


def _cause(row: Any, sentence: str) -> str:
    """Return a refusal without the row that it speaks of, so that like ones are counted together."""
    kind = str(row._meta.verbose_name)
    for name in (f"{kind[:1].upper()}{kind[1:]} {row.pk}", f"{kind} {row.pk}"):
        sentence = sentence.replace(name, "it")
    return sentence[:1].upper() + sentence[1:]
