"""Tie a channel to one repository by its numeric id, so that neither code nor secrets go to a stranger's."""

from __future__ import annotations

from django.db import transaction

from channels.gateways.errors import RepositoryPublic
from channels.gateways.github import GitHubGateway, RepositoryInfo
from channels.models import Channel
from channels.states import Executor
from orchestration.core import audit
from orchestration.errors import OrchestrationError
from orchestration.models import RepositoryRecord


class RepositoryChanged(OrchestrationError):
    """The repository's name leads to another repository than the pinned one, or it is read-only by now."""

    code = "repository_changed"
    status = 409
    again = "blocked"


def look_at(channel: Channel, github: GitHubGateway) -> RepositoryInfo:
    """Return a channel's repository as GitHub knows it now; its id is pinned at first sight, its new name followed.

    Raises: RepositoryChanged, if the name leads to another id than the pinned one, or the repository is archived;
    RepositoryPublic, if runs are to stage there and everybody could read their job sheets; and any RemoteError.
    """
    found = github.repository(channel.repository)
    if channel.repository_id is None:
        pin(channel, found)
    if channel.repository_id != found.id:
        raise RepositoryChanged(
            f"{channel.repository} is now repository {found.id}, not the pinned {channel.repository_id}: "
            "it was deleted and made anew, or its name belongs to somebody else.",
            field="repository",
        )
    follow(channel, found)
    if found.archived:
        raise RepositoryChanged(
            f"{found.full_name} is archived, so nothing can run there.", field="repository"
        )
    if channel.executor == Executor.GITHUB and not found.private and not is_acknowledged(channel):
        raise RepositoryPublic(
            f"{found.full_name} is public: everybody can read what its runs are told, and so find a video before its "
            "moment. Make it private, or acknowledge it."
        )
    return found


def is_acknowledged(channel: Channel) -> bool:
    """Return whether somebody has acknowledged that this very repository of the channel is public."""
    return RepositoryRecord.objects.filter(
        channel=channel,
        repository_id=channel.repository_id,
        public_acknowledged_at__isnull=False,
    ).exists()


def pin(channel: Channel, found: RepositoryInfo) -> None:
    """Store the repository's id with the channel, once; whoever came first stays, and is read back."""
    with transaction.atomic():
        mine = Channel.objects.filter(
            pk=channel.pk, repository=channel.repository, repository_id__isnull=True
        ).update(repository_id=found.id)
        if mine:
            audit.record(
                "repository_pinned",
                channel,
                before={"repository_id": None},
                after={"repository_id": found.id},
                reason=f"{found.full_name} was seen for the first time",
            )
    channel.refresh_from_db(fields=["repository", "repository_id"])


def follow(channel: Channel, found: RepositoryInfo) -> None:
    """Take over the pinned repository's new name: GitHub lets reads follow a rename, and refuses writes and dispatches."""
    known = channel.repository
    if found.id != channel.repository_id or found.full_name.lower() == known.lower():
        return
    with transaction.atomic():
        # Not by save(), which takes another name for another repository and forgets the pinned id.
        moved = Channel.objects.filter(pk=channel.pk, repository=known, repository_id=found.id).update(
            repository=found.full_name
        )
        if moved:
            audit.record(
                "repository_renamed",
                channel,
                before={"repository": known},
                after={"repository": found.full_name, "repository_id": found.id},
                reason=f"GitHub knows repository {found.id} as {found.full_name} now",
            )
    channel.refresh_from_db(fields=["repository", "repository_id"])
