"""Read from the activity log what rows were before: own entries, those of a batch, and edits of the configuration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.dateparse import parse_datetime

from channels.models import Blackout, Channel, Credential, PostingSlot
from orchestration.models import Activity, Distribution, Pool, Schedule, Wave
from orchestration.planning.rewind import Change, Exchange, as_it_was, set_as_it_was

FIELDS: Mapping[type[Model], tuple[str, ...]] = {
    Schedule: (
        "state",
        "publish_at",
        "wave_id",
        "priority",
        "zone",
        "overridden",
        "lateness_seconds",
        "misfire_action",
    ),
    Distribution: ("state", "video_id"),
    Wave: ("state", "scheduled_at"),
    Channel: (
        "slug",
        "name",
        "timezone",
        "priority",
        "min_gap_minutes",
        "daily_cap",
        "misfire_policy",
        "misfire_grace_minutes",
        "lead_time_minutes",
        "executor",
        "repository",
        "workflow",
        "ref",
        "failover",
        "youtube_channel_id",
        "state",
        "health",
    ),
    Credential: ("state",),
    PostingSlot: ("channel_id", "weekday", "local_time", "enabled"),
    Blackout: ("channel_id", "first_date", "last_date", "from_time", "until_time", "reason"),
    Pool: ("label", "kind", "capacity", "paused", "reserve"),
}
"""What is recorded whenever it changes, and so is shown of the past: by model, its columns.

`tests/orchestration/test_rewind.py` drives the service and compares; a column that changes without an entry fails there.
"""

SETS: Mapping[type[Model], str] = {PostingSlot: "slots", Blackout: "blackouts"}
"""What a channel has of, and the name under which an entry about the channel says what all of them were."""
MADE = frozenset({"create", "channel_added", "slot_added", "blackout_added"})
REMOVED = frozenset({"delete", "channel_removed", "slot_removed", "blackout_removed"})

CARRIED_OVER = "distribution_carried_over"
BATCHED = frozenset({Schedule})
"""Models of which many rows are moved by one entry (`transition_all`)."""
_COLUMNS = (
    "id",
    "object_id",
    "verb",
    "before",
    "after",
    "changes",
    "additional_data",
)

OfChannels = dict[int, dict[int, dict[str, Any]]]
"""The recorded columns of what channels have of a kind, by channel and id."""


class Log:
    """What was written down since an instant; what happened at it had happened. Made for one answer, and kept by none."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self._read: dict[frozenset[int], list[tuple[Any, ...]]] = {}

    def entries(self, model: type[Model]) -> QuerySet[Activity]:
        """Return what was written about rows of a model since."""
        kind = ContentType.objects.get_for_model(model)
        return Activity.objects.filter(content_type=kind, timestamp__gt=self.at).order_by()

    def all_changes(self, model: type[Model]) -> dict[int, list[Change]]:
        """Return what changed single rows of a model since, by row, also of those that are gone."""
        found: dict[int, list[Change]] = defaultdict(list)
        for row in self.entries(model).exclude(object_id=None).values_list(*_COLUMNS):
            found[row[1]].append(_change(model, *row))
        return found

    def changes(self, model: type[Model], ids: Iterable[int]) -> dict[int, list[Change]]:
        """Return what changed these rows since, by row."""
        wanted = set(ids)
        if not wanted:
            return {}
        found: dict[int, list[Change]] = defaultdict(list)
        rows = (
            self._of_channels(wanted)
            if model is Channel
            else self.entries(model).filter(object_id__in=wanted).values_list(*_COLUMNS)
        )
        for row in rows:
            found[row[1]].append(_change(model, *row))
        if model in BATCHED:
            for pk, change in self._of_batches(model, wanted):
                found[pk].append(change)
        return found

    def _of_batches(self, model: type[Model], wanted: set[int]) -> Iterable[tuple[int, Change]]:
        """Yield what entries that name many members say of these."""
        name = str(model._meta.model_name)
        for pk, before, more in self._batches:
            members = wanted.intersection(more["members"][name])
            if not members:
                continue
            same = values_of(model, {key: old for key, old in before.items() if not isinstance(old, list)})
            own: dict[int, dict[str, Any]] = {member: dict(same) for member in members}
            for field, by_value in more.get("were", {}).items():
                for old, ids in by_value.items():
                    for member in members.intersection(ids):
                        own[member] |= values_of(model, {field: old})
            for member in members:
                yield member, Change(pk, own[member])

    @cached_property
    def _told(self) -> list[tuple[int, str, int, int | None, str, Any, Any]]:
        """Read once what concerns many: entries that name members, those of moves, and those of videos carried over."""
        kind = ContentType.objects.get_for_model(Schedule)
        rows = Activity.objects.filter(
            Q(members_of="schedule")
            | Q(verb=CARRIED_OVER)
            | Q(content_type=kind, before__has_key="publish_at"),
            timestamp__gt=self.at,
        )
        columns = ("id", "verb", "content_type", "object_id", "members_of", "before", "additional_data")
        return list(rows.order_by("id").values_list(*columns))

    @property
    def _batches(self) -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
        return [
            (pk, before or {}, more or {})
            for pk, _, _, _, members_of, before, more in self._told
            if members_of == "schedule"
        ]

    def members(self) -> set[int]:
        """Return the schedules that entries of many members name."""
        return {pk for _, _, more in self._batches for pk in more["members"]["schedule"]}

    def carried_over(self) -> set[int]:
        """Return the distributions that have been carried over to another video since."""
        return {pk for _, verb, _, pk, *_ in self._told if verb == CARRIED_OVER and pk is not None}

    def moves(self) -> QuerySet[Activity]:
        """Return the entries since that moved a publication."""
        return self.entries(Schedule).filter(before__has_key="publish_at")

    @cached_property
    def moved(self) -> dict[int, datetime]:
        """Return the moments of then of what has got another one since: the first entry after the instant has it."""
        kind, found = ContentType.objects.get_for_model(Schedule).pk, dict[int, datetime]()
        for _, _, of_kind, pk, _, before, _ in self._told:
            said = (before or {}).get("publish_at")
            if of_kind != kind or pk is None or pk in found or not isinstance(said, str):
                continue
            moment = parse_datetime(said)
            if moment is not None:
                found[pk] = moment
        return found

    def rewound(self, rows: Sequence[Model]) -> dict[int, dict[str, Any]]:
        """Return the recorded columns of rows of one model as they were; rows that were not there are left out."""
        if not rows:
            return {}
        since = self.changes(type(rows[0]), [row.pk for row in rows])
        then = {row.pk: as_it_was(columns(row), since.get(row.pk, ())) for row in rows}
        return {pk: values for pk, values in then.items() if values is not None}

    def present(self, model: type[Model], channel_ids: Iterable[int]) -> OfChannels:
        """Return the slots or the blackouts that channels have, by channel and id."""
        found: OfChannels = {pk: {} for pk in channel_ids}
        if found:
            for row in model._default_manager.filter(channel__in=list(found)).order_by():
                found[getattr(row, "channel_id")][row.pk] = columns(row)  # noqa: B009 - of two models
        return found

    def sets(self, model: type[Model], present: OfChannels) -> OfChannels:
        """Return the slots or the blackouts that channels had where they have these; what is gone is rebuilt."""
        if not present:
            return {}
        exchanges = self._exchanges(model, set(present))
        since, owner = self._of_sets(model, present, exchanges)
        return {
            channel: set_as_it_was(
                rows,
                {pk: changes for pk, changes in since.items() if owner.get(pk) == channel},
                exchanges.get(channel, ()),
            )
            for channel, rows in present.items()
        }

    def _of_sets(
        self,
        model: type[Model],
        present: Mapping[int, Mapping[int, Any]],
        exchanges: Mapping[int, Iterable[Exchange]],
    ) -> tuple[dict[int, list[Change]], dict[int, int]]:
        """Return what changed single rows since, and whose each row is: by what it is, or what its entries say."""
        owner = {pk: channel for channel, rows in present.items() for pk in rows}
        owner |= {pk: channel for channel, all_of in exchanges.items() for one in all_of for pk in one.before}
        found: dict[int, list[Change]] = defaultdict(list)
        for row in self.entries(model).exclude(object_id=None).values_list(*_COLUMNS):
            change = _change(model, *row)
            channel = change.before.get("channel_id") or _channel_after(row[4], row[5])
            if row[1] not in owner and channel is not None and channel in present:
                owner[row[1]] = channel
            found[row[1]].append(change)
        return found, owner

    def _exchanges(self, model: type[Model], channel_ids: set[int]) -> dict[int, list[Exchange]]:
        """Return the entries about channels that say what all of their slots, or blackouts, were."""
        name = SETS[model]
        found: dict[int, list[Exchange]] = defaultdict(list)
        for pk, channel, *_, more in self._of_channels(channel_ids):
            was = ((more or {}).get("was") or {}).get(name)
            if was is not None:
                before = {row["id"]: values_of(model, row) for row in was}
                found[channel].append(Exchange(pk, before))
        return found

    def _of_channels(self, ids: set[int]) -> list[tuple[Any, ...]]:
        """Return the entries about these channels; asked again for the same ones, those that were read."""
        key = frozenset(ids)
        if key not in self._read:
            rows = self.entries(Channel).filter(object_id__in=ids)
            self._read[key] = list(rows.values_list(*_COLUMNS))
        return self._read[key]


def _change(
    model: type[Model],
    pk: int,
    object_id: int,
    verb: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    changes: Mapping[str, Any] | None,
    more: Mapping[str, Any] | None,
) -> Change:
    if before is None and after is None:  # an edit of the configuration: django-auditlog's own entry
        before = {name: pair[0] for name, pair in (changes or {}).items() if isinstance(pair, list)}
    values = values_of(model, {**((more or {}).get("was") or {}), **(before or {})})
    if verb in REMOVED:
        values = {name: values.get(name) for name in FIELDS[model]}
    return Change(pk, values, made=verb in MADE, removed=verb in REMOVED)


def _channel_after(after: Mapping[str, Any] | None, changes: Mapping[str, Any] | None) -> int | None:
    """Return the channel that an entry names of a row that it made."""
    if after and isinstance(after.get("channel_id"), int):
        return after["channel_id"]
    pair = (changes or {}).get("channel")
    said = str(pair[1]) if isinstance(pair, list) and len(pair) == 2 else ""
    return int(said) if said.isdecimal() else None


def values_of(model: type[Model], written: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an entry says of the recorded columns, as the model has them; what cannot be read is left out."""
    values = {}
    for name in FIELDS[model]:
        field = model._meta.get_field(name)
        key = name if name in written else field.name
        if key not in written:
            continue
        value = written[key]
        try:
            values[name] = None if value in (None, "None") else _read(field, value)
        except (ValidationError, TypeError, ValueError):
            continue
    return values


def _read(field: Any, value: Any) -> Any:
    return field.target_field.to_python(value) if field.is_relation else field.to_python(value)


def columns(row: Model) -> dict[str, Any]:
    """Return the recorded columns of a row as it is."""
    return {name: getattr(row, name) for name in FIELDS[type(row)]}
