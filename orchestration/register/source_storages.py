"""Register object storages that speak S3, and change the keys that open them."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlsplit

from auditlog.context import disable_auditlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from orchestration import media
from orchestration.core import audit, lookup
from orchestration.core.verbs import require_version
from orchestration.errors import InvalidRequest
from orchestration.media import storage as objects
from orchestration.media.access import origin_of
from orchestration.models import Source
from orchestration.queue import blockers
from orchestration.queue import jobs as queue
from orchestration.register.source_folders import usable_language
from orchestration.register.sources import NO_RIGHTS, check_rights
from orchestration.states import JobKind, SourceKind

MAX_KEY = 300
MAX_PREFIX = 500


def add(
    *,
    endpoint: str,
    bucket: str,
    region: str = "",
    prefix: str = "",
    access_key: str = "",
    secret_key: str = "",
    name: str = "",
    rights_basis: str = "",
    rights_note: str = "",
    language: str = "",
    checked: bool = False,
) -> Source:
    """Register what lies under a prefix of a bucket, and have it listed at once; the keys are sealed.

    `endpoint` is an http(s) address without a path, public or inside HEADEND_SOURCE_NETWORKS. Without keys the bucket is
    read as by anybody. `checked`: the endpoint is one of `usable_endpoint`. Raises: InvalidRequest, naming the field.
    """
    check_rights(rights_basis)
    where = objects.Storage(
        endpoint=endpoint if checked else usable_endpoint(endpoint),
        bucket=bucket.strip(),
        region=region.strip(),
        prefix=prefix.lstrip("/"),
        access_key=access_key.strip(),
        secret_key=secret_key.strip(),
    )
    _check(where)
    name = name.strip() or f"{where.bucket}/{where.prefix}".rstrip("/")[:120]
    if len(name) > 120:
        raise InvalidRequest("The name is longer than 120 characters.", field="name")
    source = Source(
        kind=SourceKind.STORAGE,
        name=name,
        canonical_url=f"headend:storage/{where.endpoint}/{where.bucket}/{where.prefix}",
        place={part: getattr(where, part) for part in ("endpoint", "bucket", "region", "prefix")},
        rights_basis=rights_basis,
        rights_note=rights_note.strip()[:500],
        language=usable_language(language),
    )
    _refuse_known(source)
    try:
        with transaction.atomic():
            with disable_auditlog():  # the action's own entry says it, with its reason
                source.save()
                _seal(source, where)
            audit.record(
                "source_added",
                source,
                after={**source.place, "name": source.name, "rights_basis": source.rights_basis},
                reason="" if source.rights_basis else NO_RIGHTS,
            )
            _enqueue(source)
    except IntegrityError:
        _refuse_known(source)
        raise
    return source


def set_keys(
    source_id: int,
    *,
    access_key: str = "",
    secret_key: str = "",
    reason: str = "",
    version: int | None = None,
) -> Source:
    """Seal other keys of a storage; what waited for them goes on. Raises: NotFound, StaleVersion, InvalidRequest."""
    with transaction.atomic():
        source = lookup.one(Source.objects.locked(), source_id, field="source_id")
        require_version(source, version)
        if source.kind != SourceKind.STORAGE:
            raise InvalidRequest(f"{source.name} is no object storage.", field="source_id")
        # Its place is never changed, so that whoever sets keys cannot lead the old ones elsewhere.
        place = {part: str(value) for part, value in source.place.items()}
        where = replace(
            objects.of_document(place), access_key=access_key.strip(), secret_key=secret_key.strip()
        )
        _check(where)
        _seal(source, where)
        audit.record("source_keys_set", source, after={"set_at": str(source.access_set_at)}, reason=reason)
        blockers.clear_of_source(source.pk, blockers.OF_ACCESS, "the storage was given other keys")
    return source


def usable_endpoint(endpoint: str) -> str:
    """Return an endpoint as it is kept; it asks the network, for which no transaction waits. Raises: InvalidRequest."""
    text = endpoint.strip()
    text = text if "://" in text else f"https://{text}"
    try:
        media.check_fetchable(text, allowed_networks=settings.HEADEND_SOURCE_NETWORKS)
        origin = origin_of(text)
    except media.MediaError as error:
        raise InvalidRequest(str(error), field="endpoint", reason=error.code) from error
    parts = urlsplit(text)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise InvalidRequest(
            "The endpoint is an address without a path; name the bucket by itself.", field="endpoint"
        )
    return origin


def _check(where: objects.Storage) -> None:
    if not objects.BUCKET.fullmatch(where.bucket):
        raise InvalidRequest("A bucket has 3 to 63 small letters, digits, dots and hyphens.", field="bucket")
    if not re.fullmatch(r"[a-z0-9-]{0,60}", where.region):
        raise InvalidRequest(
            "A region has small letters, digits and hyphens, such as eu-central-1.", field="region"
        )
    if len(where.prefix) > MAX_PREFIX or re.search(r"[\x00-\x1f\x7f]", where.prefix):
        raise InvalidRequest(
            f"The prefix is longer than {MAX_PREFIX} characters, or holds a control character.",
            field="prefix",
        )
    for field, value in (("access_key", where.access_key), ("secret_key", where.secret_key)):
        if len(value) > MAX_KEY or not re.fullmatch(r"[!-~]*", value):
            raise InvalidRequest(
                f"It is longer than {MAX_KEY} characters, or holds what no key has.", field=field
            )
    if bool(where.access_key) != bool(where.secret_key):
        missing = "secret_key" if where.access_key else "access_key"
        raise InvalidRequest("Give both keys, or neither for a public bucket.", field=missing)


def _seal(source: Source, where: objects.Storage) -> None:
    source.access_sealed = source.sealed(objects.to_document(where))
    source.access_set_at = timezone.now() if where.access_key else None
    Source.objects.filter(pk=source.pk).update(
        access_sealed=source.access_sealed, access_set_at=source.access_set_at
    )


def _enqueue(source: Source) -> None:
    queue.enqueue(
        JobKind.SCRAPE, dedupe_key=f"scrape:source:{source.pk}", source=source, priority=source.priority
    )


def _refuse_known(source: Source) -> None:
    known = Source.objects.filter(canonical_url=source.canonical_url).first()
    if known is not None:
        raise InvalidRequest(
            f"This bucket and prefix are registered already, as source {known.name}.",
            field="bucket",
            source_id=known.pk,
        )
