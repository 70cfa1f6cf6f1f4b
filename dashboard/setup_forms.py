"""Read what is typed to set up sources and pools."""

from __future__ import annotations

from django import forms

from dashboard.forms import LineField
from orchestration.models import Pool, Source
from orchestration.states import PoolKind, RightsBasis, SourceKind


class SourceEditForm(forms.Form):
    """What a source is called, where it lies and how it is read."""

    name = LineField(max_length=120, label="name")
    url = LineField(
        max_length=1000, label="address", help_text="with another one it is read at once, from its beginning"
    )
    scrape_interval_minutes = forms.IntegerField(
        min_value=1, max_value=527_040, label="read every, minutes", help_text="up to a year"
    )
    item_limit = forms.IntegerField(min_value=1, max_value=500, label="newest items looked at")
    priority = forms.IntegerField(
        min_value=0, max_value=10, label="priority", help_text="0 to 10; 10 goes first"
    )
    language = LineField(
        max_length=20, required=False, label="language", help_text="of videos that do not say"
    )
    reason = LineField(max_length=300, required=False, label="reason")

    def of_kind(self, row: Source) -> SourceEditForm:
        """Leave out what a source of this kind has not."""
        if row.kind != SourceKind.ADDRESS:
            del self.fields["url"]
        if row.kind == SourceKind.UPLOADS:
            del self.fields["scrape_interval_minutes"], self.fields["item_limit"]
        return self

    @classmethod
    def of(cls, row: Source) -> SourceEditForm:
        """Return the form that shows a source."""
        return cls(
            initial={name: getattr(row, name) for name in cls.base_fields if name != "reason"}
        ).of_kind(row)


class RightsForm(forms.Form):
    """On which basis a source's videos are published."""

    rights_basis = forms.ChoiceField(
        choices=RightsBasis.choices,
        required=False,
        label="rights basis",
        help_text="without one, what is armed of it is taken back from YouTube and held",
    )
    rights_note = LineField(
        max_length=500, required=False, label="what it rests on", help_text="contract, licence, attribution"
    )
    reason = LineField(max_length=300, required=False, label="reason")


class RetentionForm(forms.Form):
    """For how long a source's files are kept."""

    keep_originals = LineField(
        max_length=10,
        required=False,
        label="originals",
        help_text="forever, published, or days; empty: as the installation",
    )
    keep_prepared = LineField(max_length=10, required=False, label="prepared files", help_text="the same")
    reason = LineField(max_length=300, required=False, label="reason")


class PoolForm(forms.Form):
    """What a pool holds."""

    label = LineField(max_length=120, label="name")
    capacity = forms.IntegerField(min_value=0, max_value=1_000_000_000, label="capacity")
    window_seconds = forms.IntegerField(
        min_value=1,
        max_value=31_622_400,
        label="in how many seconds",
        help_text="the window that it counts over",
    )
    reserve = forms.IntegerField(
        min_value=0,
        max_value=1_000_000_000,
        label="kept for publishing",
        help_text="units that statistics may not use",
    )
    reason = LineField(max_length=300, required=False, label="reason")

    CAPACITY = {
        PoolKind.SLOTS: "how many at once",
        PoolKind.RATE: "how many in the window",
        PoolKind.BUDGET: "units of a Pacific day",
    }

    def of_kind(self, row: Pool) -> PoolForm:
        """Leave out what a pool of this kind has not."""
        self.fields[
            "capacity"
        ].help_text = f"{self.CAPACITY[PoolKind(row.kind)]}; 0: nothing is taken from it"
        if row.kind != PoolKind.RATE:
            del self.fields["window_seconds"]
        if row.kind != PoolKind.BUDGET:
            del self.fields["reserve"]
        return self

    @classmethod
    def of(cls, row: Pool) -> PoolForm:
        """Return the form that shows a pool."""
        return cls(
            initial={name: getattr(row, name) for name in cls.base_fields if name != "reason"}
        ).of_kind(row)
