"""Commands that show figures over time."""

import argparse
from typing import Any

from orchestration.api.schemas import figures as out
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options
from orchestration.cli.layout import span, table, when
from orchestration.monitoring.figures import PublicationFigures, Spread, WorkFigures, YouTubeFigures

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=int, choices=range(1, 31), default=7, metavar="1..30")
    arguments.add_channels(parser)
    parser.add_argument("--group", default="", metavar="SLUG", help="channels of this group")
    parser.add_argument("--label", default="", metavar="LABEL", help="channels with this label")
    parser.add_argument("--wave", type=arguments.row_id, metavar="ID", help="publications of this wave")
    parser.add_argument("--source", type=arguments.row_id, metavar="ID", help="videos of this source")


def _asked(options: Options) -> dict[str, Any]:
    return {
        "days": options.days,
        "channel_ids": arguments.channels(options.channels),
        "group": options.group,
        "label": options.label,
        "wave_id": options.wave,
        "source_id": options.source,
    }


def _spread(spread: Spread) -> list[str]:
    return [span(spread.p50_seconds), span(spread.p95_seconds), span(spread.max_seconds)]


def _publications(figures: PublicationFigures) -> list[str]:
    states = list(figures.outcomes)
    rows = [
        [row.at, *(row.outcomes.get(state, 0) for state in states), *_spread(row.lateness)]
        for row in figures.over_time
    ]
    late = figures.lateness
    return [
        f"Publications whose moment lay between {when(figures.window.since)} and {when(figures.window.until)}:",
        ", ".join(f"{count} {state}" for state, count in figures.outcomes.items()) or "none",
        "",
        f"Late, of {late.count} public ones: middle {span(late.p50_seconds)}, 95 of 100 within"
        f" {span(late.p95_seconds)}, most {span(late.max_seconds)}.",
        "",
        *table([figures.window.step.value, *states, "p50 late", "p95 late", "most late"], rows),
        "",
        "By hour of the week, on the channels' own clocks:",
        *table(
            ["hour", "published", "late"],
            [
                [f"{DAYS[row.weekday]} {row.hour:02}:00", row.published, row.late]
                for row in figures.hours_of_week
                if row.published
            ],
        ),
    ]


def _work(figures: WorkFigures) -> list[str]:
    lines = [
        "Time of each step, and its wait in the queue:",
        *table(
            ["step", "done", "p50", "p95", "most", "wait p50", "wait p95", "wait most"],
            [
                [row.stage, row.work.count, *_spread(row.work), *_spread(row.queue_wait)]
                for row in figures.stages
            ],
        ),
        "",
        "Ready before the moment: middle {}, 95 of 100 up to {}, most {}.".format(
            *_spread(figures.ready_ahead)
        ),
        "",
        "Failures:",
        *table(
            ["cause", "kind", "count", "last"],
            [[row.cause, row.kind, row.count, row.last_at] for row in figures.failures],
        ),
    ]
    for pool in figures.pools:
        lines += ["", f"{pool.label} ({pool.kind}, of {pool.capacity}):"]
        rows: list[list[Any]] = [[row.at, round(row.used, 1), _percent(row.share)] for row in pool.over_time]
        rows += [[row.day, row.used, _percent(row.share)] for row in pool.by_day]
        lines += table(["from", "used", "share"], [row for row in rows if row[1]])
    return lines


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.1f} %"


def _youtube(figures: YouTubeFigures) -> list[str]:
    lines = [
        f"Channels, as YouTube counts ({len(figures.channels)} of {figures.channels_total}):",
        *table(
            ["channel", "subscribers", "views", "videos", "as of"],
            [
                [row.slug, row.subscriber_count, row.view_count, row.video_count, row.collected_at]
                for row in figures.channels
            ],
        ),
        "",
        "Videos, as YouTube counts:",
        *table(
            ["video", "channel", "views", "likes", "comments", "as of"],
            [
                [
                    row.title,
                    row.channel_slug,
                    row.view_count,
                    row.like_count,
                    row.comment_count,
                    row.collected_at,
                ]
                for row in figures.videos
            ],
        ),
    ]
    for line in (*figures.channel_lines, *figures.video_lines):
        names = list(line.points[0].numbers) if line.points else []
        lines += [
            "",
            f"{line.name}:",
            *table(["read", *names], [[p.collected_at, *p.numbers.values()] for p in line.points]),
        ]
    return lines


def _youtube_options(parser: argparse.ArgumentParser) -> None:
    _options(parser)
    parser.add_argument(
        "--channels-from", type=arguments.whole, default=0, metavar="N", help="leave out the first N channels"
    )


FIGURES = (
    Command(
        "statistics-publications",
        "show what became of publications over time",
        lambda s, o: s.get_publication_figures(**_asked(o)),
        out.PublicationFiguresOut,
        _publications,
        _options,
    ),
    Command(
        "statistics-work",
        "show how long work took, what failed, and what pools were used",
        lambda s, o: s.get_work_figures(**_asked(o)),
        out.WorkFiguresOut,
        _work,
        _options,
    ),
    Command(
        "statistics-youtube",
        "show YouTube's raw numbers over time",
        lambda s, o: s.get_youtube_figures(**_asked(o), channels_from=o.channels_from),
        out.YouTubeFiguresOut,
        _youtube,
        _youtube_options,
    ),
)
