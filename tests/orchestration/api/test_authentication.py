"""Who may call the API."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from orchestration.models import Activity, ApiToken, SystemState
from orchestration.register import tokens
from orchestration.states import Trigger

pytestmark = pytest.mark.django_db
STATUS = "orchestration/status"


def test_nobody_enters_without_logging_in(stranger):
    answer = stranger.get(STATUS)

    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("token", ["hd_wrong", "wrong", "", "hd_" + "x" * 500, "hd_ä"])
def test_a_wrong_token_is_refused(stranger, token):
    stranger.headers = {"Authorization": f"Bearer {token}"}

    answer = stranger.get(STATUS)

    assert answer.status_code == 401
    assert "invalid_token" in answer["WWW-Authenticate"]


def test_a_revoked_token_is_refused(api):
    assert api.get(STATUS).status_code == 200

    tokens.revoke("admin caller")

    assert api.get(STATUS).status_code == 401


def test_a_wrong_token_is_refused_even_from_a_logged_in_browser(client, admin_user):
    client.force_login(admin_user)

    answer = client.get(f"/api/{STATUS}", headers={"Authorization": "Bearer hd_wrong"})

    assert answer.status_code == 401


def test_a_reading_token_reads_and_changes_nothing(caller_with):
    reader = caller_with("read")

    assert reader.get(STATUS).status_code == 200
    answer = reader.post("orchestration/start")

    assert answer.status_code == 403
    assert answer.json()["code"] == "not_permitted"
    assert not SystemState.objects.filter(state="running").exists()


def test_a_logged_in_browser_needs_its_csrf_token_to_change_something(admin_user):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin_user)

    assert browser.get(f"/api/{STATUS}").status_code == 200
    refused = browser.post("/api/orchestration/start", {}, content_type="application/json")

    assert refused.status_code == 403
    assert refused.json()["code"] == "csrf_failed"

    browser.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    allowed = browser.post(
        "/api/orchestration/start", {}, content_type="application/json", headers={"X-CSRFToken": "a" * 32}
    )

    assert allowed.status_code == 200
    entry = Activity.objects.get(verb="system_started")
    assert (entry.actor, entry.trigger) == (admin_user, Trigger.API)


def test_a_token_needs_no_csrf_token(api):
    api.client = Client(enforce_csrf_checks=True)

    assert api.post("orchestration/start").status_code == 200


def test_somebody_who_is_not_staff_reads_and_changes_nothing(client):
    client.force_login(get_user_model().objects.create_user("viewer", password="a long password"))

    assert client.get(f"/api/{STATUS}").status_code == 200
    assert client.post("/api/orchestration/start", {}, content_type="application/json").status_code == 403


def test_the_activity_names_the_token(api):
    api.post("orchestration/start")

    entry = Activity.objects.get(verb="system_started")
    assert (entry.actor_label, entry.trigger) == ("token admin caller", Trigger.API)


def test_the_answer_names_the_correlation_id_of_the_activity(api):
    answer = api.post("orchestration/start")

    assert Activity.objects.get(verb="system_started").cid == answer["X-Correlation-Id"]


def test_a_tokens_use_is_written_at_most_once_a_minute(api):
    api.get(STATUS)
    first = ApiToken.objects.get().last_used_at
    assert first is not None

    api.get(STATUS)
    assert ApiToken.objects.get().last_used_at == first

    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    api.get(STATUS)
    assert ApiToken.objects.get().last_used_at > first


def test_no_answer_of_the_api_is_cached(api):
    assert api.get(STATUS)["Cache-Control"] == "no-store"
