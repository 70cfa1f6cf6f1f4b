"""Watch over channels, their repositories and connections."""

from __future__ import annotations

from collections.abc import Sequence

from channels.models import Channel
from orchestration.core.permissions import action
from orchestration.github import (
    configuration,
    failover,
    provisioning,
    repository_decisions,
    repository_record,
    rollouts,
)
from orchestration.monitoring import health
from orchestration.pipeline.trigger import trigger
from orchestration.register import channels, google_connect
from orchestration.results.channels import MonitorResult, TriggerResult
from orchestration.results.repositories import ProvisionPlan, RepositoryReport, RolloutReport, SyncResult
from orchestration.service.base import Door


class Channels(Door):
    """Watch over channels, their repositories and connections."""

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
    def monitor_channels(
        self, *, channel_ids: Sequence[int] | None = None, skip: int = 0, most: int | None = None
    ) -> MonitorResult:
        """Show the last known health of channels, by name; with `skip` and `most` a part of them."""
        return health.report(channel_ids, skip=skip, most=most)

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

    @action("admin")
    def resolve_repository_drift(self, *, channel_id: int, way: str, reason: str = "") -> RepositoryReport:
        """Settle what was changed by hand in a channel's repository: `overwrite` it with ours, or `import` theirs."""
        return repository_decisions.resolve(channel_id, way, reason)

    @action("admin")
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

    @action("admin")
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

    @action("admin")
    def begin_connection(self, *, channel_id: int, redirect_uri: str, state: str, verifier: str) -> str:
        """Return the address of Google's consent page for a channel; `state` must come back with the code."""
        return google_connect.begin(channel_id, redirect_uri=redirect_uri, state=state, verifier=verifier)

    @action("admin")
    def finish_connection(
        self, *, channel_id: int, code: str, redirect_uri: str, verifier: str
    ) -> google_connect.Connected:
        """Turn the code that Google sent back into the channel's credential, if it opens the right channel."""
        return google_connect.finish(channel_id, code=code, redirect_uri=redirect_uri, verifier=verifier)
