"""List the commands about rollouts of configurations, and the options that begin one."""

import argparse
from collections.abc import Sequence

from orchestration.api.schemas import rollouts
from orchestration.cli import arguments
from orchestration.cli.command import Command, reason
from orchestration.results.repositories import CohortReport, RolloutReport


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let a sync be a rollout."""
    parser.add_argument("--canary", metavar="SLUG", help="this channel first, the others when it went well")
    parser.add_argument(
        "--cohort",
        type=arguments.whole,
        metavar="N",
        help="so many channels at once, the next when these went well",
    )


def _rollouts(rows: Sequence[RolloutReport]) -> list[str]:
    return [line for row in rows for line in _rollout(row)] or ["There was no rollout yet."]


def _rollout(row: RolloutReport) -> list[str]:
    head = f"{row.id}  {row.state}, begun {row.created_at:%Y-%m-%d %H:%M} UTC by {row.started_by}"
    why = [f"    {row.halted_why}"] if row.halted_why else []
    return [head, *why, *(f"    {_cohort(each)}" for each in row.cohorts)]


def _cohort(row: CohortReport) -> str:
    name = "canary" if row.number == 0 else f"cohort {row.number}"
    return f"{name}: {row.state}, {row.done} of {row.channels} done, {row.failed} failed"


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the rollout")
    arguments.add_reason(parser)


ROLLOUTS = (
    Command(
        "rollouts",
        "show the rollouts of configurations",
        lambda s, o: s.get_rollouts(),
        list[rollouts.RolloutListed],
        _rollouts,
    ),
    Command(
        "rollout-continue",
        "sync once more what failed in a halted rollout, and let it go on",
        lambda s, o: s.continue_rollout(rollout_id=o.id, reason=reason(o)),
        rollouts.RolloutOut,
        _rollout,
        _one,
    ),
    Command(
        "rollout-stop",
        "end a rollout; what is being written is finished",
        lambda s, o: s.stop_rollout(rollout_id=o.id, reason=reason(o)),
        rollouts.RolloutOut,
        _rollout,
        _one,
    ),
)
