"""The console leads from nothing to a channel, and says what is missing."""

import pytest

from channels.sandbox.seed import CLIENT_ID, CLIENT_SECRET
from tests.register_helpers import connected_channel, lead_to_sandbox

pytestmark = pytest.mark.django_db


def test_each_open_step_leads_to_its_page(console):
    html = console.get("/set-up/").content.decode()
    for address in (
        "/channels/new/",
        "/set-up/google/",
        "/set-up/github/",
        "/library/",
        "/set-up/rehearsal/",
    ):
        assert f'href="{address}"' in html
        assert console.get(address).status_code == 200


def test_the_button_asks_google_and_the_page_shows_what_is_missing(console, settings, sandbox):
    lead_to_sandbox(settings, sandbox)
    settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
    channel = connected_channel(sandbox, "delta", youtube_channel_id="UCanother")
    before = console.get("/set-up/google/?channel=delta").content.decode()
    assert "Not checked yet" in before
    assert sandbox.requests() == []
    answer = console.post("/set-up/google/check/", {"channel": channel.pk}, headers={"host": "localhost"})
    html = console.get(answer.headers["Location"]).content.decode()
    assert "Missing: The right channel." in html
    assert CLIENT_SECRET not in html
