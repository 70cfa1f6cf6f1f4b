"""Decide whether a call comes from the very run that Headend dispatched, and give that run a secret of its own.

A run proves itself once, for its permit: by GitHub's OIDC token, or, where GitHub makes none, by the one-use secret of its
job sheet. What it sends beside, its *claim*, is known to its own process alone: an answer that was lost can be asked for
again with it, and a proof that was read on the way, or in the repository, opens nothing a second time. The secret that
comes with the permit opens the file and the result, for this run at this attempt, until it ends.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from channels.gateways import github_oidc
from channels.gateways.github_oidc import KeysUnavailable, RunClaims, TokenRefused
from orchestration.core import audit
from orchestration.errors import NotPermitted, PermitRefused, ProofRefused, ProofUnverifiable
from orchestration.models import WorkflowRun
from orchestration.states import RunProof

logger = logging.getLogger(__name__)

SECRET_LASTS = timedelta(hours=6)
"""How long a run's own secret is good: as long as a job on GitHub's machines may last."""
TOLD_EVERY_SECONDS = 60
"""How often a refused proof is written down, in the log for each reason and in the audit for each run."""
EVENT = "workflow_dispatch"
STRANGER = "This token does not open this run."
"""One answer for an unknown run, a wrong secret and another repository's run, so that nobody learns which runs exist."""


def hashed(secret: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def wanted() -> str:
    """Return how a run that is dispatched now is to prove itself."""
    if not settings.HEADEND_PUBLIC_URL:
        return RunProof.NONE
    return RunProof.OIDC if settings.GITHUB_OIDC else RunProof.SECRET


def read(correlation_id: str, presented: str) -> RunClaims | None:
    """Return what GitHub vouches for, None for what is no token of its OIDC provider; may call GitHub for its keys.

    Raises: ProofRefused, ProofUnverifiable.
    """
    if not github_oidc.looks_like_one(presented) or not settings.HEADEND_PUBLIC_URL:
        return None
    try:
        return github_oidc.verify(
            presented, issuer=settings.GITHUB_OIDC_ISSUER, audience=settings.HEADEND_PUBLIC_URL
        )
    except TokenRefused as refused:
        sentence = f"GitHub's OIDC token is refused: {refused}."
        _tell(correlation_id, sentence)
        raise ProofRefused(sentence) from None
    except KeysUnavailable as error:
        raise ProofUnverifiable(f"The token cannot be checked at present: {error}. Ask again.") from None


def require(
    run: WorkflowRun | None, presented: str, claims: RunClaims | None, *, run_id: int, run_attempt: int
) -> WorkflowRun:
    """Return the run, if the proof is of it. Raises: NotPermitted, whose sentence names what does not fit."""
    if run is None:
        raise _stranger("", "there is no such run")
    if run.proof == RunProof.OIDC and claims is None:
        raise _stranger(run.correlation_id, "it was called with something else than GitHub's OIDC token")
    if claims is None or run.proof != RunProof.OIDC:
        if not run.callback_hash or not hmac.compare_digest(run.callback_hash, hashed(presented)):
            raise _stranger(run.correlation_id, "the secret is not its own")
        return run
    if claims.repository_id != run.repository_id:
        raise _stranger(run.correlation_id, f"the token is of repository {claims.repository_id}")
    wrong = _what_differs(run, claims, run_id, run_attempt)
    if wrong:
        _tell(run.correlation_id, wrong)
        raise NotPermitted(f"GitHub's OIDC token does not fit: {wrong}.")
    return run


def _what_differs(run: WorkflowRun, claims: RunClaims, run_id: int, run_attempt: int) -> str:
    if (claims.run_id, claims.run_attempt) != (run_id, run_attempt):
        return (
            f"it is of run {claims.run_id}, attempt {claims.run_attempt}, and the call says run {run_id}, "
            f"attempt {run_attempt}"
        )
    if claims.event_name != EVENT:
        return f"its run was begun by {claims.event_name}, and Headend's are by {EVENT}"
    if claims.ref not in {run.ref, f"refs/heads/{run.ref}", f"refs/tags/{run.ref}"}:
        return f"its run is of {claims.ref}, and this one was dispatched on {run.ref}"
    file = claims.workflow_path.rpartition("/")[2]
    if not run.workflow.isdecimal() and file != run.workflow.rpartition("/")[2]:
        return f"its workflow is {file}, and this one's is {run.workflow}"
    return ""


def require_claim(run: WorkflowRun, claim: str) -> None:
    """Refuse a proof that was used, unless it is the same process that asks again. Raises: SecretUsed."""
    if run.permit_run_id is not None and not hmac.compare_digest(run.claim_hash, hashed(claim)):
        raise SecretUsed(run)


class SecretUsed(NotPermitted):
    """The permit of this run at this attempt was taken by somebody else than who asks."""

    code = "proof_used"

    def __init__(self, run: WorkflowRun) -> None:
        at = f" at {run.permitted_at:%Y-%m-%d %H:%M:%S} UTC" if run.permitted_at else ""
        what = "GitHub's token" if run.proof == RunProof.OIDC else "The one-use secret"
        super().__init__(
            f"{what} of this run was used{at}, by somebody else than who asks now: it opens nothing more."
        )


def new_secret(now: datetime) -> tuple[str, dict[str, object]]:
    """Return a fresh secret for a run, and what is stored of it."""
    secret = secrets.token_urlsafe(32)
    return secret, {"secret_hash": hashed(secret), "secret_until": now + SECRET_LASTS}


def authorised(correlation_id: str, secret: str, *, lock: bool) -> WorkflowRun:
    """Return the run whose own secret this is. Raises: NotPermitted; PermitRefused, if it has none yet."""
    runs = WorkflowRun.objects.select_related("job__distribution__video")
    run = (runs.locked() if lock else runs).filter(correlation_id=correlation_id).first()
    if run is None:
        raise NotPermitted(STRANGER)
    if not run.secret_hash or not hmac.compare_digest(run.secret_hash, hashed(secret)):
        if run.callback_hash and hmac.compare_digest(run.callback_hash, hashed(secret)):
            raise PermitRefused(
                "The secret of the job sheet opens the permit only; what comes with that opens the rest."
            )
        raise NotPermitted(STRANGER)
    if run.secret_until is None or run.secret_until <= timezone.now():
        raise NotPermitted("This run's secret is over.")
    return run


def is_reuse(run: WorkflowRun, refused: NotPermitted | PermitRefused) -> bool:
    """Return whether a refusal means that somebody used a proof that was used before; a re-run's token is a fresh one."""
    return isinstance(refused, SecretUsed) or (run.proof == RunProof.SECRET and "run_id" in refused.details)


def audit_reuse(run: WorkflowRun, run_id: int, run_attempt: int, why: str) -> None:
    """Write down, once a minute for each run, that a proof was used a second time; in a transaction of its own."""
    now = timezone.now()
    with transaction.atomic():
        before = Q(refused_at=None) | Q(refused_at__lte=now - timedelta(seconds=TOLD_EVERY_SECONDS))
        if WorkflowRun.objects.filter(before, pk=run.pk).update(refused_at=now):
            audit.record(
                "run_proof_reused",
                run,
                after={"run_id": run_id, "run_attempt": run_attempt, "permit_run_id": run.permit_run_id},
                reason=why,
            )


# ---------------------------------------------------------------------------------------------------------- the log

_told: dict[tuple[str, str], float] = {}


def _stranger(correlation_id: str, why: str) -> NotPermitted:
    _tell(correlation_id, why)
    return NotPermitted(STRANGER)


def _tell(correlation_id: str, why: str) -> None:
    """Log a refused proof, each reason once a minute at most, however many are tried."""
    now, key = time.monotonic(), (correlation_id[:64], why[:60])
    if len(_told) > 1000:
        _told.clear()
    if now - _told.get(key, -TOLD_EVERY_SECONDS) >= TOLD_EVERY_SECONDS:
        _told[key] = now
        logger.warning("a call for run %s was refused: %s", correlation_id[:64] or "(unknown)", why)
