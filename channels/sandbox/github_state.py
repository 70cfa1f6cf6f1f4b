"""What the sandbox's GitHub remembers: tokens, repositories with files and secrets, workflows, runs.

Functions that take a `Store` lock it themselves; those that take the section or a repository's record are for
callers who hold the lock.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from nacl.public import PrivateKey, SealedBox

from channels.sandbox.ledger import note
from channels.sandbox.store import Store, iso
from channels.sandbox.workflow_file import Workflow, WorkflowError, read_workflow

TEMPLATE = Path(__file__).resolve().parent.parent / "template"
WORKFLOWS = ".github/workflows/"
FULL_PERMISSIONS = {
    "metadata": "read",
    **dict.fromkeys(
        ("actions", "administration", "contents", "environments", "secrets", "workflows"), "write"
    ),
}
ENVIRONMENT = "headend"
"""The environment that the template's workflow runs in."""


def template_files() -> dict[str, bytes]:
    """Return the channel repository template: path -> content."""
    found = {}
    for path in sorted(TEMPLATE.rglob("*")):
        if path.is_file() and path.suffix in (".yml", ".py", ".md", ".json"):
            found[path.relative_to(TEMPLATE).as_posix()] = path.read_bytes()
    return found


def add_token(
    store: Store,
    token: str,
    login: str = "headend-operator",
    *,
    permissions: dict[str, str] | None = None,
    repositories: list[str] | None = None,
    hourly_limit: int = 5000,
    content_per_minute: int = 80,
) -> None:
    """Let a token in. `repositories` (full names) narrows what it sees; `permissions` what it may do."""
    with store.change("github") as github:
        github.setdefault("tokens", {})[token] = {
            "login": login,
            "permissions": permissions if permissions is not None else dict(FULL_PERMISSIONS),
            "repositories": repositories,
            "hourly_limit": hourly_limit,
            "content_per_minute": content_per_minute,
        }


def revoke_token(store: Store, token: str) -> None:
    with store.change("github") as github:
        github.get("tokens", {}).pop(token, None)


def add_repository(
    store: Store,
    full_name: str,
    *,
    private: bool = True,
    files: dict[str, bytes] | None = None,
    variables: dict[str, str] | None = None,
) -> int:
    """Make a repository with the channel template in it (or `files`) and return its id."""
    owner, _, name = full_name.partition("/")
    number = store.next_id("repository", 700_000_001)
    repository = {
        "id": number,
        "owner": owner,
        "name": name,
        "former_names": [],
        "private": private,
        "archived": False,
        "default_branch": "main",
        "created_at": iso(store.now()),
        "files": {"main": {}},
        "heads": {"main": ""},
        "commits": [],
        "workflow_ids": {},
        "secrets": {},
        "environments": {},
        "variables": dict(variables or {}),
        "key": _new_key(number),
    }
    with store.change("github") as github:
        github.setdefault("repositories", {})[str(number)] = repository
        for path, content in (template_files() if files is None else files).items():
            write_file(store, repository, "main", path, content, f"Add {path}")
    return number


def _new_key(number: int) -> dict[str, str]:
    return {"id": f"{number}0", "private": base64.b64encode(bytes(PrivateKey.generate())).decode()}


def environments_of(repository: dict[str, Any]) -> dict[str, Any]:
    """Return a repository's environments by name; one that an older sandbox stored has none."""
    return repository.setdefault("environments", {})


def environment(store: Store, repository: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an environment, made if it is not there; a run that names one makes it, too. The caller holds the lock."""
    held = environments_of(repository)
    if name not in held:
        number, now = store.next_id("environment", 30_000_001), iso(store.now())
        held[name] = {
            "id": number,
            "created_at": now,
            "updated_at": now,
            "policy": None,
            "branches": [],
            "secrets": {},
            "key": _new_key(number),
        }
    return held[name]


def may_use(environment: dict[str, Any], branch: str) -> bool:
    """Return whether a branch's runs may use an environment: all may, unless it names the ones that do."""
    if not (environment["policy"] or {}).get("custom_branch_policies"):
        return True
    return any(fnmatch.fnmatch(branch, each["name"]) for each in environment["branches"])


def set_private(store: Store, full_name: str, private: bool) -> None:
    """Make a repository private or public, as its owner does."""
    with store.change("github") as github:
        _known(github, full_name)["private"] = private


def rename_branch(store: Store, full_name: str, name: str, new_name: str) -> None:
    """Rename a branch, as its owner does; the default branch stays the default one."""
    with store.change("github") as github:
        repository = _known(github, full_name)
        for held in (repository["files"], repository["heads"]):
            held[new_name] = held.pop(name)
        if repository["default_branch"] == name:
            repository["default_branch"] = new_name


def rename_repository(store: Store, full_name: str, new_full_name: str) -> None:
    """Rename a repository; the old name redirects from then on."""
    with store.change("github") as github:
        repository = _known(github, full_name)
        repository["former_names"].append(full_name)
        repository["owner"], _, repository["name"] = new_full_name.partition("/")


def full_name_of(repository: dict[str, Any]) -> str:
    return f"{repository['owner']}/{repository['name']}"


def find_repository(github: dict[str, Any], full_name: str) -> dict[str, Any] | None:
    """Return the repository that has this name now."""
    for repository in github.get("repositories", {}).values():
        if full_name_of(repository).lower() == full_name.lower():
            return repository
    return None


def _known(github: dict[str, Any], full_name: str) -> dict[str, Any]:
    repository = find_repository(github, full_name)
    if repository is None:
        raise KeyError(full_name)
    return repository


def find_former(github: dict[str, Any], full_name: str) -> dict[str, Any] | None:
    """Return the repository that once had this name."""
    for repository in github.get("repositories", {}).values():
        if full_name.lower() in (name.lower() for name in repository["former_names"]):
            return repository
    return None


def blob_sha(content: bytes) -> str:
    """Return the id that git gives to a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def write_file(
    store: Store, repository: dict[str, Any], branch: str, path: str, content: bytes, message: str
) -> dict[str, Any]:
    """Commit a file and return the commit. The caller holds the lock."""
    commit = {
        "sha": hashlib.sha1(os.urandom(20), usedforsecurity=False).hexdigest(),
        "parent": repository["heads"][branch],
        "message": message,
        "path": path,
        "branch": branch,
        "at": iso(store.now()),
    }
    repository["files"][branch][path] = base64.b64encode(content).decode()
    repository["heads"][branch] = commit["sha"]
    repository["commits"].append(commit)
    if path.startswith(WORKFLOWS) and path not in repository["workflow_ids"]:
        repository["workflow_ids"][path] = store.next_id("workflow", 80_000_001)
    return commit


def put_on_branch(
    store: Store,
    repository: dict[str, Any],
    branch: str,
    files: dict[str, str],
    commit: dict[str, Any],
    changed: list[str],
) -> None:
    """Let a branch have these files by a commit of several. The caller holds the lock."""
    sha = next(sha for sha, held in repository["git"]["commits"].items() if held is commit)
    parent = repository["heads"][branch]
    repository["files"][branch], repository["heads"][branch] = files, sha
    common = {
        "sha": sha,
        "parent": parent,
        "message": commit["message"],
        "branch": branch,
        "at": commit["at"],
    }
    repository["commits"] += [{**common, "path": path} for path in changed]
    for path in changed:
        if path.startswith(WORKFLOWS) and path in files and path not in repository["workflow_ids"]:
            repository["workflow_ids"][path] = store.next_id("workflow", 80_000_001)


def read_file(repository: dict[str, Any], branch: str, path: str) -> bytes | None:
    held = repository["files"].get(branch, {}).get(path)
    return None if held is None else base64.b64decode(held)


def branch_of(repository: dict[str, Any], ref: str | None) -> str | None:
    """Return the branch that a ref (name, refs/heads/name or the sha of its head) means."""
    if not ref:
        return repository["default_branch"]
    name = ref.removeprefix("refs/heads/")
    if name in repository["files"]:
        return name
    return next((branch for branch, sha in repository["heads"].items() if sha == ref), None)


def workflow_path(repository: dict[str, Any], name_or_id: str) -> str | None:
    """Return the path of the workflow with this id or file name."""
    for path, number in repository["workflow_ids"].items():
        if name_or_id in (str(number), path.removeprefix(WORKFLOWS), path):
            return path
    return None


def workflow_at(repository: dict[str, Any], branch: str, path: str) -> Workflow:
    """Parse a workflow as it stands on a branch. Raises `WorkflowError`."""
    content = read_file(repository, branch, path)
    if content is None:
        raise WorkflowError(f"No such workflow on {branch}: {path}")
    return read_workflow(content.decode("utf-8", "replace"))


def public_key_of(repository: dict[str, Any]) -> dict[str, str]:
    private = PrivateKey(base64.b64decode(repository["key"]["private"]))
    return {"key_id": repository["key"]["id"], "key": base64.b64encode(bytes(private.public_key)).decode()}


def open_secret(repository: dict[str, Any], sealed: str) -> str:
    """Open what was sealed with the repository's public key. Raises ValueError when it was not."""
    private = PrivateKey(base64.b64decode(repository["key"]["private"]))
    try:
        return SealedBox(private).decrypt(base64.b64decode(sealed, validate=True)).decode()
    except Exception as error:
        raise ValueError("not sealed with this repository's public key") from error


def secret_values(store: Store, full_name: str, *, of_environment: bool = True) -> dict[str, str]:
    """Return a repository's plain secrets: what a test may look at, and what its runs are given.

    Those of the template's environment come over the repository's own; without `of_environment` only the latter.
    """
    with store.read("github") as github:
        repository = find_repository(github, full_name)
        if repository is None:
            return {}
        inner = repository.get("environments", {}).get(ENVIRONMENT, {}).get("secrets", {})
        held = {**repository["secrets"], **(inner if of_environment else {})}
        return {name: secret["value"] for name, secret in held.items()}


def runs_of(github: dict[str, Any], repository_id: int) -> list[dict[str, Any]]:
    """Return a repository's runs, the newest first."""
    mine = [run for run in github.get("runs", {}).values() if run["repository_id"] == repository_id]
    return sorted(mine, key=lambda run: run["id"], reverse=True)


def note_run(github: dict[str, Any], run: dict[str, Any], kind: str, now: datetime) -> None:
    """Leave a note of a run for the ledger, with the marker where its job sheet tells it, else its correlation id."""
    try:
        marker = json.loads(run["inputs"].get("job_sheet") or "{}")["metadata"]["marker"]
    except (ValueError, KeyError, TypeError):
        marker = run["inputs"].get("correlation_id", "")
    facts = {"marker": marker, "run_id": run["id"], "attempt": run["run_attempt"]}
    note(github, kind, now.isoformat(), **facts, correlation_id=run["inputs"].get("correlation_id", ""))
