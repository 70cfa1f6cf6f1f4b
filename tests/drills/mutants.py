"""Take one guard of the protocol away at a time, and see that the test which is there for it fails.

    .venv/bin/python tests/drills/mutants.py [--only NAME] [--processes 2]

Each mutant is one exact replacement in a copy of the tree; its test is run there. A mutant that no test kills is a guard
that nobody would miss until it is missed in earnest: exit code 1. `tests/test_mutants.py` holds the list to the sources.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "var", "__pycache__", ".pytest_cache", ".mypy_cache", "node_modules"
)


@dataclass(frozen=True)
class Mutant:
    """One guard: where it stands, what it is replaced with, and the tests of which at least one must fail then."""

    name: str
    file: str
    source: str
    replacement: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "a POST to GitHub is repeated",
        "channels/gateways/github.py",
        "self._writer = Github(**common, retry=None)",
        "self._writer = Github(**common)",
        (
            "tests/channels/test_github_gateway.py"
            "::test_a_failing_answer_to_a_dispatch_is_uncertain_and_never_repeated",
        ),
    ),
    Mutant(
        "an unlisted dispatch is concluded from at once",
        "orchestration/github/watch.py",
        "elif age > 2 * SETTLE:",
        "elif True:",
        ("tests/orchestration/test_workflows.py",),
    ),
    Mutant(
        "a success without an upload is concluded from at once",
        "orchestration/github/watch.py",
        "if seen.outcome == Outcome.TOO_EARLY and not _is_given_up(run, conclusion):",
        "if False:",
        (
            "tests/orchestration/test_workflows.py"
            "::test_success_without_an_upload_needs_review_once_youtubes_list_had_its_time",
        ),
    ),
    Mutant(
        "a state is swapped whatever its version",
        "orchestration/core/transitions.py",
        "pk=row.pk, state=old_state, version=row.version, **(where or {})",
        "pk=row.pk, state=old_state, **(where or {})",
        (
            "tests/orchestration/test_transitions.py"
            "::test_a_row_that_came_back_to_its_old_state_still_refuses_the_older_version",
        ),
    ),
    Mutant(
        "the audit entry is written outside of the transaction",
        "orchestration/core/transitions.py",
        "    with transaction.atomic():\n        written = model._default_manager.filter(\n            pk=row.pk",
        "    if True:\n        written = model._default_manager.filter(\n            pk=row.pk",
        (
            "tests/orchestration/test_transitions.py"
            "::test_an_entry_that_cannot_be_written_takes_the_state_back",
        ),
    ),
    Mutant(
        "the permit is given to every run",
        "orchestration/github/callbacks.py",
        "if run.permit_run_id is not None and (run.permit_run_id, run.permit_run_attempt) != (",
        "if False and (run.permit_run_id, run.permit_run_attempt) != (",
        ("tests/orchestration/test_workflows.py::test_a_second_run_and_a_rerun_are_refused",),
    ),
    Mutant(
        "an upload is begun without looking for an earlier one",
        "orchestration/pipeline/stage.py",
        "if is_restored or (session is None and may_be_uploaded(distribution, fresh=fresh)):",
        "if False:",
        (
            "tests/orchestration/test_failpoints.py"
            "::test_an_upload_whose_receipt_and_session_are_lost_is_found_before_another_is_made",
        ),
    ),
    Mutant(
        "a database that is behind its installation's mark goes on",
        "orchestration/core/installation.py",
        "    if high_water.is_behind(mark, standing):\n        return _of_one_behind(mark, standing)",
        "    if False:\n        return _of_one_behind(mark, standing)",
        (
            "tests/orchestration/test_high_water.py"
            "::test_a_backup_put_back_into_the_same_folder_boots_paused_and_says_what_was_found",
        ),
    ),
    Mutant(
        "what waits for a condition is refused for good",
        "orchestration/pipeline/endings.py",
        'case TryFailed() | RemoteError() | MediaError() | OrchestrationError() if error.again == "blocked":',
        "case TryFailed() | RemoteError() | MediaError() | OrchestrationError() if False:",
        (
            "tests/orchestration/test_blockers.py"
            "::test_a_revoked_consent_costs_nothing_that_is_connected_again_in_time",
        ),
    ),
    Mutant(
        "what somebody changed is not compared before a flip",
        "orchestration/pipeline/publish.py",
        "    require_ours(compared(distribution, schedule, status, theirs), status.id)\n",
        "",
        (
            "tests/orchestration/test_changed_elsewhere.py"
            "::test_what_is_unlisted_seconds_before_its_flip_is_not_flipped",
        ),
    ),
    Mutant(
        "a lost dispatch is sent again, and the lost run keeps its way in",
        "orchestration/github/callbacks.py",
        "    if run.state not in OPEN_RUNS:\n        raise PermitRefused(",
        "    if False:\n        raise PermitRefused(",
        (
            "tests/orchestration/test_workflows.py::"
            "test_a_lost_dispatch_is_dispatched_again_where_a_permit_keeps_the_lost_run_from_uploading",
        ),
    ),
    Mutant(
        "a run that took its permit meanwhile is dispatched again",
        "orchestration/github/watch.py",
        'where = {"permit_run_id": None}',
        "where = {}",
        (
            "tests/orchestration/test_workflows.py"
            "::test_a_lost_run_that_took_its_permit_meanwhile_is_not_dispatched_again",
        ),
    ),
    Mutant(
        "our clock is believed where YouTube's says otherwise",
        "channels/gateways/youtube_wire.py",
        "return received_at - there if is_ahead else timedelta(0)",
        "return timedelta(0)",
        ("tests/orchestration/test_clock_ahead.py",),
    ),
    Mutant(
        "a slot is released twice",
        "orchestration/queue/pools.py",
        "Lease.objects.held().filter(job=job).update(released_at=now",
        "Lease.objects.filter(job=job).update(released_at=now",
        ("tests/orchestration/test_pools.py::test_a_slot_is_given_back_once_however_the_job_ends",),
    ),
    Mutant(
        "units of a call whose outcome nobody knows are given back",
        "orchestration/queue/pools.py",
        "state = BudgetEntryState.SETTLED if known else BudgetEntryState.UNKNOWN",
        "state = BudgetEntryState.SETTLED if known else BudgetEntryState.RELEASED",
        (
            "tests/orchestration/test_pools.py"
            "::test_a_charge_is_closed_by_what_is_known_of_its_call_and_only_once",
        ),
    ),
    Mutant(
        "an upload that may have happened is given back",
        "orchestration/queue/pools.py",
        "state=BudgetEntryState.SETTLED if job.state == JobState.SUCCEEDED else BudgetEntryState.UNKNOWN,",
        "state=BudgetEntryState.SETTLED if job.state == JobState.SUCCEEDED else BudgetEntryState.RELEASED,",
        ("tests/orchestration/test_pools.py::test_an_upload_that_may_have_happened_is_never_given_back",),
    ),
    Mutant(
        "a worker writes the outcome of a job that was taken from it",
        "orchestration/queue/jobs.py",
        "return Job.objects.filter(pk=job.pk, holder=holder, version=version, state=JobState.RUNNING)",
        "return Job.objects.filter(pk=job.pk, state=JobState.RUNNING)",
        ("tests/orchestration/test_lease.py", "tests/orchestration/test_execution.py"),
    ),
    Mutant(
        "an arming that was never confirmed is not told again",
        "orchestration/pipeline/publish.py",
        "return schedule.armed_for is not None and job.confirmed_for == schedule.armed_for",
        "return schedule.armed_for is not None",
        ("tests/orchestration/test_publication.py", "tests/orchestration/test_failpoints.py"),
    ),
)


def occurrences(mutant: Mutant, root: Path = ROOT) -> int:
    """Return how often a mutant's text stands in its file: once, or the list has rotted."""
    return (root / mutant.file).read_text(encoding="utf-8").count(mutant.source)


def run(mutant: Mutant) -> tuple[bool, str, float]:
    """Apply one mutant in a copy and run its tests; returns whether one failed, the one, and how long that took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="headend-mutant-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT, symlinks=True)
        file = copy / mutant.file
        file.write_text(
            file.read_text(encoding="utf-8").replace(mutant.source, mutant.replacement), encoding="utf-8"
        )
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant.tests]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, timeout=600)
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    # Exit code 1 is a failed test; another one says that nothing was tried.
    killed = done.returncode == 1 and bool(failed)
    said = failed[0].removeprefix("FAILED ").partition(" - ")[0] if failed else done.stdout.strip()[-200:]
    return killed, said, time.monotonic() - began


def main() -> int:
    """Run all, or those whose name holds a word; print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="a part of the name")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.name]
    alive = [mutant for mutant in chosen if occurrences(mutant) != 1]
    for mutant in alive:
        print(f"ROTTEN    {mutant.name}: its text stands {occurrences(mutant)} times in {mutant.file}")
    with ThreadPoolExecutor(options.processes) as pool:
        for mutant, (killed, said, seconds) in zip(chosen, pool.map(run, chosen), strict=True):
            print(
                f"{'killed' if killed else 'SURVIVED':9} {seconds:5.0f} s  {mutant.name}: {said}", flush=True
            )
            if not killed and mutant not in alive:
                alive.append(mutant)
    print(f"{len(chosen) - len(alive)} of {len(chosen)} mutants are killed")
    return int(bool(alive))


if __name__ == "__main__":
    sys.exit(main())
