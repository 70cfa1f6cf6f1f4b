"""Who is told what, and the log of what was told. Written by `orchestration.notify`."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from channels import secrets
from channels.models import Channel, ChannelGroup, Label
from channels.querysets import Lockable

HEARTBEAT = "heartbeat"
"""The kind of an address that is called as long as Headend works, and is sent no message."""


class Severity(models.TextChoices):
    """How bad it is, in rising order; `critical` is what may harm a publication while nobody looks."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


SEVERITIES: dict[str, int] = {value: rank for rank, value in enumerate(Severity.values)}


class Category(models.TextChoices):
    """What a problem is about."""

    PUBLICATION = "publication"
    CHANNEL = "channel"
    SOURCE = "source"
    RESOURCE = "resource"
    CONFLICT = "conflict"
    SYSTEM = "system"
    NOTIFICATION = "notification"


class NotificationKind(models.TextChoices):
    """Why a message is sent."""

    PROBLEM = "problem"
    REMINDER = "reminder"
    RECOVERY = "recovery"
    DIGEST = "digest"
    TEST = "test"


class NotificationOutcome(models.TextChoices):
    """What became of a message; `sending` belongs to whoever claimed it."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    RETRYING = "retrying", "failed, is tried again"
    GIVEN_UP = "given_up", "given up"
    WITHDRAWN = "withdrawn", "withdrawn: silenced until it was over"


OPEN_OUTCOMES = frozenset({NotificationOutcome.WAITING, NotificationOutcome.RETRYING})


class NotificationAddress(models.Model):
    """Where messages go: an Apprise address, sealed as a whole, since it holds the credentials."""

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=40, editable=False, help_text="the address's scheme, or heartbeat")
    shown = models.CharField(max_length=80, editable=False, help_text="the scheme, and the host's beginning")
    url_sealed = models.TextField(editable=False, blank=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_tried_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False, help_text="empty: it arrived")
    gave_up_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="when a message was given up, until one arrives"
    )

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = "notification address"
        verbose_name_plural = "notification addresses"

    def __str__(self) -> str:
        return self.name

    def bound_to(self) -> str:
        """Return what its seal is bound to."""
        return f"orchestration.notificationaddress:{self.pk}:url"

    @property
    def url(self) -> str:
        """Return the address in plain text; never log it, never show it."""
        return secrets.decrypt(self.url_sealed, bound_to=self.bound_to())

    def seal(self, url: str) -> None:
        """Seal the address; the row must have been saved, for the seal is bound to its id."""
        self.url_sealed = secrets.encrypt(url, bound_to=self.bound_to())


class NotificationRule(models.Model):
    """Which problems are told to which addresses, and when."""

    name = models.CharField(max_length=80, unique=True)
    addresses = models.ManyToManyField(NotificationAddress, related_name="rules", blank=True)
    min_severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.WARNING)
    kinds = models.JSONField(
        default=list, blank=True, help_text="categories or codes of problems; empty: all"
    )
    channels = models.ManyToManyField(
        Channel,
        related_name="+",
        blank=True,
        help_text="neither these nor groups nor labels: all, and what concerns no channel",
    )
    groups = models.ManyToManyField(
        ChannelGroup, related_name="notification_rules", blank=True, help_text="those in them at the moment"
    )
    labels = models.ManyToManyField(
        Label, related_name="notification_rules", blank=True, help_text="those with them at the moment"
    )
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    zone = models.CharField(max_length=64, default="UTC", help_text="of quiet hours and digest")
    critical_breaks_quiet = models.BooleanField(default=True)
    reminder_hours = models.PositiveSmallIntegerField(default=24, help_text="0: no reminder")
    send_recovery = models.BooleanField(default=True)
    digest_at = models.TimeField(null=True, blank=True, help_text="empty: no daily digest")
    digest_from = models.DateTimeField(
        default=timezone.now, editable=False, help_text="digests whose moment lies before it are not sent"
    )
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = "notification rule"

    def __str__(self) -> str:
        return self.name


class Silence(models.Model):
    """Something of which nobody is told until an end; what stands then is told then."""

    kind = models.CharField(max_length=60, blank=True, help_text="category or code; empty: every one")
    channel = models.ForeignKey(Channel, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(
        ChannelGroup,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="silences",
        help_text="the channels that are in it at the moment",
    )
    cause = models.CharField(max_length=200, blank=True, help_text="one cause, by its key")
    until = models.DateTimeField()
    who = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["-until", "-id"]

    def __str__(self) -> str:
        what = [self.kind, str(self.channel or self.group or ""), self.cause]
        return f"{' · '.join(part for part in what if part)} until {self.until:%Y-%m-%d %H:%M} UTC"


class Incident(models.Model):
    """One cause at one scope, from when it was first seen until it is over: what is told once, not once a job."""

    key = models.CharField(max_length=200)
    code = models.CharField(max_length=60)
    category = models.CharField(max_length=20, choices=Category.choices)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    subject = models.CharField(max_length=300, blank=True)
    sentence = models.TextField()
    link = models.CharField(max_length=300, blank=True)
    channel = models.ForeignKey(Channel, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    since = models.DateTimeField(
        null=True, blank=True, help_text="by the problem's own word; empty: not known"
    )
    opened_at = models.DateTimeField()
    missing_since = models.DateTimeField(
        null=True, blank=True, help_text="not seen since; over once that has settled"
    )
    over_at = models.DateTimeField(null=True, blank=True, db_index=True)

    objects = Lockable.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(over_at=None), name="incident_open_once")
        ]
        ordering = ["-opened_at", "-id"]

    def __str__(self) -> str:
        return self.key


class Notification(models.Model):
    """One message to one address: a row of the outbox first, and of the log ever after."""

    once = models.CharField(max_length=200, unique=True, help_text="so that no message is written twice")
    kind = models.CharField(max_length=10, choices=NotificationKind.choices)
    incident = models.ForeignKey(
        Incident, null=True, blank=True, on_delete=models.CASCADE, related_name="notifications"
    )
    cause = models.CharField(max_length=200, blank=True)
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.INFO)
    channel = models.ForeignKey(Channel, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    rule = models.ForeignKey(
        NotificationRule, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    address = models.ForeignKey(
        NotificationAddress, null=True, blank=True, on_delete=models.SET_NULL, related_name="notifications"
    )
    address_name = models.CharField(max_length=80)
    title = models.CharField(max_length=200)
    body = models.TextField()
    html = models.TextField(blank=True)
    outcome = models.CharField(
        max_length=10, choices=NotificationOutcome.choices, default=NotificationOutcome.WAITING
    )
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    due_at = models.DateTimeField()
    give_up_at = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    broken_off = models.PositiveSmallIntegerField(default=0, help_text="tries whose sender died")
    message_id = models.CharField(max_length=32, blank=True, help_text="the same where several went as one")
    error = models.CharField(max_length=300, blank=True)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["outcome", "due_at"]),
            models.Index(fields=["address", "claimed_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.title}"
