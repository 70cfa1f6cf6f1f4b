"""Take a channel's OAuth client and refresh token by hand: sealed as they come, never shown again."""

from __future__ import annotations

from auditlog.context import disable_auditlog
from django.db import transaction

from channels.models import Channel, Credential
from orchestration.core import audit, lookup
from orchestration.errors import InvalidRequest
from orchestration.queue import jobs as queue

CLIENT_ID_CHARACTERS = 200
SECRET_CHARACTERS = 500
TOKEN_CHARACTERS = 2000


def set_credential(
    channel_id: int,
    *,
    client_id: str,
    client_secret: str = "",
    refresh_token: str = "",
    reason: str = "",
) -> Credential:
    """Store what opens a channel, and have Google asked about it; what is empty stays as it is stored.

    A refresh token belongs to the client that it was given to, so another client needs its own secret and token.
    Raises: NotFound; InvalidRequest, naming the field.
    """
    client_id = client_id.strip()
    client_secret, refresh_token = client_secret.strip(), refresh_token.strip()
    for field, value, most in (
        ("client_id", client_id, CLIENT_ID_CHARACTERS),
        ("client_secret", client_secret, SECRET_CHARACTERS),
        ("refresh_token", refresh_token, TOKEN_CHARACTERS),
    ):
        if len(value) > most:
            raise InvalidRequest(f"It is longer than {most} characters.", field=field)
        if not value.isprintable():
            raise InvalidRequest("It contains what cannot be typed, such as the end of a line.", field=field)
    if not client_id:
        raise InvalidRequest("Give the client id; it ends in .apps.googleusercontent.com.", field="client_id")
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        row = Credential.objects.locked().filter(channel=channel).first() or Credential(channel=channel)
        if client_id != row.client_id:
            _require_whole(client_secret, refresh_token)
        elif not (client_secret or refresh_token):
            raise InvalidRequest(
                "Nothing new was given: a client secret or a refresh token.", field="client_secret"
            )
        before = {"client_id": row.client_id} if row.pk else {}
        row.client_id = client_id
        row.set_secrets(client_secret=client_secret, refresh_token=refresh_token)
        with disable_auditlog():
            row.save()
        given = [
            name
            for name, value in (("client secret", client_secret), ("refresh token", refresh_token))
            if value
        ]
        audit.record(
            "credential_set",
            channel,
            before=before,
            after={"client_id": client_id, "given": " and ".join(given)},
            reason=reason,
        )
        queue.enqueue_check(channel, asked=True)
    return row


def _require_whole(client_secret: str, refresh_token: str) -> None:
    if not client_secret:
        raise InvalidRequest("Another client has a secret of its own; give it, too.", field="client_secret")
    if not refresh_token:
        raise InvalidRequest(
            "A refresh token belongs to its client; give the one of this client, too.", field="refresh_token"
        )
