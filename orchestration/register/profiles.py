"""Make, change and remove profiles, and say by which one a channel's or a source's videos are prepared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditlog.context import disable_auditlog
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction
from django.db.models import Count

from channels.models import Channel
from orchestration.core import audit, lookup, preconditions
from orchestration.core.verbs import require_version
from orchestration.core.wakeups import wake_tick
from orchestration.errors import InvalidRequest, NotFound
from orchestration.media.profiles import BUILT_IN
from orchestration.models import Profile, Rendition, Source
from orchestration.pipeline.profile_choice import profiles
from orchestration.results.library import ProfileShown

FIELDS = ("name", "max_height", "max_fps", "colour", "crf", "preset", "audio_kbits", "loudness", "is_default")


def shown() -> list[ProfileShown]:
    """List the profiles, built-in ones first, each with how many channels, sources and files it has."""
    known = profiles()
    on_channels = _counted(Channel)
    on_sources = _counted(Source)
    files = dict(
        Rendition.objects.present()
        .order_by()
        .values_list("fingerprint")
        .annotate(many=Count("*"))
        .values_list("fingerprint", "many")
    )
    own = [key for key in known.by_key if key not in BUILT_IN]
    return [
        ProfileShown(
            key=key,
            name=wanted.name,
            built_in=key in BUILT_IN,
            is_default=key == known.default_key,
            max_height=wanted.max_height,
            max_fps=wanted.max_fps,
            colour=wanted.colour,
            crf=wanted.crf,
            preset=wanted.preset,
            audio_kbits=wanted.audio_kbits,
            loudness=wanted.loudness,
            channels=on_channels.get(key, 0),
            sources=on_sources.get(key, 0),
            files=files.get(wanted.fingerprint, 0),
        )
        for key in (*BUILT_IN, *own)
        for wanted in (known.by_key[key],)
    ]


def one(key: str) -> ProfileShown:
    """Return one profile. Raises: NotFound."""
    found = next((row for row in shown() if row.key == key), None)
    if found is None:
        raise NotFound(f"There is no profile {key!r}.", field="key")
    return found


def save(key: str, values: Mapping[str, Any], reason: str = "") -> ProfileShown:
    """Make a profile, or give it all its values anew; what is prepared and staged stays as it is.

    With `is_default`, whatever names no profile is prepared by this one. Raises: InvalidRequest, naming the field.
    """
    key = key.strip()
    if key in BUILT_IN:
        raise InvalidRequest(
            f"{key} is built in and stays as it is; make your own under another key.", field="key"
        )
    try:
        validate_slug(key)
    except ValidationError as error:
        raise InvalidRequest(
            "A key is made of letters, digits, hyphens and underscores.", field="key"
        ) from error
    with transaction.atomic():
        row = Profile.objects.locked().filter(key=key).first()
        preconditions.hold(Profile, key)
        before = _document(row) if row is not None else None
        row = row or Profile(key=key)
        for name in FIELDS:
            if name in values:
                setattr(row, name, values[name])
        try:
            row.full_clean(validate_constraints=False, validate_unique=False)
        except ValidationError as error:
            name, messages = next(iter(error.message_dict.items()))
            raise InvalidRequest(f"{name}: {' '.join(messages)}", field=name) from error
        with disable_auditlog():
            if row.is_default:
                Profile.objects.exclude(key=key).filter(is_default=True).update(is_default=False)
            row.save()
        verb = "profile_changed" if before is not None else "profile_made"
        audit.record(verb, row, before=before or {}, after=_document(row), reason=reason)
        wake_tick()
        return one(key)


def remove(key: str, reason: str = "") -> None:
    """Remove a profile that nobody names; what was made by it stays. Raises: NotFound, InvalidRequest."""
    if key in BUILT_IN:
        raise InvalidRequest(f"{key} is built in and stays.", field="key")
    with transaction.atomic():
        row = Profile.objects.locked().filter(key=key).first()
        preconditions.hold(Profile, key)
        if row is None:
            raise NotFound(f"There is no profile {key!r}.", field="key")
        names = [
            *Channel.objects.filter(profile=key).values_list("name", flat=True)[:3],
            *Source.objects.filter(profile=key).values_list("name", flat=True)[:3],
        ]
        if names:
            raise InvalidRequest(
                f"{row.name} is in use by {', '.join(names)}; give them another profile first.", field="key"
            )
        audit.record("profile_removed", row, before=_document(row), after={}, reason=reason)
        with disable_auditlog():
            row.delete()


def set_for_channel(
    channel_id: int, profile: str, *, reason: str = "", version: int | None = None
) -> Channel:
    """Say by which profile videos are prepared for a channel; empty means as their source says.

    Raises: NotFound, InvalidRequest, StaleVersion.
    """
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        require_version(channel, version)
        _set(channel, profile, reason)
    return channel


def set_for_source(source_id: int, profile: str, *, reason: str = "", version: int | None = None) -> Source:
    """Say by which profile a source's videos are prepared where their channel has none; empty means the default one.

    Raises: NotFound, InvalidRequest, StaleVersion.
    """
    with transaction.atomic():
        source = lookup.one(Source.objects.locked(), source_id, field="source_id")
        require_version(source, version)
        _set(source, profile, reason)
    return source


def _set(row: Channel | Source, profile: str, reason: str) -> None:
    if profile and profile not in profiles().by_key:
        raise InvalidRequest(
            f"There is no profile {profile!r}; there are {', '.join(profiles().by_key)}.", field="profile"
        )
    if row.profile == profile:
        return
    before, row.profile = row.profile, profile
    type(row).objects.filter(pk=row.pk).update(profile=profile)
    kind = "channel" if isinstance(row, Channel) else "source"
    audit.record(
        f"{kind}_profile_set", row, before={"profile": before}, after={"profile": profile}, reason=reason
    )
    wake_tick()


def _counted(model: type[Channel] | type[Source]) -> dict[str, int]:
    rows = model.objects.exclude(profile="").order_by().values("profile").annotate(many=Count("*"))
    return {row["profile"]: row["many"] for row in rows}


def _document(row: Profile) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("key", *FIELDS)}
