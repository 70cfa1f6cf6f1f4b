"""List the commands about what work waits for, and those that act on all of one cause."""

import argparse
from collections.abc import Sequence
from typing import Any

from orchestration.api.schemas import blockers
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service
from orchestration.results.causes import BlockerReport, CauseResult


def _blockers(rows: Sequence[BlockerReport]) -> list[str]:
    lines = [line for row in rows for line in _blocker(row)]
    return lines or ["Nothing waits for a condition."]


def _blocker(row: BlockerReport) -> list[str]:
    head = f"{row.id}  {row.code}, {row.subject}: {row.waiting} waiting, since {row.since:%Y-%m-%d %H:%M} UTC"
    asked = (
        f"    asked about next at {row.next_probe_at:%H:%M:%S} UTC"
        if row.next_probe_at
        else "    it has ended"
    )
    answer = [f"    last answer: {row.last_answer}"] if row.last_answer else []
    return [head, f"    {row.sentence}", f"    {row.remedy}", asked, *answer]


def _result(result: CauseResult) -> list[str]:
    done = sum(member.done for member in result.members)
    would = "would be done" if result.dry_run else "done"
    lines = [
        f"{'ok  ' if member.done else 'no  '}{member.kind} {member.id}  {member.name}: {member.sentence}"
        for member in result.members
    ]
    more = f", {result.left} more for another time" if result.left else ""
    return [*lines, f"{result.verb} by {result.cause}: {done} of {len(result.members)} {would}{more}."]


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the blocker")


def _cause_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cause", required=True, help="an error code, as jobs and `blockers` show it")
    parser.add_argument(
        "--channel", action="append", default=[], help="only on this channel (slug or id), repeatable"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="tell what would become of each, write nothing"
    )
    arguments.add_reason(parser)


def _retry_options(parser: argparse.ArgumentParser) -> None:
    _cause_options(parser)
    parser.add_argument(
        "--next-free", action="store_true", help="take the next free time where the old one is over or taken"
    )


def _move_options(parser: argparse.ArgumentParser) -> None:
    _cause_options(parser)
    parser.add_argument(
        "--after",
        type=arguments.instant,
        help="from which instant slots are taken, with its offset; now by default",
    )


def _asked(service: Service, schema: Any, method: str, options: Options, **more: Any) -> Any:
    """Check what was given as the API does, and call the service."""
    body = schema(
        cause=options.cause,
        channels=options.channel,
        dry_run=options.dry_run,
        reason=options.reason,
        **more,
    )
    return getattr(service, method)(**body.arguments())


def _retry(service: Service, options: Options) -> Any:
    return _asked(service, blockers.RetryByCause, "retry_by_cause", options, next_free=options.next_free)


BLOCKERS = (
    Command(
        "blockers",
        "show what work waits for",
        lambda s, o: s.get_blockers(),
        list[blockers.BlockerOut],
        _blockers,
    ),
    Command(
        "blocker-probe",
        "ask now whether a condition has ended",
        lambda s, o: s.probe_blocker(blocker_id=o.id),
        blockers.BlockerOut,
        _blocker,
        _one,
    ),
    Command(
        "blocker-take-over-branch",
        "let a channel whose branch is gone use its repository's default branch",
        lambda s, o: s.take_over_branch(blocker_id=o.id),
        blockers.BlockerOut,
        _blocker,
        _one,
    ),
    Command(
        "retry",
        "queue once more all jobs that ended by one cause",
        _retry,
        blockers.CauseResultOut,
        _result,
        _retry_options,
    ),
    Command(
        "release-by-cause",
        "release all publications that one cause holds",
        lambda s, o: _asked(s, blockers.ByCause, "release_by_cause", o),
        blockers.CauseResultOut,
        _result,
        _cause_options,
    ),
    Command(
        "move-by-cause",
        "move all publications of one cause to their channels' next free slots",
        lambda s, o: _asked(s, blockers.MoveByCause, "move_by_cause", o, after=o.after),
        blockers.CauseResultOut,
        _result,
        _move_options,
    ),
)
