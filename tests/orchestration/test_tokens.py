"""Bearer tokens: made once, kept as a hash, revoked for good."""

import hashlib

import pytest
from django.test import Client
from django.utils import timezone

from orchestration.core.permissions import Actor
from orchestration.errors import IllegalTransition, InvalidRequest, NotFound, NotPermitted
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


def test_after_a_rotation_the_text_before_it_opens_as_long_as_was_said():
    token, first = tokens.issue("ci", "operate")
    _, second = tokens.rotate(token.pk, 24, asks=Actor.system())
    assert tokens.verify(first) == tokens.verify(second) == token
    ApiToken.objects.update(old_until=timezone.now())
    assert tokens.verify(first) is None and tokens.verify(second) == token
    _, third = tokens.rotate(token.pk, 0, asks=Actor.system())
    assert tokens.verify(second) is None and tokens.verify(third) == token
    entries = str(list(Activity.objects.filter(verb="rotate_token").values()))
    assert not any(text in entries or tokens.hash_of(text) in entries for text in (first, second, third))
    for hours in (-1, 721):
        with pytest.raises(InvalidRequest) as refused:
            tokens.rotate(token.pk, hours, asks=Actor.system())
        assert refused.value.field == "overlap_hours"
    with pytest.raises(NotPermitted, match="needs operate"):
        tokens.rotate(token.pk, 1, asks=Actor("rita", "read"))
    tokens.revoke("ci")
    with pytest.raises(IllegalTransition):
        tokens.rotate(token.pk, 1, asks=Actor.system())


@pytest.mark.parametrize(
    ("address", "opens"),
    [
        ("203.0.113.7", True),
        ("::ffff:203.0.113.7", True),
        ("203.0.114.7", False),
        ("2001:db8::1", True),
        ("", False),
    ],
)
def test_a_token_opens_from_its_networks_only(address, opens):
    token, text = tokens.issue("ci", "read", networks=["203.0.113.9/24", "2001:db8::/32"])
    assert token.networks == ["203.0.113.0/24", "2001:db8::/32"]
    assert tokens.is_from(token, address) is opens
    answer = Client(REMOTE_ADDR=address).get("/api/me", headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == (200 if opens else 401)


def test_what_is_no_network_is_named():
    with pytest.raises(InvalidRequest) as refused:
        tokens.issue("ci", "read", networks=["here"])
    assert refused.value.field == "networks"
