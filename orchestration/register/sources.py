"""Register what is read for videos, and have it read when its time has come."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from auditlog.context import disable_auditlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from orchestration import media
from orchestration.core import audit, lookup, system_lock
from orchestration.core.transitions import transition, transition_each
from orchestration.core.verbs import require, require_version, sort_out
from orchestration.errors import InvalidRequest
from orchestration.models import Job, Schedule, Source
from orchestration.queue import jobs as queue
from orchestration.results.library import RightsChange
from orchestration.scheduling.disarming import is_beyond_stopping
from orchestration.scheduling.rows import hold_rows, lock_channels
from orchestration.states import JobKind, RightsBasis, ScheduleState, SourceKind, SourceState
from orchestration.text import plain_line

UPLOADS = "headend:uploads/"
"""How the key of a source of uploads begins."""
NO_RIGHTS = "Without a rights basis nothing of it is published."


def add(
    *, url: str, name: str = "", rights_basis: str = "", rights_note: str = "", checked: bool = False
) -> Source:
    """Register a source and have it read at once; without a rights basis its videos are kept but not published.

    The address is checked before anything is written: http or https, no credentials in it, not YouTube, and leading
    to public addresses (or into HEADEND_SOURCE_NETWORKS). `checked` says that this was done (`check_address`).

    Raises: InvalidRequest, naming the field: `url` (unusable, or registered before), `rights_basis` or `name`.
    """
    url, name = url.strip(), name.strip()
    check_rights(rights_basis)
    if len(url) > 1000:
        raise InvalidRequest("The address is longer than 1000 characters.", field="url")
    try:
        if not checked:
            check_address(url)
        canonical = media.canonical_url(url)
    except media.MediaError as error:
        raise InvalidRequest(str(error), field="url", reason=error.code) from error
    name = name or _name_of(canonical)
    if len(name) > 120:
        raise InvalidRequest("The name is longer than 120 characters.", field="name")

    _refuse_known(canonical)
    source = Source(
        name=name,
        url=url,
        canonical_url=canonical,
        rights_basis=rights_basis,
        rights_note=rights_note.strip()[:500],
    )
    try:
        with transaction.atomic():
            with disable_auditlog():  # the action's own entry says it, with its reason
                source.save()
            audit.record(
                "source_added",
                source,
                after={"url": source.url, "name": source.name, "rights_basis": source.rights_basis},
                reason="" if source.rights_basis else NO_RIGHTS,
            )
            _enqueue(source)
    except IntegrityError:
        _refuse_known(canonical)
        raise
    return source


def check_address(url: str) -> None:
    """Look whether an address can be read; it asks the network, for which no transaction waits. Raises: MediaError."""
    media.check_fetchable(url, allowed_networks=settings.HEADEND_SOURCE_NETWORKS)


def add_uploads(
    *, name: str, rights_basis: str = "", rights_note: str = "", canonical_url: str = ""
) -> Source:
    """Register a source of what people upload, under one rights basis; it is never read by itself.

    Raises: InvalidRequest, naming `name` or `rights_basis`.
    """
    name = plain_line(name)
    check_rights(rights_basis)
    if not name or len(name) > 120:
        raise InvalidRequest("The name has 1 to 120 characters.", field="name")
    if Source.objects.filter(kind=SourceKind.UPLOADS, name=name).exists():
        raise InvalidRequest(f"There is a source of uploads named {name} already; choose it.", field="name")
    source = Source(
        name=name,
        kind=SourceKind.UPLOADS,
        canonical_url=canonical_url or f"{UPLOADS}{uuid.uuid4()}",
        rights_basis=rights_basis,
        rights_note=plain_line(rights_note)[:500],
    )
    with transaction.atomic(), disable_auditlog():
        source.save()
        audit.record(
            "source_added",
            source,
            after={"kind": source.kind, "name": source.name, "rights_basis": source.rights_basis},
            reason="" if source.rights_basis else NO_RIGHTS,
        )
    return source


def check_rights(rights_basis: str) -> None:
    """Refuse a word that is no rights basis. Raises: InvalidRequest."""
    if rights_basis not in RightsBasis.values:
        known = ", ".join(value for value in RightsBasis.values if value)
        raise InvalidRequest(
            f"{rights_basis!r} is not a rights basis; choose one of {known}, or none.", field="rights_basis"
        )


def set_rights(
    source_id: int,
    *,
    rights_basis: str,
    rights_note: str | None = None,
    reason: str = "",
    version: int | None = None,
) -> RightsChange:
    """Set on which basis a source's videos may be published; without one, what is armed of it is held and disarmed.

    What is not armed yet is refused when it would be. `rights_note` None keeps the note. Raises: NotFound, InvalidRequest.
    """
    check_rights(rights_basis)
    with transaction.atomic():
        if not rights_basis:
            system_lock.hold_alone()  # what becomes staged in this moment must not be armed by the old rights
        source = lookup.one(Source.objects.locked(), source_id, field="source_id")
        require_version(source, version)
        note = source.rights_note if rights_note is None else rights_note.strip()[:500]
        before = {"rights_basis": source.rights_basis, "rights_note": source.rights_note}
        source.rights_basis, source.rights_note = rights_basis, note
        Source.objects.filter(pk=source.pk).update(rights_basis=rights_basis, rights_note=note)
        held, too_late = ([], 0) if rights_basis else _take_back(source)
        audit.record(
            "source_rights_changed",
            source,
            before=before,
            after={
                "rights_basis": str(rights_basis),
                "rights_note": note,
                "held": len(held),
                "too_late": too_late,
            },
            reason=reason or ("" if rights_basis else NO_RIGHTS),
            members={"schedule": [row.pk for row in held]} if held else None,
        )
    return RightsChange(source=source, held=len(held), too_late=too_late)


def _take_back(source: Source) -> tuple[list[Schedule], int]:
    """Hold what YouTube would publish of a source; returns it, and how many it comes too late for.

    All that is staged is locked and not only what is armed: an arming that is being intended right now has read the old
    rights, and holds the schedule until that is committed.
    """
    why = f"source {source.name} has no rights basis any more"
    staged = Schedule.objects.filter(
        distribution__video__source=source, state__in=[ScheduleState.STAGED, ScheduleState.PUBLISHING]
    )
    lock_channels(list(staged.order_by().values_list("channel_id", flat=True)))
    rows = staged.locked().prefetch_related("channel", "distribution__video")
    held, too_late = [], 0
    for row in rows.order_by("pk"):
        if row.state == ScheduleState.PUBLISHING or is_beyond_stopping(row):
            too_late += 1
        elif row.armed_for is not None:
            held.append(row)
    hold_rows(held, why, why)
    return held, too_late


def scrape_now(source_id: int) -> Job:
    """Read a source now; if it is already waiting to be read, that job is returned.

    Raises: NotFound; IllegalTransition, if the source is paused.
    """
    with transaction.atomic():
        source = lookup.one(Source, source_id, field="source_id")
        require(source, "scrape")
        job = _enqueue(source)
        audit.record("source_scrape_asked", source, after={"job": job.pk})
        return job


def pause(source_id: int, reason: str = "", *, version: int | None = None) -> Source:
    """Stop reading a source; what is being read finishes. Raises: NotFound, IllegalTransition."""
    with transaction.atomic():
        source = lookup.one(Source.objects.locked(), source_id, field="source_id")
        require(source, "pause", version=version)
        return transition(source, SourceState.PAUSED, verb="source_paused", reason=reason)


def resume(source_id: int, reason: str = "", *, version: int | None = None) -> Source:
    """Read a source again, beginning now. Raises: NotFound, IllegalTransition."""
    with transaction.atomic():
        source = lookup.one(Source.objects.locked(), source_id, field="source_id")
        require(source, "resume", version=version)
        transition(source, SourceState.ACTIVE, verb="source_resumed", reason=reason)
        _enqueue(source)
        return source


def scrape_all(source_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Read many sources now, as `scrape_now` does one, without a word of why; returns by id why some are not read."""
    with transaction.atomic():
        taken, refused = sort_out(Source.objects.filter(pk__in=source_ids).order_by("pk"), "scrape")
        jobs = _enqueue_all(taken)
        audit.record_all(
            [
                audit.entry("source_scrape_asked", source, after={"job": jobs[source.pk].pk})
                for source in taken
            ]
        )
    return refused


def pause_all(source_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Stop reading many sources, as `pause` does one; returns by id why some stay as they are."""
    with transaction.atomic():
        taken, refused = sort_out(_locked_all(source_ids), "pause")
        transition_each(taken, SourceState.PAUSED, verb="source_paused", reason=reason)
    return refused


def resume_all(source_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Read many sources again, as `resume` does one; returns by id why some stay as they are."""
    with transaction.atomic():
        taken, refused = sort_out(_locked_all(source_ids), "resume")
        transition_each(taken, SourceState.ACTIVE, verb="source_resumed", reason=reason)
        _enqueue_all(taken)
    return refused


def _locked_all(source_ids: Sequence[int]) -> QuerySet[Source]:
    return Source.objects.locked().filter(pk__in=source_ids).order_by("pk")


def due_sources(now: datetime, *, most: int = 200) -> list[Job]:
    """Put a job into the queue for each active source whose time has come, those that wait longest first.

    The next time is set here, guarded by the old one, so that two clocks give one job and a source that fails is not
    read again before its interval is over; the scraper sets it again when it has finished.
    """
    waiting = Job.objects.open().filter(kind=JobKind.SCRAPE, source__isnull=False, video__isnull=True)
    due = (
        Source.objects.filter(
            Q(next_scrape_at__lte=now) | Q(next_scrape_at__isnull=True), state=SourceState.ACTIVE
        )
        .exclude(kind=SourceKind.UPLOADS)
        .exclude(pk__in=waiting.values("source_id"))
        .order_by("next_scrape_at", "id")
    )
    jobs = []
    for source in due[:most]:
        with transaction.atomic():
            later = now + timedelta(minutes=source.scrape_interval_minutes)
            mine = Source.objects.filter(
                pk=source.pk, state=SourceState.ACTIVE, next_scrape_at=source.next_scrape_at
            ).update(next_scrape_at=later)
            if mine:
                jobs.append(_enqueue(source))
    return jobs


def read_soon(source: Source) -> Job:
    """Have a source read as soon as a worker is free; one that waits to be read already is taken."""
    return _enqueue(source)


def _enqueue(source: Source) -> Job:
    return queue.enqueue(
        JobKind.SCRAPE, dedupe_key=f"scrape:source:{source.pk}", source=source, priority=source.priority
    )


def _enqueue_all(sources: Sequence[Source]) -> dict[int, Job]:
    """Put a job into the queue for each source, or take the one that is there; returns them by the source's id."""
    jobs = queue.enqueue_each(
        [
            queue.job_of(
                JobKind.SCRAPE,
                dedupe_key=f"scrape:source:{source.pk}",
                source=source,
                priority=source.priority,
            )
            for source in sources
        ]
    )
    return {source.pk: job for source, job in zip(sources, jobs, strict=True)}


def _refuse_known(canonical: str) -> None:
    known = Source.objects.filter(canonical_url=canonical).first()
    if known is not None:
        raise InvalidRequest(
            f"This address is registered already, as source {known.name}.", field="url", source_id=known.pk
        )


def _name_of(url: str) -> str:
    parts = urlsplit(url)
    last = parts.path.rstrip("/").rpartition("/")[2]
    return f"{parts.hostname} {last}".strip()[:120]
