"""Read what is typed about one source."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.forms import LineField
from orchestration.states import RightsBasis

SEALED = "kept encrypted and never shown again"
QUIET = {"autocomplete": "off", "spellcheck": "false"}


class SecretField(forms.CharField):
    """A secret as it was typed, its spaces included; a form never shows one that is stored."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, required=False, **options)


class FolderForm(forms.Form):
    """A folder to be watched, and the right to publish what is put there."""

    path = LineField(
        max_length=900,
        required=False,
        label="folder",
        help_text="empty: inbox in the data folder; any other lies below one of HEADEND_INBOX_FOLDERS",
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
    language = LineField(
        max_length=20, required=False, label="language", help_text="of films and subtitles that do not say"
    )
    keep_files = forms.BooleanField(
        required=False, initial=True, label="let films also lie in taken afterwards, at no further space"
    )


class KeysForm(forms.Form):
    """The keys that open an object storage."""

    access_key = SecretField(max_length=300, label="access key", widget=forms.TextInput(attrs=QUIET))
    secret_key = SecretField(
        max_length=300,
        label="secret key",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=f"{SEALED}; both empty: a public bucket",
    )


class StorageForm(KeysForm):
    """An object storage that speaks S3, and the right to publish what lies there."""

    endpoint = LineField(
        max_length=300, label="endpoint", help_text="such as https://s3.eu-central-1.amazonaws.com"
    )
    bucket = LineField(max_length=63, label="bucket")
    region = LineField(max_length=60, required=False, label="region", help_text="empty: the storage is asked")
    below = LineField(
        max_length=500, required=False, label="prefix", help_text="only what begins with it, such as ready/"
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
    language = LineField(
        max_length=20, required=False, label="language", help_text="of films that do not say"
    )

    field_order = ("endpoint", "bucket", "region", "below", "access_key", "secret_key")

    def values(self) -> dict[str, Any]:
        """Return what the service takes; a form has a prefix of its own."""
        return {"prefix" if name == "below" else name: value for name, value in self.cleaned_data.items()}


class AccessForm(forms.Form):
    """What opens a source; it is given whole each time."""

    username = SecretField(
        max_length=300,
        label="user name",
        widget=forms.TextInput(attrs=QUIET),
        help_text="of HTTP's own login",
    )
    password = SecretField(
        max_length=8192,
        label="password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=SEALED,
    )
    cookies = SecretField(
        max_length=262_144,
        label="cookies",
        widget=forms.Textarea(attrs=QUIET | {"rows": 3}),
        help_text="a=1; b=2 as a browser sends them, or a cookie file; for sites with a page to log in",
    )
    headers = SecretField(
        max_length=180_000,
        label="headers",
        widget=forms.Textarea(attrs=QUIET | {"rows": 3}),
        help_text="one a line, such as Authorization: Bearer …",
    )
    hosts = SecretField(
        max_length=6000,
        label="further hosts",
        widget=forms.Textarea(attrs=QUIET | {"rows": 2}),
        help_text="one a line; all of this goes to the source's own host, and to these, alone",
    )
    reason = LineField(required=False, max_length=300, label="reason")

    def values(self) -> dict[str, Any]:
        """Return what the service takes."""
        typed = self.cleaned_data
        return typed | {name: typed[name].splitlines() for name in ("headers", "hosts")}
