"""Connect a channel: send its owner to Google's consent page and turn the returned code into a credential.

https://developers.google.com/youtube/v3/guides/auth/server-side-web-apps
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httplib2

from channels.gateways import readings, redaction
from channels.gateways.errors import (
    CredentialMissing,
    PermissionMissing,
    RemoteError,
    RemoteRejected,
    RemoteUnavailable,
    RemoteUncertain,
)
from channels.gateways.youtube_wire import TRANSPORT_ERRORS, NotSent, OneAttemptHttp

GOOGLE_API_URL = "https://youtube.googleapis.com"
GOOGLE_TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105
GOOGLE_AUTH_URL = "https://accounts.google.com/o/oauth2/v2/auth"

MANAGE_SCOPE = "https://www.googleapis.com/auth/youtube"
MAX_SECONDS = 10 * 365 * 86_400  # no grant is said to last longer; what is said to is not believed
CAPTIONS_SCOPE = "https://www.googleapis.com/auth/youtube.force-ssl"
"""What YouTube wants for captions, by its discovery document; who ticks it off has everything but those."""
NEEDED_SCOPES = (MANAGE_SCOPE,)
"""One scope serves every other call of the gateway; ``youtube.upload`` alone could not publish what it uploaded."""
SCOPES = (*NEEDED_SCOPES, CAPTIONS_SCOPE)


@dataclass(frozen=True, slots=True)
class OAuthCredential:
    """The OAuth client and a channel's refresh token; shows neither secret when printed."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)

    def require_complete(self) -> None:
        """Raise CredentialMissing, naming what is missing, unless all three parts are there."""
        missing = [
            name.replace("_", " ")
            for name in ("client_id", "client_secret", "refresh_token")
            if not getattr(self, name)
        ]
        if missing:
            raise CredentialMissing(f"the channel's credential has no {' and no '.join(missing)}")


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What Google granted: a refresh token to store, the scopes that its owner ticked, and how long it lasts.

    `expires_in_seconds` is empty for a grant without an end. Google sets one where the owner gave access for a time,
    and for apps whose consent screen is in Testing.
    """

    refresh_token: str = field(repr=False)
    scopes: tuple[str, ...]
    expires_in_seconds: int | None = None


def challenge_of(verifier: str) -> str:
    """Return what the consent page is told of a verifier, by which nobody finds it (RFC 7636, S256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def authorization_url(
    *,
    client_id: str,
    redirect_uri: str,
    state: str,
    verifier: str,
    auth_url: str = GOOGLE_AUTH_URL,
    login_hint: str = "",
) -> str:
    """Return the address of the consent page.

    `state` must be unguessable and is to be compared on return; `verifier`, 43 to 128 letters of its own, is to be kept and
    given with the code, so that a code which somebody else reads opens nothing.
    """
    parameters = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": " ".join(SCOPES),
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
        # A refresh token comes only with offline access, and a second time only if consent is asked again.
        "access_type": "offline",
        "prompt": "consent select_account",
    }
    if login_hint:
        parameters["login_hint"] = login_hint
    return f"{auth_url}{'&' if '?' in auth_url else '?'}{urlencode(parameters)}"


def exchange_code(
    code: str,
    *,
    client_id: str,
    client_secret: str,
    redirect_uri: str,
    verifier: str,
    token_url: str = GOOGLE_TOKEN_URL,
    timeout_seconds: float = 30,
) -> TokenGrant:
    """Exchange the code of a finished consent for a refresh token. A code works once, for a few minutes.

    Raises: RemoteRejected when the code or the client is refused or no refresh token comes with it;
    PermissionMissing when the owner left out the scope; RemoteUncertain, RemoteUnavailable, RateLimited.
    """
    form = {
        "code": code,
        "client_id": client_id,
        "client_secret": client_secret,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
        "grant_type": "authorization_code",
    }
    with redaction.knowing(code, client_secret, verifier):
        return _exchanged(form, token_url, timeout_seconds)


def refusal_of_client(
    *, client_id: str, client_secret: str, redirect_uri: str, token_url: str, timeout_seconds: float = 15
) -> str:
    """Return Google's word against an OAuth client; empty where it takes the client and refuses only a code that is none.

    Nothing is granted or used up. Raises: RemoteUnavailable, RemoteUncertain.
    """
    form = {
        "code": "no-code-a-look-at-the-client",
        "client_id": client_id,
        "client_secret": client_secret,
        "redirect_uri": redirect_uri,
        "grant_type": "authorization_code",
    }
    with redaction.knowing(client_secret):
        answer, body = _asked(form, token_url, timeout_seconds)
    word = str((body or {}).get("error", ""))
    if word in {"invalid_client", "unauthorized_client", "deleted_client", "disabled_client"}:
        return word.replace("_", " ")
    if word in {"invalid_grant", "redirect_uri_mismatch", "invalid_request"}:
        return ""
    raise RemoteUnavailable(f"the token endpoint answered {answer.status} {word}".strip())


def granted_scopes(
    credential: OAuthCredential, *, token_url: str, timeout_seconds: float = 15
) -> tuple[str, ...]:
    """Return what a refresh token opens, as Google names it with a fresh access token, which is thrown away.

    Raises: CredentialMissing; CredentialRevoked and other RemoteErrors.
    """
    credential.require_complete()
    form = {
        "refresh_token": credential.refresh_token,
        "client_id": credential.client_id,
        "client_secret": credential.client_secret,
        "grant_type": "refresh_token",
    }
    with redaction.knowing(credential.refresh_token, credential.client_secret):
        answer, body = _asked(form, token_url, timeout_seconds)
    if answer.status != 200 or body is None:
        word = str((body or {}).get("error", answer.status))
        found = readings.read("google_token", "refresh", answer.status, body, answer)
        raise found.error(f"Google refused the consent: {word.replace('_', ' ')}", status=answer.status)
    return tuple(str(body.get("scope", "")).split())


def _exchanged(form: dict[str, str], token_url: str, timeout_seconds: float) -> TokenGrant:
    return _grant(*_asked(form, token_url, timeout_seconds))


def _asked(
    form: dict[str, str], token_url: str, timeout_seconds: float
) -> tuple[httplib2.Response, dict[str, object] | None]:
    http = OneAttemptHttp(token_url, timeout_seconds)
    try:
        answer, content = http.request(
            token_url, "POST", urlencode(form), {"content-type": "application/x-www-form-urlencoded"}
        )
    except NotSent as error:
        raise RemoteUnavailable("no connection to the token endpoint") from error
    except TRANSPORT_ERRORS as error:
        raise RemoteUncertain("the token endpoint did not answer; begin the connection again") from error
    finally:
        http.close()
    return answer, _object(content)


def _grant(answer: httplib2.Response, body: dict[str, object] | None) -> TokenGrant:
    if answer.status != 200 or body is None:
        raise _refused(answer, body)
    scopes = tuple(str(body.get("scope") or " ".join(SCOPES)).split())
    missing = [scope for scope in NEEDED_SCOPES if scope not in scopes]
    if missing:
        raise PermissionMissing(f"the permission {missing[0]} was not granted: tick it on Google's page")
    if not body.get("refresh_token"):
        raise RemoteRejected(
            "Google sent no refresh token: remove the app's access there, then connect again"
        )
    return TokenGrant(
        refresh_token=str(body["refresh_token"]),
        scopes=scopes,
        # As in https://github.com/google/GoogleSignIn-iOS/pull/577
        expires_in_seconds=_seconds(body.get("refresh_token_expires_in")),
    )


def _refused(answer: httplib2.Response, body: dict[str, object] | None) -> RemoteError:
    found = readings.read("google_token", "code", answer.status, body, answer)
    facts = [str((body or {})[key]) for key in ("error", "error_description") if (body or {}).get(key)]
    fact = f"Google refused the code: {' '.join(facts) or answer.status}"
    if found.kind in {"unknown", "again"}:
        fact = f"the token endpoint failed ({' '.join(facts) or answer.status}); begin the connection again"
    return found.error(fact, status=answer.status)


def _seconds(value: object) -> int | None:
    """Return a number of seconds from now on, or None for what is none: no consent fails for it."""
    try:
        seconds = int(str(value))
    except ValueError:
        return None
    return seconds if 0 < seconds < MAX_SECONDS else None


def _object(content: bytes) -> dict[str, object] | None:
    try:
        parsed = json.loads(content)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None
