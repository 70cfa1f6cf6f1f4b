"""What assistants propose, and what a person says to it."""

from __future__ import annotations

from collections.abc import Callable

from orchestration.core import lookup
from orchestration.core.permissions import action
from orchestration.models import Proposal
from orchestration.register import proposals
from orchestration.register.proposals import Outcome, Wanted
from orchestration.service.base import Door


class Proposals(Door):
    """What assistants propose, and what a person says to it."""

    @action("read")
    def get_proposals(self, *, state: str = "") -> list[Proposal]:
        """List what assistants proposed, the newest first; a token sees its own, whoever is limited none."""
        rows = proposals.rows_for(self.actor).defer("preview", "answer")
        return [row for row in rows if not state or row.state == state]

    @action("read")
    def get_proposal(self, *, proposal_id: int) -> Proposal:
        """Show one, with what it would do. Raises: NotFound."""
        return lookup.one(proposals.rows_for(self.actor), proposal_id, field="proposal_id")

    @action("schedule")
    def make_proposal(self, *, wanted: Wanted, reason: str = "") -> Proposal:
        """Keep a change that an assistant's token asks for, until a person has confirmed or refused it.

        Raises: NotPermitted, if it is no assistant's or may not do it; InvalidRequest, if too many wait.
        """
        return proposals.make(self.actor, wanted, reason, self.correlation_id)

    @action("schedule")
    def confirm_proposal(self, *, proposal_id: int, reason: str = "") -> Proposal:
        """Let a proposal be made, exactly as it was shown; who confirms may do themselves what it asks for.

        Raises: NotFound; NotPermitted, an assistant always; IllegalTransition.
        """
        return proposals.confirm(self.actor, proposal_id, reason)

    @action("schedule")
    def refuse_proposal(self, *, proposal_id: int, reason: str = "") -> Proposal:
        """Let a proposal not be made. Raises: NotFound, NotPermitted, IllegalTransition."""
        return proposals.refuse(self.actor, proposal_id, reason)

    @action("schedule")
    def commit_proposal(
        self, *, proposal_id: int, run: Callable[[Proposal], Outcome]
    ) -> tuple[Proposal, Outcome]:
        """Make a confirmed change of one's own, once; `run` calls what was proposed.

        Raises: NotFound; ConfirmationNeeded; IllegalTransition, if it has ended.
        """
        return proposals.commit(self.actor, proposal_id, run)
