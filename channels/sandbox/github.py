"""The sandbox's GitHub REST API: access, limits, repositories, contents, secrets. Actions are in `github_actions`.

Shapes and status codes follow https://docs.github.com/rest as PyGithub 2.10 reads them. Every repository route also
answers under /repositories/{id}, which is where a renamed repository's redirects point.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from channels.sandbox import github_app_state as apps
from channels.sandbox import github_state as state
from channels.sandbox import github_views as views
from channels.sandbox.store import iso
from channels.sandbox.wire import Problem, Request, Response, route

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox

RANKS = {"none": 0, "read": 1, "write": 2}
DOCS = "https://docs.github.com/rest"


@dataclass(slots=True)
class Call:
    """One authenticated call; `repository` is the live record, under the store's lock."""

    sandbox: Sandbox
    request: Request
    token: dict[str, Any]
    github: dict[str, Any]
    repository: dict[str, Any] = field(default_factory=dict)

    @property
    def params(self) -> dict[str, str]:
        return self.request.params

    @property
    def url(self) -> str:
        """The API address of the repository."""
        return views.api_url(self.sandbox, self.repository)

    @property
    def html_url(self) -> str:
        return views.html_url(self.sandbox, self.repository)

    def object(self) -> dict[str, Any]:
        """Return the body, which must be a JSON object."""
        body = self.request.json()
        if not isinstance(body, dict):
            raise refusal(400, "Body should be a JSON object")
        return body


def refusal(status: int, message: str, errors: list[Any] | None = None, **headers: str) -> Problem:
    """Return the exception that answers a call with GitHub's error body."""
    body: dict[str, Any] = {"message": message, "documentation_url": DOCS, "status": str(status)}
    if errors:
        body["errors"] = errors
    return Problem(
        Response.json(body, status, {name.replace("_", "-"): value for name, value in headers.items()})
    )


def github(method: str, path: str, needs: str = "") -> Callable[[Callable[[Call], Response]], Any]:
    """Register a handler under /github; `needs` is the permission, like "contents:write"."""

    def register(handler: Callable[[Call], Response]) -> Callable[[Sandbox, Request], Response]:
        @wraps(handler)
        def answer(sandbox: Sandbox, request: Request) -> Response:
            limits: dict[str, str] = {}
            section = sandbox.store.read if method == "GET" else sandbox.store.change
            if request.method != "GET":
                request.read()  # before the lock is taken: the client may be slow
            with section("github") as data:
                try:
                    token = _authenticate(sandbox, data, request)
                    limits = _count(sandbox, token, request, free=path == "/rate_limit")
                    call = Call(sandbox, request, token, data)
                    if "{repo}" in path:
                        call.repository = _repository(call)
                        _permit(call, needs)
                    response = handler(call)
                except Problem as problem:
                    response = problem.response
            response.headers = {**limits, "X-GitHub-Request-Id": f"{time.time_ns():x}", **response.headers}
            return response

        route(method, f"/github{path}")(answer)
        if path.startswith("/repos/{owner}/{repo}"):
            by_id = path.replace("/repos/{owner}/{repo}", "/repositories/{repository_id}", 1)
            route(method, f"/github{by_id}")(answer)
        return handler

    return register


def _authenticate(sandbox: Sandbox, data: dict[str, Any], request: Request) -> dict[str, Any]:
    scheme, _, value = (request.headers.get("Authorization") or "").partition(" ")
    if not value:
        raise refusal(401, "Requires authentication")
    token = data.get("tokens", {}).get(value.strip())
    if scheme.lower() not in ("bearer", "token") or token is None:
        raise refusal(401, "Bad credentials")
    if not apps.is_good(data, token, sandbox.store.now()):
        raise refusal(401, "Bad credentials")
    return token


def _count(sandbox: Sandbox, token: dict[str, Any], request: Request, free: bool) -> dict[str, str]:
    """Count the call against its limits and return the x-ratelimit headers. Raises `Problem` over a limit."""
    usage = sandbox.scratch.setdefault(
        ("github-usage", token["login"]), {"used": 0, "reset": 0, "writes": []}
    )
    now = sandbox.store.now().timestamp()
    if now >= usage["reset"]:
        usage.update(used=0, reset=int(now) + 3600)
    limit = token["hourly_limit"]
    over = usage["used"] >= limit
    if not free and not over:
        usage["used"] += 1
    headers = {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(limit - usage["used"]),
        "X-RateLimit-Used": str(usage["used"]),
        "X-RateLimit-Reset": str(usage["reset"]),
        "X-RateLimit-Resource": "core",
    }
    if over and not free:
        raise refusal(403, f"API rate limit exceeded for user {token['login']}.", **headers)
    if request.method in ("POST", "PUT", "PATCH", "DELETE"):
        usage["writes"] = [at for at in usage["writes"] if at > now - 60]
        if len(usage["writes"]) >= token["content_per_minute"]:
            wait = max(1, int(usage["writes"][0] + 60 - now))
            message = (
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            )
            raise refusal(403, message, Retry_After=str(wait), **headers)
        usage["writes"].append(now)
    return headers


def _repository(call: Call) -> dict[str, Any]:
    """Find the repository, redirecting from a former name. One that the token may not see is not found."""
    if "repository_id" in call.params:
        found = call.github.get("repositories", {}).get(call.params["repository_id"])
    else:
        name = f"{call.params['owner']}/{call.params['repo']}"
        found = state.find_repository(call.github, name)
        former = None if found else state.find_former(call.github, name)
        if former and _visible(call, former):
            rest = call.request.path.removeprefix("/github/repos/").split("/", 2)[2:]
            target = "/".join([f"{call.sandbox.github_url}/repositories/{former['id']}", *rest])
            if call.request.query_string:
                target += f"?{call.request.query_string}"
            # https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
            status = 301 if call.request.method == "GET" else 307
            body = {"message": "Moved Permanently", "url": target, "documentation_url": DOCS}
            raise Problem(Response.json(body, status, {"Location": target}))
    if found is None or not _visible(call, found):
        raise refusal(404, "Not Found")
    return found


def _visible(call: Call, repository: dict[str, Any]) -> bool:
    if not repository["private"]:
        return True
    if call.token.get("owner", repository["owner"]) != repository["owner"]:
        return False  # of an App that is installed elsewhere
    narrowed = call.token["repositories"]
    return narrowed is None or state.full_name_of(repository) in narrowed


def _permit(call: Call, needs: str) -> None:
    """Refuse what the token may not do, and every write to an archived repository."""
    needs = needs or "metadata:read"
    if not may(call, needs):
        raise inaccessible(call)
    if call.repository["archived"] and needs.endswith(":write"):
        raise refusal(403, "Repository was archived so is read-only.")


def may(call: Call, needs: str) -> bool:
    """Return whether the token has a permission, like "contents:write"."""
    permission, _, level = needs.partition(":")
    return RANKS[call.token["permissions"].get(permission, "none")] >= RANKS[level]


def inaccessible(call: Call) -> Problem:
    """Return GitHub's answer to a token that lacks a permission."""
    kind = "integration" if "owner" in call.token else "personal access token"
    return refusal(403, f"Resource not accessible by {kind}")


# -- account and repository ------------------------------------------------------------------------------------


@github("GET", "/user")
def user(call: Call) -> Response:
    return Response.json(views.user(call.sandbox, call.token["login"]))


@github("GET", "/rate_limit")
def rate_limit(call: Call) -> Response:
    usage = call.sandbox.scratch[("github-usage", call.token["login"])]
    limit = call.token["hourly_limit"]
    core = {
        "limit": limit,
        "used": usage["used"],
        "remaining": limit - usage["used"],
        "reset": usage["reset"],
    }
    return Response.json({"resources": {"core": core, "search": core}, "rate": core})


@github("GET", "/repos/{owner}/{repo}")
def repository(call: Call) -> Response:
    return Response.json(views.full_repository(call.sandbox, call.repository))


@github("GET", "/repos/{owner}/{repo}/branches/{branch}", needs="contents:read")
def branch(call: Call) -> Response:
    name = call.params["branch"]
    if name not in call.repository["heads"]:
        raise refusal(404, "Branch not found")
    commit = {
        "sha": call.repository["heads"][name],
        "url": f"{call.url}/commits/{call.repository['heads'][name]}",
    }
    return Response.json({"name": name, "commit": commit, "protected": False})


# -- contents --------------------------------------------------------------------------------------------------


def _content(call: Call, branch: str, path: str, content: bytes) -> dict[str, Any]:
    sha = state.blob_sha(content)
    url = f"{call.url}/contents/{quote(path)}?ref={branch}"
    git_url, html_url = f"{call.url}/git/blobs/{sha}", f"{call.html_url}/blob/{branch}/{quote(path)}"
    return {
        "type": "file",
        "encoding": "base64",
        "size": len(content),
        "name": path.rpartition("/")[2],
        "path": path,
        "content": base64.encodebytes(content).decode(),
        "sha": sha,
        "url": url,
        "git_url": git_url,
        "html_url": html_url,
        "download_url": f"{call.html_url}/raw/{branch}/{quote(path)}",
        "_links": {"self": url, "git": git_url, "html": html_url},
    }


@github("GET", "/repos/{owner}/{repo}/contents/{path:path}", needs="contents:read")
def get_contents(call: Call) -> Response:
    ref = call.request.query.get("ref")
    branch = state.branch_of(call.repository, ref)
    if branch is None:
        raise refusal(404, f"No commit found for the ref {ref}")
    path = call.params["path"].strip("/")
    content = state.read_file(call.repository, branch, path)
    if content is not None:
        return Response.json(_content(call, branch, path, content))
    below = [name for name in call.repository["files"][branch] if name.startswith(f"{path}/")]
    if not below:
        raise refusal(404, "Not Found")
    names = sorted({name[len(path) + 1 :].partition("/")[0] for name in below})
    listing = []
    for name in names:
        is_file = f"{path}/{name}" in below
        there = state.read_file(call.repository, branch, f"{path}/{name}") or b""
        entry = _content(call, branch, f"{path}/{name}", there)
        del entry["content"], entry["encoding"]
        listing.append({**entry, "type": "file" if is_file else "dir"})
    return Response.json(listing)


@github("PUT", "/repos/{owner}/{repo}/contents/{path:path}", needs="contents:write")
def put_contents(call: Call) -> Response:
    body = call.object()
    for name in ("message", "content"):
        if not isinstance(body.get(name), str):
            raise refusal(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
    branch = body.get("branch") or call.repository["default_branch"]
    if branch not in call.repository["files"]:
        raise refusal(404, f"Branch {branch} not found")
    try:
        content = base64.b64decode(body["content"].replace("\n", ""), validate=True)
    except ValueError:
        raise refusal(422, "content is not valid Base64") from None
    path = call.params["path"]
    if path.startswith("/") or any(part in ("", ".", "..", ".git") for part in path.split("/")):
        raise refusal(422, "path contains a malformed path component")
    if path.startswith(state.WORKFLOWS) and not may(call, "workflows:write"):
        raise inaccessible(call)
    present = state.read_file(call.repository, branch, path)
    if present is not None and not body.get("sha"):
        raise refusal(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if body.get("sha") and (present is None or state.blob_sha(present) != body["sha"]):
        raise refusal(409, f"{path} does not match {body['sha']}")
    commit = state.write_file(call.sandbox.store, call.repository, branch, path, content, body["message"])
    person = {"name": call.token["login"], "email": "sandbox@localhost", "date": commit["at"]}
    described = {
        "sha": commit["sha"],
        "url": f"{call.url}/git/commits/{commit['sha']}",
        "html_url": f"{call.html_url}/commit/{commit['sha']}",
        "message": commit["message"],
        "author": person,
        "committer": person,
        "parents": [],
    }
    answer = {"content": _content(call, branch, path, content), "commit": described}
    return Response.json(answer, 200 if present is not None else 201)


# -- secrets ---------------------------------------------------------------------------------------------------


@github("GET", "/repos/{owner}/{repo}/actions/secrets/public-key", needs="secrets:read")
def public_key(call: Call) -> Response:
    return Response.json(state.public_key_of(call.repository))


def secret_listing(held: dict[str, Any]) -> dict[str, Any]:
    """Return what a list of secrets says: their names and times, never a value."""
    listing = [
        {"name": name, "created_at": held[name]["created_at"], "updated_at": held[name]["updated_at"]}
        for name in sorted(held)
    ]
    return {"total_count": len(listing), "secrets": listing}


def store_secret(call: Call, holder: dict[str, Any]) -> Response:
    """Open a sealed secret and store it with its holder, a repository or an environment of one."""
    body, name = call.object(), call.params["name"].upper()
    if name.startswith("GITHUB_") or not name.replace("_", "").isalnum() or name[0].isdigit():
        raise refusal(422, "Secret names must be alphanumeric or underscore and may not start with GITHUB_.")
    if body.get("key_id") != holder["key"]["id"] or not isinstance(body.get("encrypted_value"), str):
        raise refusal(422, "Could not find the public key with this key_id, or encrypted_value is missing.")
    try:
        value = state.open_secret(holder, body["encrypted_value"])
    except ValueError as error:
        raise refusal(422, f"encrypted_value is {error}") from None
    secrets, now = holder["secrets"], iso(call.sandbox.store.now())
    known = secrets.get(name)
    if known is None and len(secrets) >= 100:
        raise refusal(422, "A repository or an environment may have 100 secrets at most.")
    secrets[name] = {
        "value": value,
        "created_at": known["created_at"] if known else now,
        "updated_at": now,
    }
    return Response(204) if known else Response.json({}, 201)


@github("GET", "/repos/{owner}/{repo}/actions/secrets", needs="secrets:read")
def list_secrets(call: Call) -> Response:
    return Response.json(secret_listing(call.repository["secrets"]))


@github("PUT", "/repos/{owner}/{repo}/actions/secrets/{name}", needs="secrets:write")
def put_secret(call: Call) -> Response:
    return store_secret(call, call.repository)


@github("DELETE", "/repos/{owner}/{repo}/actions/secrets/{name}", needs="secrets:write")
def delete_secret(call: Call) -> Response:
    if call.repository["secrets"].pop(call.params["name"].upper(), None) is None:
        raise refusal(404, "Not Found")
    return Response(204)
