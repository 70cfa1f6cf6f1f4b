"""Logging in at an OpenID Connect provider: only what it really said, to this browser's own question, opens anything."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import User
from django.test import Client

from orchestration.core.permissions import level_of
from orchestration.models import Activity, ExternalIdentity, Refusal
from tests.factories import ExternalIdentityFactory, SecondFactorFactory, UserFactory
from tests.oidc_provider import CLIENT, SECRET, Provider

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(settings) -> Iterator[Provider]:
    with Provider() as running:
        settings.HEADEND_OIDC_ISSUER = running.issuer
        settings.HEADEND_OIDC_CLIENT_ID, settings.HEADEND_OIDC_CLIENT_SECRET = CLIENT, SECRET
        settings.HEADEND_OIDC_NAME = "Example Login"
        settings.HEADEND_OIDC_LEVELS = {"crew": "schedule", "desk": "operate"}
        yield running


@pytest.fixture
def ann(provider) -> User:
    user = UserFactory(username="ann")
    ExternalIdentityFactory(user=user, issuer=provider.issuer, subject="s-1")
    return user


def come_back(browser: Client, provider: Provider, **changes: str):
    """Go to the provider and come back with what it gave."""
    led = browser.get("/login/sign-on/?next=/jobs/")
    assert led.status_code == 302
    assert led.url.startswith(f"{provider.issuer}/authorize?")
    return browser.get("/login/sign-on/done/", provider.consent(led.url) | changes)


def is_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def test_who_is_known_comes_in_and_goes_where_they_wanted(ann, provider):
    browser = Client()
    assert "Example Login" in browser.get("/login/").content.decode()
    answer = come_back(browser, provider)
    assert (answer.status_code, answer.url) == (302, "/jobs/")
    assert browser.session["_auth_user_id"] == str(ann.pk)


def test_without_a_provider_nothing_is_offered(settings):
    settings.HEADEND_OIDC_ISSUER = None
    assert Client().get("/login/sign-on/").status_code == 404
    assert "sign-on" not in Client().get("/login/").content.decode()


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"azp": "another"},
        {"iss": "https://elsewhere.example"},
        {"exp": 1},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": ""},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_now_and_here_opens_nothing(ann, provider, claims):
    provider.claims = claims
    browser = Client()
    assert come_back(browser, provider).status_code == 403
    assert not is_in(browser)
    assert Refusal.objects.filter(what__contains="sign-on").exists()


def test_a_token_that_nobody_or_somebody_else_signed_opens_nothing(ann, provider):
    for change in (
        {"algorithm": "none"},
        {"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)},
    ):
        for name, value in change.items():
            setattr(provider, name, value)
        browser = Client()
        assert come_back(browser, provider).status_code == 403
        assert not is_in(browser)
        provider.algorithm = "RS256"


def test_an_answer_opens_once_and_only_where_it_was_asked_for(ann, provider):
    browser, other = Client(), Client()
    led = browser.get("/login/sign-on/").url
    answer = provider.consent(led)
    assert other.get("/login/sign-on/done/", answer).status_code == 403
    assert not is_in(other)
    assert browser.get("/login/sign-on/done/", answer | {"state": "made up"}).status_code == 403
    assert browser.get("/login/sign-on/done/", answer).status_code == 403, "the question was spent"
    assert not is_in(browser)


def test_a_provider_that_is_another_one_is_not_asked(ann, provider):
    provider.told = {"issuer": "https://elsewhere.example"}
    assert Client().get("/login/sign-on/").status_code == 403
    provider.told = {"token_endpoint": "file:///etc/passwd"}
    assert Client().get("/login/sign-on/").status_code == 403


def test_who_is_unknown_is_refused_even_with_a_known_name_and_mail(provider):
    UserFactory(username="ann", email="ann@example.org")
    provider.claims = {"email": "ann@example.org", "email_verified": True, "groups": ["desk"]}
    browser = Client()
    assert come_back(browser, provider).status_code == 403
    assert not is_in(browser)
    assert not ExternalIdentity.objects.exists()


def test_groups_say_at_which_level_somebody_new_comes_in(provider):
    provider.claims = {"groups": ["crew", "desk", "others"]}
    browser = Client()
    assert come_back(browser, provider).status_code == 302
    new = User.objects.get(username="ann")
    assert level_of(new) == "operate"
    assert not new.has_usable_password()
    assert Activity.objects.filter(verb="identity_connected").count() == 1
    assert come_back(Client(), provider).status_code == 302
    assert User.objects.filter(username="ann").count() == 1


def test_without_such_a_group_nobody_is_made(provider):
    provider.claims = {"groups": ["others"]}
    assert come_back(Client(), provider).status_code == 403
    assert not User.objects.filter(username="ann").exists()


def test_names_are_trusted_only_where_the_installation_says_so(provider, settings):
    settings.HEADEND_OIDC_TRUST_NAMES = True
    known = UserFactory(username="ann")
    browser = Client()
    assert come_back(browser, provider).status_code == 302
    assert ExternalIdentity.objects.get().user == known


def test_who_is_shut_out_stays_out(ann, provider):
    ann.is_active = False
    ann.save()
    browser = Client()
    assert come_back(browser, provider).status_code == 403
    assert not is_in(browser)


def test_a_second_factor_is_asked_for_all_the_same(ann, provider):
    SecondFactorFactory(user=ann)
    browser = Client()
    assert come_back(browser, provider).url == "/login/second/"
    assert not is_in(browser)
