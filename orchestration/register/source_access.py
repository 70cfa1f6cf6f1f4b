"""Give a source the login, cookies or headers that open it, or take them away; they are sealed and never shown again."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from orchestration import media
from orchestration.core import audit, lookup
from orchestration.core.verbs import require_version
from orchestration.errors import InvalidRequest
from orchestration.models import Source
from orchestration.queue import blockers
from orchestration.states import SourceKind


def set_access(
    source_id: int,
    *,
    username: str = "",
    password: str = "",
    cookies: str = "",
    headers: Sequence[str] = (),
    hosts: Sequence[str] = (),
    reason: str = "",
    version: int | None = None,
) -> Source:
    """Seal what opens a source, in place of what was; what waited for it goes on.

    It is given whole each time: whoever may change where secrets go must know them. It stays bound to the origin that the
    source has now; where that is changed, it goes to the new one only when it is given again.

    Raises: NotFound; StaleVersion; InvalidRequest, naming the field.
    """
    with transaction.atomic():
        source = lookup.one(Source.objects.locked(), source_id, field="source_id")
        require_version(source, version)
        if source.kind != SourceKind.ADDRESS:
            raise InvalidRequest(
                f"{source.name} is not read from an address, so nothing has to open it.", field="source_id"
            )
        try:
            access = media.Access.make(
                source.url,
                username=username,
                password=password,
                cookies=cookies,
                headers=headers,
                hosts=hosts,
            )
        except media.AccessUnusable as error:
            raise InvalidRequest(error.message, field=error.field) from error
        except media.MediaError as error:
            raise InvalidRequest(str(error), field="url", reason=error.code) from error
        _keep(source, access, "source_access_set", reason)
        blockers.clear_of_source(source.pk, blockers.OF_ACCESS, "the source was given another access")
    return source


def remove_access(source_id: int, *, reason: str = "", version: int | None = None) -> Source:
    """Forget what opens a source; it is read as by anybody. Raises: NotFound, StaleVersion."""
    with transaction.atomic():
        source = lookup.one(Source.objects.locked(), source_id, field="source_id")
        require_version(source, version)
        if source.kind != SourceKind.ADDRESS:
            raise InvalidRequest(
                f"{source.name} is not read from an address; its key is changed, not removed.",
                field="source_id",
            )
        if source.access_sealed:
            _keep(source, None, "source_access_removed", reason)
            blockers.clear_of_source(
                source.pk, {"secret_unreadable"}, "the source's access was removed with its secrets"
            )
    return source


def _keep(source: Source, access: media.Access | None, verb: str, reason: str) -> None:
    before = source.access_shown
    source.access_sealed = source.sealed(access.document()) if access else ""
    source.access_shown = access.summary() if access else {}
    source.access_set_at = timezone.now() if access else None
    Source.objects.filter(pk=source.pk).update(
        access_sealed=source.access_sealed,
        access_shown=source.access_shown,
        access_set_at=source.access_set_at,
    )
    audit.record(
        verb,
        source,
        before={"access": before},
        after={"access": source.access_shown, "set_at": str(source.access_set_at or "")},
        reason=reason,
    )
