"""Change what a source is called, where it lies and how it is read; take away one that nothing came from."""

from __future__ import annotations

from typing import Any

from auditlog.context import disable_auditlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from orchestration import media
from orchestration.core import audit, lookup
from orchestration.core.verbs import require_version
from orchestration.errors import IllegalTransition, InvalidRequest
from orchestration.models import Source
from orchestration.register import sources
from orchestration.states import SourceKind, SourceState
from orchestration.text import plain_line

MOST_MINUTES = 366 * 24 * 60
FIELDS = ("name", "url", "priority", "language", "scrape_interval_minutes", "item_limit")


def change(
    source_id: int,
    *,
    name: str | None = None,
    url: str | None = None,
    priority: int | None = None,
    language: str | None = None,
    scrape_interval_minutes: int | None = None,
    item_limit: int | None = None,
    reason: str = "",
    version: int | None = None,
) -> Source:
    """Give a source other values; None keeps what there is. One with another address is read at once, from its beginning.

    What opens a source stays bound to the host that it was given for, whatever the address becomes.

    Raises: NotFound, StaleVersion, InvalidRequest, naming the field.
    """
    if url is not None:
        url = url.strip()
        _check_address(source_id, url)  # asks the network, which no transaction waits for
    given = {
        "name": None if name is None else plain_line(name),
        "url": url,
        "priority": priority,
        "language": None if language is None else plain_line(language),
        "scrape_interval_minutes": scrape_interval_minutes,
        "item_limit": item_limit,
    }
    wanted = {field: value for field, value in given.items() if value is not None}
    try:
        with transaction.atomic(), disable_auditlog():
            source = lookup.one(Source.objects.locked(), source_id, field="source_id")
            require_version(source, version)
            before = {field: getattr(source, field) for field in FIELDS}
            for field, value in wanted.items():
                setattr(source, field, value)
            moved = source.url != before["url"]
            if moved and source.kind != SourceKind.ADDRESS:
                raise InvalidRequest(f"{source.name} is not read from an address.", field="url")
            _check(source)
            after = {field: getattr(source, field) for field in FIELDS}
            if after == before:
                return source
            fields = [field for field in FIELDS if after[field] != before[field]]
            if moved:
                source.reading, source.unchanged_readings, source.last_error = {}, 0, ""
                fields += ["canonical_url", "reading", "unchanged_readings", "last_error"]
            source.save(update_fields=[*fields, "updated_at"])
            audit.record("source_changed", source, before=before, after=after, reason=reason)
            if moved and source.state == SourceState.ACTIVE:
                sources.read_soon(source)
            return source
    except IntegrityError as error:
        raise InvalidRequest("Another source has this address.", field="url") from error


def remove(source_id: int, reason: str = "") -> None:
    """Take a source away from which nothing came. Raises: NotFound; IllegalTransition, if it has a history."""
    with transaction.atomic(), disable_auditlog():
        source = lookup.one(Source.objects.locked(), source_id, field="source_id")
        found = source.videos.count()
        if found:
            raise IllegalTransition(
                f"{found} video{'' if found == 1 else 's'} came from {source.name}, so it stays; pause it instead.",
                state=source.state,
            )
        audit.record("source_removed", source, before=_document(source), after={}, reason=reason)
        try:
            source.delete()
        except ProtectedError as error:
            raise IllegalTransition(
                f"{source.name} is in use, so it stays; pause it instead.", state=source.state
            ) from error


def _check_address(source_id: int, url: str) -> None:
    if len(url) > 1000:
        raise InvalidRequest("The address is longer than 1000 characters.", field="url")
    present = Source.objects.filter(pk=source_id).values_list("url", flat=True).first()
    if present in (None, url):
        return
    try:
        media.check_fetchable(url, allowed_networks=settings.HEADEND_SOURCE_NETWORKS)
        canonical = media.canonical_url(url)
    except media.MediaError as error:
        raise InvalidRequest(str(error), field="url", reason=error.code) from error
    other = Source.objects.filter(canonical_url=canonical).exclude(pk=source_id).first()
    if other is not None:
        raise InvalidRequest(f"This address is registered already, as source {other.name}.", field="url")


def _check(source: Source) -> None:
    if source.scrape_interval_minutes > MOST_MINUTES:
        raise InvalidRequest("A source is read once a year at least.", field="scrape_interval_minutes")
    try:
        source.clean_fields(exclude=[field.name for field in Source._meta.fields if field.name not in FIELDS])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidRequest(" ".join(messages), field=field) from error


def _document(source: Source) -> dict[str, Any]:
    return {field: getattr(source, field) for field in FIELDS} | {"rights_basis": source.rights_basis}
