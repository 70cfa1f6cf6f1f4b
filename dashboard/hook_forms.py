"""Read what is typed about webhook endpoints."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.forms import LineField, LocalTimeField, ZonedForm
from dashboard.people_forms import GroupsField
from orchestration.models import WebhookEndpoint
from orchestration.webhooks.endpoints import MOST_OVERLAP_HOURS

_WANTED = "empty: all. Else types or patterns with spaces between, such as schedule.published channel.*"


def _url(**options: Any) -> LineField:
    return LineField(
        max_length=2000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "inputmode": "url"}),
        **options,
    )


class EndpointForm(forms.Form):
    """Where events are sent, and which."""

    name = LineField(max_length=80, label="name")
    url = _url(label="address", help_text="https://…; kept encrypted, of which only the host is shown again")
    events = LineField(max_length=2000, required=False, label="events", help_text=_WANTED)
    groups = GroupsField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["groups"].label = "of groups only"
        self.fields["groups"].help_text = "none chosen: of everything"

    def values(self) -> dict[str, Any]:
        """Return what was typed as the service takes it."""
        given = dict(self.cleaned_data)
        return {**given, "events": given["events"].replace(",", " ").split()}


class ChangedEndpointForm(EndpointForm):
    """What changes of an endpoint."""

    url = _url(required=False, label="another address", help_text="empty: the present one stays")

    @classmethod
    def of(cls, row: WebhookEndpoint) -> ChangedEndpointForm:
        """Return the form that shows an endpoint."""
        return cls(
            initial={
                "name": row.name,
                "events": " ".join(row.events),
                "groups": [group.slug for group in row.groups.all()],
            }
        )


class SecretForm(forms.Form):
    """How long the secret before the new one signs yet."""

    overlap_hours = forms.FloatField(
        min_value=0, max_value=MOST_OVERLAP_HOURS, initial=24, label="both sign for, hours"
    )


class ResendForm(ZonedForm):
    """From when on everything is sent again."""

    since = LocalTimeField(label="everything since")

    field_order = ("since", "zone")

    def clean(self) -> dict[str, Any]:
        """Turn the wall-clock time into an instant."""
        self.cleaned_data["since"] = self.instant("since")
        return self.cleaned_data
