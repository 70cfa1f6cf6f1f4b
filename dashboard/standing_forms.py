"""Read what is typed about standing rules."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.forms import LineField, LocalTimeField, ZonedForm, offer
from dashboard.notify_forms import WallTimeField
from dashboard.picking import ScopeField, scope_values
from dashboard.zones import ZoneChoice
from orchestration.core.scope import words_of
from orchestration.errors import InvalidRequest
from orchestration.models import Source, StandingRule
from orchestration.planning.slots import wall_of, zone_of
from orchestration.scheduling.standing import StandingValues, read_times, write_times


class StandingRuleForm(ZonedForm):
    """What is planned by itself, how often and how far ahead."""

    name = LineField(max_length=80, label="name")
    kind = forms.ChoiceField(choices=StandingRule.Kind.choices, label="what it does")
    source = forms.TypedChoiceField(
        coerce=int, empty_value=None, required=False, label="source", help_text="a series needs one"
    )
    channels = ScopeField(
        required=False,
        label="channels",
        help_text="none chosen: every active channel; groups and labels are followed: whoever is in them at each run",
    )
    times = LineField(
        max_length=1000,
        required=False,
        label="times of the series",
        help_text="such as tue 18:00, fri 12:30, on each channel's own clock",
    )
    since = LocalTimeField(
        required=False, label="episodes from", help_text="of a series; empty: all of the source"
    )
    priority = forms.IntegerField(
        min_value=0,
        max_value=10,
        required=False,
        label="priority of the series",
        help_text="empty: each channel's",
    )
    horizon_days = forms.IntegerField(min_value=1, max_value=90, initial=14, label="fills the next, days")
    backlog_floor = forms.IntegerField(
        min_value=0,
        max_value=10_000,
        initial=0,
        label="warns below",
        help_text="publications ahead on a channel; 0: never",
    )
    every_minutes = forms.IntegerField(min_value=5, max_value=10_080, initial=60, label="runs every, minutes")
    daily_at = WallTimeField(label="or once a day at", help_text="empty: every so many minutes")
    zone = ZoneChoice(initial="UTC", label="on the clock of")
    enabled = forms.BooleanField(required=False, initial=True, label="switched on")

    field_order = (
        *("name", "kind", "source", "channels", "times", "since", "priority", "horizon_days"),
        *("backlog_floor", "every_minutes", "daily_at", "zone", "enabled"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "source", [("", "all"), *Source.objects.order_by("name").values_list("pk", "name")])

    @classmethod
    def of(cls, row: StandingRule) -> StandingRuleForm:
        """Return the form that shows a rule."""
        plain = set(cls.base_fields) - {"source", "channels", "times", "since"}
        return cls(
            initial={
                **{name: getattr(row, name) for name in plain},
                "source": row.source_id,
                "channels": words_of(row),
                "times": write_times(row.times),
                "since": wall_of(row.since, zone_of(row.zone)) if row.since else None,
            }
        )

    def clean(self) -> dict[str, Any]:
        """Read the times of a series, and turn the wall-clock beginning into an instant."""
        self.cleaned_data["since"] = self.instant("since")
        try:
            self.cleaned_data["times"] = read_times(self.cleaned_data.get("times", ""))
        except InvalidRequest as error:
            self.add_error("times", error.message)
        return self.cleaned_data

    def values(self) -> StandingValues:
        """Return what was typed as the service takes it."""
        given = dict(self.cleaned_data)
        return StandingValues(source_id=given.pop("source"), **scope_values(given.pop("channels")), **given)
