"""Group channels and put labels on them: what stands for many wherever channels are picked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from auditlog.context import disable_auditlog
from django.db import IntegrityError, models, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.text import slugify

from channels.models import Channel, ChannelGroup, Label
from orchestration.core import audit, lookup
from orchestration.errors import InvalidRequest
from orchestration.models import Silence

LONGEST_NAME, LONGEST_SLUG, LONGEST_LABEL = 80, 60, 40
MOST_LABELS = 20
RESERVED = frozenset({"new", "add"})
"""Words that the console's addresses use where a group's slug could stand."""
_SLUG = re.compile(r"[a-z0-9_-]+")
_LABEL = re.compile(r"[\w-]+", re.ASCII)
Difference = Callable[[set[int]], tuple[set[int], set[int]]]


@dataclass(frozen=True, slots=True)
class GroupChange:
    """What became of a group's channels: which came in and which went out, by id."""

    group: ChannelGroup
    added: list[int]
    removed: list[int]


def groups() -> list[ChannelGroup]:
    """Return the groups by name, each with how many channels are in it (`members`)."""
    return list(ChannelGroup.objects.annotate(members=Count("channels")))


def labels() -> list[Label]:
    """Return the labels by name, each with how many channels have it (`members`)."""
    return list(Label.objects.annotate(members=Count("channels")))


def one(group_id: int) -> ChannelGroup:
    """Return a group, with how many channels are in it. Raises: NotFound."""
    return lookup.one(ChannelGroup.objects.annotate(members=Count("channels")), group_id, field="group_id")


# --------------------------------------------------------------------------------------------------------------- groups


def add(name: str, slug: str = "", description: str = "", channel_ids: Sequence[int] = ()) -> ChannelGroup:
    """Make a group, with channels or still empty; without a slug its name becomes one.

    Raises: InvalidRequest, naming the field; NotFound, naming the channels.
    """
    row = ChannelGroup()
    _fill(row, name, slug or slugify(name)[:LONGEST_SLUG], description)
    ids = _existing(channel_ids) if channel_ids else []
    try:
        with transaction.atomic():
            row.save()
            row.channels.set(ids)
            audit.record(
                "group_added",
                row,
                after={**_document(row), "channels": len(ids)},
                members={"channel": ids} if ids else None,
            )
    except IntegrityError as error:
        raise InvalidRequest(f"There is a group {row.slug} already.", field="slug") from error
    return one(row.pk)


def change(
    group_id: int, *, name: str | None = None, slug: str | None = None, description: str | None = None
) -> ChannelGroup:
    """Give a group another name, slug or description; None leaves it. Raises: NotFound, InvalidRequest."""
    try:
        with transaction.atomic():
            row = lookup.one(ChannelGroup.objects.locked(), group_id, field="group_id")
            before = _document(row)
            _fill(
                row,
                row.name if name is None else name,
                row.slug if slug is None else slug,
                row.description if description is None else description,
            )
            row.save()
            audit.record("group_changed", row, before=before, after=_document(row))
    except IntegrityError as error:
        raise InvalidRequest("There is a group of that name or slug already.", field="slug") from error
    return one(group_id)


def remove(group_id: int, reason: str = "") -> None:
    """Remove a group; its channels stay. Raises: NotFound; InvalidRequest, naming what still uses it."""
    with transaction.atomic():
        row = lookup.one(ChannelGroup.objects.locked(), group_id, field="group_id")
        _refuse_if_used("group", row.name, uses(row), "group_id")
        ids = list(row.channels.order_by("pk").values_list("pk", flat=True))
        audit.record(
            "group_removed",
            row,
            before={**_document(row), "channels": len(ids)},
            after={},
            reason=reason,
            members={"channel": ids} if ids else None,
        )
        row.delete()


def uses(row: ChannelGroup | Label) -> list[str]:
    """Return in words what names a group or a label and follows it: rules, and silences that still hold."""
    found = [f"the standing rule {name}" for name in _names(row.standing_rules)]
    found += [f"the notification rule {name}" for name in _names(row.notification_rules)]
    if isinstance(row, ChannelGroup):
        silences = Silence.objects.filter(group=row, until__gt=timezone.now()).order_by("until")
        found += [f"the silence until {silence.until:%Y-%m-%d %H:%M} UTC" for silence in silences]
    return found


def _names(rules: models.Manager) -> list[str]:
    return list(rules.order_by("name").values_list("name", flat=True))


def _refuse_if_used(what: str, name: str, used_by: list[str], field: str) -> None:
    if used_by:
        more = f" and {len(used_by) - 10} more" if len(used_by) > 10 else ""
        raise InvalidRequest(
            f"The {what} {name} is used by {', '.join(used_by[:10])}{more}; take it out there first.",
            field=field,
            used_by=used_by,
        )


def _document(row: ChannelGroup) -> dict[str, str]:
    return {"name": row.name, "slug": row.slug, "description": row.description}


def _fill(row: ChannelGroup, name: str, slug: str, description: str) -> None:
    row.name, row.slug = " ".join(name.split()), slug.strip().lower()
    row.description = " ".join(description.split())
    if not row.name or len(row.name) > LONGEST_NAME:
        raise InvalidRequest(f"A group's name has 1 to {LONGEST_NAME} characters.", field="name")
    if not _SLUG.fullmatch(row.slug) or len(row.slug) > LONGEST_SLUG:
        raise InvalidRequest(
            f"A group's slug has 1 to {LONGEST_SLUG} of the characters a to z, 0 to 9, - and _; "
            f"{row.slug[:LONGEST_SLUG]!r} is none.",
            field="slug",
        )
    if row.slug in RESERVED:
        raise InvalidRequest(f"{row.slug} is the address of a page; choose another.", field="slug")
    if len(row.description) > 300:
        raise InvalidRequest("A description has at most 300 characters.", field="description")
    others = ChannelGroup.objects.exclude(pk=row.pk)
    if others.filter(name__iexact=row.name).exists():
        raise InvalidRequest(f"There is a group named {row.name} already.", field="name")
    if others.filter(slug=row.slug).exists():
        raise InvalidRequest(f"There is a group {row.slug} already.", field="slug")


# -------------------------------------------------------------------------------------------------------------- members


def set_channels(group_id: int, channel_ids: Sequence[int], reason: str = "") -> GroupChange:
    """Let exactly these channels be in a group; none empties it. Raises: NotFound."""
    ids = set(_existing(channel_ids))
    return _change_members(group_id, lambda now: (ids - now, now - ids), reason)


def add_channels(group_id: int, channel_ids: Sequence[int], reason: str = "") -> GroupChange:
    """Put channels into a group; those in it already stay. Raises: NotFound, InvalidRequest."""
    ids = set(_existing(lookup.check_ids(channel_ids, field="channel_ids")))
    return _change_members(group_id, lambda now: (ids - now, set()), reason)


def remove_channels(group_id: int, channel_ids: Sequence[int], reason: str = "") -> GroupChange:
    """Take channels out of a group; they stay as they are. Raises: NotFound, InvalidRequest."""
    ids = set(_existing(lookup.check_ids(channel_ids, field="channel_ids")))
    return _change_members(group_id, lambda now: (set(), now & ids), reason)


def _change_members(group_id: int, difference: Difference, reason: str) -> GroupChange:
    """Write what is to come in and go out, by what is in it under lock, as one entry that names both."""
    with transaction.atomic():
        row = lookup.one(ChannelGroup.objects.locked(), group_id, field="group_id")
        now = set(row.channels.values_list("pk", flat=True))
        comes, goes = difference(now)
        if comes or goes:
            with disable_auditlog():
                row.channels.add(*comes)
                row.channels.remove(*goes)
            audit.record(
                "group_channels_changed",
                row,
                before={"channels": len(now)},
                after={"channels": len(now) + len(comes) - len(goes)},
                reason=reason,
                members={"added": sorted(comes), "removed": sorted(goes)},
            )
        return GroupChange(group=one(group_id), added=sorted(comes), removed=sorted(goes))


def _existing(ids: Iterable[int]) -> list[int]:
    wanted = sorted(set(ids))
    found = set(Channel.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    lookup.check_found(Channel, wanted, found, field="channel_ids")
    return wanted


# --------------------------------------------------------------------------------------------------------------- labels


def check_labels(names: Iterable[str]) -> list[str]:
    """Return labels as they are kept, in small letters, each once. Raises: InvalidRequest, naming the one that is none."""
    found = list(dict.fromkeys(name.strip().lower() for name in names if name.strip()))
    for name in found:
        if not _LABEL.fullmatch(name) or len(name) > LONGEST_LABEL:
            raise InvalidRequest(
                f"{name[:LONGEST_LABEL]!r} is no label: 1 to {LONGEST_LABEL} of the characters a to z, 0 to 9, - and _.",
                field="labels",
            )
    if len(found) > MOST_LABELS:
        raise InvalidRequest(f"At most {MOST_LABELS} labels at once.", field="labels")
    return found


def add_labels(channel_ids: Sequence[int], names: Sequence[str], reason: str = "") -> int:
    """Put labels on channels, made where they are new; return on how many something changed.

    Raises: InvalidRequest, NotFound.
    """
    return _label(channel_ids, names, reason, verb="labels_added")


def remove_labels(channel_ids: Sequence[int], names: Sequence[str], reason: str = "") -> int:
    """Take labels off channels; return on how many something changed. Raises: InvalidRequest, NotFound."""
    return _label(channel_ids, names, reason, verb="labels_removed")


def set_labels(channel_ids: Sequence[int], names: Sequence[str], reason: str = "") -> int:
    """Give channels exactly these labels; none takes all off. Raises: InvalidRequest, NotFound."""
    return _label(channel_ids, names, reason, verb="labels_set")


def remove_label(label_id: int, reason: str = "") -> None:
    """Remove a label from all channels. Raises: NotFound; InvalidRequest, naming the rules that use it."""
    with transaction.atomic():
        row = lookup.one(Label.objects.locked(), label_id, field="label_id")
        _refuse_if_used("label", row.name, uses(row), "label_id")
        ids = list(row.channels.order_by("pk").values_list("pk", flat=True))
        audit.record(
            "label_removed",
            row,
            before={"name": row.name, "channels": len(ids)},
            after={},
            reason=reason,
            members={"channel": ids} if ids else None,
        )
        row.delete()


def _label(channel_ids: Sequence[int], names: Sequence[str], reason: str, *, verb: str) -> int:
    """Write labels of many channels in a fixed number of statements, and one entry a label that names its channels."""
    wanted = check_labels(names)
    if not wanted and verb != "labels_set":
        raise InvalidRequest("Name at least one label.", field="labels")
    ids = _existing(lookup.check_ids(channel_ids, field="channel_ids"))
    through = Channel.labels.through
    with transaction.atomic():
        if verb != "labels_removed":
            Label.objects.bulk_create([Label(name=name) for name in wanted], ignore_conflicts=True)
        rows = {row.name: row for row in Label.objects.locked().filter(name__in=wanted).order_by("pk")}
        if missing := [name for name in wanted if name not in rows]:
            raise InvalidRequest(f"There is no label {', '.join(missing)}.", field="labels")
        held = set(through.objects.filter(channel__in=ids).values_list("channel_id", "label_id"))
        asked = {(channel, row.pk) for channel in ids for row in rows.values()}
        comes = set() if verb == "labels_removed" else asked - held
        goes = {"labels_removed": held & asked, "labels_set": held - asked}.get(verb, set())
        through.objects.bulk_create(
            [through(channel_id=channel, label_id=label) for channel, label in sorted(comes)],
            ignore_conflicts=True,
        )
        touched = {label for _, label in comes | goes}
        for label in Label.objects.filter(pk__in=touched):
            added = sorted(channel for channel, row in comes if row == label.pk)
            removed = sorted(channel for channel, row in goes if row == label.pk)
            through.objects.filter(label=label, channel__in=removed).delete()
            audit.record(
                "label_channels_changed",
                label,
                before={},
                after={"added": len(added), "removed": len(removed)},
                reason=reason,
                members={"added": added, "removed": removed},
            )
    return len({channel for channel, _ in comes | goes})
