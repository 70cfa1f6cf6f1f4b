"""Issue, verify and revoke the bearer tokens of the API; only their SHA-256 hash is kept."""

import hashlib
import ipaddress
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from auditlog.context import disable_auditlog
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from orchestration.core import audit, lookup, preconditions
from orchestration.core.permissions import Actor
from orchestration.errors import IllegalTransition, InvalidRequest, NotFound
from orchestration.models import ApiToken
from orchestration.register import restrictions
from orchestration.states import TOKEN_VERBS, TokenState
from orchestration.text import plain_line

PREFIX = "hd_"
USE_IS_WRITTEN_EVERY = timedelta(minutes=1)
MOST_OVERLAP_HOURS = 720
MOST_NETWORKS = 50


def hash_of(token: str) -> str:
    """Return what is stored of a token: it has 256 random bits, so a plain hash cannot be turned back."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue(
    name: str,
    scope: str,
    *,
    expires_at: datetime | None = None,
    limited_to: Sequence[str] = (),
    networks: Sequence[str] = (),
    for_assistant: bool = False,
    reason: str = "",
    created_by: Any = None,
) -> tuple[ApiToken, str]:
    """Make a token and return it with its text, which is shown this once.

    Raises: InvalidRequest, if the name was used before (also by a revoked token), the scope is not one, the end is past, or
    one of `networks` is none.
    """
    name = plain_line(name)
    _refuse_taken(name)
    if expires_at is not None and expires_at <= timezone.now():
        raise InvalidRequest(
            "The token would have expired already; choose a later end, or none.", field="expires_at"
        )
    text = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        name=name,
        scope=scope,
        token_hash=hash_of(text),
        expires_at=expires_at,
        networks=_networks(networks),
        for_assistant=for_assistant,
        created_by_id=_id_of(created_by),
    )
    _check(token)
    try:
        with transaction.atomic(), disable_auditlog():
            token.save()
            restrictions.keep(token, scope, limited_to)
            after: dict[str, Any] = {"name": name, "scope": scope}
            if limited_to:
                after["limited_to"] = restrictions.of(token)
            if networks:
                after["networks"] = token.networks
            if for_assistant:
                after["for_assistant"] = True
            if expires_at is not None:
                after["expires_at"] = expires_at.isoformat()
            audit.record("issue_token", token, after=after, reason=reason)
    except IntegrityError as error:
        raise InvalidRequest(f"There is a token named {name} already.", field="name") from error
    return token, text


def rename(token_id: int, name: str, reason: str = "") -> ApiToken:
    """Call a token something else from now on; what it did stays under its old name. Raises: NotFound, InvalidRequest."""
    name = plain_line(name)
    with transaction.atomic(), disable_auditlog():
        token = lookup.one(ApiToken.objects.locked(), token_id, field="token_id")
        if token.state not in TOKEN_VERBS["rename"].states:
            raise IllegalTransition(
                f"The token {token.name} is {token.state}; its name stays.", state=token.state
            )
        if name != token.name:
            _refuse_taken(name)
            before, token.name = token.name, name
            _check(token)
            token.save(update_fields=["name"])
            audit.record("rename_token", token, before={"name": before}, after={"name": name}, reason=reason)
    return token


def id_of(name: str) -> int:
    """Return which token is called so. Raises: NotFound."""
    found = ApiToken.objects.filter(name=name).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound(f"There is no token named {name}.", field="name")
    return found


def _refuse_taken(name: str) -> None:
    if ApiToken.objects.filter(name=name).exists():
        raise InvalidRequest(f"There is, or was, a token named {name}; choose another name.", field="name")


def _check(token: ApiToken) -> None:
    try:
        token.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidRequest(" ".join(messages), field=field) from error


def _id_of(user: Any) -> int | None:
    return user if isinstance(user, int) else getattr(user, "pk", None)


def rotate(token_id: int, overlap_hours: float, *, asks: Actor, reason: str = "") -> tuple[ApiToken, str]:
    """Give an open token another text and return it, this once; the one before it opens for some hours yet, or not at all.

    Of two texts before it only the last is kept. Raises: NotFound; IllegalTransition; InvalidRequest; NotPermitted, if it
    may more than whoever asks.
    """
    if not 0 <= overlap_hours <= MOST_OVERLAP_HOURS:
        raise InvalidRequest(
            f"The text before it opens for 0 to {MOST_OVERLAP_HOURS} hours yet, not {overlap_hours:g}.",
            field="overlap_hours",
        )
    text = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic(), disable_auditlog():
        token = lookup.one(ApiToken.objects.locked(), token_id, field="token_id")
        asks.require(token.scope, f"a token that may {token.scope}")
        if token.state not in TOKEN_VERBS["rotate"].states:
            raise IllegalTransition(f"The token {token.name} is {token.state}.", state=token.state)
        until = timezone.now() + timedelta(hours=overlap_hours) if overlap_hours else None
        token.old_hash, token.old_until = (token.token_hash if until else ""), until
        token.token_hash = hash_of(text)
        token.save(update_fields=["token_hash", "old_hash", "old_until"])
        audit.record(
            "rotate_token",
            token,
            after={"old_text_opens_until": until.isoformat() if until else None},
            reason=reason,
        )
    return token, text


def _networks(texts: Sequence[str]) -> list[str]:
    """Return networks as they are written, each once. Raises: InvalidRequest, naming what is none."""
    found: list[str] = []
    for text in texts:
        try:
            network = str(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError as error:
            raise InvalidRequest(
                f"{text[:60]!r} is no network such as 203.0.113.0/24 or 2001:db8::/32.", field="networks"
            ) from error
        found += [network] if network not in found else []
    if len(found) > MOST_NETWORKS:
        raise InvalidRequest(f"A token opens from {MOST_NETWORKS} networks at most.", field="networks")
    return found


def is_from(token: ApiToken, address: str | None) -> bool:
    """Return whether a token may be used from an address."""
    if not token.networks:
        return True
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in ipaddress.ip_network(network) for network in token.networks)


def verify(text: str) -> ApiToken | None:
    """Return the token that `text` is, unless it is unknown, revoked or expired; its use is noted once a minute at most.

    The text before a rotation opens it, too, as long as it was said to.
    """
    if not text.startswith(PREFIX) or len(text) > 200:
        return None
    rows = ApiToken.objects.select_related("restriction")
    given, now = hash_of(text), timezone.now()
    fits = Q(token_hash=given) | Q(old_hash=given, old_until__gt=now)
    token = rows.filter(fits, revoked_at=None).first()
    if token is None or token.state != TokenState.OPEN:
        return None
    stale = now - USE_IS_WRITTEN_EVERY
    if token.last_used_at is None or token.last_used_at < stale:
        ApiToken.objects.filter(Q(last_used_at=None) | Q(last_used_at__lt=stale), pk=token.pk).update(
            last_used_at=now
        )
    return token


def revoke(name: str, reason: str = "") -> ApiToken:
    """Make a token useless from now on. Raises: NotFound; InvalidRequest, if it is revoked already."""
    with transaction.atomic(), disable_auditlog():
        token = ApiToken.objects.locked().filter(name=name).first()
        if token is None:
            raise NotFound(f"There is no token named {name}.", field="name")
        preconditions.hold(ApiToken, token.pk)
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
            reason=reason,
        )
    return token
