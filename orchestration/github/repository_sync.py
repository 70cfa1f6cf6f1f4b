"""Write a channel's configuration, workflow and secrets into its repository, where they differ from what lies there.

Every step looks before it writes, so the job may be repeated at any time: after a lost answer it finds its own commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import RemoteError
from channels.models import Channel, ConfigRevision
from channels.states import ChannelHealth
from orchestration.core import audit, gateways
from orchestration.errors import OrchestrationError
from orchestration.github import (
    repository_drift,
    repository_files,
    repository_pin,
    repository_record,
    repository_secrets,
)
from orchestration.github.repository_drift import Drift
from orchestration.models import Job, RepositoryRecord
from orchestration.queue import jobs as queue
from orchestration.queue.lease import JobLease

MAX_ROUNDS = 3


class RevisionMissing(OrchestrationError):
    """The channel has no configuration that could be written; sync it through the service."""

    code = "revision_missing"
    status = 409


# ------------------------------------------------------------------------------------------------------------- the job


def run_sync(job: Job, lease: JobLease) -> dict[str, Any]:
    """Bring a channel's repository up to its latest revision; called by a worker, outside any transaction.

    Raises: RepositoryChanged, RevisionMissing, any RemoteError; the revision then carries the sentence. LeaseLost,
    JobCancelled.
    """
    result: dict[str, Any] = {}
    for _ in range(MAX_ROUNDS):
        channel = Channel.objects.get(pk=job.channel_id)
        revision = channel.revisions.order_by("-number").first()
        if revision is None:
            raise RevisionMissing(
                f"Channel {channel.name} has no configuration yet; sync it first.", field="channel_ids"
            )
        if result.get("revision") == revision.number and not _reconnected(channel, result["secrets"]):
            break
        try:
            result = _write(channel, revision, job, lease)
        except (
            RemoteError,
            repository_pin.RepositoryChanged,
            repository_drift.RepositoryDrifted,
        ) as error:
            ConfigRevision.objects.filter(pk=revision.pk).update(sync_error=str(error)[:300])
            raise
    return result


def look(channel: Channel) -> list[Drift]:
    """Compare a channel's repository with our record and return what somebody changed by hand; nothing there is written.

    Of a channel whose configuration was never synced there is nothing to compare. Raises: any RemoteError.
    """
    revision = channel.revisions.filter(synced_at__isnull=False).order_by("-number").first()
    if revision is None or not channel.repository:
        return []
    with gateways.github(channel) as github:
        repository_pin.look_at(channel, github)
        record = repository_record.of(channel)
        _, _, found = repository_drift.look(
            channel, github, record, repository_files.wanted(channel, revision)
        )
    repository_drift.note(channel, record, found)
    return found


def _reconnected(channel: Channel, mark: str) -> bool:
    """Return whether the channel was connected anew since its secrets were written; who did it found this job under way."""
    return bool(mark) and repository_secrets.is_due(channel, {"secrets": mark})


def _write(channel: Channel, revision: ConfigRevision, job: Job, lease: JobLease) -> dict[str, Any]:
    if not channel.repository:
        raise repository_pin.RepositoryChanged(
            f"Channel {channel.name} has no repository any more.", field="repository"
        )
    with gateways.github(channel) as github:
        lease.progress(0.05, f"looking at {channel.repository}")
        repository_pin.look_at(channel, github)
        record = repository_record.of(channel)
        files = repository_files.wanted(channel, revision)
        lease.progress(0.2, "comparing what is there with what was last written")
        compared, head = repository_drift.require_none(channel, github, record, files)
        # Secrets first: where the document lies, all that belongs to it is there.
        pushed, mark = repository_secrets.push(channel, github, record, job, lease)
        lease.progress(0.85, "committing what changed")
        commits: dict[str, str] = {}
        try:
            changed = {path: files[path] for path in compared.to_write}
            commits = repository_files.commit(github, channel, record, changed, head, revision)
        except RemoteError as error:
            if not repository_files.is_moved(error):
                raise
            compared, head = repository_drift.require_none(channel, github, record, files)
            changed = {path: files[path] for path in compared.to_write}
            commits = repository_files.commit(github, channel, record, changed, head, revision)
    lease.progress(0.95, "recording")
    _record(channel, revision, commits, pushed, record, files, compared.kept)
    return {
        "revision": revision.number,
        "repository_id": channel.repository_id,
        "commits": commits,
        "secrets_pushed": pushed,
        "secrets": mark,
    }


def _record(
    channel: Channel,
    revision: ConfigRevision,
    commits: Mapping[str, str],
    pushed: list[str],
    record: RepositoryRecord,
    files: Mapping[str, str],
    kept: tuple[str, ...],
) -> None:
    """Note that a revision lies in its repository. Its commit is not known where an earlier try had written it."""
    with transaction.atomic():
        repository_files.note_written(record, files, kept)
        ConfigRevision.objects.filter(pk=revision.pk).update(
            commit_sha=commits.get(repository_files.DOCUMENT_PATH) or revision.commit_sha,
            synced_at=timezone.now(),
            sync_error="",
        )
        audit.record(
            "configuration_synced",
            channel,
            after={"revision": revision.number, "commits": dict(commits), "secrets": pushed},
        )
    if channel.health != ChannelHealth.HEALTHY:
        queue.enqueue_check(channel, asked=True)  # what was missing may be there now
