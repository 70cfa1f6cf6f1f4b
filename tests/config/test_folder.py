"""Headend may serve a folder of a host: whatever leads anywhere begins with it, and what is compared is compared without."""

import re

import pytest
from django.test import Client
from django.urls import get_script_prefix, reverse, set_script_prefix

from dashboard import who_may
from orchestration.below import below, public, within
from orchestration.core.permissions import Actor
from orchestration.models import ApiToken
from orchestration.notify.messages import address_of
from orchestration.register import tokens
from tests.factories import ScheduleFactory, UserFactory


@pytest.fixture(autouse=True)
def folder(settings):
    """Serve https://example.org/headend, as the settings make it of that address, behind a proxy that takes it off."""
    settings.HEADEND_PUBLIC_URL, settings.FORCE_SCRIPT_NAME = "https://example.org/headend", "/headend"
    before = get_script_prefix()
    set_script_prefix("/headend/")
    yield
    set_script_prefix(before)


def test_a_path_goes_in_and_out_of_the_folder():
    assert below("/jobs/") == "/headend/jobs/" == below("/headend/jobs/")
    assert within("/headend/jobs/") == "/jobs/" == within("/jobs/")
    assert below("/headendless/") == "/headend/headendless/"
    assert (
        public("/headend/jobs/")
        == public("/jobs/")
        == address_of("/jobs/")
        == "https://example.org/headend/jobs/"
    )


@pytest.mark.django_db
def test_whatever_a_page_leads_to_lies_in_the_folder(client):
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    row = ScheduleFactory()
    for address in ("/", "/library/", "/tokens/", f"/schedules/{row.pk}/", "/admin/", "/nothing-here/"):
        page = client.get(address, follow=True).content.decode()
        led = re.findall(r'\s(?:href|action|src|hx-get|hx-post|data-uploads)="(/[^"]*)"', page)
        assert led and [one for one in led if not one.startswith(("/headend/", "/static/"))] == [], address
        assert page.count("/headend/headend/") == 0


@pytest.mark.django_db
def test_the_menu_marks_the_page_that_is_open_and_buttons_are_known(client):
    client.force_login(UserFactory())
    assert re.search(r'href="/headend/jobs/"\s+aria-current="page"', client.get("/jobs/").content.decode())
    assert who_may.may_post(Actor("ada", ApiToken.Scope.OWN), reverse("dashboard:start"))


@pytest.mark.django_db
def test_the_api_says_where_what_it_made_is_and_keeps_no_secret_for_a_repeat():
    headers = {"Authorization": f"Bearer {tokens.issue('own', 'own')[1]}"}
    made = Client().post(
        "/api/groups", {"name": "g", "slug": "g"}, content_type="application/json", headers=headers
    )
    assert made.headers["Location"].startswith("/headend/api/groups/")
    headers["Idempotency-Key"] = "once"
    body = {"name": "t", "scope": "read"}
    answers = [
        Client().post("/api/tokens", body, content_type="application/json", headers=headers) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 409], answers[1].content
