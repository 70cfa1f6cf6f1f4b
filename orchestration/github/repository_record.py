"""Keep what we know of a channel's repository: what we last wrote there, and what was acknowledged about it."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from channels.models import Channel
from orchestration.core import audit, lookup
from orchestration.errors import InvalidRequest
from orchestration.github import repository_secrets
from orchestration.models import RepositoryRecord
from orchestration.queue import blockers
from orchestration.results.repositories import RepositoryReport

EMPTY = {
    "branch": "",
    "files": {},
    "secrets": {},
    "secrets_pending": False,
    "branches": None,
    "drift": [],
    "drift_found_at": None,
    "checked_at": None,
    "public_acknowledged_at": None,
    "public_acknowledged_by": "",
    "public_acknowledged_reason": "",
}
"""What is known of a repository that was never written to."""


def of(channel: Channel) -> RepositoryRecord:
    """Return the record of a channel's pinned repository, empty where the channel has another repository by now."""
    with transaction.atomic():
        record, _ = RepositoryRecord.objects.locked().get_or_create(
            channel=channel, defaults={"repository_id": channel.repository_id}
        )
        if record.repository_id != channel.repository_id:
            RepositoryRecord.objects.filter(pk=record.pk).update(repository_id=channel.repository_id, **EMPTY)
            record.refresh_from_db()
    return record


def report(channel_id: int) -> RepositoryReport:
    """Show what is known of a channel's repository. Raises: NotFound."""
    channel = lookup.one(Channel, channel_id, field="channel_id")
    known = RepositoryRecord.objects.filter(channel=channel, repository_id=channel.repository_id).first()
    record = known or RepositoryRecord(channel=channel, repository_id=channel.repository_id)
    return RepositoryReport(
        channel=channel,
        repository=channel.repository,
        repository_id=channel.repository_id,
        branch=channel.ref,
        environment=repository_secrets.environment_of(channel),
        files={path: held["written"] for path, held in record.files.items() if held.get("written")},
        secrets=dict(record.secrets),
        checked_at=record.checked_at,
        drift=list(record.drift),
        drift_found_at=record.drift_found_at,
        kept=sorted(path for path, held in record.files.items() if held.get("kept")),
        public_acknowledged_at=record.public_acknowledged_at,
        public_acknowledged_by=record.public_acknowledged_by,
        public_acknowledged_reason=record.public_acknowledged_reason,
    )


def acknowledge_public(channel_id: int, reason: str, *, withdraw: bool = False) -> RepositoryReport:
    """Write down that a person knows the channel's repository is public and lets its runs stage all the same.

    It holds for this repository only. With `withdraw` it is taken back. Raises: NotFound, InvalidRequest.
    """
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        if channel.repository_id is None:
            raise InvalidRequest(
                f"Headend has not seen a repository of channel {channel.name} yet; check the channel first.",
                field="channel_id",
            )
        if not withdraw and not reason.strip():
            raise InvalidRequest("Say why a public repository is right for this channel.", field="reason")
        record = of(channel)
        before = record.public_acknowledged_at
        now = timezone.now()
        record.public_acknowledged_at = None if withdraw else now
        record.public_acknowledged_by = "" if withdraw else audit.acting().label[:150]
        record.public_acknowledged_reason = "" if withdraw else reason[:300]
        record.save(
            update_fields=[
                "public_acknowledged_at",
                "public_acknowledged_by",
                "public_acknowledged_reason",
            ]
        )
        audit.record(
            "public_repository_withdrawn" if withdraw else "public_repository_acknowledged",
            channel,
            before={"acknowledged_at": before.isoformat() if before else None},
            after={
                "acknowledged_at": None if withdraw else now.isoformat(),
                "repository": channel.repository,
                "repository_id": channel.repository_id,
            },
            reason=reason,
        )
        if not withdraw:
            blockers.clear_of(
                channel, {"repository_public"}, "it was acknowledged that the repository is public"
            )
        return report(channel_id)
