"""Take a time off YouTube that is not wanted any more: the job is queued here and done by `pipeline.take_back`."""

from collections.abc import Sequence

from orchestration.errors import IllegalTransition
from orchestration.models import Job, Schedule
from orchestration.queue import jobs as queue
from orchestration.states import JobKind


def is_beyond_stopping(schedule: Schedule) -> bool:
    """Return whether YouTube will make it public before anybody could stop it."""
    return schedule.is_beyond_stopping


def disarm_later(schedule: Schedule, why: str) -> Job | None:
    """Have what is armed on YouTube disarmed; call it in the transaction that takes the schedule's time away.

    Raises: IllegalTransition, if its moment is so near that it can no longer be stopped for certain.
    """
    if schedule.armed_for is None:
        return None
    if is_beyond_stopping(schedule):
        raise IllegalTransition(
            "It is armed on YouTube and its moment has come: it can only be recalled now.",
            state=schedule.state,
        )
    return disarm(schedule, why)


def disarm(schedule: Schedule, why: str) -> Job:
    """Have a video made private and its publishAt dropped, whatever YouTube has done with it by then."""
    (job,) = disarm_all([schedule], why)
    return job


def disarm_all(schedules: Sequence[Schedule], why: str) -> list[Job]:
    """Have many disarmed, as `disarm` does one, in a few statements."""
    return queue.enqueue_each(
        [
            queue.job_of(
                JobKind.DISARM,
                dedupe_key=f"disarm:{schedule.pk}",
                channel=schedule.channel,
                distribution=schedule.distribution,
                schedule=schedule,
                reason=why[:500],
            )
            for schedule in schedules
        ]
    )
