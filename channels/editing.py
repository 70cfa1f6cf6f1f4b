"""Put values into a channel, by the rules that hold whoever gives them: form, API, command line or an old revision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.text import slugify

from channels.documents import FilterDocument, validate_filters
from channels.models import RESERVED_SLUGS, Channel

YEAR_DAYS: Final = 366
LARGEST_NUMBER: Final = 2**31 - 1
"""What every kind of database holds."""
YEAR_MINUTES: Final = YEAR_DAYS * 24 * 60
SLUG_CHARACTERS: Final = 60
LARGEST: Final = {
    "min_gap_minutes": YEAR_MINUTES,
    "lead_time_minutes": YEAR_MINUTES,
    "misfire_grace_minutes": YEAR_MINUTES,
    "daily_cap": LARGEST_NUMBER,
}
LOOKED_AT_AGAIN: Final = frozenset(
    {"youtube_channel_id", "executor", "repository", "workflow", "ref", "secrets_in"}
)
"""When one of these changes, what was last observed of the channel says nothing any more."""


@dataclass(frozen=True, slots=True)
class ChannelValues:
    """What is to be said of a channel from now on; what is None stays as it is."""

    name: str | None = None
    slug: str | None = None
    youtube_channel_id: str | None = None
    timezone: str | None = None
    priority: int | None = None
    min_gap_minutes: int | None = None
    daily_cap: int | None = None
    lead_time_minutes: int | None = None
    misfire_policy: str | None = None
    misfire_grace_minutes: int | None = None
    filters: Mapping[str, Any] | None = None
    title_template: str | None = None
    description_template: str | None = None
    tags: list[str] | None = None
    category_id: str | None = None
    language: str | None = None
    made_for_kids: bool | None = None
    notify_subscribers: bool | None = None
    executor: str | None = None
    repository: str | None = None
    workflow: str | None = None
    ref: str | None = None
    secrets_in: str | None = None
    failover: bool | None = None

    def said(self) -> dict[str, Any]:
        """Return what is to change, by field."""
        return {name: value for name, value in asdict(self).items() if value is not None}


FIELDS: Final = tuple(field.name for field in fields(ChannelValues))


def put(channel: Channel, values: ChannelValues) -> dict[str, tuple[Any, Any]]:
    """Put values into a row that is not saved yet; returns what changes, by field, before and after.

    Raises: ValidationError, with all that is wrong by field.
    """
    before = {name: getattr(channel, name) for name in FIELDS}
    faults: dict[str, list[str]] = {}
    for name, value in values.said().items():
        try:
            setattr(channel, name, cleaned(name, value))
        except ValidationError as error:
            faults[name] = error.messages
    try:
        channel.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        for name, messages in error.message_dict.items():
            faults.setdefault(name, messages)
    for name, messages in taken(channel).items():
        faults.setdefault(name, messages)
    if faults:
        raise ValidationError(faults)
    if channel.repository.lower() != str(before["repository"]).lower():
        channel.repository_id = None  # the new one is pinned when it is first seen
    after = {name: getattr(channel, name) for name in FIELDS}
    return {name: (before[name], after[name]) for name in FIELDS if before[name] != after[name]}


def cleaned(name: str, value: Any) -> Any:
    """Return one field's value as it is kept. Raises: ValidationError."""
    if isinstance(value, str):
        if "\x00" in value:
            raise ValidationError("It contains a NUL character.")
        return value if name == "description_template" else value.strip()
    if name in LARGEST:
        most = LARGEST[name]
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            at_most = "a year in minutes" if most == YEAR_MINUTES else f"{most:,}"
            raise ValidationError(f"It is a whole number from 0 to {at_most}.")
    if name == "filters":
        return cleaned_filters(value)
    if name == "tags":
        return cleaned_tags(value)
    return value


def cleaned_filters(value: Any) -> dict[str, Any]:
    """Return filters as they are kept, without what filters nothing; null means none. Raises: ValidationError."""
    if value is None:
        return {}
    validate_filters(value)
    return FilterDocument.model_validate(value).model_dump(exclude_defaults=True)


def cleaned_tags(value: Any) -> list[str]:
    """Return tags as they are kept; null means none. Raises: ValidationError, if they are anything but words in a list."""
    tags = [] if value is None else value
    if not isinstance(tags, list) or not all(isinstance(tag, str) and tag.strip() for tag in tags):
        raise ValidationError('Write the tags as a list of words: ["film", "archive"]')
    return [tag.strip() for tag in tags]


def taken(channel: Channel) -> dict[str, list[str]]:
    """Return which of a channel's names another channel has, in a sentence by field."""
    others = Channel.objects.exclude(pk=channel.pk) if channel.pk else Channel.objects.all()
    faults = {}
    if channel.slug and (other := others.filter(slug=channel.slug).first()):
        faults["slug"] = [f"{channel.slug} is the address of {other.name} already; choose another."]
    opened = channel.youtube_channel_id
    if opened and (other := others.filter(youtube_channel_id=opened).first()):
        faults["youtube_channel_id"] = [f"{opened} is registered as {other.name} already."]
    return faults


def free_slug(name: str) -> str:
    """Return a short name for an address, made of a channel's name, that no other channel has."""
    stem = slugify(name)[: SLUG_CHARACTERS - 4].strip("-") or "channel"
    like = set(Channel.objects.filter(slug__startswith=stem).values_list("slug", flat=True)) | RESERVED_SLUGS
    numbered = (f"{stem}-{number}" for number in range(2, len(like) + 3))
    return stem if stem not in like else next(slug for slug in numbered if slug not in like)


def fingerprint(channel: Channel, names: Iterable[str]) -> str:
    """Return a short text that changes when one of a channel's fields does."""
    said = {name: getattr(channel, name) for name in sorted(names)}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:12]
