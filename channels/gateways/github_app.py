"""Speak to GitHub as a GitHub App: find its installation for a repository, and mint the short-lived token that opens it.

A token lasts an hour, opens one installation and may do only what Headend needs and the owner has granted. It is kept in
this process, never stored, and replaced five minutes before its end.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import quote

import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from github import Auth, Github, GithubException
from github.Requester import Requester

from channels.gateways import redaction
from channels.gateways.errors import (
    GitHubAppNotInstalled,
    GitHubAppRefused,
    GitHubAppSuspended,
    RemoteError,
    RemoteUnavailable,
)
from channels.gateways.github_wire import API_VERSION, as_dict, error_of

NEEDED = {"metadata": "read", "actions": "write", "contents": "write", "secrets": "write"}
"""What an App must have been granted: without one of these a channel cannot be staged or synced."""
WANTED = {**NEEDED, "workflows": "write", "environments": "write", "administration": "write"}
"""What a token asks for, where it was granted: the last three are for writing the workflow and provisioning."""
Blocked = TypeVar("Blocked", bound=RemoteError)
RANKS = {"read": 1, "write": 2, "admin": 3}
MARGIN = timedelta(minutes=5)
"""How long before its end a token is replaced."""


@dataclass(frozen=True, slots=True)
class AppCredential:
    """A GitHub App at one GitHub. `installation_id` holds for every repository; None: each owner's is looked up."""

    app_id: str
    private_key: str = field(repr=False)
    base_url: str = "https://api.github.com"
    installation_id: int | None = None


@dataclass(frozen=True, slots=True)
class Installation:
    """The App at one owner; `permissions` is what the owner has granted."""

    id: int
    owner: str
    permissions: dict[str, str]

    def lacks(self) -> list[str]:
        """Return what Headend needs and was not granted, for example "actions: write"."""
        return [f"{name}: {level}" for name, level in NEEDED.items() if not self._grants(name, level)]

    def grantable(self) -> dict[str, str]:
        """Return what a token may ask for: GitHub refuses a token that asks for more than was granted."""
        return {
            name: level if self._grants(name, level) else self.permissions[name]
            for name, level in WANTED.items()
            if name in self.permissions
        }

    def _grants(self, name: str, level: str) -> bool:
        return RANKS.get(self.permissions.get(name, ""), 0) >= RANKS[level]


@dataclass(frozen=True, slots=True)
class InstallationToken:
    """A token that opens one installation until `ends_at`."""

    value: str = field(repr=False)
    ends_at: datetime
    installation: Installation


def why_unusable(private_key: str) -> str:
    """Return why a text is no key with which an App can sign; empty if it is one. Tells nothing of the key."""
    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError):
        return "is not an unencrypted private key in PEM"
    return "" if isinstance(key, RSAPrivateKey) else "is not an RSA key, which is what GitHub makes"


# ---------------------------------------------------------------------------------------------------- tokens, kept


_lock = threading.Lock()
_locks: dict[tuple[str, ...], threading.Lock] = {}
_tokens: dict[tuple[str, ...], InstallationToken] = {}


def token_for(app: AppCredential, *, repository: str = "", owner: str = "") -> InstallationToken:
    """Return a token that opens the installation at the owner of a repository; minted if none is good any more.

    Safe for threads: of several that need the same token one mints it.

    Raises: GitHubAppRefused, GitHubAppNotInstalled, GitHubAppSuspended, RemoteUnavailable, RateLimited.
    """
    key = _key(app, owner or repository.partition("/")[0])
    with _lock:
        mine = _locks.setdefault(key, threading.Lock())
    with mine:
        held = _tokens.get(key)
        if held is None or datetime.now(UTC) >= held.ends_at - MARGIN:
            held = _tokens[key] = _mint(app, repository, owner)
        return held


def forget(app: AppCredential, token: str) -> None:
    """Mint anew next time: GitHub refused this token."""
    with _lock:
        for key in [key for key, held in _tokens.items() if held.value == token and key[0] == app.base_url]:
            del _tokens[key]


def _key(app: AppCredential, owner: str) -> tuple[str, ...]:
    place = f"#{app.installation_id}" if app.installation_id else owner.lower()
    return (app.base_url, app.app_id, str(hash(app.private_key)), place)


def _mint(app: AppCredential, repository: str, owner: str) -> InstallationToken:
    with _speaking(app) as requester:
        installation = _installation(app, requester, repository, owner)
        doing = f"asking for a token of installation {installation.id}"
        url = f"/app/installations/{installation.id}/access_tokens"
        with _asking(app, doing):
            status, headers, text = requester.requestJson(
                "POST", url, input={"permissions": installation.grantable()}
            )
            data = as_dict(json.loads(text) if text else None)
            if status >= 400:
                raise Requester.createException(status, headers, data)
            return InstallationToken(
                value=str(data["token"]), ends_at=_instant(data["expires_at"]), installation=installation
            )


def _installation(app: AppCredential, requester: Requester, repository: str, owner: str) -> Installation:
    """Find the installation: the one that is set, else the one that holds the repository, else the owner's."""
    if app.installation_id:
        where, url = f"installation {app.installation_id}", f"/app/installations/{app.installation_id}"
    elif repository:
        where, url = repository, f"/repos/{repository}/installation"
    elif owner:
        where, url = owner, f"/users/{quote(owner, safe='')}/installation"
    else:
        raise GitHubAppNotInstalled(
            "GITHUB_APP_INSTALLATION_ID is not set, and without a repository no installation can be looked up."
        )
    with _asking(app, f"looking for GitHub App {app.app_id} at {where}", where=where):
        _, data = requester.requestJsonAndCheck("GET", url, follow_302_redirect=True)
        found = Installation(
            id=int(data["id"]), owner=str(data["account"]["login"]), permissions=dict(data["permissions"])
        )
    if data.get("suspended_at"):
        raise _suspended(app, found.owner)
    return found


def app_name(app: AppCredential) -> str:
    """Return the App's own name. Raises: GitHubAppRefused, RemoteUnavailable."""
    with _speaking(app) as requester, _asking(app, f"asking for GitHub App {app.app_id}"):
        _, data = requester.requestJsonAndCheck("GET", "/app")
        return str(data["slug"])


# ------------------------------------------------------------------------------------------------------------ wire


@contextmanager
def _speaking(app: AppCredential) -> Iterator[Requester]:
    wrong = why_unusable(app.private_key)
    if wrong:
        raise GitHubAppRefused(f"GITHUB_APP_PRIVATE_KEY {wrong}; download a new one from the App's page.")
    client = Github(
        auth=Auth.AppAuth(app.app_id, app.private_key),
        base_url=app.base_url,
        timeout=10,
        user_agent="headend",
        api_version=API_VERSION,
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )
    try:
        yield client.requester
    finally:
        client.close()


@contextmanager
def _asking(app: AppCredential, doing: str, where: str = "") -> Iterator[None]:
    """Name the setting and the remedy of what GitHub says of the App. Asking and minting change nothing that matters."""
    try:
        yield
    except RemoteError:
        raise
    except GithubException as error:
        raise _named(app, error, doing, where) from error
    except requests.RequestException as error:
        raise RemoteUnavailable(f"{doing}: GitHub could not be reached or did not answer in time") from error
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, RuntimeError) as error:
        raise RemoteUnavailable(f"{doing}: GitHub's answer cannot be understood") from error


def _named(app: AppCredential, error: GithubException, doing: str, where: str) -> RemoteError:
    said = redaction.hidden(str(as_dict(error.data).get("message") or error.message or "no reason given"))[
        :200
    ]
    lower = said.lower()
    if error.status == 401 and ("'exp'" in lower or "expiration time" in lower or "'iat'" in lower):
        return GitHubAppRefused(
            f"GitHub refuses what we sign ({said}); set this machine's clock.", status=401
        )
    if (error.status == 404 and "integration" in lower) or (error.status == 401 and "issuer" in lower):
        return GitHubAppRefused(
            f"GitHub knows no App {app.app_id} ({said}); GITHUB_APP_ID is the number on the App's page.",
            status=error.status,
        )
    if error.status == 401:
        return GitHubAppRefused(
            f"GitHub refuses the key of App {app.app_id} ({said}). GITHUB_APP_PRIVATE_KEY belongs to another App, or was "
            "deleted there: make a new one on the App's page.",
            status=401,
        )
    if error.status == 403 and "suspended" in lower:
        return _suspended(app, where or "the owner")
    if error.status == 404:
        return _not_installed(app, where)
    return error_of(error, doing)


def _suspended(app: AppCredential, owner: str) -> GitHubAppSuspended:
    error = GitHubAppSuspended(
        f"{owner} has suspended GitHub App {app.app_id}; unsuspend it there, under Settings, GitHub Apps.",
        status=403,
    )
    return _of_all(app, error)


def _not_installed(app: AppCredential, where: str) -> GitHubAppNotInstalled:
    if app.installation_id:
        text = (
            f"GitHub App {app.app_id} has no installation {app.installation_id}: GITHUB_APP_INSTALLATION_ID is wrong, or it "
            "was uninstalled. Leave the setting out to have each owner's installation looked up."
        )
    else:
        text = (
            f"GitHub App {app.app_id} is not installed at {where or 'the repository'}, or does not include it; install it "
            "there, from the App's page, for this repository."
        )
    return _of_all(app, GitHubAppNotInstalled(text, status=404))


def _of_all(app: AppCredential, error: Blocked) -> Blocked:
    """Say that it holds for every channel, where one installation serves all."""
    if app.installation_id:
        error.scope = "installation"  # type: ignore[misc]  # of this one error, not of its class
    return error


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
