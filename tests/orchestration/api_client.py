"""Call the API as a program would: JSON over HTTP with a bearer token."""

from typing import Any

from django.http import HttpResponse
from django.test import Client


class ApiClient:
    """A test client that sends JSON and a token."""

    def __init__(self, token: str = "", *, raise_errors: bool = False) -> None:
        self.client = Client(raise_request_exception=raise_errors)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self.client.get(f"/api/{path}", query or None, headers=self.headers)

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.client.post(
            f"/api/{path}", {} if body is None else body, content_type="application/json", headers=sent
        )

    def patch(self, path: str, body: Any) -> HttpResponse:
        return self.client.patch(f"/api/{path}", body, content_type="application/json", headers=self.headers)

    def delete(self, path: str) -> HttpResponse:
        return self.client.delete(f"/api/{path}", headers=self.headers)
