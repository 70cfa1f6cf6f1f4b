"""Read rows into the values that planning works on, in a few queries whatever the number of channels."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from math import ceil

from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, Exists, F, FilteredRelation, Model, OuterRef, Q, Sum
from django.utils import timezone

from channels.models import Blackout, Channel, PostingSlot
from channels.quota import QUOTA_COST, pacific_day
from orchestration.models import Activity, Distribution, Job, Pool, Schedule, Video
from orchestration.models.functions import HourOf
from orchestration.planning import types as planning
from orchestration.planning.slots import blackout_of_dates
from orchestration.queue import pool_names, pools
from orchestration.scheduling.file_urls import is_in_reach_of_runs
from orchestration.scheduling.publication_words import is_untitled, needs_title
from orchestration.states import (
    OPEN_SCHEDULES,
    SCHEDULE_VERBS,
    DistributionState,
    JobKind,
    PoolKind,
    ScheduleState,
)

YIELDING = SCHEDULE_VERBS["displace"].states
MOVE_UNITS = 51  # reading and updating the status of a video that is on YouTube already
PUBLISH_UNITS = QUOTA_COST["set_publish_at"][1] + QUOTA_COST["videos"][1]  # arming, and the look afterwards


def channel_views(
    channel_ids: Iterable[int] | None = None, *, lock: bool = False
) -> list[planning.ChannelView]:
    """Return channels with slots and blackouts; with `lock`, their rows are locked until the transaction ends."""
    rows = Channel.objects.order_by("pk")
    if channel_ids is not None:
        rows = rows.filter(pk__in=list(channel_ids))
    if lock:
        rows = rows.locked()
    return views_of(list(rows.select_related("credential")), stage_estimates())


def views_of(
    channels: Sequence[Channel], seconds: Mapping[str, int] | None = None
) -> list[planning.ChannelView]:
    """Return channels that were read with their credentials as planning sees them, slots and blackouts with them.

    `seconds` is what `stage_estimates` says; without it, nothing is known of how long staging takes.
    """
    seconds = seconds or {}
    slots: dict[int, list[planning.SlotRule]] = defaultdict(list)
    for slot in PostingSlot.objects.filter(channel__in=channels, enabled=True):
        slots[slot.channel_id].append(planning.SlotRule(slot.weekday, slot.local_time, slot.pk))
    blackouts: dict[int, list[planning.Blackout]] = defaultdict(list)
    zones = {channel.pk: channel.timezone for channel in channels}
    for row in Blackout.objects.filter(channel__in=channels):
        blackouts[row.channel_id].append(blackout_view(row, zones[row.channel_id]))
    return [
        _channel_view(channel, slots[channel.pk], blackouts[channel.pk], seconds.get(channel.executor, 0))
        for channel in channels
    ]


def stage_estimates(latest: int = 200) -> dict[str, int]:
    """Return how many seconds staging took on average lately, by executor; nothing where nothing was staged yet."""
    done = Job.objects.succeeded().filter(kind=JobKind.STAGE, started_at__isnull=False)
    newest = done.order_by("-id").values_list("executor", "started_at", "finished_at")[:latest]
    took: dict[str, list[float]] = defaultdict(list)
    for executor, started_at, finished_at in newest:
        if finished_at is not None:
            took[executor].append((finished_at - started_at).total_seconds())
    return {executor: ceil(sum(values) / len(values)) for executor, values in took.items()}


def _channel_view(
    channel: Channel,
    slots: list[planning.SlotRule],
    blackouts: list[planning.Blackout],
    stage_seconds: int,
) -> planning.ChannelView:
    credential = getattr(channel, "credential", None)
    return planning.ChannelView(
        id=channel.pk,
        slug=channel.slug,
        name=channel.name,
        zone=channel.timezone,
        priority=channel.priority,
        min_gap_minutes=channel.min_gap_minutes,
        daily_cap=channel.daily_cap,
        slots=tuple(slots),
        blackouts=tuple(blackouts),
        state=channel.state,
        health=channel.health,
        credential_state=credential.state if credential else "missing",
        misfire_policy=channel.misfire_policy,
        grace_minutes=channel.misfire_grace_minutes,
        filters=planning.Filters.of(channel.filters),
        executor=channel.executor,
        stage_seconds=stage_seconds,
        lead_time_seconds=channel.lead_time_minutes * 60,
        needs_title=needs_title(channel.title_template),
    )


def reach(views: Iterable[planning.ChannelView]) -> timedelta:
    """Return how far around an instant a calendar has to be known: its local day, and the largest gap in use."""
    gaps = [timedelta(minutes=view.min_gap_minutes) for view in views]
    return max([*gaps, timedelta(days=2)]) + timedelta(days=1)


def blackout_view(row: Blackout, zone: str) -> planning.Blackout:
    """Return a blackout as instants: from its first wall-clock moment up to, not including, its last."""
    return blackout_of_dates(row.first_date, row.last_date, zone, row.reason, row.from_time, row.until_time)


def video_views(
    video_ids: Iterable[int] | None = None, *, states: Iterable[str] = (), source_id: int | None = None
) -> list[planning.VideoView]:
    """Return videos as planning sees them; by ids, or all in some states, of one source or of all."""
    rows = Video.objects.order_by("pk")
    if video_ids is not None:
        rows = rows.filter(pk__in=list(video_ids))
    if states:
        rows = rows.filter(state__in=list(states))
    if source_id is not None:
        rows = rows.filter(source=source_id)
    names = (
        "id",
        "title",
        "duration_seconds",
        "width",
        "height",
        "view_count",
        "watermarked",
        "language",
        "tags",
        "source_id",
        "source__rights_basis",
        "content_hash",
        "state",
        "source_published_at",
        "ready_at",
        "url",
        "words",
        "source__access_set_at",
    )
    return [
        planning.VideoView(
            *row[:7],
            row[7] or None,
            tuple(map(str, row[8] or ())),
            row[9],
            row[10] or "",
            *row[11:15],
            None,
            is_in_reach_of_runs(row[15], needs_access=row[17] is not None),
            is_untitled(row[1], row[16]),
        )
        for row in rows.values_list(*names)
    ]


def occupied(
    channel_ids: Sequence[int], since: datetime | None = None, until: datetime | None = None
) -> list[planning.Occupied]:
    """Return what takes room in the calendars of channels, in a window."""
    rows = Schedule.objects.occupying().filter(channel__in=channel_ids)
    if since is not None:
        rows = rows.filter(publish_at__gte=since)
    if until is not None:
        rows = rows.filter(publish_at__lt=until)
    found = rows.order_by().values_list(
        "channel_id", "publish_at", "pk", "priority", "state", "overridden", "wave_id", "armed_for"
    )
    return [
        planning.Occupied(
            channel_id,
            at,
            pk,
            priority,
            f"publication {pk}",
            state in YIELDING and not overridden and armed_for is None,
            wave_id,
            MOVE_UNITS if armed_for else 0,
        )
        for channel_id, at, pk, priority, state, overridden, wave_id, armed_for in found
    ]


UNSCHEDULED = Q(state__in=[DistributionState.ASSIGNED, DistributionState.STAGED]) & (
    Q(schedule=None) | ~Q(schedule__state__in=OPEN_SCHEDULES | {ScheduleState.NEEDS_REVIEW})
)
"""Distributions that have no moment (staged by hand, missed, skipped): they may be given one, which is no duplicate."""


CALLED_OFF = Q(state=DistributionState.CANCELLED) | (
    Q(schedule__state=ScheduleState.CANCELLED)
    & Q(state__in=[DistributionState.ASSIGNED, DistributionState.STAGED, DistributionState.FAILED])
)
"""What a person has cancelled, and nobody has reopened since; staging it by hand does not."""
SETTLED_FAILURE = Q(state=DistributionState.FAILED) & ~Q(schedule__state=ScheduleState.NEEDS_REVIEW)


def existing(videos: Sequence[planning.VideoView]) -> list[planning.Existing]:
    """Return where these videos, or others with their content, already go or went, and where a person said no."""
    ids = [video.id for video in videos]
    hashes = {video.content_hash for video in videos if video.content_hash}
    # Which videos is asked apart: where they go is then found by the video, where an "or" of both would read all there is.
    same = Video.objects.filter(Q(pk__in=ids) | Q(content_hash__in=hashes)).order_by()
    rows = Distribution.objects.filter(video__in=same.values("pk"))
    names = ("video_id", "channel_id", "video__content_hash", "schedule__publish_at", "state")
    standing = rows.exclude(CALLED_OFF).exclude(SETTLED_FAILURE).exclude(UNSCHEDULED)
    found = [planning.Existing(*row) for row in standing.order_by().values_list(*names)]
    called_off = list(rows.filter(CALLED_OFF).order_by().values_list(*names, "pk", "schedule"))
    said = cancellations(
        [pk for *_, pk, schedule in called_off if schedule is None],
        [schedule for *_, schedule in called_off if schedule is not None],
    )
    return found + [
        planning.Existing(*row)._replace(
            cancelled=said[(Schedule, schedule) if schedule else (Distribution, pk)]
        )
        for *row, pk, schedule in called_off
    ]


def cancellations(
    distribution_ids: Sequence[int], schedule_ids: Sequence[int]
) -> dict[tuple[type[Model], int], str]:
    """Return of cancelled rows who cancelled them, when and why, as the activity log has it; by model and id."""
    said: dict[tuple[type[Model], int], str] = {}
    for model, ids in ((Distribution, distribution_ids), (Schedule, schedule_ids)):
        said |= {(model, pk): "cancelled" for pk in ids}
        entries = Activity.objects.filter(
            content_type=ContentType.objects.get_for_model(model),
            object_id__in=ids,
            after__state=str(ScheduleState.CANCELLED),
        )
        for entry in entries.order_by("id") if ids else ():
            why = f": {entry.reason}" if entry.reason else ""
            said[model, entry.object_id] = (
                f"cancelled by {entry.actor_label} at {entry.timestamp:%Y-%m-%d %H:%M} UTC{why}"
            )
    return said


AHEAD = (ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.STAGED, ScheduleState.HELD)
"""What still has to be staged, or armed, or both; of what is held only what has its moment ahead."""


def pool_views(now: datetime | None = None, *, without: Sequence[int] = ()) -> list[planning.PoolView]:
    """Return the pools that staging draws on, and the units that making public does, by Pacific day.

    What is used, and what planned schedules have reserved of it; those in `without` count for nothing. Under lock
    (`reservations.hold_alone`) the answer stands.
    """
    now = now or timezone.now()
    today = pacific_day(now)
    # The reserved first: what is claimed between the two looks is then counted twice, and never not at all.
    reserved, promised = ahead(today, without=without)
    names = [pool_names.UPLOAD, pool_names.DISPATCH, pool_names.UPLOADS, pool_names.UNITS]
    rows: dict[str, Pool] = {}
    used: dict[str, dict[date, int]] = defaultdict(dict)
    lines = FilteredRelation("entries", condition=Q(entries__day__gte=today, entries__state__in=pools.SPENT))
    with_spent = Pool.objects.filter(name__in=names).annotate(line=lines, day=F("line__day"))
    for pool in with_spent.annotate(units=Sum("line__units")).order_by("name"):
        rows[pool.name] = pool
        if pool.day is not None:
            used[pool.name][pool.day] = pool.units
    # Running uploads hold a slot each, so jobs alone tell what is in the upload pool or before it.
    queued = Job.objects.open().filter(kind=JobKind.STAGE, executor="local").count()
    views = []
    for pool in rows.values():
        is_budget = pool.kind == PoolKind.BUDGET
        is_units = pool.name == pool_names.UNITS
        views.append(
            planning.PoolView(
                name=pool.name,
                kind=pool.kind,
                capacity=pool.capacity,
                window_seconds=pool.window_seconds,
                used=used[pool.name] if is_budget else {},
                committed=promised if is_units else reserved if is_budget else {},
                queued=queued if pool.kind == PoolKind.SLOTS else 0,
                executor={pool_names.UPLOAD: "local", pool_names.DISPATCH: "github"}.get(pool.name, ""),
                cost_per_item=0 if is_units else 1,
                publish_units=PUBLISH_UNITS if is_units else 0,
            )
        )
    return views


def reserved_uploads(today: date, *, without: Sequence[int] = ()) -> dict[date, int]:
    """Return how many uploads the schedules have reserved that are not in the ledger yet, by Pacific day from today on.

    What is held keeps its day as long as its moment lies ahead.
    """
    return ahead(today, without=without)[0]


def ahead(today: date, *, without: Sequence[int] = ()) -> tuple[dict[date, int], dict[date, int]]:
    """Return by Pacific day the uploads that are reserved, and the units that making public will take, in one look."""
    now = timezone.now()
    rows = Schedule.objects.filter(state__in=AHEAD, armed_for=None)
    rows = rows.exclude(state=ScheduleState.HELD, publish_at__lte=now)
    if without:
        rows = rows.exclude(pk__in=without)
    grouped = (
        rows.annotate(stage_hour=HourOf("stage_at"), public_hour=HourOf("publish_at"))
        .values_list("stage_hour", "public_hour", "state")
        .annotate(many=Count("*"))
        .order_by()
    )
    # What is uploaded, or being staged and in the ledger, is counted apart: to ask it of every schedule takes ten times as
    # long. In this order: what is uploaded meanwhile is then in none of the two, and its day is reserved once too often.
    to_upload = rows.exclude(state=ScheduleState.STAGED)
    uploaded = to_upload.exclude(distribution__state=DistributionState.PUBLISHED).filter(
        distribution__youtube_video_id__isnull=False
    )
    drawn = pools.still_covering(today).filter(job__distribution=OuterRef("distribution"))
    in_ledger = rows.filter(Exists(drawn), state=ScheduleState.STAGING, distribution__youtube_video_id=None)
    reserved: dict[date, int] = defaultdict(int)
    units: dict[date, int] = defaultdict(int)
    for stage_hour, public_hour, state, count in grouped:
        units[max(pacific_day(public_hour), today)] += count * PUBLISH_UNITS
        if state != ScheduleState.STAGED:
            reserved[max(pacific_day(stage_hour), today)] += count
    for already in (uploaded, in_ledger):
        for stage_at, count in already.values_list("stage_at").annotate(many=Count("*")).order_by():
            reserved[max(pacific_day(stage_at), today)] -= count
    return {day: count for day, count in reserved.items() if count > 0}, dict(units)
