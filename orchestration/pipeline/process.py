"""Prepare fetched files for upload: measured, normalised, with a picture."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from orchestration import media
from orchestration.core.transitions import transition
from orchestration.core.wakeups import wake_tick, wake_workers
from orchestration.models import Job, Video
from orchestration.pipeline.scrape import absolute, folder_of, relative
from orchestration.queue.lease import JobLease
from orchestration.states import VideoState


def run_process(job: Job, lease: JobLease) -> dict[str, Any]:
    """Make an upload-ready MP4 and a thumbnail of a fetched video. Raises: MediaError."""
    video = Video.objects.get(pk=job.video_id)
    if video.state == VideoState.SCRAPED:
        transition(video, VideoState.PROCESSING, error_code="", error_message="")
    elif video.state != VideoState.PROCESSING:
        return {"skipped": f"the video is {video.state} already"}
    tool = media.ffmpeg_tool(settings.HEADEND_FFMPEG or None)
    source = absolute(video.original_file)
    folder = folder_of(video)
    prepared, picture = folder / "prepared.mp4", folder / "thumbnail.jpg"
    lease.progress(0.0, "transcoding")
    made = media.normalise(
        source,
        prepared,
        on_progress=lambda fraction: lease.progress(0.9 * fraction, "transcoding"),
        cancelled=lease.cancelled,
        tool=tool,
    )
    info, prepared = made.info, made.path
    lease.progress(0.92, "taking a picture")
    media.thumbnail(prepared, picture, cancelled=lease.cancelled, tool=tool)
    lease.progress(0.96, "taking its checksum")
    transition(
        video,
        VideoState.READY,
        prepared_file=relative(prepared),
        prepared_hash=media.content_sha256(prepared),
        prepared_bytes=_size(prepared),
        thumbnail_file=relative(picture),
        duration_seconds=info.duration_seconds,
        width=info.width,
        height=info.height,
        frames_per_second=info.frames_per_second,
        ready_at=timezone.now(),
    )
    wake_workers(fast=True)
    wake_workers(fast=False)
    wake_tick()
    return {"bytes": _size(prepared), "seconds": info.duration_seconds, "height": info.height}


def _size(path: Path) -> int:
    return path.stat().st_size
