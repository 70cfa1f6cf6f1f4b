"""Change words on YouTube of what lies there already, and give it its picture, subtitles and playlists.

One job a publication (`JobKind.EDIT`), level-triggered: it looks, compares what is wanted with what we last set and what
YouTube shows now, and writes what is missing. What a person changed there is theirs: the job waits for a decision.

Who may see a video stands in the same part as four of the words (`outside.OF_STATUS`), and YouTube replaces a part whole. So
such an edit says again what was seen, and nobody else may change that meanwhile: it is begun only well before the moment or
once the video is public, while no job arms, publishes or takes back; and those wait for it (`words_kept.wait_for_edit`), or,
where they take back, look once more when it is over. An edit of the other words names no status at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import RemoteError, RemoteRejected
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_values import VideoStatus
from orchestration.core import audit, gateways
from orchestration.core.failpoints import failpoint
from orchestration.core.wakeups import wake_workers
from orchestration.models import Distribution, Job, Schedule
from orchestration.pipeline import extras, words_kept
from orchestration.pipeline.compare import compared, note_refused, note_set, note_title, note_trying
from orchestration.pipeline.youtube_calls import charged, look
from orchestration.planning.outside import Visibility
from orchestration.queue import jobs as queue
from orchestration.queue import pools
from orchestration.queue.lease import JobLease, OutcomeUnknown, WaitUntil
from orchestration.scheduling import publication_words
from orchestration.states import TAKING_BACK, DistributionState, JobKind, ScheduleState
from orchestration.words import outside
from orchestration.words.resolving import Resolved

STATUS_MARGIN = words_kept.CALL_IS_OVER_AFTER + timedelta(minutes=4)
"""So long before its moment the status of a video is left alone: a call that hangs must be over by then."""
REVIEW_PAUSE = timedelta(minutes=5)
EDITABLE_STATES = frozenset({DistributionState.STAGED, DistributionState.PUBLISHED})
SOURCE_PICTURE = "source"
"""The picture that came with the video, where nobody chose another."""


class WordsChangedElsewhere(OutcomeUnknown):
    """Somebody changed, on YouTube, words that are to be edited; they stay until a person says what holds."""

    code = "words_changed_elsewhere"


def key_of(distribution_id: int) -> str:
    """Return the key by which a publication has one open edit."""
    return queue.publication_key(JobKind.EDIT, distribution_id)


def enqueue(distribution: Distribution, reason: str = "", *, priority: int | None = None) -> Job:
    """Have the words that are wanted brought to YouTube; call it in the transaction that wants them."""
    now = timezone.now()
    job = queue.enqueue(
        JobKind.EDIT,
        dedupe_key=key_of(distribution.pk),
        channel=distribution.channel,
        video=distribution.video,
        distribution=distribution,
        reason=reason[:500],
        priority=priority,
    )
    if job.run_at > now and job.blocked_on_id is None:
        # It waits for something else that is tried again later.
        waiting = Job.objects.claimable().filter(pk=job.pk)
        if waiting.update(run_at=now, rank=queue.rank_of(job.priority, now), reason=reason[:500]):
            wake_workers(fast=job.fast)
    return job


def want_extras(distribution: Distribution) -> None:
    """Have an upload that was just recorded given its picture, subtitles and playlists; call it with the row locked."""
    wanted = extras_of(publication_words.words_of(distribution), distribution)
    if any(wanted.values()):
        words_kept.changed(distribution, "words_wanted", {**distribution.words_wanted, "extras": wanted})
        enqueue(distribution, "what goes with its upload")


def extras_of(words: Resolved, distribution: Distribution) -> dict[str, Any]:
    """Return what a publication's words say of its extras, as it is kept."""
    source = SOURCE_PICTURE if distribution.video.thumbnail_file else None
    return {
        "picture": words.picture or source,
        "subtitles": list(words.subtitles),
        "playlists": list(words.playlists),
    }


def run_edit(job: Job, lease: JobLease) -> dict[str, Any]:
    """Bring what is wanted of a publication's words to YouTube; each step leaves a state from which the next try goes on."""
    distribution = Distribution.objects.select_related("channel", "video").get(pk=job.distribution_id or 0)
    if not distribution.youtube_video_id:
        return {"skipped": "nothing is uploaded"}
    if distribution.state == DistributionState.NEEDS_REVIEW:
        raise WaitUntil(timezone.now() + REVIEW_PAUSE, "its publication needs review first")
    if distribution.state not in EDITABLE_STATES:
        return {"skipped": f"the distribution is {distribution.state}"}
    result: dict[str, Any] = {}
    stopped: Exception | None = None
    with gateways.youtube(distribution.channel) as youtube:
        if words_kept.wanted_words(distribution):
            lease.progress(0.1, "comparing its words")
            try:
                result["words"] = _edit(job, lease, youtube, distribution)
            except (WordsChangedElsewhere, RemoteRejected) as error:
                stopped = error  # its picture and the rest have nothing to do with that
        lease.progress(0.5, "picture, playlists and subtitles")
        later = extras.bring(job, lease, youtube, distribution)
    if stopped is not None:
        raise stopped
    if words_kept.wanted_words(distribution):
        raise WaitUntil(timezone.now(), "other words were asked for meanwhile")
    if later is not None:
        raise WaitUntil(later, "what YouTube did not take yet is tried again then")
    return {**result, "faults": {key: fault["message"] for key, fault in distribution.word_faults.items()}}


# -- one edit ----------------------------------------------------------------------------------------------


def _edit(job: Job, lease: JobLease, youtube: YouTubeGateway, distribution: Distribution) -> list[str]:
    """Write the wanted words, if they are ours to write; returns the fields that are as wanted now."""
    status = look(job, youtube, distribution, prepare=True)
    distribution.refresh_from_db(fields=["words_set", "words_wanted"])
    wanted = words_kept.wanted_words(distribution)
    seen = words_kept.shown_words(status, distribution.marker)
    ours = distribution.words_set.get("words", {})
    found = outside.compare(wanted, ours, words_kept.tried(distribution), seen)
    if found.changed_elsewhere:
        raise WordsChangedElsewhere(f"{found.sentence} Video {status.id} stays as it is there.")
    if not found.to_write:
        _record(job, lease, distribution, found.as_wanted, before=ours, after=seen)
        return sorted(found.as_wanted)
    has_status = not outside.OF_STATUS.isdisjoint(found.to_write)
    name, visibility = _store_intent(
        job, lease, youtube, distribution, found.to_write, status if has_status else None
    )
    failpoint("edit.intended")
    try:
        with charged("set_words", "videos.update", job):
            answered = youtube.set_words(status.id, found.to_write, distribution.marker)
            failpoint("edit.called")
    except (RemoteError, pools.BudgetExhausted) as error:
        if error.again != "unknown":
            _forget(distribution, name)
            if visibility:
                note_refused(distribution, visibility)
        raise
    if (answered.privacy_status, answered.publish_at) != (
        status.privacy_status,
        status.publish_at,
    ) and has_status:
        raise OutcomeUnknown(
            f"YouTube answered {answered.privacy_status} with publishAt {answered.publish_at} to an edit of words; it was "
            f"{status.privacy_status} with {status.publish_at}."
        )
    if visibility:
        note_set(distribution, _visibility(answered), visibility)
    after = words_kept.shown_words(answered, distribution.marker)
    _record(
        job, lease, distribution, {**found.as_wanted, **found.to_write}, before=seen, after=after, name=name
    )
    failpoint("edit.recorded")
    return sorted({**found.as_wanted, **found.to_write})


def _store_intent(
    job: Job,
    lease: JobLease,
    youtube: YouTubeGateway,
    distribution: Distribution,
    words: Mapping[str, Any],
    status: VideoStatus | None,
) -> tuple[str, str]:
    """Write down what is about to be set; `status` is what was seen, where the call names it. Raises: WaitUntil.

    Returns the names of the try and, where the call says again who may see the video, of that one's.
    """
    with transaction.atomic():
        queue.require_running("no words are changed")
        row = Schedule.objects.locked().filter(distribution=distribution).first()
        found = Distribution.objects.locked().get(pk=distribution.pk)
        lease.keep()
        now = timezone.now()
        if found.youtube_video_id != distribution.youtube_video_id or found.state not in EDITABLE_STATES:
            raise WaitUntil(now + words_kept.LOOK_AFTER, "it changed in the meantime")
        if status is not None:
            _wait_for_visibility(found, row, now)
            if compared(found, row, status, now - youtube.clock_ahead).stops:
                Distribution.objects.filter(pk=found.pk).update(look_at=now)
                raise WaitUntil(
                    now + REVIEW_PAUSE, "who may see it was changed on YouTube; that is settled first"
                )
        name = words_kept.begin_try(found, words, has_status=status is not None)
        distribution.words_set = found.words_set
        visibility = note_trying(distribution, _visibility(status)) if status is not None else ""
    return name, visibility


def _visibility(status: VideoStatus) -> Visibility:
    return Visibility(status.privacy_status, status.publish_at)


def _wait_for_visibility(distribution: Distribution, row: Schedule | None, now: datetime) -> None:
    """Let whatever may change who sees the video come first; rows are locked. Raises: WaitUntil."""
    kinds = {JobKind.PUBLISH, JobKind.STAGE}
    busy = Job.objects.running().filter(distribution=distribution.pk, kind__in=kinds).exists()
    taking_back = Job.objects.open().filter(distribution=distribution.pk, kind__in=TAKING_BACK).exists()
    if busy or taking_back:
        raise WaitUntil(now + words_kept.LOOK_AFTER, "who may see it is being changed first")
    if row is None or distribution.state == DistributionState.PUBLISHED:
        return
    if row.state == ScheduleState.STAGED:
        near = min(filter(None, (row.publish_at, row.armed_for)))
        if near - now < STATUS_MARGIN:
            after = max(near, now) + timedelta(minutes=1)
            raise WaitUntil(after, "its moment is near: these words are changed once it is public")
    elif row.state != ScheduleState.HELD or row.armed_for is not None:
        raise WaitUntil(now + REVIEW_PAUSE, f"its publication is {row.get_state_display()}")


def waits_for(row: Distribution, wanted: Mapping[str, Any]) -> str:
    """Return why an edit would not be made at once; empty where it would."""
    schedule: Schedule | None = getattr(row, "schedule", None)
    if outside.OF_STATUS.isdisjoint(wanted) or schedule is None or row.state == DistributionState.PUBLISHED:
        return ""
    if schedule.state == ScheduleState.STAGED and schedule.publish_at - timezone.now() < STATUS_MARGIN:
        return "its moment is near: these words are changed once it is public"
    return ""


def _forget(distribution: Distribution, name: str) -> None:
    with transaction.atomic():
        words_kept.end_try(Distribution.objects.locked().get(pk=distribution.pk), name, None)


def _record(
    job: Job,
    lease: JobLease,
    distribution: Distribution,
    words: Mapping[str, Any],
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    name: str = "",
) -> None:
    """Write down what YouTube answered, or showed, and that these fields are as they were wanted."""
    with transaction.atomic():
        found = Distribution.objects.locked().get(pk=distribution.pk)
        lease.keep()
        # Fields that others changed and nobody edited stay theirs: what we last set of them is not what is seen.
        ours = {**found.words_set.get("words", {}), **{field: after[field] for field in words}}
        words_kept.end_try(found, name, ours)
        words_kept.drop_wanted(found, words)
        words_kept.changed(found, "last_seen", {**found.last_seen, "words": dict(after)})
        if "title" in words:
            note_title(found, str(after["title"])[:120])
        audit.record(
            "words_edited",
            found,
            before={field: before.get(field) for field in words},
            after={field: after.get(field) for field in words},
            reason=job.reason,
        )
    distribution.words_set, distribution.words_wanted = found.words_set, found.words_wanted
