"""Log in at an OpenID Connect provider: code flow with PKCE, the identity token checked against its keys by PyJWT.

A person is known by issuer and subject, never by a mail address. Whoever is not known yet is refused, unless the
installation trusts the provider's user names, or its groups say at which level somebody new comes in; nobody comes in new
as an owner. The provider's address is set by whoever installs Headend: it is called as it stands, without redirects.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import requests
from auditlog.context import disable_auditlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from orchestration.core import audit
from orchestration.core.audit import Acting, acting_as
from orchestration.core.permissions import SCOPES
from orchestration.errors import OrchestrationError
from orchestration.models import ExternalIdentity
from orchestration.register import users
from orchestration.states import Trigger

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a key that only the provider has; `none` and shared secrets are none."""
TIMEOUT_SECONDS = 10
LEEWAY_SECONDS = 30
REMEMBER_SECONDS = 600
MAX_SUBJECT = 255


class SignOnFailed(OrchestrationError):
    """The provider did not say who it is, or said somebody who may not come in."""

    code = "sign_on_failed"
    status = 403


@dataclass(frozen=True, slots=True)
class Provider:
    """Where the provider is asked, as it tells itself."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


@dataclass(frozen=True, slots=True)
class Claims:
    """Who somebody is, vouched for by the provider."""

    issuer: str
    subject: str
    username: str
    full_name: str
    email: str
    groups: frozenset[str] = field(default_factory=frozenset)


def is_offered() -> bool:
    """Return whether a provider is configured."""
    return bool(settings.HEADEND_OIDC_ISSUER and settings.HEADEND_OIDC_CLIENT_ID)


def begin(redirect_uri: str) -> tuple[str, dict[str, str]]:
    """Return where a browser is led, and what has to be kept until it comes back. Raises: SignOnFailed."""
    asked = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
    challenge = urlsafe_b64encode(hashlib.sha256(asked["verifier"].encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": settings.HEADEND_OIDC_CLIENT_ID,
        "redirect_uri": redirect_uri,
        "scope": settings.HEADEND_OIDC_SCOPES,
        "state": asked["state"],
        "nonce": asked["nonce"],
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    address = _provider().authorization_endpoint
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}", asked


def finish(asked: dict[str, str], *, state: str, code: str, redirect_uri: str) -> Claims:
    """Exchange a code for who it is, once. Raises: SignOnFailed."""
    if not asked or not constant_time_compare(asked.get("state", ""), state):
        raise SignOnFailed("This was not asked for from here, or too long ago; begin again.")
    if not code:
        raise SignOnFailed("The provider did not log you in.")
    provider = _provider()
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "client_id": settings.HEADEND_OIDC_CLIENT_ID,
        "client_secret": settings.HEADEND_OIDC_CLIENT_SECRET,
        "code_verifier": asked["verifier"],
    }
    token = _asked("POST", provider.token_endpoint, body).get("id_token")
    if not isinstance(token, str):
        raise SignOnFailed("The provider gave no identity token.")
    return _claims(_verified(token, provider, asked["nonce"]))


def person_of(claims: Claims) -> User:
    """Return whose identity it is, or whose it becomes; written down. Raises: SignOnFailed."""
    with transaction.atomic(), acting_as(Acting("sign-on", None, Trigger.BUTTON)):
        known = (
            ExternalIdentity.objects.select_related("user")
            .filter(issuer=claims.issuer, subject=claims.subject)
            .first()
        )
        user = known.user if known else _new(claims)
        if not user.is_active:
            raise SignOnFailed("This account is shut out.")
        if known:
            ExternalIdentity.objects.filter(pk=known.pk).update(last_used_at=timezone.now())
        return user


def _new(claims: Claims) -> User:
    user = User.objects.filter(username=claims.username).first() if claims.username else None
    if user is not None and not settings.HEADEND_OIDC_TRUST_NAMES:
        raise SignOnFailed(
            f"There is a {user.username} here, who is not known by this provider; ask an administrator."
        )
    if user is None:
        level = _level(claims.groups)
        if not level or not claims.username:
            raise SignOnFailed("Nobody here is known by this provider as you are; ask an administrator.")
        user = User.objects.get(
            pk=users.add(
                username=claims.username, level=level, full_name=claims.full_name, email=claims.email
            )
        )
    with disable_auditlog():
        ExternalIdentity.objects.create(
            user=user, issuer=claims.issuer, subject=claims.subject, last_used_at=timezone.now()
        )
    audit.record("identity_connected", user, after={"issuer": claims.issuer, "subject": claims.subject})
    return user


def _level(groups: frozenset[str]) -> str:
    """Return the highest level that some groups give; empty if they give none."""
    given = [level for group, level in settings.HEADEND_OIDC_LEVELS.items() if group in groups]
    return max(given, key=SCOPES.__getitem__, default="")


# ------------------------------------------------------------------------------------------------------------ the provider

_kept: dict[str, tuple[float, Provider, jwt.PyJWKClient]] = {}


def _provider() -> Provider:
    return _found()[0]


def _found() -> tuple[Provider, jwt.PyJWKClient]:
    issuer: str = settings.HEADEND_OIDC_ISSUER or ""
    kept = _kept.get(issuer)
    if kept is not None and time.monotonic() - kept[0] <= REMEMBER_SECONDS:
        _, provider, keys = kept
    else:
        told = _asked("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if told.get("issuer") != issuer:
            raise SignOnFailed("The provider says that it is another one than HEADEND_OIDC_ISSUER names.")
        provider = Provider(*(_endpoint(told, name) for name in Provider.__slots__))
        keys = jwt.PyJWKClient(provider.jwks_uri, timeout=TIMEOUT_SECONDS, lifespan=REMEMBER_SECONDS)
        _kept[issuer] = (time.monotonic(), provider, keys)
    return provider, keys


def _endpoint(told: dict[str, Any], name: str) -> str:
    address = told.get(name)
    schemes = {"https", urlsplit(settings.HEADEND_OIDC_ISSUER).scheme}
    if not isinstance(address, str) or urlsplit(address).scheme not in schemes:
        raise SignOnFailed(f"The provider tells no usable {name}.")
    return address


def _asked(method: str, url: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    try:
        answer = requests.request(method, url, data=body, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        told = answer.json() if answer.status_code == 200 else None
    except (requests.RequestException, ValueError):
        told = None
    if not isinstance(told, dict):
        raise SignOnFailed("The provider does not answer as one; try again, or log in with your password.")
    return told


def _verified(token: str, provider: Provider, nonce: str) -> dict[str, Any]:
    try:
        key = _found()[1].get_signing_key_from_jwt(token)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            audience=settings.HEADEND_OIDC_CLIENT_ID,
            issuer=settings.HEADEND_OIDC_ISSUER,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except (jwt.PyJWTError, ValueError) as error:
        raise SignOnFailed("The provider's identity token does not hold.") from error
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != settings.HEADEND_OIDC_CLIENT_ID:
        raise SignOnFailed("The provider's identity token is for somebody else.")
    if not constant_time_compare(str(claims.get("nonce", "")), nonce):
        raise SignOnFailed("The provider's identity token is not the answer to this question.")
    return claims


def _claims(told: dict[str, Any]) -> Claims:
    subject = str(told["sub"])
    if not subject or len(subject) > MAX_SUBJECT:
        raise SignOnFailed("The provider names nobody.")
    groups = told.get(settings.HEADEND_OIDC_GROUPS_CLAIM, [])
    return Claims(
        issuer=str(told["iss"]),
        subject=subject,
        username=str(told.get("preferred_username") or "")[:150],
        full_name=str(told.get("name") or "")[:300],
        email=str(told.get("email") or "") if told.get("email_verified") is True else "",
        groups=frozenset(str(group) for group in groups) if isinstance(groups, list) else frozenset(),
    )
