"""Have a channel's GitHub Actions workflow stage a video: dispatch once, then the run holds the job.

Intent first: the run's row with its correlation id is committed before the one POST. What the run then calls is in
`callbacks`, looking at it in `watch`: what GitHub, the run's callback and our polling say all mean "look again".
"""

import json
import logging
import secrets
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from channels.gateways import redaction
from channels.gateways.errors import RemoteError, RemoteUncertain
from channels.models import Channel
from orchestration.core import audit, gateways, installation
from orchestration.core.failpoints import failpoint
from orchestration.core.transitions import transition
from orchestration.github import proof, repository_pin
from orchestration.github.watch import SETTLE, uploaded
from orchestration.models import Distribution, Job, WorkflowRun
from orchestration.pipeline import renditions, stage
from orchestration.queue import jobs as queue
from orchestration.queue import pools
from orchestration.queue.lease import JobLease, WaitUntil
from orchestration.states import RunProof, RunState

logger = logging.getLogger(__name__)

FORGOTTEN_RUN_PAUSE = timedelta(seconds=30)
"""Between two looks at a run that a restored database does not know."""
RUN_LEASE_SECONDS = 7 * 3600


def run_dispatch(job: Job, lease: JobLease) -> dict[str, Any] | None:
    """Dispatch the workflow for one stage job, once; from then on the run holds the job (returns None).

    Raises: OutcomeUnknown, RemoteError; the job's next try looks first whether an earlier run did the work.
    """
    distribution = Distribution.objects.select_related("video__source", "channel").get(pk=job.distribution_id)
    channel = distribution.channel
    if distribution.youtube_video_id:
        stage.record_staged(distribution.pk, distribution.youtube_video_id)
        return {"youtube_video_id": distribution.youtube_video_id, "adopted": True}
    if distribution.state not in stage.RECORDABLE:
        return {"skipped": f"the distribution is {distribution.state}"}
    pending = WorkflowRun.objects.open().filter(job=job).first()
    if pending is not None:
        # We crashed after the intent was stored: the watch finds out, nobody dispatches again.
        _hand_over(job, lease, pending)
        return None
    stage.require_rights(distribution)
    if settings.HEADEND_PUBLIC_URL:
        renditions.require_file(distribution)
    marker, fresh = stage.ensure_marker(distribution)
    has_run = not fresh and WorkflowRun.objects.filter(job__distribution=distribution).exists()
    is_restored = stage.existed_before_restore(distribution)
    if is_restored:
        _wait_for_forgotten_runs(channel)
    if has_run or is_restored:
        found = uploaded(distribution, job)
        if found:
            return {"youtube_video_id": found, "adopted": True}
    lease.progress(0.02, "asking GitHub")
    with gateways.github(channel) as github:
        repository_pin.look_at(channel, github)
        secret = secrets.token_urlsafe(32) if proof.wanted() == RunProof.SECRET else ""
        run = _store_intent(job, lease, channel, secret)
        failpoint("run.intended")
        sheet = job_sheet(run, distribution, marker, secret, skip_upload=job.skip_upload)
        pools.charge_reserved(job)
        try:
            with redaction.knowing(secret):
                receipt = github.dispatch_workflow(
                    run.repository,
                    run.workflow,
                    run.ref,
                    {"correlation_id": run.correlation_id, "job_sheet": json.dumps(sheet)},
                )
            failpoint("run.dispatched")
        except RemoteUncertain as error:
            logger.warning("dispatch %s is uncertain: %s", run.correlation_id, error)
            WorkflowRun.objects.filter(pk=run.pk).update(
                error_message=str(error)[:500], error_code=error.code
            )
        except RemoteError as error:
            transition(
                run,
                RunState.FAILED,
                reason=str(error),
                error_code=error.code,
                error_message=str(error)[:500],
                completed_at=timezone.now(),
            )
            raise
        else:
            transition(
                run,
                RunState.DISPATCHED,
                run_id=receipt.run_id,
                html_url=receipt.html_url or "",
                dispatched_at=timezone.now(),
                next_look_at=timezone.now() + timedelta(seconds=1),
            )
            failpoint("run.written")
    _hand_over(job, lease, run)
    return None


def _wait_for_forgotten_runs(channel: Channel) -> None:
    """Let end what was dispatched after the backup was made and is not known here: it may upload yet. Raises: WaitUntil.

    YouTube is asked after it, so what such a run has uploaded is found.
    """
    restored_from = installation.restored_from()
    if restored_from is None:
        return
    with gateways.github(channel) as github:
        listed = github.dispatched_since(channel.repository, channel.workflow, restored_from)
    titles = {info.run_id: set(info.display_title.split()) for info in listed}
    ours = WorkflowRun.objects.filter(channel=channel)
    known = set(
        ours.filter(correlation_id__in=set().union(*titles.values())).values_list("correlation_id", flat=True)
    )
    now = timezone.now()
    for info in listed:
        is_over = info.status == "completed" and now - info.updated_at > SETTLE
        if not is_over and not titles[info.run_id] & known:
            raise WaitUntil(
                now + FORGOTTEN_RUN_PAUSE,
                f"GitHub run {info.run_id} was dispatched after the restored backup was made; it is {info.status}, and may "
                "have uploaded this video. When it is over, YouTube is looked at again.",
            )


def _hand_over(job: Job, lease: JobLease, run: WorkflowRun) -> None:
    lease.progress(0.05, "dispatched to GitHub")
    queue.hand_over(job, lease.holder, f"run:{run.correlation_id}", seconds=RUN_LEASE_SECONDS)
    failpoint("run.handed_over")


def _store_intent(job: Job, lease: JobLease, channel: Channel, secret: str) -> WorkflowRun:
    """Write down that a run is about to be dispatched, while the job is ours and the system lets new runs begin."""
    with transaction.atomic():
        queue.require_running("no run is dispatched")
        lease.keep()
        run = WorkflowRun.objects.create(
            job=job,
            channel=channel,
            repository=channel.repository,
            workflow=channel.workflow,
            ref=channel.ref,
            correlation_id=audit.new_correlation_id(),
            repository_id=channel.repository_id,
            proof=proof.wanted(),
            callback_hash=proof.hashed(secret) if secret else "",
            needs_permit=bool(settings.HEADEND_PUBLIC_URL),
            next_look_at=timezone.now() + timedelta(seconds=5),
        )
        audit.record(
            "run_intended",
            run,
            after={
                "state": run.state,
                "repository": run.repository,
                "run_correlation_id": run.correlation_id,
            },
        )
    return run


def job_sheet(
    run: WorkflowRun, distribution: Distribution, marker: str, secret: str, *, skip_upload: bool
) -> dict[str, Any]:
    """Return what the workflow is told; user text is only ever data in it.

    With HEADEND_PUBLIC_URL the run takes its permit, fetches the prepared file here and reports back. Without it, it
    fetches the original from its source, and its upload is found by its marker. Whoever can read the repository can read
    the sheet, so there is no secret in it, but for `one_use_secret` where GitHub does not vouch for its runs.
    """
    metadata = stage.metadata_for(distribution, marker)
    video = distribution.video
    sheet: dict[str, Any] = {
        "correlation_id": run.correlation_id,
        "media_url": video.url,
        "media_sha256": video.content_hash,
        "skip_upload": skip_upload,
        "metadata": {**asdict(metadata), "tags": list(metadata.tags)},
    }
    if settings.HEADEND_PUBLIC_URL:
        base = f"{settings.HEADEND_PUBLIC_URL.rstrip('/')}/api/runs/{run.correlation_id}"
        sheet |= {
            "permit_url": f"{base}/permit",
            "result_url": f"{base}/result",
            "media_url": f"{base}/media",
            "media_sha256": distribution.rendition.content_hash
            if distribution.rendition
            else video.prepared_hash,
            **({"one_use_secret": secret} if secret else {"audience": settings.HEADEND_PUBLIC_URL}),
        }
    return sheet
