"""Read what is typed about groups of channels and labels."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.forms import LineField
from dashboard.picking import ChannelsField
from orchestration.errors import OrchestrationError
from orchestration.register import selection


class GroupForm(forms.Form):
    """What a group is called, and who is in it."""

    name = LineField(max_length=80, label="name")
    slug = LineField(
        max_length=60,
        required=False,
        label="slug",
        help_text="short name for addresses and the command line; empty: made of the name",
    )
    description = LineField(max_length=300, required=False, label="description")
    channels = ChannelsField(required=False, label="channels")


class MembersForm(forms.Form):
    """Channels that are picked, pasted as a list, or both."""

    channels = ChannelsField(required=False, label="channels")
    pasted = forms.CharField(
        required=False,
        max_length=200_000,
        label="or a list of slugs",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="with spaces, commas or line ends between",
    )

    @property
    def ids(self) -> list[int]:
        """Return the ids of all that were named."""
        return list(dict.fromkeys([*self.cleaned_data["channels"], *self.cleaned_data["pasted"]]))

    def clean_pasted(self) -> list[int]:
        """Return the ids of the pasted list. Raises: ValidationError, naming what names nothing."""
        try:
            return selection.read_ids(self.cleaned_data["pasted"].replace("\x00", ""))
        except OrchestrationError as error:
            raise forms.ValidationError(error.message) from error

    def clean(self) -> dict[str, Any]:
        """Refuse a form that names nobody."""
        if not self.errors and not self.ids:
            self.add_error("channels", "choose at least one.")
        return self.cleaned_data


class LabelForm(forms.Form):
    """Labels, what is done with them, and on which channels."""

    labels = LineField(max_length=1000, label="labels", help_text="such as de, live; with commas between")
    way = forms.ChoiceField(
        choices=[("add", "put on"), ("remove", "take off"), ("set", "exactly these")], label="what is done"
    )
    channels = ChannelsField(label="channels")

    def clean_labels(self) -> list[str]:
        """Return the words that were typed."""
        return str(self.cleaned_data["labels"]).replace(",", " ").replace(";", " ").split()
