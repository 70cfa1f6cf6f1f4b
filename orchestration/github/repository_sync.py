"""Write a channel's configuration, workflow and secrets into its repository, where they differ from what lies there.

Every step looks before it writes, so the job may be repeated at any time: after a lost answer it finds its own commit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

import channels
from channels.gateways.errors import RemoteError, RemoteRejected, RemoteUncertain
from channels.gateways.github import GitHubGateway
from channels.models import Channel, ConfigRevision
from channels.states import ChannelHealth
from orchestration.core import audit, gateways
from orchestration.core.failpoints import failpoint
from orchestration.errors import OrchestrationError
from orchestration.github import repository_pin, repository_record, repository_secrets
from orchestration.models import Job
from orchestration.queue import jobs as queue
from orchestration.queue.lease import JobLease

TEMPLATE = Path(channels.__file__).parent / "template"
DOCUMENT_PATH = "headend/channel.json"
READINGS_PATH = "headend/readings.json"
SCRIPT_PATH = "headend/stage.py"
OWN_WORKFLOW = "headend.yml"
WORKFLOW_PATH = f".github/workflows/{OWN_WORKFLOW}"
MAX_ROUNDS = 3


class RevisionMissing(OrchestrationError):
    """The channel has no configuration that could be written; sync it through the service."""

    code = "revision_missing"
    status = 409


@cache
def template_file(path: str) -> str:
    """Return a file of the channel repository's template."""
    return (TEMPLATE / path).read_text(encoding="utf-8")


@cache
def template_checksum() -> str:
    """Return a short hash of what the template puts into repositories, so that a new template is a new revision."""
    files = "\0".join(template_file(path) for path in (WORKFLOW_PATH, SCRIPT_PATH, READINGS_PATH))
    return hashlib.sha256(files.encode()).hexdigest()[:16]


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
        except (RemoteError, repository_pin.RepositoryChanged) as error:
            ConfigRevision.objects.filter(pk=revision.pk).update(sync_error=str(error)[:300])
            raise
    return result


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
        # The table before the script that reads by it.
        files = {path: template_file(path) for path in (READINGS_PATH, SCRIPT_PATH)}
        if (
            channel.workflow == OWN_WORKFLOW
        ):  # a workflow of another name is the operator's own, and is left alone
            files[WORKFLOW_PATH] = template_file(WORKFLOW_PATH)
        # The document comes last: where it lies, all that belongs to it is there.
        files[DOCUMENT_PATH] = _as_text(revision)
        commits: dict[str, str] = {}
        for number, (path, text) in enumerate(files.items()):
            lease.progress(0.1 + 0.15 * number, f"comparing {path}")
            if path == DOCUMENT_PATH:
                pushed, mark = repository_secrets.push(channel, github, record, job, lease)
            commit = _write_where_different(github, channel, path, text, revision)
            if commit:
                commits[path] = commit
    lease.progress(0.95, "recording")
    _record(channel, revision, commits, pushed)
    return {
        "revision": revision.number,
        "repository_id": channel.repository_id,
        "commits": commits,
        "secrets_pushed": pushed,
        "secrets": mark,
    }


def _as_text(revision: ConfigRevision) -> str:
    whole = {"revision": revision.number, "checksum": revision.checksum, **revision.document}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _write_where_different(
    github: GitHubGateway, channel: Channel, path: str, text: str, revision: ConfigRevision
) -> str:
    """Commit a file if it differs and return the commit's sha, or nothing if the file is as it should be.

    A lost answer, or somebody else's commit in between, is settled by reading again, once.
    """
    try:
        return _write_once(github, channel, path, text, revision)
    except RemoteUncertain:
        pass
    except RemoteRejected as error:
        if error.status not in {409, 422}:
            raise
    return _write_once(github, channel, path, text, revision)


def _write_once(
    github: GitHubGateway, channel: Channel, path: str, text: str, revision: ConfigRevision
) -> str:
    present = github.read_file(channel.repository, path, channel.ref)
    if present is not None and present.text == text:
        return ""
    message = f"Headend: {path} of revision {revision.number}"
    sha = present.sha if present else None
    commit = github.write_file(channel.repository, path, text, message, channel.ref, sha=sha)
    failpoint("sync.written")
    return commit


def _record(
    channel: Channel, revision: ConfigRevision, commits: Mapping[str, str], pushed: list[str]
) -> None:
    """Note that a revision lies in its repository. Its commit is not known where an earlier try had written it."""
    with transaction.atomic():
        ConfigRevision.objects.filter(pk=revision.pk).update(
            commit_sha=commits.get(DOCUMENT_PATH) or revision.commit_sha,
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
