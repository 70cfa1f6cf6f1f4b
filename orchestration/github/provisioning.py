"""Give a channel its repository: create one or adopt one, after showing what would be written there, down to the line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from copy import copy

from django.db import transaction

from channels.documents import checksum
from channels.gateways.errors import BranchMissing, RemoteNotFound
from channels.gateways.github import FULL_NAME, GitHubGateway, RepositoryInfo
from channels.gateways.github_git import Head
from channels.models import Channel, ConfigRevision
from channels.states import Executor
from orchestration.core import audit, gateways, lookup
from orchestration.core.verbs import require
from orchestration.errors import InvalidRequest
from orchestration.github import (
    configuration,
    repository_drift,
    repository_files,
    repository_pin,
    repository_secrets,
)
from orchestration.results.repositories import FileChange, ProvisionPlan, SettingChange

PROBES: Mapping[str, str] = {
    "Actions": "actions/workflows",
    "Secrets": "actions/secrets",
    "Administration": "actions/permissions",
}
"""A reading call for each permission: whether it may write as well shows only when it is written."""


def provision(
    channel_id: int, *, repository: str = "", create: bool = False, dry_run: bool = False, reason: str = ""
) -> ProvisionPlan:
    """Let a channel's videos be staged by GitHub Actions in a repository, which is created if it is wanted and not there.

    A dry run shows each file's difference, the secrets by name and the settings that would change, and writes nothing. Else
    the channel gets the repository and a sync job writes all that.

    Raises: NotFound, InvalidRequest, naming `repository`; any RemoteError.
    """
    channel = lookup.one(Channel, channel_id, field="channel_id")
    require(channel, "sync")
    name = repository.strip() or channel.repository
    _check(channel, name)
    with gateways.github(repository="" if create else name, owner=name.partition("/")[0]) as github:
        found = _look_for(github, name)
        plan = _plan(channel, name, found, github, create=create)
        if dry_run:
            return plan
        if plan.problems:
            raise InvalidRequest(plan.problems[0], field="repository")
        if found is None:
            github.create_repository(name, f"Stages the videos of {channel.name} for Headend")
            found = github.repository(name)
    return _give(channel, found, plan, reason)


def _check(channel: Channel, name: str) -> None:
    if not FULL_NAME.fullmatch(name) or name.endswith(("/.", "/..")):
        raise InvalidRequest(f"{name!r} is not a repository: write it as owner/name.", field="repository")
    other = Channel.objects.filter(repository__iexact=name).exclude(pk=channel.pk).first()
    if other is not None:
        raise InvalidRequest(
            f"{name} is the repository of channel {other.name}; each channel needs one of its own, for its secrets.",
            field="repository",
        )


def _look_for(github: GitHubGateway, name: str) -> RepositoryInfo | None:
    try:
        return github.repository(name)
    except RemoteNotFound:
        return None


def _plan(
    channel: Channel, name: str, found: RepositoryInfo | None, github: GitHubGateway, *, create: bool
) -> ProvisionPlan:
    head, branch = _head(channel, found, github)
    as_it_will_be = copy(channel)
    as_it_will_be.repository, as_it_will_be.ref = found.full_name if found else name, branch
    as_it_will_be.executor = Executor.GITHUB
    files = repository_files.wanted(as_it_will_be, _revision(as_it_will_be))
    credential = getattr(channel, "credential", None)
    is_connected = credential is not None and bool(credential.refresh_token_sealed)
    return ProvisionPlan(
        channel=channel,
        repository=as_it_will_be.repository,
        exists=found is not None,
        private=found.private if found else True,
        branch=branch,
        problems=list(_problems(channel, name, found, github, create=create)),
        files=[
            FileChange(path, _difference(github, found, branch, head, path, text))
            for path, text in files.items()
            if head is None or head.blobs.get(path) != repository_files.blob_id(text)
        ],
        secrets=list(repository_secrets.NAMES) if is_connected else [],
        settings=_settings(channel, as_it_will_be, found, github),
        dry_run=True,
    )


def _head(channel: Channel, found: RepositoryInfo | None, github: GitHubGateway) -> tuple[Head | None, str]:
    """Return the head of the channel's branch, or of the default branch where it has none of that name."""
    if found is None:
        return None, "main"
    try:
        return github.head(found.full_name, channel.ref), channel.ref
    except BranchMissing:
        return github.head(found.full_name, found.default_branch), found.default_branch


def _revision(channel: Channel) -> ConfigRevision:
    """Return the revision that the sync would write, not stored."""
    document = configuration.document_of(channel)
    latest = channel.revisions.order_by("-number").first()
    mark = checksum(document)
    if latest is not None and latest.checksum == mark:
        return latest
    number = latest.number + 1 if latest else 1
    return ConfigRevision(channel=channel, number=number, document=document, checksum=mark)


def _difference(
    github: GitHubGateway, found: RepositoryInfo | None, branch: str, head: Head | None, path: str, text: str
) -> str:
    present = None
    if found is not None and head is not None and path in head.blobs:
        present = github.read_file(found.full_name, path, branch)
    lines = difflib.unified_diff(
        present.text.splitlines() if present else [],
        text.splitlines(),
        f"a/{path}" if present else "/dev/null",
        f"b/{path}",
        lineterm="",
    )
    return "\n".join(lines)


def _problems(
    channel: Channel, name: str, found: RepositoryInfo | None, github: GitHubGateway, *, create: bool
) -> Iterator[str]:
    """Yield what stands against it, the worst first."""
    if found is None:
        if not create:
            yield f"There is no repository {name}, or the credential may not see it. To create it, say so."
        return
    if found.archived:
        yield f"{found.full_name} is archived, so nothing can be written or run there."
    if not found.private and not (
        channel.repository_id == found.id and repository_pin.is_acknowledged(channel)
    ):
        yield (
            f"{found.full_name} is public: everybody could read what its runs are told. Make it private first, or adopt it "
            "in the channel's configuration and acknowledge it."
        )
    for permission, path in PROBES.items():
        if permission == "Administration" and not repository_secrets.environment_of(channel):
            continue
        if github.may_read(f"/repos/{found.full_name}/{path}") is False:
            yield f"The credential lacks the permission {permission} on {found.full_name}."


def _settings(
    channel: Channel, after: Channel, found: RepositoryInfo | None, github: GitHubGateway
) -> list[SettingChange]:
    changes = [
        SettingChange(label, str(getattr(channel, field)), str(getattr(after, field)))
        for label, field in (("executor", "executor"), ("repository", "repository"), ("branch", "ref"))
        if getattr(channel, field) != getattr(after, field)
    ]
    if repository_secrets.environment_of(channel):
        held = github.environment(found.id, repository_secrets.ENVIRONMENT) if found else None
        now = repository_drift.branches_of(held.branches) if held else ""
        if now != after.ref:
            changes.append(SettingChange("environment headend", now or "none", f"only {after.ref}"))
    return changes


def _give(channel: Channel, found: RepositoryInfo, plan: ProvisionPlan, reason: str) -> ProvisionPlan:
    """Store the repository with the channel and have it written."""
    branch = plan.branch if plan.exists else found.default_branch
    with transaction.atomic():
        channel = Channel.objects.locked().get(pk=channel.pk)
        require(channel, "sync")
        _check(channel, found.full_name)
        before = {"executor": channel.executor, "repository": channel.repository, "ref": channel.ref}
        after = {"executor": Executor.GITHUB.value, "repository": found.full_name, "ref": branch}
        Channel.objects.filter(pk=channel.pk).update(**after, repository_id=found.id)
        channel.refresh_from_db()
        audit.record(
            "repository_provisioned",
            channel,
            before=before,
            after={**after, "repository_id": found.id, "created": not plan.exists},
            reason=reason,
        )
        (outcome,) = configuration.sync([channel.pk]).outcomes
    return ProvisionPlan(
        channel=channel,
        repository=found.full_name,
        exists=True,
        private=found.private,
        branch=branch,
        problems=[],
        files=plan.files,
        secrets=plan.secrets,
        settings=plan.settings,
        dry_run=False,
        job=outcome.job,
    )
