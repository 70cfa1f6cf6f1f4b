"""The sandbox's GitHub webhooks: set over the API, and delivered signed, over real HTTP, whenever a run changes.

As at GitHub a delivery is made once, in no certain order, and none tells of a run that could not start. Only this
machine gets any: whoever can reach the sandbox's port must not be able to make it send to others.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from channels.sandbox import github_views as views
from channels.sandbox.github import Call, github, refusal
from channels.sandbox.wire import Response

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox

EVENT = "workflow_run"
ANSWER_SECONDS = 10
MAX_DELIVERIES = 50
THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


@github("GET", "/repos/{owner}/{repo}/hooks", needs="webhooks:read")
def list_hooks(call: Call) -> Response:
    return Response.json([_described(call, hook) for hook in call.repository.get("hooks", [])])


@github("POST", "/repos/{owner}/{repo}/hooks", needs="webhooks:write")
def add_hook(call: Call) -> Response:
    body = call.object()
    config = body.get("config") or {}
    address = urlsplit(str(config.get("url") or ""))
    if address.scheme not in ("http", "https") or address.hostname not in THIS_MACHINE:
        raise refusal(
            422, "Validation Failed", ["the sandbox delivers to http and https on this machine only"]
        )
    if config.get("content_type") != "json":
        raise refusal(422, "Validation Failed", ["the sandbox delivers content_type json only"])
    hook = {
        "id": call.sandbox.store.next_id("hook", 60_000_001),
        "url": config["url"],
        "secret": str(config.get("secret") or ""),
        "events": list(body.get("events") or ["push"]),
        "active": body.get("active", True),
        "deliveries": [],
    }
    call.repository.setdefault("hooks", []).append(hook)
    return Response.json(_described(call, hook), 201)


@github("GET", "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries", needs="webhooks:read")
def list_deliveries(call: Call) -> Response:
    for hook in call.repository.get("hooks", []):
        if str(hook["id"]) == call.params["hook_id"]:
            return Response.json(list(reversed(hook["deliveries"])))
    raise refusal(404, "Not Found")


def _described(call: Call, hook: dict[str, Any]) -> dict[str, Any]:
    shown = {name: hook[name] for name in ("id", "events", "active")}
    config = {"url": hook["url"], "content_type": "json", "secret": "********"}
    return {
        **shown,
        "type": "Repository",
        "name": "web",
        "config": config,
        "url": f"{call.url}/hooks/{hook['id']}",
    }


def announce(sandbox: Sandbox, run: dict[str, Any], action: str) -> None:
    """Tell a repository's webhooks of a run, in the background. The caller holds the lock."""
    with sandbox.store.read("github") as held:
        repository = held["repositories"][str(run["repository_id"])]
        hooks = [hook for hook in repository.get("hooks", []) if hook["active"] and EVENT in hook["events"]]
        if not hooks:
            return
        body = json.dumps(
            {
                "action": action,
                "workflow_run": views.run(sandbox, repository, run),
                "workflow": views.workflow(sandbox, repository, run["path"]),
                "repository": views.repository(sandbox, repository),
                "sender": views.account(sandbox, run["actor"]),
            }
        ).encode()
    for hook in hooks:
        sandbox.spawn(
            _deliver, sandbox, repository["id"], hook["id"], hook["url"], hook["secret"], action, body
        )


def _deliver(
    sandbox: Sandbox, repository_id: int, hook_id: int, url: str, secret: str, action: str, body: bytes
) -> None:
    delivery = str(uuid.uuid4())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/sandbox",
        "X-GitHub-Event": EVENT,
        "X-GitHub-Delivery": delivery,
    }
    if secret:
        headers["X-Hub-Signature-256"] = (
            f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
        )
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - http on this machine, see add_hook
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            status = answer.status
    except HTTPError as error:
        with error:
            status = error.code
    except OSError:
        status = 0
    with sandbox.store.change("github") as held:
        for hook in held["repositories"][str(repository_id)]["hooks"]:
            if hook["id"] == hook_id:
                delivered = {"guid": delivery, "event": EVENT, "action": action, "status_code": status}
                hook["deliveries"] = [*hook["deliveries"], delivered][-MAX_DELIVERIES:]
