"""Read the OIDC tokens with which GitHub vouches for a run of Actions: signature, issuer, audience, time, claims.

The issuer's public keys are kept in this process. They are read again when a token names one that is not among them, at
most once a minute, so that forged tokens make no calls; and once a day, so that a key that was withdrawn opens nothing.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
import requests

ALGORITHM = "RS256"
LEEWAY_SECONDS = 60
MAX_TOKEN_CHARACTERS = 8_192
MAX_KEYS_BYTES = 256 * 1024
ASK_AGAIN_SECONDS = 60
FAILED_ASK_SECONDS = 5
KEPT_SECONDS = 24 * 3600
TIMEOUT_SECONDS = 5


class TokenRefused(Exception):
    """The token proves nothing; the text says why, and carries nothing of it but what is no secret."""


class KeysUnavailable(Exception):
    """The issuer's keys cannot be read at present, so nothing can be said of a token."""


@dataclass(frozen=True, slots=True)
class RunClaims:
    """What GitHub says of the run that a token is of."""

    repository: str
    repository_id: int
    run_id: int
    run_attempt: int
    event_name: str
    ref: str
    workflow_ref: str

    @property
    def workflow_path(self) -> str:
        """Return the workflow's path in its repository."""
        whole = self.workflow_ref.partition("@")[0]
        return whole.removeprefix(f"{self.repository}/")


def looks_like_one(secret: str) -> bool:
    """Return whether a bearer secret is of the shape of a JSON web token."""
    return secret.startswith("eyJ") and secret.count(".") == 2


def verify(token: str, *, issuer: str, audience: str) -> RunClaims:
    """Return what a token claims, once it is sure that GitHub made it, for us, and for now.

    Raises: TokenRefused, KeysUnavailable.
    """
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise TokenRefused("the token is larger than any that GitHub makes")
    try:
        head = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise TokenRefused("it is no token of GitHub's OIDC provider") from None
    if head.get("alg") != ALGORITHM:
        raise TokenRefused(f"the token is not signed by {ALGORITHM}")
    key = _keys.key(issuer, str(head.get("kid") or ""))
    if key is None:
        raise TokenRefused(f"the token is signed with a key that {issuer} does not publish")
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud"]},
        )
    except jwt.InvalidTokenError as error:
        raise TokenRefused(_fact(error, token, issuer, audience)) from None
    return _run_claims(claims)


def _fact(error: jwt.InvalidTokenError, token: str, issuer: str, audience: str) -> str:
    if isinstance(error, jwt.InvalidSignatureError):
        return "the token's signature does not fit: GitHub did not make it, or it was altered"
    if isinstance(error, jwt.ExpiredSignatureError):
        return f"the token expired at {_unverified_end(token)}; a run asks GitHub for a new one"
    if isinstance(error, jwt.ImmatureSignatureError):
        return "the token is not valid yet: one of the two clocks is wrong"
    if isinstance(error, jwt.InvalidAudienceError):
        return f"the token is for another audience than HEADEND_PUBLIC_URL, which is {audience}"
    if isinstance(error, jwt.InvalidIssuerError):
        return f"the token is not of GITHUB_OIDC_ISSUER, which is {issuer}"
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"the token says nothing of {error.claim}"
    return "the token cannot be read"


def _unverified_end(token: str) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    return f"{datetime.fromtimestamp(int(claims['exp']), UTC):%Y-%m-%d %H:%M:%S} UTC"


def _run_claims(claims: dict[str, Any]) -> RunClaims:
    try:
        return RunClaims(
            repository=str(claims["repository"]),
            repository_id=int(claims["repository_id"]),
            run_id=int(claims["run_id"]),
            run_attempt=int(claims["run_attempt"]),
            event_name=str(claims["event_name"]),
            ref=str(claims["ref"]),
            workflow_ref=str(claims["workflow_ref"]),
        )
    except (KeyError, ValueError, TypeError):
        raise TokenRefused("the token names no run of GitHub Actions") from None


# ------------------------------------------------------------------------------------------------------------ keys


class Keys:
    """The public keys of each issuer, as they were last read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, dict[str, Any]] = {}
        self._read_at: dict[str, float] = {}
        self._not_before: dict[str, float] = {}

    def key(self, issuer: str, kid: str) -> Any:
        """Return the key of this name, None if the issuer publishes none. Raises: KeysUnavailable."""
        with self._lock:
            now = time.monotonic()
            old = now - self._read_at.get(issuer, 0.0) > KEPT_SECONDS
            known = kid in self._held.get(issuer, {})
            if (not known or old) and now >= self._not_before.get(issuer, 0.0):
                self._read(issuer, now)
            if issuer not in self._held:
                raise KeysUnavailable(f"the keys of {issuer} could not be read")
            return self._held[issuer].get(kid)

    def _read(self, issuer: str, now: float) -> None:
        """Read the keys anew; where that fails, those that are held stay good."""
        try:
            self._held[issuer] = _published(issuer)
        except (requests.RequestException, jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError):
            self._not_before[issuer] = now + FAILED_ASK_SECONDS
        else:
            self._read_at[issuer] = now
            self._not_before[issuer] = now + ASK_AGAIN_SECONDS


def _published(issuer: str) -> dict[str, Any]:
    with requests.get(
        f"{issuer}/.well-known/jwks", timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
    ) as answer:
        if answer.status_code != 200:
            raise ValueError(f"answered {answer.status_code}")
        body = answer.raw.read(MAX_KEYS_BYTES + 1, decode_content=True)
    if len(body) > MAX_KEYS_BYTES:
        raise ValueError("too large")
    listed = jwt.PyJWKSet.from_json(body.decode())
    return {str(key.key_id): key.key for key in listed.keys if key.key_type == "RSA" and key.key_id}


_keys = Keys()
