"""The sandbox's OIDC provider: its keys, and the tokens with which it vouches for its own runs.

A runner hands a job whose workflow asks for `id-token: write` an address and a secret for it, as GitHub's does.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, cast

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from channels.sandbox import github_state as state
from channels.sandbox.wire import Request, Response, route

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox

KID = "sandbox-oidc-1"
TOKEN_LASTS_SECONDS = 300


def private_key(sandbox: Sandbox) -> str:
    """Return the provider's private key in PEM, made at first sight; tests sign with it."""
    with sandbox.store.change("oidc") as held:
        if "private_key" not in held:
            held["private_key"] = new_key()
        return held["private_key"]


def new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


def access_for(sandbox: Sandbox, run_id: int, attempt: int) -> dict[str, str]:
    """Return the variables by which one attempt of a run gets its tokens."""
    secret = secrets.token_urlsafe(24)
    with sandbox.store.change("oidc") as held:
        held.setdefault("requests", {})[secret] = [run_id, attempt]
    return {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{sandbox.oidc_url}/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": secret,
    }


def claims_of(
    sandbox: Sandbox, run: dict[str, Any], repository: dict[str, Any], audience: str
) -> dict[str, Any]:
    """Return what a token of a run says, with the names that GitHub gives it."""
    name, now = state.full_name_of(repository), int(sandbox.store.now().timestamp())
    ref = f"refs/heads/{run['head_branch']}"
    return {
        "iss": sandbox.oidc_url,
        "aud": audience,
        "sub": f"repo:{name}:ref:{ref}",
        "iat": now,
        "nbf": now - 10,
        "exp": now + TOKEN_LASTS_SECONDS,
        "jti": secrets.token_hex(16),
        "repository": name,
        "repository_id": str(repository["id"]),
        "repository_owner": repository["owner"],
        "repository_visibility": "private" if repository["private"] else "public",
        "run_id": str(run["id"]),
        "run_number": str(run["run_number"]),
        "run_attempt": str(run["run_attempt"]),
        "event_name": run["event"],
        "ref": ref,
        "ref_type": "branch",
        "sha": run["head_sha"],
        "workflow": run["name"],
        "workflow_ref": f"{name}/{run['path']}@{ref}",
        "job_workflow_ref": f"{name}/{run['path']}@{ref}",
        "actor": run["actor"],
        "runner_environment": "github-hosted",
    }


def token_for(sandbox: Sandbox, run_id: int, audience: str, /, *, key: str = "", **changes: Any) -> str:
    """Sign a token for a run; `changes` replaces claims, `key` the provider's own, for tests of what is forged."""
    with sandbox.store.read("github") as github:
        run = github["runs"][str(run_id)]
        claims = claims_of(sandbox, run, github["repositories"][str(run["repository_id"])], audience)
    signer = key or private_key(sandbox)
    return jwt.encode({**claims, **changes}, signer, algorithm="RS256", headers={"kid": KID})


@route("GET", "/oidc/.well-known/jwks")
def keys(sandbox: Sandbox, request: Request) -> Response:
    key = cast(rsa.RSAPrivateKey, serialization.load_pem_private_key(private_key(sandbox).encode(), None))
    described = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return Response.json({"keys": [{**described, "kid": KID, "use": "sig", "alg": "RS256"}]})


@route("GET", "/oidc/token")
def token(sandbox: Sandbox, request: Request) -> Response:
    secret = (request.headers.get("Authorization") or "").partition(" ")[2].strip()
    with sandbox.store.read("oidc") as held:
        known = held.get("requests", {}).get(secret)
    with sandbox.store.read("github") as github:
        run = github.get("runs", {}).get(str(known[0])) if known else None
        running = run is not None and run["status"] == "in_progress" and run["run_attempt"] == known[1]
    if not running:
        return Response.json({"message": "Bad credentials"}, 401)
    audience = request.query.get("audience") or "https://github.com/headend"
    return Response.json({"count": 1, "value": token_for(sandbox, known[0], audience)})
