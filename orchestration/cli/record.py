"""List the commands about the record: how it stood, and what changed since."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any

from orchestration.api.schemas.record import HitOut, PastOut, SinceOut
from orchestration.cli import arguments
from orchestration.cli.command import Command
from orchestration.cli.layout import span, table, when
from orchestration.errors import InvalidRequest
from orchestration.monitoring.rewind.answers import Past, PastPublication
from orchestration.monitoring.rewind.state import HOURS, PAGES
from orchestration.monitoring.search import Hit
from orchestration.monitoring.since import Since
from orchestration.planning.rewind import Difference


def _past_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--at", type=arguments.instant, required=True, metavar="INSTANT", help="ISO 8601 with an offset"
    )
    parser.add_argument("--page", choices=PAGES, help="what of it; the plan if nothing is said")
    parser.add_argument("--channel", default="", metavar="SLUG", help="of this channel only")
    parser.add_argument(
        "--from", dest="starts_at", type=arguments.instant, metavar="INSTANT", help="begin of the window"
    )
    parser.add_argument(
        "--hours", type=arguments.whole, default=24, metavar="N", help=f"its width, at most {max(HOURS)}"
    )
    parser.add_argument("--limit", type=arguments.whole, default=100, metavar="N", help="most publications")


def _now(found: list[Difference]) -> str:
    return "; ".join(f"{each.field.removesuffix('_id')} is now {_said(each.now)}" for each in found)


def _said(value: Any) -> str:
    return when(value) if isinstance(value, datetime) else "nothing" if value in (None, "") else str(value)


def _publications(rows: list[PastPublication]) -> list[str]:
    return table(
        ["schedule", "moment", "channel", "video", "state", "since then"],
        [
            [
                row.schedule.pk,
                row.schedule.publish_at,
                row.schedule.channel.slug,
                row.schedule.distribution.video,
                row.schedule.state,
                _now(row.differences),
            ]
            for row in rows
        ],
    )


def _past(past: Past) -> list[str]:
    lines = [f"As it was at {when(past.at)}:", ""]
    if past.channel is not None:
        was = past.channel.channel
        lines += [
            f"Channel {was.name} ({was.slug}): {was.state}, health {was.health}, "
            f"credential {past.channel.credential or 'none'}",
            f"  gap {was.min_gap_minutes} min, at most {was.daily_cap} a day, zone {was.timezone}, by {was.executor}",
            *(f"  {line}" for line in _now(past.channel.differences).split("; ") if line),
            f"  {len(past.channel.slots)} slots, {len(past.channel.blackouts)} blackouts",
            "",
        ]
    if past.overview is not None:
        seen = past.overview
        by = f" by {seen.system.by}" if seen.system.by else ""
        lines += [
            f"The system was {seen.system.state or 'not recorded'}, since {when(seen.system.since)}{by}.",
            f"{seen.published_before} published in the day before, {seen.overdue} overdue.",
            "",
            *table(["since", "what was wrong"], [[row.opened_at, row.sentence] for row in seen.incidents]),
            "",
            *_publications(seen.upcoming),
        ]
    if past.plan is not None:
        lines += [
            f"{past.plan.total} publications from {when(past.plan.starts_at)} to {when(past.plan.ends_at)}:",
            *_publications(past.plan.publications),
        ]
    lines += ["", f"Change before: {when(past.previous_at)}; change after: {when(past.next_at)}"]
    return lines


def _since_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since",
        type=arguments.instant,
        metavar="INSTANT",
        help="ISO 8601 with an offset; without it the last 24 hours",
    )


def _since(found: Since) -> list[str]:
    lines = [f"Since {when(found.since)} ({span((found.until - found.since).total_seconds())} ago):"]
    for group in found.groups:
        lines += [
            "",
            f"{group.title}: {group.count}",
            *table(
                ["at", "what", "about", "times", "by"],
                [
                    [
                        line.entry.timestamp,
                        line.entry.verb.replace("_", " "),
                        line.entry.object_repr,
                        line.count,
                        line.entry.actor_label,
                    ]
                    for line in group.lines
                ],
            ),
        ]
    return lines if found.groups else [*lines, "", "Nothing that matters."]


def _page(page: str | None, channel: str) -> str:
    if page == "channel" and not channel:
        raise InvalidRequest("A channel's page needs --channel.", field="channel")
    return page or ("channel" if channel else "schedule")


def _search_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", help="part of a name, or an id")


def _hits(rows: list[Hit]) -> list[str]:
    return table(
        ["kind", "id", "what", "state", ""],
        [[row.kind, row.key, row.title, row.state, row.note] for row in rows],
        empty="nothing fits",
    )


RECORD = (
    Command(
        "search",
        "find by a part of a name, or by an id",
        lambda s, o: s.search(words=o.words),
        list[HitOut],
        _hits,
        _search_options,
    ),
    Command(
        "rewind",
        "show how it stood at a past instant",
        lambda s, o: s.get_state_at(
            at=o.at,
            page=_page(o.page, o.channel),
            channel=o.channel,
            starts_at=o.starts_at,
            hours=o.hours,
            limit=o.limit,
        ),
        PastOut,
        _past,
        _past_options,
    ),
    Command(
        "since",
        "show what changed since",
        lambda s, o: s.get_changes_since(since=o.since),
        SinceOut,
        _since,
        _since_options,
    ),
)
