"""A method that an address does not know is answered 405, whatever is sent with it, and never by another address's rules."""

import json
import re

import pytest

from config.api import api

pytestmark = pytest.mark.django_db

METHODS = ("get", "post", "put", "patch", "delete")
TUS = "/api/uploads/7"
"""Says by 422 that it takes a POST only with the method that it stands for (X-HTTP-Method-Override of tus)."""


def missing() -> list[tuple[str, str]]:
    known: dict[str, set[str]] = {}
    for path, operations in api.get_openapi_schema()["paths"].items():
        known.setdefault(re.sub(r"\{\w+\}", "7", path), set()).update(operations)
    known[TUS].add("post")
    return [(path, method) for path, methods in known.items() for method in METHODS if method not in methods]


def test_a_method_that_is_not_there_is_405(admin_client):
    wrong = []
    for path, method in missing():
        sent = (
            {"data": json.dumps({"reason": 1}), "content_type": "application/json"} if method != "get" else {}
        )
        answer = getattr(admin_client, method)(path, **sent)
        if answer.status_code != 405 or "Allow" not in answer:
            wrong.append(f"{method.upper()} {path}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
