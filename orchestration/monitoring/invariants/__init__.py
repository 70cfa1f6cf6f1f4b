"""Check what Headend promises (docs: DESIGN, invariants): after tests, after chaos, by `manage.py check_invariants`.

Each check reads and writes nothing. It says which row breaks which promise, in a sentence. What only a run can show (the
order of claims, the answer to a doubled request) is tested, not checked here.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from django.utils import timezone

from orchestration.core.heartbeats import SILENT_AFTER_SECONDS, component_ages
from orchestration.monitoring.invariants import publications, records, resources
from orchestration.monitoring.invariants.values import Look, Violation

Check = Callable[[Look], Iterator[Violation]]

CHECKS: tuple[tuple[int, str, Check], ...] = (
    (1, "at most one public video per distribution", publications.one_public_video),
    (1, "one open job per key", publications.one_open_job_per_key),
    (2, "no due schedule is lost", publications.nothing_due_is_lost),
    (2, "no running job is forgotten", publications.no_job_is_forgotten),
    (3, "never early, and lateness is stored", publications.never_early),
    (3, "nothing goes out unapproved", publications.nothing_unapproved),
    (4, "no pool holds more than it has", resources.slots_within_capacity),
    (4, "no rate is passed", resources.rates_within_capacity),
    (4, "no day's budget is passed", resources.budgets_within_capacity),
    (4, "a slot is released with its job", resources.slots_end_with_their_jobs),
    (5, "only listed states", records.only_listed_states),
    (5, "only listed transitions", records.only_listed_transitions),
    (5, "states agree with what they say", publications.states_agree),
    (6, "every change of state has its entry", records.changes_have_entries),
    (7, "nothing starts unless the system runs", publications.nothing_starts_while_held),
    (8, "one firing per moment and channel", publications.one_firing_per_moment),
    (12, "no secret in plain rows", records.no_plain_secrets),
    (13, "a copy does not run", records.a_copy_does_not_run),
    (6, "the record is as it was sealed", records.the_record_is_as_it_was_sealed),
    (17, "an open page notices every change", records.every_change_is_counted),
)
"""Number of the promise, its short name, and who looks."""


def check(
    now: datetime | None = None, *, ticking: bool | None = None, everything: bool = False
) -> list[Violation]:
    """Return every broken promise; an empty list is what is wanted.

    `ticking` says whether the clock runs, by its heartbeat if it is not given: while nothing ticks, what is overdue is not
    lost yet. `everything` reads the whole history, otherwise that of the last two days.
    """
    now = now or timezone.now()
    if ticking is None:
        ticking = component_ages(now).get("beat", SILENT_AFTER_SECONDS) < SILENT_AFTER_SECONDS
    look = Look(now=now, ticking=ticking, everything=everything)
    return [violation.named(number, name) for number, name, looking in CHECKS for violation in looking(look)]
