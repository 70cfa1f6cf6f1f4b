"""Where events are sent, and what became of each. Written by `orchestration.webhooks`."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from channels import secrets
from channels.models import ChannelGroup
from channels.querysets import Lockable


class DeliveryOutcome(models.TextChoices):
    """What became of an event at an endpoint; `sending` belongs to whoever holds the endpoint."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    RETRYING = "retrying", "failed, is tried again"
    GIVEN_UP = "given_up", "given up"


OPEN_DELIVERIES = (DeliveryOutcome.WAITING, DeliveryOutcome.RETRYING)


class WebhookEndpoint(models.Model):
    """An address to which events are sent, how far the stream has been written out for it, and how it answers.

    Address and secrets are sealed. `cursor_block` and `cursor_entry` are the cursor: the last seal that was written out.
    """

    name = models.CharField(max_length=80, unique=True)
    shown = models.CharField(max_length=120, editable=False, help_text="scheme and host")
    url_sealed = models.TextField(editable=False, blank=True)
    secret_sealed = models.TextField(editable=False, blank=True)
    older_secret_sealed = models.TextField(editable=False, blank=True)
    older_secret_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="until when the secret before it signs, too"
    )
    events = models.JSONField(default=list, blank=True, help_text="types or patterns; empty: all")
    groups = models.ManyToManyField(
        ChannelGroup, related_name="webhook_endpoints", blank=True, help_text="none: everything"
    )
    is_limited = models.BooleanField(
        default=False, editable=False, help_text="to its groups, though they may be gone"
    )
    enabled = models.BooleanField(default=True)
    disabled_because = models.CharField(max_length=300, blank=True, editable=False)
    disabled_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="by Headend itself")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.CharField(max_length=150, blank=True, editable=False)
    cursor_block = models.BigIntegerField(default=0, editable=False)
    cursor_entry = models.BigIntegerField(default=0, editable=False)
    held_by = models.CharField(max_length=32, blank=True, editable=False)
    held_until = models.DateTimeField(null=True, blank=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="one after the other")
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    paused_until = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False, help_text="empty: it arrived")

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = "webhook endpoint"

    def __str__(self) -> str:
        return self.name

    def bound_to(self, name: str) -> str:
        """Return what the seal of a field (`url`, `secret`, `older_secret`) is bound to."""
        return f"orchestration.webhookendpoint:{self.pk}:{name}"

    def opened(self, name: str) -> str:
        """Return a sealed field in plain text; never log it, never show it. Raises: SecretUnreadable."""
        return secrets.decrypt(getattr(self, f"{name}_sealed"), bound_to=self.bound_to(name))

    def seal(self, name: str, text: str) -> None:
        """Seal a field; the row must have been saved, for the seal is bound to its id."""
        setattr(self, f"{name}_sealed", secrets.encrypt(text, bound_to=self.bound_to(name)))


class WebhookDelivery(models.Model):
    """One event at one endpoint: a row of the outbox first, and of the log ever after.

    What is sent is made of the entry of the record, which never changes, so each try says the same.
    """

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.CharField(max_length=64, help_text="the webhook-id")
    entry = models.BigIntegerField(null=True, blank=True, help_text="of the record; none of a test")
    type = models.CharField(max_length=80)
    outcome = models.CharField(
        max_length=10, choices=DeliveryOutcome.choices, default=DeliveryOutcome.WAITING
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    give_up_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="of the last answer")
    answer = models.CharField(max_length=300, blank=True, help_text="its beginning, without secrets")
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    tries = models.JSONField(default=list, blank=True, help_text="the last ones: at, status, ms, error")

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event_id"], name="webhook_event_once"),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "due_at"],
                condition=Q(outcome__in=("waiting", "sending", "retrying")),
                name="webhook_open",
            ),
            models.Index(fields=["created_at"], name="webhook_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.type} to {self.endpoint_id}"
