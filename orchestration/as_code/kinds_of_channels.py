"""Channels with all that belongs to them, and the sources that they take from."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, time
from typing import Any

from channels.documents import FilterDocument
from channels.editing import FIELDS, ChannelValues, cleaned_filters
from channels.models import Blackout, Channel, ChannelGroup
from orchestration import media
from orchestration.as_code import schemas
from orchestration.as_code.kinds import (
    REASON,
    Kind,
    Values,
    Work,
    clock,
    ids_of_sources,
    read_clock,
    secret_names,
    secret_of,
)
from orchestration.errors import InvalidRequest
from orchestration.media.access import origin_of
from orchestration.models import Source
from orchestration.pipeline import approvals
from orchestration.planning.week_facts import SlotAt
from orchestration.register import (
    blackouts,
    calendars,
    channel_edit,
    groups,
    profiles,
    retention,
    source_access,
    source_edit,
    source_folders,
    source_storages,
    sources,
)
from orchestration.scheduling import words_edit
from orchestration.scheduling.standing import read_times, write_times
from orchestration.scheduling.words_edit import EditsRefused
from orchestration.states import SourceKind, SourceState
from orchestration.words.answers import WordsEdit
from orchestration.words.fields import COLUMNS

OFF = " off"


class Sources(Kind):
    """Sources, by their canonical address; what opens them does not stand in a file."""

    section, thing, secret = "sources", schemas.SourceThing, "access"
    _changed = ("name", "priority", "language", "scrape_interval_minutes", "item_limit")
    _plain = (
        *(
            "kind",
            "name",
            "url",
            "place",
            "rights_basis",
            "rights_note",
            "keep_originals",
            "keep_prepared",
            "priority",
        ),
        *("language", "profile", "scrape_interval_minutes", "item_limit"),
    )
    _fixed = ("kind", "url", "place")

    def export(self) -> dict[str, Values]:
        """Return every source by its canonical address."""
        rows = list(Source.objects.order_by("canonical_url"))
        names = secret_names(self.section, [row.canonical_url for row in rows])
        return {row.canonical_url: self._of(row, names[row.canonical_url]) for row in rows}

    def _of(self, row: Source, name: str) -> Values:
        return {
            **{field: getattr(row, field) for field in self._plain},
            "needs_approval": row.needs_approval_since is not None,
            **({"access": {"secret": name}} if row.access_set_at else {}),
        }

    def has_secret(self, key: str) -> bool:
        """Return whether what opens it is stored."""
        return Source.objects.filter(canonical_url=key, access_set_at__isnull=False).exists()

    def look_outside(self, work: Work, key: str, wanted: Values) -> None:
        """Look whether its address can be read from here."""
        try:
            if wanted["kind"] == SourceKind.ADDRESS:
                sources.check_address(wanted["url"])
            elif wanted["kind"] == SourceKind.STORAGE:
                work.checked[self.section, key] = source_storages.usable_endpoint(
                    str(wanted["place"].get("endpoint", ""))
                )
        except media.MediaError as error:
            raise InvalidRequest(str(error), field="url") from error

    def make(self, work: Work, key: str, wanted: Values, given: set[str]) -> None:
        """Register a source; one whose secret is not here is paused until somebody gives it."""
        opens = _opening(wanted)
        row = self._made(work, key, wanted)
        if row.canonical_url != key:
            raise InvalidRequest(f"its key has to be {row.canonical_url[:200]}")
        later = given - {*self._fixed, "rights_basis", "rights_note", "access"}
        self.change(work, key, wanted, {name for name in later if name != "name" or wanted["name"]})
        if opens:
            _open(row, opens)
        elif wanted.get("access"):
            sources.pause(row.pk, "what opens it was not in the configuration file")
            work.notes.append(f"{wanted['name'] or key} is paused: give it what opens it, and resume it.")

    def _made(self, work: Work, key: str, wanted: Values) -> Source:
        said: dict[str, Any] = {name: wanted[name] for name in ("name", "rights_basis", "rights_note")}
        place = wanted["place"]
        if wanted["kind"] == SourceKind.UPLOADS:
            if not key.startswith(sources.UPLOADS):
                raise InvalidRequest(f"the key of a source of uploads begins with {sources.UPLOADS}")
            return sources.add_uploads(**said, canonical_url=key)
        if wanted["kind"] == SourceKind.FOLDER:
            return source_folders.add(
                **said, path=str(place.get("path", "")), keep_files=place.get("keep") is not False
            )
        if wanted["kind"] == SourceKind.STORAGE:
            where = {name: str(place.get(name, "")) for name in ("bucket", "region", "prefix")}
            return source_storages.add(
                **said, **where, endpoint=work.checked[self.section, key], checked=True
            )
        return sources.add(**said, url=wanted["url"], checked=True)

    def change(self, work: Work, key: str, wanted: Values, changed: set[str]) -> None:
        """Give a source other values; where it lies is its key, and is never changed."""
        if fixed := sorted(changed & set(self._fixed)):
            raise InvalidRequest("it is what the source is; register another one", field=fixed[0])
        row = Source.objects.get(canonical_url=key)
        if changed & {"rights_basis", "rights_note"}:
            sources.set_rights(
                row.pk, rights_basis=wanted["rights_basis"], rights_note=wanted["rights_note"], reason=REASON
            )
        if changed & {"keep_originals", "keep_prepared"}:
            retention.set_retention(
                row.pk,
                keep_originals=wanted["keep_originals"],
                keep_prepared=wanted["keep_prepared"],
                reason=REASON,
            )
        given: dict[str, Any] = {name: wanted[name] for name in self._changed if name in changed}
        if given:
            source_edit.change(row.pk, **given, reason=REASON)
        if "profile" in changed:
            profiles.set_for_source(row.pk, wanted["profile"], reason=REASON)
        if "needs_approval" in changed:
            approvals.set_needed(Source.objects.get(pk=row.pk), wanted["needs_approval"], REASON)
        if "access" in changed and (opens := _opening(wanted)):
            _open(row, opens)
            if row.state == SourceState.PAUSED:
                work.notes.append(f"{row.name} was given what opens it; it is still paused.")

    def remove(self, key: str) -> None:
        """Remove a source that nothing came from."""
        source_edit.remove(Source.objects.get(canonical_url=key).pk, REASON)


OPENS = {
    SourceKind.ADDRESS: ("origin", frozenset({"username", "password", "cookies", "headers", "hosts"})),
    SourceKind.STORAGE: ("endpoint", frozenset({"access_key", "secret_key"})),
}
"""What the variable of a source holds, as a JSON object, by what the source is: where it belongs, and what opens it."""
LISTS = frozenset({"headers", "hosts"})


def _opening(wanted: Values) -> dict[str, Any]:
    """Return what opens a source, as the environment has it; empty where it does not.

    The variable says itself where it may be sent: whoever may write a configuration file is not to lead it elsewhere.
    Raises: InvalidRequest, which names the variable and never what it holds.
    """
    reference = wanted.get("access")
    text = secret_of(reference)
    if not reference or not text:
        return {}
    name, kind = reference["secret"], SourceKind(wanted["kind"])
    if kind not in OPENS:
        raise InvalidRequest("nothing has to open such a source", field="access")
    place, known = OPENS[kind]
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if (
        not isinstance(found, dict)
        or not found.keys() <= known | {place}
        or not _holds_something(found, known)
    ):
        raise InvalidRequest(
            f"{name} has to hold a JSON object with {place} and {', '.join(sorted(known))}", field="access"
        )
    there = origin_of(wanted["url"]) if kind == SourceKind.ADDRESS else wanted["place"].get("endpoint")
    if found.pop(place, "") != there:
        raise InvalidRequest(
            f"{name} has to name {there} as its {place}: it goes nowhere else", field="access"
        )
    if kind == SourceKind.STORAGE and not all(found.get(key, "").strip() for key in known):
        raise InvalidRequest(f"{name} has to hold both {' and '.join(sorted(known))}", field="access")
    return found


def _holds_something(found: Mapping[str, Any], known: frozenset[str]) -> bool:
    """Return whether values are of the right type, and one of them is not blank."""
    for part, value in found.items():
        fits = isinstance(value, list) and all(isinstance(each, str) for each in value)
        if not (fits if part in LISTS else isinstance(value, str)):
            return False
    return any(str(value).strip() for part, value in found.items() if part in known and value)


def _open(row: Source, opens: Mapping[str, Any]) -> None:
    """Seal what opens a source; what waited for it goes on."""
    if row.kind == SourceKind.STORAGE:
        source_storages.set_keys(row.pk, **opens, reason=REASON)
    else:
        source_access.set_access(row.pk, **opens, reason=REASON)


class Channels(Kind):
    """Channels, each with its week, its blackouts, its words, and the groups and labels that it is in."""

    section, thing = "channels", schemas.ChannelThing
    sets = ("groups", "labels")
    _said = tuple(name for name in FIELDS if name not in ("slug", "filters"))

    def export(self) -> dict[str, Values]:
        """Return every channel by its slug."""
        rows = Channel.objects.order_by("slug").prefetch_related("groups", "labels", "slots", "blackouts")
        keys = dict(Source.objects.values_list("pk", "canonical_url"))
        return {row.slug: self._of(row, keys) for row in rows}

    def _of(self, row: Channel, keys: Mapping[int, str]) -> Values:
        filters = dict(row.filters or {})
        ids = filters.pop("source_ids", ())
        if ids:
            filters["sources"] = sorted(keys[pk] for pk in ids if pk in keys)
        return {
            **{name: getattr(row, name) for name in self._said},
            "filters": filters,
            "words": {name: value for name, value in (row.words or {}).items() if name not in COLUMNS},
            "profile": row.profile,
            "needs_approval": row.needs_approval_since is not None,
            "groups": sorted(group.slug for group in row.groups.all()),
            "labels": sorted(label.name for label in row.labels.all()),
            "slots": _slots(
                [SlotAt(slot.weekday, slot.local_time, slot.enabled) for slot in row.slots.all()]
            ),
            "blackouts": _sorted([_blackout(each) for each in row.blackouts.all()]),
        }

    def normal(self, given: Values) -> Values:
        """Return filters, slots and blackouts as they are written."""
        found = super().normal(given)
        if "filters" in found:
            names = {
                name: value
                for name, value in found["filters"].items()
                if name not in ("sources", "source_ids")
            }
            kept = FilterDocument.model_validate(names).model_dump(exclude_defaults=True)
            chosen = sorted(set(found["filters"].get("sources") or ()))
            found["filters"] = kept | ({"sources": chosen} if chosen else {})
        if "slots" in found:
            found["slots"] = _slots(_read_slots(found["slots"]))
        if "blackouts" in found:
            found["blackouts"] = _sorted([_blackout(_read_blackout(each)) for each in found["blackouts"]])
        return found

    def make(self, work: Work, key: str, wanted: Values, given: set[str]) -> None:
        """Register a channel, and give it what is its own."""
        values = {name: wanted[name] for name in self._said if name in given} | {
            "name": wanted["name"] or key
        }
        channel = channel_edit.add(ChannelValues(slug=key, **values, filters=_filters(wanted)), REASON)
        if channel.slug != key:
            raise InvalidRequest(f"its key has to be {channel.slug}")
        self.change(work, key, wanted, given & {"words", "slots", "blackouts", "profile", "needs_approval"})
        work.notes.append(f"{channel.name} is to be connected to YouTube: a consent is never in a file.")

    def change(self, work: Work, key: str, wanted: Values, changed: set[str]) -> None:
        """Give a channel the fields that changed; groups and labels follow when all channels are there."""
        row = Channel.objects.get(slug=key)
        values = {name: wanted[name] for name in self._said if name in changed}
        if "filters" in changed:
            values["filters"] = _filters(wanted)
        if values:
            channel_edit.change(row.pk, ChannelValues(**values), reason=REASON)
        if "words" in changed:
            self._say(row, wanted["words"])
        if "profile" in changed:
            profiles.set_for_channel(row.pk, wanted["profile"], reason=REASON)
        if "slots" in changed:
            calendars.set_slots(row.pk, _read_slots(wanted["slots"]), reason=REASON)
        if "blackouts" in changed:
            self._black_out(row, [_read_blackout(each) for each in wanted["blackouts"]])
        if "needs_approval" in changed:
            approvals.set_needed(Channel.objects.get(pk=row.pk), wanted["needs_approval"], REASON)

    @staticmethod
    def _black_out(row: Channel, wanted: list[Blackout]) -> None:
        """Let a channel have exactly these blackouts, with their reasons."""
        reasons = {_stretch(each): each.reason for each in wanted}
        blackouts.set_blackouts(row.pk, wanted, REASON)
        for each in row.blackouts.all():
            reason = reasons[_stretch(each)]
            if each.reason != reason:
                blackouts.change_blackout(each.pk, *_stretch(each), reason=reason)

    @staticmethod
    def _say(row: Channel, words: Mapping[str, Any]) -> None:
        if columns := sorted(set(words) & set(COLUMNS)):
            raise InvalidRequest(f"{columns[0]} is a field of the channel itself", field="words")
        gone = {name: None for name in (row.words or {}) if name not in words and name not in COLUMNS}
        try:
            words_edit.edit_all([WordsEdit("channel", row.pk, {**gone, **words})], reason=REASON)
        except EditsRefused as refused:
            raise words_edit.refusal(refused.faults) from refused

    def finish(self, work: Work, wanted: Mapping[str, Values]) -> None:
        """Put channels into their groups and labels on them, all of a group at once."""
        rows = {
            row.slug: row
            for row in Channel.objects.filter(slug__in=wanted).prefetch_related("groups", "labels")
        }
        placed = {key: values["groups"] for key, values in wanted.items() if "groups" in values}
        known = {group.slug: group for group in ChannelGroup.objects.prefetch_related("channels")}
        for key, slugs in placed.items():
            if absent := [slug for slug in slugs if slug not in known]:
                raise InvalidRequest(f"{key}: there is no group {absent[0][:60]}", field="groups")
        for slug, group in known.items():
            now = {channel.pk for channel in group.channels.all()}
            decided = {rows[key].pk for key in placed}
            then = (now - decided) | {rows[key].pk for key, slugs in placed.items() if slug in slugs}
            if then != now:
                groups.set_channels(group.pk, sorted(then), REASON)
        alike: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for key, values in wanted.items():
            there = sorted(label.name for label in rows[key].labels.all())
            if "labels" in values and values["labels"] != there:
                alike[tuple(values["labels"])].append(rows[key].pk)
        for names, ids in alike.items():
            groups.set_labels(ids, names, REASON)

    def remove(self, key: str) -> None:
        """Remove a channel that nothing rests on."""
        channel_edit.remove(Channel.objects.get(slug=key).pk, REASON)


def _filters(wanted: Values) -> dict[str, Any]:
    filters = {name: value for name, value in wanted["filters"].items() if name != "sources"}
    keys = wanted["filters"].get("sources")
    return cleaned_filters(filters | ({"source_ids": ids_of_sources(keys, "filters")} if keys else {}))


def _slots(slots: list[SlotAt]) -> list[str]:
    ordered = sorted(slots, key=lambda slot: (slot.weekday, slot.local_time))
    return [
        write_times([(slot.weekday, f"{slot.local_time:%H:%M}")]) + ("" if slot.enabled else OFF)
        for slot in ordered
    ]


def _read_slots(texts: list[str]) -> list[SlotAt]:
    found = []
    for text in texts:
        try:
            times = read_times(text.removesuffix(OFF))
        except InvalidRequest as error:
            raise InvalidRequest(error.message, field="slots") from error
        if len(times) != 1:
            raise InvalidRequest(f"{text[:40]!r} is not one slot, such as tue 18:00", field="slots")
        found.append(SlotAt(times[0][0], times[0][1], not text.endswith(OFF)))
    return found


def _blackout(row: Blackout) -> dict[str, str]:
    return {
        "first_date": row.first_date.isoformat(),
        "last_date": row.last_date.isoformat(),
        "from_time": clock(row.from_time),
        "until_time": clock(row.until_time),
        "reason": row.reason,
    }


def _stretch(row: Blackout) -> tuple[date, date, time | None, time | None]:
    return row.first_date, row.last_date, row.from_time, row.until_time


def _sorted(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(rows, key=lambda row: tuple(row.values()))


def _read_blackout(given: Mapping[str, str]) -> Blackout:
    dates = {}
    for name in ("first_date", "last_date"):
        try:
            dates[name] = date.fromisoformat(given[name])
        except ValueError as error:
            raise InvalidRequest(
                f"{given[name][:40]!r} is no date such as 2026-12-24", field="blackouts"
            ) from error
    return Blackout(
        **dates,
        from_time=read_clock(given.get("from_time", ""), "blackouts"),
        until_time=read_clock(given.get("until_time", ""), "blackouts"),
        reason=given.get("reason", ""),
    )
