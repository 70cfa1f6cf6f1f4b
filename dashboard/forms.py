"""Read what an operator typed into values that the service takes; what cannot be read is said beside its field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Any, cast

from django import forms
from django.http import QueryDict

from channels.models import Channel
from channels.text import control_in
from dashboard import own_times
from dashboard.picking import MOST_OPTIONS, ChannelsField, OneChannelField, VideosField, usable_videos
from orchestration.core import readings
from orchestration.models import Job, Video
from orchestration.planning.slots import NonexistentLocalTime, resolve_local
from orchestration.states import (
    TAKING_BACK,
    USABLE_VIDEOS,
    DistributionState,
    OnConflict,
    RightsBasis,
    ScheduleState,
    Timing,
    VideoState,
)
from orchestration.text import unturned
from orchestration.words.fields import LICENCES

LOCAL = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


def offer(form: forms.Form, name: str, choices: Iterable[tuple[Any, str]]) -> None:
    """Give one of a form's fields its choices."""
    cast(forms.ChoiceField, form.fields[name]).choices = list(choices)


def zones() -> list[tuple[str, str]]:
    """Return UTC and the zones that channels live in, for a choice."""
    return [(name, name) for name in dict.fromkeys(["UTC", *zones_of_channels()])]


def zones_of_channels() -> Sequence[str]:
    """Return the zones that channels live in, by name."""
    return readings.kept("zones of channels", _zones_of_channels)


def _zones_of_channels() -> tuple[str, ...]:
    names = Channel.objects.order_by("timezone").values_list("timezone", flat=True).distinct()
    return tuple(names)


class LineField(forms.CharField):
    """A line of text without what turns the direction of writing; control characters are refused."""

    def to_python(self, value: Any) -> str:
        """Return the line as it may stand in a sentence."""
        text = unturned(super().to_python(value) or "")
        if control := control_in(text):
            raise forms.ValidationError(f"It contains {control}.", code="invalid")
        return text


class LocalTimeField(forms.DateTimeField):
    """A wall-clock time without a zone; the form's `zone` says whose clock is meant."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            input_formats=LOCAL,
            widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format=LOCAL[1]),
            **options,
        )

    def to_python(self, value: Any) -> datetime | None:
        """Keep the time naive: it means what the clock on the wall shows."""
        parsed = super().to_python(value)
        if parsed and not MINYEAR < parsed.year < MAXYEAR:  # in another zone its year might not exist
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return parsed.replace(tzinfo=None) if parsed else None


class ZonedForm(forms.Form):
    """A form whose local times are meant in the zone chosen with them."""

    zone = forms.ChoiceField(initial="UTC", label="on the clock of")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "zone", zones())  # looked up once, however often the form is drawn

    def instant(self, field: str) -> datetime | None:
        """Return the instant that a local time means; a time that the zone's clocks skip is refused beside its field."""
        local, zone = self.cleaned_data.get(field), self.cleaned_data.get("zone") or "UTC"
        if local is None:
            return None
        try:
            return resolve_local(local, zone).at
        except NonexistentLocalTime as error:
            self.add_error(field, str(error))
            return None


class MoveForm(ZonedForm):
    """A new time for a publication or a wave."""

    at = LocalTimeField(label="new time")
    reason = LineField(required=False, max_length=300, label="reason")

    field_order = ("at", "zone", "reason")

    def clean(self) -> dict[str, Any]:
        """Turn the wall-clock time into an instant."""
        self.cleaned_data["at"] = self.instant("at")
        return self.cleaned_data


class AfterForm(ZonedForm):
    """From which moment free slots are taken; none is now."""

    after = LocalTimeField(required=False, label="to slots from")

    field_order = ("after", "zone")

    def clean(self) -> dict[str, Any]:
        """Turn the wall-clock time into an instant."""
        self.cleaned_data["after"] = self.instant("after")
        return self.cleaned_data


@dataclass(frozen=True, slots=True)
class TimeForm:
    """What a page says around a `MoveForm`: the verb it stands for, and where it goes."""

    verb: str
    label: str
    title: str
    note: str
    url: str


OUTCOMES = [
    (ScheduleState.PUBLISHED.value, "it is public on YouTube"),
    (ScheduleState.STAGED.value, "it is uploaded, but not public"),
    (ScheduleState.PLANNED.value, "nothing was uploaded: do it again"),
    (ScheduleState.FAILED.value, "it failed for good"),
    (ScheduleState.CANCELLED.value, "it is not wanted any more"),
]


class ReviewForm(forms.Form):
    """What a person found out about a publication whose outcome was not known."""

    outcome = forms.ChoiceField(choices=OUTCOMES, label="what you found")
    youtube_video_id = LineField(required=False, max_length=32, label="YouTube video id, if there is one")
    reason = LineField(required=False, max_length=300, label="what it rests on")


class WordsOnYouTubeForm(forms.Form):
    """Words of what lies on YouTube already; limits are checked by the service, which counts as YouTube does."""

    YES_NO = ("embeddable", "made_for_kids", "synthetic_media", "paid_promotion")
    ANSWERS = (("yes", "yes"), ("no", "no"))

    title = LineField(required=False, max_length=500, strip=True)
    description = forms.CharField(required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 6}))
    tags = LineField(required=False, max_length=2_000, label="tags, with commas between")
    licence = forms.ChoiceField(choices=tuple(LICENCES.items()))
    embeddable = forms.ChoiceField(choices=ANSWERS, label="may be embedded")
    made_for_kids = forms.ChoiceField(choices=ANSWERS, label="made for kids")
    synthetic_media = forms.ChoiceField(choices=ANSWERS, label="altered or synthetic")
    paid_promotion = forms.ChoiceField(choices=ANSWERS, label="paid promotion")
    reason = LineField(required=False, max_length=300, label="why")

    def clean_description(self) -> str:
        return str(self.cleaned_data["description"]).replace("\r\n", "\n")


class ReviewJobForm(ReviewForm):
    """What a person found out about a job that no publication waits for."""

    def __init__(self, *args: Any, job: Job, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if job.kind in TAKING_BACK:
            found = [
                (DistributionState.RECALLED.value, "it is private again"),
                (DistributionState.PUBLISHED.value, "it is still public"),
            ]
        else:
            found = OUTCOMES[1:]
        offer(self, "outcome", found)


class TriggerForm(forms.Form):
    """What to run a channel's pipeline on."""

    video = VideosField(one=True, required=False, label="video")
    source_url = forms.URLField(
        required=False,
        max_length=1000,
        label="or an address",
        assume_scheme="https",
        widget=forms.URLInput(attrs={"aria-describedby": "id_source_url_helptext"}),
    )
    skip_upload = forms.BooleanField(required=False, label="prepare only, upload nothing")


class SourceForm(forms.Form):
    """A source to read, and the right to publish what is found there."""

    url = forms.URLField(
        max_length=1000,
        label="address",
        assume_scheme="https",
        help_text="a page, a direct file or an RSS, Atom or MRSS feed",
    )
    name = LineField(max_length=120, required=False, label="name")
    rights_basis = forms.ChoiceField(
        choices=RightsBasis.choices,
        required=False,
        label="rights basis",
        help_text="without one, nothing of it is published",
    )
    rights_note = LineField(
        max_length=500, required=False, label="what it rests on", help_text="contract, licence, attribution"
    )


class UploadForm(forms.Form):
    """Where files are sent to: a source of uploads that is there, or a new one with its rights basis."""

    source_id = forms.ChoiceField(required=False, label="goes to")
    name = LineField(max_length=120, required=False, label="name of the new source")
    rights_basis = forms.ChoiceField(
        choices=RightsBasis.choices,
        required=False,
        label="rights basis",
        help_text="said once for all that is sent there; without one, nothing of it is published",
    )
    rights_note = LineField(
        max_length=500, required=False, label="what it rests on", help_text="contract, licence, attribution"
    )

    def __init__(self, *args: Any, sources: Iterable[tuple[int, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ChoiceField, self.fields["source_id"])
        field.choices = [*((str(pk), name) for pk, name in sources), ("", "a new source")]
        field.initial = field.choices[0][0]


class WaveForm(ZonedForm):
    """A coordinated publication: what, where, when, and what to do about conflicts."""

    name = LineField(max_length=120, required=False, label="name")
    videos = VideosField(label="videos")
    channels = ChannelsField(enabled=True, label="channels")
    timing = forms.ChoiceField(choices=Timing.choices, initial=Timing.SIMULTANEOUS, label="timing")
    scheduled_at = LocalTimeField(required=False, label="time", help_text="empty: as soon as it can be")
    delay_seconds = forms.IntegerField(
        min_value=0,
        initial=300,
        required=False,
        label="delay, seconds",
        help_text="between channels, if staggered",
    )
    priority = forms.IntegerField(
        min_value=0,
        max_value=10,
        initial=5,
        required=False,
        label="priority",
        help_text="0 to 10, 10 goes first",
    )
    on_conflict = forms.ChoiceField(
        choices=[
            (OnConflict.SHIFT, "shift: take the next free time"),
            (OnConflict.PREEMPT, "preempt: the lower priority yields"),
            (OnConflict.SKIP, "skip what collides"),
            (OnConflict.REJECT, "reject the whole wave"),
        ],
        initial=OnConflict.SHIFT,
        label="on conflict",
    )
    acknowledge_policy = forms.BooleanField(
        required=False,
        label="the same video on many channels, or again where it was cancelled, is intended and within YouTube's policies",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.searched = ("", "", "")
        self.typed_times: dict[own_times.Member, str] = {}
        self.overrides: dict[own_times.Member, datetime] = {}

    @property
    def video_states(self) -> list[tuple[str, str]]:
        """Return the states that the search for videos can be narrowed to."""
        return [(value, str(label)) for value, label in VideoState.choices if value in USABLE_VIDEOS]

    def newest_videos(self) -> list[Video]:
        """Return the newest videos that fit what was searched, for a page without a script."""
        return list(usable_videos(*self.searched)[:MOST_OPTIONS])

    def clean(self) -> dict[str, Any]:
        """Turn wall-clock times into instants: the wave's on the chosen clock, each member's own on its channel's."""
        self.cleaned_data["scheduled_at"] = self.instant("scheduled_at")
        chosen = [self.cleaned_data.get(name, []) for name in ("videos", "channels")]
        self.typed_times = own_times.typed_in(cast(QueryDict, self.data), *chosen)
        channels = Channel.objects.in_bulk({member[1] for member in self.typed_times})
        for member, text in self.typed_times.items():
            try:
                self.overrides[member] = own_times.instant_of(text, channels[member[1]], LocalTimeField())
            except forms.ValidationError as error:
                self.add_error(None, error)
        return self.cleaned_data

    def arguments(self) -> dict[str, Any]:
        """Return what `schedule_wave_publication` takes."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "video_ids": data["videos"],
            "channel_ids": data["channels"],
            "timing": data["timing"],
            "scheduled_at": data["scheduled_at"],
            "delay_seconds": data["delay_seconds"] or 0,
            "priority": data["priority"],
            "on_conflict": data["on_conflict"],
            "acknowledge_policy": data["acknowledge_policy"],
            "overrides": self.overrides or None,
        }

    @property
    def fingerprint(self) -> str:
        """Return which plan was shown, where it stands still: what goes out as soon as it can, moves with the clock."""
        data = self.cleaned_data
        stands = data["scheduled_at"] or self.overrides or data["timing"] == Timing.INDEPENDENT
        return self.data.get("fingerprint", "").strip()[:64] if stands else ""


class CoordinateForm(WaveForm):
    """One video on several channels."""

    # How Django takes away a field that was inherited.
    name = None  # type: ignore[assignment]
    videos = None  # type: ignore[assignment]

    def clean(self) -> dict[str, Any]:
        """Turn the wall-clock time into an instant."""
        self.cleaned_data["scheduled_at"] = self.instant("scheduled_at")
        return self.cleaned_data

    def arguments(self) -> dict[str, Any]:
        """Return what `coordinate_publication` takes beside the video."""
        data = self.cleaned_data
        return {
            "channel_ids": data["channels"],
            "timing": data["timing"],
            "scheduled_at": data["scheduled_at"],
            "stagger_seconds": data["delay_seconds"] or 0,
            "priority": data["priority"],
            "on_conflict": data["on_conflict"],
            "acknowledge_policy": data["acknowledge_policy"],
        }


class DistributeForm(forms.Form):
    """On which channels, and how far ahead, ready videos may be placed."""

    channels = ChannelsField(
        enabled=True, required=False, label="channels", help_text="none chosen: every active channel"
    )

    horizon_days = forms.IntegerField(min_value=1, max_value=90, initial=14, label="days ahead")

    def arguments(self) -> dict[str, Any]:
        """Return what `distribute_videos` takes."""
        return {
            "channel_ids": self.cleaned_data["channels"] or None,
            "horizon_days": self.cleaned_data["horizon_days"],
        }


class RolloutForm(forms.Form):
    """Whose configurations are written to their repositories, which of them first, and how many at once after that."""

    channels = ChannelsField(
        enabled=True, required=False, label="channels", help_text="none chosen: every channel that changed"
    )
    canary = OneChannelField(
        required=False, label="canary", help_text="the channel that goes first; the others wait for it"
    )
    cohort_size = forms.IntegerField(
        min_value=1, max_value=1_000, initial=10, label="channels at once", help_text="after the canary"
    )

    def clean_canary(self) -> int | None:
        """Return the id of the channel that goes first, if one was named."""
        chosen = self.cleaned_data["canary"]
        if chosen.groups:
            raise forms.ValidationError("choose one channel, not a group.")
        return next(iter(chosen.ids()), None) if chosen else None

    def arguments(self) -> dict[str, Any]:
        """Return what `sync_channel_configs` takes."""
        return {
            "channel_ids": self.cleaned_data["channels"] or None,
            "canary_id": self.cleaned_data["canary"],
            "cohort_size": self.cleaned_data["cohort_size"],
        }


def sentence_of(form: forms.Form) -> str:
    """Return in one line what is wrong with a form: each field with its fact."""
    parts = []
    for field, errors in form.errors.items():
        label = form.fields[field].label if field in form.fields else ""
        text = " ".join(map(str, errors))
        parts.append(f"{label}: {text}" if label else text)
    return " ".join(parts)
