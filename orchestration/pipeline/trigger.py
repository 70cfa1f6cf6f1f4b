"""Start a channel's pipeline by hand: by GitHub Actions if it has a repository, else by our own workers."""

from django.db import transaction
from django.db.models import F

from channels.models import Channel
from channels.states import CHANNEL_VERBS, Executor
from orchestration import media
from orchestration.core import audit, lookup
from orchestration.core.transitions import transition
from orchestration.errors import (
    ChannelPaused,
    InvalidRequest,
    NoRightsBasis,
    PlanRefused,
    VideoNotReady,
)
from orchestration.media.errors import MediaError
from orchestration.media.identity import address_key
from orchestration.models import Distribution, Job, Schedule, Source, Video
from orchestration.queue import jobs as queue
from orchestration.results.channels import TriggerResult
from orchestration.scheduling import distribution
from orchestration.states import (
    OPEN_SCHEDULES,
    USABLE_VIDEOS,
    DistributionState,
    JobKind,
    VideoState,
)

METHODS = {Executor.GITHUB: "github_actions", Executor.LOCAL: "local_pipeline"}


def trigger(
    *, channel_id: int, video_id: int | None, source_url: str | None, skip_upload: bool
) -> TriggerResult:
    """Have a video prepared and staged for a channel now; without a video, the best ready one is chosen.

    `skip_upload` stops before anything is uploaded. Raises: NotFound, InvalidRequest, SystemNotRunning, ChannelPaused,
    NoRightsBasis, VideoNotReady, PlanRefused for what is staged or public there already.
    """
    if video_id is not None and source_url:
        raise InvalidRequest("Give video_id or source_url, not both.", field="source_url")
    with transaction.atomic():
        queue.require_running("nothing new may start")
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        if channel.state not in CHANNEL_VERBS["trigger"].states:
            raise ChannelPaused(
                f"Channel {channel.name} is {channel.state}.", field="channel_id", state=channel.state
            )
        if video_id is None and not source_url:
            under_way = _chosen_before(channel, skip_upload)
            if under_way is not None:
                return under_way
        video = _chosen(channel, video_id, source_url)
        if not video.rights_basis:
            raise NoRightsBasis(
                f"The source of video {video.pk} has no rights basis, so nothing of it may be published.",
                field="source_url" if source_url else "video_id",
            )
        if video.state not in USABLE_VIDEOS:
            raise VideoNotReady(
                f"Video {video.pk} is {video.get_state_display()}: {video.error_message or 'it has no usable file'}",
                field="video_id",
            )
        if skip_upload and channel.executor == Executor.LOCAL:
            return _prepare_only(channel, video)
        return _stage(channel, video, skip_upload, chosen=video_id is None and not source_url)


def _chosen_before(channel: Channel, skip_upload: bool) -> TriggerResult | None:
    """Return what an earlier request without a video has under way on a locked channel: asked twice, it is one.

    Else a second press would choose the next best video, and each upload costs one of the day's.
    """
    job = (
        Job.objects.open()
        .filter(channel=channel, kind=JobKind.STAGE, chosen=True, skip_upload=skip_upload)
        .select_related("video", "distribution")
        .order_by("-id")
        .first()
    )
    if job is None:
        return None
    method = METHODS[Executor(job.executor)]
    return TriggerResult(job, method, f"{job.video} is under way for {channel.name}", job.distribution)


def _chosen(channel: Channel, video_id: int | None, source_url: str | None) -> Video:
    if video_id is not None:
        return lookup.one(Video.objects.select_related("source"), video_id, field="video_id")
    if source_url:
        return _of_url(source_url)
    return _best_for(channel)


def _of_url(source_url: str) -> Video:
    """Return the video of an address that is known, or register one that belongs to a source with rights."""
    try:
        canonical = media.canonical_url(source_url)
    except MediaError as error:
        raise InvalidRequest(f"source_url: {error}", field="source_url") from error
    rows = Video.objects.select_related("source").filter(address_key=address_key(canonical)).order_by("pk")
    known = next((row for row in rows if row.canonical_url == canonical), None)
    if known is not None:
        return known
    source = Source.objects.filter(canonical_url=canonical).first()
    if source is None:
        raise NoRightsBasis(
            f"{source_url} belongs to no registered source, so nobody has said that it may be published. "
            "Add it as a source with its rights basis first.",
            field="source_url",
        )
    newest = (
        Video.objects.select_related("source")
        .usable()
        .filter(source=source)
        .order_by(F("source_published_at").desc(nulls_last=True), "-pk")
        .first()
    )
    if newest is None:
        raise VideoNotReady(
            f"Source {source.name} has given no video yet; have it read first.", field="source_url"
        )
    return newest


def _best_for(channel: Channel) -> Video:
    video_id = distribution.best_for(channel.pk)
    if video_id is None:
        raise VideoNotReady(
            f"No ready video fits channel {channel.name}: all are taken, filtered out or not ready.",
            field="channel_id",
        )
    return Video.objects.select_related("source").get(pk=video_id)


def ensure_prepared(video: Video, *, priority: int, correlation_id: str | None = None) -> Job | None:
    """Have a video fetched and processed if it is not ready; returns the job it now waits for."""
    kind = {
        VideoState.FOUND: JobKind.SCRAPE,
        VideoState.SCRAPING: JobKind.SCRAPE,
        VideoState.SCRAPED: JobKind.PROCESS,
        VideoState.PROCESSING: JobKind.PROCESS,
    }.get(video.state)
    if kind is None:
        return None
    return queue.enqueue(
        kind,
        dedupe_key=f"{kind}:video:{video.pk}",
        source=video.source if kind == JobKind.SCRAPE else None,
        video=video,
        priority=priority,
        correlation_id=correlation_id,
    )


def _prepare_only(channel: Channel, video: Video) -> TriggerResult:
    job = ensure_prepared(video, priority=channel.priority)
    if job is None:
        raise VideoNotReady(
            f"Video {video.pk} is ready already; without an upload there is nothing to do.",
            field="skip_upload",
        )
    return TriggerResult(job, METHODS[Executor.LOCAL], f"preparing {video}; nothing will be uploaded")


def _stage(channel: Channel, video: Video, skip_upload: bool, *, chosen: bool) -> TriggerResult:
    distribution = _assigned(channel, video)
    schedule = Schedule.objects.filter(distribution=distribution).first()
    if skip_upload and schedule is not None and schedule.state in OPEN_SCHEDULES:
        raise PlanRefused(
            f"Video {video.pk} is planned for {channel.name} already; rehearse with one that is not.",
            field="skip_upload",
            kind="duplicate",
        )
    # A rehearsal is another thing than the upload: neither may pass for the other while it is under way.
    what = "rehearse" if skip_upload else "stage"
    job = queue.enqueue(
        JobKind.STAGE,
        dedupe_key=f"{what}:distribution:{distribution.pk}",
        executor=channel.executor,
        channel=channel,
        video=video,
        distribution=distribution,
        schedule=schedule,
        skip_upload=skip_upload,
        chosen=chosen,
        priority=min(channel.priority + 2, 10),
    )
    ensure_prepared(video, priority=min(channel.priority + 2, 10))
    method = METHODS[channel.executor]
    audit.record(
        "pipeline_triggered",
        channel,
        after={"method": method, "video": video.pk, "job": job.pk, "skip_upload": skip_upload},
        members={"job": [job.pk]},
    )
    how = "its GitHub Actions workflow" if channel.executor == Executor.GITHUB else "our own workers"
    done = "rehearsed, without an upload," if skip_upload else "staged"
    return TriggerResult(job, method, f"{video} is {done} for {channel.name} by {how}", distribution)


def _assigned(channel: Channel, video: Video) -> Distribution:
    """Return the distribution to stage: a new one, or one that stands without an upload."""
    same = (
        Distribution.objects.taken()
        .filter(channel=channel, video__content_hash=video.content_hash)
        .exclude(video=video)
        .first()
        if video.content_hash
        else None
    )
    if same is not None:
        raise PlanRefused(
            f"The same content went to {channel.name} as video {same.video_id} already.",
            field="video_id",
            kind="duplicate",
        )
    row = Distribution.objects.locked().filter(channel=channel, video=video).first()
    if row is None:
        row = Distribution.objects.create(
            video=video, channel=channel, method=Distribution.Method.MANUAL, reason="triggered by hand"
        )
        audit.record("distribution_created", row, after={"state": row.state, "method": row.method})
        return row
    if row.youtube_video_id or row.state not in {
        DistributionState.ASSIGNED,
        DistributionState.CANCELLED,
        DistributionState.FAILED,
    }:
        raise PlanRefused(
            f"Video {video.pk} is {row.get_state_display()} on {channel.name} already.",
            field="video_id",
            kind="duplicate",
        )
    if row.state != DistributionState.ASSIGNED:
        transition(
            row, DistributionState.ASSIGNED, reason="triggered by hand", error_code="", error_message=""
        )
    return row
