"""Answer the runs of channels' workflows."""

from __future__ import annotations

from datetime import datetime

from orchestration.core.audit import Acting, acting_as
from orchestration.github import (
    callbacks,
)
from orchestration.results.jobs import RunPermit, RunRecorded
from orchestration.service.base import Door
from orchestration.states import Trigger


class Runs(Door):
    """Answer the runs of channels' workflows."""

    def take_permit(
        self, *, correlation_id: str, secret: str, run_id: int, run_attempt: int, claim: str = ""
    ) -> RunPermit:
        """Let a GitHub run begin, once: GitHub's OIDC token, or the sheet's one-use secret, authorises."""
        with acting_as(Acting(f"run {run_id}", None, Trigger.RUN, correlation_id)):
            return callbacks.take_permit(correlation_id, secret, run_id, run_attempt, claim)

    def record_run_result(
        self,
        *,
        correlation_id: str,
        secret: str,
        run_id: int,
        run_attempt: int,
        outcome: str,
        youtube_video_id: str = "",
        error_code: str = "",
        error_message: str = "",
        again_at: datetime | None = None,
        bucket: str = "",
    ) -> RunRecorded:
        """Record what a GitHub run says became of its job; the run's own secret authorises, doubled calls end alike."""
        with acting_as(Acting(f"run {run_id}", None, Trigger.RUN, correlation_id)):
            return callbacks.record_result(
                correlation_id,
                secret,
                run_id=run_id,
                run_attempt=run_attempt,
                outcome=outcome,
                youtube_video_id=youtube_video_id,
                error_code=error_code,
                error_message=error_message,
                again_at=again_at,
                bucket=bucket,
            )
