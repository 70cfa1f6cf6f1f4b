"""Whoever may only read sees what there is, and no button that would refuse."""

import re

import pytest

from orchestration.models import Wave
from orchestration.states import WaveState
from tests import factories

WAYS_TO_ACT = re.compile(r'data-action="(\w+)"|<form[^>]*method="post"[^>]*action="([^"]+)"')


THEIR_OWN = ("/logout/", "/me/", "/views/", "/plan/calendar/", "/since/seen/")
"""Where whoever logs in changes what is theirs alone: password, zone, saved views, calendar address, what they have seen."""


@pytest.fixture
def reader(client, db):
    """Log somebody in who may only read."""
    client.force_login(factories.UserFactory(username="rita"))
    return client


def test_no_page_offers_a_reader_a_button(reader, addresses):
    for address in addresses:
        html = reader.get(address).content.decode()
        offered = {a or b for a, b in WAYS_TO_ACT.findall(html)}
        others = [way for way in offered if not way.startswith(THEIR_OWN)]
        assert not others, (address, others)


def test_a_reader_sets_what_is_their_own(reader):
    html = reader.get("/me/").content.decode()
    offered = {address for _, address in WAYS_TO_ACT.findall(html) if address} - {"/logout/"}
    assert {"/me/set-password/", "/me/set-timezone/"} <= offered
    assert all(address.startswith("/me/") for address in offered)


def test_what_may_open_a_file_is_shown_only_to_whoever_may_operate(reader, console):
    address = "https://olga:pw@films.example/f.mp4?sig=geheim&v=1#k"
    video = factories.VideoFactory(url=address, source=factories.SourceFactory(url=address))
    for page in (f"/videos/{video.pk}/", f"/sources/{video.source_id}/", "/sources/"):
        shown = reader.get(page).content.decode()
        assert "https://films.example/f.mp4?sig=…&amp;v=…" in shown, page
        assert "geheim" not in shown and "olga:pw" not in shown, page
    assert "sig=geheim" in console.get(f"/videos/{video.pk}/").content.decode()


def test_a_reader_who_opens_a_form_is_told_what_is_needed(reader, scene):
    for address in ("/waves/new/", "/distribute/"):
        assert "Your user may look, but not change anything." in reader.get(address).content.decode()


@pytest.mark.parametrize("role", ["operator", "admin"])
def test_an_operator_and_an_administrator_see_them(client, scene, role):
    client.force_login(factories.UserFactory(**{role: True}))
    Wave.objects.update(state=WaveState.SCHEDULED)
    for address in ("/", f"/waves/{scene['wave'].pk}/", "/sources/", "/pools/", "/waves/new/"):
        assert 'data-action="' in client.get(address).content.decode(), address
