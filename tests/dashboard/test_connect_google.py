"""Connecting a channel: consent in the sandbox, the right channel only, the session that began it only."""

import re
from datetime import timedelta
from html import unescape
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest
from django.urls import reverse
from django.utils import timezone

from channels.gateways.errors import CredentialRevoked
from channels.models import Credential
from channels.sandbox import seed, youtube_state
from channels.states import CredentialState
from orchestration.core import gateways
from orchestration.models import Activity, Job
from orchestration.states import JobKind
from tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def google(sandbox, settings):
    seed.seed_demo(sandbox.store)
    settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = seed.CLIENT_ID, seed.CLIENT_SECRET
    settings.GOOGLE_AUTH_URL = f"{sandbox.url}/oauth/authorize"
    settings.GOOGLE_TOKEN_URL = sandbox.token_url
    settings.YOUTUBE_API_URL = sandbox.youtube_url
    return sandbox


def _begin(client, channel) -> dict[str, str]:
    page = client.post(reverse("dashboard:channel_connect", args=[channel.slug]))
    assert page.status_code == 200, page.content
    address = unescape(re.search(r'href="([^"]*oauth/authorize[^"]*)"', page.content.decode()).group(1))
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()} | {
        "address": address
    }


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def _consent(asked: dict[str, str], youtube_channel_id: str) -> dict[str, str]:
    """Pick a channel on the sandbox's consent page, and return what Google sends the browser back with."""
    grant = asked["address"].replace("/oauth/authorize", "/oauth/grant") + f"&channel={youtube_channel_id}"
    with pytest.raises(HTTPError) as answer:
        build_opener(_Stay).open(grant)
    query = parse_qs(urlsplit(answer.value.headers["Location"]).query)
    answer.value.close()
    return {name: values[0] for name, values in query.items()}


def test_the_consent_of_the_owner_becomes_a_sealed_credential_of_the_pinned_channel(admin_client, google):
    channel = ChannelFactory(youtube_channel_id="")
    asked = _begin(admin_client, channel)
    back = _consent(asked, "UCsandbox-delta")
    page = admin_client.get(reverse("dashboard:connect_google"), back, follow=True)
    assert "is connected" in page.content.decode()
    channel.refresh_from_db()
    credential = Credential.objects.get(channel=channel)
    assert channel.youtube_channel_id == "UCsandbox-delta"
    assert credential.state == CredentialState.VALID
    assert credential.refresh_token and credential.refresh_token not in credential.refresh_token_sealed
    entry = Activity.objects.get(verb="channel_connected")
    assert entry.actor_label == "admin"
    assert credential.refresh_token not in str(entry.__dict__)


def test_a_consent_for_a_time_is_stored_with_its_end_and_connecting_again_begins_a_new_one(
    admin_client, google
):
    youtube_state.configure(google.store, refresh_token_seconds=7 * 86_400)
    channel = ChannelFactory(youtube_channel_id="")
    before = timezone.now()
    admin_client.get(
        reverse("dashboard:connect_google"), _consent(_begin(admin_client, channel), "UCsandbox-delta")
    )
    credential = Credential.objects.get(channel=channel)
    assert credential.state == CredentialState.VALID
    assert timedelta(0) <= credential.expires_at - before - timedelta(days=7) < timedelta(minutes=5)
    assert (
        "consent until"
        in admin_client.get(reverse("dashboard:channel", args=[channel.slug])).content.decode()
    )
    assert 'headend_consent_ends_timestamp_seconds{channel="' in admin_client.get("/metrics").content.decode()

    Credential.objects.filter(pk=credential.pk).update(
        state=CredentialState.EXPIRING, reason="ends soon", expires_at=before + timedelta(hours=1)
    )
    admin_client.get(
        reverse("dashboard:connect_google"), _consent(_begin(admin_client, channel), "UCsandbox-delta")
    )
    credential.refresh_from_db()
    assert (credential.state, credential.reason) == (CredentialState.VALID, "")
    assert credential.expires_at > before + timedelta(days=6)
    assert not Job.objects.filter(kind=JobKind.SYNC).exists()


def test_a_consent_that_has_ended_is_refused_by_google(admin_client, google):
    youtube_state.configure(google.store, refresh_token_seconds=60)
    channel = ChannelFactory(youtube_channel_id="")
    admin_client.get(
        reverse("dashboard:connect_google"), _consent(_begin(admin_client, channel), "UCsandbox-delta")
    )
    google.store.advance(61)
    with gateways.youtube(channel) as youtube, pytest.raises(CredentialRevoked):
        youtube.my_channel()


def test_a_new_consent_is_brought_to_the_repository_that_had_the_old_one(admin_client, google):
    channel = ChannelFactory(youtube_channel_id="", github=True)
    admin_client.get(
        reverse("dashboard:connect_google"), _consent(_begin(admin_client, channel), "UCsandbox-delta")
    )
    assert not Job.objects.filter(
        kind=JobKind.SYNC
    ).exists()  # nothing of ours lies there yet: *Sync config* does it
    Credential.objects.filter(channel=channel).update(pushed_at=timezone.now())
    admin_client.get(
        reverse("dashboard:connect_google"), _consent(_begin(admin_client, channel), "UCsandbox-delta")
    )
    assert Job.objects.get(kind=JobKind.SYNC).channel_id == channel.pk


def test_a_code_works_once_and_only_in_the_session_that_began(admin_client, google, client):
    channel = ChannelFactory(youtube_channel_id="")
    back = _consent(_begin(admin_client, channel), "UCsandbox-delta")
    admin_client.get(reverse("dashboard:connect_google"), back)
    again = admin_client.get(reverse("dashboard:connect_google"), back, follow=True)
    assert "not begun here" in again.content.decode()


def test_a_consent_for_another_channel_is_refused_and_nothing_is_stored(admin_client, google):
    channel = ChannelFactory(youtube_channel_id="UCsandbox-ember")
    back = _consent(_begin(admin_client, channel), "UCsandbox-delta")
    page = admin_client.get(reverse("dashboard:connect_google"), back, follow=True)
    assert "Nothing was stored" in page.content.decode()
    assert not Credential.objects.filter(channel=channel).exclude(refresh_token_sealed="").exists()


def test_leaving_the_consent_page_without_consent_changes_nothing(admin_client, google):
    channel = ChannelFactory(youtube_channel_id="")
    back = _consent(_begin(admin_client, channel), "")
    page = admin_client.get(reverse("dashboard:connect_google"), back, follow=True)
    assert "without consent" in page.content.decode()


def test_a_callback_that_no_session_began_changes_nothing(admin_client, google):
    answer = admin_client.get(
        reverse("dashboard:connect_google"), {"state": "forged", "code": "x"}, follow=True
    )
    assert "not begun here" in answer.content.decode()
    assert not Credential.objects.exists()


def test_without_an_oauth_client_the_page_says_what_to_set(admin_client, settings):
    settings.GOOGLE_CLIENT_ID = ""
    channel = ChannelFactory()
    answer = admin_client.post(reverse("dashboard:channel_connect", args=[channel.slug]), follow=True)
    assert "GOOGLE_CLIENT_ID" in answer.content.decode()


def test_the_consent_address_carries_an_unguessable_state_and_offline_access(admin_client, google):
    channel = ChannelFactory()
    asked = _begin(admin_client, channel)
    assert len(asked["state"]) >= 24
    assert asked["access_type"] == "offline"
    assert asked["redirect_uri"].endswith(reverse("dashboard:connect_google"))
