"""List the commands about approvals."""

import argparse
from collections.abc import Sequence

from orchestration.api.reviews import ApprovalChangeOut, ReviewOut
from orchestration.api.schemas.plan import ScheduleOut
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service, reason
from orchestration.models import Schedule
from orchestration.results.library import ApprovalChange


def _reviews(rows: Sequence[ReviewOut]) -> list[str]:
    return [line for row in rows for line in _review(row)] or ["Nothing waits for an approval."]


def _review(row: ReviewOut) -> list[str]:
    last = f"    {row.verdict.label} by {row.verdict_by}: {row.verdict_reason}" if row.verdict else ""
    head = f"{row.schedule_id}  {row.publish_at:%Y-%m-%d %H:%M} UTC  “{row.title}”, as {row.wanted_by} wants"
    return [head, *([last] if last else []), *(f"    {problem}" for problem in row.problems)]


def _done(word: str):
    def show(rows: Sequence[Schedule]) -> list[str]:
        return [f"{word}: publication {row.pk} at {row.publish_at:%Y-%m-%d %H:%M} UTC" for row in rows]

    return show


def _changed(change: ApprovalChange) -> list[str]:
    return [change.sentence]


def _ids(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", type=arguments.row_id, nargs="+", help="ids of publications (schedules)")
    arguments.add_reason(parser)


def _needed(noun: str):
    def options(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", help=f"{'slug or id' if noun == 'channel' else 'id'} of the {noun}")
        parser.add_argument("needed", choices=("yes", "no"))
        arguments.add_reason(parser)

    return options


def _set_channel(service: Service, options: Options) -> ApprovalChange:
    return service.set_channel_approval(
        channel_id=arguments.channel(options.id), needed=options.needed == "yes", reason=reason(options)
    )


def _set_source(service: Service, options: Options) -> ApprovalChange:
    return service.set_source_approval(
        source_id=arguments.row_id(options.id), needed=options.needed == "yes", reason=reason(options)
    )


REVIEWS = (
    Command(
        "reviews",
        "list what waits for an approval",
        lambda s, o: [ReviewOut.of(row) for row in s.get_reviews()],
        list[ReviewOut],
        _reviews,
    ),
    Command(
        "approve",
        "approve publications as they are now",
        lambda s, o: s.approve_publications(schedule_ids=o.ids, reason=reason(o)),
        list[ScheduleOut],
        _done("approved"),
        _ids,
    ),
    Command(
        "refuse",
        "refuse publications; give a reason",
        lambda s, o: s.refuse_publications(schedule_ids=o.ids, reason=reason(o)),
        list[ScheduleOut],
        _done("refused"),
        _ids,
    ),
    Command(
        "channel-approval",
        "let a channel's publications wait for an approval, or not",
        _set_channel,
        ApprovalChangeOut,
        _changed,
        _needed("channel"),
    ),
    Command(
        "source-approval",
        "let the publications of a source's videos wait for an approval, or not",
        _set_source,
        ApprovalChangeOut,
        _changed,
        _needed("source"),
    ),
)
