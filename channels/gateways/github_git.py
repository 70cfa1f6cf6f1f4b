"""Write several files of a repository as one commit, and make repositories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from github import Github

from channels.gateways.errors import (
    BranchMissing,
    PermissionMissing,
    RemoteError,
    RemoteNotFound,
    RemoteRejected,
    RemoteUncertain,
)
from channels.gateways.github_wire import reading

WORKFLOWS = ".github/workflows/"


@dataclass(frozen=True, slots=True)
class Head:
    """A branch as it was at one moment: its commit, the commit's tree and the blob id of each file in it."""

    commit: str
    tree: str
    blobs: Mapping[str, str]


class CommitsFiles:
    """The part of the gateway that knows git: heads of branches, commits of several files, new repositories."""

    if TYPE_CHECKING:
        _reader: Github
        _send: Callable[..., tuple[int, Any]]
        _write: Callable[..., tuple[int, Any]]
        repository: Callable[[str], Any]

    def head(self, full_name: str, branch: str) -> Head | None:
        """Return a branch's head with all its files' blob ids; None, where the repository is empty.

        Raises BranchMissing, naming the default branch.
        """
        doing = f"reading branch {branch} of {full_name}"
        base = f"/repos/{full_name}/git"
        try:
            ref = self._got(f"{base}/ref/heads/{quote(branch, safe='/')}", doing)
        except RemoteNotFound:
            found = self.repository(full_name)  # tells a missing repository from a missing branch
            raise BranchMissing(
                f"{found.full_name} has no branch {branch}; its default branch is {found.default_branch}."
            ) from None
        except RemoteError as error:
            if error.status == 409:  # Git Repository is empty.
                return None
            raise
        with reading(doing):
            commit = ref["object"]["sha"]
            tree = self._got(f"{base}/commits/{commit}", doing)["tree"]["sha"]
            listed = self._got(f"{base}/trees/{tree}?recursive=1", doing)
            blobs = {each["path"]: each["sha"] for each in listed["tree"] if each["type"] == "blob"}
        if listed["truncated"]:
            raise RemoteRejected(f"{doing}: it holds too many files to be listed")
        return Head(commit, tree, blobs)

    def commit_files(
        self, full_name: str, branch: str, head: Head, files: Mapping[str, str], message: str
    ) -> str:
        """Commit files on top of a head that was read, and return the commit's sha.

        Raises RemoteRejected (422) when the branch has moved on since, PermissionMissing where a workflow is among the files
        and may not be written, RemoteUncertain when no answer came to the last request: then read the head again.
        """
        doing = f"committing {', '.join(files)} to {full_name}"
        entries = [
            {"path": path, "mode": "100644", "type": "blob", "content": text} for path, text in files.items()
        ]
        try:
            tree = self._made(full_name, "trees", {"base_tree": head.tree, "tree": entries}, doing)
        except RemoteNotFound as error:
            if any(path.startswith(WORKFLOWS) for path in files):
                raise PermissionMissing(
                    f"{doing}: the credential does not permit writing workflows (permission Workflows: write)",
                    status=error.status,
                ) from error
            raise
        commit = self._made(
            full_name, "commits", {"message": message, "tree": tree, "parents": [head.commit]}, doing
        )
        url = f"/git/refs/heads/{quote(branch, safe='/')}"
        self._write("PATCH", full_name, url, {"sha": commit, "force": False}, doing)
        return commit

    def _made(self, full_name: str, kind: str, body: dict[str, Any], doing: str) -> str:
        """Make a tree or a commit, which nothing refers to yet, so that it may be made again; returns its sha."""
        _, data = self._write("POST", full_name, f"/git/{kind}", body, doing, repeatable=True)
        if not isinstance(data, dict) or not isinstance(data.get("sha"), str):
            raise RemoteUncertain(f"{doing}: GitHub's answer names no {kind.rstrip('s')}")
        return str(data["sha"])

    def login(self) -> str:
        """Return whose token this is; empty for a GitHub App, which nobody's account is."""
        try:
            return str(self._got("/user", "asking whose token this is").get("login") or "")
        except PermissionMissing:
            return ""

    def create_repository(self, full_name: str, description: str) -> bool:
        """Create a private repository with a first commit; returns whether it was made, False where the name is taken.

        A lost answer is settled by looking whether it is there.
        """
        owner, _, name = full_name.partition("/")
        url = "/user/repos" if self.login().lower() == owner.lower() else f"/orgs/{quote(owner)}/repos"
        body = {"name": name, "description": description[:350], "private": True, "auto_init": True}
        body |= {f"has_{what}": False for what in ("issues", "projects", "wiki")}
        try:
            self._send("POST", url, body, f"creating {full_name}")
        except RemoteUncertain:
            self.repository(full_name)
        except RemoteError as error:
            if error.status != 422 or not self._is_there(full_name):
                raise
            return False
        return True

    def _is_there(self, full_name: str) -> bool:
        try:
            self.repository(full_name)
        except RemoteNotFound:
            return False
        return True

    def may_read(self, url: str) -> bool | None:
        """Return whether the credential is permitted a reading call; None where GitHub's answer does not tell."""
        try:
            self._got(url, "asking what the credential permits")
        except PermissionMissing:
            return False
        except RemoteNotFound:
            return None
        return True

    def _got(self, url: str, doing: str) -> dict[str, Any]:
        with reading(doing):
            _, data = self._reader.requester.requestJsonAndCheck("GET", url, follow_302_redirect=True)
            return dict(data)
