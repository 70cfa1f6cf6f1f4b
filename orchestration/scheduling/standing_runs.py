"""Run standing rules: those whose time has come, or one that a person asks for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from channels.models import Channel
from orchestration.core import audit, scope
from orchestration.core.wakeups import wake_tick
from orchestration.errors import OrchestrationError
from orchestration.models import Distribution, Schedule, StandingRule, Video
from orchestration.planning import types
from orchestration.planning.conflicts import format_count
from orchestration.planning.rule_differences import of_series
from orchestration.planning.series import Episode, SeriesPlan, plan_series
from orchestration.results.plans import StandingRun
from orchestration.scheduling import distribution, reservations, snapshots, standing
from orchestration.scheduling.plan_writer import write_placements
from orchestration.states import OPEN_SCHEDULES, USABLE_VIDEOS, DistributionState, ScheduleState, VideoState

logger = logging.getLogger(__name__)
EPISODES_AT_ONCE = 500
"""So many episodes that are not on all channels yet are looked at, oldest first."""
NAMED = 5
SETTLED = [
    DistributionState.PUBLISHED,
    DistributionState.RECALLED,
    DistributionState.CANCELLED,
    DistributionState.NEEDS_REVIEW,
]
ON_ITS_WAY = Q(distributions__state__in=SETTLED) | Q(
    distributions__schedule__state__in=[*OPEN_SCHEDULES, ScheduleState.NEEDS_REVIEW, ScheduleState.CANCELLED]
)
"""An episode is done with on a channel: it has a moment there, was public, or a person said no. What failed is not."""


def run_due(now: datetime | None = None) -> int:
    """Run each rule whose time has come; returns how many. One that fails says so, and keeps no other from its run."""
    now = now or timezone.now()
    ran = 0
    for rule in StandingRule.objects.filter(enabled=True, next_run_at__lte=now).order_by("next_run_at", "pk"):
        # Compare and swap: of two clocks that look at once one runs it.
        mine = StandingRule.objects.filter(pk=rule.pk, next_run_at=rule.next_run_at)
        if not mine.update(next_run_at=standing.next_run(rule, now)):
            continue
        who = audit.acting()
        with audit.acting_as(replace(who, correlation_id=audit.new_correlation_id())):
            try:
                run(rule.pk)
            except OrchestrationError as error:
                _note(rule, summary="", problem=error.message)
            except Exception:
                logger.exception("standing rule %s failed; the others go on", rule.pk)
                _note(rule, summary="", problem="It broke off by a fault of ours; the log says where.")
        ran += 1
    return ran


def run(rule_id: int, *, dry_run: bool = False) -> StandingRun:
    """Plan what a rule asks for now; with `dry_run` only say what that would be. Raises: NotFound."""
    if dry_run:
        return _made(standing.one(rule_id), dry_run=True)
    with transaction.atomic():
        rule = standing.one(rule_id)
        made = _made(rule, dry_run=False)
        _note(rule, summary=made.summary, problem=made.problem, low=made.low)
    return made


def _made(rule: StandingRule, *, dry_run: bool) -> StandingRun:
    return _series(rule, dry_run) if rule.kind == StandingRule.Kind.SERIES else _distribute(rule, dry_run)


def _note(rule: StandingRule, *, summary: str, problem: str, low: Sequence[str] = ()) -> None:
    """Keep how a run ended; a run that placed nothing is an entry where it says something new."""
    with transaction.atomic():
        if (summary[:500], problem[:500]) != (rule.last_summary, rule.last_problem):
            audit.record(
                "standing_rule_ran",
                rule,
                before={"summary": rule.last_summary, "problem": rule.last_problem},
                after={"summary": summary, "problem": problem, "below_floor": list(low)},
                reason=problem or summary,
            )
        StandingRule.objects.filter(pk=rule.pk).update(
            last_run_at=timezone.now(),
            last_summary=summary[:500],
            last_problem=problem[:500],
            last_low=list(low),
        )


def _channels_of(rule: StandingRule) -> list[Channel]:
    """Return the active channels of a rule, those of its groups and labels as they are now; limited to none: all."""
    ids = scope.channels_of([rule])[rule.pk]
    active = Channel.objects.active()
    return list(active if ids is None else active.filter(pk__in=ids))


def _below_floor(rule: StandingRule, channels: Sequence[Channel]) -> list[str]:
    """Return the slugs of the channels that have fewer publications ahead, within the horizon, than the floor."""
    if not rule.backlog_floor:
        return []
    now = timezone.now()
    ahead = Schedule.objects.filter(
        state__in=OPEN_SCHEDULES,
        publish_at__gt=now,
        publish_at__lt=now + timedelta(days=rule.horizon_days),
        channel__in=channels,
    )
    counts = dict(ahead.order_by().values_list("channel").annotate(many=Count("*")))
    return [channel.slug for channel in channels if counts.get(channel.pk, 0) < rule.backlog_floor]


def _distribute(rule: StandingRule, dry_run: bool) -> StandingRun:
    channels = _channels_of(rule)
    if not channels:
        return StandingRun(rule, [], [], "", "None of its channels is active.", dry_run=dry_run)
    made = distribution.distribute(
        video_ids=None,
        channel_ids=[channel.pk for channel in channels],
        horizon_days=rule.horizon_days,
        dry_run=dry_run,
        source_id=rule.source_id,
        subject=rule,
    )
    going = {each.video_id for each in made.decisions if each.chosen}
    titles = dict(Video.objects.filter(pk__in=going).values_list("pk", "title"))
    names = {channel.pk: channel.name for channel in channels}
    lines = [
        f"{titles[each.video_id] or f'video {each.video_id}'} on {names[each.channel_id]} "
        f"at {each.publish_at:%Y-%m-%d %H:%M} UTC"
        for each in made.decisions
        if each.chosen
    ]
    low = _below_floor(rule, channels)
    return StandingRun(rule, lines, low, made.summary, "", dry_run=dry_run, difference=made.difference)


# --------------------------------------------------------------------------------------------------------------- series


def _series(rule: StandingRule, dry_run: bool) -> StandingRun:
    channels = _channels_of(rule)
    if not channels:
        return StandingRun(rule, [], [], "", "None of its channels is active.", dry_run=dry_run)
    if dry_run:
        plan, episodes = _plan(rule, channels, lock=False)
    else:
        with transaction.atomic():
            plan, episodes = _plan(rule, channels, lock=True)
            _write(rule, plan)
    titles = {episode.video.id: episode.video.title or f"video {episode.video.id}" for episode in episodes}
    slugs = {channel.pk: channel.slug for channel in channels}
    lines = [
        f"{titles[p.video_id]} on {slugs[p.channel_id]} at {p.at:%Y-%m-%d %H:%M} UTC" for p in plan.placements
    ]
    waits = [f"{each.slug} waits for {each.waits_for}" for each in plan.channels if each.waits_for]
    more = f"; so do {len(waits) - NAMED} more channels" if len(waits) > NAMED else ""
    return StandingRun(
        rule,
        lines,
        _below_floor(rule, channels),
        _summary(plan),
        "; ".join(waits[:NAMED]) + more,
        dry_run=dry_run,
        difference=of_series(len(plan.placements), plan.channels),
    )


def _summary(plan: SeriesPlan) -> str:
    waiting = sum(each.waiting for each in plan.channels)
    left_out = sum(len(each.left_out) for each in plan.channels)
    text = (
        f"{format_count(len(plan.placements), 'episode')} placed on "
        f"{format_count(len({p.channel_id for p in plan.placements}), 'channel')}; {waiting} to follow"
    )
    return f"{text}; {format_count(left_out, 'time')} not free and left out" if left_out else text


def _plan(rule: StandingRule, channels: Sequence[Channel], *, lock: bool) -> tuple[SeriesPlan, list[Episode]]:
    views = snapshots.channel_views([channel.pk for channel in channels], lock=lock)
    if lock:
        reservations.hold_alone()
    episodes = _episodes(rule)
    videos = [episode.video for episode in episodes]
    context = distribution.context_of(views, videos, rule.horizon_days, timezone.now())
    context = replace(context, priority=rule.priority)
    return plan_series(episodes, views, standing.slot_rules(rule), context), episodes


def _episodes(rule: StandingRule) -> list[Episode]:
    """Return the episodes of a series, oldest first; of those that are on all its channels only the latest ones."""
    rows = Video.objects.filter(source=rule.source_id).exclude(
        state__in=[VideoState.DUPLICATE, VideoState.WITHDRAWN]
    )
    rows = rows.exclude(pk__in=rule.skipped.all()).annotate(
        aired_at=Coalesce("source_published_at", "created_at"), ways=Count("distributions", filter=ON_ITS_WAY)
    )
    if rule.since is not None:
        rows = rows.filter(aired_at__gte=rule.since)
    wanted = len(scope.channels_of([rule])[rule.pk] or ())
    done = rows.filter(ways__gte=wanted).order_by("-aired_at", "-pk")[:NAMED]
    left = rows.filter(ways__lt=wanted).order_by("aired_at", "pk")[:EPISODES_AT_ONCE]
    names = ("pk", "aired_at", "error_message")
    chosen = [*done.values_list(*names), *left.values_list(*names)]
    chosen.sort(key=lambda row: (row[1], row[0]))
    said = {pk: message for pk, _, message in chosen}
    views = {view.id: view for view in snapshots.video_views(said)}
    return [Episode(views[pk], _blocked(views[pk], said[pk])) for pk in said]


def _blocked(video: types.VideoView, said: str) -> str:
    """Return why an episode cannot be planned yet; empty where it can."""
    if not video.rights_basis:
        return "its source has no rights basis"
    if video.state not in USABLE_VIDEOS:
        return f"it is {video.state}{f': {said}' if said else ''}"
    return "" if video.title else "it has no title yet"


def _write(rule: StandingRule, plan: SeriesPlan) -> None:
    if not plan.placements:
        return
    placements = [replace(p, reason=f"the next of the series {rule.name}"[:300]) for p in plan.placements]
    schedules = write_placements(placements, wave=None, method=Distribution.Method.SERIES, now=timezone.now())
    made = Distribution.objects.filter(schedule__in=schedules).order_by("pk").values_list("pk", flat=True)
    audit.record(
        "series_planned",
        rule,
        after={"distributions": len(schedules)},
        reason=_summary(plan),
        members={"distribution": list(made), "schedule": schedules},
    )
    wake_tick()
