"""The engine's own entries in beat's schedule: what each does, how often it comes, and the bounds that its promises set.

Two write such a row: how often it comes is the operator's, all the rest is the engine's. The default that a row was
given is noted with it, so that a row which still has it follows a changed default, and a row that was changed does not.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from auditlog.context import disable_auditlog
from django.conf import settings
from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from channels.querysets import Lockable
from orchestration.core import audit
from orchestration.github import watch
from orchestration.states import Trigger
from orchestration.webhooks import deliveries

logger = logging.getLogger(__name__)

DEFAULT_GIVEN = "default_seconds"
"""Where the noted default stands in the row's headers; `config.beat` sends it to nobody."""


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Cadence:
    """One of the engine's entries: a task, what it is for, and how often it may come."""

    name: str
    task: str
    does: str
    default: int | str
    """Seconds, or the setting that has them."""
    fastest: int
    slowest: int
    not_faster: str
    not_slower: str
    not_off: str
    """What would break, or what to do instead, as sentences."""
    by_beat: bool = False
    reads: str = ""
    may_find: Callable[[], bool] = _always
    """Whether the task can find anything to do at all, in one statement; asked by beat before a call, where what it reads (a
    topic of `change_counts`) has changed since."""

    @property
    def default_seconds(self) -> int:
        """Return how often it comes unless an operator says otherwise."""
        return getattr(settings, self.default) if isinstance(self.default, str) else self.default

    def refusal(self, seconds: float) -> str:
        """Return why it may not come that often or that rarely; empty if it may."""
        if seconds < self.fastest:
            return f"{self.name} may come every {self.fastest} s at most. {self.not_faster}"
        if seconds > self.slowest:
            return f"{self.name} has to come every {self.slowest} s at least. {self.not_slower}"
        return ""


CADENCES = (
    Cadence(
        "tick",
        "orchestration.tasks.tick",
        "Starts what falls due, picks up what was left behind, wakes the workers.",
        default="HEADEND_TICK_SECONDS",
        fastest=1,
        slowest=15,
        not_faster="Its message is answered by a worker within about a second.",
        not_slower="A publication counts as overdue after 15 s, and beat as silent after 30 s.",
        not_off="Without it nothing that falls due is started. To hold everything, pause or stop the system.",
        by_beat=True,
    ),
    Cadence(
        "watch runs",
        "orchestration.tasks.watch_runs",
        "Looks at the open GitHub runs, each no sooner than HEADEND_WATCH_SECONDS after the last look.",
        default="HEADEND_WATCH_SECONDS",
        fastest=1,
        slowest=300,
        not_faster="Each look is a call of the 5,000 an hour that GitHub allows.",
        not_slower="What a run has uploaded is recorded and armed by this look only.",
        not_off="Without it no run is ever concluded. To send nothing to GitHub, pause the channels.",
        reads="jobs",
        may_find=watch.may_find,
    ),
    Cadence(
        "probe blockers",
        "orchestration.tasks.probe_blockers",
        "Asks whether what work waits for has ended: each condition after one minute, then less often, to every 15.",
        default=15,
        fastest=5,
        slowest=60,
        not_faster="No condition is asked about more than once a minute.",
        not_slower="What waits goes on later by as much, and a publication may have its moment within minutes.",
        not_off="Without it nothing that waits for a condition goes on. To send nothing, pause the system.",
    ),
    Cadence(
        "scrape sources",
        "orchestration.tasks.scrape_sources",
        "Queues the sources whose own interval is over.",
        default=60,
        fastest=10,
        slowest=3600,
        not_faster="A source's own interval is a minute or more.",
        not_slower="A source is read late by as much; how often it is read is set at the source.",
        not_off="Without it no source is read. To read none, pause the sources.",
    ),
    Cadence(
        "standing rules",
        "orchestration.tasks.run_standing_rules",
        "Runs the standing rules whose own time has come: distributes, and lets series go on.",
        default=60,
        fastest=10,
        slowest=300,
        not_faster="A standing rule's own interval is five minutes or more.",
        not_slower="A rule runs late by as much; how often it runs is set at the rule.",
        not_off="Without it nothing is planned by itself. To plan nothing, switch the rules off.",
    ),
    Cadence(
        "check channels",
        "orchestration.tasks.check_channels",
        "Queues a look at each channel, its credential and its repository.",
        default=300,
        fastest=300,
        slowest=86_400,
        not_faster="Twelve rounds an hour are what GitHub's 5,000 calls allow beside dispatching.",
        not_slower="A credential that ends is announced three days ahead, which needs a look a day.",
        not_off="Without it a revoked credential is noticed at the next upload only. To ask rarely, let it come once a day.",
    ),
    Cadence(
        "tidy uploads",
        "orchestration.tasks.tidy_uploads",
        "Hands on uploads that a crash left whole, and throws away what is older than HEADEND_UPLOAD_DAYS.",
        default=60,
        fastest=10,
        slowest=86_400,
        not_faster="Each look reads the folder of all uploads.",
        not_slower="What a crash left whole is taken in late by as much.",
        not_off="Without it what has come of uploads that nobody finishes stays on the disk for good.",
    ),
    Cadence(
        "clean disk",
        "orchestration.tasks.clean_disk",
        "Deletes files that the rules of retention keep no longer and that no plan needs.",
        default=3600,
        fastest=60,
        slowest=86_400,
        not_faster="The rules count in days.",
        not_slower="The disk is full earlier by as much.",
        not_off="Without it the disk fills up. To delete nothing, set HEADEND_KEEP_ORIGINALS and HEADEND_KEEP_PREPARED "
        "to forever, as they are by default.",
    ),
    Cadence(
        "notify",
        "orchestration.tasks.notify",
        "Looks at what needs a person, and sends the notifications that rules ask for.",
        default=15,
        fastest=5,
        slowest=300,
        not_faster="Each look reads all that the overview complains about.",
        not_slower="A person is told late by as much, and a digest comes late by as much.",
        not_off="Without it nobody is told of anything. To be told nothing, switch the rules off.",
    ),
    Cadence(
        "send webhooks",
        "orchestration.tasks.send_webhooks",
        "Sends what happens to the webhook endpoints; without any it does nothing.",
        default=3,
        fastest=1,
        slowest=300,
        not_faster="Each look seals the record and asks once for each endpoint.",
        not_slower="Other machines hear late by as much.",
        not_off="Without it no event is sent. To send none, switch the endpoints off.",
        reads="webhooks",
        may_find=deliveries.may_find,
    ),
    Cadence(
        "seal the record",
        "orchestration.tasks.seal_record",
        "Chains the activity log's new entries, so that a change of them is found; writes anchors outside the database.",
        default=10,
        fastest=2,
        slowest=300,
        not_faster="Each look costs a few statements, and an entry has been written for good by then anyway.",
        not_slower="What is changed in the database before it is sealed, no check can find.",
        not_off="Without it, whoever can write to the database can change the record and nobody finds out.",
    ),
    Cadence(
        "collect statistics",
        "orchestration.tasks.collect_statistics",
        "Queues the collection of YouTube's numbers, and deletes those that are older than 30 days.",
        default="HEADEND_STATISTICS_SECONDS",
        fastest=5,
        slowest=86_400,
        not_faster="Numbers are asked anew when they are half as old as HEADEND_STATISTICS_SECONDS.",
        not_slower="YouTube's policies let its numbers be kept for 30 days, and this deletes the older ones.",
        not_off="YouTube's policies let its numbers be kept for 30 days, and this deletes the older ones. "
        "To ask rarely, let it come once a day.",
    ),
    Cadence(
        "keep reports",
        "orchestration.tasks.keep_reports",
        "Makes forecasts anew where more than 1,000 publications are planned, each at most once a minute.",
        default=20,
        fastest=5,
        slowest=3600,
        not_faster="A forecast is made anew once a minute at most.",
        not_slower="The page shows a forecast that is older by as much.",
        not_off="Without it the page shows an old forecast where much is planned. For that, once an hour will do.",
    ),
)
BY_NAME = {cadence.name: cadence for cadence in CADENCES}
NEVER_SET = (
    *("crontab", "solar", "clocked", "start_time", "expires", "expire_seconds"),
    *("queue", "exchange", "routing_key", "priority"),
)
"""Columns with which a row of ours would come at another time, end, or go past the workers that wait for it."""


def keep() -> None:
    """Make the rows that are missing and mend the others, each under its lock; any number of beats may do so at once.

    An operator's cadence stays. One out of bounds, or a row that is switched off, came past the admin: it is set right.
    """
    with audit.acting_as(audit.Acting("beat", None, Trigger.BEAT)), disable_auditlog():
        _make_missing()
        for cadence in CADENCES:
            _mend(cadence)


def change(row: PeriodicTask, seconds: int, reason: str = "") -> None:
    """Let a row come every so many seconds, and record it; a beat that runs takes it up within seconds.

    Raises: ValueError, saying why it may not.
    """
    if refused := BY_NAME[row.name].refusal(seconds):
        raise ValueError(refused)
    with transaction.atomic(), disable_auditlog():
        locked: PeriodicTask = Lockable(PeriodicTask).locked().get(pk=row.pk)
        before = seconds_of(locked)
        locked.interval = row.interval = interval(seconds)
        locked.save()
        if before != seconds:
            audit.record(
                "cadence_changed",
                locked,
                before={"every_seconds": before},
                after={"every_seconds": seconds},
                reason=reason,
            )


def seconds_of(row: PeriodicTask) -> float | None:
    """Return the seconds between two calls; None if the row has no interval."""
    return (
        None
        if row.interval is None
        else timedelta(**{row.interval.period: row.interval.every}).total_seconds()
    )


def interval(seconds: int) -> IntervalSchedule:
    """Return the interval of so many seconds; rows share it."""
    wanted = {"every": seconds, "period": IntervalSchedule.SECONDS}
    return IntervalSchedule.objects.filter(**wanted).order_by(
        "pk"
    ).first() or IntervalSchedule.objects.create(**wanted)


def _engines_own(cadence: Cadence) -> dict[str, Any]:
    """Return what a row has whatever an operator does."""
    return {
        "task": cadence.task,
        "description": cadence.does,
        "args": "[]",
        "kwargs": json.dumps({"by_beat": True} if cadence.by_beat else {}),
        "headers": json.dumps({DEFAULT_GIVEN: cadence.default_seconds}),
        "enabled": True,
        "one_off": False,
        **dict.fromkeys(NEVER_SET),
    }


def _make_missing() -> None:
    there = set(PeriodicTask.objects.filter(name__in=BY_NAME).values_list("name", flat=True))
    missing = [
        PeriodicTask(name=cadence.name, interval=interval(cadence.default_seconds), **_engines_own(cadence))
        for cadence in CADENCES
        if cadence.name not in there
    ]
    if missing:
        # Another beat may make them at the same moment; who comes second changes nothing.
        PeriodicTask.objects.bulk_create(missing, ignore_conflicts=True)
        PeriodicTasks.update_changed()


def _mend(cadence: Cadence) -> None:
    with transaction.atomic():
        row: PeriodicTask = Lockable(PeriodicTask).locked().get(name=cadence.name)
        before = {"every_seconds": seconds_of(row), "enabled": row.enabled}
        wanted = {**_engines_own(cadence), "interval": row.interval}
        why = _not_the_operators(cadence, row)
        if why:
            wanted["interval"] = interval(cadence.default_seconds)
        if not row.enabled:
            why = cadence.not_off
            logger.warning("%s was switched off and is on again. %s", cadence.name, why)
        if all(getattr(row, field) == value for field, value in wanted.items()):
            return
        for field, value in wanted.items():
            setattr(row, field, value)
        row.save()
        after = {"every_seconds": seconds_of(row), "enabled": row.enabled}
        if after != before:
            audit.record("cadence_changed", row, before=before, after=after, reason=why)


def _not_the_operators(cadence: Cadence, row: PeriodicTask) -> str:
    """Return why a row is to have the default; empty if an operator has set it."""
    try:
        given = json.loads(row.headers or "{}").get(DEFAULT_GIVEN)
    except (ValueError, AttributeError):
        given = None
    seconds = seconds_of(row)
    if given is None or seconds == given:
        return "it follows the default, which has changed"
    if seconds is None:
        return "the engine's entries come at intervals"
    return cadence.refusal(seconds)
