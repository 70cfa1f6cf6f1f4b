"""Set up a repository at GitHub: the environment that its runs work in, who may use it, the secrets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from github import Github
from github.PublicKey import encrypt

from channels.gateways.errors import PermissionMissing, RemoteNotFound, RemoteRejected, RemoteUnavailable
from channels.gateways.github_wire import reading

MAX_SECRET_BYTES = 48 * 1024


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """A secret of a repository or an environment; its value can never be read back."""

    name: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class EnvironmentInfo:
    """An environment; `branches` are those that may use it, by pattern. None: it names none."""

    name: str
    branches: tuple[str, ...] | None


class Pinned(Protocol):
    """What is known of a repository: its id is what counts."""

    @property
    def id(self) -> int: ...


class SetsUpRepositories:
    """The part of the gateway that sets up repositories. What belongs to a repository is asked and written by its id."""

    if TYPE_CHECKING:
        _reader: Github
        _send: Callable[..., tuple[int, Any]]
        repository: Callable[[str], Pinned]

    # -- environments ----------------------------------------------------------------------------------------------

    def environment(self, repository_id: int, name: str) -> EnvironmentInfo | None:
        """Return an environment and which branches may use it; None, where it does not exist."""
        url = _environment_url(repository_id, name)
        try:
            found = self._asked(url, f"reading environment {name}")
        except RemoteNotFound:
            return None
        if not (found.get("deployment_branch_policy") or {}).get("custom_branch_policies"):
            return EnvironmentInfo(name, None)
        policies = self._asked(f"{url}/deployment-branch-policies", f"reading who may use {name}")
        return EnvironmentInfo(name, tuple(sorted(each["name"] for each in policies["branch_policies"])))

    def protect_environment(self, repository_id: int, name: str, branch: str) -> None:
        """Make an environment if it is not there, and let only this branch's runs use it. May be repeated."""
        url, doing = _environment_url(repository_id, name), f"setting up environment {name}"
        policy = {"protected_branches": False, "custom_branch_policies": True}
        self._send("PUT", url, {"deployment_branch_policy": policy}, doing, repeatable=True)
        policies = f"{url}/deployment-branch-policies"
        present = self._asked(policies, f"reading who may use {name}")["branch_policies"]
        if branch not in {each["name"] for each in present}:
            self._send("POST", policies, {"name": branch}, doing, repeatable=True)
        for each in present:
            if each["name"] != branch:
                self._send("DELETE", f"{policies}/{each['id']}", None, doing, repeatable=True)

    def actions_enabled(self, full_name: str) -> bool | None:
        """Return whether Actions may run in a repository; None where GitHub does not tell this credential."""
        try:
            found = self._asked(
                f"/repos/{full_name}/actions/permissions", f"reading whether {full_name} runs Actions"
            )
        except (PermissionMissing, RemoteNotFound):
            return None
        return bool(found.get("enabled"))

    # -- secrets ---------------------------------------------------------------------------------------------------

    def put_secret(
        self, full_name: str, repository_id: int, name: str, value: str, *, environment: str = ""
    ) -> None:
        """Store a secret in exactly the repository with this id, or in an environment of it, sealed with its public key.

        The name alone is not trusted: it may by now belong to somebody else. Raises RemoteRejected when the ids
        differ. Storing the same secret again is harmless, so a lost answer is RemoteUnavailable.
        """
        if len(value.encode()) > MAX_SECRET_BYTES:
            raise RemoteRejected(f"secret {name} is larger than GitHub's 48 KB")
        found = self.repository(full_name)
        if found.id != repository_id:
            raise RemoteRejected(
                f"{full_name} is now repository {found.id}, not the pinned {repository_id}: no secret was sent"
            )
        # By id from here on: a rename between two calls cannot send the secret elsewhere.
        secrets = _secrets_url(repository_id, environment)
        key = self._asked(f"{secrets}/public-key", f"reading the public key of {full_name}")
        with reading(f"sealing secret {name} for {full_name}"):
            body = {"key_id": key["key_id"], "encrypted_value": encrypt(key["key"], value)}
        doing = f"storing secret {name} in {full_name}"
        self._send("PUT", f"{secrets}/{quote(name, safe='')}", body, doing, repeatable=True)

    def delete_secret(self, repository_id: int, name: str, *, environment: str = "") -> bool:
        """Remove a secret; returns whether it was there. May be repeated."""
        url = f"{_secrets_url(repository_id, environment)}/{quote(name, safe='')}"
        try:
            self._send("DELETE", url, None, f"removing secret {name}", repeatable=True)
        except RemoteNotFound:
            return False
        return True

    def list_secrets(self, full_name: str, *, environment: str = "") -> list[SecretInfo]:
        """List the names of a repository's secrets, or of an environment's, with when each was stored."""
        found = self.repository(full_name)
        url = f"{_secrets_url(found.id, environment)}?per_page=100"
        listed = self._asked(url, f"listing the secrets of {full_name}")
        with reading(f"listing the secrets of {full_name}"):
            return [SecretInfo(each["name"], _moment(each["updated_at"])) for each in listed["secrets"]]

    # -- inside ----------------------------------------------------------------------------------------------------

    def _asked(self, url: str, doing: str) -> dict[str, Any]:
        """Return the object that a GET answers."""
        with reading(doing):
            _, data = self._reader.requester.requestJsonAndCheck("GET", url)
        if not isinstance(data, dict):
            raise RemoteUnavailable(f"{doing}: GitHub's answer cannot be understood")
        return data


def _environment_url(repository_id: int, name: str) -> str:
    return f"/repositories/{repository_id}/environments/{quote(name, safe='')}"


def _secrets_url(repository_id: int, environment: str) -> str:
    if environment:
        return f"{_environment_url(repository_id, environment)}/secrets"
    return f"/repositories/{repository_id}/actions/secrets"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
