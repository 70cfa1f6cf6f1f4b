"""Connect a channel with Google: begin at the consent page, finish with the code that comes back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import RemoteError
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_oauth import OAuthCredential, TokenGrant, authorization_url, exchange_code
from channels.models import Channel, Credential
from channels.states import CredentialState, Executor
from orchestration.core import audit, lookup
from orchestration.core.transitions import transition
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.queue import blockers
from orchestration.queue import jobs as queue
from orchestration.states import JobKind


class ClientMissing(OrchestrationError):
    """No OAuth client is configured, so no channel can be connected."""

    code = "oauth_client_missing"
    status = 409


class ConnectionFailed(OrchestrationError):
    """Google did not grant what is needed, or granted it for another channel."""

    code = "connection_failed"
    status = 409
    again = "again"


@dataclass(frozen=True, slots=True)
class Connected:
    """What the consent opened."""

    channel: Channel
    title: str


def _known(channel_id: int) -> Channel:
    return lookup.one(Channel, channel_id, field="channel_id")


def begin(channel_id: int, *, redirect_uri: str, state: str, verifier: str) -> str:
    """Return the address of Google's consent page for a channel. Raises: NotFound, ClientMissing."""
    channel = _known(channel_id)
    if not (settings.GOOGLE_CLIENT_ID and settings.GOOGLE_CLIENT_SECRET):
        raise ClientMissing(
            f"Channel {channel.name} cannot be connected: set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET (see the README)."
        )
    return authorization_url(
        client_id=settings.GOOGLE_CLIENT_ID,
        redirect_uri=redirect_uri,
        state=state,
        verifier=verifier,
        auth_url=settings.GOOGLE_AUTH_URL,
    )


def finish(channel_id: int, *, code: str, redirect_uri: str, verifier: str) -> Connected:
    """Exchange the code, see which channel it opens, and store the credential sealed.

    The channel's id is pinned at the first connection; a consent for another channel is refused and nothing is stored.
    Raises: NotFound, InvalidRequest, ConnectionFailed.
    """
    channel = _known(channel_id)
    if not code:
        raise InvalidRequest("Google sent no code.", field="code")
    try:
        grant = exchange_code(
            code,
            client_id=settings.GOOGLE_CLIENT_ID,
            client_secret=settings.GOOGLE_CLIENT_SECRET,
            redirect_uri=redirect_uri,
            verifier=verifier,
            token_url=settings.GOOGLE_TOKEN_URL,
        )
        granted = OAuthCredential(
            settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET, grant.refresh_token
        )
        with YouTubeGateway(
            granted, api_url=settings.YOUTUBE_API_URL, token_url=settings.GOOGLE_TOKEN_URL
        ) as youtube:
            opened = youtube.my_channel()
    except RemoteError as error:
        raise ConnectionFailed(f"Channel {channel.name} was not connected: {error}.") from error
    with transaction.atomic():
        channel = Channel.objects.locked().get(pk=channel.pk)
        _refuse_another(channel, opened.id, opened.title)
        was = channel.youtube_channel_id
        if not was:
            Channel.objects.filter(pk=channel.pk).update(youtube_channel_id=opened.id)
            channel.youtube_channel_id = opened.id
        ends = _store(channel, grant)
        _sync_secrets(channel)
        blockers.clear_of(channel, blockers.OF_CREDENTIAL, f"connected with {opened.title}")
        audit.record(
            "channel_connected",
            channel,
            was={"youtube_channel_id": was},
            after={
                "youtube_channel_id": opened.id,
                "title": opened.title,
                "expires_at": ends and ends.isoformat(),
            },
        )
    return Connected(channel, opened.title)


def _refuse_another(channel: Channel, opened_id: str, title: str) -> None:
    if channel.youtube_channel_id and channel.youtube_channel_id != opened_id:
        raise ConnectionFailed(
            f"The consent opens {title} ({opened_id}), but {channel.name} is {channel.youtube_channel_id}. "
            "Nothing was stored; choose the right account."
        )
    other = Channel.objects.filter(youtube_channel_id=opened_id).exclude(pk=channel.pk).first()
    if other is not None:
        raise ConnectionFailed(
            f"{title} ({opened_id}) is connected as {other.name} already. Nothing was stored."
        )


def _sync_secrets(channel: Channel) -> None:
    """Have the new secrets written where the old ones were: a run would otherwise go on with a token that ends."""
    had_secrets = Credential.objects.filter(channel=channel).exclude(pushed_at=None).exists()
    if had_secrets and channel.executor == Executor.GITHUB and channel.repository:
        queue.enqueue(
            JobKind.SYNC, dedupe_key=f"sync:{channel.pk}", channel=channel, priority=channel.priority
        )


def _store(channel: Channel, grant: TokenGrant) -> datetime | None:
    """Seal what was granted, and return when it ends, if it does."""
    seconds = grant.expires_in_seconds
    ends = timezone.now() + timedelta(seconds=seconds) if seconds else None
    credential = Credential.objects.locked().filter(channel=channel).first()
    if credential is None:
        credential = Credential(channel=channel)
    credential.client_id = settings.GOOGLE_CLIENT_ID
    credential.client_secret_sealed = (
        ""  # the installation's, so it stays in the settings: rotating it is one setting
    )
    credential.set_secrets(refresh_token=grant.refresh_token, expires_at=ends)
    credential.reason = ""
    credential.save()
    if credential.state != CredentialState.VALID:
        transition(credential, CredentialState.VALID, reason="connected", checked_at=timezone.now())
    return ends
