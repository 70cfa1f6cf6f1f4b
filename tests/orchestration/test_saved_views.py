"""A list with its filters is saved under a name: own or shared, changed by its owner only."""

import pytest
from django.core.management import CommandError, call_command

from orchestration.core.permissions import Actor
from orchestration.errors import InvalidRequest, NotPermitted
from orchestration.models import Activity, SavedView
from orchestration.service import CentralOrchestrationService
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db


def door_of(user):
    return CentralOrchestrationService(actor=Actor.of_user(user))


def test_one_sees_ones_own_and_the_shared_and_changes_ones_own_only():
    olga, otto = factories.UserFactory(operator=True), factories.UserFactory(operator=True)
    own = door_of(olga).add_saved_view(page="jobs", name="Failed", query="?state=failed&page=3&q=")
    shared = door_of(olga).add_saved_view(
        page="jobs", name="News", query="channels=group%3Anews", shared=True
    )

    assert own.query == "state=failed" and Activity.objects.filter(verb="view_saved").count() == 2
    assert [row.name for row in door_of(otto).get_saved_views(page="jobs")] == ["News"]
    with pytest.raises(NotPermitted, match="belongs to"):
        door_of(otto).remove_saved_view(view_id=shared.pk)
    assert door_of(olga).change_saved_view(view_id=own.pk, shared=True).shared
    door_of(olga).remove_saved_view(view_id=own.pk)
    assert [row.name for row in door_of(olga).get_saved_views()] == ["News"]


def test_who_may_only_read_keeps_views_and_shares_none():
    reader = factories.UserFactory()

    assert door_of(reader).add_saved_view(page="jobs", name="Mine").pk
    with pytest.raises(NotPermitted):
        door_of(reader).add_saved_view(page="jobs", name="Ours", shared=True)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"page": "poems", "name": "x"}, "page"),
        ({"page": "jobs", "name": " "}, "name"),
        ({"page": "jobs", "name": "x" * 81}, "name"),
        ({"page": "jobs", "name": "Taken"}, "name"),
        ({"page": "jobs", "name": "Long", "query": "q=" + "x" * 3000}, "query"),
    ],
)
def test_what_cannot_be_saved_is_refused_by_its_field(given, field):
    olga = factories.UserFactory(operator=True)
    door_of(olga).add_saved_view(page="jobs", name="Taken")
    with pytest.raises(InvalidRequest) as refused:
        door_of(olga).add_saved_view(**given)
    assert refused.value.field == field


def test_a_view_stands_above_its_list_and_is_marked_where_it_is_open(client):
    olga = factories.UserFactory(operator=True)
    client.force_login(olga)
    page = client.get("/jobs/?state=failed").content.decode()
    assert "Save this view" in page

    saved = client.post(
        "/views/add/", {"page": "jobs", "name": "<b>Bad</b>", "query": "state=failed", "shared": "1"}
    )
    assert saved["Location"] == "/jobs/?state=failed"
    page = client.get("/jobs/?state=failed").content.decode()
    assert "&lt;b&gt;Bad" in page and 'aria-current="true"' in page and "Change this view" in page
    view = door_of(olga).get_saved_views()[0]
    client.post(f"/views/{view.pk}/change/", {"name": "Worse"})
    assert not door_of(olga).get_saved_views()[0].shared
    client.post(f"/views/{view.pk}/remove/")
    assert not door_of(olga).get_saved_views()


def test_the_api_has_them_and_a_token_owns_none(client):
    olga = factories.UserFactory(operator=True)
    client.force_login(olga)
    made = client.post("/api/views", {"page": "jobs", "name": "Failed"}, content_type="application/json")
    assert made.status_code == 201 and made.json()["owner"] == olga.get_username()
    assert client.get("/api/views?of_page=jobs").json()["total"] == 1
    with pytest.raises(InvalidRequest, match="Only a person"):
        CentralOrchestrationService(actor=Actor.system()).add_saved_view(page="jobs", name="x")


def test_whoever_sits_at_the_machine_saves_views_for_a_person(capsys):
    factories.UserFactory(username="petra")
    call_command("orchestration", "view-add", "jobs", "Failed", "--query", "state=failed", "--owner", "petra")
    row = SavedView.objects.get()
    assert (row.owner.username, row.query, row.shared) == ("petra", "state=failed", False)
    call_command("orchestration", "view-change", str(row.pk), "--name", "Broken", "--shared", "yes")
    call_command("orchestration", "views", "--page", "jobs")
    assert "Broken" in capsys.readouterr().out
    row.refresh_from_db()
    assert (row.name, row.query, row.shared, row.owner.username) == ("Broken", "state=failed", True, "petra")
    call_command("orchestration", "view-remove", str(row.pk))
    assert not SavedView.objects.exists()
    with pytest.raises((CommandError, SystemExit)):
        call_command("orchestration", "view-add", "jobs", "X", "--owner", "nobody")


def test_a_person_saves_no_view_for_another_by_the_service():
    with pytest.raises(NotPermitted, match="somebody else"):
        door().add_saved_view(page="jobs", name="X", owner="petra")
