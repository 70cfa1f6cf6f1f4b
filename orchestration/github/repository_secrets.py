"""Bring a channel's secrets to where its runs read them: an environment that only the channel's branch may use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from channels.gateways.errors import CredentialMissing, PermissionMissing, RemoteNotFound
from channels.gateways.github import GitHubGateway
from channels.models import Channel, Credential
from channels.states import Executor, SecretsIn
from orchestration.core import audit, gateways
from orchestration.core.failpoints import failpoint
from orchestration.models import Job, RepositoryRecord
from orchestration.queue.lease import JobLease
from orchestration.states import JobState

NAMES = ("YT_CLIENT_ID", "YT_CLIENT_SECRET", "YT_REFRESH_TOKEN")
ENVIRONMENT = "headend"
"""The environment that the template's workflow names."""


def is_due(channel: Channel, last_sync: Mapping[str, Any] | None) -> bool:
    """Return whether the repository's workflow needs secrets that the last successful sync did not write there."""
    credential = getattr(channel, "credential", None)
    if channel.executor != Executor.GITHUB or credential is None or not credential.refresh_token_sealed:
        return False
    if credential.pushed_at is None:
        return True
    try:
        return (last_sync or {}).get("secrets") != fingerprint(channel, secrets_of(channel))
    except CredentialMissing:
        return True  # the job will say what is wrong with it


def secrets_of(channel: Channel) -> dict[str, str]:
    """Return the secrets that the template's workflow reads. Raises: CredentialMissing, naming what is missing."""
    credential = gateways.oauth_credential(channel)
    credential.require_complete()
    return {
        "YT_CLIENT_ID": credential.client_id,
        "YT_CLIENT_SECRET": credential.client_secret,
        "YT_REFRESH_TOKEN": credential.refresh_token,
    }


def fingerprint(channel: Channel, secrets: Mapping[str, str]) -> str:
    """Return a keyed hash of secrets and the place they are for: shows a change, tells nothing."""
    place = [channel.repository_id, environment_of(channel), channel.ref if environment_of(channel) else ""]
    canonical = json.dumps([place, sorted(secrets.items())])
    return salted_hmac("headend.repository-secrets", canonical, algorithm="sha256").hexdigest()[:32]


def pinned_id(channel: Channel) -> int:
    """Return the id of the channel's repository, which whoever looked at it has pinned."""
    if channel.repository_id is None:
        raise ValueError(f"nobody has looked at the repository of channel {channel.slug} yet")
    return channel.repository_id


def environment_of(channel: Channel) -> str:
    """Return the environment that holds the channel's secrets; empty, where the repository itself does."""
    return ENVIRONMENT if channel.secrets_in == SecretsIn.ENVIRONMENT else ""


def push(
    channel: Channel, github: GitHubGateway, record: RepositoryRecord, job: Job, lease: JobLease
) -> tuple[list[str], str]:
    """Store the channel's secrets in the pinned repository if they changed; returns their names and the new mark.

    The environment is protected before the first of them goes there; what an earlier Headend left in the repository itself
    is removed after the last. Raises: CredentialMissing, PermissionMissing, any RemoteError.
    """
    credential = Credential.objects.filter(channel=channel).first()
    if channel.executor != Executor.GITHUB or credential is None or not credential.refresh_token_sealed:
        return [], ""
    secrets = secrets_of(channel)
    mark = fingerprint(channel, secrets)
    environment = environment_of(channel)
    if credential.pushed_at is not None and _last_mark(channel, job) == mark and record.secrets:
        return [], mark
    if environment:
        protect(channel, github, record)
    RepositoryRecord.objects.filter(pk=record.pk).update(secrets_pending=True)
    for number, (name, value) in enumerate(secrets.items()):
        lease.progress(0.5 + 0.1 * number, f"storing secret {name}")
        github.put_secret(channel.repository, pinned_id(channel), name, value, environment=environment)
        failpoint("sync.secret_stored")
    listed = github.list_secrets(channel.repository, environment=environment)
    removed = _remove_old(channel, github, list(secrets)) if environment else []
    with transaction.atomic():
        now = timezone.now()
        Credential.objects.filter(pk=credential.pk).update(pushed_at=now)
        record.secrets = {each.name: each.updated_at.isoformat() for each in listed if each.name in secrets}
        record.secrets_pending = False
        record.save(update_fields=["secrets", "secrets_pending"])
        audit.record(
            "secrets_pushed",
            channel,
            after={
                "repository": channel.repository,
                "repository_id": channel.repository_id,
                "environment": environment,
                "names": list(secrets),
                "removed_from_repository": removed,
            },
        )
    return list(secrets), mark


def protect(channel: Channel, github: GitHubGateway, record: RepositoryRecord) -> None:
    """See to it that the environment is there and only the channel's branch may use it.

    Raises: PermissionMissing, naming the permission or the plan that GitHub's refusal may mean.
    """
    found = github.environment(pinned_id(channel), ENVIRONMENT)
    if found is None or found.branches != (channel.ref,):
        try:
            github.protect_environment(pinned_id(channel), ENVIRONMENT, channel.ref)
        except (PermissionMissing, RemoteNotFound) as error:
            raise PermissionMissing(
                f"The environment {ENVIRONMENT} of {channel.repository} could not be set up: {error}. The credential "
                "needs Administration: write and Environments: write; where the plan has no environments for private "
                "repositories, set the channel's secrets to be kept in the repository.",
                status=error.status,
            ) from error
    record.branches = [channel.ref]
    record.save(update_fields=["branches"])


def _remove_old(channel: Channel, github: GitHubGateway, names: list[str]) -> list[str]:
    """Remove our secrets from the repository itself, where any workflow on any branch could read them."""
    there = {each.name for each in github.list_secrets(channel.repository)}
    return [name for name in names if name in there and github.delete_secret(pinned_id(channel), name)]


def _last_mark(channel: Channel, job: Job) -> str:
    done = (
        type(job).objects.filter(channel=channel, kind=job.kind, state=JobState.SUCCEEDED).exclude(pk=job.pk)
    )
    result = done.order_by("-id").values_list("result", flat=True).first()
    return (result or {}).get("secrets", "")
