"""Read sources and fetch the files of what is found there."""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from orchestration import media
from orchestration.core import audit
from orchestration.core.transitions import transition
from orchestration.core.wakeups import wake_tick
from orchestration.media.identity import is_signed
from orchestration.models import Job, Source, Video
from orchestration.pipeline import duplicates, episodes, newest
from orchestration.pipeline.room import require_room
from orchestration.queue.lease import JobLease
from orchestration.states import SourceKind, VideoState

logger = logging.getLogger(__name__)
LIST_SECONDS = 60
CATCH_UP = timedelta(minutes=1)
"""When a source is read again that had more new items than one reading takes."""
FRESH = timedelta(minutes=1)
ASKED_ANEW = 5000
"""Entries looked through for the present address of one episode."""
EXPIRED = frozenset({401, 403, 410})
"""With these a signed address is refused when its time is over."""
DOWNLOAD_SECONDS = 3600
Download = Callable[[Video, Path, JobLease], media.DownloadedFile]


def folder_of(video: Video) -> Path:
    """Return the folder that keeps a video's files, below MEDIA_ROOT."""
    return Path(settings.MEDIA_ROOT) / "videos" / str(video.pk)


def relative(path: Path) -> str:
    """Return a file's path as it is stored: below MEDIA_ROOT, with forward slashes."""
    return path.relative_to(Path(settings.MEDIA_ROOT)).as_posix()


def absolute(stored: str) -> Path:
    """Return where a stored path lies."""
    return Path(settings.MEDIA_ROOT) / stored


def run_scrape(job: Job, lease: JobLease, *, download: Download | None = None) -> dict[str, Any]:
    """Fetch one video's file, or list a source; raises MediaError for what the source or the file is to blame for.

    `download` fetches what does not lie at an address.
    """
    return _fetch(job, lease, download or _download) if job.video_id else _list(job, lease)


def _list(job: Job, lease: JobLease) -> dict[str, Any]:
    source = Source.objects.get(pk=job.source_id)
    lease.progress(0.1, f"reading {source.name}")
    since = newest.since_of(source)
    reading = media.read_source(
        source.url,
        limit=source.item_limit + 1,  # of the next one the date is remembered
        allowed_networks=settings.HEADEND_SOURCE_NETWORKS,
        timeout_seconds=LIST_SECONDS,
        access=source.access,
        since=since,
        validators=newest.validators_of(source),
    )
    now = timezone.now()
    later = now + timedelta(minutes=source.scrape_interval_minutes)
    if reading.is_unchanged:
        Source.objects.filter(pk=source.pk).update(
            last_scraped_at=now,
            last_error="",
            consecutive_failures=0,
            unchanged_readings=F("unchanged_readings") + 1,
            next_scrape_at=later,
        )
        return {"found": source.last_found, "new": 0, "unchanged": True}
    lease.progress(0.8, f"{len(reading.items)} found")
    with transaction.atomic():
        items = newest.relevant(episodes.each_once(reading.items), source)
        choice = newest.choose(episodes.recognise(items, source), source, reading.validators)
        kept = episodes.keep(choice.found, source)
        Source.objects.filter(pk=source.pk).update(
            last_scraped_at=now,
            addresses_asked_at=now,
            last_found=len(reading.items) if reading.is_feed else len(choice.found),
            waiting_items=choice.waiting,
            repairs=reading.repairs,
            reading=choice.reading if reading.is_feed else {},
            unchanged_readings=0,
            last_error="",
            consecutive_failures=0,
            next_scrape_at=min(later, now + CATCH_UP) if choice.waiting else later,
        )
        after = {"videos": kept.known + len(kept.made), "new": len(kept.made)}
        more = {"renewed": kept.renewed, "waiting": choice.waiting, "repairs": reading.repairs}
        audit.record(
            "source_scraped",
            source,
            before={"videos": kept.known},
            after=after | {name: value for name, value in more.items() if value},
            members={"video": kept.made},
        )
        wake_tick()
    return {"found": len(reading.items), "new": len(kept.made), "waiting": choice.waiting}


def _items_of(source: Source, *, limit: int) -> list[media.FoundItem]:
    return media.list_items(
        source.url,
        limit=limit,
        allowed_networks=settings.HEADEND_SOURCE_NETWORKS,
        timeout_seconds=LIST_SECONDS,
        access=source.access,
    )


def _fetch(job: Job, lease: JobLease, download: Download) -> dict[str, Any]:
    video = Video.objects.select_related("source").get(pk=job.video_id)
    if video.state == VideoState.FOUND:
        transition(video, VideoState.SCRAPING, error_code="", error_message="")
    elif video.state != VideoState.SCRAPING:
        return {"skipped": f"the video is {video.state} already"}
    require_room(video.size_bytes or 0)
    lease.progress(0.0, "fetching")
    folder = folder_of(video)
    folder.mkdir(parents=True, exist_ok=True)
    file = download(video, folder, lease)
    lease.progress(0.92, "measuring")
    try:
        info = media.probe(
            file.path, tool=media.ffmpeg_tool(settings.HEADEND_FFMPEG or None), cancelled=lease.cancelled
        )
    except media.MediaError:
        # It stays until somebody has looked: what we call damaged may be whole. A next try fetches it anew.
        Video.objects.filter(pk=video.pk).update(
            original_file=relative(file.path), size_bytes=file.size_bytes
        )
        raise
    measured: dict[str, Any] = {
        "size_bytes": file.size_bytes,
        "duration_seconds": info.duration_seconds,
        "width": info.width,
        "height": info.height,
        "frames_per_second": info.frames_per_second,
        "video_codec": info.video_codec or "",
        "audio_codec": info.audio_codec or "",
        "original_file": relative(file.path),
        "content_hash": file.sha256,
    }
    # A page often says more than the list that led to it; what was known stays where it says nothing.
    for name, value in (("title", file.item.title), ("description", file.item.description)):
        if value and not getattr(video, name):
            measured[name] = value[:300] if name == "title" else value
    return _keep(video, measured)


def _download(video: Video, folder: Path, lease: JobLease) -> media.DownloadedFile:
    """Fetch a video's file from where it is now: an address that expires is asked for anew, before and after a refusal."""
    is_asked = is_signed(video.url) and ask_anew(video)
    while True:
        try:
            return media.download(
                video.url,
                folder,
                allowed_networks=settings.HEADEND_SOURCE_NETWORKS,
                max_bytes=settings.HEADEND_MAX_SOURCE_BYTES,
                on_progress=lambda done, total: lease.progress(
                    0.9 * done / total if total else 0.4, f"{done:,} bytes fetched"
                ),
                cancelled=lease.cancelled,
                timeout_seconds=DOWNLOAD_SECONDS,
                access=video.source.access if video.source else None,
            )
        except media.SourceUnreachable as error:
            before = video.url
            if error.status not in EXPIRED or is_asked or not ask_anew(video, now=True):
                raise
            if video.url == before:
                raise
            is_asked = True


def ask_anew(video: Video, *, now: bool = False) -> bool:
    """List a video's source again, so that addresses that expire are fresh; returns whether that was done just now.

    Not where it was done within a minute, unless `now`: many files of one source are fetched after one listing. A source
    that cannot be listed leaves the address as it is.
    """
    source = video.source
    if source is None or source.kind != SourceKind.ADDRESS or not source.url:
        return False
    asked_at, at = source.addresses_asked_at, timezone.now()
    if asked_at is not None and not now and timedelta(0) <= at - asked_at < FRESH:
        return False
    try:
        items = _items_of(source, limit=ASKED_ANEW)
    except media.Cancelled:
        raise
    except media.MediaError as error:
        logger.info("the addresses of source %s were not renewed: %s", source.pk, error)
        return False
    with transaction.atomic():
        found = [(item, row) for item, row in episodes.recognise(items, source) if row is not None]
        episodes.take_over(found, source)
        Source.objects.filter(pk=source.pk).update(addresses_asked_at=at)
    source.addresses_asked_at = at
    video.refresh_from_db(fields=["url", "canonical_url", "address_key"])
    return True


def _keep(video: Video, measured: dict[str, Any]) -> dict[str, Any]:
    """Store what was fetched, unless the same content is here already under another address."""
    first = _with_content(measured["content_hash"], video)
    if first is None:
        try:
            with transaction.atomic():
                transition(video, VideoState.SCRAPED, **measured)
                wake_tick()
            return {"size_bytes": measured["size_bytes"], "sha256": measured["content_hash"]}
        except IntegrityError:  # the twin was stored at the same moment
            video.refresh_from_db()
            first = _with_content(measured["content_hash"], video)
    with transaction.atomic():
        transition(
            video,
            VideoState.DUPLICATE,
            reason=f"its content is that of video {first.pk if first else '?'}",
            duplicate_of=first,
            content_hash=measured["content_hash"],
            size_bytes=measured["size_bytes"],
            error_code="duplicate_content",
            error_message=f"The same content as video {first.pk} ({first})."[:500]
            if first
            else "The same content is here.",
        )
        duplicates.settle_plans(video, first)
    absolute(measured["original_file"]).unlink(missing_ok=True)
    return {"duplicate_of": first.pk if first else None}


def _with_content(content_hash: str, video: Video) -> Video | None:
    return (
        Video.objects.filter(content_hash=content_hash)
        .exclude(pk=video.pk)
        .exclude(state=VideoState.DUPLICATE)
        .first()
    )
