"""Find what somebody changed by hand in a channel's repository, and let a person say which way counts.

Files, secrets, who may use the environment and the branch are compared with our record before each write and in checks.
What differs from both our record and what we want is never overwritten: the sync stops, with the three values, until
somebody says *overwrite* (ours again) or *import* (theirs is right).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import BranchMissing
from channels.gateways.github import GitHubGateway
from channels.gateways.github_git import Head
from channels.models import Channel
from channels.states import Executor
from orchestration.core import audit
from orchestration.errors import OrchestrationError
from orchestration.github import repository_files, repository_secrets
from orchestration.github.repository_files import FilesCompared
from orchestration.models import RepositoryRecord

ALL_BRANCHES = "every branch"


class RepositoryDrifted(OrchestrationError):
    """Somebody changed by hand what Headend keeps in a channel's repository; nothing of it is overwritten unasked."""

    code = "repository_drifted"
    status = 409
    again = "blocked"


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference: what kind of thing and which one, as we recorded it, as we want it, as it is now."""

    what: str
    name: str
    recorded: str
    wanted: str
    there: str

    def __str__(self) -> str:
        was = self.recorded or "nothing"
        return f"{self.what} {self.name} is {self.there or 'gone'}, and we had written {was}"


def require_none(
    channel: Channel, github: GitHubGateway, record: RepositoryRecord, files: Mapping[str, str]
) -> tuple[FilesCompared, Head | None]:
    """Compare a repository with our record, write down what differs, and go on only if nothing does.

    Raises: RepositoryDrifted, BranchMissing; any RemoteError.
    """
    compared, head, found = look(channel, github, record, files)
    note(channel, record, found)
    if found:
        raise RepositoryDrifted(
            f"{channel.repository} was changed by hand: {'; '.join(map(str, found[:3]))}"
            f"{f' and {len(found) - 3} more' if len(found) > 3 else ''}. Overwrite it, or import it."
        )
    return compared, head


def look(
    channel: Channel, github: GitHubGateway, record: RepositoryRecord, files: Mapping[str, str]
) -> tuple[FilesCompared, Head | None, list[Drift]]:
    """Look at a repository and return how its files compare, its head, and what somebody changed by hand.

    Raises: BranchMissing, where the branch was not one that we know; any RemoteError.
    """
    try:
        head = github.head(channel.repository, channel.ref)
    except BranchMissing:
        if record.branch != channel.ref:
            raise
        default = github.repository(channel.repository).default_branch
        moved = Drift("branch", channel.ref, channel.ref, channel.ref, default)
        note(channel, record, [moved])
        raise
    compared = repository_files.compare(record, files, head)
    found = [Drift("file", each.path, each.recorded, each.wanted, each.there) for each in compared.drifted]
    found += _secrets(channel, github, record)
    found += _environment(channel, github, record)
    return compared, head, found


def _secrets(channel: Channel, github: GitHubGateway, record: RepositoryRecord) -> list[Drift]:
    """Compare when each secret was stored: its value can be read by nobody."""
    if channel.executor != Executor.GITHUB or record.secrets_pending or not record.secrets:
        return []
    environment = repository_secrets.environment_of(channel)
    listed = github.list_secrets(channel.repository, environment=environment)
    there = {each.name: each.updated_at.isoformat() for each in listed}
    return [
        Drift(
            "secret", name, f"stored {at}", f"stored {at}", f"stored {there[name]}" if name in there else ""
        )
        for name, at in record.secrets.items()
        if there.get(name) != at
    ]


def _environment(channel: Channel, github: GitHubGateway, record: RepositoryRecord) -> list[Drift]:
    if record.branches is None or not repository_secrets.environment_of(channel):
        return []
    found = github.environment(repository_secrets.pinned_id(channel), repository_secrets.ENVIRONMENT)
    there = branches_of(found.branches) if found else ""
    ours = branches_of(record.branches)
    if there in (ours, channel.ref):
        return []
    return [Drift("environment", repository_secrets.ENVIRONMENT, ours, channel.ref, there)]


def branches_of(branches: Sequence[str] | None) -> str:
    """Return which branches may use an environment, as a reader names them."""
    return ALL_BRANCHES if branches is None else ", ".join(branches) or "no branch"


def note(channel: Channel, record: RepositoryRecord, found: list[Drift]) -> None:
    """Write down what a look found; the activity log hears of it when it is not what the last look found."""
    rows: list[dict[str, Any]] = [asdict(each) for each in found]
    now = timezone.now()
    with transaction.atomic():
        before = RepositoryRecord.objects.locked().get(pk=record.pk).drift
        since = (record.drift_found_at or now) if rows else None
        RepositoryRecord.objects.filter(pk=record.pk).update(
            drift=rows, drift_found_at=since, checked_at=now, branch=record.branch or channel.ref
        )
        if rows != before:
            verb = "repository_drifted" if rows else "repository_drift_ended"
            audit.record(
                verb,
                channel,
                before={"differences": len(before)},
                after={"differences": len(rows), "repository": channel.repository, "drift": rows[:20]},
                reason="; ".join(map(str, found[:5])),
            )
    record.drift, record.drift_found_at, record.checked_at = rows, since, now
