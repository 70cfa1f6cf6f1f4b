"""Read what is typed about notifications: addresses, rules and silences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms

from dashboard.forms import LineField, LocalTimeField, ZonedForm, offer
from dashboard.listing import ids_of
from dashboard.picking import OneChannelField, ScopeField, scope_values
from dashboard.zones import ZoneChoice
from orchestration.core.scope import words_of
from orchestration.models import NotificationAddress, NotificationRule
from orchestration.models.notify import HEARTBEAT, Category, Severity
from orchestration.notify.rules import RuleValues

LONGEST_BUTTON_SILENCE_HOURS = 168


class WallTimeField(forms.TimeField):
    """A time on a clock on a wall."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), required=False, **options
        )


class NewAddressForm(forms.Form):
    """Where messages go."""

    name = LineField(max_length=80, label="name")
    url = LineField(
        max_length=2000,
        label="address",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="as Apprise writes it, such as ntfys://ntfy.sh/topic or mailto://user:password@example.org; "
        "kept encrypted and never shown again",
    )
    heartbeat = forms.BooleanField(
        required=False, label="heartbeat: called each minute as long as Headend works, by http or https"
    )


class AddressForm(forms.Form):
    """What changes of an address."""

    name = LineField(max_length=80, label="name")
    url = LineField(
        max_length=2000,
        required=False,
        label="another address",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="empty: the present one stays",
    )


class RuleForm(forms.Form):
    """Which problems are told to which addresses, and when."""

    name = LineField(max_length=80, label="name")
    addresses = forms.TypedMultipleChoiceField(coerce=int, label="told to")
    min_severity = forms.ChoiceField(
        choices=Severity.choices, initial=Severity.WARNING, label="this bad or worse"
    )
    kinds = LineField(
        max_length=1000,
        required=False,
        label="kinds",
        help_text=f"empty: all. Else categories ({', '.join(Category.values)}) or codes, with spaces between",
    )
    channels = ScopeField(
        required=False,
        label="channels",
        help_text="none chosen: all, and what concerns none; groups and labels are followed as they change",
    )
    quiet_from = WallTimeField(label="quiet from", help_text="what arises then is sent at the end")
    quiet_until = WallTimeField(label="quiet until")
    zone = ZoneChoice(initial="UTC", label="on the clock of")
    critical_breaks_quiet = forms.BooleanField(
        required=False, initial=True, label="what is critical is sent in quiet hours, too"
    )
    reminder_hours = forms.IntegerField(
        min_value=0, max_value=720, initial=24, label="remind every, hours", help_text="0: never"
    )
    digest_at = WallTimeField(label="daily digest at", help_text="empty: none")
    send_recovery = forms.BooleanField(required=False, initial=True, label="tell when something is over")
    enabled = forms.BooleanField(required=False, initial=True, label="switched on")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = NotificationAddress.objects.exclude(kind=HEARTBEAT).order_by("name")
        offer(self, "addresses", rows.values_list("pk", "name"))

    @classmethod
    def of(cls, row: NotificationRule) -> RuleForm:
        """Return the form that shows a rule."""
        plain = set(cls.base_fields) - {"kinds", "addresses", "channels"}
        return cls(
            initial={
                **{name: getattr(row, name) for name in plain},
                "kinds": " ".join(row.kinds),
                "addresses": [address.pk for address in row.addresses.all()],
                "channels": words_of(row),
            }
        )

    def values(self) -> RuleValues:
        """Return what was typed as the service takes it."""
        given = dict(self.cleaned_data)
        return RuleValues(
            address_ids=given.pop("addresses"),
            **scope_values(given.pop("channels")),
            kinds=given.pop("kinds").replace(",", " ").split(),
            **given,
        )


class SilenceForm(ZonedForm):
    """What nobody is told of, until when."""

    kind = LineField(
        max_length=60, required=False, label="kind", help_text="a category or a code; empty: every kind"
    )
    channel = OneChannelField(required=False, label="channel or group", help_text="empty: every channel")
    until = LocalTimeField(label="until")
    reason = LineField(max_length=300, required=False, label="why")

    field_order = ("kind", "channel", "until", "zone", "reason")

    def clean(self) -> dict[str, Any]:
        """Turn the wall-clock time into an instant."""
        self.cleaned_data["until"] = self.instant("until")
        return self.cleaned_data

    def about(self) -> dict[str, Any]:
        """Return the channel or the group that was chosen, as the service takes it."""
        chosen = self.cleaned_data["channel"]
        if chosen.groups:
            return {"group": chosen.groups[0]}
        ids = chosen.ids() if chosen else []
        return {"channel_id": ids[0] if ids else None}


def hours_ahead(text: str) -> datetime | None:
    """Return the instant so many hours from now, as a button gives them; None for what is no such number."""
    found = ids_of([text])
    if not found or not 1 <= found[0] <= LONGEST_BUTTON_SILENCE_HOURS:
        return None
    return datetime.now(UTC) + timedelta(hours=found[0])
