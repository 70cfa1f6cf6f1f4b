"""Who came in, who was refused and what was set from outside is in the record, however often it is tried."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import RequestFactory
from django.utils import timezone

from config.env import Reading
from orchestration import tasks
from orchestration.core import followed, refusals
from orchestration.core.audit import Acting
from orchestration.models import Activity, Refusal
from orchestration.monitoring import settings_record
from orchestration.register import tokens
from orchestration.states import Trigger
from tests import factories
from tests.orchestration.api_client import ApiClient

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"


def told() -> list[tuple[str, str, str, int]]:
    """Let the clock tell what was refused, and return it: verb, actor, what, how often."""
    tasks.seal_record()
    rows = Activity.objects.filter(verb__in=["call_refused", "login_failed", "login_locked_out"]).order_by(
        "pk"
    )
    return [(row.verb, row.actor_label, row.after["what"], row.after["times"]) for row in rows]


def test_who_logs_in_and_out_is_named_with_the_address(client):
    user = factories.UserFactory(username="mira")
    client.post("/login/", {"username": "mira", "password": PASSWORD})
    client.post("/logout/")
    entries = Activity.objects.filter(verb__in=["logged_in", "logged_out"]).order_by("pk")
    assert [(e.verb, e.actor_label, e.actor_id, e.remote_addr) for e in entries] == [
        ("logged_in", "mira", user.pk, "127.0.0.1"),
        ("logged_out", "mira", user.pk, "127.0.0.1"),
    ]


def test_wrong_passwords_are_told_once_with_their_number_and_no_name_that_may_be_a_password(client):
    factories.UserFactory(username="mira")
    for _ in range(3):
        client.post("/login/", {"username": "mira", "password": "wrong"})
    assert told() == [("login_failed", "not logged in", "as mira", 3)]
    Refusal.objects.all().delete()
    client.post("/login/", {"username": "hunter2-my-password", "password": "x"})
    assert told()[-1] == ("login_failed", "not logged in", "as nobody who is known here", 1)
    assert "hunter2" not in str(Activity.objects.values()) + str(Refusal.objects.values())


def test_refused_calls_name_the_token_or_that_it_is_unknown(client):
    reader = ApiClient(tokens.issue("reader", "read")[1])
    assert reader.post("orchestration/pause", {}).status_code == 403
    assert ApiClient("hd_wrong").get("channels").status_code == 401
    assert client.get("/api/channels").status_code == 401
    assert sorted(told()) == [
        ("call_refused", "not logged in", "401 GET /api/channels", 1),
        ("call_refused", "token reader", "403 POST /api/orchestration/pause", 1),
        ("call_refused", "unknown token", "401 GET /api/channels", 1),
    ]
    entry = Activity.objects.get(actor_label="token reader")
    assert (entry.trigger, entry.remote_addr) == (Trigger.API, "127.0.0.1")


def test_no_attack_writes_more_than_some_entries_an_hour():
    now = timezone.now()
    for number in range(refusals.MOST + 30):
        who = Acting(f"token {number}", None, Trigger.API)
        refusals.note(refusals.CALL, who, address=f"192.0.2.{number}", what="x", now=now)
    assert Refusal.objects.count() == refusals.MOST + 1
    assert refusals.tell(now) == refusals.MOST + 1
    assert Activity.objects.get(actor_label=refusals.OTHERS).after["times"] == 30
    first = Acting("token 0", None, Trigger.API)
    for minutes in range(0, 59, 10):
        at = now + timedelta(minutes=minutes)
        refusals.note(refusals.CALL, first, address="192.0.2.0", what="x", now=at)
        assert refusals.tell(at) == 0, "folded until the hour is over"
    assert refusals.tell(now + timedelta(minutes=61)) == 1
    assert Activity.objects.filter(actor_label="token 0").latest("pk").after["times"] == 6
    refusals.tell(now + timedelta(hours=3))
    assert not Refusal.objects.exists(), "what is over is forgotten"


# ------------------------------------------------------------------------------------------------------------ the rule


def test_the_rule_follows_every_model_that_has_no_reason_not_to():
    labels = {model._meta.label for app in followed.APPS for model in apps.get_app_config(app).get_models()}
    assert set(followed.NOT_FOLLOWED) <= labels, "an exception for a model that is gone"
    assert all(followed.NOT_FOLLOWED.values())
    from auditlog.registry import auditlog

    assert {model._meta.label for model in auditlog.get_models()} == labels - set(followed.NOT_FOLLOWED)


def test_whatever_can_be_changed_past_the_service_is_followed():
    request = RequestFactory().get("/")
    request.user = factories.UserFactory(admin=True)
    asked = [
        model._meta.label
        for model, shown in admin.site._registry.items()
        if model._meta.app_label in followed.APPS
        and (
            shown.has_add_permission(request)
            or shown.has_change_permission(request)
            or shown.has_delete_permission(request)
        )
    ]
    assert set(asked) & set(followed.NOT_FOLLOWED) == set()


def test_no_secret_of_a_followed_row_is_in_the_record():
    from auditlog.registry import auditlog

    for model in followed.models_followed():
        fields = auditlog.get_model_fields(model)
        for field in model._meta.concrete_fields:
            if field.name.endswith(("_sealed", "_hash")):
                assert field.name in fields["exclude_fields"], field
            assert field.name != "password" or field.name in fields["mask_fields"], field


def test_accounts_and_rights_that_are_changed_past_the_service_are_told(capsys):
    call_command("createsuperuser", "--noinput", username="root", email="root@example.org")
    from django.contrib.auth import get_user_model

    user = get_user_model().objects.get(username="root")
    user.set_password("another horse battery staple")
    user.save()
    group, _ = Group.objects.get_or_create(name="night shift")
    user.groups.add(group)
    kinds = Activity.objects.filter(content_type__app_label="auth").order_by("pk")
    assert [(e.verb, e.content_type.model) for e in kinds] == [
        ("create", "user"),
        ("update", "user"),
        ("create", "group"),
        ("update", "user"),
    ]
    assert kinds[1].changes == {"password": ["(hidden)", "(hidden)"]}
    assert "night shift" in str(kinds[3].changes)
    assert user.password not in str(Activity.objects.values())


# ------------------------------------------------------------------------------------------------ set from outside


def test_what_was_set_otherwise_since_the_last_boot_is_told_and_a_secret_is_not(settings):
    def read(given: str, secret: str) -> dict:
        settings.SETTINGS_READ = {
            "HEADEND_TICK_SECONDS": Reading("environment", given, False, True),
            "GITHUB_TOKEN": Reading("environment", None, True, True),
            "HEADEND_PORT": Reading("up", given, False, True),
        }
        return settings_record.compare({"HEADEND_TICK_SECONDS": given, "GITHUB_TOKEN": secret})

    assert read("2", "ghp_first") == {}
    assert read("2", "ghp_first") == {}
    read("5", "ghp_second")
    entry = Activity.objects.get(verb="settings_changed")
    assert entry.before == {"HEADEND_TICK_SECONDS": "2", "GITHUB_TOKEN": "set"}
    assert entry.after == {"HEADEND_TICK_SECONDS": "5", "GITHUB_TOKEN": "set, another one"}
    assert Activity.objects.filter(verb="settings_first_read").count() == 1
    assert "ghp_" not in str(Activity.objects.values())
