"""What comes in: sources and the videos found there."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from channels import secrets
from channels.models import PRIORITY_VALIDATORS
from channels.querysets import Lockable
from channels.stateful import Stateful
from orchestration.media.access import Access
from orchestration.media.identity import address_key, identity_of_address
from orchestration.media.urls import canonical_url
from orchestration.models.querysets import VideoQuerySet
from orchestration.planning.retention import Rule
from orchestration.states import (
    SOURCE_TRANSITIONS,
    SOURCE_VERBS,
    VIDEO_TRANSITIONS,
    AttachmentKind,
    RightsBasis,
    SourceKind,
    SourceState,
    VideoState,
)


def check_keep(text: str) -> None:
    """Raise ValidationError for what is no rule of retention."""
    try:
        Rule.read(text)
    except ValueError as error:
        raise ValidationError(str(error)) from error


class Source(Stateful):
    """One page, direct file or feed that is read for videos, with the right to publish what is found there.

    Operators write it; the scraper writes `last_*` and `next_scrape_at`. Without a rights basis nothing is published.
    """

    TRANSITIONS = SOURCE_TRANSITIONS
    VERBS = SOURCE_VERBS

    name = models.CharField(max_length=120)
    kind = models.CharField(
        max_length=10, choices=SourceKind.choices, default=SourceKind.ADDRESS, editable=False
    )
    url = models.URLField(max_length=1000, blank=True, help_text="empty for what is not read from an address")
    canonical_url = models.CharField(max_length=1000, unique=True, editable=False)
    rights_basis = models.CharField(
        max_length=20, choices=RightsBasis.choices, default=RightsBasis.NONE, blank=True
    )
    rights_note = models.CharField(
        max_length=500, blank=True, help_text="contract, licence or attribution that the basis rests on"
    )
    keep_originals = models.CharField(
        max_length=10,
        blank=True,
        validators=[check_keep],
        help_text="forever, published, or a number of days; empty: as the installation keeps them",
    )
    keep_prepared = models.CharField(
        max_length=10, blank=True, validators=[check_keep], help_text="the same of prepared files"
    )
    priority = models.PositiveSmallIntegerField(default=5, validators=PRIORITY_VALIDATORS)
    language = models.CharField(
        max_length=20, blank=True, help_text="language of its videos, if they do not say"
    )
    profile = models.SlugField(
        max_length=40,
        blank=True,
        db_index=False,
        editable=False,
        help_text="how its videos are prepared where their channel has no profile; empty: the default one",
    )
    scrape_interval_minutes = models.PositiveIntegerField(default=60, validators=[MinValueValidator(1)])
    item_limit = models.PositiveIntegerField(
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(500)],
        help_text="newest items looked at",
    )
    needs_approval_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="since when its publications wait for an approval"
    )
    state = models.CharField(
        max_length=10, choices=SourceState.choices, default=SourceState.ACTIVE, editable=False
    )
    next_scrape_at = models.DateTimeField(null=True, blank=True, db_index=True, editable=False)
    last_scraped_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_found = models.PositiveIntegerField(default=0, editable=False)
    waiting_items = models.PositiveIntegerField(
        default=0, editable=False, help_text="new items that later readings take"
    )
    repairs = models.JSONField(
        default=list, blank=True, editable=False, help_text="what was repaired of the last feed"
    )
    unchanged_readings = models.PositiveIntegerField(
        default=0, editable=False, help_text="readings in a row that brought nothing new to read (304)"
    )
    addresses_asked_at = models.DateTimeField(null=True, blank=True, editable=False)
    reading = models.JSONField(
        default=dict, blank=True, editable=False, help_text="what the next reading goes on from"
    )
    last_error = models.CharField(max_length=500, blank=True, editable=False)
    consecutive_failures = models.PositiveIntegerField(default=0, editable=False)
    place = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="where a watched folder or object storage lies; no secret",
    )
    looked_at = models.JSONField(
        default=dict, blank=True, editable=False, help_text="what was still growing in a watched folder"
    )
    access_sealed = models.TextField(blank=True, editable=False)
    access_shown = models.JSONField(
        default=dict, blank=True, editable=False, help_text="what opens it, without the secrets"
    )
    access_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def where(self) -> str:
        """Return where it lies, for a reader: an address, a folder or a bucket; empty for what people upload."""
        if self.kind == SourceKind.STORAGE:
            return "{endpoint}/{bucket}/{prefix}".format(**self.place)
        return self.url or str(self.place.get("path", ""))

    def bound_to(self) -> str:
        """Return what its seal is bound to."""
        return f"orchestration.source:{self.pk}:access"

    def opened_by(self) -> dict[str, Any]:
        """Return what was sealed for it, in plain text; never log it, never show it. Raises: SecretUnreadable."""
        return (
            json.loads(secrets.decrypt(self.access_sealed, bound_to=self.bound_to()))
            if self.access_sealed
            else {}
        )

    def sealed(self, document: dict[str, Any]) -> str:
        """Return a document sealed for this row, which must have been saved: the seal is bound to its id."""
        return secrets.encrypt(json.dumps(document), bound_to=self.bound_to())

    @property
    def access(self) -> Access | None:
        """Return what opens its address, with its secrets; None where nothing was given. Raises: SecretUnreadable."""
        document = self.opened_by() if self.kind == SourceKind.ADDRESS else {}
        return Access.of_document(document) if document else None

    def why_not(self, name: str) -> str:
        """Return why a verb is refused now: by its state, or since nothing is read here."""
        if self.kind == SourceKind.UPLOADS:
            return f"{self.name} takes what people upload; it is not read by itself."
        return super().why_not(name)

    def save(self, *args, **kwargs) -> None:
        """Keep the canonical form of the address beside it, so that one source is registered once."""
        if self.kind == SourceKind.ADDRESS:
            self.canonical_url = canonical_url(self.url)
        super().save(*args, **kwargs)


class IdentityField(models.CharField):
    """The SHA-256 of what a video is known by; of its first address where nothing else was given. Written once."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Return the identity that was given, or make one of the address."""
        value = getattr(model_instance, self.attname) or identity_of_address(model_instance.canonical_url)  # type: ignore[attr-defined]  # a Video
        setattr(model_instance, self.attname, value)
        return value


class AddressKeyField(models.CharField):
    """The SHA-256 of what stays the same of the canonical address, by which rows are looked up; follows the address."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Return the key of the present address."""
        value = address_key(model_instance.canonical_url)  # type: ignore[attr-defined]  # a Video
        setattr(model_instance, self.attname, value)
        return value


class Video(Stateful):
    """One scraped item and its file, from discovery to a file ready for upload.

    Written by the pipeline. `identity` is unique and never changes, whatever becomes of the address: the markers of uploads
    are made of it. `external_id` is the id that a feed gives the episode, if that feed tells its episodes apart by it. The
    content hash of every video that is not a marked duplicate is unique, too. Files are paths below MEDIA_ROOT.
    """

    TRANSITIONS = VIDEO_TRANSITIONS

    source = models.ForeignKey(Source, null=True, on_delete=models.PROTECT, related_name="videos")
    url = models.TextField(blank=True, help_text="where it was found last; signed ones are asked for anew")
    canonical_url = models.TextField()
    identity = IdentityField(
        max_length=64, unique=True, editable=False, help_text="SHA-256 of what it is known by; never changes"
    )
    address_key = AddressKeyField(max_length=64, db_index=True, editable=False)
    external_id = models.CharField(max_length=255, blank=True, help_text="what the source itself calls it")
    title = models.CharField(max_length=300, blank=True)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=list, blank=True)
    language = models.CharField(max_length=20, blank=True)
    view_count = models.BigIntegerField(null=True, blank=True, help_text="views at the source, where known")
    watermarked = models.BooleanField(null=True, blank=True, help_text="empty: nobody has looked")
    source_published_at = models.DateTimeField(null=True, blank=True)

    content_hash = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the scraped file")
    size_bytes = models.BigIntegerField(null=True, blank=True)
    duration_seconds = models.FloatField(null=True, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    frames_per_second = models.FloatField(null=True, blank=True)
    video_codec = models.CharField(max_length=40, blank=True)
    audio_codec = models.CharField(max_length=40, blank=True)
    original_file = models.CharField(max_length=300, blank=True)
    prepared_file = models.CharField(max_length=300, blank=True)
    prepared_hash = models.CharField(max_length=64, blank=True)
    prepared_bytes = models.BigIntegerField(null=True, blank=True)
    thumbnail_file = models.CharField(max_length=300, blank=True)
    words = models.JSONField(
        default=dict, blank=True, help_text="what a person said of it, over what its source says"
    )

    state = models.CharField(
        max_length=20, choices=VideoState.choices, default=VideoState.FOUND, db_index=True
    )
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    duplicate_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="duplicates"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True, blank=True)

    objects = VideoQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["content_hash"],
                condition=~Q(content_hash="") & ~Q(state="duplicate"),
                name="video_content_once",
            ),
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=~Q(external_id=""), name="video_external_id_once"
            ),
        ]
        indexes = [models.Index(fields=["state", "-created_at"])]

    def __str__(self) -> str:
        # Never the address: it may hold a token, and this text goes into messages and pages.
        return self.title or (f"video {self.pk}, untitled" if self.pk else "an untitled video")

    @property
    def rights_basis(self) -> str:
        """Return the basis on which the video may be published; empty means it may not."""
        return self.source.rights_basis if self.source else ""


class Attachment(models.Model):
    """A picture or subtitles that go with a video; a publication's words name it by its id. Never changed, only replaced."""

    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="attachments")
    kind = models.CharField(max_length=10, choices=AttachmentKind.choices)
    language = models.CharField(max_length=20, blank=True, help_text="of subtitles, as BCP 47 writes it")
    name = models.CharField(max_length=150, blank=True)
    file = models.CharField(max_length=300, help_text="below MEDIA_ROOT")
    content_hash = models.CharField(max_length=64, help_text="SHA-256 of the file")
    size_bytes = models.BigIntegerField()
    notes = models.JSONField(default=list, blank=True, help_text="what was noticed when it was checked")
    created_at = models.DateTimeField(default=timezone.now)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["video", "kind", "language", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["video", "kind", "language", "content_hash"], name="attachment_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.language or self.name} of video {self.video_id}"
