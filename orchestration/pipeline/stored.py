"""Read an object storage: list its newest films, and fetch one of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from orchestration import media
from orchestration.core import audit, lookup
from orchestration.core.wakeups import wake_tick
from orchestration.media import storage as objects
from orchestration.media.identity import identity_of_address
from orchestration.models import Job, Source, Video
from orchestration.pipeline.take_in import title_of
from orchestration.queue.lease import JobLease

LIST_SECONDS = 300
FETCH_SECONDS = 6 * 3600


def list_source(job: Job, lease: JobLease) -> dict[str, Any]:
    """Write down the films of a storage that are not here yet; the same key with another version is another item.

    Whether it is another film its content tells once it is fetched. Raises: MediaError, SecretUnreadable.
    """
    source = lookup.one(Source, job.source_id or 0, field="source_id")
    lease.progress(0.1, f"listing {source.where}"[:200])
    found = objects.list_films(
        objects.of_document(source.opened_by()),
        limit=source.item_limit,
        allowed_networks=settings.HEADEND_SOURCE_NETWORKS,
        timeout_seconds=LIST_SECONDS,
    )
    lease.progress(0.8, f"{len(found)} found")
    now = timezone.now()
    with transaction.atomic():
        videos = [_video_of(film, source) for film in found]
        known = set(
            Video.objects.filter(source=source, external_id__in=[v.external_id for v in videos]).values_list(
                "external_id", flat=True
            )
        )
        new = [video for video in videos if video.external_id not in known]
        Video.objects.bulk_create(new, ignore_conflicts=True)
        made = list(
            Video.objects.filter(source=source, external_id__in=[v.external_id for v in new]).values_list(
                "pk", flat=True
            )
        )
        Source.objects.filter(pk=source.pk).update(
            last_scraped_at=now,
            last_found=len(found),
            last_error="",
            consecutive_failures=0,
            next_scrape_at=now + timedelta(minutes=source.scrape_interval_minutes),
        )
        audit.record(
            "source_scraped",
            source,
            before={"videos": len(known)},
            after={"videos": len(known) + len(made), "new": len(made)},
            members={"video": made},
        )
        wake_tick()
    return {"found": len(found), "new": len(made)}


def _video_of(film: objects.StoredFilm, source: Source) -> Video:
    address = f"headend:storage/{source.pk}/{objects.note_of(film)}"
    return Video(
        source=source,
        url="",
        canonical_url=address,
        identity=identity_of_address(address),
        external_id=film.external_id,
        title=title_of(film.key.rpartition("/")[2]),
        language=source.language,
        source_published_at=film.modified_at,
        size_bytes=film.size_bytes,
    )


def fetch(video: Video, folder: Path, lease: JobLease) -> media.DownloadedFile:
    """Fetch a film of a storage into its video's folder. Raises: MediaError, SecretUnreadable."""
    source = video.source
    if source is None:
        raise media.NoVideoFound("It has no source to fetch it from.")
    note = video.canonical_url.removeprefix(f"headend:storage/{source.pk}/")
    return objects.fetch_film(
        objects.of_document(source.opened_by()),
        objects.of_note(note),
        folder,
        allowed_networks=settings.HEADEND_SOURCE_NETWORKS,
        max_bytes=settings.HEADEND_MAX_SOURCE_BYTES,
        on_progress=lambda done, total: lease.progress(
            0.9 * done / total if total else 0.4, f"{done:,} bytes fetched"
        ),
        cancelled=lease.cancelled,
        timeout_seconds=FETCH_SECONDS,
    )
