"""What the sandbox's GitHub remembers of Apps: their public keys, where they are installed, the tokens they minted.

Functions that take a `Store` lock it themselves; those that take the section are for callers who hold the lock.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from channels.sandbox.store import Store, iso

TOKEN_LASTS = timedelta(hours=1)
FULL_PERMISSIONS = {
    "metadata": "read",
    "actions": "write",
    "contents": "write",
    "secrets": "write",
    "workflows": "write",
    "environments": "write",
    "administration": "write",
}


def add_app(store: Store, app_id: int, public_key: str, slug: str = "headend-app") -> None:
    """Register an App with the public half of its key, in PEM; an App that is known gets this key instead."""
    with store.change("github") as github:
        github.setdefault("apps", {})[str(app_id)] = {
            "id": app_id,
            "slug": slug,
            "public_key": public_key,
            "created_at": iso(store.now()),
        }


def install_app(
    store: Store,
    app_id: int,
    owner: str,
    *,
    permissions: dict[str, str] | None = None,
    repositories: list[str] | None = None,
) -> int:
    """Install an App at an owner, for all repositories or some (full names), and return the installation's id."""
    number = store.next_id("installation", 60_000_001)
    with store.change("github") as github:
        github.setdefault("installations", {})[str(number)] = {
            "id": number,
            "app_id": app_id,
            "owner": owner,
            "permissions": dict(FULL_PERMISSIONS if permissions is None else permissions),
            "repositories": repositories,
            "suspended_at": None,
            "created_at": iso(store.now()),
        }
    return number


def suspend_installation(store: Store, installation_id: int, suspended: bool = True) -> None:
    """Suspend an installation, or lift it; its tokens open nothing meanwhile."""
    with store.change("github") as github:
        held = github["installations"][str(installation_id)]
        held["suspended_at"] = iso(store.now()) if suspended else None


def uninstall_app(store: Store, installation_id: int) -> None:
    """Remove an installation; its tokens are good no longer."""
    with store.change("github") as github:
        github["installations"].pop(str(installation_id))


def mint(
    github: dict[str, Any], installation: dict[str, Any], permissions: dict[str, str], now: datetime
) -> tuple[str, datetime]:
    """Make a token for an installation and return it with its end. The caller holds the lock."""
    app = github["apps"][str(installation["app_id"])]
    token, ends_at = f"ghs_{secrets.token_hex(18)}", now.replace(microsecond=0) + TOKEN_LASTS
    github.setdefault("tokens", {})[token] = {
        "login": f"{app['slug']}[bot]",
        "owner": installation["owner"],
        "installation": installation["id"],
        "permissions": permissions,
        "repositories": installation["repositories"],
        "hourly_limit": 5000,
        "content_per_minute": 80,
        "ends_at": ends_at.timestamp(),
    }
    return token, ends_at


def is_good(github: dict[str, Any], token: dict[str, Any], now: datetime) -> bool:
    """Return whether a token still opens anything: of an App's, not after its end, and while it is installed."""
    if "ends_at" not in token:
        return True
    installation = github.get("installations", {}).get(str(token["installation"]))
    return (
        installation is not None and not installation["suspended_at"] and now.timestamp() < token["ends_at"]
    )
