"""The sandbox's Google account: a consent page, and a token endpoint that gives and takes back permissions."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from channels.sandbox.wire import Problem, Request, Response, route
from channels.sandbox.youtube_state import SECTION, Section, grant, instant, setting, text

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox

CODE_SECONDS = 600


@route("POST", "/oauth/token")
def token(sandbox: Sandbox, request: Request) -> Response:
    """Give an access token for a refresh token, or both for a consent page's code."""
    form = request.form()
    with sandbox.store.change(SECTION) as youtube:
        client = youtube.get("clients", {}).get(form.get("client_id", ""))
        if client is None or not secrets.compare_digest(client["secret"], form.get("client_secret", "")):
            raise _refusal(401, "invalid_client", "The OAuth client was not found.")
        if form.get("grant_type") == "refresh_token":
            return _refresh(sandbox, youtube, form)
        if form.get("grant_type") == "authorization_code":
            return _redeem(sandbox, youtube, form)
    raise _refusal(400, "unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")


@route("GET", "/oauth/authorize")
def consent(sandbox: Sandbox, request: Request) -> Response:
    """Show the consent page: the channel's owner picks a channel, or refuses."""
    query = _checked(sandbox, request)
    with sandbox.store.read(SECTION) as youtube:
        channels = list(youtube.get("channels", {}).values())
    choices = "".join(
        f'<li><a href="/oauth/grant?{escape(urlencode({**query, "channel": channel["id"]}))}">'
        f"{escape(channel['title'])}</a> <small>{escape(channel['id'])}</small></li>"
        for channel in channels
    )
    scopes = "".join(f"<li><code>{escape(scope)}</code></li>" for scope in query.get("scope", "").split())
    refusal = escape(urlencode({**query, "channel": ""}))
    return Response.html(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Sandbox account: consent</title>"
        f"<h1>{escape(query['client_id'])} asks for access</h1><p>It wants to use:</p><ul>{scopes}</ul>"
        f'<p>Choose a channel:</p><ul>{choices}</ul><p><a href="/oauth/grant?{refusal}">Refuse</a></p></html>'
    )


@route("GET", "/oauth/grant")
def give_code(sandbox: Sandbox, request: Request) -> Response:
    """Send the owner back to the application, with a code or with the refusal."""
    query = _checked(sandbox, request)
    channel_id = query.get("channel", "")
    answer = {"state": query["state"]} if "state" in query else {}
    if not channel_id:
        return _redirect(query["redirect_uri"], {**answer, "error": "access_denied"})
    code = f"sandbox-code-{secrets.token_urlsafe(16)}"
    with sandbox.store.change(SECTION) as youtube:
        if channel_id not in youtube.get("channels", {}):
            return Response.html("<h1>404: no such channel</h1>", 404)
        youtube.setdefault("codes", {})[code] = {
            "channel_id": channel_id,
            "client_id": query["client_id"],
            "redirect_uri": query["redirect_uri"],
            "scopes": query.get("scope", "").split(),
            "challenge": query.get("code_challenge", ""),
            "offline": query.get("access_type") == "offline",
            "expires_at": text(sandbox.store.now() + timedelta(seconds=CODE_SECONDS)),
        }
    return _redirect(query["redirect_uri"], {**answer, "code": code, "scope": query.get("scope", "")})


def _refresh(sandbox: Sandbox, youtube: Section, form: dict[str, str]) -> Response:
    name = form.get("refresh_token", "")
    known = youtube.get("refresh_tokens", {}).get(name)
    if known is None or known["revoked"] or known["client_id"] != form["client_id"]:
        raise _refusal(400, "invalid_grant", "Token has been expired or revoked.")
    if known.get("expires_at") and instant(known["expires_at"]) <= sandbox.store.now():
        raise _refusal(400, "invalid_grant", "Token has been expired or revoked.")
    return Response.json(_access(sandbox, youtube, known, name))


def _redeem(sandbox: Sandbox, youtube: Section, form: dict[str, str]) -> Response:
    # Taken out before it is looked at: a code is good for one attempt.
    code = youtube.get("codes", {}).pop(form.get("code", ""), None)
    if code is None or code["client_id"] != form["client_id"]:
        raise _refusal(400, "invalid_grant", "Bad Request")
    if instant(code["expires_at"]) <= sandbox.store.now():
        raise _refusal(400, "invalid_grant", "The code has expired.")
    if code["redirect_uri"] != form.get("redirect_uri"):
        raise _refusal(400, "redirect_uri_mismatch", "Bad Request")
    if code["challenge"] and not _verifies(form.get("code_verifier", ""), code["challenge"]):
        raise _refusal(
            400,
            "invalid_grant",
            "Invalid code verifier." if "code_verifier" in form else "Missing code verifier.",
        )
    name = f"sandbox-refresh-{secrets.token_urlsafe(16)}"
    seconds = setting(youtube, "refresh_token_seconds")
    ends = text(sandbox.store.now() + timedelta(seconds=seconds)) if seconds else None
    grant(youtube, name, code["channel_id"], tuple(code["scopes"]), code["client_id"], ends)
    answer = _access(sandbox, youtube, youtube["refresh_tokens"][name], name)
    if code["offline"]:
        answer |= {"refresh_token": name, **({"refresh_token_expires_in": seconds} if seconds else {})}
    return Response.json(answer)


def _verifies(verifier: str, challenge: str) -> bool:
    """Return whether a challenge was made of a verifier by S256 (RFC 7636)."""
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return secrets.compare_digest(made, challenge)


def _access(sandbox: Sandbox, youtube: Section, known: dict[str, Any], refresh_token: str) -> dict[str, Any]:
    now = sandbox.store.now()
    tokens = youtube.setdefault("access_tokens", {})
    for name in [name for name, held in tokens.items() if instant(held["expires_at"]) <= now]:
        del tokens[name]
    seconds = setting(youtube, "access_token_seconds")
    name = f"sandbox-access-{secrets.token_urlsafe(16)}"
    tokens[name] = {
        "refresh_token": refresh_token,
        "client_id": known["client_id"],
        "channel_id": known["channel_id"],
        "scopes": known["scopes"],
        "expires_at": text(now + timedelta(seconds=seconds)),
    }
    return {
        "access_token": name,
        "expires_in": seconds,
        "scope": " ".join(known["scopes"]),
        "token_type": "Bearer",
    }


def _checked(sandbox: Sandbox, request: Request) -> dict[str, str]:
    query = request.query
    with sandbox.store.read(SECTION) as youtube:
        known = query.get("client_id", "") in youtube.get("clients", {})
    if not known:
        raise Problem(
            Response.html("<h1>401: invalid_client</h1><p>The OAuth client was not found.</p>", 401)
        )
    if query.get("response_type") != "code" or not query.get("redirect_uri", "").startswith("http"):
        raise Problem(Response.html("<h1>400: invalid_request</h1>", 400))
    return query


def _redirect(address: str, parameters: dict[str, str]) -> Response:
    joint = "&" if "?" in address else "?"
    return Response(302, b"", {"Location": f"{address}{joint}{urlencode(parameters)}"})


def _refusal(status: int, code: str, description: str) -> Problem:
    return Problem(Response.json({"error": code, "error_description": description}, status))
