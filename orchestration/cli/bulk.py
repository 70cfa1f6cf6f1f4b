"""List the commands that do one verb to many rows, and take an action back."""

import argparse
from typing import Any

from orchestration.api.schemas import bulk as schemas
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service, reason
from orchestration.engine.bulk import KINDS, BulkResult
from orchestration.engine.undoing import UndoResult
from orchestration.errors import InvalidRequest


def _result(made: BulkResult) -> list[str]:
    head = "would be changed" if made.dry_run else "changed"
    lines = [*made.sentences] or [f"{name} {made.says}" for name in made.names]
    more = len(made.done) - len(lines)
    lines += [f"and {more} more"] if more > 0 else []
    lines += [f"{refusal.count} refused: {refusal.cause}" for refusal in made.refused]
    lines += [f"{made.left} left for another time"] if made.left else []
    lines += [f"{len(made.done)} of {made.total} {head}"]
    return lines + (
        [f"undo it with: undo {made.correlation_id}"] if made.correlation_id and made.done else []
    )


def _undone(made: UndoResult) -> list[str]:
    return [*(f"undone: {name}" for name in made.done), *(f"not undone: {fact}" for fact in made.refused)]


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=sorted(KINDS), help="which rows")
    parser.add_argument("verb", help="what is done to each, such as hold, cancel, pause, retry")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--ids", nargs="+", type=arguments.row_id, metavar="ID")
    which.add_argument(
        "--filter",
        dest="filters",
        action="append",
        metavar="NAME=VALUE",
        help="all that fit, such as state=open or channels=group:news; repeatable",
    )
    parser.add_argument("--minutes", type=int, help="of move: by so many, negative for earlier")
    parser.add_argument("--group", dest="group_id", type=arguments.row_id, metavar="ID")
    parser.add_argument("--label", dest="labels", action="append", default=[], metavar="LABEL")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    arguments.add_reason(parser)


def _filters(options: Options) -> dict[str, Any] | None:
    if options.filters is None:
        return None
    found: dict[str, Any] = {}
    for text in options.filters:
        name, _, value = text.partition("=")
        if not value:
            raise InvalidRequest(f"{text!r} is not NAME=VALUE.", field="filter")
        found.setdefault(name, []).append(value)
    return {
        name: values if len(values) > 1 or name in _LISTS else values[0] for name, values in found.items()
    }


_LISTS = frozenset(
    {
        *("state", "health", "kind", "channel_id", "wave_id", "video_id", "source_id", "channels", "group"),
        *("label", "rights_basis", "distribution_id", "schedule_id", "method"),
    }
)


def _bulk(service: Service, options: Options) -> BulkResult:
    body = schemas.BulkDone(
        kind=options.kind,
        verb=options.verb,
        ids=options.ids,
        filters=_filters(options),
        minutes=options.minutes,
        group_id=options.group_id,
        labels=options.labels,
        reason=reason(options),
    )
    if options.dry_run:
        return service.preview_bulk(**body.arguments())
    return service.do_bulk(**body.arguments(), reason=body.reason)


def _undo_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("correlation_id", help="of the action, as its answer and the activity have it")
    arguments.add_reason(parser)


BULK = (
    Command("bulk", "do one verb to many rows", _bulk, schemas.BulkResultOut, _result, _options),
    Command(
        "undo",
        "take an action back, as far as it can be",
        lambda s, o: s.undo(correlation_id=o.correlation_id, reason=reason(o)),
        schemas.UndoOut,
        _undone,
        _undo_options,
    ),
)
