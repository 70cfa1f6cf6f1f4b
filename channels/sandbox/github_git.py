"""The sandbox's git database: refs, commits and trees, with which several files become one commit; and new repositories.

Shapes and status codes follow https://docs.github.com/rest/git and .../rest/repos/repos.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from channels.sandbox import github_state as state
from channels.sandbox import github_views as views
from channels.sandbox.github import Call, github, inaccessible, may, refusal
from channels.sandbox.store import iso
from channels.sandbox.wire import Response

GIT = "/repos/{owner}/{repo}/git"
Files = dict[str, str]


def _tree_sha(files: Files) -> str:
    names = "".join(f"{path}\0{state.blob_sha(base64.b64decode(files[path]))}" for path in sorted(files))
    return hashlib.sha1(names.encode(), usedforsecurity=False).hexdigest()


def _pending(call: Call, kind: str) -> dict[str, Any]:
    """Return what was made and is on no branch yet: trees or commits."""
    return call.repository.setdefault("git", {}).setdefault(kind, {})


def _branch(call: Call) -> str:
    name = call.params["ref"].removeprefix("heads/")
    if not any(call.repository["heads"].values()):
        raise refusal(409, "Git Repository is empty.")
    if not call.params["ref"].startswith("heads/") or name not in call.repository["heads"]:
        raise refusal(404, "Not Found")
    return name


def _ref(call: Call, branch: str) -> Response:
    sha = call.repository["heads"][branch]
    name = f"refs/heads/{branch}"
    described = {
        "ref": name,
        "node_id": views.node_id("Ref", name),
        "url": f"{call.url}/git/{name}",
        "object": {"type": "commit", "sha": sha, "url": f"{call.url}/git/commits/{sha}"},
    }
    return Response.json(described)


@github("GET", f"{GIT}/ref/{{ref:path}}", needs="contents:read")
def get_ref(call: Call) -> Response:
    return _ref(call, _branch(call))


@github("PATCH", f"{GIT}/refs/{{ref:path}}", needs="contents:write")
def update_ref(call: Call) -> Response:
    """Move a branch to a commit that follows its head; what does not follow it is refused, unless forced."""
    branch, body = _branch(call), call.object()
    commit = _pending(call, "commits").get(str(body.get("sha")))
    if commit is None:
        raise refusal(422, "Object does not exist")
    if commit["parents"] != [call.repository["heads"][branch]] and not body.get("force"):
        raise refusal(422, "Update is not a fast forward")
    files = _pending(call, "trees")[commit["tree"]]
    changed = [path for path in files if call.repository["files"][branch].get(path) != files[path]]
    changed += [path for path in call.repository["files"][branch] if path not in files]
    if any(path.startswith(state.WORKFLOWS) for path in changed) and not may(call, "workflows:write"):
        raise inaccessible(call)
    state.put_on_branch(call.sandbox.store, call.repository, branch, dict(files), commit, changed)
    return _ref(call, branch)


# -- commits ---------------------------------------------------------------------------------------------------


def _commit(call: Call, sha: str, tree: str, message: str, parents: list[str], at: str) -> dict[str, Any]:
    person = {"name": call.token["login"], "email": "sandbox@localhost", "date": at}
    url, html = f"{call.url}/git", f"{call.html_url}/commit"
    return {
        "sha": sha,
        "node_id": views.node_id("Commit", sha),
        "url": f"{url}/commits/{sha}",
        "html_url": f"{html}/{sha}",
        "author": person,
        "committer": person,
        "message": message,
        "tree": {"sha": tree, "url": f"{url}/trees/{tree}"},
        "parents": [
            {"sha": parent, "url": f"{url}/commits/{parent}", "html_url": f"{html}/{parent}"}
            for parent in parents
        ],
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }


@github("GET", f"{GIT}/commits/{{sha}}", needs="contents:read")
def get_commit(call: Call) -> Response:
    """Return a branch's head, or what was committed and is on no branch yet; older ones the sandbox keeps no tree of."""
    sha = call.params["sha"]
    held = _pending(call, "commits").get(sha)
    if held is not None:
        return Response.json(_commit(call, sha, held["tree"], held["message"], held["parents"], held["at"]))
    branch = next((name for name, head in call.repository["heads"].items() if head == sha), None)
    if branch is None:
        raise refusal(404, "Not Found")
    known = next(each for each in call.repository["commits"] if each["sha"] == sha)
    tree = _tree_sha(call.repository["files"][branch])
    parents = [known["parent"]] if known["parent"] else []
    return Response.json(_commit(call, sha, tree, known["message"], parents, known["at"]))


@github("POST", f"{GIT}/commits", needs="contents:write")
def create_commit(call: Call) -> Response:
    body = call.object()
    if body.get("tree") not in _pending(call, "trees"):
        raise refusal(422, "Tree SHA does not exist")
    at, parents = iso(call.sandbox.store.now()), body.get("parents") or []
    about = f"{body['tree']}{parents}{at}{body.get('message')}"
    sha = hashlib.sha1(about.encode(), usedforsecurity=False).hexdigest()
    held = {"tree": body["tree"], "message": body.get("message", ""), "parents": parents, "at": at}
    _pending(call, "commits")[sha] = held
    return Response.json(_commit(call, sha, held["tree"], held["message"], parents, at), 201)


# -- trees -----------------------------------------------------------------------------------------------------


def _files_of(call: Call, sha: str) -> Files:
    for branch, files in call.repository["files"].items():
        if sha in (branch, _tree_sha(files)) and call.repository["heads"][branch]:
            return files
    if sha in _pending(call, "trees"):
        return _pending(call, "trees")[sha]
    raise refusal(404, "Not Found")


def _tree(call: Call, files: Files) -> dict[str, Any]:
    sha = _tree_sha(files)
    listed = []
    for path in sorted(files):
        content = base64.b64decode(files[path])
        blob = state.blob_sha(content)
        described = {"path": path, "mode": "100644", "type": "blob", "sha": blob, "size": len(content)}
        listed.append({**described, "url": f"{call.url}/git/blobs/{blob}"})
    return {"sha": sha, "url": f"{call.url}/git/trees/{sha}", "tree": listed, "truncated": False}


@github("GET", f"{GIT}/trees/{{sha}}", needs="contents:read")
def get_tree(call: Call) -> Response:
    files = _files_of(call, call.params["sha"])
    _pending(call, "trees")[_tree_sha(files)] = dict(files)  # it can be built on when its branch has moved on
    return Response.json(_tree(call, files))


@github("POST", f"{GIT}/trees", needs="contents:write")
def create_tree(call: Call) -> Response:
    """Make a tree. Without the Workflows permission one with a workflow in it is answered as if nothing were there."""
    body = call.object()
    files = dict(_files_of(call, body["base_tree"])) if body.get("base_tree") else {}
    for entry in body.get("tree") or []:
        if entry["path"].startswith(state.WORKFLOWS) and not may(call, "workflows:write"):
            raise refusal(404, "Not Found")
        if not isinstance(entry.get("content"), str):
            raise refusal(422, "Must supply either tree.sha or tree.content")
        files[entry["path"]] = base64.b64encode(entry["content"].encode()).decode()
    if not any(call.repository["heads"].values()):
        raise refusal(409, "Git Repository is empty.")
    _pending(call, "trees")[_tree_sha(files)] = files
    return Response.json(_tree(call, files), 201)


# -- new repositories ------------------------------------------------------------------------------------------


def _create(call: Call, owner: str) -> Response:
    body = call.object()
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", str(body.get("name") or "")):
        raise refusal(422, "Repository creation failed.", [{"resource": "Repository", "field": "name"}])
    name = f"{owner}/{body['name']}"
    if state.find_repository(call.github, name):
        taken = {"resource": "Repository", "code": "custom", "field": "name"}
        taken["message"] = "name already exists on this account"
        raise refusal(422, "Repository creation failed.", [taken])
    files = {"README.md": f"# {body['name']}\n".encode()} if body.get("auto_init") else {}
    state.add_repository(call.sandbox.store, name, private=bool(body.get("private")), files=files)
    made = state.find_repository(call.github, name) or {}
    if call.token["repositories"] is not None:
        call.token["repositories"].append(name)
    return Response.json(views.full_repository(call.sandbox, made), 201)


@github("POST", "/user/repos")
def create_own_repository(call: Call) -> Response:
    if not may(call, "administration:write") or "owner" in call.token:
        raise inaccessible(call)
    return _create(call, call.token["login"])


@github("POST", "/orgs/{org}/repos")
def create_repository(call: Call) -> Response:
    if not may(call, "administration:write"):
        raise inaccessible(call)
    if call.token.get("owner", call.params["org"]) != call.params["org"]:
        raise refusal(404, "Not Found")
    return _create(call, call.params["org"])


@github("GET", "/repos/{owner}/{repo}/actions/permissions", needs="administration:read")
def actions_permissions(call: Call) -> Response:
    return Response.json({"enabled": True, "allowed_actions": "all"})
