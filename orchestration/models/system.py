"""The system itself: its switch, its heartbeats, who may call it, what was already answered."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from channels.querysets import Lockable
from channels.stateful import Stateful
from orchestration.states import SYSTEM_TRANSITIONS, SYSTEM_VERBS, SystemStatus, TokenState


class SystemState(Stateful):
    """The one row that says whether Headend runs, since when, by whom and why; shared by all processes."""

    TRANSITIONS = SYSTEM_TRANSITIONS
    VERBS = SYSTEM_VERBS

    state = models.CharField(
        max_length=10, choices=SystemStatus.choices, default=SystemStatus.STOPPED, editable=False
    )
    changed_by = models.CharField(max_length=150, blank=True, editable=False)
    reason = models.CharField(max_length=300, blank=True, editable=False)
    installation_id = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text="must equal the data folder's; else this is a copy",
    )
    outward_writes = models.BigIntegerField(
        default=0, editable=False, help_text="how often what the world sees was about to be changed"
    )
    behind_since = models.DateTimeField(
        null=True,
        editable=False,
        help_text="set while a restored backup or a copy waits to be resumed: its newest entry when that was found",
    )
    restored_from = models.DateTimeField(
        null=True, editable=False, help_text="the newest entry of the backup that was last taken over"
    )
    restored_at = models.DateTimeField(
        null=True, editable=False, help_text="when a backup or a copy was last taken over by a resume"
    )

    objects = Lockable.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="system_state_one_row")]
        permissions = [
            ("may_read", "look at everything, and set what is their own"),
            ("may_schedule", "plan, move, hold and word publications, keep calendars, approve"),
            ("may_operate", "start and stop the system, recall, retry, keep pools and sources going"),
            ("may_admin", "set up channels, credentials, people below owners, tokens, settings"),
            ("may_own", "everything"),
        ]
        verbose_name_plural = "system state"

    def __str__(self) -> str:
        return f"the system is {self.state}"

    def why_not(self, name: str) -> str:
        """Return why a verb is refused now, and which one is meant instead."""
        if self.state in self.VERBS[name].states:
            return ""
        only = {
            "pause": "; only a running system can be paused",
            "resume": "; only a paused system can be resumed",
        }
        instead: dict[str, str] = {SystemStatus.PAUSED: " Use resume.", SystemStatus.STOPPED: " Use start."}
        hint = instead.get(self.state, "") if name in {"start", "resume"} else ""
        return f"The system is {self.state}{only.get(name, ' already')}.{hint}"

    def _named(self) -> str:
        return "The system"


class Heartbeat(models.Model):
    """When a component of the installation last showed that it works."""

    component = models.CharField(max_length=40, primary_key=True)
    beat_at = models.DateTimeField(default=timezone.now)
    since = models.DateTimeField(null=True, blank=True, help_text="when the process that showed itself began")
    info = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.component


class ApiToken(models.Model):
    """A bearer token for the API: its hash, never itself, with the scope it opens."""

    class Scope(models.TextChoices):
        READ = "read"
        SCHEDULE = "schedule"
        OPERATE = "operate"
        ADMIN = "admin"
        OWN = "own"

    name = models.CharField(max_length=80, unique=True)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.READ)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="from when on it opens nothing")
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    networks = models.JSONField(
        default=list, blank=True, help_text="from where it opens anything, as CIDR; empty: from everywhere"
    )
    for_assistant = models.BooleanField(
        default=False,
        editable=False,
        help_text="it looks and proposes; what it changes, a person has confirmed",
    )
    old_hash = models.CharField(max_length=64, blank=True, default="", editable=False, db_index=True)
    old_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="until when the text before the last rotation opens"
    )

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def limited_to(self) -> list[str] | None:
        """Return the slugs of the groups of channels that it is limited to; None without a limit."""
        limit = getattr(self, "restriction", None)
        return None if limit is None else sorted(group.slug for group in limit.groups.all())

    @property
    def state(self) -> str:
        """Return whether it opens anything: open, revoked or expired."""
        if self.revoked_at is not None:
            return TokenState.REVOKED
        if self.expires_at is not None and self.expires_at <= timezone.now():
            return TokenState.EXPIRED
        return TokenState.OPEN


class Restriction(models.Model):
    """That a person or a token may see and do only what belongs to channels of some groups; without one there is no limit.

    Which channels these are is asked at each request. With all its groups gone, nothing is seen.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="restriction"
    )
    token = models.OneToOneField(
        ApiToken, null=True, blank=True, on_delete=models.CASCADE, related_name="restriction"
    )
    groups = models.ManyToManyField("channels.ChannelGroup", related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(user=None, token__isnull=False) | Q(user__isnull=False, token=None),
                name="restriction_of_one",
            )
        ]

    def __str__(self) -> str:
        return f"what {self.user or self.token} is limited to"


class RateCount(models.Model):
    """How often something happened in a window of time; written by one statement each (`core/rates.py`)."""

    key = models.CharField(max_length=200, primary_key=True)
    window = models.BigIntegerField(help_text="the number of the window, counted from 1970")
    seconds = models.PositiveIntegerField(help_text="how long a window is")
    count = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


class IdempotencyRecord(models.Model):
    """The answer that was given to an Idempotency-Key, so that the same request has one effect."""

    caller = models.CharField(max_length=160)
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body")
    status_code = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return self.key
