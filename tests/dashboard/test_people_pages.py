"""Users, tokens and oneself in the console: shown once, hidden from others, thin doors."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from orchestration.core import heartbeats
from orchestration.models import Activity, ApiToken
from orchestration.register import tokens
from tests import factories
from tests.dashboard.test_buttons import HTMX

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(client):
    client.force_login(factories.UserFactory(admin=True, username="ada"))
    return client


@pytest.mark.parametrize(
    "address", ["/users/", "/tokens/", "/configuration/", "/settings/", "/system/", "/system/logs/web.log/"]
)
def test_an_operator_is_told_that_it_is_not_theirs(client, address):
    client.force_login(factories.UserFactory(operator=True))
    answer = client.get(address)
    assert answer.status_code == 403
    assert "needs admin" in answer.content.decode()


def test_a_token_is_shown_once_and_by_no_cache(root):
    answer = root.post("/tokens/make/", {"name": "ci", "scope": "operate", "zone": "UTC"})
    html = answer.content.decode()
    text = html[html.index("hd_") :].split("<")[0].strip()
    assert tokens.verify(text).name == "ci"
    assert answer.headers["Cache-Control"] == "no-store"
    assert text not in root.get("/tokens/").content.decode()
    again = root.post("/tokens/make/", {"name": "ci", "scope": "operate", "zone": "UTC"}, follow=True)
    assert "choose another name" in again.content.decode(), "a reload makes no second one"
    assert ApiToken.objects.count() == 1


def test_a_token_is_revoked_and_renamed_where_it_is_listed(root):
    row = factories.ApiTokenFactory(name="ci")
    root.post(f"/tokens/{row.pk}/rename/", {"name": "build"}, headers=HTMX)
    root.post(f"/tokens/{row.pk}/revoke/", {"reason": "leaked"}, headers=HTMX)
    row.refresh_from_db()
    assert (row.name, row.state) == ("build", "revoked")
    assert Activity.objects.get(verb="revoke_token").reason == "leaked"


def test_a_token_that_opens_something_is_rotated_where_it_is_listed(root):
    row = factories.ApiTokenFactory(name="ci")
    address = f'action="/tokens/{row.pk}/rotate/"'
    assert address in root.get("/tokens/").content.decode()
    root.post(f"/tokens/{row.pk}/revoke/", {"reason": "leaked"}, headers=HTMX)
    assert address not in root.get("/tokens/").content.decode()


def test_a_person_is_added_changed_and_shut_out_by_pages(root):
    root.post("/users/add/", {"username": "olga", "level": "read"})
    pk = get_user_model().objects.get(username="olga").pk
    assert "no password yet" in root.get("/users/").content.decode()
    root.post(f"/users/{pk}/change/", {"username": "olga", "level": "operate"})
    made = root.post(f"/users/{pk}/password-link/").content.decode()
    assert "/set-password/" in made
    answer = root.post(f"/users/{pk}/deactivate/", headers=HTMX)
    assert "shut out" in answer.content.decode()
    page = root.get(f"/users/{pk}/").content.decode()
    assert 'data-action="reactivate"' in page and 'data-action="deactivate"' not in page


def test_ones_own_page_is_for_everyone(client):
    client.force_login(factories.UserFactory(username="rita"))
    assert "rita" in client.get("/me/").content.decode()
    answer = client.post("/me/set-timezone/", {"timezone": "Asia/Tokyo"}, headers=HTMX)
    assert "Asia/Tokyo" in answer.content.decode()


def test_a_form_from_elsewhere_makes_nobody_an_administrator():
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(factories.UserFactory(admin=True))
    victim = factories.UserFactory()
    for address in (f"/users/{victim.pk}/change/", "/tokens/make/", "/users/add/", "/me/set-password/"):
        assert careful.post(address, {"level": "admin", "name": "x", "username": "x"}).status_code == 403


def test_settings_and_system_are_pages_whose_buttons_go_through_the_service(root):
    from orchestration.engine import cadences
    from orchestration.models import KeptReport

    cadences.keep()
    html = root.get("/settings/").content.decode()
    assert html.count('<details class="panel section"') > 5 and 'section" open' not in " ".join(html.split())
    assert (
        "open"
        in re.findall(r"<details[^>]*panel section[^>]*>", root.get("/settings/?show=set").content.decode())[
            0
        ]
    )
    assert "HEADEND_TICK_SECONDS" in html and "Starts what falls due" in html
    refused = root.post("/settings/set-cadence/", {"name": "tick", "seconds": "60"}, headers=HTMX)
    assert "every 15 s at least" in refused.content.decode()
    kept = root.post("/settings/set-cadence/", {"name": "tick", "seconds": "3"}, headers=HTMX)
    assert "comes every 3 s" in kept.content.decode()
    assert "has not ticked yet" in root.get("/system/").content.decode()
    heartbeats.beat("beat")
    assert "Processes" in (html := root.get("/system/").content.decode()) and "The clock ticked" in html
    for what, kept in (("check-invariants", "invariants"), ("check-record", "verification")):
        root.post(f"/system/{what}/", headers=HTMX)
        assert KeptReport.objects.filter(key=kept).exists()
    looked = root.post("/system/prune-record/", {"days": "400", "way": "look"}, headers=HTMX)
    assert "Nothing is that old" in looked.content.decode()
    few = root.post("/system/prune-record/", {"days": "3", "way": "prune"}, headers=HTMX)
    assert "31 days at least" in few.content.decode()
    assert not KeptReport.objects.filter(key="pruning").exists()
    root.post("/system/prune-record/", {"days": "400", "way": "prune"}, headers=HTMX)
    assert KeptReport.objects.filter(key="pruning").exists()


@pytest.mark.parametrize(("trait", "seen"), [("administrator", True), ("operator", False)])
def test_the_menu_shows_what_may_be_opened(client, trait, seen):
    client.force_login(factories.UserFactory(**{trait: True}))
    html = client.get("/pools/").content.decode()
    menu = html[html.index('<nav id="nav"') : html.index("</nav>")]
    assert ('href="/users/"' in menu, 'href="/system/"' in menu) == (seen, seen)
    assert menu.count('aria-current="page"') == 1
