"""Lay figures out as tables and charts: which numbers stand on which part of the statistics, by the key of their table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboard import badges, charts
from dashboard.addresses import reverse
from dashboard.charts import Chart
from dashboard.sheets import Column, Form, Sheet
from dashboard.wording import words
from orchestration.monitoring.figures import (
    Point,
    PoolUse,
    PublicationFigures,
    Readings,
    Spread,
    Step,
    Window,
    WorkFigures,
    YouTubeFigures,
)
from orchestration.states import WORK_KINDS, PoolKind, ScheduleState

WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
KINDS = {
    "scrape": "fetch",
    "take": "take a file in",
    "process": "prepare",
    "stage": "upload",
    "publish": "make public",
}
"""The steps of a video's way, as an operator calls them."""
KIND_LOOKS = dict(zip(WORK_KINDS, charts.LINE_LOOKS, strict=False))
NUMBERS = {
    "subscriber_count": "subscribers",
    "view_count": "views",
    "video_count": "videos",
    "like_count": "likes",
    "comment_count": "comments",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing on the page, a chart or a table, with the sentence that says what its numbers are."""

    sheet: Sheet
    note: str
    chart: Chart | None = None
    width: str = ""


def _drawn(chart: Chart, note: str, width: str = "") -> Shown:
    return Shown(chart.sheet, note, chart, width)


def _first(step: Step) -> Column:
    return Column("hour", Form.HOUR) if step == Step.HOUR else Column("day", Form.DAY)


def publications(figures: PublicationFigures) -> list[Shown]:
    """Return what is told of publications."""
    first = _first(figures.window.step)
    states = [ScheduleState(name) for name in ScheduleState.values if name in figures.outcomes]
    states = states or [ScheduleState.PUBLISHED]
    outcomes = Sheet(
        "outcomes",
        "Publications, by where they stand",
        (
            first,
            *(Column(words(state), look=_look(state, states)) for state in states),
        ),
        tuple((row.at, *(row.outcomes.get(state, 0) for state in states)) for row in figures.over_time),
    )
    lateness = Sheet(
        "lateness",
        "How late they went public",
        (first, *(Column(name, Form.LENGTH) for name in ("middle", "95 of 100 within", "most"))),
        tuple(
            (row.at, row.lateness.p50_seconds, row.lateness.p95_seconds, row.lateness.max_seconds)
            for row in figures.over_time
        ),
    )
    hours = {(row.weekday, row.hour): row for row in figures.hours_of_week}
    grid = {
        key: Sheet(
            key,
            title,
            (Column("hour", Form.TEXT), *map(Column, WEEK)),
            tuple(
                (f"{hour:02}:00", *(getattr(hours[day, hour], name) for day in range(7)))
                for hour in range(24)
            ),
        )
        for key, title, name in (
            ("hours", "Published, by hour of the week", "published"),
            ("late-hours", "Of these more than a minute late", "late"),
        )
    }
    return [
        _drawn(
            charts.bars(outcomes),
            "Each publication once, at the moment that it was planned for, by its state now.",
        ),
        _drawn(
            charts.lines(lateness),
            "Seconds from the planned moment to the one that YouTube gives, of those that are public.",
        ),
        _drawn(charts.week(grid["hours"]), "By the wall clock of each channel's own zone.", "w6"),
        _drawn(charts.week(grid["late-hours"]), "The same publications and clocks.", "w6"),
    ]


def _look(state: ScheduleState, states: Sequence[ScheduleState]) -> str:
    """Return the colour of a state; of two with the same badge the later one is drawn paler."""
    badge = badges.badge_of(state)
    before = [one for one in states[: states.index(state)] if badges.badge_of(one) == badge]
    return f"{badge} pale{min(len(before), 3)}" if before else badge


def work(figures: WorkFigures) -> list[Shown]:
    """Return what is told of the work."""
    first = _first(figures.window.step)
    lengths = ("middle", "95 of 100 within", "most")
    columns = (Column("done"), *(Column(name, Form.LENGTH) for name in lengths))

    def spreads(key: str, title: str, values: list[tuple[str, Spread]]) -> Sheet:
        return Sheet(
            key,
            title,
            (Column("step", Form.TEXT), *columns),
            tuple(
                (name, one.count, one.p50_seconds, one.p95_seconds, one.max_seconds) for name, one in values
            ),
        )

    times = [(KINDS[row.stage], row.work) for row in figures.stages]
    times.insert(-1, ("lie ready", figures.ready_ahead))
    ended = Sheet(
        "jobs",
        "Jobs that ended, well or not",
        (first, *(Column(KINDS[kind], look=KIND_LOOKS[kind]) for kind in WORK_KINDS)),
        tuple((row.at, *(row.ended.get(kind, 0) for kind in WORK_KINDS)) for row in figures.over_time),
    )
    failures = Sheet(
        "failures",
        "What failed, by cause",
        (
            Column("cause", Form.TEXT),
            Column("step", Form.TEXT),
            Column("times"),
            Column("last", Form.INSTANT),
        ),
        tuple(
            (words(row.cause), KINDS.get(row.kind, row.kind), row.count, row.last_at)
            for row in figures.failures
        ),
        tuple(f"{reverse('dashboard:jobs')}?q={row.cause}" for row in figures.failures),
    )
    return [
        _drawn(charts.bars(ended), "All tries of a job count once, at the end of the last.", ""),
        Shown(
            spreads("times", "Time of each step", times),
            "The last try of what succeeded. “Lie ready” is the time from an upload's end to its moment.",
            width="w6",
        ),
        Shown(
            spreads(
                "waits",
                "Wait in the queue before each step",
                [(KINDS[row.stage], row.queue_wait) for row in figures.stages],
            ),
            "From when a step could begin until a worker took it up.",
            width="w6",
        ),
        Shown(failures, "Jobs that ended as failed or errored; a later try that went well does not undo it."),
        *_pools(figures.pools, first),
    ]


def _pools(pools: Iterable[PoolUse], first: Column) -> list[Shown]:
    shown = []
    by_kind: dict[str, list[PoolUse]] = {}
    for pool in pools:
        by_kind.setdefault(pool.kind, []).append(pool)
    for kind, title, note in (
        (
            PoolKind.SLOTS,
            "Slots in use",
            "Share of the time for which each pool's slots, as many as now, were taken.",
        ),
        (PoolKind.RATE, "Rates in use", "Share of the starts that each pool, as large as now, allows."),
        (PoolKind.BUDGET, "Budgets spent", "Share of each budget, as large as now, by Pacific day."),
    ):
        some = by_kind.get(kind, [])
        if not some:
            continue
        rows = [
            [(bucket.day, bucket.share) for bucket in pool.by_day]
            if kind == PoolKind.BUDGET
            else [(bucket.at, bucket.share) for bucket in pool.over_time]
            for pool in some
        ]
        sheet = Sheet(
            f"pools-{kind}",
            title,
            (
                Column("Pacific day", Form.DAY) if kind == PoolKind.BUDGET else first,
                *(Column(pool.label, Form.SHARE) for pool in some),
            ),
            tuple((column[0][0], *(share for _, share in column)) for column in zip(*rows, strict=True)),
        )
        shown.append(_drawn(charts.lines(sheet), note, "w6"))
    return shown


def youtube(figures: YouTubeFigures) -> list[Shown]:
    """Return what YouTube counted."""
    channels = Sheet(
        "channels",
        "Channels, the latest numbers",
        (
            Column("channel", Form.TEXT),
            Column("subscribers"),
            Column("views"),
            Column("videos"),
            Column("as of", Form.INSTANT),
        ),
        tuple(
            (row.name, row.subscriber_count, row.view_count, row.video_count, row.collected_at)
            for row in figures.channels
        ),
        tuple(reverse("dashboard:channel", args=[row.slug]) for row in figures.channels),
    )
    videos = Sheet(
        "videos",
        "Videos that we published, the latest numbers",
        (
            Column("video", Form.TEXT),
            Column("channel", Form.TEXT),
            Column("views"),
            Column("likes"),
            Column("comments"),
            Column("published", Form.INSTANT),
            Column("as of", Form.INSTANT),
        ),
        tuple(
            (
                row.title,
                row.channel_name,
                row.view_count,
                row.like_count,
                row.comment_count,
                row.published_at,
                row.collected_at,
            )
            for row in figures.videos
        ),
        tuple(reverse("dashboard:video", args=[row.video_id]) for row in figures.videos),
    )
    note = f"The last reading of each {figures.window.step}, as YouTube gave it; the scale does not begin at zero."
    lines = [
        _drawn(
            charts.lines(_over_time(key, title, figures.window, lines, name), from_zero=False), note, width
        )
        for key, title, lines, name, width in (
            ("subscribers", "Subscribers", figures.channel_lines, "subscriber_count", "w6"),
            ("views", "Views of channels", figures.channel_lines, "view_count", "w6"),
            ("video-views", "Views of videos", figures.video_lines, "view_count", "w6"),
            ("video-likes", "Likes of videos", figures.video_lines, "like_count", "w6"),
        )
        if any(point.numbers[name] is not None for line in lines for point in line.points)
    ]
    tables = (
        (channels, "Those with most subscribers first."),
        (videos, "Those with most views first, whenever they were published."),
    )
    return [*lines, *(Shown(sheet, note) for sheet, note in tables if sheet.rows)]


def _over_time(key: str, title: str, window: Window, lines: Sequence[Readings], name: str) -> Sheet:
    """Return the readings of one number, a row for each hour or day of the window, so that time goes evenly."""
    found: list[Mapping[object, Point]] = [{point.at: point for point in line.points} for line in lines]
    return Sheet(
        key,
        title,
        (_first(window.step), *(Column(line.name) for line in lines)),
        tuple(
            (at, *(points[at].numbers[name] if at in points else None for points in found))
            for at in window.buckets
        ),
    )
