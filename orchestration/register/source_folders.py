"""Register folders that are watched for films."""

from __future__ import annotations

from pathlib import Path

from auditlog.context import disable_auditlog
from django.conf import settings
from django.db import IntegrityError, transaction

from orchestration.core import audit
from orchestration.errors import InvalidRequest
from orchestration.media.subtitles import language_tag
from orchestration.models import Source
from orchestration.pipeline.inbox import refusal
from orchestration.queue import jobs as queue
from orchestration.register.sources import NO_RIGHTS, check_rights
from orchestration.states import JobKind, SourceKind

EVERY_MINUTES = 1
MAX_PATH = 900


def add(
    *,
    path: str = "",
    name: str = "",
    rights_basis: str = "",
    rights_note: str = "",
    language: str = "",
    keep_files: bool = True,
) -> Source:
    """Register a folder to be watched, and have it looked into at once; `inbox` in the data folder where none is named.

    It is made, if it is the inbox. Any other has to be there, and to lie below one of HEADEND_INBOX_FOLDERS.
    `keep_files` lets a film also lie in `taken` afterwards. Raises: InvalidRequest, naming the field.
    """
    check_rights(rights_basis)
    where = usable(path)
    name = name.strip() or (where.name if where != settings.HEADEND_INBOX else "Inbox")
    if len(name) > 120:
        raise InvalidRequest("The name is longer than 120 characters.", field="name")
    source = Source(
        kind=SourceKind.FOLDER,
        name=name,
        canonical_url=f"headend:folder{where}",
        place={"path": str(where), "keep": keep_files},
        rights_basis=rights_basis,
        rights_note=rights_note.strip()[:500],
        language=usable_language(language),
        scrape_interval_minutes=EVERY_MINUTES,
    )
    try:
        with transaction.atomic():
            with disable_auditlog():  # the action's own entry says it, with its reason
                source.save()
            audit.record(
                "source_added",
                source,
                after={"folder": str(where), "name": source.name, "rights_basis": source.rights_basis},
                reason="" if source.rights_basis else NO_RIGHTS,
            )
            queue.enqueue(
                JobKind.SCRAPE,
                dedupe_key=f"scrape:source:{source.pk}",
                source=source,
                priority=source.priority,
            )
    except IntegrityError:
        _refuse_shared(where)
        raise
    return source


def usable_language(language: str) -> str:
    """Return a language as BCP 47 writes it; empty stays empty. Raises: InvalidRequest."""
    try:
        return language_tag(language) if language.strip() else ""
    except ValueError as error:
        raise InvalidRequest(f"{language[:40]!r} {error}.", field="language") from error


def usable(path: str) -> Path:
    """Return the folder that a person named, which may be watched and is there. Raises: InvalidRequest."""
    text = path.strip()
    if "\x00" in text or len(text) > MAX_PATH:
        raise InvalidRequest(f"The path holds a NUL, or is longer than {MAX_PATH} characters.", field="path")
    where = Path(text) if text else settings.HEADEND_INBOX
    if ".." in where.parts:
        raise InvalidRequest("The path holds “..”; name the folder itself.", field="path")
    why = refusal(where)
    if why:
        raise InvalidRequest(why, field="path")
    if where == settings.HEADEND_INBOX:
        where.mkdir(mode=0o700, exist_ok=True)
    elif not where.is_dir():
        raise InvalidRequest(f"{where} is no folder that Headend can see.", field="path")
    _refuse_shared(where)
    return where


def _refuse_shared(where: Path) -> None:
    """Refuse a folder that another source watches, or of which it watches a part."""
    for row in Source.objects.filter(kind=SourceKind.FOLDER).only("name", "place"):
        other = Path(row.place["path"])
        if where.is_relative_to(other) or other.is_relative_to(where):
            raise InvalidRequest(f"{other} is watched already, by source {row.name}.", field="path")
