"""Issue, verify and revoke the bearer tokens of the API; only their SHA-256 hash is kept."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from auditlog.context import disable_auditlog
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from orchestration.core import audit
from orchestration.errors import InvalidRequest, NotFound
from orchestration.models import ApiToken

PREFIX = "hd_"
USE_IS_WRITTEN_EVERY = timedelta(minutes=1)


def hash_of(token: str) -> str:
    """Return what is stored of a token: it has 256 random bits, so a plain hash cannot be turned back."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue(name: str, scope: str, *, created_by: Any = None) -> tuple[ApiToken, str]:
    """Make a token and return it with its text, which is shown this once.

    Raises: InvalidRequest, if the name was used before (also by a revoked token) or the scope is not one.
    """
    if ApiToken.objects.filter(name=name).exists():
        raise InvalidRequest(f"There is, or was, a token named {name}; choose another name.", field="name")
    text = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(name=name, scope=scope, token_hash=hash_of(text), created_by=created_by)
    try:
        token.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidRequest(" ".join(messages), field=field) from error
    try:
        with transaction.atomic(), disable_auditlog():
            token.save()
            audit.record("issue_token", token, after={"name": name, "scope": scope})
    except IntegrityError as error:
        raise InvalidRequest(f"There is a token named {name} already.", field="name") from error
    return token, text


def verify(text: str) -> ApiToken | None:
    """Return the token that `text` is, unless it is unknown or revoked; its use is written at most once a minute."""
    if not text.startswith(PREFIX) or len(text) > 200:
        return None
    token = ApiToken.objects.filter(token_hash=hash_of(text), revoked_at=None).first()
    if token is None:
        return None
    now = timezone.now()
    stale = now - USE_IS_WRITTEN_EVERY
    if token.last_used_at is None or token.last_used_at < stale:
        ApiToken.objects.filter(Q(last_used_at=None) | Q(last_used_at__lt=stale), pk=token.pk).update(
            last_used_at=now
        )
    return token


def revoke(name: str) -> ApiToken:
    """Make a token useless from now on. Raises: NotFound; InvalidRequest, if it is revoked already."""
    with transaction.atomic(), disable_auditlog():
        token = ApiToken.objects.locked().filter(name=name).first()
        if token is None:
            raise NotFound(f"There is no token named {name}.", field="name")
        if token.revoked_at is not None:
            raise InvalidRequest(
                f"The token {name} was revoked at {token.revoked_at:%Y-%m-%d %H:%M} UTC.", field="name"
            )
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        audit.record(
            "revoke_token",
            token,
            before={"revoked_at": None},
            after={"revoked_at": token.revoked_at.isoformat()},
        )
    return token
