"""The choice of a time zone: drawn fast, and the same as Django would draw it."""

import pytest
from django import forms
from django.test.html import parse_html

from dashboard.zones import ZoneChoice, zones_in_order


class Chosen(forms.Form):
    plain = forms.ChoiceField(
        choices=[("", "none"), *((name, name) for name in zones_in_order())], required=False
    )
    ours = ZoneChoice(empty="none")


@pytest.mark.parametrize("value", ["", "UTC", "Europe/Berlin", zones_in_order()[-1]])
def test_it_is_what_django_draws(value):
    form = Chosen(initial={"plain": value, "ours": value})
    wanted = str(form["plain"]).replace("plain", "ours").replace(' value="" selected', ' value=""')
    assert parse_html(str(form["ours"])) == parse_html(wanted)


def test_what_is_no_zone_is_refused_and_only_ever_text():
    form = Chosen({"plain": "", "ours": '"><script>'})
    assert "ours" in form.errors
    assert "<script>" not in str(form["ours"])
