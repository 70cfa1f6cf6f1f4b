"""The one way in (THE DOOR, in the design's words): every coordination action, whoever asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time

from channels.models import Blackout, Channel, PostingSlot
from orchestration import overview
from orchestration.core.audit import Acting, acting_as, new_correlation_id
from orchestration.core.permissions import Actor, action
from orchestration.engine import by_cause, control, jobs
from orchestration.github import (
    callbacks,
    configuration,
    failover,
    provisioning,
    repository_decisions,
    repository_record,
    rollouts,
)
from orchestration.models import (
    Conflict,
    Job,
    Lease,
    Notification,
    NotificationAddress,
    NotificationRule,
    OrphanUpload,
    Pool,
    Schedule,
    Silence,
    Source,
    Wave,
)
from orchestration.monitoring import health, pool_reports, probes, statistics
from orchestration.notify import addresses, board, silences
from orchestration.notify import rules as notify_rules
from orchestration.pipeline import settling
from orchestration.pipeline.trigger import trigger
from orchestration.planning.answers import Explanation, Forecast
from orchestration.queue import blockers, pool_actions
from orchestration.register import calendars, channels, google_connect, sources
from orchestration.results import (
    BlockerReport,
    CauseCount,
    CauseResult,
    Dashboard,
    DistributeResult,
    EarliestResult,
    MonitorResult,
    PoolReport,
    ProvisionPlan,
    RecallPreview,
    RepositoryReport,
    ResumePreview,
    RightsChange,
    RolloutReport,
    RunPermit,
    RunRecorded,
    StatisticsReport,
    SyncResult,
    SystemReport,
    TriggerResult,
    WaveReport,
    WaveResult,
)
from orchestration.scheduling import (
    conflict_actions,
    distribution,
    forecast,
    planner,
    recall,
    reviews,
    schedules,
    waves,
)
from orchestration.scheduling.requests import wave_request
from orchestration.states import Trigger


class CentralOrchestrationService:
    """Coordinate all channels: what goes where and when, by which machinery, and what happened.

    Methods take ids and plain values, return the types of `orchestration.results` and raise those of
    `orchestration.errors`. A dry run writes nothing. All instants are aware.
    """

    def __init__(
        self, *, actor: Actor | None = None, trigger: str = Trigger.SYSTEM, correlation_id: str | None = None
    ) -> None:
        self.actor = actor or Actor.system()
        self.trigger = trigger
        self.correlation_id = correlation_id or new_correlation_id()

    # ------------------------------------------------------------------------------------------------------- control

    @action("operate")
    def start(self, *, reason: str = "", version: int | None = None) -> SystemReport:
        """Start the system: due work is dispatched from now on. Raises: IllegalTransition if it runs already."""
        return control.start(reason, version=version)

    @action("operate")
    def stop(
        self, *, now: bool = False, reason: str = "", disarm: bool = False, version: int | None = None
    ) -> SystemReport:
        """Let what runs finish, then stop; with `now`, ask what runs to cancel; with `disarm`, take back what is armed."""
        return control.stop(now=now, reason=reason, disarm=disarm, version=version)

    @action("operate")
    def pause(self, *, reason: str = "", disarm: bool = False, version: int | None = None) -> SystemReport:
        """Start nothing new; what runs finishes; with `disarm`, also take back what YouTube would publish by itself."""
        return control.pause(reason, disarm=disarm, version=version)

    @action("operate")
    def resume(
        self,
        *,
        reason: str = "",
        version: int | None = None,
        choices: Mapping[int, str] | None = None,
        all_as: str = "policy",
    ) -> SystemReport:
        """Go on after a pause; what is overdue goes the way chosen for it, else its channel's misfire policy's.

        `choices` are by publication, `all_as` for all others: policy, publish_now, next_slot, hold or skip.
        """
        return control.resume(reason, version=version, choices=choices, all_as=all_as)

    @action("read")
    def preview_resume(self) -> ResumePreview:
        """Show what is overdue and what resuming would do to each."""
        return control.preview_resume()

    @action("read")
    def get_status(self) -> SystemReport:
        """Return whether the system runs, since when, by whom and why, and what it is doing."""
        return control.report()

    # --------------------------------------------------------------------------------------------------- publication

    @action("operate")
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
    ) -> WaveResult:
        """Publish one video on several channels: at once, staggered, or each in its own next free slot."""
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
        return planner.coordinate(request, dry_run=dry_run)

    @action("operate")
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
    ) -> WaveResult:
        """Plan videos over channels as one wave and write it whole or not at all.

        `overrides` gives (video_id, channel_id) a time of its own. Raises: PlanRefused with the plan in its details.
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
        return planner.schedule_wave(request, name=name, dry_run=dry_run)

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

    @action("operate")
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
    def get_wave(self, *, wave_id: int) -> WaveReport:
        """Show a wave, each member's readiness, and the skew once it is public."""
        return waves.report(wave_id)

    @action("operate")
    def pause_wave(self, *, wave_id: int, reason: str = "", version: int | None = None) -> Wave:
        """Hold back every member that is not public yet."""
        return waves.pause(wave_id, reason, version=version)

    @action("operate")
    def resume_wave(self, *, wave_id: int, reason: str = "", version: int | None = None) -> Wave:
        """Let a paused wave go on."""
        return waves.resume(wave_id, reason, version=version)

    @action("operate")
    def move_wave(
        self, *, wave_id: int, scheduled_at: datetime, reason: str = "", version: int | None = None
    ) -> WaveReport:
        """Move every open member by the same span, so that the first one falls on `scheduled_at`; overrides stay."""
        return waves.move(wave_id, scheduled_at, reason, version=version)

    @action("operate")
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

    @action("operate")
    def move_schedule(
        self, *, schedule_id: int, publish_at: datetime, reason: str = "", version: int | None = None
    ) -> Schedule:
        """Give one publication another time; refused where rules forbid it, naming the next free ones."""
        return schedules.move(schedule_id, publish_at, reason, version=version)

    @action("operate")
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

    @action("operate")
    def hold_schedule(self, *, schedule_id: int, reason: str = "", version: int | None = None) -> Schedule:
        """Keep one publication back until it is released."""
        return schedules.hold(schedule_id, reason, version=version)

    @action("operate")
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

    @action("operate")
    def cancel_schedule(self, *, schedule_id: int, reason: str = "", version: int | None = None) -> Schedule:
        """Cancel one publication that is not public yet."""
        return schedules.cancel(schedule_id, reason, version=version)

    @action("operate")
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

    @action("operate")
    def apply_alternative(self, *, conflict_id: int, index: int, version: int | None = None) -> Conflict:
        """Resolve a conflict by one of the alternatives that were recorded with it."""
        return conflict_actions.apply_alternative(conflict_id, index, version=version)

    @action("operate")
    def dismiss_conflict(self, *, conflict_id: int, reason: str = "", version: int | None = None) -> Conflict:
        """Dismiss a conflict: nothing needs to be done about it."""
        return conflict_actions.dismiss(conflict_id, reason, version=version)

    # ------------------------------------------------------------------------------------------------------ channels

    @action("operate")
    def trigger_pipeline(
        self,
        *,
        channel_id: int,
        video_id: int | None = None,
        source_url: str | None = None,
        skip_upload: bool = False,
    ) -> TriggerResult:
        """Run a channel's pipeline now: by GitHub Actions if it has a repository, else by our workers."""
        return trigger(
            channel_id=channel_id, video_id=video_id, source_url=source_url, skip_upload=skip_upload
        )

    @action("read")
    def monitor_channels(self, *, channel_ids: Sequence[int] | None = None) -> MonitorResult:
        """Show the last known health of channels."""
        return health.report(channel_ids)

    @action("operate")
    def check_channels(self, *, channel_ids: Sequence[int] | None = None) -> MonitorResult:
        """Look at channels now (credential, repository, workflow, recent outcomes); also while the system is stopped."""
        return health.check(channel_ids)

    @action("operate")
    def sync_channel_configs(
        self,
        *,
        channel_ids: Sequence[int] | None = None,
        dry_run: bool = False,
        canary_id: int | None = None,
        cohort_size: int | None = None,
    ) -> SyncResult:
        """Write each channel's configuration, workflow and secrets to its repository, where they changed.

        With a canary or a size of cohorts not all at once, but as a rollout that halts when one channel fails.
        """
        if canary_id is None and cohort_size is None:
            return configuration.sync(channel_ids, dry_run=dry_run)
        return rollouts.begin(channel_ids, canary_id, cohort_size, dry_run=dry_run)

    @action("read")
    def get_rollouts(self) -> list[RolloutReport]:
        """Return the rollouts of configurations with their cohorts, the newest first."""
        return rollouts.reports()

    @action("read")
    def get_rollout(self, *, rollout_id: int) -> RolloutReport:
        """Return one rollout with its channels, and how the sync of each ended. Raises: NotFound."""
        return rollouts.report(rollout_id)

    @action("operate")
    def continue_rollout(self, *, rollout_id: int, reason: str = "") -> RolloutReport:
        """Sync once more what failed in a rollout that halted; then it goes on. Raises: NotFound, IllegalTransition."""
        return rollouts.go_on(rollout_id, reason)

    @action("operate")
    def stop_rollout(self, *, rollout_id: int, reason: str = "") -> RolloutReport:
        """End a rollout; what is being written is finished. Raises: NotFound, IllegalTransition."""
        return rollouts.stop(rollout_id, reason)

    @action("read")
    def get_repository(self, *, channel_id: int) -> RepositoryReport:
        """Show what is known of a channel's repository: what was last written there, what differs, what was acknowledged."""
        return repository_record.report(channel_id)

    @action("operate")
    def resolve_repository_drift(self, *, channel_id: int, way: str, reason: str = "") -> RepositoryReport:
        """Settle what was changed by hand in a channel's repository: `overwrite` it with ours, or `import` theirs."""
        return repository_decisions.resolve(channel_id, way, reason)

    @action("operate")
    def provision_repository(
        self,
        *,
        channel_id: int,
        repository: str = "",
        create: bool = False,
        dry_run: bool = False,
        reason: str = "",
    ) -> ProvisionPlan:
        """Create or adopt a channel's repository and have it written; a dry run shows what would be, line by line."""
        return provisioning.provision(
            channel_id, repository=repository, create=create, dry_run=dry_run, reason=reason
        )

    @action("operate")
    def set_failover(self, *, channel_id: int, on: bool, reason: str = "") -> Channel:
        """Say whether our workers stage what GitHub Actions will not stage in time for a channel."""
        return failover.set_failover(channel_id, on, reason)

    @action("operate")
    def acknowledge_public_repository(
        self, *, channel_id: int, reason: str = "", withdraw: bool = False
    ) -> RepositoryReport:
        """Let runs stage in a channel's public repository, where everybody can read their job sheets; or take that back."""
        return repository_record.acknowledge_public(channel_id, reason, withdraw=withdraw)

    @action("operate")
    def pause_channel(self, *, channel_id: int, reason: str = "", version: int | None = None) -> Channel:
        """Hold a channel back; what runs finishes."""
        return channels.pause_channel(channel_id, reason, version=version)

    @action("operate")
    def resume_channel(self, *, channel_id: int, reason: str = "", version: int | None = None) -> Channel:
        """Let a paused or disabled channel go on."""
        return channels.resume_channel(channel_id, reason, version=version)

    @action("operate")
    def disable_channel(self, *, channel_id: int, reason: str = "", version: int | None = None) -> Channel:
        """Take a channel out of planning altogether."""
        return channels.disable_channel(channel_id, reason, version=version)

    @action("operate")
    def add_slot(
        self, *, channel_id: int, weekday: int, local_time: time, enabled: bool = True
    ) -> PostingSlot:
        """Let a channel post at a weekly wall-clock time of its zone."""
        return calendars.add_slot(channel_id, weekday, local_time, enabled)

    @action("operate")
    def remove_slot(self, *, slot_id: int, reason: str = "") -> None:
        """Take a weekly slot away; what is scheduled already stays."""
        calendars.remove_slot(slot_id, reason)

    @action("operate")
    def add_blackout(
        self,
        *,
        channel_id: int,
        first_date: date,
        last_date: date,
        from_time: time | None = None,
        until_time: time | None = None,
        reason: str = "",
    ) -> Blackout:
        """Let a channel publish nothing in a stretch of its zone's wall-clock time, both dates included."""
        return calendars.add_blackout(channel_id, first_date, last_date, from_time, until_time, reason)

    @action("operate")
    def remove_blackout(self, *, blackout_id: int, reason: str = "") -> None:
        """Take a blackout away; what is scheduled already stays."""
        calendars.remove_blackout(blackout_id, reason)

    @action("operate")
    def begin_connection(self, *, channel_id: int, redirect_uri: str, state: str) -> str:
        """Return the address of Google's consent page for a channel; `state` must come back with the code."""
        return google_connect.begin(channel_id, redirect_uri=redirect_uri, state=state)

    @action("operate")
    def finish_connection(self, *, channel_id: int, code: str, redirect_uri: str) -> google_connect.Connected:
        """Turn the code that Google sent back into the channel's credential, if it opens the right channel."""
        return google_connect.finish(channel_id, code=code, redirect_uri=redirect_uri)

    # ------------------------------------------------------------------------------------------------- sources, work

    @action("operate")
    def add_source(
        self, *, url: str, name: str = "", rights_basis: str = "", rights_note: str = ""
    ) -> Source:
        """Register a source and have it read at once."""
        return sources.add(url=url, name=name, rights_basis=rights_basis, rights_note=rights_note)

    @action("operate")
    def set_source_rights(
        self,
        *,
        source_id: int,
        rights_basis: str,
        rights_note: str | None = None,
        reason: str = "",
        version: int | None = None,
    ) -> RightsChange:
        """Set why a source's videos may be published; with an empty basis, what is armed of it is taken back."""
        return sources.set_rights(
            source_id, rights_basis=rights_basis, rights_note=rights_note, reason=reason, version=version
        )

    @action("operate")
    def scrape_source(self, *, source_id: int) -> Job:
        """Read a source now."""
        return sources.scrape_now(source_id)

    @action("operate")
    def pause_source(self, *, source_id: int, reason: str = "", version: int | None = None) -> Source:
        """Stop reading a source."""
        return sources.pause(source_id, reason, version=version)

    @action("operate")
    def resume_source(self, *, source_id: int, reason: str = "", version: int | None = None) -> Source:
        """Read a source again."""
        return sources.resume(source_id, reason, version=version)

    @action("operate")
    def cancel_job(self, *, job_id: int, reason: str = "", version: int | None = None) -> Job:
        """Cancel a waiting job, or ask a running one to stop."""
        return jobs.cancel(job_id, reason, version=version)

    @action("operate")
    def retry_job(
        self, *, job_id: int, next_free: bool = False, reason: str = "", version: int | None = None
    ) -> Job:
        """Queue a job that failed or was cancelled once more; with `next_free` at another time, if its own is gone."""
        return jobs.retry(job_id, reason, next_free=next_free, version=version)

    @action("read")
    def get_blockers(self) -> list[BlockerReport]:
        """Return what work waits for: each open condition with its remedy, what waits, and when it is asked about next."""
        return blockers.reports()

    @action("operate")
    def probe_blocker(self, *, blocker_id: int) -> BlockerReport:
        """Ask now whether a condition has ended; if so, all that waited goes on. Raises: NotFound."""
        blockers.report(blocker_id)
        probes.probe(blocker_id)
        return blockers.report(blocker_id)

    @action("operate")
    def take_over_branch(self, *, blocker_id: int, reason: str = "") -> BlockerReport:
        """Let a channel whose branch is gone use its repository's default branch. Raises: NotFound, IllegalTransition."""
        probes.take_over_branch(blocker_id, reason)
        return blockers.report(blocker_id)

    @action("read")
    def get_causes(self) -> list[CauseCount]:
        """Return by which codes jobs ended badly, and how many by each."""
        return by_cause.causes()

    @action("operate")
    def retry_by_cause(
        self,
        *,
        cause: str,
        channel_ids: Sequence[int] = (),
        next_free: bool = False,
        reason: str = "",
        dry_run: bool = False,
    ) -> CauseResult:
        """Queue once more all jobs that ended by one error code; a dry run tells what would become of each."""
        return by_cause.retry(
            cause, channel_ids=channel_ids, next_free=next_free, reason=reason, dry_run=dry_run
        )

    @action("operate")
    def release_by_cause(
        self, *, cause: str, channel_ids: Sequence[int] = (), reason: str = "", dry_run: bool = False
    ) -> CauseResult:
        """Release all publications that one cause holds; a dry run tells what would become of each."""
        return by_cause.release(cause, channel_ids=channel_ids, reason=reason, dry_run=dry_run)

    @action("operate")
    def move_by_cause(
        self,
        *,
        cause: str,
        channel_ids: Sequence[int] = (),
        after: datetime | None = None,
        reason: str = "",
        dry_run: bool = False,
    ) -> CauseResult:
        """Move all publications that wait for, or ended by, one cause to free slots; a dry run tells where to."""
        return by_cause.move(cause, channel_ids=channel_ids, after=after, reason=reason, dry_run=dry_run)

    @action("operate")
    def bump_job(self, *, job_id: int, reason: str = "", version: int | None = None) -> Job:
        """Move a waiting job to the front."""
        return jobs.bump(job_id, reason, version=version)

    @action("operate")
    def review_job(
        self,
        *,
        job_id: int,
        outcome: str,
        youtube_video_id: str = "",
        reason: str = "",
        version: int | None = None,
    ) -> Job:
        """Settle a job that needs review: staged, planned, failed or cancelled; of a recall: recalled or published."""
        return reviews.review_job(job_id, outcome, youtube_video_id, reason, version=version)

    @action("operate")
    def note_orphan_deleted(self, *, orphan_id: int, reason: str = "") -> OrphanUpload:
        """Note that somebody deleted, at YouTube, an upload that belongs to nothing."""
        return reviews.note_orphan_deleted(orphan_id, reason)

    @action("read")
    def get_pools(self) -> list[PoolReport]:
        """Show every shared resource: capacity, holders, waiters, and of a budget each Pacific day that is drawn on."""
        return pool_reports.report(with_days=True)

    @action("operate")
    def pause_pool(self, *, pool_id: int, reason: str = "") -> Pool:
        """Take nothing new from a pool."""
        return pool_actions.pause(pool_id, reason)

    @action("operate")
    def resume_pool(self, *, pool_id: int, reason: str = "") -> Pool:
        """Let a pool be used again."""
        return pool_actions.resume(pool_id, reason)

    @action("operate")
    def release_lease(self, *, lease_id: int, reason: str = "") -> Lease:
        """Take a resource back from its holder; its job is asked to stop."""
        return pool_actions.release_by_hand(lease_id, reason)

    # ---------------------------------------------------------------------------------------------------------- runs

    def take_permit(
        self, *, correlation_id: str, secret: str, run_id: int, run_attempt: int, claim: str = ""
    ) -> RunPermit:
        """Let a GitHub run begin, once: GitHub's OIDC token, or the sheet's one-use secret, authorises."""
        with acting_as(Acting(f"run {run_id}", None, Trigger.RUN, correlation_id)):
            return callbacks.take_permit(correlation_id, secret, run_id, run_attempt, claim)

    def record_run_result(
        self,
        *,
        correlation_id: str,
        secret: str,
        run_id: int,
        run_attempt: int,
        outcome: str,
        youtube_video_id: str = "",
        error_code: str = "",
        error_message: str = "",
        again_at: datetime | None = None,
        bucket: str = "",
    ) -> RunRecorded:
        """Record what a GitHub run says became of its job; the run's own secret authorises, doubled calls end alike."""
        with acting_as(Acting(f"run {run_id}", None, Trigger.RUN, correlation_id)):
            return callbacks.record_result(
                correlation_id,
                secret,
                run_id=run_id,
                run_attempt=run_attempt,
                outcome=outcome,
                youtube_video_id=youtube_video_id,
                error_code=error_code,
                error_message=error_message,
                again_at=again_at,
                bucket=bucket,
            )

    # -------------------------------------------------------------------------------------------------- notifications

    @action("read")
    def get_notification_board(self) -> board.NotificationBoard:
        """Show who is told what: addresses, rules, silences, and what stands and is told."""
        return board.show()

    @action("admin")
    def add_notification_address(
        self, *, name: str, url: str, heartbeat: bool = False, enabled: bool = True
    ) -> NotificationAddress:
        """Enter an Apprise address, or one that is called as long as Headend works; it is checked, and sealed."""
        return addresses.add_address(name=name, url=url, heartbeat=heartbeat, enabled=enabled)

    @action("admin")
    def change_notification_address(
        self, *, address_id: int, name: str | None = None, url: str | None = None, enabled: bool | None = None
    ) -> NotificationAddress:
        """Change what is given of an address; without `url` the sealed one stays."""
        return addresses.change_address(address_id, name=name, url=url, enabled=enabled)

    @action("admin")
    def remove_notification_address(self, *, address_id: int, reason: str = "") -> None:
        """Remove an address; what waits for it is not sent."""
        addresses.remove_address(address_id, reason)

    @action("operate")
    def test_notification_address(self, *, address_id: int) -> Notification:
        """Send a test to an address now, and say what became of it."""
        return addresses.test_address(address_id)

    @action("admin")
    def add_notification_rule(self, *, values: notify_rules.RuleValues) -> NotificationRule:
        """Enter a rule: which problems are told to which addresses, and when."""
        return notify_rules.add_rule(values)

    @action("admin")
    def change_notification_rule(self, *, rule_id: int, values: notify_rules.RuleValues) -> NotificationRule:
        """Give a rule all its values anew."""
        return notify_rules.change_rule(rule_id, values)

    @action("admin")
    def remove_notification_rule(self, *, rule_id: int, reason: str = "") -> None:
        """Remove a rule."""
        notify_rules.remove_rule(rule_id, reason)

    @action("operate")
    def add_silence(
        self,
        *,
        until: datetime,
        kind: str = "",
        channel_id: int | None = None,
        cause: str = "",
        reason: str = "",
    ) -> Silence:
        """Tell nobody of something until an end; what stands then is told then."""
        return silences.add_silence(until=until, kind=kind, channel_id=channel_id, cause=cause, reason=reason)

    @action("operate")
    def end_silence(self, *, silence_id: int, reason: str = "") -> Silence:
        """End a silence now."""
        return silences.end_silence(silence_id, reason)

    # --------------------------------------------------------------------------------------------------------- shows

    @action("read")
    def get_dashboard_data(self) -> Dashboard:
        """Return everything the overview shows."""
        return overview.dashboard()

    @action("read")
    def get_statistics(self, *, days: int = 7, channel_ids: Sequence[int] | None = None) -> StatisticsReport:
        """Show what YouTube counted and what we did in the last days, of all channels or of some."""
        return statistics.report(days, channel_ids=channel_ids)

    @action("read")
    def forecast(self, *, days: int = 7) -> Forecast:
        """Run the planner and dispatcher against a simulated clock."""
        return forecast.forecast(days)
