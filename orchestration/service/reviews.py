"""Review: let publications wait for somebody who may say that they go out."""

from __future__ import annotations

from collections.abc import Sequence

from channels.models import Channel
from orchestration.core import lookup
from orchestration.core.permissions import action
from orchestration.models import Schedule, Source
from orchestration.pipeline import approvals
from orchestration.results.library import ApprovalChange, PendingReview
from orchestration.service.base import Door


class Reviews(Door):
    """Review: let publications wait for somebody who may say that they go out."""

    @action("read")
    def get_reviews(self) -> list[PendingReview]:
        """List the publications that wait for an approval, the nearest first, with what is to be approved."""
        return approvals.waiting()

    @action("schedule")
    def approve_publications(
        self, *, schedule_ids: Sequence[int], seals: Sequence[str] = (), reason: str = ""
    ) -> list[Schedule]:
        """Approve publications as they are now, all or none; with `seals`, only if they are still what was seen."""
        return approvals.approve(schedule_ids, seals, reason, by=self.actor.label)

    @action("schedule")
    def refuse_publications(self, *, schedule_ids: Sequence[int], reason: str) -> list[Schedule]:
        """Refuse publications with a reason, all or none; what is armed of them is disarmed."""
        return approvals.refuse(schedule_ids, reason, by=self.actor.label)

    @action("admin")
    def set_channel_approval(self, *, channel_id: int, needed: bool, reason: str = "") -> ApprovalChange:
        """Let a channel's publications wait for an approval, or not any more."""
        return approvals.set_needed(lookup.one(Channel, channel_id, field="channel_id"), needed, reason)

    @action("admin")
    def set_source_approval(self, *, source_id: int, needed: bool, reason: str = "") -> ApprovalChange:
        """Let the publications of a source's videos wait for an approval, or not any more."""
        return approvals.set_needed(lookup.one(Source, source_id, field="source_id"), needed, reason)
