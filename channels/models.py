"""The register: which channels exist, when they post, what opens them, how they are."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from channels import secrets
from channels.documents import validate_filters
from channels.querysets import ChannelQuerySet, Lockable
from channels.stateful import Stateful
from channels.states import (
    CHANNEL_TRANSITIONS,
    CHANNEL_VERBS,
    CREDENTIAL_TRANSITIONS,
    ChannelHealth,
    ChannelState,
    CredentialState,
    Executor,
    MisfirePolicy,
    SecretsIn,
)
from channels.zones import zone_names

PRIORITY_VALIDATORS = [MinValueValidator(0), MaxValueValidator(10)]


RESERVED_SLUGS = frozenset({"add", "check", "new", "sync"})
"""Words that the console's addresses use where a channel's slug could stand."""


def validate_zone(name: str) -> None:
    """Refuse a name that is not in the IANA time zone database."""
    if name not in zone_names():
        raise ValidationError(
            "%(name)s is not an IANA time zone, for example Europe/Berlin", params={"name": name}
        )


class ChannelGroup(models.Model):
    """Channels that are run together: wherever channels are picked, a group stands for those in it now."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80, unique=True)
    description = models.CharField(max_length=300, blank=True)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    """A word on channels, to find and pick them by; a video's keywords are its tags, which is YouTube's word."""

    name = models.SlugField(max_length=40, unique=True)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


CHANNEL_CHECKS: list[Callable[["Channel"], None]] = []
"""What the floors above ask of a channel before it is saved; each raises ValidationError, naming the field."""


class Channel(Stateful):
    """One YouTube channel that Headend runs.

    Operators write the configuration (admin, API); `state` changes through the service; `health*` is written by
    monitoring only.
    """

    TRANSITIONS = CHANNEL_TRANSITIONS
    VERBS = CHANNEL_VERBS

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    youtube_channel_id = models.CharField("YouTube channel id", max_length=64, blank=True)
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    priority = models.PositiveSmallIntegerField(default=5, validators=PRIORITY_VALIDATORS)

    min_gap_minutes = models.PositiveIntegerField(default=60, help_text="least time between two publications")
    daily_cap = models.PositiveIntegerField(
        default=6, validators=[MinValueValidator(1)], help_text="most publications a local day"
    )
    misfire_policy = models.CharField(
        max_length=20, choices=MisfirePolicy.choices, default=MisfirePolicy.PUBLISH_LATE
    )
    misfire_grace_minutes = models.PositiveIntegerField(
        default=120, help_text="how late publish_late may be; later than this the item is missed"
    )
    lead_time_minutes = models.PositiveIntegerField(
        default=120, help_text="how long before its moment a video is staged (uploaded private)"
    )
    filters = models.JSONField(default=dict, blank=True, validators=[validate_filters])

    title_template = models.CharField(
        max_length=200, default="{title}", help_text="{title} and {channel} are filled in"
    )
    description_template = models.TextField(default="{description}", blank=True)
    tags = models.JSONField(default=list, blank=True)
    category_id = models.CharField(max_length=4, default="22")
    language = models.CharField(max_length=20, blank=True)
    made_for_kids = models.BooleanField(default=False)
    needs_approval_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="since when its publications wait for an approval"
    )
    notify_subscribers = models.BooleanField(default=True)
    words = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="what its publications say beyond the fields above, where nobody says otherwise",
    )

    groups = models.ManyToManyField(ChannelGroup, blank=True, related_name="channels")
    labels = models.ManyToManyField(Label, blank=True, related_name="channels")

    profile = models.SlugField(
        max_length=40,
        blank=True,
        db_index=False,
        editable=False,
        help_text="how videos are prepared for it; empty: as their source says, else the default one",
    )

    executor = models.CharField(max_length=10, choices=Executor.choices, default=Executor.LOCAL)
    repository = models.CharField(
        max_length=140,
        blank=True,
        validators=[
            RegexValidator(r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", "write the repository as owner/name")
        ],
    )
    repository_id = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="GitHub's numeric id, pinned when first seen"
    )
    workflow = models.CharField(max_length=120, default="headend.yml")
    ref = models.CharField(max_length=120, default="main")
    failover = models.BooleanField(
        default=False,
        help_text="let our own workers stage what GitHub Actions will not stage in time",
    )
    secrets_in = models.CharField(
        max_length=12,
        choices=SecretsIn.choices,
        default=SecretsIn.ENVIRONMENT,
        help_text="environment: only runs of the branch can read them; repository: where GitHub's plan has no "
        "environments for private repositories",
    )

    state = models.CharField(
        max_length=10, choices=ChannelState.choices, default=ChannelState.ACTIVE, editable=False
    )
    health = models.CharField(
        max_length=10, choices=ChannelHealth.choices, default=ChannelHealth.UNKNOWN, editable=False
    )
    health_reason = models.CharField(max_length=300, blank=True, editable=False)
    health_checks = models.JSONField(default=list, blank=True, editable=False)
    health_checked_at = models.DateTimeField(null=True, blank=True, editable=False)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(priority__lte=10), name="channel_priority_0_to_10"),
            models.CheckConstraint(condition=Q(daily_cap__gte=1), name="channel_daily_cap_at_least_1"),
            models.CheckConstraint(
                condition=~Q(executor=Executor.GITHUB) | ~Q(repository=""),
                name="channel_github_has_repository",
            ),
            models.UniqueConstraint(
                fields=["youtube_channel_id"],
                condition=~Q(youtube_channel_id=""),
                name="channel_youtube_id_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Name what the constraints would refuse."""
        if self.slug in RESERVED_SLUGS:
            raise ValidationError({"slug": f"{self.slug} is the address of a page; choose another."})
        if self.executor == Executor.GITHUB and not self.repository:
            raise ValidationError(
                {"repository": "A channel that is staged by GitHub Actions needs a repository."}
            )
        for check in CHANNEL_CHECKS:
            check(self)

    @property
    def zone(self) -> ZoneInfo:
        """Return the channel's time zone."""
        return ZoneInfo(self.timezone)


class PostingSlot(models.Model):
    """One weekly wall-clock time, in the channel's zone, at which the channel posts."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0
        TUESDAY = 1
        WEDNESDAY = 2
        THURSDAY = 3
        FRIDAY = 4
        SATURDAY = 5
        SUNDAY = 6

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="slots")
    weekday = models.PositiveSmallIntegerField(choices=Weekday.choices)
    local_time = models.TimeField()
    enabled = models.BooleanField(default=True)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["channel", "weekday", "local_time"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "weekday", "local_time"], name="slot_once_a_week"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="slot_weekday_0_to_6"),
        ]

    def __str__(self) -> str:
        return f"{self.channel.slug} {self.get_weekday_display()} {self.local_time:%H:%M}"


class Blackout(models.Model):
    """A stretch of wall-clock time, in the channel's zone, in which the channel does not publish.

    From `first_date` at `from_time` (start of the day if empty) to `last_date` at `until_time` (end of the day if empty).
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="blackouts")
    first_date = models.DateField()
    last_date = models.DateField()
    from_time = models.TimeField(null=True, blank=True)
    until_time = models.TimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["channel", "first_date"]
        constraints = [
            models.CheckConstraint(
                condition=Q(last_date__gte=F("first_date")), name="blackout_ends_after_it_starts"
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel.slug} {self.first_date} to {self.last_date}"

    def clean(self) -> None:
        """Refuse a stretch that ends before it starts, or lies where no clock of its zone can be told."""
        for field in ("first_date", "last_date"):
            value = getattr(self, field)
            if value and not 2000 <= value.year <= 2199:
                raise ValidationError({field: f"{value} does not lie in the years 2000 to 2199."})
        if self.first_date and self.last_date and self.last_date < self.first_date:
            raise ValidationError({"last_date": "The last date lies before the first."})
        same_day = self.first_date == self.last_date
        if same_day and self.from_time and self.until_time and self.until_time <= self.from_time:
            raise ValidationError({"until_time": "The window ends before it starts."})


class Credential(Stateful):
    """The OAuth client and refresh token that open one channel, encrypted and bound to that channel.

    Written by the connect flow and by `set_secrets`; `state` by whoever was told so by Google, through `transition`.
    """

    TRANSITIONS = CREDENTIAL_TRANSITIONS

    channel = models.OneToOneField(Channel, on_delete=models.CASCADE, related_name="credential")
    client_id = models.CharField(max_length=200)
    client_secret_sealed = models.TextField(editable=False, blank=True)
    refresh_token_sealed = models.TextField(editable=False, blank=True)
    state = models.CharField(
        max_length=20, choices=CredentialState.choices, default=CredentialState.MISSING, editable=False
    )
    reason = models.CharField(max_length=300, blank=True, editable=False)
    connected_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="when the refresh token dies; empty where Google set no end",
    )
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    pushed_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="when the repository's secrets were last written"
    )

    objects = Lockable.as_manager()

    def __str__(self) -> str:
        return f"credential of {self.channel.slug}"

    def bound_to(self, field: str) -> str:
        """Return what the seal of a field is bound to."""
        return f"channels.credential:{self.channel_id}:{field}"

    @property
    def client_secret(self) -> str:
        """Return the client secret in plain text; never log it."""
        return secrets.decrypt(self.client_secret_sealed, bound_to=self.bound_to("client_secret"))

    @property
    def refresh_token(self) -> str:
        """Return the refresh token in plain text; never log it."""
        return secrets.decrypt(self.refresh_token_sealed, bound_to=self.bound_to("refresh_token"))

    def set_secrets(
        self, *, client_secret: str = "", refresh_token: str = "", expires_at: datetime | None = None
    ) -> None:
        """Seal what is given and keep the rest; an empty refresh token never overwrites a stored one.

        `expires_at` says when the given refresh token dies, if Google said so.
        """
        if client_secret:
            self.client_secret_sealed = secrets.encrypt(
                client_secret, bound_to=self.bound_to("client_secret")
            )
        if refresh_token:
            self.refresh_token_sealed = secrets.encrypt(
                refresh_token, bound_to=self.bound_to("refresh_token")
            )
            self.connected_at = timezone.now()
            self.expires_at = expires_at


class ConfigRevision(models.Model):
    """One version of a channel's configuration document; written by `sync_channel_configs`, never changed after.

    `commit_sha` and `synced_at` are set once the document lies in the channel's repository.
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    checksum = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, blank=True)
    commit_sha = models.CharField(max_length=64, blank=True)
    synced_at = models.DateTimeField(null=True, blank=True)
    sync_error = models.CharField(max_length=300, blank=True)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["channel", "-number"]
        constraints = [models.UniqueConstraint(fields=["channel", "number"], name="revision_number_once")]

    def __str__(self) -> str:
        return f"{self.channel.slug} revision {self.number}"


class ChannelStatistics(models.Model):
    """The raw numbers that YouTube gave for a channel at one moment; kept for at most 30 days (developer policy)."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="statistics")
    collected_at = models.DateTimeField(default=timezone.now, db_index=True)
    subscriber_count = models.BigIntegerField(null=True, help_text="empty where the channel hides it")
    view_count = models.BigIntegerField()
    video_count = models.IntegerField()
    is_latest = models.BooleanField(default=False, editable=False, help_text="YouTube gave none after it")

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["-collected_at"]
        indexes = [
            models.Index(fields=["channel", "-collected_at"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["channel"], condition=Q(is_latest=True), name="channel_statistics_latest_once"
            )
        ]
        verbose_name_plural = "channel statistics"

    def __str__(self) -> str:
        return f"{self.channel.slug} at {self.collected_at:%Y-%m-%d %H:%M}"
