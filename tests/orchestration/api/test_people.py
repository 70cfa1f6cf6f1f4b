"""Users, tokens and oneself by the API: levels, and secrets that are answered once."""

import pytest

from orchestration.models import ApiToken, IdempotencyRecord
from orchestration.register import tokens
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(caller_with):
    return caller_with("admin")


@pytest.mark.parametrize("path", ["users", "tokens", "users/lockouts"])
def test_an_operator_reads_none_of_it(caller_with, path):
    assert caller_with("operate").get(path).status_code == 403


def test_a_user_is_added_and_changed_and_no_password_is_ever_answered(root):
    made = root.post("users", {"username": "olga", "level": "read", "password": "a horse that is correct"})
    assert made.status_code == 201
    assert "horse" not in made.content.decode()
    at = made.headers["Location"].removeprefix("/api/")
    assert root.post(f"{at}/change", {"level": "operate"}).json()["level"] == "operate"
    assert root.post(f"{at}/set-password", {"password": "short"}).json()["field"] == "password"
    assert root.post(f"{at}/deactivate", {"reason": "left"}).json()["state"] == "deactivated"
    assert root.get("users").json()["total"] == 1


def test_a_secret_is_answered_once_whatever_the_idempotency_key(root):
    body = {"name": "ci", "scope": "read"}
    first = root.post("tokens", body, Idempotency_Key="k1")
    assert tokens.verify(first.json()["text"]).name == "ci"
    again = root.post("tokens", body, Idempotency_Key="k1")
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_conflict")
    assert first.json()["text"] not in str(IdempotencyRecord.objects.values())
    assert ApiToken.objects.filter(name="ci").count() == 1
    user = factories.UserFactory()
    link = root.post(f"users/{user.pk}/password-link", {}, Idempotency_Key="k2").json()["path"]
    assert link not in str(IdempotencyRecord.objects.values())


def test_who_asks_is_told_who_they_are(caller_with):
    api = caller_with("operate")
    answer = api.get("me").json()
    assert (answer["label"], answer["user_id"], answer["level"]) == ("token operate caller", None, "operate")
    assert api.post("me/set-timezone", {"timezone": "UTC"}).status_code == 403
