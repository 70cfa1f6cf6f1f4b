"""No name, reason or other line takes a control character, through whichever door it comes."""

import types
from typing import Annotated, Any, get_args, get_origin

import pytest
from django import forms
from django.contrib import admin
from pydantic import TypeAdapter, ValidationError

import config.api  # noqa: F401 - so that every body is known
import dashboard.urls  # noqa: F401 - so that every form is
from channels.text import control_in
from orchestration.fields import Body

PASSAGES = {
    # of several lines: line ends and tabs are theirs
    "description_template",
    "message",
    "cookies",
    "headers",
    "text",
    "csv",
    # secrets are kept as they are, and never shown
    *("password", "current", "secret_key", "access_key", "username", "client_secret", "refresh_token"),
}


def bodies(kind: type = Body) -> list[type[Body]]:
    return [each for below in kind.__subclasses__() for each in (below, *bodies(below))]


def takes_text(hint: Any) -> bool:
    """Return whether a plain text may stand in a field, at any depth of lists."""
    if get_origin(hint) is Annotated:
        return takes_text(get_args(hint)[0])
    if get_origin(hint) in (list, types.UnionType) or str(get_origin(hint)) == "typing.Union":
        return any(takes_text(part) for part in get_args(hint))
    return hint is str


FIELDS = [
    (body, name, field)
    for body in dict.fromkeys(bodies())
    if body.__module__.startswith("orchestration.")
    for name, field in body.model_fields.items()
    if takes_text(field.annotation)
]


def taken(field: Any, text: str) -> bool:
    """Return whether a field takes a text, alone or in a list."""
    adapter = TypeAdapter(
        Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    )
    for value in (text, [text]):
        try:
            adapter.validate_python(value)
        except ValidationError:
            continue
        return True
    return False


def test_the_walk_finds_the_fields():
    assert len(FIELDS) > 60


@pytest.mark.parametrize(
    ("body", "name", "field"), FIELDS, ids=lambda each: getattr(each, "__name__", str(each))[:40]
)
def test_a_field_of_a_body_takes_no_control(body, name, field):
    for text in ("a\x1b[31mb", "a\x00b", "a\x7fb", "a\u2028b"):
        assert not taken(field, text), (body.__name__, name, text)
    if name not in PASSAGES:
        assert not taken(field, "a\nFAKE"), (body.__name__, name)


def all_forms(kind: type = forms.BaseForm) -> list[type[forms.BaseForm]]:
    return [each for below in kind.__subclasses__() for each in (below, *all_forms(below))]


def test_a_line_of_a_form_takes_no_control():
    seen = 0
    for form in all_forms():
        if not form.__module__.startswith("dashboard."):
            continue
        for name, field in form.base_fields.items():
            if type(field).__name__ in {"LineField", "ZoneField"}:
                seen += 1
                with pytest.raises(forms.ValidationError):
                    field.clean("a\x1bb")
                with pytest.raises(forms.ValidationError):
                    field.clean("a\nb")
            elif type(field) is forms.CharField:
                assert isinstance(field.widget, forms.Textarea | forms.PasswordInput | forms.HiddenInput), (
                    form,
                    name,
                )
    assert seen > 30


@pytest.mark.django_db
def test_a_line_of_the_admin_takes_no_control(rf, admin_user):
    request = rf.get("/")
    request.user = admin_user
    seen = []
    for model, shown in admin.site._registry.items():
        if not model.__module__.startswith(("channels.", "orchestration.")) or not shown.has_add_permission(
            request
        ):
            continue
        for name, field in shown.get_form(request)().fields.items():
            if isinstance(field, forms.CharField) and not isinstance(
                field.widget, forms.Textarea | forms.PasswordInput
            ):
                seen.append(name)
                with pytest.raises(forms.ValidationError):
                    field.clean("a\x1bb")
    assert "name" in seen


def test_a_name_is_refused_with_what_it_holds(api):
    answer = api.post("sources", {"url": "https://example.org/f.xml", "name": "a\nFAKE \x1b[31m"})
    assert (answer.status_code, answer.json()["field"]) == (422, "name")
    assert "contains a line end" in str(answer.json())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\x1b", "the control character U+001B"),
        ("a\nb", "a line end"),
        ("a\tb", "a tab"),
        ("a\x00", "a NUL character"),
    ],
)
def test_a_control_is_named(text, said):
    assert control_in(text) == said


@pytest.mark.parametrize("text", ["Größe – “so”", "שלום\u200f", "🎬 1", "a\u00a0b"])
def test_what_people_write_is_no_control(text):
    assert control_in(text) == ""
