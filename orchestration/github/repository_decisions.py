"""Do what a person decided about a repository that was changed by hand: ours again, or theirs is right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, time
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from channels.documents import SECTIONS
from channels.models import Blackout, Channel, PostingSlot
from orchestration.core import audit, gateways, lookup
from orchestration.core.verbs import require
from orchestration.errors import IllegalTransition, InvalidRequest
from orchestration.github import configuration, repository_record
from orchestration.github.repository_files import DOCUMENT_PATH
from orchestration.models import RepositoryRecord
from orchestration.queue import blockers
from orchestration.queue import jobs as queue
from orchestration.results.repositories import RepositoryReport
from orchestration.states import JobKind

OVERWRITE, IMPORT = "overwrite", "import"
WAYS = (OVERWRITE, IMPORT)


def resolve(channel_id: int, way: str, reason: str = "") -> RepositoryReport:
    """Settle what was changed by hand in a channel's repository, all of it as the last look found it.

    `overwrite` lets the next sync write ours over it; `import` takes theirs: the document becomes the channel's
    configuration, other files, secrets and who may use the environment are kept as they are, a renamed branch is followed.

    Raises: NotFound, InvalidRequest, IllegalTransition; any RemoteError.
    """
    if way not in WAYS:
        raise InvalidRequest(f"{way!r} is not a way out: {' or '.join(WAYS)}.", field="way")
    channel = lookup.one(Channel, channel_id, field="channel_id")
    record = repository_record.of(channel)
    if not record.drift:
        raise IllegalTransition(f"Nothing of {channel.repository or channel.name} was found changed by hand.")
    changed = {(each["what"], each["name"]) for each in record.drift}
    document = None
    if way == IMPORT and ("file", DOCUMENT_PATH) in changed:
        document = _document_there(channel)  # before any transaction: it is a call to GitHub
    with transaction.atomic():
        channel = Channel.objects.locked().get(pk=channel.pk)
        require(channel, "sync")
        record = RepositoryRecord.objects.locked().get(pk=record.pk)
        if not changed == {(each["what"], each["name"]) for each in record.drift}:
            raise IllegalTransition("What was changed by hand is not what it was any more; look again.")
        drift = record.drift
        for each in drift:
            (_overwrite if way == OVERWRITE else _import)(channel, record, each)
        if document is not None:
            _apply(channel, document)
        record.drift, record.drift_found_at = [], None
        record.save()
        audit.record(
            "repository_overwritten" if way == OVERWRITE else "repository_imported",
            channel,
            before={"differences": len(drift)},
            after={"differences": 0, "drift": drift[:20]},
            reason=reason,
        )
        configuration.sync([channel.pk])
        queue.enqueue(
            JobKind.SYNC, dedupe_key=f"sync:{channel.pk}", channel=channel, priority=channel.priority
        )
        blockers.clear_of(channel, {"repository_drifted", "branch_missing"}, f"a person decided: {way}")
        return repository_record.report(channel_id)


def _overwrite(channel: Channel, record: RepositoryRecord, each: Mapping[str, str]) -> None:
    match each["what"]:
        case "file":
            # What was seen counts as ours; what somebody commits after this look is found as new.
            record.files[each["name"]] = {"written": each["there"]}
        case "secret" | "environment":
            record.secrets, record.branches = {}, None
        case "branch":
            raise IllegalTransition(
                f"{channel.repository} has no branch {each['name']} any more: import the new one, or make it again there."
            )


def _import(channel: Channel, record: RepositoryRecord, each: Mapping[str, str]) -> None:
    name, there = each["name"], each["there"]
    match each["what"]:
        case "file" if name == DOCUMENT_PATH:
            record.files[name] = {"written": there}
        case "file":
            record.files[name] = {**record.files.get(name, {}), "kept": there}
        case "secret" if there:
            record.secrets[name] = there.removeprefix("stored ")
        case "secret":
            raise IllegalTransition(
                f"Secret {name} was removed, and without it nothing can be staged: overwrite it, or let our own workers "
                "stage."
            )
        case "environment":
            record.branches = None if there in {"", "every branch"} else there.split(", ")
        case "branch":
            record.branch = there
            Channel.objects.filter(pk=channel.pk).update(ref=there)
            channel.ref = there


def _document_there(channel: Channel) -> dict[str, Any]:
    with gateways.github(channel) as github:
        found = github.read_file(channel.repository, DOCUMENT_PATH, channel.ref)
    try:
        document = json.loads(found.text if found else "")
        if document.get("format") != configuration.FORMAT:
            raise ValueError(f"its format is {document.get('format')!r}, not {configuration.FORMAT}")
    except (ValueError, AttributeError) as error:
        raise InvalidRequest(
            f"{DOCUMENT_PATH} of {channel.repository} cannot be imported: {error}. Overwrite it, or mend it there.",
            field="way",
        ) from error
    return document


def _apply(channel: Channel, document: Mapping[str, Any]) -> None:
    """Take a document's values into the channel, all or none. Raises: InvalidRequest, naming the first that is wrong."""
    try:
        for section, fields in SECTIONS.items():
            for field in fields:
                if field in document.get(section, {}):
                    setattr(channel, field, document[section][field])
        channel.filters = document.get("filters", channel.filters)
        channel.full_clean()
        channel.save()
        publishing = document.get("publishing", {})
        if "slots" in publishing:
            _set_slots(channel, publishing["slots"])
        if "blackouts" in publishing:
            _set_blackouts(channel, publishing["blackouts"])
    except ValidationError as error:
        field, said = (
            next(iter(error.message_dict.items())) if hasattr(error, "error_dict") else ("", error.messages)
        )
        raise InvalidRequest(
            f"{DOCUMENT_PATH} cannot be imported, {field or 'a value'}: {said[0]}", field="way"
        ) from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidRequest(f"{DOCUMENT_PATH} cannot be imported: {error}", field="way") from error


def _set_slots(channel: Channel, rows: list[Mapping[str, str]]) -> None:
    """Let a channel post at exactly these times; slots that are switched off stay as they are."""
    days = {label.lower(): number for number, label in PostingSlot.Weekday.choices}
    wanted = {(days[row["weekday"]], time.fromisoformat(row["local_time"])) for row in rows}
    for slot in channel.slots.filter(enabled=True):
        if (slot.weekday, slot.local_time) not in wanted:
            slot.delete()
    for weekday, at in wanted:
        channel.slots.update_or_create(weekday=weekday, local_time=at, defaults={"enabled": True})


def _set_blackouts(channel: Channel, rows: list[Mapping[str, Any]]) -> None:
    channel.blackouts.all().delete()
    for row in rows:
        blackout = Blackout(
            channel=channel,
            first_date=date.fromisoformat(row["first_date"]),
            last_date=date.fromisoformat(row["last_date"]),
            from_time=time.fromisoformat(row["from_time"]) if row.get("from_time") else None,
            until_time=time.fromisoformat(row["until_time"]) if row.get("until_time") else None,
            reason=row.get("reason", ""),
        )
        blackout.full_clean()
        blackout.save()
