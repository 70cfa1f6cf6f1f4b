"""Answer what a GitHub run calls: its permit, its file, its result. What it proves of itself authorises (`proof`)."""

from datetime import datetime
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from orchestration.core import audit
from orchestration.core.failpoints import failpoint
from orchestration.core.wakeups import wake_watch
from orchestration.errors import InvalidRequest, PermitNotYet, PermitRefused
from orchestration.github import proof, run_results
from orchestration.models import Job, WorkflowRun
from orchestration.pipeline import renditions
from orchestration.results.jobs import RunPermit, RunRecorded
from orchestration.states import CLAIMABLE_JOBS, OPEN_RUNS, JobState


def take_permit(
    correlation_id: str, presented: str, run_id: int, run_attempt: int, claim: str = ""
) -> RunPermit:
    """Let exactly one run, at one attempt, do the work, and give it a secret of its own for the rest.

    The same process may ask again, since its first answer may have been lost on the way: its `claim` tells it from others.

    Raises: ProofRefused, ProofUnverifiable, NotPermitted, PermitRefused.
    """
    claims = proof.read(correlation_id, presented)  # may call GitHub, so before the transaction
    run: WorkflowRun | None = None
    try:
        with transaction.atomic():
            run = WorkflowRun.objects.locked().filter(correlation_id=correlation_id).first()
            run = proof.require(run, presented, claims, run_id=run_id, run_attempt=run_attempt)
            permit = _permit(run, run_id, run_attempt, claim)
    except (proof.SecretUsed, PermitRefused) as refused:
        if run is not None and proof.is_reuse(run, refused):
            proof.audit_reuse(run, run_id, run_attempt, str(refused))
        raise
    failpoint("run.permitted")
    return permit


def _permit(run: WorkflowRun, run_id: int, run_attempt: int, claim: str) -> RunPermit:
    """Grant the permit to a run whose row is locked."""
    if run.permit_run_id is not None and (run.permit_run_id, run.permit_run_attempt) != (run_id, run_attempt):
        raise PermitRefused(
            f"Run {run.permit_run_id}, attempt {run.permit_run_attempt}, has this job.",
            run_id=run.permit_run_id,
            run_attempt=run.permit_run_attempt,
        )
    proof.require_claim(run, claim)
    if run.state not in OPEN_RUNS:
        raise PermitRefused(f"This run is {run.get_state_display()}; its job is over.")
    if run.run_id is not None and run.run_id != run_id:
        raise PermitRefused(f"Headend dispatched run {run.run_id}, not {run_id}.")
    job = Job.objects.locked().get(pk=run.job_id)
    if job.state in CLAIMABLE_JOBS and not job.cancel_requested_at:
        # Its dispatcher died, or could not hand it over yet: the next try hands it to this very run.
        raise PermitNotYet("The job is about to be handed over to this run; ask again in a moment.")
    if job.state != JobState.RUNNING or job.cancel_requested_at:
        raise PermitRefused("The job is not wanted any more.")
    if WorkflowRun.objects.filter(repository=run.repository, run_id=run_id).exclude(pk=run.pk).exists():
        raise PermitRefused(f"Run {run_id} serves another job.")
    now = timezone.now()
    secret, kept = proof.new_secret(now)
    permit: RunPermit = {
        "permitted": True,
        "again": run.permit_run_id is not None,
        "token": secret,
        "expires_at": now + proof.SECRET_LASTS,
    }
    if run.permit_run_id is not None:
        WorkflowRun.objects.filter(pk=run.pk).update(**kept)  # the one before was lost with its answer
        return permit
    # A dispatch whose answer was lost is found by this: only the run that was meant knows the token.
    WorkflowRun.objects.filter(pk=run.pk, permit_run_id=None).update(
        permit_run_id=run_id,
        permit_run_attempt=run_attempt,
        permitted_at=now,
        next_look_at=now,
        run_id=run_id,
        claim_hash=proof.hashed(claim),
        **kept,
    )
    audit.record(
        "run_permitted",
        run,
        before={"permit": None},
        after={"permit_run_id": run_id, "attempt": run_attempt},
    )
    return permit


def record_result(
    correlation_id: str,
    secret: str,
    *,
    run_id: int,
    run_attempt: int,
    outcome: str,
    youtube_video_id: str,
    error_code: str,
    error_message: str,
    again_at: datetime | None = None,
    bucket: str = "",
) -> RunRecorded:
    """Keep what the run says of itself and look at once; what it says counts only once YouTube confirms it.

    `again_at` is when a spent budget is refilled, `bucket` which it is; no longer than a day is waited for it.
    Raises: NotPermitted, PermitRefused (another run holds the permit), InvalidRequest.
    """
    if outcome not in run_results.OUTCOMES:
        raise InvalidRequest(f"{outcome!r} is not an outcome: staged or failed.", field="outcome")
    with transaction.atomic():
        run = proof.authorised(correlation_id, secret, lock=True)
        if (run.permit_run_id, run.permit_run_attempt) != (run_id, run_attempt):
            holder = f"run {run.permit_run_id}" if run.permit_run_id else "nobody"
            raise PermitRefused(f"The permit is held by {holder}; this result is not taken.")
        said = run_results.said(
            run_id=run_id,
            run_attempt=run_attempt,
            outcome=outcome,
            youtube_video_id=youtube_video_id,
            error_code=error_code,
            error_message=error_message,
            again_at=again_at,
            bucket=bucket,
        )
        if run.result and run.result != said and run.result.get("outcome") == "staged":
            return {"recorded": False, "state": run.state}
        if run.result != said:
            WorkflowRun.objects.filter(pk=run.pk).update(result=said, next_look_at=timezone.now())
            audit.record("run_reported", run, after=said)
            wake_watch()
    failpoint("run.reported")
    return {"recorded": True, "state": run.state}


def media_for_run(correlation_id: str, secret: str) -> Path:
    """Return the prepared file that a permitted run may fetch. Raises: NotPermitted, PermitRefused."""
    run = proof.authorised(correlation_id, secret, lock=False)
    if run.state not in OPEN_RUNS or run.permit_run_id is None:
        raise PermitRefused("Only an open run with its permit may fetch the file.")
    if run.job.distribution is None:
        raise PermitRefused("This run uploads nothing.")
    return renditions.file_of_run(run.job.distribution)
