"""Carry what became of a job over to what it worked for: video, source, schedule, distribution.

Called in the transaction that ends the job, so that no job ends without its consequence.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.models import Credential
from channels.states import CredentialState
from orchestration.core import audit
from orchestration.core.transitions import transition
from orchestration.core.wakeups import wake_tick
from orchestration.errors import IllegalTransition
from orchestration.models import Distribution, Job, Schedule, Source, Video
from orchestration.models.querysets import JobQuerySet
from orchestration.pipeline import uploads, words_kept
from orchestration.pipeline.profile_choice import note_failure
from orchestration.queue import blockers
from orchestration.queue import jobs as queue
from orchestration.scheduling.disarming import disarm_later, is_beyond_stopping
from orchestration.states import (
    TAKING_BACK,
    DistributionState,
    JobKind,
    JobState,
    ScheduleState,
    VideoState,
)

STOPPED_BY_SWITCH = "stop_now"
RETRIED = "its job is tried again"
DECIDED_SCHEDULES = frozenset(
    {ScheduleState.HELD, ScheduleState.CANCELLED, ScheduleState.SKIPPED, ScheduleState.MISSED}
)
"""A person or a misfire policy has settled these; a job that is tried again does not undo it."""


def lock(job: Job) -> None:
    """Lock what a job's end may change, before the job itself.

    The order is schedule, distribution, run, job, as whoever steers a publication locks it: so an operator who holds one
    back and a worker who ends its job never wait for each other. All locks are NO KEY ones: a new job names its channel and
    its publication, and a stronger lock would make whoever adds it wait for whoever plans there.
    """
    _lock_publications(_changed_by_the_end_of(job))


def lock_all(jobs: Sequence[Job]) -> None:
    """Lock what the ends of many jobs may change, before the jobs themselves; as `lock`."""
    _lock_publications([pk for job in jobs for pk in _changed_by_the_end_of(job)])


def _changed_by_the_end_of(job: Job) -> list[int]:
    if job.kind in {JobKind.SCRAPE, JobKind.PROCESS} and job.video_id:
        return [pk for pk in _waiting_stages(job.video_id).values_list("distribution_id", flat=True) if pk]
    return [job.distribution_id] if job.distribution_id else []


def _lock_publications(distribution_ids: Sequence[int]) -> None:
    if distribution_ids:
        schedules = Schedule.objects.filter(distribution__in=distribution_ids).order_by("pk")
        list(schedules.locked().values_list("pk"))
        distributions = Distribution.objects.filter(pk__in=distribution_ids).order_by("pk")
        list(distributions.locked().values_list("pk"))


def end_job(
    job: Job,
    state: str,
    error_code: str = "",
    error_message: str = "",
    *,
    result: Mapping[str, Any] | None = None,
    uncertain: bool = False,
) -> bool:
    """End a running job and draw the consequences; returns whether it was running still.

    It is ended only for the holder and in the version that it was read with. `uncertain` says that its last call may have
    taken effect.
    Raises: StaleState, if it was taken from its holder in the meantime; nothing is written then.
    """
    if job.state != JobState.RUNNING:
        return False
    with transaction.atomic():
        # A success leaves alone what it worked for; but an edit may have been asked for more meanwhile.
        if state != JobState.SUCCEEDED or job.kind == JobKind.EDIT:
            lock(job)
        queue.finish(
            job,
            state,
            result=result,
            error_code=error_code[:60],
            error_message=error_message,
            uncertain=uncertain,
        )
        settle(job)
    return True


def settle(job: Job) -> None:
    """Draw the consequences of a job's end."""
    if job.error_code == "credential_revoked":
        revoke(job, job.error_message)
    if job.state != JobState.CANCELLED:
        blockers.ended_its_try(job)
    if job.state == JobState.SUCCEEDED:
        if job.kind == JobKind.EDIT:
            _edit_what_is_left(job)
        return
    match job.kind:
        case JobKind.SCRAPE if job.video_id is None:
            source_failed(job)
        case JobKind.SCRAPE | JobKind.PROCESS:
            _video_failed(job)
        case JobKind.TAKE:
            uploads.failed(job)
        case JobKind.STAGE:
            _staging_ended(job)
        case JobKind.PUBLISH:
            _publishing_ended(job)
        case JobKind.RECALL | JobKind.DISARM:
            _recall_ended(job)


def _edit_what_is_left(job: Job) -> None:
    """Queue another edit for what was asked for while this one ended; the publication is locked."""
    found = (
        Distribution.objects.select_related("channel", "video").filter(pk=job.distribution_id or 0).first()
    )
    if found is not None and "skipped" not in job.result and words_kept.wanted_words(found):
        queue.enqueue(
            JobKind.EDIT,
            dedupe_key=job.dedupe_key,
            channel=found.channel,
            video=found.video,
            distribution=found,
            reason="other words were asked for meanwhile",
        )


def reopen(job: Job) -> None:
    """Bring back what a job's bad end had closed, since it is being tried again.

    Raises: IllegalTransition, if somebody has decided otherwise about its publication since; that decision stands.
    """
    if job.kind in {JobKind.SCRAPE, JobKind.PROCESS} and job.video_id:
        _reopen_video(job)
    elif job.kind == JobKind.TAKE:
        uploads.reopened(job)
    elif job.kind in {JobKind.STAGE, JobKind.PUBLISH, *TAKING_BACK} and job.distribution_id:
        schedule, distribution = _locked_pair(job)
        if job.kind in TAKING_BACK:
            _reopen_recall(job, schedule, distribution)
        else:
            schedule = None if job.skip_upload else schedule
            _reopen_publication(job, schedule, distribution)


def _reopen_video(job: Job) -> None:
    video = Video.objects.locked().get(pk=job.video_id)
    to = VideoState.FOUND if job.kind == JobKind.SCRAPE else VideoState.SCRAPED
    if video.state == VideoState.FAILED:
        transition(video, to, reason=RETRIED, error_code="", error_message="")


def _reopen_recall(job: Job, schedule: Schedule | None, distribution: Distribution) -> None:
    if job.kind == JobKind.DISARM or distribution.state != DistributionState.NEEDS_REVIEW:
        return  # a video that was to be disarmed stays under review: only its moment can tell what it did
    transition(distribution, DistributionState.PUBLISHED, reason=RETRIED, error_code="", error_message="")
    if schedule is not None and schedule.state == ScheduleState.NEEDS_REVIEW:
        transition(schedule, ScheduleState.PUBLISHED, reason=RETRIED)


def _reopen_publication(job: Job, schedule: Schedule | None, distribution: Distribution) -> None:
    if schedule is not None:
        held_by_job = schedule.state == ScheduleState.HELD and job.cancel_reason == "operator"
        if schedule.state in DECIDED_SCHEDULES and not held_by_job:
            raise IllegalTransition(
                f"Its publication is {schedule.get_state_display()}; release it, or give it a new time.",
                state=schedule.state,
            )
    wanted = DistributionState.STAGED if distribution.youtube_video_id else DistributionState.ASSIGNED
    closed = {DistributionState.FAILED, DistributionState.CANCELLED, DistributionState.NEEDS_REVIEW}
    if distribution.state in closed:
        transition(distribution, wanted, reason=RETRIED, error_code="", error_message="")
    if schedule is None:
        return
    wanted = ScheduleState.STAGED if distribution.youtube_video_id else ScheduleState.PLANNED
    if schedule.state != wanted and schedule.can_become(wanted):
        transition(schedule, wanted, reason=RETRIED)
    if job.kind == JobKind.STAGE and schedule.state == ScheduleState.PLANNED:
        transition(schedule, ScheduleState.STAGING, reason=RETRIED)


def is_of_present_credential(job: Job, code: str, why: str) -> bool:
    """Write on a job's channel that Google refuses its token; False, if the job had another than the present one.

    Where it was a run's, the present one is written into the repository.
    """
    said_by_a_run = job.runs.filter(result__error_code=code).exists()
    is_present = revoke(job, why) if code == "credential_revoked" else True
    if said_by_a_run and (not is_present or code in {"credential_missing", "client_refused"}):
        queue.enqueue(JobKind.SYNC, dedupe_key=f"sync:{job.channel_id}", channel=job.channel)
        return False
    return is_present


def revoke(job: Job, why: str) -> bool:
    """Write on a job's channel that Google refuses its token; False, if it was another token than the present one."""
    credential = Credential.objects.locked().filter(channel_id=job.channel_id or 0).first()
    if credential is None or credential.state == CredentialState.REVOKED:
        return True
    if _is_of_another_token(job, credential):
        Credential.objects.filter(pk=credential.pk).update(checked_at=None)  # the next check asks Google
        return False
    Credential.objects.filter(pk=credential.pk).update(reason=why[:300])
    transition(credential, CredentialState.REVOKED, reason=why, checked_at=timezone.now())
    return True


def _is_of_another_token(job: Job, credential: Credential) -> bool:
    """Return whether the token that Google refused need not be the channel's present one.

    A worker reads it when its job begins, and may go on for hours while the channel is connected anew; a GitHub run has
    the one that was brought to its repository last.
    """
    if credential.connected_at and job.started_at and credential.connected_at > job.started_at:
        return True
    said_by_a_run = job.runs.filter(result__error_code="credential_revoked").exists()
    known = credential.connected_at is None or (
        credential.pushed_at is not None and credential.pushed_at >= credential.connected_at
    )
    return said_by_a_run and not known


def source_failed(job: Job) -> None:
    """Count that a source could not be read; of an item, or of a job that was stopped, nothing is learned about it."""
    if job.state == JobState.CANCELLED or job.video_id is not None:
        return
    source = Source.objects.locked().get(pk=job.source_id)
    source.consecutive_failures += 1
    Source.objects.filter(pk=source.pk).update(
        consecutive_failures=source.consecutive_failures, last_error=job.error_message[:500]
    )
    audit.record(
        "source_failed",
        source,
        after={"consecutive_failures": source.consecutive_failures},
        reason=job.error_message,
    )


def _video_failed(job: Job) -> None:
    video = Video.objects.locked().get(pk=job.video_id)
    if job.state == JobState.CANCELLED and job.cancel_reason == STOPPED_BY_SWITCH:
        back = VideoState.FOUND if job.kind == JobKind.SCRAPE else VideoState.SCRAPED
        if video.can_become(back):
            transition(video, back, reason="the system was stopped; it goes on at the next start")
        return
    if video.state == VideoState.READY and job.kind == JobKind.PROCESS:
        # It lacked a file that only some of its plans need: those that have theirs go on.
        lacking = note_failure(video, job.error_message)
        fail_waiting_stages(video, f"its file could not be made: {job.error_message}", only=lacking)
        return
    if video.can_become(VideoState.FAILED):
        transition(
            video,
            VideoState.FAILED,
            reason=job.error_message,
            error_code=job.error_code,
            error_message=job.error_message[:500],
        )
    fail_waiting_stages(video, f"its video failed: {job.error_message}")


def _waiting_stages(video_id: int) -> JobQuerySet[Job]:
    return Job.objects.claimable().filter(video=video_id, kind=JobKind.STAGE)


def fail_waiting_stages(video: Video, why: str, *, only: Sequence[int] | None = None) -> int:
    """End the staging jobs that wait for a video which will not become ready by itself; returns how many.

    `only` are the publications to look at, by their distributions' ids; None means all of the video's.
    """
    waiting = _waiting_stages(video.pk)
    if only is not None:
        waiting = waiting.filter(distribution__in=only)
    _lock_publications(list(waiting.values_list("distribution_id", flat=True)))
    jobs = list(waiting.locked().order_by("pk"))
    for job in jobs:
        transition(
            job,
            JobState.FAILED,
            reason=why,
            finished_at=timezone.now(),
            error_code="video_failed",
            error_message=why[:500],
            waits_for="",
        )
        settle(job)
    return len(jobs)


def _staging_ended(job: Job) -> None:
    if not job.distribution_id:
        return
    schedule, distribution = _locked_pair(job)
    if schedule is not None and job.skip_upload:
        return  # it was planned meanwhile, or before; that is staged by a job of its own
    if job.state == JobState.CANCELLED:
        _staging_cancelled(job, schedule)
        return
    if distribution.youtube_video_id:
        return  # the upload is there and recorded: what went wrong came after it
    if job.state == JobState.NEEDS_REVIEW:
        to, schedule_to = DistributionState.NEEDS_REVIEW, ScheduleState.NEEDS_REVIEW
    else:
        to, schedule_to = DistributionState.FAILED, ScheduleState.FAILED
    # What was cancelled, skipped or missed meanwhile stays so: an upload that nobody knows of is private.
    if distribution.state == DistributionState.ASSIGNED:
        _close(distribution, to, job)
    if schedule is not None and schedule.is_open and schedule.can_become(schedule_to):
        _end_schedule(schedule, schedule_to, job.error_message)


def _locked_pair(job: Job) -> tuple[Schedule | None, Distribution]:
    schedule = Schedule.objects.locked().filter(distribution=job.distribution_id).first()
    return schedule, Distribution.objects.locked().get(pk=job.distribution_id)


def _end_schedule(schedule: Schedule, to: str, why: str) -> None:
    """End a schedule, or leave it to a person, and say why on it: what it said before was of another state."""
    transition(schedule, to, reason=why)
    # The field shares its name with the entry's reason, so it cannot travel with the transition.
    Schedule.objects.filter(pk=schedule.pk, version=schedule.version).update(reason=why[:500])
    schedule.reason = why[:500]


def _close(distribution: Distribution, to: str, job: Job, message: str = "") -> None:
    transition(
        distribution,
        to,
        reason=job.error_message,
        error_code=job.error_code,
        error_message=(message or job.error_message)[:500],
    )


def _staging_cancelled(job: Job, schedule: Schedule | None) -> None:
    if schedule is None or schedule.state != ScheduleState.STAGING:
        return
    if job.cancel_reason == STOPPED_BY_SWITCH:
        transition(
            schedule,
            ScheduleState.PLANNED,
            reason="the system was stopped; it is staged again at the next start",
        )
    elif job.cancel_reason != "withdrawn":
        transition(schedule, ScheduleState.HELD, reason=job.error_message or "its staging was cancelled")
    wake_tick()


def _publishing_ended(job: Job) -> None:
    if not job.distribution_id:
        return
    schedule, distribution = _locked_pair(job)
    if schedule is None:
        return
    if job.state == JobState.CANCELLED:
        if job.cancel_reason == "operator":
            _hold(schedule, job.error_message or "its publication was cancelled")
        return
    # What is armed goes public by itself, whatever became of the job that was to look.
    is_refused = job.error_code == "upload_rejected"  # whoever may see it, there is nothing to be seen
    in_doubt = not is_refused and (
        job.state == JobState.NEEDS_REVIEW
        or schedule.state == ScheduleState.PUBLISHING
        or (schedule.is_open and schedule.armed_for is not None)
    )
    to = ScheduleState.NEEDS_REVIEW if in_doubt else ScheduleState.FAILED
    if schedule.can_become(to):
        _end_schedule(schedule, to, job.error_message)
    if in_doubt and distribution.can_become(DistributionState.NEEDS_REVIEW):
        _close(distribution, DistributionState.NEEDS_REVIEW, job)
    if is_refused and distribution.can_become(DistributionState.FAILED):
        _close(distribution, DistributionState.FAILED, job)


def _hold(schedule: Schedule, why: str) -> None:
    """Hold a publication back and disarm it; what cannot be stopped any more stays, and the next tick has it looked at."""
    if not schedule.can_become(ScheduleState.HELD) or is_beyond_stopping(schedule):
        return
    disarm_later(schedule, why)
    transition(schedule, ScheduleState.HELD, reason=why, armed_for=None)


def _recall_ended(job: Job) -> None:
    """A video that could not be made private may be public against our will: a person must look."""
    if job.state == JobState.CANCELLED or not job.distribution_id:
        return
    schedule, distribution = _locked_pair(job)
    is_others = job.error_code == "changed_elsewhere"  # left alone on purpose
    why = job.error_message if is_others else f"It could not be made private: {job.error_message}"
    if distribution.can_become(DistributionState.NEEDS_REVIEW):
        _close(distribution, DistributionState.NEEDS_REVIEW, job, why)
    if schedule is not None and schedule.can_become(ScheduleState.NEEDS_REVIEW):
        _end_schedule(schedule, ScheduleState.NEEDS_REVIEW, why)
