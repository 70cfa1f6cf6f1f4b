"""Upload a video private ahead of its moment, and record the one upload that counts."""

import logging
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import RemoteError, SessionGone
from channels.gateways.youtube import VideoMetadata, YouTubeGateway, marker_of
from channels.gateways.youtube_upload import UploadCancelled
from channels.quota import QUOTA_COST
from orchestration import activity, pools, remotes
from orchestration.activity import new_correlation_id
from orchestration.lease import JobCancelled, JobLease
from orchestration.media.errors import FileDamaged
from orchestration.models import Distribution, Job, OrphanUpload, Schedule
from orchestration.pipeline.scraping import absolute
from orchestration.states import DistributionState, ScheduleState
from orchestration.transitions import transition
from orchestration.wakeup import wake_tick

logger = logging.getLogger(__name__)
TITLE_CHARACTERS = 100  # https://developers.google.com/youtube/v3/docs/videos#snippet.title


def run_stage(job: Job, lease: JobLease) -> dict[str, Any]:
    """Upload the prepared file private with its marker, resuming or adopting what an earlier try left behind."""
    distribution = Distribution.objects.select_related("video", "channel").get(pk=job.distribution_id)
    if distribution.youtube_video_id:
        record_staged(distribution.pk, distribution.youtube_video_id)
        return {"youtube_video_id": distribution.youtube_video_id, "adopted": True}
    video = distribution.video
    path = absolute(video.prepared_file)
    if not video.prepared_file or not path.is_file():
        raise FileDamaged(f"The prepared file of video {video.pk} is gone; process it again.")
    marker, fresh = ensure_marker(distribution)
    with remotes.youtube(distribution.channel) as youtube:
        lease.progress(0.01, "looking for an earlier upload")
        session = distribution.upload_session or None
        if not fresh and session is None:
            # An earlier try may have sent the last byte without anybody hearing the answer.
            found = find_upload(youtube, marker, job)
            if found:
                return _adopt(distribution, found)
        pools.charge_reserved(job)
        try:
            receipt = youtube.upload(
                path,
                metadata_for(distribution, marker),
                session_uri=session,
                on_session=lambda uri: store_session(distribution, uri),
                on_progress=lambda sent, total: lease.progress(
                    sent / total, f"{sent:,} of {total:,} bytes uploaded"
                ),
                cancelled=lease.cancelled,
            )
        except UploadCancelled as error:
            lease.check()
            raise JobCancelled(str(error)) from error
        except SessionGone:
            store_session(distribution, "")
            found = find_upload(youtube, marker, job)
            if found:
                return _adopt(distribution, found)
            raise
        result = {
            "youtube_video_id": receipt.youtube_video_id,
            "resumed_from_bytes": receipt.resumed_from_bytes,
        }
        if receipt.privacy_status != "private":
            # Not asked for, and never wanted: take it back before anybody hears of it.
            youtube.make_private(receipt.youtube_video_id)
        record_staged(distribution.pk, receipt.youtube_video_id)
        result["thumbnail"] = _set_thumbnail(youtube, receipt.youtube_video_id, video, job)
    return result


def ensure_marker(distribution: Distribution) -> tuple[str, bool]:
    """Return the marker of a distribution's upload and whether it was made just now; stored before any call."""
    if distribution.marker:
        return distribution.marker, False
    marker = marker_of(new_correlation_id())
    if Distribution.objects.filter(pk=distribution.pk, marker="").update(marker=marker):
        distribution.marker = marker
        return marker, True
    distribution.refresh_from_db(fields=["marker"])
    return distribution.marker, False


def store_session(distribution: Distribution, uri: str) -> None:
    """Keep the resumable session's address, sealed, so that a crash resumes instead of uploading again."""
    sealed = distribution.sealed_session(uri) if uri else ""
    Distribution.objects.filter(pk=distribution.pk).update(upload_session_sealed=sealed)
    distribution.upload_session_sealed = sealed


def find_upload(youtube: YouTubeGateway, marker: str, job: Job | None) -> str | None:
    """Look for an upload by its marker among the channel's newest; charged to the budget."""
    bucket, units = QUOTA_COST["find_by_marker"]
    entry = pools.charge(bucket, units, call="playlistItems.list", job=job)
    try:
        return youtube.find_by_marker(marker)
    finally:
        pools.settle(entry)


def _adopt(distribution: Distribution, youtube_video_id: str) -> dict[str, Any]:
    record_staged(distribution.pk, youtube_video_id, adopted=True)
    return {"youtube_video_id": youtube_video_id, "adopted": True}


def record_staged(distribution_id: int, youtube_video_id: str, *, adopted: bool = False) -> bool:
    """Write down the one upload of a distribution, by compare-and-swap from empty; returns whether it is the one.

    An upload that lost, or whose distribution was cancelled meanwhile, becomes an orphan: private, listed for deletion.
    """
    now = timezone.now()
    with transaction.atomic():
        distribution = Distribution.objects.select_for_update(of=("self",)).get(pk=distribution_id)
        if distribution.youtube_video_id is None and distribution.state in {
            DistributionState.ASSIGNED,
            DistributionState.NEEDS_REVIEW,
        }:
            transition(
                distribution,
                DistributionState.STAGED,
                where={"youtube_video_id__isnull": True},
                reason="adopted an upload that an earlier try left behind" if adopted else "",
                youtube_video_id=youtube_video_id,
                staged_at=now,
                upload_session_sealed="",
                error_code="",
                error_message="",
            )
        elif distribution.youtube_video_id != youtube_video_id:
            why = (
                f"the distribution is {distribution.get_state_display()}"
                if distribution.youtube_video_id is None
                else f"{distribution.youtube_video_id} was recorded first"
            )
            _, made = OrphanUpload.objects.get_or_create(
                youtube_video_id=youtube_video_id, defaults={"distribution": distribution, "reason": why}
            )
            if made:
                activity.record(
                    "upload_orphaned", distribution, after={"youtube_video_id": youtube_video_id}, reason=why
                )
            return False
        schedule = Schedule.objects.select_for_update(of=("self",)).filter(distribution=distribution).first()
        if schedule is not None and schedule.state in {ScheduleState.STAGING, ScheduleState.PLANNED}:
            transition(schedule, ScheduleState.STAGED, reason="uploaded, private")
        wake_tick()
    return True


def metadata_for(distribution: Distribution, marker: str) -> VideoMetadata:
    """Return what the upload is called, by the channel's templates; user text is only ever data."""
    video, channel = distribution.video, distribution.channel
    words = {
        "title": video.title or f"Video {video.pk}",
        "description": video.description,
        "channel": channel.name,
    }
    tags = dict.fromkeys([*(str(tag) for tag in channel.tags), *(str(tag) for tag in video.tags)])
    return VideoMetadata(
        title=_fill(channel.title_template, words)[:TITLE_CHARACTERS].strip()
        or words["title"][:TITLE_CHARACTERS],
        description=_fill(channel.description_template, words),
        tags=tuple(tags),
        category_id=channel.category_id,
        language=video.language or channel.language,
        made_for_kids=channel.made_for_kids,
        marker=marker,
    )


def _fill(template: str, words: dict[str, str]) -> str:
    # Not str.format: its attribute access would let a template read what it should not.
    for name, value in words.items():
        template = template.replace("{" + name + "}", value)
    return template.replace("<", "‹").replace(
        ">", "›"
    )  # YouTube refuses angle brackets in titles and descriptions


def _set_thumbnail(youtube: YouTubeGateway, youtube_video_id: str, video: Any, job: Job) -> str:
    """Set the picture if there is one; a channel that may not have its own pictures is no reason to fail."""
    if not video.thumbnail_file or not absolute(video.thumbnail_file).is_file():
        return "none"
    bucket, units = QUOTA_COST["set_thumbnail"]
    try:
        entry = pools.charge(bucket, units, call="thumbnails.set", job=job)
    except pools.BudgetExhausted as error:
        return f"left out: {error.message}"
    try:
        youtube.set_thumbnail(youtube_video_id, absolute(video.thumbnail_file))
    except RemoteError as error:
        pools.settle(entry, known=error.again != "unknown")
        logger.info("no thumbnail for %s: %s", youtube_video_id, error)
        return f"refused: {error}"
    pools.settle(entry)
    return "set"
