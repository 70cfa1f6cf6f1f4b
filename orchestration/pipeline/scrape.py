"""Read sources and fetch the files of what is found there."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from orchestration import media
from orchestration.core import audit
from orchestration.core.transitions import transition
from orchestration.core.wakeups import wake_tick
from orchestration.models import Job, Schedule, Source, Video
from orchestration.pipeline import outcomes
from orchestration.queue.lease import JobLease
from orchestration.states import DistributionState, ScheduleState, VideoState

LIST_SECONDS = 60
DOWNLOAD_SECONDS = 3600


def folder_of(video: Video) -> Path:
    """Return the folder that keeps a video's files, below MEDIA_ROOT."""
    return Path(settings.MEDIA_ROOT) / "videos" / str(video.pk)


def relative(path: Path) -> str:
    """Return a file's path as it is stored: below MEDIA_ROOT, with forward slashes."""
    return path.relative_to(Path(settings.MEDIA_ROOT)).as_posix()


def absolute(stored: str) -> Path:
    """Return where a stored path lies."""
    return Path(settings.MEDIA_ROOT) / stored


def run_scrape(job: Job, lease: JobLease) -> dict[str, Any]:
    """Fetch one video's file, or list a source; raises MediaError for what the source or the file is to blame for."""
    return _fetch(job, lease) if job.video_id else _list(job, lease)


def _list(job: Job, lease: JobLease) -> dict[str, Any]:
    source = Source.objects.get(pk=job.source_id)
    lease.progress(0.1, f"reading {source.url}")
    found = media.list_items(
        source.url,
        limit=source.item_limit,
        allowed_networks=settings.HEADEND_SOURCE_NETWORKS,
        timeout_seconds=LIST_SECONDS,
        access=source.access,
    )
    lease.progress(0.8, f"{len(found)} found")
    now = timezone.now()
    with transaction.atomic():
        known = set(
            Video.objects.filter(canonical_url__in=[item.canonical_url for item in found]).values_list(
                "canonical_url", flat=True
            )
        )
        new = [video_from(item, source) for item in found if item.canonical_url not in known]
        Video.objects.bulk_create(new, ignore_conflicts=True)
        made = Video.objects.filter(canonical_url__in=[video.canonical_url for video in new], source=source)
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
            after={"videos": len(known) + len(new), "new": len(new)},
            members={"video": list(made.values_list("pk", flat=True))},
        )
        wake_tick()
    return {"found": len(found), "new": len(new)}


def video_from(item: media.FoundItem, source: Source | None) -> Video:
    """Return an unsaved video of what a source says about an item."""
    return Video(
        source=source,
        url=item.url[:1000],
        canonical_url=item.canonical_url[:1000],
        title=item.title[:300],
        description=item.description,
        tags=list(item.tags),
        language=(item.language or (source.language if source else "") or "")[:20],
        view_count=item.view_count,
        source_published_at=item.published_at,
        duration_seconds=item.duration_seconds,
        width=item.width,
        height=item.height,
    )


def _fetch(job: Job, lease: JobLease) -> dict[str, Any]:
    video = Video.objects.select_related("source").get(pk=job.video_id)
    if video.state == VideoState.FOUND:
        transition(video, VideoState.SCRAPING, error_code="", error_message="")
    elif video.state != VideoState.SCRAPING:
        return {"skipped": f"the video is {video.state} already"}
    lease.progress(0.0, "fetching")
    folder = folder_of(video)
    folder.mkdir(parents=True, exist_ok=True)
    file = media.download(
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
    lease.progress(0.92, "measuring")
    try:
        info = media.probe(file.path)
    except media.MediaError:
        file.path.unlink(missing_ok=True)  # nobody can use it, and a next try fetches it anew
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
        if value and (not getattr(video, name) or getattr(video, name) == video.url):
            measured[name] = value[:300] if name == "title" else value
    return _keep(video, measured)


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
        _end_plans(video)
    absolute(measured["original_file"]).unlink(missing_ok=True)
    return {"duplicate_of": first.pk if first else None}


def _end_plans(video: Video) -> None:
    """Fail what was planned with a video that turned out to be a duplicate: it never becomes ready, nobody waits for it."""
    why = f"its video is a duplicate: {video.error_message}"
    rows = Schedule.objects.locked().filter(
        distribution__video=video,
        state__in=[ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.HELD],
    )
    for row in rows.order_by("pk").prefetch_related("distribution"):
        if row.state == ScheduleState.HELD:
            transition(row, ScheduleState.CANCELLED, reason=why)
        else:
            transition(row, ScheduleState.FAILED, reason=why)
        if row.distribution.can_become(DistributionState.FAILED):
            transition(
                row.distribution,
                DistributionState.FAILED,
                reason=why,
                error_code="video_failed",
                error_message=why[:500],
            )
    outcomes.fail_waiting_stages(video, why)


def _with_content(content_hash: str, video: Video) -> Video | None:
    return (
        Video.objects.filter(content_hash=content_hash)
        .exclude(pk=video.pk)
        .exclude(state=VideoState.DUPLICATE)
        .first()
    )
