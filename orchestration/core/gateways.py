"""Build the gateways from settings and rows: the one place that knows which credential opens what."""

from __future__ import annotations

from functools import partial

from django.conf import settings

from channels.gateways import github_app
from channels.gateways.errors import CredentialMissing, GitHubTokenMissing
from channels.gateways.github import GitHubGateway
from channels.gateways.github_app import AppCredential
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_oauth import OAuthCredential
from channels.models import Channel, Credential
from channels.secrets import SecretUnreadable


def github(channel: Channel | None = None, *, repository: str = "", owner: str = "") -> GitHubGateway:
    """Return a gateway to GitHub for a channel's repository, another one or an owner's; close it, or use it in a `with`.

    As the GitHub App, if GITHUB_APP_ID is set: then a token of the owner's installation is minted if none is held, which is
    a call to GitHub, so not inside a transaction. Else with GITHUB_TOKEN.

    Raises: GitHubTokenMissing, naming the settings; GitHubAppRefused, GitHubAppNotInstalled, GitHubAppSuspended,
    RemoteUnavailable, RateLimited.
    """
    if not settings.GITHUB_APP_ID:
        if not settings.GITHUB_TOKEN:
            raise GitHubTokenMissing(
                "GITHUB_TOKEN is not set, and no GitHub App either (GITHUB_APP_ID), so nothing can be done at GitHub."
            )
        return GitHubGateway(settings.GITHUB_TOKEN, base_url=settings.GITHUB_API_URL)
    app = github_app_credential()
    token = github_app.token_for(
        app, repository=repository or (channel.repository if channel else ""), owner=owner
    )
    return GitHubGateway(
        token.value,
        base_url=settings.GITHUB_API_URL,
        token_ends_at=token.ends_at,
        on_refused=partial(github_app.forget, app, token.value),
    )


def github_app_credential() -> AppCredential:
    """Return the GitHub App of the settings."""
    return AppCredential(
        app_id=settings.GITHUB_APP_ID,
        private_key=settings.GITHUB_APP_PRIVATE_KEY,
        base_url=settings.GITHUB_API_URL,
        installation_id=settings.GITHUB_APP_INSTALLATION_ID,
    )


def github_access(channel: Channel, gateway: GitHubGateway) -> tuple[bool, str]:
    """Return whether what opens a channel's repository grants all that is needed, and a sentence: what it is, until when."""
    until = gateway.token_ends_at
    end = f"{until:%Y-%m-%d %H:%M} UTC" if until else ""
    if not settings.GITHUB_APP_ID:
        return (
            True,
            f"GITHUB_TOKEN is used; it ends {end}." if end else "GITHUB_TOKEN is used; it names no end.",
        )
    at = github_app.token_for(github_app_credential(), repository=channel.repository).installation
    where = f"GitHub App {settings.GITHUB_APP_ID}, installation {at.id} at {at.owner}"
    if lacking := at.lacks():
        return (
            False,
            f"{where}, was not granted {', '.join(lacking)}; grant it on the App's page, and accept it there.",
        )
    return True, f"{where}, is used; its present token ends {end} and is renewed before."


def youtube(channel: Channel) -> YouTubeGateway:
    """Return a gateway that speaks for a channel; close it, or use it in a `with`.

    Raises: CredentialMissing, if the channel is not connected or its secrets cannot be read.
    """
    return YouTubeGateway(
        oauth_credential(channel), api_url=settings.YOUTUBE_API_URL, token_url=settings.GOOGLE_TOKEN_URL
    )


def oauth_credential(channel: Channel) -> OAuthCredential:
    """Return a channel's OAuth client and refresh token in plain text, for a gateway or a sealed secret only.

    A credential of the installation's own client (GOOGLE_CLIENT_ID) takes that client's secret from the settings, also where
    its row has an old copy: rotating it is one setting. Of another client the row has the secret.

    Raises: CredentialMissing.
    """
    credential = Credential.objects.filter(channel=channel).first()
    if credential is None:
        raise CredentialMissing(f"Channel {channel.name} is not connected: it has no Google credential.")
    client_id = credential.client_id or settings.GOOGLE_CLIENT_ID
    of_settings = settings.GOOGLE_CLIENT_SECRET if client_id == settings.GOOGLE_CLIENT_ID else ""
    try:
        client_secret, refresh_token = of_settings or credential.client_secret, credential.refresh_token
    except SecretUnreadable as error:
        raise CredentialMissing(
            f"The credential of channel {channel.name} cannot be read: {error}."
        ) from error
    return OAuthCredential(client_id=client_id, client_secret=client_secret, refresh_token=refresh_token)
