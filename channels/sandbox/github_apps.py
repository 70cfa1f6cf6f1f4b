"""The sandbox's GitHub Apps API: who an App is, where it is installed, a token for it. An App proves itself by a JWT.

Shapes and status codes follow https://docs.github.com/rest/apps/apps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import jwt

from channels.sandbox import github_app_state as apps
from channels.sandbox import github_state as state
from channels.sandbox import github_views as views
from channels.sandbox.github import RANKS, refusal
from channels.sandbox.store import iso
from channels.sandbox.wire import Problem, Request, Response, route

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox

MOST_SECONDS = 600
"""How far ahead a JWT may end."""
Handler = Callable[["Sandbox", dict[str, Any], dict[str, Any], Request], Response]


def as_app(method: str, path: str) -> Callable[[Handler], Any]:
    """Register a handler that an App calls; it gets the GitHub section, under the lock, and the App's record."""

    def register(handler: Handler) -> Callable[[Sandbox, Request], Response]:
        @wraps(handler)
        def answer(sandbox: Sandbox, request: Request) -> Response:
            request.read()
            with sandbox.store.change("github") as github:
                try:
                    return handler(sandbox, github, _app(sandbox, github, request), request)
                except Problem as problem:
                    return problem.response

        route(method, f"/github{path}")(answer)
        return answer

    return register


def _app(sandbox: Sandbox, github: dict[str, Any], request: Request) -> dict[str, Any]:
    """Check the JWT as GitHub does: signed by the App's key (RS256), not over, ending within ten minutes."""
    scheme, _, token = (request.headers.get("Authorization") or "").partition(" ")
    undecodable = refusal(401, "A JSON web token could not be decoded")
    if scheme.lower() != "bearer":
        raise undecodable
    try:
        issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss"))
    except jwt.InvalidTokenError:
        raise undecodable from None
    app = github.get("apps", {}).get(issuer)
    if app is None:
        raise refusal(404, "Integration not found")
    try:
        claims = jwt.decode(
            token,
            app["public_key"],
            algorithms=["RS256"],
            # Whether it is over is asked of the sandbox's own clock, below.
            options={"verify_exp": False, "verify_iat": False, "require": ["exp", "iat", "iss"]},
        )
    except jwt.InvalidTokenError:
        raise undecodable from None
    now = sandbox.store.now().timestamp()
    if claims["exp"] <= now:
        raise refusal(
            401, "'Expiration time' claim ('exp') must be a numeric value representing the future time"
        )
    if claims["exp"] > now + MOST_SECONDS:
        raise refusal(401, "'Expiration time' claim ('exp') is too far in the future")
    if claims["iat"] > now + 5:
        raise refusal(
            401,
            "'Issued at' claim ('iat') lies in the future",
        )
    return app


def _installation_of(github: dict[str, Any], app: dict[str, Any], owner: str) -> dict[str, Any]:
    for held in github.get("installations", {}).values():
        if held["app_id"] == app["id"] and held["owner"].lower() == owner.lower():
            return held
    raise refusal(404, "Not Found")


def _numbered(github: dict[str, Any], app: dict[str, Any], request: Request) -> dict[str, Any]:
    held = github.get("installations", {}).get(request.params["installation_id"])
    if held is None or held["app_id"] != app["id"]:
        raise refusal(404, "Not Found")
    return held


@as_app("GET", "/app")
def app_itself(sandbox: Sandbox, github: dict[str, Any], app: dict[str, Any], request: Request) -> Response:
    return Response.json(
        {
            "id": app["id"],
            "slug": app["slug"],
            "node_id": views.node_id("App", app["id"]),
            "owner": views.account(sandbox, "headend-demo"),
            "name": app["slug"],
            "description": None,
            "external_url": "https://headend.example",
            "html_url": f"{sandbox.url}/github-web/apps/{app['slug']}",
            "created_at": app["created_at"],
            "updated_at": app["created_at"],
            "permissions": apps.FULL_PERMISSIONS,
            "events": ["workflow_run"],
        }
    )


@as_app("GET", "/repos/{owner}/{repo}/installation")
def of_repository(
    sandbox: Sandbox, github: dict[str, Any], app: dict[str, Any], request: Request
) -> Response:
    name = f"{request.params['owner']}/{request.params['repo']}"
    found = state.find_repository(github, name) or state.find_former(github, name)
    if found is None:
        raise refusal(404, "Not Found")
    held = _installation_of(github, app, found["owner"])
    if held["repositories"] is not None and state.full_name_of(found) not in held["repositories"]:
        raise refusal(404, "Not Found")
    return Response.json(_described(sandbox, app, held))


@as_app("GET", "/users/{username}/installation")
def of_owner(sandbox: Sandbox, github: dict[str, Any], app: dict[str, Any], request: Request) -> Response:
    return Response.json(_described(sandbox, app, _installation_of(github, app, request.params["username"])))


@as_app("GET", "/app/installations/{installation_id}")
def installation(sandbox: Sandbox, github: dict[str, Any], app: dict[str, Any], request: Request) -> Response:
    return Response.json(_described(sandbox, app, _numbered(github, app, request)))


@as_app("POST", "/app/installations/{installation_id}/access_tokens")
def access_token(sandbox: Sandbox, github: dict[str, Any], app: dict[str, Any], request: Request) -> Response:
    held, body = _numbered(github, app, request), request.json() or {}
    if held["suspended_at"]:
        raise refusal(403, "This installation has been suspended")
    wanted = body.get("permissions", held["permissions"])
    for name, level in wanted.items():
        if RANKS.get(level, 9) > RANKS[held["permissions"].get(name, "none")]:
            raise refusal(
                422, "The permissions requested are not granted to this installation.", [{"message": name}]
            )
    token, ends_at = apps.mint(github, held, dict(wanted), sandbox.store.now())
    return Response.json({"token": token, "expires_at": iso(ends_at), "permissions": wanted}, 201)


def _described(sandbox: Sandbox, app: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    url = f"{sandbox.github_url}/app/installations/{held['id']}"
    return {
        "id": held["id"],
        "account": views.account(sandbox, held["owner"], "Organization"),
        "repository_selection": "all" if held["repositories"] is None else "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{sandbox.github_url}/installation/repositories",
        "html_url": f"{sandbox.url}/github-web/settings/installations/{held['id']}",
        "app_id": app["id"],
        "app_slug": app["slug"],
        "target_id": 1,
        "target_type": "Organization",
        "permissions": held["permissions"],
        "events": ["workflow_run"],
        "created_at": held["created_at"],
        "updated_at": held["created_at"],
        "single_file_name": None,
        "suspended_by": views.account(sandbox, held["owner"]) if held["suspended_at"] else None,
        "suspended_at": held["suspended_at"],
    }
