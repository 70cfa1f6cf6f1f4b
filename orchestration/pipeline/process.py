"""Prepare fetched files for upload: measured, brought to the profiles that plans need, with a picture."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from orchestration import media
from orchestration.core.transitions import transition
from orchestration.core.wakeups import wake_tick, wake_workers
from orchestration.media.profiles import Profile
from orchestration.models import Job, Rendition, Video
from orchestration.pipeline import renditions
from orchestration.pipeline.profile_choice import profiles, wanted_by_plans
from orchestration.pipeline.scrape import absolute, folder_of, relative
from orchestration.queue.lease import JobLease
from orchestration.states import VideoState


def run_process(job: Job, lease: JobLease) -> dict[str, Any]:
    """Make the files of a fetched video that its plans need, each by its profile, and a thumbnail.

    A video becomes ready with all of them. One that is ready already gets what it lacks, and stays ready meanwhile.
    Raises: MediaError.
    """
    video = Video.objects.select_related("source").get(pk=job.video_id)
    if video.state == VideoState.SCRAPED:
        transition(video, VideoState.PROCESSING, error_code="", error_message="")
    elif video.state not in {VideoState.PROCESSING, VideoState.READY}:
        return {"skipped": f"the video is {video.state} already"}
    tool = media.ffmpeg_tool(settings.HEADEND_FFMPEG or None)
    wanted = wanted_by_plans(video, profiles())
    lacking = [profile for profile in wanted if not _is_there(video, profile)]
    made = {
        profile.fingerprint: _make(
            video, profile, lease, tool, begin=n / len(lacking), share=1 / len(lacking)
        )
        for n, profile in enumerate(lacking)
    }
    primary = Rendition.objects.get(video=video, fingerprint=wanted[0].fingerprint)
    _show(video, primary, lease, tool, changed=primary.fingerprint in made)
    renditions.wake_waiting(video)
    wake_workers(fast=True)
    wake_workers(fast=False)
    wake_tick()
    return {
        "bytes": primary.size_bytes,
        "seconds": primary.measures.get("duration_seconds"),
        "height": primary.measures.get("height"),
        "profiles": [row.profile_name for row in made.values()],
    }


def _is_there(video: Video, profile: Profile) -> bool:
    row = Rendition.objects.present().filter(video=video, fingerprint=profile.fingerprint).first()
    return row is not None and absolute(row.file).is_file()


def _make(
    video: Video, profile: Profile, lease: JobLease, tool: media.MediaTool, *, begin: float, share: float
) -> Rendition:
    """Make one file. `begin` and `share` are its part of the job's progress."""
    note = f"preparing by the profile {profile.name}"
    lease.progress(0.9 * begin, note)
    made = media.normalise(
        absolute(video.original_file),
        folder_of(video) / f"prepared-{profile.fingerprint}.mp4",
        on_progress=lambda fraction: lease.progress(0.9 * (begin + share * fraction), note),
        cancelled=lease.cancelled,
        profile=profile,
        language=video.language or (video.source.language if video.source else ""),
        tool=tool,
    )
    lease.progress(0.9 * (begin + share), "taking its checksum")
    info = made.info
    return renditions.store(
        video,
        profile.fingerprint,
        profile_name=profile.name,
        settings=profile.settings,
        file=relative(made.path),
        content_hash=media.content_sha256(made.path),
        size_bytes=_size(made.path),
        notes=list(made.notes),
        made_at=timezone.now(),
        measures={
            "duration_seconds": info.duration_seconds,
            "width": info.width,
            "height": info.height,
            "frames_per_second": info.frames_per_second,
            "video_codec": info.video_codec,
            "audio_codec": info.audio_codec or "",
            "hdr": info.hdr_transfer,
        },
    )


def _show(video: Video, primary: Rendition, lease: JobLease, tool: media.MediaTool, *, changed: bool) -> None:
    """Let a video's row say what its own profile's file is, with a picture of it; a ready one is only kept right."""
    is_ready = video.state == VideoState.READY
    if is_ready and not changed:
        return
    picture = folder_of(video) / "thumbnail.jpg"
    lease.progress(0.92, "taking a picture")
    media.thumbnail(absolute(primary.file), picture, cancelled=lease.cancelled, tool=tool)
    shown = {
        "prepared_file": primary.file,
        "prepared_hash": primary.content_hash,
        "prepared_bytes": primary.size_bytes,
        "thumbnail_file": relative(picture),
        **{
            name: primary.measures[name]
            for name in ("duration_seconds", "width", "height", "frames_per_second")
        },
    }
    if is_ready:
        Video.objects.filter(pk=video.pk).update(**shown)
    else:
        transition(video, VideoState.READY, ready_at=timezone.now(), **shown)


def _size(path: Path) -> int:
    return path.stat().st_size
