"""Read what is typed about users, tokens and oneself; a password keeps its spaces and is never shown again."""

from __future__ import annotations

from typing import Any

from django import forms

from channels.models import ChannelGroup
from dashboard.forms import LineField, LocalTimeField, ZonedForm
from dashboard.zones import ZoneChoice
from orchestration.core.permissions import LEVELS
from orchestration.models import ApiToken
from orchestration.results.people import UserShown

NEW = {"autocomplete": "new-password"}
RULES = "10 characters or more, not a common one, not only digits, not like the name"


class PasswordField(forms.CharField):
    """A password as it was typed, its spaces included."""

    def __init__(self, *, known: bool = False, **options: Any) -> None:
        attrs = {"autocomplete": "current-password"} if known else NEW
        super().__init__(strip=False, max_length=200, widget=forms.PasswordInput(attrs=attrs), **options)


class TwicePassword(forms.Form):
    """A new password, typed twice."""

    password = PasswordField(label="new password", help_text=RULES)
    again = PasswordField(label="once more")

    def clean(self) -> dict[str, Any]:
        """Refuse two that differ."""
        typed = super().clean() or self.cleaned_data
        if typed.get("password") and typed.get("again") and typed["password"] != typed["again"]:
            self.add_error("again", "The two passwords differ.")
        return typed


class OwnPasswordForm(TwicePassword):
    """A new password of one's own, with the present one."""

    current = PasswordField(known=True, label="present password")
    field_order = ("current", "password", "again")


class PresentPasswordForm(forms.Form):
    """One's own password, before something that only its owner may do."""

    current = PasswordField(known=True, label="present password")


class CodeForm(forms.Form):
    """The digits that an authenticator app shows."""

    code = LineField(
        max_length=40,
        label="code",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class SetPasswordForm(TwicePassword):
    """A new password for whoever holds a link; Django's view hands over who that is."""

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user


class GroupsField(forms.MultipleChoiceField):
    """The groups of channels that somebody is limited to."""

    def __init__(self) -> None:
        super().__init__(
            choices=lambda: list(ChannelGroup.objects.values_list("slug", "name")),
            required=False,
            label="limited to groups",
            help_text="they see and change only what belongs to these channels; none: no limit",
        )


class UserForm(forms.Form):
    """Who a person is and what they may do."""

    username = LineField(max_length=150, label="user name", help_text="letters, digits and @ . + - _")
    level = forms.ChoiceField(
        choices=list(LEVELS.items()),
        label="level",
        help_text="a viewer looks; a scheduler also plans; an operator also acts; an administrator also sets up; "
        "an owner may all",
    )
    full_name = LineField(max_length=300, required=False, label="name")
    email = forms.EmailField(
        required=False, label="mail address", help_text="a note only; nothing is sent there"
    )
    limited_to = GroupsField()
    reason = LineField(max_length=300, required=False, label="reason")

    @classmethod
    def of(cls, row: UserShown) -> UserForm:
        """Return the form that shows a person."""
        names = ("username", "level", "full_name", "email", "limited_to")
        return cls(initial={name: getattr(row, name) for name in names})


class NewUserForm(UserForm):
    """A person who is to log in."""

    password = PasswordField(required=False, label="password", help_text="empty: they set one by a link")
    field_order = ("username", "level", "limited_to", "full_name", "email", "password")


class TokenForm(ZonedForm):
    """A token to be made."""

    name = LineField(
        max_length=80, label="name", help_text="who or what uses it; it stands in the activity log"
    )
    scope = forms.ChoiceField(
        choices=ApiToken.Scope.choices,
        label="scope",
        help_text="read looks, schedule plans, operate acts, admin sets up, own may all; no more than you may",
    )
    expires_at = LocalTimeField(required=False, label="expires", help_text="empty: never")
    limited_to = GroupsField()
    networks = LineField(
        max_length=1000,
        required=False,
        label="only from",
        help_text="networks, as 203.0.113.0/24; empty: everywhere",
    )
    for_assistant = forms.BooleanField(
        required=False,
        label="for an assistant",
        help_text="it looks and proposes; what it changes, a person has confirmed",
    )
    field_order = ("name", "scope", "limited_to", "networks", "expires_at", "zone", "for_assistant")

    def clean_networks(self) -> list[str]:
        """Return the networks one by one."""
        return self.cleaned_data["networks"].replace(",", " ").split()


class TokenNameForm(forms.Form):
    """What a token is to be called."""

    name = LineField(max_length=80, label="new name")


class ClockForm(forms.Form):
    """By whose clock one is told times."""

    timezone = ZoneChoice(empty="each channel's own clock", label="your clock")
