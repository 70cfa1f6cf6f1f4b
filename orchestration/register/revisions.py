"""Read the revisions of a channel's configuration, compare two of them, and say what one of them would bring back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any, Final

from django.db import transaction

from channels.documents import SECTIONS
from channels.editing import ChannelValues
from channels.models import Blackout, Channel, ConfigRevision
from orchestration.core import audit, lookup
from orchestration.errors import InvalidRequest, NotFound
from orchestration.models import Source
from orchestration.planning.week_facts import DAYS, SlotAt
from orchestration.register import blackouts, calendars, channel_edit

EXECUTION: Final = ("executor", "repository", "workflow", "ref", "secrets_in")
PER_PAGE: Final = 20
LEFT_OUT: Final = {
    "headend.public_url": "the installation's own address is a setting",
    "execution.template": "the workflow's files are those of this version of Headend",
    "channel.slug": "the short name stays, since addresses lead to it",
    "channel.youtube_channel_id": "the YouTube channel stays the one that is connected",
    "format": "the form of the document is that of its version",
}
"""What of a document is not brought back, and why."""
LABELS: Final = {
    "min_gap_minutes": "least gap, minutes",
    "daily_cap": "most a day",
    "lead_time_minutes": "staged ahead, minutes",
    "misfire_policy": "what has missed its moment",
    "misfire_grace_minutes": "too late after, minutes",
    "ref": "branch",
    "slug": "short name",
    "executor": "who stages its videos",
    "template": "files of the workflow",
    "secrets_in": "secrets are kept in",
    "category_id": "category",
    "public_url": "address of Headend",
    "youtube_channel_id": "YouTube channel",
    "source_ids": "sources, by id",
    "keywords_in": "one of these words occurs",
    "keywords_out": "none of these words occurs",
}
"""Fields whose names in a document are not people's words."""
NEVER_IN: Final = (
    "slots that are switched off, failover, the profile, further words such as playlists and licence, approval, groups and "
    "labels, and the connection are in no revision, so they stay as they are"
)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a configuration, before and after, as people write its values; empty is nothing."""

    field: str
    before: str
    after: str

    @property
    def label(self) -> str:
        """Return the field in people's words."""
        name = self.field.rpartition(".")[2]
        said = LABELS.get(name, name.replace("_", " "))
        return f"{said[:1].upper()}{said[1:]}"


@dataclass(frozen=True, slots=True)
class RevisionDiff:
    """What differs between two revisions of a channel's configuration."""

    first: int
    second: int
    changes: list[FieldChange]


@dataclass(frozen=True, slots=True)
class RevisionReport:
    """One revision: what was changed by it, what going back to it would change, and what would not come back."""

    revision: ConfigRevision
    changes: list[FieldChange]
    going_back: list[FieldChange]
    left_out: list[str]


@dataclass(frozen=True, slots=True)
class RollBack:
    """What bringing back an earlier revision changes, or would change, and what of it is not brought back."""

    channel: Channel
    number: int
    changes: list[FieldChange]
    left_out: list[str]
    dry_run: bool


def of_channel(channel_id: int, *, before: int | None = None, most: int = PER_PAGE) -> list[ConfigRevision]:
    """Return a channel's revisions without their documents, the newest first; `before` a number for the next page."""
    channel = lookup.one(Channel, channel_id, field="channel_id")
    rows = channel.revisions.defer("document").order_by("-number")
    return list((rows.filter(number__lt=before) if before else rows)[:most])


def one(channel_id: int, number: int) -> ConfigRevision:
    """Return one revision with its document. Raises: NotFound, naming `number`."""
    found = ConfigRevision.objects.select_related("channel").filter(channel=channel_id, number=number).first()
    if found is None:
        channel = lookup.one(Channel, channel_id, field="channel_id")
        raise NotFound(f"{channel.name} has no revision {number}.", field="number")
    return found


def report(channel_id: int, number: int) -> RevisionReport:
    """Return a revision with what it changed, and what going back to it would. Raises: NotFound, naming `number`."""
    revision = one(channel_id, number)
    before = revision.channel.revisions.filter(number__lt=number).order_by("-number").first()
    present = _present(revision.channel)
    names = {name for name, _ in _flat(present)} | {"filters"}
    old = {name: value for name, value in _flat(revision.document) if name in names or name[:8] == "filters."}
    _, left_out = _values(revision.channel, revision.document)
    return RevisionReport(
        revision,
        changes(before.document if before else {}, revision.document),
        changes(dict(_flat(present)), old),
        left_out,
    )


def diff(channel_id: int, first: int, second: int) -> RevisionDiff:
    """Return what differs between two revisions, field by field. Raises: NotFound."""
    old, new = one(channel_id, first), one(channel_id, second)
    return RevisionDiff(first, second, changes(old.document, new.document))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """Return the fields that differ between two documents, in the order of the newer one, as people write their values."""
    old, new = dict(_flat(before)), dict(_flat(after))
    pairs = [
        FieldChange(name, said(name, old.get(name)), said(name, new.get(name)))
        for name in dict.fromkeys([*new, *old])
        if old.get(name) != new.get(name)
    ]
    return [change for change in pairs if change.before != change.after]


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def said(name: str, value: Any) -> str:
    """Return a value of a document as people write it; nothing for nothing."""
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "publishing.misfire_policy":
        return str(value).replace("_", " ")
    if name == "publishing.slots":
        return ", ".join(f"{row['weekday'].capitalize()} {row['local_time'][:5]}" for row in value)
    if name == "publishing.blackouts":
        return "; ".join(_stretch(row) for row in value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _stretch(row: Mapping[str, Any]) -> str:
    begins = f"{row['first_date']}{' ' + row['from_time'][:5] if row.get('from_time') else ''}"
    ends = f"{row['last_date']}{' ' + row['until_time'][:5] if row.get('until_time') else ''}"
    return f"{begins} to {ends}" + (f" ({row['reason']})" if row.get("reason") else "")


def roll_back(
    channel_id: int, number: int, *, dry_run: bool = False, accept_problems: bool = False, reason: str = ""
) -> RollBack:
    """Bring the values of an earlier revision back, through the rules of any change; a dry run shows what would change.

    What waits for its upload keeps its moment, and reads the words as they are then. What cannot be brought back is
    named. The caller keeps the result as a revision of its own.

    Raises: NotFound; InvalidRequest, if a value of it cannot be used any more; WordsRefused, as `channel_edit.change`.
    """
    revision = one(channel_id, number)
    document = revision.document
    values, left_out = _values(revision.channel, document)
    slots, dark = _slots(document), _blackouts(document)
    with transaction.atomic():
        before = _present(lookup.one(Channel.objects.locked(), channel_id, field="channel_id"))
        try:
            channel = channel_edit.change(channel_id, values, accept_problems=accept_problems, reason=reason)
            off = [calendars.slot_at(slot) for slot in channel.slots.all() if not slot.enabled]
            times = {(slot.weekday, slot.local_time) for slot in slots}
            kept_off = [slot for slot in off if (slot.weekday, slot.local_time) not in times]
            calendars.set_slots(channel_id, sorted([*slots, *kept_off]), reason=reason)
            blackouts.set_blackouts(channel_id, dark, reason=reason)
        except InvalidRequest as error:
            raise InvalidRequest(
                f"Revision {number} cannot be brought back: {error.message}", field="number"
            ) from error
        after = _present(lookup.one(Channel, channel_id, field="channel_id"))
        differs = changes(before, after)
        if dry_run:
            transaction.set_rollback(True)
        elif differs:
            audit.record(
                "configuration_rolled_back",
                channel,
                before={change.field: change.before for change in differs},
                after={"revision": number} | {change.field: change.after for change in differs},
                reason=reason,
            )
    return RollBack(channel=channel, number=number, changes=differs, left_out=left_out, dry_run=dry_run)


def _values(channel: Channel, document: Mapping[str, Any]) -> tuple[ChannelValues, list[str]]:
    """Return what a document says of a channel, and in sentences what of it is not brought back."""
    found: dict[str, Any] = {}
    sections = {**SECTIONS, "execution": EXECUTION}
    for section, names in sections.items():
        said_there = document.get(section) or {}
        found |= {name: said_there[name] for name in names if name in said_there}
    left_out = []
    identity = document.get("channel") or {}
    for name in ("slug", "youtube_channel_id"):
        if name in identity and identity[name] != getattr(channel, name):
            left_out.append(
                f"{LEFT_OUT[f'channel.{name}'].capitalize()} ({said('', identity[name]) or 'none then'})."
            )
    if "filters" in document:
        filters = dict(document["filters"] or {})
        known = set(
            Source.objects.filter(pk__in=filters.get("source_ids") or ()).values_list("pk", flat=True)
        )
        gone = [pk for pk in filters.get("source_ids") or () if pk not in known]
        if gone:
            filters["source_ids"] = [pk for pk in filters["source_ids"] if pk in known]
            left_out.append(
                f"Source {', '.join(map(str, gone))} is gone, so it is left out of what it takes."
            )
        found["filters"] = filters
    left_out.append(f"{NEVER_IN[0].upper()}{NEVER_IN[1:]}.")
    return ChannelValues(**found), left_out


def _slots(document: Mapping[str, Any]) -> list[SlotAt]:
    days = {name.lower(): number for number, name in enumerate(DAYS)}
    rows = (document.get("publishing") or {}).get("slots") or ()
    return [SlotAt(days[row["weekday"]], time.fromisoformat(row["local_time"])) for row in rows]


def _blackouts(document: Mapping[str, Any]) -> Sequence[Blackout]:
    rows = (document.get("publishing") or {}).get("blackouts") or ()
    return [
        Blackout(
            first_date=date.fromisoformat(row["first_date"]),
            last_date=date.fromisoformat(row["last_date"]),
            from_time=time.fromisoformat(row["from_time"]) if row.get("from_time") else None,
            until_time=time.fromisoformat(row["until_time"]) if row.get("until_time") else None,
            reason=row.get("reason", ""),
        )
        for row in rows
    ]


def _present(channel: Channel) -> dict[str, Any]:
    """Return a channel as a document says it, without what is not brought back."""
    sections = {**SECTIONS, "execution": EXECUTION}
    shown: dict[str, Any] = {
        section: {name: getattr(channel, name) for name in names} for section, names in sections.items()
    }
    shown["publishing"] |= {
        "slots": [
            {"weekday": DAYS[slot.weekday].lower(), "local_time": f"{slot.local_time:%H:%M:%S}"}
            for slot in channel.slots.all()
            if slot.enabled
        ],
        "blackouts": [
            {
                "first_date": f"{row.first_date}",
                "last_date": f"{row.last_date}",
                "from_time": f"{row.from_time:%H:%M:%S}" if row.from_time else None,
                "until_time": f"{row.until_time:%H:%M:%S}" if row.until_time else None,
                "reason": row.reason,
            }
            for row in channel.blackouts.all()
        ],
    }
    return {**shown, "filters": channel.filters}
