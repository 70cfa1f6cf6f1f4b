"""Make public, at the exact moment, the one video id that was recorded; verify it; take it back when asked to.

A publish job first *arms*: it sets `publishAt` on YouTube, so that the video goes public in its second even while Headend
is down. After that moment it only reads back. What could not be armed in time is flipped at its moment.

`Schedule.armed_for` is written before the call, as the intent, and cleared when YouTube refused it: whoever moves, holds or
cancels a publication whose arming nobody heard the end of still has it disarmed. That the call was answered, and read
back, stands in the job (`confirmed_for`); until then the next try arms again, which changes nothing where it took effect.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import (
    QuotaExhausted,
    RateLimited,
    RemoteError,
    RemoteNotFound,
    RemoteRejected,
)
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_values import VideoStatus
from channels.states import ChannelState
from orchestration.core import audit, gateways
from orchestration.core.failpoints import failpoint
from orchestration.core.transitions import transition
from orchestration.errors import NoRightsBasis
from orchestration.models import Distribution, Job, Schedule
from orchestration.models.querysets import ON_TIME
from orchestration.pipeline import approvals, stage, words_kept
from orchestration.pipeline.compare import VideoRefused, compared, note_set, require_ours, seen_of
from orchestration.pipeline.replacing import after_refusal
from orchestration.pipeline.youtube_calls import look, make_private, publish_now, set_publish_at
from orchestration.planning.answers import MisfireAction
from orchestration.planning.looks import next_look_after
from orchestration.planning.outside import Visibility, is_failed
from orchestration.queue import jobs as queue
from orchestration.queue import pools
from orchestration.queue.lease import JobLease, OutcomeUnknown, WaitUntil
from orchestration.scheduling import misfires
from orchestration.states import (
    ENDED_WAVES,
    TAKING_BACK,
    DistributionState,
    ScheduleState,
    WaveState,
)

ARM_MARGIN = timedelta(seconds=8)
"""A publishAt nearer than this could lie in the past when it arrives, and a past one publishes at once (FACTS)."""
LOOK_AFTER = timedelta(seconds=1)
RECHECK_PAUSE = timedelta(seconds=30)
GRACE_FOR_YOUTUBE = timedelta(seconds=45)
"""How long after its moment an armed video may still be private before we flip it ourselves."""
ARMED = "armed: YouTube makes it public at its moment"
MAX_FLIPS = 5
"""How often one job makes a video public that stays private: each costs fifty looks of a budget that all share."""
FIRST_PAUSE_SECONDS = 2.0
CLOCKS_DIFFER = timedelta(seconds=30)


def run_publish(job: Job, lease: JobLease) -> dict[str, Any]:
    """Arm, publish and verify one schedule; each call leaves a state from which the next attempt goes on."""
    schedule = (
        Schedule.objects.select_related("distribution", "channel").filter(pk=job.schedule_id or 0).first()
    )
    if schedule is None:
        return {"skipped": "it was planned anew"}
    distribution = schedule.distribution
    if distribution.state == DistributionState.PUBLISHED:
        return {"skipped": "it is public already"}
    if job.read_back_first and not distribution.youtube_video_id:
        lease.progress(0.1, "looking for its upload")
        if not stage.adopt_forgotten(distribution, job):
            return {"skipped": misfires.settle_late(schedule.pk, timezone.now())}
        schedule = Schedule.objects.select_related("distribution", "channel").get(pk=schedule.pk)
        distribution = schedule.distribution
    if schedule.state not in {ScheduleState.STAGED, ScheduleState.PUBLISHING}:
        return {"skipped": f"the schedule is {schedule.state}"}
    if not distribution.youtube_video_id:
        return {"skipped": "nothing is uploaded"}
    if schedule.armed_for is None and not job.read_back_first and (why := approvals.why_not(schedule)):
        return {"skipped": why}  # before YouTube is asked anything; the tick begins again once it is approved
    with gateways.youtube(schedule.channel) as youtube:
        try:
            return _advance(job, lease, youtube, schedule)
        except VideoRefused as error:
            if after_refusal(job, lease, youtube, distribution, error):
                return {"replaced": str(error)}
            raise


def _advance(job: Job, lease: JobLease, youtube: YouTubeGateway, schedule: Schedule) -> dict[str, Any]:
    """Do what the clock calls for: arm, wait for YouTube, verify, or flip."""
    now = timezone.now()
    is_armed = schedule.armed_for is not None and schedule.armed_for == schedule.publish_at
    if is_armed and now >= schedule.armed_for:
        return _verify_armed(job, lease, youtube, schedule)
    if schedule.publish_at - now > ARM_MARGIN:
        _arm_if_it_can_be(job, lease, youtube, schedule)
        raise WaitUntil(schedule.publish_at + LOOK_AFTER, ARMED)
    if _is_confirmed(job, schedule):
        raise WaitUntil(schedule.armed_for + LOOK_AFTER, ARMED)
    return _flip(job, lease, youtube, schedule)


# ------------------------------------------------------------------------------------------------------------- arming


def _arm_if_it_can_be(job: Job, lease: JobLease, youtube: YouTubeGateway, schedule: Schedule) -> None:
    """Arm, or wait: while there is time left, a failure costs no try, and what cannot be armed is flipped at its moment.

    Raises: WaitUntil; RemoteError for what no waiting helps.
    """
    to_flip_at = schedule.publish_at - ARM_MARGIN
    try:
        _arm(job, lease, youtube, schedule)
    except VideoRefused:
        raise
    except RemoteRejected as error:
        if _look(job, youtube, schedule).privacy_status != "private":
            raise
        # It schedules nothing that was ever public, for example what was held too late and taken back.
        raise WaitUntil(
            to_flip_at, f"YouTube takes no publishAt for it, so it is flipped: {error}"
        ) from error
    except (QuotaExhausted, RateLimited):
        raise
    except RemoteError as error:
        if error.again in {"never", "blocked"}:
            raise
        soon = min(timezone.now() + RECHECK_PAUSE, to_flip_at)
        raise WaitUntil(soon, f"not armed yet: {error}") from error


def _arm(job: Job, lease: JobLease, youtube: YouTubeGateway, schedule: Schedule) -> None:
    if _is_confirmed(job, schedule):
        return
    words_kept.wait_for_edit(schedule.distribution)
    lease.progress(0.1, "arming")
    _look(job, youtube, schedule, prepare=True)
    is_first = schedule.armed_for is None
    _store_arming_intent(schedule, lease)
    failpoint("arming.intended")
    try:
        status = set_publish_at(job, youtube, schedule.distribution, schedule.publish_at)
    except (RemoteError, pools.BudgetExhausted) as error:
        if error.again != "unknown" and is_first:
            _clear_arming_intent(schedule, lease)
        raise
    if status.privacy_status != "private" or status.publish_at != schedule.publish_at:
        raise OutcomeUnknown(
            f"YouTube answered {status.privacy_status} with publishAt {status.publish_at}, wanted {schedule.publish_at}."
        )
    if not _confirm_arming(job, lease, schedule):
        # Moved, held or cancelled while we were calling: what we just set must not fire.
        make_private(job, youtube, schedule.distribution)
        raise WaitUntil(timezone.now() + LOOK_AFTER, "its time changed while it was being armed")
    failpoint("arming.confirmed")


def _clear_arming_intent(schedule: Schedule, lease: JobLease) -> None:
    """Take back the intent of a call that had no effect for certain, and that no call of unknown effect came before.

    Else the intent stays, and whoever takes the time away disarms. Raises: LeaseLost; the intent is another's then.
    """
    with transaction.atomic():
        _locked(schedule, lease)
        Schedule.objects.filter(
            pk=schedule.pk, version=schedule.version, armed_for=schedule.publish_at
        ).update(armed_for=None)


def _is_confirmed(job: Job, schedule: Schedule) -> bool:
    """Return whether YouTube was heard to take the time that the schedule is armed for."""
    return schedule.armed_for is not None and job.confirmed_for == schedule.armed_for


def _store_arming_intent(schedule: Schedule, lease: JobLease) -> None:
    """Write down that YouTube is about to be told the time, if it is still wanted. Raises: WaitUntil, NoRightsBasis."""
    soon = timezone.now() + LOOK_AFTER
    with transaction.atomic():
        queue.require_running("nothing new is published")
        row = _locked(schedule, lease)
        if row.version != schedule.version or row.state != ScheduleState.STAGED or _held_back(row):
            raise WaitUntil(soon, _held_back(row) or "it changed in the meantime")
        _wait_for_disarming(row)
        words_kept.wait_for_edit(row.distribution, loaded=schedule.distribution)
        _refuse_without_rights(row)
        if why := approvals.why_not(row):
            raise WaitUntil(min(row.publish_at, timezone.now() + RECHECK_PAUSE), why)
        Schedule.objects.filter(pk=row.pk).update(armed_for=row.publish_at)
    schedule.armed_for = schedule.publish_at


def _confirm_arming(job: Job, lease: JobLease, schedule: Schedule) -> bool:
    """Write down that YouTube took the time and showed it; False if the time was taken away meanwhile."""
    at = schedule.publish_at
    with transaction.atomic():
        still_armed = (
            Schedule.objects.locked()
            .filter(pk=schedule.pk, version=schedule.version, state=ScheduleState.STAGED, armed_for=at)
            .first()
        )
        lease.keep()
        if still_armed is None:
            return False
        job.confirmed_for = at
        Job.objects.filter(pk=job.pk).update(confirmed_for=at)
        audit.record(
            "schedule_armed",
            schedule,
            before={"armed_for": None},
            after={"armed_for": at.isoformat()},
            reason="publishAt set on YouTube and read back",
        )
    return True


def _verify_armed(job: Job, lease: JobLease, youtube: YouTubeGateway, schedule: Schedule) -> dict[str, Any]:
    """Read back what YouTube was to publish by itself; however long it cannot be asked, nothing is concluded."""
    lease.progress(0.8, "reading back")
    try:
        status = look(job, youtube, schedule.distribution)
    except RemoteNotFound:
        status = None
    except (QuotaExhausted, RateLimited):
        raise
    except RemoteError as error:
        if error.again == "blocked":
            raise
        if error.again == "never":
            raise OutcomeUnknown(
                f"YouTube was to publish it by itself, and cannot be asked: {error}"
            ) from error
        raise WaitUntil(timezone.now() + RECHECK_PAUSE, f"YouTube cannot be asked now: {error}") from error
    now = timezone.now()
    comparison = compared(schedule.distribution, schedule, status, now - youtube.clock_ahead)
    is_late = status is not None and status.privacy_status == "private" and not is_failed(seen_of(status))
    if is_late and _is_confirmed(job, schedule) and now < schedule.armed_for + GRACE_FOR_YOUTUBE:
        raise WaitUntil(now + timedelta(seconds=2), "YouTube has not made it public yet")
    require_ours(comparison, schedule.distribution.youtube_video_id or "")
    if status is not None and status.is_public:
        return record_published(schedule.pk, status)
    return _flip(job, lease, youtube, schedule)


# ----------------------------------------------------------------------------------------------------------- flipping


def _flip(job: Job, lease: JobLease, youtube: YouTubeGateway, schedule: Schedule) -> dict[str, Any]:
    """Make it public in its second: look, wait, intent, then one single call, then read back."""
    words_kept.wait_for_edit(schedule.distribution)
    lease.progress(0.2, "looking at the upload")
    status = _look(job, youtube, schedule, prepare=True)
    if status.is_public:
        return record_published(schedule.pk, status)
    if schedule.state == ScheduleState.PUBLISHING:
        transition(schedule, ScheduleState.STAGED, reason="an earlier try to publish it had no effect")
    now = timezone.now() - youtube.clock_ahead
    _wait_for_youtubes_clock(schedule, now)
    is_released = job.released_late and schedule.misfire_action == MisfireAction.PUBLISH_LATE
    if schedule.publish_at < now - ON_TIME and not is_released:
        return {"skipped": misfires.settle_late(schedule.pk, now)}
    lease.progress(0.3, "waiting for its second")
    lease.wait_until(schedule.publish_at + youtube.clock_ahead)
    refusal = _store_flip_intent(schedule, lease)
    if refusal:
        return {"skipped": refusal}
    failpoint("flip.intended")
    lease.progress(0.5, "publishing")
    try:
        publish_now(job, youtube, schedule.distribution)
    except RemoteError as error:
        if error.again != "unknown":
            raise
        # Publishing the recorded id twice does no harm; whether it happened is told by reading it back.
    lease.progress(0.9, "reading back")
    status = _look(job, youtube, schedule)
    failpoint("flip.read_back")
    if status.is_public:
        recorded = record_published(schedule.pk, status)
        failpoint("flip.recorded")
        return recorded
    raise _wait_after_flip(job, lease)


def _wait_for_youtubes_clock(schedule: Schedule, there: datetime) -> None:
    """Let a moment come at YouTube, too, where our clock is ahead of its: a flip is public at once. Raises: WaitUntil."""
    left = schedule.publish_at - there
    if left > ARM_MARGIN:
        seconds = (timezone.now() - there).total_seconds()
        raise WaitUntil(
            timezone.now() + min(left, RECHECK_PAUSE), f"our clock is {seconds:.0f} s ahead of YouTube's"
        )


def _wait_after_flip(job: Job, lease: JobLease) -> WaitUntil:
    """Count a flip that YouTube took and does not show, and return how long to wait; the pause doubles.

    YouTube locks to private what an unaudited project uploads, and takes the call all the same.
    Raises: OutcomeUnknown, once the flips of this job are used up.
    """
    job.flips += 1
    with transaction.atomic():
        lease.keep()
        Job.objects.filter(pk=job.pk).update(flips=job.flips)
    if job.flips >= MAX_FLIPS:
        raise OutcomeUnknown(
            f"YouTube took the call to make it public {job.flips} times and keeps it private. It does so with uploads of a "
            "Google project that has not passed its audit (see the README)."
        )
    pause = timedelta(seconds=FIRST_PAUSE_SECONDS * 2 ** (job.flips - 1))
    return WaitUntil(timezone.now() + pause, "YouTube does not show it as public yet")


def _store_flip_intent(schedule: Schedule, lease: JobLease) -> str:
    """Write down that it is about to be made public, if it is still wanted; returns why not.

    Raises: SystemNotRunning, NoRightsBasis, WaitUntil where it was moved to a later time.
    """
    with transaction.atomic():
        queue.require_running("nothing new is published")
        row = _locked(schedule, lease)
        if row.publish_at > timezone.now():
            raise WaitUntil(row.publish_at - ARM_MARGIN, "it was moved to a later time")
        if row.state != ScheduleState.STAGED:
            return f"the schedule is {row.state}"
        wave = row.called_off
        if wave is not None:
            why = f"its wave is {wave.state}"
            transition(row, ScheduleState.CANCELLED, reason=why)
            if row.distribution.can_become(DistributionState.CANCELLED):
                transition(row.distribution, DistributionState.CANCELLED, reason=why)
            return why
        if _held_back(row):
            return _held_back(row)
        _wait_for_disarming(row)
        words_kept.wait_for_edit(row.distribution, loaded=schedule.distribution)
        _refuse_without_rights(row)
        if why := approvals.why_not(row):
            return why
        transition(row, ScheduleState.PUBLISHING, reason="its moment has come")
    return ""


# ------------------------------------------------------------------------------------------------------ what both ask


def _locked(schedule: Schedule, lease: JobLease) -> Schedule:
    """Return the schedule under lock, and the job with it while it is still ours. Raises: LeaseLost.

    What may hold it back is read after the lock was granted and not joined: PostgreSQL reads anew only the row that it
    waited for, so a join would not show the pause of the wave or the channel that held that row.
    """
    row = Schedule.objects.locked().prefetch_related("wave", "channel", "distribution").get(pk=schedule.pk)
    lease.keep()
    return row


def _wait_for_disarming(row: Schedule) -> None:
    """Let what takes an earlier time off YouTube end first; it would take back what is done meanwhile. Raises: WaitUntil."""
    under_way = Job.objects.open().filter(distribution=row.distribution_id, kind__in=TAKING_BACK)
    if under_way.exists():
        raise WaitUntil(timezone.now() + LOOK_AFTER, "an earlier time is being taken off YouTube first")


def _look(job: Job, youtube: YouTubeGateway, schedule: Schedule, *, prepare: bool = False) -> VideoStatus:
    """Return how YouTube shows the upload, if that is as we set it and playable.

    Raises: ChangedElsewhere, for what is public before its moment among others; VideoRefused; RemoteError.
    """
    distribution = schedule.distribution
    status: VideoStatus | None = None
    try:
        status = look(job, youtube, distribution, prepare=prepare)
    except RemoteNotFound:
        require_ours(
            compared(distribution, schedule, None, timezone.now()), distribution.youtube_video_id or ""
        )
        raise
    theirs = timezone.now() - youtube.clock_ahead
    require_ours(compared(distribution, schedule, status, theirs), status.id)
    return status


def _refuse_without_rights(row: Schedule) -> None:
    """No rights, no publication; also where the basis was withdrawn after it was planned."""
    basis = Distribution.objects.values_list("video__source__rights_basis", flat=True).get(
        pk=row.distribution_id
    )
    if not basis:
        raise NoRightsBasis("The video's source has no rights basis any more, so it is not published.")


def _held_back(row: Schedule) -> str:
    """Return by whom a schedule is held back that is otherwise due; empty if by nobody."""
    if row.channel.state != ChannelState.ACTIVE:
        return f"channel {row.channel.name} is {row.channel.state}"
    if row.wave is not None and row.wave.state in {WaveState.PAUSED, *ENDED_WAVES}:
        return f"wave {row.wave.name} is {row.wave.state}"
    return ""


def record_published(schedule_id: int, status: VideoStatus) -> dict[str, Any]:
    """Write down what the read-back saw: public, since when, how late."""
    now = timezone.now()
    with transaction.atomic():
        schedule = Schedule.objects.locked().get(pk=schedule_id)
        distribution = Distribution.objects.locked().get(pk=schedule.distribution_id)
        note_set(distribution, Visibility("public"))
        published_at = _public_since(status, schedule, now)
        lateness = max((published_at - schedule.publish_at).total_seconds(), 0.0)
        if distribution.state in {DistributionState.STAGED, DistributionState.NEEDS_REVIEW}:
            transition(
                distribution,
                DistributionState.PUBLISHED,
                reason="seen public by reading it back",
                published_at=published_at,
                look_at=next_look_after(published_at, now),
                verified_at=now,
                error_code="",
                error_message="",
            )
        if schedule.can_become(ScheduleState.PUBLISHED):
            transition(schedule, ScheduleState.PUBLISHED, lateness_seconds=lateness)
    return {
        "youtube_video_id": distribution.youtube_video_id,
        "published_at": published_at.isoformat(),
        "lateness_seconds": lateness,
    }


def _public_since(status: VideoStatus, schedule: Schedule, now: datetime) -> datetime:
    """Return since when it is public: YouTube's word, where it is plausible, else the moment we saw it.

    What was public once and taken back keeps its first time there. A flip was begun on a private video, so what YouTube
    says of the time before it is that old time.
    """
    said = status.published_at
    if schedule.state == ScheduleState.PUBLISHING:
        earliest = schedule.state_changed_at - CLOCKS_DIFFER
    else:
        earliest = schedule.publish_at - timedelta(days=1)
    return said if said is not None and earliest < said <= now + timedelta(minutes=5) else now
