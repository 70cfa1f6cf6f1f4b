"""The sandbox's GitHub environments: their protection, the branches that may use them, their secrets.

Shapes and status codes follow https://docs.github.com/rest/deployments/environments and .../rest/actions/secrets.
"""

from __future__ import annotations

from typing import Any

from channels.sandbox import github_state as state
from channels.sandbox import github_views as views
from channels.sandbox.github import Call, github, refusal, secret_listing, store_secret
from channels.sandbox.store import iso
from channels.sandbox.wire import Response

ENVIRONMENT = "/repos/{owner}/{repo}/environments/{environment}"
POLICIES = f"{ENVIRONMENT}/deployment-branch-policies"
SECRETS = f"{ENVIRONMENT}/secrets"


def _environment(call: Call) -> dict[str, Any]:
    found = state.environments_of(call.repository).get(call.params["environment"])
    if found is None:
        raise refusal(404, "Not Found")
    return found


def _described(call: Call, name: str, held: dict[str, Any]) -> dict[str, Any]:
    rules = []
    if held["policy"] is not None:
        number = held["id"] + 1
        rules.append({"id": number, "node_id": views.node_id("Gate", number), "type": "branch_policy"})
    return {
        "id": held["id"],
        "node_id": views.node_id("Environment", held["id"]),
        "name": name,
        "url": f"{call.url}/environments/{name}",
        "html_url": f"{call.html_url}/deployments/activity_log?environments_filter={name}",
        "created_at": held["created_at"],
        "updated_at": held["updated_at"],
        "protection_rules": rules,
        "deployment_branch_policy": held["policy"],
    }


@github("GET", ENVIRONMENT, needs="actions:read")
def get_environment(call: Call) -> Response:
    return Response.json(_described(call, call.params["environment"], _environment(call)))


@github("PUT", ENVIRONMENT, needs="administration:write")
def put_environment(call: Call) -> Response:
    """Make an environment, or set its protection. Private repositories have none where the plan has none."""
    if call.repository["private"] and not call.repository.get("plan_has_environments", True):
        raise refusal(404, "Not Found")
    body, name = call.object() if call.request.read() else {}, call.params["environment"]
    policy = body.get("deployment_branch_policy")
    if policy is not None and bool(policy.get("protected_branches")) == bool(
        policy.get("custom_branch_policies")
    ):
        raise refusal(422, "protected_branches and custom_branch_policies cannot have the same value.")
    held = state.environment(call.sandbox.store, call.repository, name)
    held["policy"], held["updated_at"] = policy, iso(call.sandbox.store.now())
    if policy is None:
        held["branches"] = []
    return Response.json(_described(call, name, held))


# -- which branches may use it ---------------------------------------------------------------------------------


def _policy(held: dict[str, Any]) -> dict[str, Any]:
    return {**held, "node_id": views.node_id("DeploymentBranchPolicy", held["id"]), "type": "branch"}


@github("GET", POLICIES, needs="actions:read")
def list_policies(call: Call) -> Response:
    found = [_policy(each) for each in _environment(call)["branches"]]
    return Response.json({"total_count": len(found), "branch_policies": found})


@github("POST", POLICIES, needs="administration:write")
def add_policy(call: Call) -> Response:
    environment, body = _environment(call), call.object()
    if not (environment["policy"] or {}).get("custom_branch_policies"):
        raise refusal(404, "Not Found")
    if not isinstance(body.get("name"), str) or not body["name"]:
        raise refusal(422, 'Invalid request.\n\n"name" wasn\'t supplied.')
    if any(each["name"] == body["name"] for each in environment["branches"]):
        raise refusal(303, "Deployment branch policy already exists.")
    held = {"id": call.sandbox.store.next_id("branch-policy", 40_000_001), "name": body["name"]}
    environment["branches"].append(held)
    return Response.json(_policy(held))


@github("DELETE", f"{POLICIES}/{{policy}}", needs="administration:write")
def delete_policy(call: Call) -> Response:
    environment = _environment(call)
    kept = [each for each in environment["branches"] if str(each["id"]) != call.params["policy"]]
    if len(kept) == len(environment["branches"]):
        raise refusal(404, "Not Found")
    environment["branches"] = kept
    return Response(204)


# -- its secrets -----------------------------------------------------------------------------------------------


@github("GET", f"{SECRETS}/public-key", needs="environments:read")
def environment_public_key(call: Call) -> Response:
    return Response.json(state.public_key_of(_environment(call)))


@github("GET", SECRETS, needs="environments:read")
def list_environment_secrets(call: Call) -> Response:
    return Response.json(secret_listing(_environment(call)["secrets"]))


@github("PUT", f"{SECRETS}/{{name}}", needs="environments:write")
def put_environment_secret(call: Call) -> Response:
    return store_secret(call, _environment(call))


@github("DELETE", f"{SECRETS}/{{name}}", needs="environments:write")
def delete_environment_secret(call: Call) -> Response:
    if _environment(call)["secrets"].pop(call.params["name"].upper(), None) is None:
        raise refusal(404, "Not Found")
    return Response(204)
