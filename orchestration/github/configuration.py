"""Keep each channel's configuration as numbered documents, and have them written to its repository where they changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, Subquery

from channels.documents import checksum
from channels.models import Channel, ConfigRevision
from orchestration.core import audit, lookup
from orchestration.core.verbs import require
from orchestration.github import repository_files, repository_secrets
from orchestration.models import Job, SystemState
from orchestration.queue import jobs as queue
from orchestration.results.repositories import SyncOutcome, SyncResult
from orchestration.states import JobKind

FORMAT = 1


def document_of(channel: Channel) -> dict[str, Any]:
    """Return a channel's configuration as it lies in its repository: what to publish when and how, and no secret."""
    return {
        "format": FORMAT,
        "headend": {"public_url": settings.HEADEND_PUBLIC_URL or ""},
        "channel": {
            "slug": channel.slug,
            "name": channel.name,
            "youtube_channel_id": channel.youtube_channel_id,
            "timezone": channel.timezone,
            "language": channel.language,
            "priority": channel.priority,
        },
        "publishing": {
            "slots": [
                {"weekday": slot.get_weekday_display().lower(), "local_time": f"{slot.local_time:%H:%M:%S}"}
                for slot in channel.slots.all()
                if slot.enabled
            ],
            "blackouts": [
                {
                    "first_date": f"{blackout.first_date:%Y-%m-%d}",
                    "last_date": f"{blackout.last_date:%Y-%m-%d}",
                    "from_time": f"{blackout.from_time:%H:%M:%S}" if blackout.from_time else None,
                    "until_time": f"{blackout.until_time:%H:%M:%S}" if blackout.until_time else None,
                    "reason": blackout.reason,
                }
                for blackout in channel.blackouts.all()
            ],
            "min_gap_minutes": channel.min_gap_minutes,
            "daily_cap": channel.daily_cap,
            "misfire_policy": channel.misfire_policy,
            "misfire_grace_minutes": channel.misfire_grace_minutes,
            "lead_time_minutes": channel.lead_time_minutes,
        },
        "filters": channel.filters,
        "metadata": {
            "title_template": channel.title_template,
            "description_template": channel.description_template,
            "tags": channel.tags,
            "category_id": channel.category_id,
            "made_for_kids": channel.made_for_kids,
            "notify_subscribers": channel.notify_subscribers,
        },
        "execution": {
            "executor": channel.executor,
            "repository": channel.repository,
            "workflow": channel.workflow,
            "ref": channel.ref,
            "secrets_in": channel.secrets_in,
            "template": repository_files.template_checksum() if channel.repository else "",
        },
    }


def changes_between(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the keys that differ, with dots; of a first document only its sections."""
    if before is None:
        return tuple(sorted(after))
    old, new = dict(_flat(before)), dict(_flat(after))
    return tuple(sorted(key for key in {*old, *new} if old.get(key, ...) != new.get(key, ...)))


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def sync(channel_ids: Sequence[int] | None = None, *, dry_run: bool = False) -> SyncResult:
    """Write down each channel's configuration where it changed, and queue its writing to the repository.

    All channels that are not disabled, by default. A dry run says what would change and writes nothing. There is something
    to write when the document changed, when an earlier one is not in its repository yet, or when the repository has not
    got the channel's secrets yet.

    Raises: InvalidRequest, NotFound, naming `channel_ids`.
    """
    if dry_run:
        return SyncResult([_foreseen(comparison) for comparison in _compare_all(channel_ids)], dry_run=True)
    with transaction.atomic():
        compared = _compare_all(channel_ids, lock=True)
        revised = [comparison for comparison in compared if comparison.changes]
        made = _write_down(revised)
        if made:
            _record(revised, made)
        return SyncResult([_done(comparison) for comparison in compared], dry_run=False)


def write_down(channel_ids: Sequence[int]) -> list[ConfigRevision]:
    """Keep what channels' configurations have become as revisions, where they changed; nothing is written anywhere else.

    Of a channel in any state. The entry of the change itself says what was changed. Raises: InvalidRequest, NotFound.
    """
    with transaction.atomic():
        compared = _compare_all(channel_ids, lock=True, syncing=False)
        return _write_down([comparison for comparison in compared if comparison.changes])


@contextmanager
def kept(channel_id: int) -> Iterator[None]:
    """Keep what is done inside to a channel's configuration as a revision, together or not at all. Raises: NotFound."""
    with transaction.atomic():
        lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        yield
        write_down([channel_id])


def _write_down(revised: Sequence[Comparison]) -> list[ConfigRevision]:
    return ConfigRevision.objects.bulk_create(
        ConfigRevision(
            channel=comparison.channel,
            number=comparison.next_number,
            document=comparison.document,
            checksum=comparison.checksum,
            created_by=audit.acting().label[:150],
        )
        for comparison in revised
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a channel's configuration compares with what was last written down and synced."""

    channel: Channel
    latest: ConfigRevision | None
    document: dict[str, Any]
    checksum: str
    changes: tuple[str, ...]
    unsynced: bool
    secrets_due: bool

    @property
    def next_number(self) -> int:
        """Return the number of the revision that comes after the latest."""
        return self.latest.number + 1 if self.latest else 1

    @property
    def number(self) -> int | None:
        """Return the number of the revision that counts once the changes are written down."""
        return self.next_number if self.changes else (self.latest.number if self.latest else None)


def _compare_all(
    channel_ids: Sequence[int] | None, *, lock: bool = False, syncing: bool = True
) -> list[Comparison]:
    """Compare the chosen channels in a handful of queries, whatever their number."""
    revisions = ConfigRevision.objects.filter(channel=OuterRef("pk")).order_by("-number").values("pk")[:1]
    synced = Job.objects.succeeded().filter(channel=OuterRef("pk"), kind=JobKind.SYNC)
    rows = (
        Channel.objects.order_by("name", "id")
        .select_related("credential")
        .prefetch_related("slots", "blackouts")
    )
    rows = rows.annotate(
        revision_id=Subquery(revisions), last_sync=Subquery(synced.order_by("-id").values("result")[:1])
    )
    if lock:
        # In the order of their ids, as planners lock calendars; the list itself is read by name.
        chosen = Channel.objects.all() if channel_ids is None else Channel.objects.filter(pk__in=channel_ids)
        list(chosen.order_by("pk").locked().values_list("pk"))
    if channel_ids is None:
        channels = list(rows.enabled())
    else:
        wanted = lookup.check_ids(channel_ids, field="channel_ids")
        channels = list(rows.filter(pk__in=wanted))
        lookup.check_found(Channel, wanted, [channel.pk for channel in channels], field="channel_ids")
        for channel in channels if syncing else ():
            require(channel, "sync")
    latest = ConfigRevision.objects.in_bulk(
        [channel.revision_id for channel in channels if channel.revision_id]
    )
    return [_compare(channel, latest.get(channel.revision_id)) for channel in channels]


def _compare(channel: Channel, latest: ConfigRevision | None) -> Comparison:
    document = document_of(channel)
    mark = checksum(document)
    same = latest is not None and latest.checksum == mark
    return Comparison(
        channel=channel,
        latest=latest,
        document=document,
        checksum=mark,
        changes=() if same else changes_between(latest.document if latest else None, document),
        unsynced=bool(channel.repository) and same and latest.synced_at is None,
        secrets_due=repository_secrets.is_due(channel, channel.last_sync),
    )


def _record(revised: Sequence[Comparison], made: Sequence[ConfigRevision]) -> None:
    """Write one entry that names every channel whose configuration was written down."""
    if len(revised) == 1:
        after = {"revision": made[0].number, "changes": list(revised[0].changes)}
        audit.record("configuration_revised", revised[0].channel, after=after)
        return
    system, _ = SystemState.objects.get_or_create(pk=1)
    audit.record(
        "configurations_revised",
        system,
        after={"channels": len(revised)},
        members={
            "channel": [comparison.channel.pk for comparison in revised],
            "revision": [row.pk for row in made],
        },
    )


def _why(comparison: Comparison) -> str:
    """Return what there is to write; empty if nothing."""
    said = []
    if comparison.changes:
        shown, rest = comparison.changes[:4], len(comparison.changes) - 4
        more = f" and {rest} more" if rest > 0 else ""
        said.append(f"changed: {', '.join(shown)}{more}" if comparison.latest else "the first configuration")
    if comparison.unsynced:
        said.append(f"revision {comparison.latest.number} is not in the repository yet")
    if comparison.secrets_due:
        said.append("the repository has not got the channel's secrets yet")
    return "; ".join(said)


def _foreseen(comparison: Comparison) -> SyncOutcome:
    why = _why(comparison)
    message = f"Would be written: {why}." if why else "Nothing changed."
    return SyncOutcome(
        channel=comparison.channel,
        outcome="changed" if why else "unchanged",
        revision=comparison.number,
        message=message,
        changes=comparison.changes,
    )


def _done(comparison: Comparison) -> SyncOutcome:
    channel, why, job = comparison.channel, _why(comparison), None
    if not why:
        outcome, message = "unchanged", f"Nothing changed since revision {comparison.number}."
    elif not channel.repository:
        outcome = "recorded"
        message = f"Revision {comparison.number} is recorded here ({why}); the channel has no repository."
    else:
        job = queue.enqueue(
            JobKind.SYNC, dedupe_key=f"sync:{channel.pk}", channel=channel, priority=channel.priority
        )
        outcome, message = "queued", f"Being written to {channel.repository}: {why}."
    return SyncOutcome(channel, outcome, comparison.number, message, job, comparison.changes)
