"""How videos are prepared: own profiles, and the files that were made by them."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from channels.querysets import Lockable
from orchestration.media.profiles import (
    BITRATES_KBITS,
    CRFS,
    HEIGHTS,
    PRESETS,
    RATES,
    TAKEN_CODECS,
)
from orchestration.media.profiles import (
    Profile as Wanted,
)
from orchestration.models.library import Video


def _within(bounds: tuple[int, int]) -> list[MinValueValidator | MaxValueValidator]:
    return [MinValueValidator(bounds[0]), MaxValueValidator(bounds[1])]


class Profile(models.Model):
    """One way of preparing that an operator made, beside the built-in ones. Channels and sources name it by its key.

    Only the service writes it. A change asks for other files; those that are there stay as they are.
    """

    class Colour(models.TextChoices):
        KEEP = "keep", "kept, HDR too"
        SDR = "sdr", "SDR"

    class Loudness(models.TextChoices):
        KEEP = "keep", "kept"
        EVEN = "even", "evened out"

    key = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    max_height = models.PositiveIntegerField(default=1080, validators=_within(HEIGHTS), help_text="lines")
    max_fps = models.PositiveIntegerField(default=60, validators=_within(RATES), help_text="frames a second")
    colour = models.CharField(max_length=4, choices=Colour.choices, default=Colour.KEEP)
    crf = models.PositiveIntegerField(
        default=18, validators=_within(CRFS), help_text="of H.264; less is finer"
    )
    preset = models.CharField(
        max_length=10, choices=[(preset, preset) for preset in PRESETS], default="veryfast"
    )
    audio_kbits = models.PositiveIntegerField(default=384, validators=_within(BITRATES_KBITS))
    loudness = models.CharField(max_length=4, choices=Loudness.choices, default=Loudness.EVEN)
    is_default = models.BooleanField(
        default=False, help_text="for whatever has no profile, instead of HEADEND_PROFILE"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["name", "key"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="one_default_profile"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def wanted(self) -> Wanted:
        """Return the profile as the value that files are made by."""
        return Wanted(
            key=self.key,
            name=self.name,
            max_height=self.max_height,
            max_fps=self.max_fps,
            colour="keep" if self.colour == self.Colour.KEEP else "sdr",
            codecs=TAKEN_CODECS,
            crf=self.crf,
            preset=self.preset,
            audio_kbits=self.audio_kbits,
            loudness="keep" if self.loudness == self.Loudness.KEEP else "even",
        )


class RenditionQuerySet(models.QuerySet["Rendition"]):
    """Ask for renditions."""

    def present(self) -> "RenditionQuerySet":
        """Return those whose file was made and has not been deleted."""
        return self.exclude(file="")


class Rendition(models.Model):
    """One prepared file of a video, by what its profile asked for; or why it could not be made.

    The process job writes it. `file` is empty once it was deleted to make room, or where it could not be made; the
    row then waits to be made again when a plan needs it.
    """

    video = models.ForeignKey(Video, on_delete=models.CASCADE, related_name="renditions")
    fingerprint = models.CharField(
        max_length=16, editable=False, help_text="of what the profile asked for, not of its name"
    )
    profile_name = models.CharField(max_length=80, blank=True)
    settings = models.JSONField(default=dict, blank=True, help_text="what the profile asked for")
    file = models.CharField(max_length=300, blank=True, help_text="below MEDIA_ROOT")
    content_hash = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the file")
    size_bytes = models.BigIntegerField(null=True, blank=True)
    measures = models.JSONField(default=dict, blank=True, help_text="what was measured of the file")
    notes = models.JSONField(default=list, blank=True, help_text="sentences on how it was made")
    error_message = models.CharField(max_length=500, blank=True)
    made_at = models.DateTimeField(null=True, blank=True)

    objects = RenditionQuerySet.as_manager()

    class Meta:
        ordering = ["video", "pk"]
        constraints = [models.UniqueConstraint(fields=["video", "fingerprint"], name="rendition_once")]

    def __str__(self) -> str:
        return f"{self.profile_name} of video {self.video_id}"
