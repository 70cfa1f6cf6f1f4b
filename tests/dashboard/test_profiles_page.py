"""Profiles are made, changed, chosen and removed on their pages; wrong ones are refused by field."""

import pytest
from django.urls import reverse

from channels.models import Channel
from orchestration.core import media_tool
from orchestration.models import Activity, Profile, Source
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(client):
    """Return a browser in which an operator is logged in."""
    client.force_login(factories.UserFactory(operator=True, username="olga"))
    factories.SystemStateFactory(running=True)
    return client


VALUES = {
    "key": "4k-hdr",
    "name": "4K with HDR",
    "max_height": 2160,
    "max_fps": 60,
    "colour": "keep",
    "crf": 18,
    "preset": "veryfast",
    "loudness": "even",
    "audio_kbits": 384,
}


def post(olga, view, /, *args, **values):
    return olga.post(reverse(f"dashboard:{view}", args=args), values, follow=True).content.decode()


def test_a_profile_is_made_and_chosen(olga):
    channel, source = factories.ChannelFactory(), factories.SourceFactory()
    assert "4K with HDR is kept" in post(olga, "profile_save", **VALUES)
    assert Profile.objects.get().wanted.max_height == 2160
    assert "is prepared by 4k-hdr" in post(olga, "channel_set_profile", channel.slug, profile="4k-hdr")
    assert "are prepared by as-is" in post(olga, "source_set_profile", source.pk, profile="as-is")
    assert Channel.objects.get().profile == "4k-hdr"
    assert Source.objects.get().profile == "as-is"
    page = olga.get(
        reverse("dashboard:channel", args=[channel.slug]), {"open": "preparation"}
    ).content.decode()
    assert '<option value="4k-hdr" selected>4K with HDR</option>' in page
    listed = olga.get(reverse("dashboard:profiles")).content.decode()
    assert "1 channel" in listed
    assert "ffmpeg" in listed
    verbs = set(Activity.objects.values_list("verb", flat=True))
    assert {"profile_made", "channel_profile_set", "source_profile_set"} <= verbs


def test_what_is_in_use_stays_until_nobody_uses_it(olga):
    profile = factories.ProfileFactory()
    channel = factories.ChannelFactory(profile=profile.key)
    assert f"is in use by {channel.name}" in post(olga, "profile_remove", profile.key)
    post(olga, "channel_set_profile", channel.slug, profile="")
    assert "is removed" in post(olga, "profile_remove", profile.key)
    assert not Profile.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"key": "as-is"}, "is built in"),
        ({"max_height": 9000}, "2160"),
        ({"crf": -1}, "0"),
        ({"preset": "glacial"}, "glacial"),
        ({"name": ""}, "required"),
    ],
)
def test_a_wrong_value_is_refused_by_name(olga, wrong, words):
    assert words in post(olga, "profile_save", **(VALUES | wrong))
    assert not Profile.objects.exists()


def test_a_profile_that_is_not_there_is_not_chosen(olga):
    channel = factories.ChannelFactory()
    assert "There is no profile" in post(olga, "channel_set_profile", channel.slug, profile="gone")
    assert Channel.objects.get().profile == ""


def test_one_profile_is_the_default_and_the_latest_wins(olga):
    post(olga, "profile_save", **VALUES, is_default="on")
    post(olga, "profile_save", **(VALUES | {"key": "other"}), is_default="on")
    assert Profile.objects.get(is_default=True).key == "other"


def test_an_ffmpeg_that_is_not_the_tested_one_is_told_of(olga, monkeypatch):
    said = media_tool.ToolSaid("ffmpeg 5.1.9, this machine's own", "ffmpeg 5.1.9 is not the tested one.")
    monkeypatch.setattr(media_tool, "describe", lambda: said)
    assert said.warning in olga.get(reverse("dashboard:profiles")).content.decode()
    assert said.warning in olga.get(reverse("dashboard:overview")).content.decode()
