"""Below a list many rows are changed at once: shown, confirmed as shown, and taken back from the message."""

import re

import pytest

from orchestration.models import Activity
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows():
    return [factories.ScheduleFactory() for _ in range(3)]


def state_of(row):
    row.refresh_from_db()
    return row.state


def test_what_is_ticked_is_shown_then_done_and_the_message_takes_it_back(console, rows):
    published = factories.ScheduleFactory(published=True)
    ids = [row.pk for row in [*rows, published]]

    shown = console.post("/bulk/schedule/", {"verb": "hold", "picked": ids}).content.decode()
    assert "Hold: 3 publications" in shown and "It is published" in shown
    assert {state_of(row) for row in rows} == {"planned"}

    picked = re.search(r'name="picked" value="([\d,]+)"', shown)[1]
    done = console.post(
        "/bulk/schedule/", {"verb": "hold", "picked": picked, "confirm": "1", "reason": "storm"}, follow=True
    ).content.decode()
    assert "Hold: 3 publications done, 1 refused" in done and {state_of(row) for row in rows} == {"held"}

    cid = re.search(r'action="/undo/(\w+)/"', done)[1]
    undone = console.post(f"/undo/{cid}/", follow=True).content.decode()
    assert "Undone: 3 changes" in undone and {state_of(row) for row in rows} == {"planned"}


def test_all_that_fit_the_filters_of_the_list_are_meant(console, rows):
    page = console.get("/jobs/").content.decode()
    assert 'id="bulk"' not in page  # nothing is there
    jobs = [factories.JobFactory() for _ in range(3)]
    factories.JobFactory(failed=True)
    page = console.get("/jobs/?state=open").content.decode()
    filters = re.search(r'name="filters" value="([^"]*)"', page)[1].replace("&quot;", '"')
    assert "all 3 jobs that fit" in re.sub(r"\s+", " ", page)

    shown = console.post("/bulk/job/", {"verb": "cancel", "all": "1", "filters": filters}).content.decode()
    assert "Cancel: 3 jobs?" in shown and jobs[0].state == "queued"


def test_a_single_action_offers_its_undo_and_a_bump_does_not(console, rows):
    held = console.post(f"/schedules/{rows[0].pk}/hold/", headers={"HX-Request": "true"}).content.decode()
    bumped = console.post(f"/schedules/{rows[1].pk}/bump/", headers={"HX-Request": "true"}).content.decode()

    assert "/undo/" in held and "/undo/" not in bumped


def test_nonsense_is_refused_with_its_fact_and_whoever_may_only_read_sees_no_bar(client, console, rows):
    for sent in (
        {"verb": "sing", "picked": [rows[0].pk]},
        {"verb": "hold"},
        {"verb": "hold", "picked": ["999999"]},
        {"verb": "hold", "all": "1", "filters": "{"},
        {"verb": "hold", "all": "1", "filters": '{"state": {"a": 1}}'},
        {"verb": "move", "picked": [rows[0].pk], "minutes": "soon"},
    ):
        answer = console.post("/bulk/schedule/", sent, headers={"HX-Request": "true"})
        assert answer.status_code in {404, 422}, sent
    assert console.post("/bulk/poems/").status_code == 404
    assert console.post("/undo/nonsense/", headers={"HX-Request": "true"}).status_code == 404

    client.force_login(factories.UserFactory())
    assert 'id="bulk"' not in client.get("/schedule/?span=336").content.decode()
    assert (
        client.post("/bulk/schedule/", {"verb": "hold", "picked": [rows[0].pk], "confirm": "1"}).status_code
        != 200
    )
    assert not Activity.objects.filter(verb="bulk_hold").exists()
