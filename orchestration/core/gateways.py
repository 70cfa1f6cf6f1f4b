"""Build the gateways from settings and rows: the one place that knows which credential opens what."""

from __future__ import annotations

from django.conf import settings

from channels.gateways.errors import CredentialMissing
from channels.gateways.github import GitHubGateway
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_oauth import OAuthCredential
from channels.models import Channel, Credential
from channels.secrets import SecretUnreadable


def github() -> GitHubGateway:
    """Return a gateway to GitHub; close it, or use it in a `with`. Raises: CredentialMissing, naming the setting."""
    if not settings.GITHUB_TOKEN:
        raise CredentialMissing("GITHUB_TOKEN is not set, so nothing can be done at GitHub.")
    return GitHubGateway(settings.GITHUB_TOKEN, base_url=settings.GITHUB_API_URL)


def youtube(channel: Channel) -> YouTubeGateway:
    """Return a gateway that speaks for a channel; close it, or use it in a `with`.

    Raises: CredentialMissing, if the channel is not connected or its secrets cannot be read.
    """
    return YouTubeGateway(
        oauth_credential(channel), api_url=settings.YOUTUBE_API_URL, token_url=settings.GOOGLE_TOKEN_URL
    )


def oauth_credential(channel: Channel) -> OAuthCredential:
    """Return a channel's OAuth client and refresh token in plain text, for a gateway or a sealed secret only.

    A credential that was connected with the installation's own client (GOOGLE_CLIENT_ID) takes that client's secret
    from the settings, unless it carries one itself.

    Raises: CredentialMissing.
    """
    credential = Credential.objects.filter(channel=channel).first()
    if credential is None:
        raise CredentialMissing(f"Channel {channel.name} is not connected: it has no Google credential.")
    client_id = credential.client_id or settings.GOOGLE_CLIENT_ID
    try:
        client_secret, refresh_token = credential.client_secret, credential.refresh_token
    except SecretUnreadable as error:
        raise CredentialMissing(
            f"The credential of channel {channel.name} cannot be read: {error}."
        ) from error
    if not client_secret and client_id == settings.GOOGLE_CLIENT_ID:
        client_secret = settings.GOOGLE_CLIENT_SECRET
    return OAuthCredential(client_id=client_id, client_secret=client_secret, refresh_token=refresh_token)
