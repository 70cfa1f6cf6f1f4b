"""A second factor at the way in: nobody with one is let in by a password alone, and no code opens twice."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
import time_machine
from axes.models import AccessAttempt
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from fido2 import cbor
from fido2.utils import websafe_encode

from channels import secrets
from orchestration.core.permissions import Actor, give_level
from orchestration.errors import IllegalTransition, InvalidRequest, NotFound, NotPermitted
from orchestration.models import Activity, RecoveryCode, Refusal, SecondFactor
from orchestration.register import factors, passkeys
from orchestration.service import CentralOrchestrationService
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
NOON = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as travelling:
        yield travelling


@pytest.fixture
def ann(clock) -> User:
    user = UserFactory(username="ann")
    user.set_password(PASSWORD)
    user.save()
    give_level(user, "operate")
    return user


def code_of(secret: str, at: datetime = NOON) -> str:
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(at.timestamp())).decode()  # noqa: S303


def log_in(browser: Client, password: str = PASSWORD, **more: str):
    return browser.post("/login/", {"username": "ann", "password": password, **more})


def is_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


@pytest.fixture
def app(ann, clock) -> tuple[str, list[str]]:
    """Give ann an authenticator app, through her page; returns its secret and her recovery codes."""
    browser = Client()
    browser.force_login(ann)
    browser.post(reverse("dashboard:authenticator_begin"), {"current": PASSWORD})
    page = browser.get(reverse("dashboard:second_factor")).content.decode()
    secret = re.search(r"<code class=\"wrap\">([A-Z2-7]+)</code>", page)[1]
    assert "<svg" in page
    answer = browser.post(reverse("dashboard:authenticator_confirm"), {"code": code_of(secret)})
    codes = re.findall(r"\b(?:[a-z2-9]{4}-){3}[a-z2-9]{4}\b", answer.content.decode())
    assert len(codes) == factors.CODES
    clock.shift(timedelta(seconds=60))
    return secret, codes


def test_a_password_alone_does_not_let_in_whoever_has_a_second_factor(app):
    browser = Client()
    answer = log_in(browser)
    assert answer.url == reverse("second_step")
    assert not is_in(browser)
    assert browser.get("/").status_code == 302
    assert browser.get("/api/me").status_code == 401


def test_the_code_of_the_app_lets_in_and_leads_where_one_wanted_to_go(app):
    browser = Client()
    log_in(browser, next="/jobs/")
    answer = browser.post(reverse("second_step"), {"code": code_of(app[0], NOON + timedelta(seconds=60))})
    assert (answer.status_code, answer.url) == (302, "/jobs/")
    assert is_in(browser)
    assert Activity.objects.filter(verb="logged_in").exists()


@pytest.mark.parametrize("seconds", [30, 90], ids=["a clock behind", "a clock ahead"])
def test_a_clock_may_be_off_by_a_step(app, seconds):
    browser = Client()
    log_in(browser)
    browser.post(reverse("second_step"), {"code": code_of(app[0], NOON + timedelta(seconds=seconds))})
    assert is_in(browser)


@pytest.mark.parametrize("seconds", [0, 120])
def test_a_code_of_another_time_opens_nothing(app, seconds):
    browser = Client()
    log_in(browser)
    browser.post(reverse("second_step"), {"code": code_of(app[0], NOON + timedelta(seconds=seconds))})
    assert not is_in(browser)


def test_no_code_opens_twice_nor_an_older_one_after_it(app):
    now = NOON + timedelta(seconds=60)
    first, second, third = Client(), Client(), Client()
    for browser, at in ((first, now), (second, now), (third, now - timedelta(seconds=30))):
        log_in(browser)
        browser.post(reverse("second_step"), {"code": code_of(app[0], at)})
    assert [is_in(first), is_in(second), is_in(third)] == [True, False, False]


def test_a_recovery_code_opens_once_and_is_in_the_record(app):
    first, second = Client(), Client()
    for browser in (first, second):
        log_in(browser)
        browser.post(reverse("second_step"), {"code": app[1][3].upper().replace("-", " ")})
    assert [is_in(first), is_in(second)] == [True, False]
    entry = Activity.objects.get(verb="recovery_code_used")
    assert (entry.actor_label, entry.after) == ("ann", {"left": factors.CODES - 1})


def test_wrong_codes_lock_out_like_wrong_passwords_and_are_in_the_record(app, settings):
    settings.AXES_ENABLED = True
    browser = Client()
    log_in(browser)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = browser.post(reverse("second_step"), {"code": "000000"})
    assert answer.status_code == 429
    answer = browser.post(reverse("second_step"), {"code": code_of(app[0], NOON + timedelta(seconds=60))})
    assert not is_in(browser)
    assert Refusal.objects.filter(what__contains="ann").exists()


def test_no_code_that_was_typed_is_kept_where_lockouts_are_counted(app, settings):
    settings.AXES_ENABLED = True
    browser = Client()
    log_in(browser)
    nearly = app[1][0][:-1]
    for code in (nearly, *["000000"] * settings.AXES_FAILURE_LIMIT, app[1][0]):
        browser.post(reverse("second_step"), {"code": code})
    browser.post(reverse("passkey_begin"))
    browser.post(reverse("passkey_login"), {"credential": '{"id": "made-up"}'})
    kept = "".join(AccessAttempt.objects.values_list("post_data", flat=True))
    assert kept
    assert not [said for said in (nearly, "000000", "made-up") if said in kept]


def test_the_second_step_waits_five_minutes_and_ends_when_the_password_changes(app, ann, clock):
    late, changed = Client(), Client()
    log_in(late)
    log_in(changed)
    ann.refresh_from_db()
    ann.set_password("another horse battery")
    ann.save()
    assert changed.get(reverse("second_step")).url == reverse("login")
    clock.shift(timedelta(seconds=301))
    assert late.get(reverse("second_step")).url == reverse("login")


def test_nobody_comes_to_the_second_step_without_the_first(app):
    assert Client().get(reverse("second_step")).url == reverse("login")
    assert Client().post(reverse("second_step"), {"code": "000000"}).url == reverse("login")


def test_the_back_door_asks_for_it_too(app, ann):
    give_level(ann, "own")
    ann.save()
    browser = Client()
    answer = browser.post("/admin/login/", {"username": "ann", "password": PASSWORD})
    assert answer.url.startswith("/login/")
    assert not is_in(browser)


def test_the_secret_is_sealed_and_neither_it_nor_codes_are_in_the_record(app):
    row = SecondFactor.objects.get()
    assert app[0] not in row.secret_sealed
    assert secrets.sealed_with(row.secret_sealed) == secrets.ids()[0]
    told = json.dumps(
        [[entry.before, entry.after, entry.changes] for entry in Activity.objects.all()], default=str
    )
    assert app[0] not in told
    assert not any(code in told or code.replace("-", "") in told for code in app[1])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("authenticator_begin", {}),
        ("recovery_codes_make", {}),
        ("passkey_add_begin", {}),
    ],
)
def test_whoever_sits_at_a_browser_left_open_changes_nothing_without_the_password(app, ann, name, values):
    browser = Client()
    browser.force_login(ann)
    before = list(RecoveryCode.objects.values_list("digest", flat=True).order_by("digest"))
    answer = browser.post(reverse(f"dashboard:{name}"), {"current": "wrong", **values})
    assert b"present password" in answer.content or answer.status_code in (302, 422)
    assert list(RecoveryCode.objects.values_list("digest", flat=True).order_by("digest")) == before
    browser.post(
        reverse("dashboard:second_factor_remove", args=[SecondFactor.objects.get().pk]), {"current": "no"}
    )
    assert SecondFactor.objects.count() == 1


def test_with_the_last_factor_the_recovery_codes_go_and_the_password_alone_opens(app, ann):
    browser = Client()
    browser.force_login(ann)
    browser.post(
        reverse("dashboard:second_factor_remove", args=[SecondFactor.objects.get().pk]), {"current": PASSWORD}
    )
    assert not RecoveryCode.objects.exists()
    fresh = Client()
    log_in(fresh)
    assert is_in(fresh)


def test_new_recovery_codes_replace_those_before(app, ann):
    own = CentralOrchestrationService(actor=Actor.of_user(ann))
    fresh = own.make_recovery_codes(current=PASSWORD)
    assert not factors.accepts(ann, app[1][0])
    with pytest.raises(InvalidRequest):
        own.make_recovery_codes(current="wrong")
    assert len(set(fresh)) == factors.CODES


def test_an_administrator_takes_away_what_was_lost_but_only_an_owner_an_owners(app, ann):
    admin = UserFactory(username="adam")
    give_level(admin, "admin")
    asked = CentralOrchestrationService(actor=Actor.of_user(admin))
    give_level(ann, "own")
    with pytest.raises(NotPermitted):
        asked.reset_second_factors(user_id=ann.pk)
    give_level(ann, "operate")
    assert asked.reset_second_factors(user_id=ann.pk, reason="phone lost").second_factors == ()
    assert not factors.has_any(ann.pk)
    assert Activity.objects.get(verb="second_factors_reset").reason == "phone lost"
    with pytest.raises(NotFound):
        asked.reset_second_factors(user_id=ann.pk)


def test_a_second_app_is_refused_until_the_first_is_gone(app, ann):
    with pytest.raises(IllegalTransition):
        factors.begin_authenticator(ann)


@pytest.mark.parametrize(
    ("policy", "level", "must"),
    [
        ("nobody", "own", False),
        ("administrators", "operate", False),
        ("administrators", "admin", True),
        ("everybody", "read", True),
    ],
)
def test_whoever_needs_one_and_has_none_gets_nowhere_but_there(ann, settings, policy, level, must):
    settings.HEADEND_REQUIRE_SECOND_FACTOR = policy
    give_level(ann, level)
    browser = Client()
    browser.force_login(ann)
    home = reverse("dashboard:second_factor")
    for address in ("/", "/jobs/", "/me/"):
        answer = browser.get(address)
        assert (answer.status_code == 302 and answer.url == home) is must, address
    assert browser.get(home).status_code == 200
    assert browser.get("/api/channels").status_code == (403 if must else 200)
    browser.post("/logout/")
    assert not is_in(browser)


def test_codes_are_not_tried_on_from_ever_other_addresses(app, settings):
    right = {"code": code_of(app[0], NOON + timedelta(seconds=60))}
    for n in range(settings.AXES_FAILURE_LIMIT):
        browser = Client(REMOTE_ADDR=f"203.0.113.{n}")
        log_in(browser)
        browser.post(reverse("second_step"), {"code": "000000"})
    another = Client(REMOTE_ADDR="203.0.113.99")
    log_in(another)
    assert another.post(reverse("second_step"), right).status_code == 429
    assert not is_in(another)


@pytest.mark.parametrize(
    "answer", ["[" * 20_000, '{"id": 1, "rawId": 1, "response": {}}', "[]", "{}", "\x00", "x" * 20_001]
)
def test_what_somebody_made_up_is_no_passkey(answer, clock):
    browser = Client()
    browser.post(reverse("passkey_begin"))
    assert browser.post(reverse("passkey_login"), {"credential": answer}).status_code == 403


def test_a_new_passkey_that_somebody_made_up_is_refused_by_name():
    empty = {"clientDataJSON": "e30", "attestationObject": "AAAA"}
    answer = json.dumps({"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": empty})
    for made_up in (answer, answer.replace("e30", "AAAA"), answer.replace('"AAAA"}', '""}')):
        with pytest.raises(InvalidRequest) as refused:
            passkeys.added({"challenge": "AAAA", "user_verification": "required"}, made_up, "localhost")
        assert refused.value.field == "credential"


def test_ones_own_password_is_not_guessed_at_a_browser_left_open(ann):
    own = CentralOrchestrationService(actor=Actor.of_user(ann))
    for _ in range(8):
        with pytest.raises(InvalidRequest):
            own.prove_password(current="wrong")
    with pytest.raises(NotPermitted):
        own.prove_password(current=PASSWORD)


RP = sha256(b"localhost").digest()
CHALLENGE = {"challenge": websafe_encode(b"c" * 32), "user_verification": "required"}
P256 = {1: 2, 3: -7, -1: 1, -2: b"x" * 32, -3: b"y" * 32}


def client_data(kind: str) -> str:
    said = {"type": kind, "challenge": CHALLENGE["challenge"], "origin": "http://localhost"}
    return websafe_encode(json.dumps(said).encode())


def new_passkey(key: bytes) -> str:
    """Return what a browser answers whose passkey has this key (COSE)."""
    about = RP + b"\x45" + b"\0\0\0\1" + b"\0" * 16 + b"\0\x02" + b"id" + key
    attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": about})
    made = {
        "clientDataJSON": client_data("webauthn.create"),
        "attestationObject": websafe_encode(attestation),
    }
    return json.dumps({"id": "aWQ", "rawId": "aWQ", "type": "public-key", "response": made})


def test_a_passkey_of_a_known_kind_of_key_is_kept():
    kept = passkeys.added(CHALLENGE, new_passkey(cbor.encode(P256)), "localhost")
    assert (kept["credential_id"], kept["sign_count"]) == ("aWQ", 1)


@pytest.mark.parametrize(
    "key", [b"\xa1\x19\x01", cbor.encode({1: 99, 3: -999})], ids=["cut off", "unknown kind"]
)
def test_a_passkey_whose_key_cannot_be_used_later_is_refused_when_it_is_added(key):
    with pytest.raises(InvalidRequest) as refused:
        passkeys.added(CHALLENGE, new_passkey(key), "localhost")
    assert refused.value.field == "credential"


def test_a_login_whose_numbers_are_cut_off_opens_nothing(clock):
    shown = {
        "clientDataJSON": client_data("webauthn.get"),
        "authenticatorData": websafe_encode(RP + b"\x85" + b"\0\0\0\1" + b"\xa1\x19\x01"),
        "signature": "AAAA",
    }
    answer = json.dumps({"id": "aWQ", "rawId": "aWQ", "type": "public-key", "response": shown})
    browser = Client()
    browser.post(reverse("passkey_begin"))
    assert browser.post(reverse("passkey_login"), {"credential": answer}).status_code == 403


@pytest.mark.parametrize(
    ("known", "told", "opens"), [(0, 0, True), (5, 6, True), (5, 5, False), (5, 4, False), (5, 0, False)]
)
def test_a_passkey_that_counts_has_to_go_on_counting(ann, known, told, opens):
    factors.add_passkey(ann, name="key", credential_id="aWQ", public_key="AA", sign_count=known)
    row = SecondFactor.objects.get()
    assert factors.note_passkey(row, told) is opens
    row.refresh_from_db()
    assert row.sign_count == (told if opens else known)


def test_a_passkey_that_is_taken_away_meanwhile_opens_nothing(ann):
    factors.add_passkey(ann, name="key", credential_id="aWQ", public_key="AA", sign_count=0)
    row = SecondFactor.objects.get()
    SecondFactor.objects.all().delete()
    assert factors.note_passkey(row, 1) is False
