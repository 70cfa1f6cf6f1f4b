"""List the commands that set up sources and pools, and that settle uploads which belong to nothing."""

import argparse
from collections.abc import Sequence
from typing import Any

from orchestration.api.schemas import library, work
from orchestration.cli import arguments, text
from orchestration.cli.command import Command, Options, Service, decision, given, reason
from orchestration.cli.layout import table
from orchestration.models import OrphanUpload
from orchestration.results.pools import PoolReport


def _source_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the source")
    parser.add_argument("--name")
    parser.add_argument("--url")
    parser.add_argument("--priority", type=int, choices=range(11), metavar="0..10")
    parser.add_argument("--language")
    parser.add_argument("--every", dest="scrape_interval_minutes", type=arguments.whole, metavar="MINUTES")
    parser.add_argument(
        "--items", dest="item_limit", type=arguments.whole, metavar="N", help="newest items looked at"
    )
    arguments.add_decision(parser)


def _change_source(service: Service, options: Options) -> Any:
    names = ("name", "url", "priority", "language", "scrape_interval_minutes", "item_limit")
    body = library.SourceChange(**given(options, *names), **decision(options))
    return service.change_source(source_id=options.id, **body.model_dump())


def _removal_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id)
    arguments.add_reason(parser)


def _pool_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pool", help="name or id")
    parser.add_argument("--label")
    parser.add_argument("--capacity", type=arguments.whole, metavar="N")
    parser.add_argument(
        "--window", dest="window_seconds", type=arguments.whole, metavar="SECONDS", help="of a rate"
    )
    parser.add_argument(
        "--reserve", type=arguments.whole, metavar="UNITS", help="of a budget: kept for publishing"
    )
    arguments.add_reason(parser)


def _change_pool(service: Service, options: Options) -> PoolReport:
    pool_id = arguments.pool(options.pool)
    body = work.PoolChange(**given(options, "label", "capacity", "window_seconds", "reserve", "reason"))
    service.change_pool(pool_id=pool_id, **body.model_dump())
    return next(report for report in service.get_pools() if report.id == pool_id)


def _orphans(rows: Sequence[OrphanUpload]) -> list[str]:
    return table(
        ["id", "video at YouTube", "channel", "why", "found", "deleted there"],
        [
            [
                row.pk,
                row.youtube_video_id,
                row.distribution.channel.slug,
                row.reason,
                row.found_at,
                row.deleted_at,
            ]
            for row in rows
        ],
        empty="every upload belongs to something",
    )


SETTING_UP = (
    Command(
        "source-change",
        "change what a source is called, where it lies and how it is read",
        _change_source,
        library.SourceOut,
        text.source,
        _source_options,
    ),
    Command(
        "source-remove",
        "take a source away from which nothing came",
        lambda s, o: s.remove_source(source_id=o.id, reason=reason(o)),
        None,
        lambda _: ["The source is removed."],
        _removal_options,
    ),
    Command(
        "pool-change",
        "set what a pool holds",
        _change_pool,
        work.PoolOut,
        lambda row: text.pools([row]),
        _pool_options,
    ),
    Command(
        "orphans",
        "list uploads at YouTube that belong to nothing",
        lambda s, o: s.get_orphans(),
        list[work.OrphanOut],
        _orphans,
    ),
    Command(
        "orphan-deleted",
        "note that an upload was deleted at YouTube",
        lambda s, o: s.note_orphan_deleted(orphan_id=o.id, reason=reason(o)),
        None,
        lambda row: [f"{row.youtube_video_id} is noted as deleted."],
        _removal_options,
    ),
)
