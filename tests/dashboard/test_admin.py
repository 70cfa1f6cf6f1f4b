"""The admin configures, shows no secret, changes no state by itself, and keeps what has a history."""

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils.html import escape

from channels.models import Blackout, Channel, Credential, PostingSlot
from channels.states import ChannelState, CredentialState
from dashboard import back_door
from orchestration.models import Activity, Job, Pool, Source
from orchestration.states import JobKind, Trigger
from tests import factories
from tests.dashboard.test_pages import INLINE

OURS = [m for m in admin.site._registry if m._meta.app_label in ("channels", "orchestration")]


@pytest.fixture
def root(client, db):
    """Return a browser in which an administrator is logged in."""
    client.force_login(factories.UserFactory(admin=True, username="ada"))
    return client


def change(row) -> str:
    """Return the address of a row's form."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def listing(model) -> str:
    """Return the address of a model's list."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_model_has_a_list_and_a_page_that_open(root, scene, model):
    factory = getattr(factories, f"{model.__name__}Factory")
    row = model._default_manager.first() or factory()
    assert root.get(listing(model)).status_code == 200
    page = root.get(change(row))
    assert page.status_code == 200
    assert "<script>" not in page.content.decode()
    search = root.get(f"{listing(model)}?q=x")
    assert search.status_code in (200, 302)


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label)
def test_every_list_says_where_in_the_console_one_acts(root, model):
    way = back_door.way_to_console(model)
    html = root.get(listing(model)).content.decode()
    assert escape(way.sentence) in html
    assert bool(way.address) != (model._meta.label_lower in back_door.NOWHERE)
    if way.address:
        assert f'href="{way.address}"' in html


def test_a_row_says_where_it_is_in_the_console(root, scene):
    for row, address in (
        (scene["channel"], f"/channels/{scene['channel'].slug}/"),
        (scene["running"], f"/jobs/{scene['running'].pk}/"),
        (scene["pool"], f"/pools/{scene['pool'].pk}/"),
        (scene["person"], f"/users/{scene['person'].pk}/"),
    ):
        assert f'href="{address}"' in root.get(change(row)).content.decode()


def test_people_are_not_changed_past_the_service(root, scene):
    person = scene["person"]
    assert root.post(change(person), {"is_superuser": "on", "username": "petra"}).status_code == 403
    page = root.get(change(person)).content.decode()
    assert person.password not in page
    assert root.get(f"/admin/auth/user/{person.pk}/password/").status_code in (302, 403, 404)
    assert root.get("/admin/password_change/").headers["Location"] == "/me/"


def test_every_model_of_ours_is_registered():
    from django.apps import apps

    models = {m for label in ("channels", "orchestration") for m in apps.get_app_config(label).get_models()}
    assert models - set(OURS) <= {PostingSlot, Blackout}


def test_lists_do_not_ask_once_per_row(root, scene, django_assert_max_num_queries):
    for _ in range(5):
        factories.LeaseFactory()
        factories.ConflictFactory()
        factories.ScheduleFactory()
        factories.CredentialFactory()
        factories.WorkflowRunFactory()
        factories.VideoStatisticsFactory()
        factories.BudgetEntryFactory()
    for model in OURS:
        with django_assert_max_num_queries(14):
            root.get(listing(model))


def test_secrets_are_written_and_never_shown(root, db):
    channel = factories.ChannelFactory()
    form = {
        "channel": channel.pk,
        "client_id": "client",
        "client_secret": "s3cret-one",
        "refresh_token": "t0ken-one",
    }
    answer = root.post(reverse("admin:channels_credential_add"), form)
    assert answer.status_code == 302, answer.content
    credential = Credential.objects.get()
    assert (credential.client_secret, credential.refresh_token) == ("s3cret-one", "t0ken-one")
    page = root.get(change(credential)).content.decode()
    assert "client secret and refresh token, encrypted" in page
    for secret in (
        "s3cret-one",
        "t0ken-one",
        credential.client_secret_sealed,
        credential.refresh_token_sealed,
    ):
        assert secret not in page
    entries = str(list(Activity.objects.values_list("changes", "before", "after")))
    assert "s3cret" not in entries
    assert "t0ken" not in entries


def test_an_empty_secret_keeps_what_is_stored_and_the_channel_stays(root, db):
    credential = factories.CredentialFactory()
    other = factories.ChannelFactory()
    root.post(
        change(credential),
        {"client_id": "renamed", "client_secret": "", "refresh_token": "", "channel": other.pk},
    )
    credential.refresh_from_db()
    assert credential.client_id == "renamed"
    assert credential.channel_id != other.pk
    assert credential.refresh_token == "refresh-token"


def test_a_stored_token_is_checked_at_once_through_the_service(root, db):
    credential = factories.CredentialFactory(state=CredentialState.MISSING)
    root.post(change(credential), {"client_id": "client", "refresh_token": "new"})
    assert Job.objects.filter(kind=JobKind.CHECK, channel=credential.channel).exists()


def test_a_state_is_not_a_field_of_a_form(root, db):
    channel = factories.ChannelFactory()
    page = root.get(change(channel)).content.decode()
    assert 'name="state"' not in page
    assert 'name="health"' not in page
    assert 'name="slots-0-weekday"' in page or 'name="slots-TOTAL_FORMS"' in page
    assert 'name="blackouts-TOTAL_FORMS"' in page


def test_actions_go_through_the_service_and_say_so(root, db):
    channel = factories.ChannelFactory()
    paused = factories.ChannelFactory(paused=True)
    answer = root.post(
        listing(Channel), {"action": "pause", "_selected_action": [channel.pk, paused.pk]}, follow=True
    )
    channel.refresh_from_db()
    assert channel.state == ChannelState.PAUSED
    entry = Activity.objects.get(verb="channel_paused")
    assert (entry.trigger, entry.actor_label) == (Trigger.ADMIN, "ada")
    html = answer.content.decode()
    assert "1 paused." in html
    assert f"{paused.pk} is paused; pause is not possible then." in html


def test_an_edit_is_in_the_activity_log_with_the_name_of_who_made_it(root, db):
    pool = factories.PoolFactory(capacity=2)
    form = {
        "label": pool.label,
        "capacity": 5,
        "reserve": 0,
        "window_seconds": pool.window_seconds,
    }
    answer = root.post(change(pool), form)
    assert answer.status_code == 302, answer.context["errors"]
    entry = Activity.objects.filter(content_type__model="pool").latest("pk")
    assert (entry.verb, entry.actor_label, entry.changes["capacity"]) == ("update", "ada", ["2", "5"])


@pytest.mark.parametrize(
    ("model", "action"),
    [
        (Channel, "resume"),
        (Channel, "disable"),
        (Channel, "check_now"),
        (Channel, "sync"),
        (Source, "scrape"),
        (Source, "pause"),
        (Source, "resume"),
        (Pool, "pause"),
        (Pool, "resume"),
    ],
)
def test_each_action_answers_with_a_sentence(root, scene, model, action):
    rows = list(model.objects.values_list("pk", flat=True))
    answer = root.post(listing(model), {"action": action, "_selected_action": rows}, follow=True)
    assert answer.status_code == 200
    assert 'class="messagelist"' in answer.content.decode()


def test_what_has_a_history_is_not_deleted_and_the_sentence_says_why(root, scene):
    for row, word in (
        (scene["channel"], "so it cannot be deleted; disable it instead"),
        (scene["source"], "so it cannot be deleted; pause it instead"),
        (scene["pool"], "so it cannot be deleted; set its capacity to 0"),
    ):
        address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_delete", args=[row.pk])
        answer = root.post(address, {"post": "yes"}, follow=True)
        assert word in answer.content.decode()
        assert type(row).objects.filter(pk=row.pk).exists()


def test_what_has_no_history_can_be_deleted(root, db):
    channel = factories.ChannelFactory()
    answer = root.post(reverse("admin:channels_channel_delete", args=[channel.pk]), {"post": "yes"})
    assert answer.status_code == 302
    assert not Channel.objects.exists()


def test_the_activity_log_is_read_only(root, db):
    entry = factories.ActivityFactory()
    assert root.get(reverse("admin:orchestration_activity_add")).status_code == 403
    assert root.post(change(entry), {"verb": "nothing"}).status_code == 403
    delete = reverse("admin:orchestration_activity_delete", args=[entry.pk])
    assert root.post(delete, {"post": "yes"}).status_code == 403
    assert Activity.objects.filter(pk=entry.pk, verb=entry.verb).exists()


def test_an_address_that_is_registered_already_is_refused_by_name(root, db):
    source = factories.SourceFactory(name="News", url="https://videos.example/feed.xml")
    page = root.post(
        reverse("admin:orchestration_source_add"),
        {
            "name": "Again",
            "url": "https://VIDEOS.example/feed.xml",
            "priority": 5,
            "scrape_interval_minutes": 60,
            "item_limit": 20,
        },
    )
    assert "registered already, as News" in page.content.decode()
    assert Source.objects.get() == source


def test_a_wrong_filter_document_is_named(root, db):
    channel = factories.ChannelFactory()
    channel.filters = {"min_wdth": 3}
    page = root.post(
        change(channel), {"filters": '{"min_wdth": 3}', "name": channel.name, "slug": channel.slug}
    )
    assert "min_wdth" in page.content.decode()


def test_the_console_pages_carry_nothing_inline_is_checked_by_a_pattern_that_finds_it():
    for bad in ("<script>x", "<b style='a'>", '<a onclick="x">', "<style>", '<a href="javascript:x">'):
        assert INLINE.search(bad)
    assert not INLINE.search('<script src="/static/headend.js"></script>')
