"""Read what is typed about one channel, a section at a time; what the service refuses is said beside its field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict

from channels.editing import LARGEST, ChannelValues, fingerprint
from channels.models import Blackout, Channel, ChannelGroup, PostingSlot
from channels.states import Executor, MisfirePolicy, SecretsIn
from dashboard.forms import LineField, offer
from dashboard.listing import ids_of
from dashboard.notify_forms import WallTimeField
from dashboard.source_forms import QUIET, SEALED, SecretField
from dashboard.wording import stager
from orchestration.errors import OrchestrationError
from orchestration.models import Source

MOST_SOURCES = 200
MISFIRE_WORDS = {
    MisfirePolicy.PUBLISH_LATE: "publish it late, if it is not too late",
    MisfirePolicy.NEXT_SLOT: "take the next free slot",
    MisfirePolicy.SKIP: "leave it out",
    MisfirePolicy.HOLD: "hold it until somebody decides",
}
EXECUTOR_WORDS = {
    Executor.LOCAL: stager(Executor.LOCAL),
    Executor.GITHUB: f"{stager(Executor.GITHUB)}, in its repository",
}
SECRETS_WORDS = {
    SecretsIn.ENVIRONMENT: "an environment, which only runs of the branch read",
    SecretsIn.REPOSITORY: "the repository, where the plan has no environments",
}


def refused(form: forms.Form, error: OrchestrationError) -> None:
    """Put what the service refuses beside the fields that it names; the rest stands above the form."""
    errors = error.details.get("errors") or [{"field": error.field, "message": error.message}]
    for each in errors:
        name = each["field"] if each["field"] in form.fields else None
        form.add_error(name, each["message"])


class ZoneField(LineField):
    """A time zone, chosen from a list that filters as one types."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"list": "zone-names", "autocomplete": "off", "spellcheck": "false"})
        super().__init__(max_length=64, label="time zone", widget=widget, **options)


def _minutes(name: str, label: str, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(min_value=0, max_value=LARGEST[name], label=label, help_text=help_text)


class NewChannelForm(forms.Form):
    """A channel in four fields; the rest can follow."""

    name = LineField(max_length=120, label="name", help_text="as people say it")
    slug = forms.SlugField(
        max_length=60,
        required=False,
        label="short name",
        help_text="in addresses; empty: made of the name",
    )
    timezone = ZoneField(initial="UTC", help_text="slots and blackouts are on its clock")
    executor = forms.ChoiceField(
        choices=EXECUTOR_WORDS.items(),
        label="who stages its videos",
        help_text="uploads them private, ahead of time",
    )
    repository = LineField(
        max_length=140, required=False, label="repository", help_text="owner/name, where GitHub Actions stage"
    )

    def values(self) -> ChannelValues:
        """Return what the service takes."""
        return ChannelValues(**self.cleaned_data)


class SectionForm(forms.Form):
    """Some fields of a channel that are saved together; `seen` refuses what was changed by somebody else meanwhile."""

    names: ClassVar[tuple[str, ...]] = ()
    # Several forms stand on one page: without an id of its own none stands there twice.
    seen = forms.CharField(required=False, widget=forms.HiddenInput(attrs={"id": False}))

    @classmethod
    def of(cls, channel: Channel) -> SectionForm:
        """Return the form that shows a channel."""
        known = {name: getattr(channel, name) for name in cls.names}
        return cls(initial={**cls.shown(known), "seen": fingerprint(channel, cls.names)})

    @classmethod
    def shown(cls, known: dict[str, Any]) -> dict[str, Any]:
        """Return a channel's values as the form's fields show them."""
        return known

    def values(self) -> ChannelValues:
        """Return what the service takes."""
        return ChannelValues(**{name: self.cleaned_data[name] for name in self.names})


class BasicsForm(SectionForm):
    """What a channel is called, and where it stands."""

    names = ("name", "slug", "timezone", "priority", "youtube_channel_id")

    name = LineField(max_length=120, label="name")
    slug = forms.SlugField(
        max_length=60, label="short name", help_text="in addresses: old links end when it changes"
    )
    timezone = ZoneField(help_text="slots and blackouts keep their times on its clock; what is planned stays")
    priority = forms.IntegerField(
        min_value=0, max_value=10, label="priority", help_text="0 to 10; 10 goes first where channels compete"
    )
    youtube_channel_id = LineField(
        max_length=64,
        required=False,
        label="YouTube channel id",
        help_text="pinned by the connection; seldom typed",
    )


class PaceForm(SectionForm):
    """How fast a channel publishes, and what becomes of what is late."""

    names = ("min_gap_minutes", "daily_cap", "lead_time_minutes", "misfire_policy", "misfire_grace_minutes")

    min_gap_minutes = _minutes("min_gap_minutes", "least gap, minutes", "between two publications")
    daily_cap = forms.IntegerField(
        min_value=1,
        max_value=LARGEST["daily_cap"],
        label="most a day",
        help_text="publications of one local day",
    )
    lead_time_minutes = _minutes(
        "lead_time_minutes", "staged ahead, minutes", "uploaded private so long before"
    )
    misfire_policy = forms.ChoiceField(choices=MISFIRE_WORDS.items(), label="what has missed its moment")
    misfire_grace_minutes = _minutes(
        "misfire_grace_minutes", "too late after, minutes", "beyond it nothing is published late"
    )


class LinesField(forms.CharField):
    """Words, parted by commas or lines."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": 2}), **options)

    def to_python(self, value: Any) -> Any:
        """Return the words, each once."""
        parts = str(super().to_python(value) or "").replace(",", "\n").splitlines()
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _number(label: str, help_text: str = "", least: int = 0) -> forms.IntegerField:
    return forms.IntegerField(
        required=False, min_value=least, max_value=2**31 - 1, label=label, help_text=help_text
    )


def _seconds(label: str, least: float) -> forms.FloatField:
    widget = forms.NumberInput(attrs={"step": "any"})
    return forms.FloatField(required=False, min_value=least, max_value=2**31 - 1, label=label, widget=widget)


class TakesForm(SectionForm):
    """What a channel takes of what could be given to it."""

    names = ("filters",)
    lists = ("languages", "keywords_in", "keywords_out")

    min_height = _number("least height, lines", "1080 is Full HD", 1)
    min_width = _number("least width, pixels", "", 1)
    min_duration_seconds = _seconds("shortest, seconds", 0)
    max_duration_seconds = _seconds("longest, seconds", 0.001)
    min_views = _number("least views at the source", "where they are known")
    exclude_watermarked = forms.BooleanField(required=False, label="nothing that carries a watermark")
    languages = LinesField(label="languages", help_text="such as en or pt-BR, with commas; empty: all")
    keywords_in = LinesField(label="one of these words occurs", help_text="empty: any")
    keywords_out = LinesField(label="none of these words occurs")
    source_ids = forms.TypedMultipleChoiceField(
        coerce=int, required=False, widget=forms.CheckboxSelectMultiple, label="sources"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.initial.get("source_ids", ())
        if isinstance(self.data, QueryDict):
            chosen = ids_of(self.data.getlist("source_ids"))
        rows = Source.objects.order_by("name", "pk").values_list("pk", "name")
        offered = dict(rows[:MOST_SOURCES]) | dict(rows.filter(pk__in=chosen))
        offer(self, "source_ids", offered.items())

    @classmethod
    def shown(cls, known: dict[str, Any]) -> dict[str, Any]:
        """Return filters as fields."""
        filters: Mapping[str, Any] = known["filters"]
        plain = {
            name: int(value) if isinstance(value, float) and value.is_integer() else value
            for name, value in filters.items()
        }
        return {**plain, **{name: ", ".join(filters.get(name, ())) for name in cls.lists}}

    def values(self) -> ChannelValues:
        """Return the filters without what filters nothing."""
        said = {
            name: value
            for name, value in self.cleaned_data.items()
            if name != "seen" and value not in (None, "")
        }
        return ChannelValues(filters=said)


class StagingForm(SectionForm):
    """Who uploads a channel's videos, and where."""

    names = ("executor", "repository", "workflow", "ref", "secrets_in", "failover")

    executor = forms.ChoiceField(choices=EXECUTOR_WORDS.items(), label="who stages its videos")
    repository = LineField(max_length=140, required=False, label="repository", help_text="owner/name")
    workflow = LineField(max_length=120, label="workflow", help_text="name of its file in the repository")
    ref = LineField(max_length=120, label="branch")
    secrets_in = forms.ChoiceField(choices=SECRETS_WORDS.items(), label="secrets are kept in")
    failover = forms.BooleanField(
        required=False, label="our own workers stage what GitHub Actions will not stage in time"
    )


class GroupsForm(forms.Form):
    """Which groups a channel is in, and which labels it has."""

    groups = forms.TypedMultipleChoiceField(
        coerce=int, required=False, widget=forms.CheckboxSelectMultiple, label="groups"
    )
    labels = LinesField(
        label="labels",
        help_text="words to find and pick it by, with commas; a new one is made as it is written",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "groups", ChannelGroup.objects.values_list("pk", "name"))

    @classmethod
    def of(cls, channel: Channel) -> GroupsForm:
        """Return the form that shows a channel."""
        return cls(
            initial={
                "groups": [group.pk for group in channel.groups.all()],
                "labels": ", ".join(label.name for label in channel.labels.all()),
            }
        )


class CredentialForm(forms.Form):
    """What opens a channel; nothing that is stored is shown."""

    client_id = LineField(max_length=200, label="client id", help_text="ends in .apps.googleusercontent.com")
    client_secret = SecretField(
        max_length=500,
        label="client secret",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=f"{SEALED}; empty: what is stored stays",
    )
    refresh_token = SecretField(
        max_length=2000,
        label="refresh token",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"} | QUIET),
        help_text="of this client; empty: what is stored stays",
    )


class SlotsForm(forms.Form):
    """A time for some days of the week."""

    days = forms.TypedMultipleChoiceField(
        coerce=int, choices=PostingSlot.Weekday.choices, widget=forms.CheckboxSelectMultiple, label="days"
    )
    at = WallTimeField(label="time")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["at"].required = True


class CopyDayForm(forms.Form):
    """Other days get the slots of one."""

    day = forms.TypedChoiceField(coerce=int, choices=PostingSlot.Weekday.choices, label="the slots of")
    to = forms.TypedMultipleChoiceField(
        coerce=int, choices=PostingSlot.Weekday.choices, widget=forms.CheckboxSelectMultiple, label="also on"
    )


class DayField(forms.DateField):
    """A day of a calendar."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options)


class BlackoutForm(forms.Form):
    """A stretch in which a channel publishes nothing."""

    first_date = DayField(label="from")
    from_time = WallTimeField(label="at", help_text="empty: the whole day")
    last_date = DayField(label="to", help_text="included")
    until_time = WallTimeField(label="until", help_text="empty: the whole day")
    reason = LineField(max_length=200, required=False, label="why")

    @classmethod
    def of(cls, row: Blackout) -> BlackoutForm:
        """Return the form that shows a blackout."""
        return cls(
            initial={name: getattr(row, name) for name in cls.base_fields}, auto_id=f"id_blackout_{row.pk}_%s"
        )


SECTION_FORMS: Mapping[str, type[SectionForm]] = {
    "basics": BasicsForm,
    "pace": PaceForm,
    "takes": TakesForm,
    "staging": StagingForm,
}
