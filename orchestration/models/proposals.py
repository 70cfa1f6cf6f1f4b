"""What an assistant proposes, and what a person said to it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from channels.verbs import offered
from orchestration.models.querysets import ProposalQuerySet
from orchestration.models.system import ApiToken
from orchestration.states import PROPOSAL_VERBS, ProposalState


class Proposal(models.Model):
    """One change that an assistant's token asks for, as it was shown; it is made once, and only if a person confirms it.

    The service alone writes it. What it asks for never changes: whoever confirms it confirms what stands here.
    """

    token = models.ForeignKey(ApiToken, on_delete=models.PROTECT, related_name="proposals")
    operation = models.CharField(max_length=80, help_text="the operation of the API that it asks for")
    title = models.CharField(max_length=200)
    arguments = models.JSONField(default=dict)
    needs = models.CharField(
        max_length=10, choices=ApiToken.Scope.choices, help_text="the level that it takes"
    )
    preview = models.JSONField(null=True, blank=True, help_text="what it would do, as a dry run said")
    seal = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the preview that has to be the same yet"
    )
    reason = models.CharField(max_length=300, blank=True, help_text="why, in the assistant's words")
    correlation_id = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=160, blank=True)
    decision_reason = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    status_code = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="what the API answered to the change"
    )
    answer = models.JSONField(null=True, blank=True)

    objects = ProposalQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.title

    @property
    def state(self) -> str:
        """Return how far it has come."""
        if self.ended_at is not None:
            return ProposalState.DONE if (self.status_code or 500) < 400 else ProposalState.FAILED
        if self.refused_at is not None:
            return ProposalState.REFUSED
        if self.expires_at <= timezone.now():
            return ProposalState.EXPIRED
        return ProposalState.WAITING if self.confirmed_at is None else ProposalState.CONFIRMED

    @property
    def actions(self) -> tuple[str, ...]:
        """Return the verbs that its state allows."""
        return offered(PROPOSAL_VERBS, self.state)
