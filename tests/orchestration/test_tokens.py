"""Bearer tokens: made once, kept as a hash, revoked for good."""

import hashlib

import pytest

from orchestration.errors import InvalidRequest, NotFound
from orchestration.models import Activity, ApiToken
from orchestration.register import tokens

pytestmark = pytest.mark.django_db


def test_only_the_hash_is_stored():
    token, text = tokens.issue("ci", "read")

    assert text.startswith("hd_")
    stored = " ".join(str(value) for value in ApiToken.objects.values_list().get())
    assert text not in stored
    assert token.token_hash == hashlib.sha256(text.encode()).hexdigest()


def test_the_activity_log_holds_neither_token_nor_hash():
    token, text = tokens.issue("ci", "operate")
    tokens.revoke("ci")

    entries = list(Activity.objects.values())
    assert {entry["verb"] for entry in entries} == {"issue_token", "revoke_token"}
    assert text not in str(entries)
    assert token.token_hash not in str(entries)


def test_a_token_is_found_by_its_text_only():
    token, text = tokens.issue("ci", "read")

    assert tokens.verify(text) == token
    assert tokens.verify(text[:-1]) is None
    assert tokens.verify(token.token_hash) is None


def test_a_revoked_token_stays_revoked_and_its_name_taken():
    _, text = tokens.issue("ci", "read")
    tokens.revoke("ci")

    assert tokens.verify(text) is None
    with pytest.raises(InvalidRequest, match="revoked"):
        tokens.revoke("ci")
    with pytest.raises(InvalidRequest) as refusal:
        tokens.issue("ci", "read")
    assert refusal.value.field == "name"


@pytest.mark.parametrize(
    ("name", "scope", "field"), [("", "read", "name"), ("x" * 81, "read", "name"), ("a", "root", "scope")]
)
def test_a_token_that_cannot_be_names_the_field(name, scope, field):
    with pytest.raises(InvalidRequest) as refusal:
        tokens.issue(name, scope)

    assert refusal.value.field == field
    assert not ApiToken.objects.exists()


def test_revoking_what_is_not_there_says_so():
    with pytest.raises(NotFound):
        tokens.revoke("nobody")
