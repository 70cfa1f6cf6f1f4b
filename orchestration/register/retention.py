"""Set for how long the files of a source are kept."""

from __future__ import annotations

from django.db import transaction

from orchestration.core import audit, lookup
from orchestration.core.verbs import require_version
from orchestration.errors import InvalidRequest
from orchestration.models import Source
from orchestration.planning.retention import Rule


def set_retention(
    source_id: int,
    *,
    keep_originals: str,
    keep_prepared: str,
    reason: str = "",
    version: int | None = None,
) -> Source:
    """Set the rules of a source; empty: as the installation keeps its files. Raises: NotFound, InvalidRequest."""
    rules = {"keep_originals": keep_originals.strip(), "keep_prepared": keep_prepared.strip()}
    for field, text in rules.items():
        try:
            if text:
                Rule.read(text)
        except ValueError as error:
            raise InvalidRequest(str(error), field=field) from error
    with transaction.atomic():
        source = lookup.one(Source.objects.locked(), source_id, field="source_id")
        require_version(source, version)
        before = {name: getattr(source, name) for name in rules}
        Source.objects.filter(pk=source.pk).update(**rules)
        audit.record("source_retention_changed", source, before=before, after=rules, reason=reason)
        source.refresh_from_db()
    return source
