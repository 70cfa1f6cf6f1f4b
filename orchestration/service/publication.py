"""Plan what goes where and when, change it, take it back, and settle conflicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from orchestration.core import reach
from orchestration.core.permissions import action
from orchestration.models import (
    Conflict,
    Schedule,
    Wave,
)
from orchestration.monitoring import publication_page, publication_why
from orchestration.monitoring.publication_page import PublicationPage
from orchestration.pipeline import settling
from orchestration.planning.answers import Explanation
from orchestration.planning.why import PublicationWhy
from orchestration.results.plans import DistributeResult, EarliestResult, WaveResult
from orchestration.results.waves import RecallPreview, WaveReport
from orchestration.scheduling import (
    conflict_actions,
    distribution,
    planner,
    recall,
    reviews,
    schedules,
    waves,
)
from orchestration.scheduling.requests import wave_request
from orchestration.service.base import Door


class Publication(Door):
    """Plan what goes where and when, change it, take it back, and settle conflicts."""

    @action("schedule")
    def coordinate_publication(
        self,
        *,
        video_id: int,
        channel_ids: Sequence[int],
        timing: str = "simultaneous",
        scheduled_at: datetime | None = None,
        stagger_seconds: int = 0,
        priority: int | None = None,
        on_conflict: str = "shift",
        acknowledge_policy: bool = False,
        dry_run: bool = False,
        fingerprint: str = "",
    ) -> WaveResult:
        """Publish one video on several channels: at once, staggered, or each in its own next free slot.

        With the `fingerprint` of a plan that was shown, that one is written or none. Raises: as `schedule_wave_publication`.
        """
        request = wave_request(
            video_ids=[video_id],
            channel_ids=channel_ids,
            timing=timing,
            scheduled_at=scheduled_at,
            delay_seconds=stagger_seconds,
            priority=priority,
            on_conflict=on_conflict,
            acknowledge_policy=acknowledge_policy,
            videos_field="video_id",
        )
        return planner.coordinate(request, dry_run=dry_run, fingerprint=fingerprint)

    @action("schedule")
    def schedule_wave_publication(
        self,
        *,
        video_ids: Sequence[int],
        channel_ids: Sequence[int],
        timing: str = "simultaneous",
        scheduled_at: datetime | None = None,
        delay_seconds: int = 0,
        priority: int | None = None,
        on_conflict: str = "shift",
        name: str = "",
        overrides: Mapping[tuple[int, int], datetime] | None = None,
        acknowledge_policy: bool = False,
        dry_run: bool = False,
        fingerprint: str = "",
    ) -> WaveResult:
        """Plan videos over channels as one wave and write it whole or not at all.

        `overrides` gives (video_id, channel_id) a time of its own. With the `fingerprint` of a plan that was shown, that
        one is written or none. Raises: PlanRefused, PlanOutdated, with the plan in its details.
        """
        request = wave_request(
            video_ids=video_ids,
            channel_ids=channel_ids,
            timing=timing,
            scheduled_at=scheduled_at,
            delay_seconds=delay_seconds,
            priority=priority,
            on_conflict=on_conflict,
            overrides=overrides,
            acknowledge_policy=acknowledge_policy,
        )
        return planner.schedule_wave(request, name=name, dry_run=dry_run, fingerprint=fingerprint)

    @action("read")
    def find_earliest_time(
        self,
        *,
        video_ids: Sequence[int],
        channel_ids: Sequence[int],
        timing: str = "simultaneous",
        scheduled_at: datetime | None = None,
        delay_seconds: int = 0,
        overrides: Mapping[tuple[int, int], datetime] | None = None,
    ) -> EarliestResult:
        """Find the first time, from `scheduled_at` or now on, at which the whole wave fits and nothing has to move.

        Members that `overrides` gives a time of their own keep it.
        """
        request = wave_request(
            video_ids=video_ids,
            channel_ids=channel_ids,
            timing=timing,
            scheduled_at=scheduled_at,
            delay_seconds=delay_seconds,
            overrides=overrides,
            acknowledge_policy=True,
        )
        return planner.find_earliest(request)

    @action("schedule")
    def distribute_videos(
        self,
        *,
        video_ids: Sequence[int] | None = None,
        channel_ids: Sequence[int] | None = None,
        horizon_days: int = 14,
        dry_run: bool = False,
    ) -> DistributeResult:
        """Give ready videos to active channels by their filters, in their free slots; a second run adds nothing."""
        return distribution.distribute(
            video_ids=video_ids, channel_ids=channel_ids, horizon_days=horizon_days, dry_run=dry_run
        )

    @action("read")
    def explain(self, *, video_id: int, channel_id: int) -> Explanation:
        """Return rule by rule why a video may or may not go to a channel."""
        return distribution.explain(video_id=video_id, channel_id=channel_id)

    @action("read")
    def explain_publication(self, *, schedule_id: int) -> PublicationWhy:
        """Return why a publication is late, or why it is not public, from what was written down. Raises: NotFound."""
        return publication_why.explain_publication(schedule_id)

    @action("read")
    def get_publication(self, *, schedule_id: int) -> PublicationPage:
        """Show one publication with all that its page tells, each table read once. Raises: NotFound."""
        return publication_page.read(schedule_id)

    @action("read")
    def get_wave(self, *, wave_id: int, skip: int = 0, most: int | None = None) -> WaveReport:
        """Show a wave, each member's readiness (with `skip` and `most` a part of them), and the skew once it is public.

        Whoever is limited is offered no action on a wave that goes beyond their groups.
        """
        report = waves.report(wave_id, skip=skip, most=most)
        if self.actor.limit is not None and reach.beyond(self.actor.limit, [wave_id]):
            return replace(report, actions=())
        return report

    @action("schedule")
    def pause_wave(self, *, wave_id: int, reason: str = "", version: int | None = None) -> Wave:
        """Hold back every member that is not public yet."""
        return waves.pause(wave_id, reason, version=version)

    @action("schedule")
    def resume_wave(self, *, wave_id: int, reason: str = "", version: int | None = None) -> Wave:
        """Let a paused wave go on."""
        return waves.resume(wave_id, reason, version=version)

    @action("schedule")
    def move_wave(
        self, *, wave_id: int, scheduled_at: datetime, reason: str = "", version: int | None = None
    ) -> WaveReport:
        """Move every open member by the same span, so that the first one falls on `scheduled_at`; overrides stay."""
        return waves.move(wave_id, scheduled_at, reason, version=version)

    @action("schedule")
    def cancel_wave(self, *, wave_id: int, reason: str = "", version: int | None = None) -> Wave:
        """Cancel what is not public yet; what is public stays."""
        return waves.cancel(wave_id, reason, version=version)

    @action("read")
    def preview_recall(self, *, wave_id: int) -> RecallPreview:
        """List what a recall would make private again."""
        return recall.preview(wave_id)

    @action("operate")
    def recall_wave(
        self, *, wave_id: int, confirmed_ids: Sequence[int], reason: str = "", version: int | None = None
    ) -> Wave:
        """Make public members private again; `confirmed_ids` must be the distributions that the preview listed."""
        return recall.recall_wave(wave_id, confirmed_ids, reason, version=version)

    @action("schedule")
    def move_schedule(
        self, *, schedule_id: int, publish_at: datetime, reason: str = "", version: int | None = None
    ) -> Schedule:
        """Give one publication another time; refused where rules forbid it, naming the next free ones."""
        return schedules.move(schedule_id, publish_at, reason, version=version)

    @action("schedule")
    def reopen_schedule(
        self,
        *,
        schedule_id: int,
        publish_at: datetime | None = None,
        reason: str = "",
        version: int | None = None,
    ) -> Schedule:
        """Take up again what was cancelled, missed, skipped or failed, at its old time or at another one."""
        return schedules.reopen(schedule_id, reason, publish_at=publish_at, version=version)

    @action("schedule")
    def hold_schedule(self, *, schedule_id: int, reason: str = "", version: int | None = None) -> Schedule:
        """Keep one publication back until it is released."""
        return schedules.hold(schedule_id, reason, version=version)

    @action("schedule")
    def release_schedule(
        self,
        *,
        schedule_id: int,
        publish_at: datetime | None = None,
        reason: str = "",
        version: int | None = None,
    ) -> Schedule:
        """Let a held publication go on, at its time or another one; its misfire policy decides if its own has passed."""
        return schedules.release(schedule_id, reason, publish_at=publish_at, version=version)

    @action("schedule")
    def cancel_schedule(self, *, schedule_id: int, reason: str = "", version: int | None = None) -> Schedule:
        """Cancel one publication that is not public yet."""
        return schedules.cancel(schedule_id, reason, version=version)

    @action("schedule")
    def bump_schedule(self, *, schedule_id: int, reason: str = "", version: int | None = None) -> Schedule:
        """Move one publication's work to the front of every queue."""
        return schedules.bump(schedule_id, reason, version=version)

    @action("operate")
    def review_schedule(
        self,
        *,
        schedule_id: int,
        outcome: str,
        youtube_video_id: str = "",
        reason: str = "",
        version: int | None = None,
    ) -> Schedule:
        """Settle what needs review, after a person has looked: `published`, `staged`, `planned`, `failed` or `cancelled`."""
        return reviews.review_schedule(schedule_id, outcome, youtube_video_id, reason, version=version)

    @action("operate")
    def settle_change(
        self, *, distribution_id: int, way: str, reason: str = "", version: int | None = None
    ) -> Schedule:
        """Settle what somebody changed on YouTube: `take_theirs`, or `put_ours_back`."""
        return settling.settle_change(distribution_id, way, reason, version=version)

    @action("read")
    def get_open_conflicts(self) -> list[Conflict]:
        """List what collided and still waits for somebody to do something about it, newest first."""
        return conflict_actions.still_open()

    @action("schedule")
    def apply_alternative(self, *, conflict_id: int, index: int, version: int | None = None) -> Conflict:
        """Resolve a conflict by one of the alternatives that were recorded with it."""
        return conflict_actions.apply_alternative(conflict_id, index, version=version)

    @action("schedule")
    def dismiss_conflict(self, *, conflict_id: int, reason: str = "", version: int | None = None) -> Conflict:
        """Dismiss a conflict: nothing needs to be done about it."""
        return conflict_actions.dismiss(conflict_id, reason, version=version)
