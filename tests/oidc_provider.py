"""An OpenID Connect provider in miniature, with real keys, over HTTP on loopback; it says what a test wants it to say."""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT, SECRET = "headend", "client secret"


class Provider:
    """Knows one person; `claims` go over what it would say, `header` over the token's, `key` signs."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.published = self.key
        self.algorithm = "RS256"
        self.claims: dict[str, Any] = {}
        self.person: dict[str, Any] = {"sub": "s-1", "preferred_username": "ann", "name": "Ann Lee"}
        self.told: dict[str, Any] = {}
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"

    def consent(self, address: str) -> dict[str, str]:
        """Log its person in, as the page at this address would; returns what the browser brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        return {"state": asked["state"], "code": code}

    def _token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": asked["client_id"],
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.person,
            **self.claims,
        }
        key: Any = self.key if self.algorithm != "none" else None
        return jwt.encode(claims, key, algorithm=self.algorithm, headers={"kid": "k"})

    def _answer(self, path: str, form: dict[str, str]) -> dict[str, Any] | None:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                **self.told,
            }
        if path == "/keys":
            return {"keys": [{**RSAAlgorithm.to_jwk(self.published.public_key(), as_dict=True), "kid": "k"}]}
        asked = self._codes.pop(form.get("code", ""), None)
        if path != "/token" or asked is None or form["client_secret"] != SECRET:
            return None
        challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        fits = challenge == asked["code_challenge"] and form["redirect_uri"] == asked["redirect_uri"]
        return (
            {"access_token": "unused", "token_type": "Bearer", "id_token": self._token(asked)}
            if fits
            else None
        )

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say({})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._say({name: values[0] for name, values in parse_qs(body).items()})

            def _say(self, form: dict[str, str]) -> None:
                told = provider._answer(urlsplit(self.path).path, form)
                body = json.dumps(told or {"error": "invalid_grant"}).encode()
                self.send_response(200 if told else 400)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        return Handler

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
