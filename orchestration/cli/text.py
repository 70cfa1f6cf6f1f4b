"""Write answers as text for people."""

from collections.abc import Callable, Sequence
from typing import Any

from channels.models import Blackout, PostingSlot
from orchestration.cli.layout import span, table, when
from orchestration.models import Conflict, Job, Lease, Schedule, Source, Wave
from orchestration.planning.answers import Explanation, Forecast
from orchestration.planning.difference_values import Differences
from orchestration.planning.types import Plan
from orchestration.planning.why import PublicationWhy
from orchestration.results.board import Dashboard, Needs, StatisticsReport
from orchestration.results.channels import MonitorResult, TriggerResult
from orchestration.results.jobs import JobHistory
from orchestration.results.library import RightsChange
from orchestration.results.plans import DistributeResult, EarliestResult, WaveResult
from orchestration.results.pools import PoolReport
from orchestration.results.repositories import SyncResult
from orchestration.results.system import ResumePreview, SystemReport
from orchestration.results.waves import RecallPreview, WaveReport
from orchestration.scheduling.kept_forecast import KeptForecast
from orchestration.states import ConflictState, SourceKind

Text = Callable[[Any], list[str]]


def status(report: SystemReport) -> list[str]:
    """Describe how the system is."""
    by = f" by {report.changed_by}" if report.changed_by else ""
    lines = [f"The system is {report.state}, since {when(report.since)}{by}."]
    if report.reason:
        lines.append(f"Reason: {report.reason}")
    lines += [
        "",
        *table(
            ["running jobs", "queued jobs", "open", "overdue", "armed", "being disarmed"],
            [
                [
                    report.running_jobs,
                    report.queued_jobs,
                    report.open_schedules,
                    report.overdue_schedules,
                    report.armed_schedules,
                    report.disarming_schedules,
                ]
            ],
        ),
        "",
        *table(
            ["component", "last sign of life"],
            [[name, f"{span(age)} ago"] for name, age in sorted(report.components.items())],
            empty="no component has shown life",
        ),
    ]
    lines += ["", f"Films are prepared with {report.ffmpeg}."]
    if report.ffmpeg_warning:
        lines.append(f"Warning: {report.ffmpeg_warning}")
    if report.actions:
        lines += ["", f"You can: {', '.join(report.actions)}"]
    return lines


def resume_preview(preview: ResumePreview) -> list[str]:
    """Describe what resuming would do."""
    rows = [
        [i.schedule.pk, i.schedule.channel.slug, span(i.lateness_seconds), i.sentence] for i in preview.items
    ]
    return [
        f"{len(rows)} overdue; released at most {preview.per_minute} a minute, in due order.",
        *table(["schedule", "channel", "late by", "what happens"], rows, empty="nothing is overdue"),
    ]


def difference(found: Differences) -> list[str]:
    """Describe how a plan differs from what was asked, and what could be asked for instead."""
    return [f"{found.sentence}.", *(f"    instead: {way.label}" for way in found.ways), ""]


def plan(made: Plan) -> list[str]:
    """Describe what would go where and when, and what stood in the way."""
    lines = [*difference(made.difference), made.summary or f"{len(made.placements)} publications.", ""]
    lines += table(
        ["video", "channel", "at", "local time", "zone", "priority", "why"],
        [
            [
                p.video_id,
                p.channel_id,
                p.at,
                f"{p.local_wall:%Y-%m-%d %H:%M:%S}",
                p.zone,
                p.priority,
                p.reason,
            ]
            for p in made.placements
        ],
        empty="nothing can be placed",
    )
    if made.conflicts:
        lines += ["", "Conflicts:"]
        lines += table(
            ["rule", "video", "channel", "at", "resolution", "what"],
            [[c.rule, c.video_id, c.channel_id, c.at, c.resolution, c.message] for c in made.conflicts],
        )
        for conflict in made.conflicts:
            lines += [f"    could be: {a.sentence}" for a in conflict.alternatives[:3]]
    if made.displacements:
        lines += ["", "Gives way:"]
        lines += table(
            ["schedule", "channel", "from", "to", "why"],
            [[d.schedule_id, d.channel_id, d.from_at, d.to_at, d.reason] for d in made.displacements],
        )
    if made.days_needed > 1:
        lines += ["", f"It takes {made.days_needed} Pacific days:"]
        lines += table(
            ["budget", "day", "planned", "taken before", "capacity"],
            [[d.pool, d.day, d.planned, d.taken, d.capacity] for d in made.days],
        )
    return lines


def wave_result(result: WaveResult) -> list[str]:
    """Describe what was planned, and whether it was made."""
    head = f"Wave {result.wave.pk}: {result.wave.name}" if result.wave else "Dry run: nothing was written."
    return [head, *plan(result.plan)]


def earliest(result: EarliestResult) -> list[str]:
    """Describe when all of it would fit."""
    head = (
        f"Fits as it is: {when(result.at)}"
        if result.at
        else "No time was found at which nothing has to move and nothing is late."
    )
    return [head, *plan(result.plan)]


def wave(row: Wave) -> list[str]:
    """Describe how a wave is."""
    return [f"Wave {row.pk} ({row.name}) is {row.state}."]


def wave_report(report: WaveReport) -> list[str]:
    """Describe how a wave and each of its members is."""
    counts = ", ".join(f"{count} {name}" for name, count in report.counts.items())
    lines = [*wave(report.wave), counts]
    if report.skew_seconds is not None:
        lines.append(f"First to last publication: {report.skew_seconds:g} s")
    lines += table(
        ["schedule", "channel", "video", "at", "state", "readiness", "waits for"],
        [
            [
                m.schedule.pk,
                m.schedule.channel.slug,
                m.schedule.distribution.video,
                m.schedule.publish_at,
                m.schedule.state,
                m.readiness,
                m.waits_for,
            ]
            for m in report.members
        ],
    )
    still_open = [row for row in report.conflicts if row.state == ConflictState.OPEN]
    return [*lines, "", *conflicts(still_open)] if still_open else lines


def recall_preview(preview: RecallPreview) -> list[str]:
    """Describe what a recall would do, and how to do it."""
    ids = " ".join(str(row.pk) for row in preview.public)
    lines = ["Would become private again:"]
    lines += table(
        ["distribution", "channel", "video", "on YouTube", "public since"],
        [[d.pk, d.channel.slug, d.video, d.youtube_video_id, d.published_at] for d in preview.public],
    )
    lines += ["Would be cancelled:"]
    lines += table(
        ["schedule", "channel", "at", "state"],
        [[s.pk, s.channel.slug, s.publish_at, s.state] for s in preview.cancelled],
    )
    return [
        *lines,
        "",
        f"To do it: manage.py orchestration wave-recall {preview.wave.pk} --confirm {ids}".rstrip(),
    ]


def schedule(row: Schedule) -> list[str]:
    """Describe how a publication is."""
    return [f"Schedule {row.pk} is {row.state}: {when(row.publish_at)} ({row.local_wall} {row.zone})."]


def monitor(result: MonitorResult) -> list[str]:
    """Describe how channels are."""
    lines = table(
        [
            "id",
            "channel",
            "state",
            "health",
            "open",
            "public 24 h",
            "failed 24 h",
            "review",
            "next",
            "reason",
        ],
        [
            [
                c.channel.pk,
                c.channel.slug,
                c.state,
                c.health,
                c.open_schedules,
                c.published_24h,
                c.failed_24h,
                c.needs_review,
                c.next_publish_at,
                c.reason,
            ]
            for c in result.channels
        ],
        empty="no channel is registered",
    )
    for report in result.channels:
        failed = [check for check in report.checks if check.ok is False]
        lines += [f"  {report.channel.slug}: {check.check}: {check.sentence}" for check in failed]
    if result.jobs:
        lines += [
            "",
            f"{len(result.jobs)} checks were started: jobs {', '.join(str(j.pk) for j in result.jobs)}",
        ]
    return lines


def distribute(result: DistributeResult) -> list[str]:
    """Describe each yes and each no."""
    head = (
        "Dry run: nothing was written."
        if result.dry_run
        else f"{len(result.created)} distributions were made."
    )
    rows = [[d.video_id, d.channel_id, d.chosen, d.publish_at, d.reason] for d in result.decisions]
    return [
        line
        for line in (
            head,
            *difference(result.difference),
            result.summary,
            "",
            *table(["video", "channel", "goes", "at", "why"], rows),
        )
        if line is not None
    ]


def explanation(result: Explanation) -> list[str]:
    """Describe rule by rule why, or why not."""
    head = "may go" if result.ok else "may not go"
    lines = [f"Video {result.video_id} {head} to channel {result.channel_id}:"]
    lines += table(
        ["rule", "value", "wanted", "ok"], [[r.rule, r.value, r.threshold, r.ok] for r in result.rules]
    )
    if result.scores:
        lines += ["Rank: " + ", ".join(f"{name} {score:.3g}" for name, score in result.scores.items())]
    return lines


def sync(result: SyncResult) -> list[str]:
    """Describe what became of each channel's configuration."""
    head = ["Dry run: nothing was written."] if result.dry_run else []
    head += [f"Rollout {result.rollout_id} has begun."] if result.rollout_id else []
    return head + table(
        ["channel", "cohort", "outcome", "revision", "job", "changes", "message"],
        [
            [
                o.channel.slug,
                o.cohort,
                o.outcome,
                o.revision,
                o.job and o.job.pk,
                ", ".join(o.changes),
                o.message,
            ]
            for o in result.outcomes
        ],
    )


def trigger(result: TriggerResult) -> list[str]:
    """Describe which job was started, and by which method."""
    return [result.message, f"Job {result.job.pk} ({result.method}) is {result.job.state}."]


def forecast(kept: KeptForecast) -> list[str]:
    """Describe what the coming days bring, and when that was found out."""
    if kept.forecast is None:
        return ["It is being made for the first time; ask again in a minute."]
    age = [f"As of {when(kept.made_at)}; it is made anew in the background.", ""] if kept.is_kept else []
    return [*age, *_forecast(kept.forecast)]


def _forecast(result: Forecast) -> list[str]:
    lines = [result.summary or f"{result.items} publications until {when(result.ends_at)}.", ""]
    lines += table(
        ["day", "publications"], sorted((str(day), count) for day, count in result.published_by_day.items())
    )
    lines += ["", "Budgets (Pacific days):"]
    lines += table(
        ["budget", "day", "used", "capacity"], [[d.pool, d.day, d.used, d.capacity] for d in result.days]
    )
    busiest: dict[str, Any] = {}
    for hour in result.hours:
        if hour.pool not in busiest or hour.share > busiest[hour.pool].share:
            busiest[hour.pool] = hour
    lines += ["", "Busiest hours:"]
    lines += table(
        ["pool", "hour", "load"], [[h.pool, h.starts_at, f"{h.share:.0%}"] for h in busiest.values()]
    )
    lines += ["", "Will be late:"]
    lines += table(
        ["schedule", "channel", "at", "late by", "why"],
        [
            [
                late.item.schedule_id,
                late.item.channel_id,
                late.item.at,
                span(late.late_seconds),
                late.sentence,
            ]
            for late in result.late[:50]
        ],
        empty="nothing",
    )
    return lines


def pools(reports: Sequence[PoolReport]) -> list[str]:
    """Describe who holds what."""
    lines = table(
        ["id", "pool", "kind", "used", "capacity", "waiting", "paused", "resets"],
        [[p.id, p.name, p.kind, p.used, p.capacity, p.waiting, p.paused, p.resets_at] for p in reports],
        empty="no pool is there yet: start the system once",
    )
    held = [
        [p.name, *(lease.get(k) for k in ("id", "holder", "job", "acquired_at"))]
        for p in reports
        for lease in p.leases
    ]
    if held:
        lines += ["", "Held:", *table(["pool", "lease", "holder", "job", "since"], held)]
    columns = ["planned", "reserved", "charged", "settled", "unknown", "free"]
    days = [[p.name, day.day, *(getattr(day, name) for name in columns)] for p in reports for day in p.days]
    if days:
        lines += ["", "Budgets by Pacific day:", *table(["pool", "day", *columns], days)]
    return lines


def statistics(report: StatisticsReport) -> list[str]:
    """Describe what was counted."""
    lines = ["Outcomes: " + (", ".join(f"{n} {name}" for name, n in report.outcomes.items()) or "none")]
    lines.append(f"Median lateness: {span(report.median_lateness_seconds)}")
    for title, rows in (
        ("Channels", report.channels),
        ("Videos", report.top_videos),
        ("Published by day", report.published_by_day),
    ):
        headers = list(rows[0]) if rows else []
        lines += ["", f"{title}:", *table(headers, [[row.get(key) for key in headers] for row in rows])]
    return lines


def needs(found: Needs) -> list[str]:
    """Describe what needs a person, the most urgent first, each with why it stands there and what is done about it."""
    lines = [found.verdict.sentence]
    for number, need in enumerate(found.needs, 1):
        lines += ["", f"{number}. {need.sentence}", f"   {need.why}"]
        lines += (
            [f"   {', '.join(need.names)}{', …' if need.count > len(need.names) else ''}"]
            if need.names
            else []
        )
    return lines


def dashboard(data: Dashboard) -> list[str]:
    """Describe what the overview shows, in short."""
    lines = [*needs(Needs(data.verdict, data.needs)), "", *status(data.status), "", "Channels:"]
    lines += monitor(MonitorResult(list(data.channels)))
    lines += ["", "Next:"]
    lines += table(
        ["schedule", "channel", "at", "state"],
        [[s.pk, s.channel.slug, s.publish_at, s.state] for s in data.upcoming],
    )
    lines += ["", "Running:"]
    lines += table(
        ["job", "kind", "channel", "progress", "note"],
        [[j.pk, j.kind, j.channel, f"{j.progress:.0%}", j.progress_note] for j in data.running_jobs],
    )
    return lines


def publication_why(why: PublicationWhy) -> list[str]:
    """Describe why a publication is late, or not public."""
    lines = [why.sentence, *(f"    {reason}" for reason in why.why_not)]
    if why.delays:
        rows = [[d.code, span(d.seconds), d.from_at, d.to_at, d.sentence] for d in why.delays]
        lines += ["", *table(["delay", "took", "from", "to", "what"], rows)]
    return lines


def job_history(found: JobHistory) -> list[str]:
    """Describe a job's attempts, its calls, and what the log says."""
    tries = [
        [a.number, a.began_at, a.ended_at, a.worker, a.outcome, a.code, a.message, span(a.pause_seconds)]
        for a in found.attempts
    ]
    headers = ["try", "began", "ended", "worker", "outcome", "code", "message", "pause"]
    lines = ["Attempts:", *table(headers, tries, empty="none")]
    calls = [
        [
            c.attempt,
            c.at,
            c.method,
            f"{c.host}{c.path}",
            c.status,
            f"{c.duration_ms} ms",
            c.request_id,
            c.error,
        ]
        for c in found.calls
    ]
    headers = ["try", "at", "method", "where", "status", "took", "request id", "error"]
    lines += ["", "Calls:", *table(headers, calls, empty="none is kept")]
    lines += [f"{found.calls_left} earlier ones are not shown."] if found.calls_left else []
    return [*lines, "", "Log:", *(found.lines or ["nothing names it"])]


def job(row: Job) -> list[str]:
    """Describe how a job is."""
    return [f"{str(row).capitalize()} is {row.state}."]


def source(row: Source) -> list[str]:
    """Describe how a source is."""
    rights = (
        f"rights: {row.rights_basis}" if row.rights_basis else "no rights basis: nothing of it is published"
    )
    return [
        f"Source {row.pk} ({row.name}) is {row.state}; {rights}.",
        *source_place(row),
        *source_access(row),
        *source_reading(row),
    ]


def source_reading(row: Source) -> list[str]:
    """Describe what the last reading of a source gave."""
    if row.last_scraped_at is None or row.kind != SourceKind.ADDRESS:
        return []
    said = f"Read {row.last_scraped_at:%Y-%m-%d %H:%M} UTC: {row.last_found} found"
    if row.waiting_items:
        said += f", {row.waiting_items} more wait for the next readings"
    if row.unchanged_readings:
        said += f", unchanged since {row.unchanged_readings} readings"
    return [f"{said}.", *(f"Repaired: {repair}" for repair in row.repairs)]


def source_place(row: Source) -> list[str]:
    """Describe where a watched folder or an object storage lies."""
    if row.kind == SourceKind.STORAGE:
        return [f"It lists {row.where}, {'with keys' if row.access_set_at else 'as anybody'}."]
    return [f"It watches {row.place['path']}."] if row.kind == SourceKind.FOLDER else []


def source_access(row: Source) -> list[str]:
    """Describe what opens a source, without its secrets."""
    shown = row.access_shown
    if not shown:
        return []
    parts = ["a login"] if shown["login"] else []
    if shown["cookies"]:
        parts.append(f"{shown['cookies']} cookies")
    if shown["headers"]:
        parts.append(f"the headers {', '.join(shown['headers'])}")
    return [f"It is opened by {', '.join(parts)}, sent to {', '.join(shown['hosts'])} alone."]


def rights_change(answer: RightsChange) -> list[str]:
    """Describe what a source's rights are now, and what was taken back."""
    return [*source(answer.source), *([answer.sentence] if answer.sentence else [])]


def channel(row: Any) -> list[str]:
    """Describe how a channel is."""
    return [f"Channel {row.slug} is {row.state}."]


def slot(row: PostingSlot) -> list[str]:
    """Describe when a channel posts."""
    day = PostingSlot.Weekday(row.weekday).label
    return [
        f"Slot {row.pk}: {row.channel.slug} posts on {day} at {row.local_time:%H:%M}, {row.channel.timezone}."
    ]


def blackout(row: Blackout) -> list[str]:
    """Describe when a channel publishes nothing."""
    first = f"{row.first_date}{f' {row.from_time:%H:%M}' if row.from_time else ''}"
    last = f"{row.last_date}{f' {row.until_time:%H:%M}' if row.until_time else ''}"
    return [
        f"Blackout {row.pk}: {row.channel.slug} publishes nothing from {first} to {last}, {row.channel.timezone}."
    ]


def conflict(row: Conflict) -> list[str]:
    """Describe how a conflict is, and what can be done about one that is open."""
    lines = [f"Conflict {row.pk} is {row.state}: {row.message}"]
    if row.state == ConflictState.OPEN:
        lines += [f"    {index}: {offer['sentence']}" for index, offer in enumerate(row.alternatives)]
    return lines


def conflicts(rows: Sequence[Conflict]) -> list[str]:
    """Describe which conflicts there are, each with the numbers of its alternatives."""
    return [line for row in rows for line in conflict(row)] or ["No conflict is open."]


def lease(row: Lease) -> list[str]:
    """Describe how a lease is."""
    return [f"Lease {row.pk} of {row.holder} is {'released' if row.released_at else 'held'}."]
