"""Make, change and remove channels: by one set of rules, with one entry that says what was changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditlog.context import disable_auditlog
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from channels.editing import (
    FIELDS,
    LOOKED_AT_AGAIN,
    ChannelValues,
    fingerprint,
    free_slug,
    put,
)
from channels.models import Channel
from orchestration.core import audit, lookup
from orchestration.core.verbs import require_version
from orchestration.core.wakeups import wake_tick
from orchestration.errors import InvalidRequest, OrchestrationError, StaleVersion
from orchestration.models import Job, NotificationRule, Source
from orchestration.queue import jobs as queue
from orchestration.scheduling import words_edit
from orchestration.scheduling.words_documents import COLUMN_OF, UNSAID
from orchestration.scheduling.words_edit import EditsRefused
from orchestration.states import JobState
from orchestration.words.answers import WordsEdit

FIELD_OF = {column: field for field, column in COLUMN_OF.items()}
"""The field of a publication's words that a channel's column says."""
SHOWN_NAMES = 3


class ChannelHasHistory(OrchestrationError):
    """Something rests on the channel, so it cannot be removed; it can be disabled."""

    code = "channel_has_history"
    status = 409


def add(values: ChannelValues, reason: str = "") -> Channel:
    """Register a channel; without a slug it gets a free one that is made of its name.

    Raises: InvalidRequest, naming every field at fault in `details["errors"]`.
    """
    said = values.said()
    if not str(said.get("slug") or "").strip():
        said["slug"] = free_slug(str(said.get("name") or ""))
    channel = Channel()
    try:
        with transaction.atomic():
            put(channel, ChannelValues(**said))
            _require_sources(channel.filters)
            with disable_auditlog():  # the action's own entry says it, with its reason
                channel.save()
            audit.record("channel_added", channel, after=_facts(channel, said), reason=reason)
            wake_tick()
    except ValidationError as error:
        raise refusal(error) from error
    except IntegrityError as error:  # two at once: the second did not see the first
        raise InvalidRequest(
            "Another channel took this slug or this YouTube channel meanwhile; look again.", field="slug"
        ) from error
    return channel


def change(
    channel_id: int,
    values: ChannelValues,
    *,
    version: int | None = None,
    seen: str = "",
    accept_problems: bool = False,
    reason: str = "",
) -> Channel:
    """Change what is said of a channel; what is planned already stays where it is.

    With `version` an older row than the channel is now refuses it; with `seen` (`channels.editing.fingerprint` of the
    fields that are said) only a change of those fields does. Templates and tags are tried on what waits for its upload
    (`accept_problems`). Another repository is pinned when it is first seen, and the channel is looked at again.

    Raises: NotFound, StaleVersion; InvalidRequest, naming every field at fault in `details["errors"]`; WordsRefused.
    """
    said = values.said()
    try:
        with transaction.atomic():
            channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
            require_version(channel, version)
            _require_seen(channel, said, seen)
            plain = ChannelValues(**{name: value for name, value in said.items() if name not in FIELD_OF})
            tried = Channel.objects.get(pk=channel.pk)
            put(tried, values)  # all faults at once, before anything is written
            if plain.filters is not None:
                _require_sources(tried.filters)
            words = _words_in(channel, tried, said)
            changed = put(channel, plain)
            if changed:
                _write(channel, changed, reason)
            if words:
                _say(channel, words, accept_problems, reason)
            if changed or words:
                Channel.objects.filter(pk=channel.pk).update(version=channel.version + 1)
                wake_tick()
            if LOOKED_AT_AGAIN & set(changed):
                queue.enqueue_check(channel, asked=True)
    except ValidationError as error:
        raise refusal(error) from error
    except EditsRefused as refused:
        raise words_edit.refusal(refused.faults) from refused
    return Channel.objects.select_related("credential").get(pk=channel_id)


def remove(channel_id: int, reason: str = "") -> None:
    """Remove a channel that nothing rests on. Raises: NotFound; ChannelHasHistory, naming what does."""
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        rests = resting_on(channel)
        if rests:
            raise ChannelHasHistory(
                f"{channel.name} cannot be removed: {'; '.join(rests)}. Disable it instead: it is left out of planning, "
                "and its history stays.",
                rests_on=rests,
            )
        seen = {"state": channel.state, "health": channel.health}
        audit.record(
            "channel_removed", channel, before=seen | _facts(channel, FIELDS), after={}, reason=reason
        )
        with disable_auditlog():
            channel.delete()


def resting_on(channel: Channel) -> list[str]:
    """Return in sentences what rests on a channel, so that it cannot be removed."""
    rests = []
    videos = channel.distributions.count()
    if videos:
        rests.append(f"{videos} {'video was' if videos == 1 else 'videos were'} given to it")
    running = Job.objects.filter(channel=channel, state=JobState.RUNNING).count()
    if running:
        rests.append("a job is running on it; wait for it, or cancel it")
    for kind, rules in (
        ("standing rule", channel.standing_rules.all()),
        ("notification rule", NotificationRule.objects.filter(channels=channel)),
    ):
        names = list(rules.order_by("name").values_list("name", flat=True)[: SHOWN_NAMES + 1])
        if names:  # a rule without any channel would mean all of them
            more = " and others" if len(names) > SHOWN_NAMES else ""
            rests.append(f"it is named by the {kind} {', '.join(names[:SHOWN_NAMES])}{more}")
    return rests


def refusal(error: ValidationError) -> InvalidRequest:
    """Return a refusal that names every field at fault, the first in its sentence."""
    by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    errors = [
        {"field": "" if name == "__all__" else name, "message": " ".join(messages)}
        for name, messages in by_field.items()
    ]
    first = errors[0]
    named = first["field"].replace("_", " ")
    return InvalidRequest(
        f"{named}: {first['message']}" if named else first["message"], field=first["field"], errors=errors
    )


def _require_seen(channel: Channel, said: Mapping[str, Any], seen: str) -> None:
    if seen and said and seen != fingerprint(channel, said):
        raise StaleVersion(
            f"{channel.name} was changed here since you looked at it; look again before you decide.",
            state=channel.state,
            version=channel.version,
        )


def _require_sources(filters: Mapping[str, Any]) -> None:
    """Raises: ValidationError, for sources that there are not."""
    wanted = set(filters.get("source_ids") or ())
    absent = wanted - set(Source.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    if absent:
        numbers = ", ".join(map(str, sorted(absent)))
        raise ValidationError({"filters": [f"source_ids: there is no source {numbers}."]})


def _words_in(before: Channel, after: Channel, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said of the words' columns and differs, by the words' own names; None says nothing there."""
    changed = {}
    for column, field in FIELD_OF.items():
        value = getattr(after, column)
        if column in said and value != getattr(before, column):
            changed[field] = None if value == UNSAID[field] else value
    return changed


def _say(channel: Channel, words: Mapping[str, Any], accept_problems: bool, reason: str) -> None:
    edit = WordsEdit("channel", channel.pk, words)
    words_edit.edit_all([edit], accept_problems=accept_problems, reason=reason)


def _write(channel: Channel, changed: Mapping[str, tuple[Any, Any]], reason: str) -> None:
    with disable_auditlog():
        channel.save(update_fields=[*changed, "repository_id", "updated_at"])
    audit.record(
        "channel_changed",
        channel,
        before={name: before for name, (before, _) in changed.items()},
        after={name: after for name, (_, after) in changed.items()},
        reason=reason,
    )


def _facts(channel: Channel, names: Any) -> dict[str, Any]:
    return {name: getattr(channel, name) for name in FIELDS if name in names}
