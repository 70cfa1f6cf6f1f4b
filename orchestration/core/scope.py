"""Find the channels that a rule holds for: those it names, those in its groups and those with its labels at the moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import models

from channels.models import Channel, ChannelGroup, Label
from orchestration.core import lookup
from orchestration.errors import NotFound
from orchestration.models import NotificationRule, StandingRule

Scoped = NotificationRule | StandingRule
"""What may be limited to channels, groups and labels; limited to none it holds for all."""


def channels_of(rows: Sequence[Scoped]) -> dict[int, frozenset[int] | None]:
    """Return the ids of the channels of each rule, None where it is limited to none: five queries whatever there is.

    The rules come with their channels, groups and labels (`prefetch_related`). A group that is empty means nobody, not
    everybody.
    """
    in_groups = _members(
        Channel.groups.through, "channelgroup_id", {group.pk for row in rows for group in row.groups.all()}
    )
    with_labels = _members(
        Channel.labels.through, "label_id", {label.pk for row in rows for label in row.labels.all()}
    )
    found: dict[int, frozenset[int] | None] = {}
    for row in rows:
        named = [channel.pk for channel in row.channels.all()]
        groups = [group.pk for group in row.groups.all()]
        labels = [label.pk for label in row.labels.all()]
        if not (named or groups or labels):
            found[row.pk] = None
            continue
        found[row.pk] = frozenset(named).union(
            *(in_groups.get(pk, ()) for pk in groups), *(with_labels.get(pk, ()) for pk in labels)
        )
    return found


def _members(through: type[models.Model], name: str, ids: set[int]) -> dict[int, set[int]]:
    members: dict[int, set[int]] = {}
    if ids:
        for key, channel in through._default_manager.filter(**{f"{name}__in": ids}).values_list(
            name, "channel_id"
        ):
            members.setdefault(key, set()).add(channel)
    return members


def check_groups(slugs: Iterable[str], *, field: str = "groups") -> list[ChannelGroup]:
    """Return the groups of these slugs. Raises: NotFound, naming the missing ones."""
    return _named(ChannelGroup.objects.all(), "slug", "group", slugs, field)


def check_labels(names: Iterable[str], *, field: str = "labels") -> list[Label]:
    """Return the labels of these names. Raises: NotFound, naming the missing ones."""
    return _named(Label.objects.all(), "name", "label", names, field)


def _named(rows, column: str, what: str, names: Iterable[str], field: str):
    wanted = list(dict.fromkeys(name.strip().lower() for name in names))
    found = {getattr(row, column): row for row in rows.filter(**{f"{column}__in": wanted})} if wanted else {}
    if missing := [name for name in wanted if name not in found]:
        raise NotFound(f"There is no {what} {', '.join(missing[:10])}.", field=field, missing=missing)
    return [found[name] for name in wanted]


def check_channels(ids: Sequence[int], *, field: str = "channel_ids") -> list[Channel]:
    """Return the channels of these ids. Raises: NotFound, naming the missing ones."""
    rows = list(Channel.objects.filter(pk__in=set(ids)))
    lookup.check_found(Channel, ids, [row.pk for row in rows], field=field)
    return rows


def words_of(rule: Scoped) -> list[str]:
    """Return what a rule is limited to as `orchestration.register.selection` reads it."""
    return [
        *(f"group:{group.slug}" for group in rule.groups.all()),
        *(f"label:{label.name}" for label in rule.labels.all()),
        *sorted(channel.slug for channel in rule.channels.all()),
    ]
