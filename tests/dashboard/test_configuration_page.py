"""The configuration as a file, in the console: out, shown, and applied as it was shown."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from channels.models import Channel
from orchestration.models import Activity
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    client.force_login(factories.UserFactory(admin=True, username="ada"))
    return client


def chosen(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("headend.yaml", text.encode())


def hidden(html: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(digest)" value="([^"]*)">', html))


def test_a_file_is_given_shown_and_applied(ada):
    factories.ChannelFactory(slug="north")
    text = ada.get("/configuration/export/").content.decode().replace("daily_cap: 6", "daily_cap: 2")
    html = ada.post("/configuration/preview/", {"file": chosen(text)}).content.decode()
    assert "1 changed" in html
    assert "daily_cap" in html
    assert Channel.objects.get().daily_cap == 6
    ada.post("/configuration/apply/", {"text": text, **hidden(html)})
    assert Channel.objects.get().daily_cap == 2
    entry = Activity.objects.get(verb="configuration_applied")
    assert (entry.actor_label, entry.trigger) == ("ada", "button")


def test_what_has_changed_meanwhile_is_said_and_nothing_is_applied(ada):
    factories.ChannelFactory(slug="north")
    text = "headend: 1\nchannels:\n  north: {daily_cap: 2}\n"
    html = ada.post("/configuration/preview/", {"file": chosen(text)}).content.decode()
    Channel.objects.update(daily_cap=9)
    answer = ada.post("/configuration/apply/", {"text": text, **hidden(html)}, follow=True)
    assert "not what was shown" in answer.content.decode()
    assert Channel.objects.get().daily_cap == 9


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Choose a file first"),
        ({"file": SimpleUploadedFile("x.yaml", b"\xff\xfe")}, "not written in UTF-8"),
        ({"file": chosen("headend: 1\nx: <b>\n")}, "line 2: x: there is no such field"),
    ],
)
def test_what_cannot_be_read_is_said(ada, form, said):
    answer = ada.post("/configuration/preview/", form, follow=True)
    assert said in answer.content.decode()


def test_nobody_below_an_administrator_gets_the_file(client):
    client.force_login(factories.UserFactory(operator=True))
    assert b"headend: 1" not in client.get("/configuration/export/").content
    assert client.post("/configuration/preview/", {"text": "headend: 1\n"}).status_code in (302, 403)
