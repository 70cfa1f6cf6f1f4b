"""Keep for each video one prepared file for each way in which its plans need it, and say which one a publication sends."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from orchestration.core.transitions import transition
from orchestration.core.wakeups import wake_tick
from orchestration.media.errors import FileDamaged, TranscodeFailed
from orchestration.models import Distribution, Job, Rendition, Video
from orchestration.pipeline.profile_choice import profiles, wanted_of, without_file
from orchestration.pipeline.scrape import absolute
from orchestration.queue import jobs as queue
from orchestration.queue.lease import WaitUntil
from orchestration.states import JobKind, JobState, VideoState

AHEAD = timedelta(hours=24)
"""How long before its staging a file that only another profile has is made."""
LOOK_AGAIN = timedelta(minutes=2)
"""How often a publication looks for its file; the job that makes it wakes it as well."""
WAITS = "its file is being prepared"


def rendition_for(distribution: Distribution) -> Rendition | None:
    """Return the file that a publication sends, or None while it is not made.

    Once its upload has begun it stays with its file, whatever its profile says by then: half of one file and half of
    another must not become one upload.
    """
    if distribution.upload_session_sealed and distribution.rendition_id:
        begun = Rendition.objects.present().filter(pk=distribution.rendition_id).first()
        if begun is not None and absolute(begun.file).is_file():
            return begun
    found = (
        Rendition.objects.present()
        .filter(video=distribution.video_id, fingerprint=wanted_of(distribution).fingerprint)
        .first()
    )
    return found if found is not None and absolute(found.file).is_file() else None


def require_file(distribution: Distribution) -> Rendition:
    """Return the file that a publication sends, and remember it; where it is missing, have it made and wait.

    Another file than before begins another upload: the session of the first is forgotten in the same write.

    Raises: WaitUntil; TranscodeFailed where it could not be made; FileDamaged where what was fetched is gone too.
    """
    found = rendition_for(distribution)
    if found is None:
        raise _made_later(distribution)
    if distribution.rendition_id != found.pk:
        Distribution.objects.filter(pk=distribution.pk, youtube_video_id=None).update(
            rendition=found, upload_session_sealed=""
        )
        distribution.rendition, distribution.upload_session_sealed = found, ""
    return found


def file_of_run(distribution: Distribution) -> Path:
    """Return the file that a run which was sent out fetches: the one that its job sheet was written for."""
    rendition = distribution.rendition or rendition_for(distribution)
    return absolute(rendition.file if rendition is not None else distribution.video.prepared_file)


def _made_later(distribution: Distribution) -> WaitUntil:
    """Have a publication's file made; returns what makes its job wait. Raises: TranscodeFailed, FileDamaged."""
    video, wanted = distribution.video, wanted_of(distribution)
    failed = Rendition.objects.filter(video=video, fingerprint=wanted.fingerprint, file="").exclude(
        error_message=""
    )
    for row in failed:
        raise TranscodeFailed(
            f"Its file by the profile {wanted.name} could not be made: {row.error_message}"[:500]
        )
    if not _has_original(video) and fetch_again(video):
        return WaitUntil(timezone.now() + LOOK_AGAIN, f"{WAITS} from its source, once more")
    if not _has_original(video):
        raise FileDamaged(f"The files of video {video.pk} are gone from the media folder.")
    with transaction.atomic():
        ask(video, priority=distribution.channel.priority)
        wake_tick()
    return WaitUntil(timezone.now() + LOOK_AGAIN, f"{WAITS} by the profile {wanted.name}")


def ask(video: Video, *, priority: int) -> Job:
    """Have what a ready video's plans lack made; while a job does that, it is the one."""
    return queue.enqueue(
        JobKind.PROCESS, dedupe_key=f"{JobKind.PROCESS}:video:{video.pk}", video=video, priority=priority
    )


def keep_making(now: datetime, *, most: int = 100) -> int:
    """Have the files made that plans will need within a day; called by the tick. Returns how many videos lack one."""
    rows = without_file(profiles(), until=now + AHEAD).order_by("stage_at", "id")
    videos = dict(rows.values_list("distribution__video", "priority")[:most])
    for video in Video.objects.filter(pk__in=videos):
        if _has_original(video) or not fetch_again(video):
            ask(video, priority=videos[video.pk])
    return len(videos)


def _has_original(video: Video) -> bool:
    return bool(video.original_file) and absolute(video.original_file).is_file()


def fetch_again(video: Video) -> bool:
    """Have a ready video fetched anew whose original was deleted to make room; returns whether that can be.

    Not one whose files should be here and are not: that is a fault, which is said.
    """
    if not video.url or video.original_file or video.state != VideoState.READY:
        return False
    if not all(absolute(row.file).is_file() for row in Rendition.objects.present().filter(video=video)):
        return False
    transition(video, VideoState.FOUND, reason="a plan needs its file, which was deleted to make room")
    return True


def store(video: Video, fingerprint: str, **values: object) -> Rendition:
    """Write down a file that was made. Whoever had begun to upload an earlier one by the same name begins anew."""
    with transaction.atomic():
        row, _ = Rendition.objects.update_or_create(
            video=video, fingerprint=fingerprint, defaults={"error_message": "", **values}
        )
        Distribution.objects.filter(rendition=row, youtube_video_id=None).exclude(
            upload_session_sealed=""
        ).update(upload_session_sealed="")
    return row


def wake_waiting(video: Video) -> int:
    """Let the publications that wait for a file of a video look for it now; returns how many."""
    waiting = Job.objects.filter(
        video=video, kind=JobKind.STAGE, state=JobState.WAITING, waits_for__contains=WAITS
    )
    return waiting.update(run_at=timezone.now())
