"""Cancel the run of a job that is to stop: asked for at each look until GitHub says it is over, at last by force."""

from datetime import datetime, timedelta

from django.db import transaction

from channels.gateways.errors import RemoteRejected
from channels.gateways.github import GitHubGateway
from orchestration.core import audit
from orchestration.github import repository_pin
from orchestration.models import WorkflowRun

FORCED_AFTER = timedelta(minutes=2)
"""How long after its job was asked to stop a run may go on before GitHub is told not to wait for its steps."""
FORCED = "cancel_forced"


def cancel(run: WorkflowRun, github: GitHubGateway, run_id: int, now: datetime) -> None:
    """Ask GitHub to cancel a run, under its repository's present name. Whether it did is seen at the next look."""
    try:
        _ask(run, github, run_id, now)
    except RemoteRejected as error:
        if not 300 <= (error.status or 0) < 400 or not _follow(run, github):
            raise
        _ask(run, github, run_id, now)


def is_slow(run: WorkflowRun, now: datetime) -> bool:
    """Return whether a run goes on although its job was asked to stop some time ago."""
    asked = run.job.cancel_requested_at
    return asked is not None and now - max(asked, run.created_at) > FORCED_AFTER


def _ask(run: WorkflowRun, github: GitHubGateway, run_id: int, now: datetime) -> None:
    github.cancel_run(run.repository, run_id)
    if is_slow(run, now) and github.force_cancel_run(run.repository, run_id):
        _note_force(run)


def _note_force(run: WorkflowRun) -> None:
    """Write down, once, that a run had to be cancelled by force."""
    if run.error_code == FORCED:
        return
    seconds = int(FORCED_AFTER.total_seconds())
    why = f"It did not end within {seconds} s of being cancelled; GitHub was told to end it by force."
    with transaction.atomic():
        WorkflowRun.objects.filter(pk=run.pk).update(error_code=FORCED, error_message=why)
        audit.record("run_force_cancelled", run, after={"run_id": run.run_id}, reason=why)


def _follow(run: WorkflowRun, github: GitHubGateway) -> bool:
    """Take over the present name of a run's repository; False where the name leads to another repository by now."""
    found = github.repository(run.repository)
    if found.id != (run.repository_id or run.channel.repository_id):
        return False
    repository_pin.follow(run.channel, found)
    WorkflowRun.objects.filter(pk=run.pk).update(repository=found.full_name, repository_id=found.id)
    run.repository, run.repository_id = found.full_name, found.id
    return True
