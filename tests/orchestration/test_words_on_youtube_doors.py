"""Words of what lies on YouTube, through page, API and command line."""

import pytest
from django.test import Client
from django.urls import reverse

from orchestration.models import Distribution, Job
from orchestration.queue import pools
from orchestration.register import tokens
from orchestration.states import JobKind
from tests import factories
from tests.orchestration.api_client import ApiClient
from tests.orchestration.test_cli import cli

pytestmark = pytest.mark.django_db
SET = {
    "title": "Porto",
    "description": "A harbour.",
    "tags": ["mar"],
    "category_id": "22",
    "language": "pt",
    "licence": "youtube",
    "embeddable": True,
    "made_for_kids": False,
    "synthetic_media": False,
    "paid_promotion": False,
}


@pytest.fixture
def row():
    pools.ensure_defaults()
    made = factories.ScheduleFactory(staged=True)
    Distribution.objects.filter(pk=made.distribution_id).update(
        words_set={"words": SET}, last_seen={"at": "2026-11-26T12:00:00+00:00", "words": SET}
    )
    made.refresh_from_db()
    return made


def changed_there(row) -> None:
    seen = {"at": "2026-11-26T13:00:00+00:00", "words": {**SET, "title": "<b>By hand</b>"}}
    Distribution.objects.filter(pk=row.distribution_id).update(last_seen=seen)


@pytest.fixture
def api():
    return ApiClient(tokens.issue("tests", "operate")[1])


@pytest.fixture
def console():
    client = Client()
    client.force_login(factories.UserFactory(operator=True))
    return client


def say(*words) -> str:
    """Return what a command writes; it has to succeed."""
    code, out, err = cli(*words)
    assert code == 0, err
    return out


def edits(row) -> int:
    return Job.objects.filter(distribution=row.distribution_id, kind=JobKind.EDIT).count()


def test_the_api_shows_edits_and_settles(api, row):
    at = f"distributions/{row.distribution_id}/words-on-youtube"
    shown = api.get(at).json()
    assert (len(shown["fields"]), shown["may_edit"], shown["is_changed_elsewhere"]) == (10, True, False)
    dry = api.post(at, {"words": {"title": "Lisboa"}, "dry_run": True}).json()
    assert (dry["units"], dry["fits_now"], dry["job_id"], edits(row)) == (51, True, None, 0)
    done = api.post(at, {"words": {"title": "Lisboa"}})
    assert (done.status_code, done.json()["fields"][0]["wanted"], edits(row)) == (200, "Lisboa", 1)
    refused = api.post(at, {"words": {"title": "a<b"}})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert api.post(f"{at}/settle", {"way": "take_theirs"}).status_code == 409
    changed_there(row)
    settled = api.post(f"{at}/settle", {"way": "put_ours_back"}).json()
    assert settled["is_changed_elsewhere"] is False
    assert api.post(f"{at}/retry").status_code == 200
    assert ApiClient(tokens.issue("tests2", "read")[1]).post(at, {"words": {"title": "x"}}).status_code == 403


def test_the_command_line_shows_edits_and_settles(row):
    assert "title: " in say("words-youtube", row.distribution_id)
    assert "51 units" in say("words-youtube-set", row.distribution_id, "title=Lisboa", "--dry-run")
    assert "queued as job" in say(
        "words-youtube-set", row.distribution_id, "title=Lisboa", "licence=creativeCommon"
    )
    changed_there(row)
    assert "CHANGED THERE" in say("words-youtube", row.distribution_id)
    assert "CHANGED" not in say("words-youtube-settle", row.distribution_id, "--way", "take_theirs")


def test_the_page_shows_the_three_values_and_offers_both_ways_out(console, row):
    changed_there(row)
    page = console.get(reverse("dashboard:publication", args=[row.pk])).content.decode()
    assert "&lt;b&gt;By hand&lt;/b&gt;" in page and "changed there" in page
    for name in ("take_their_words", "put_our_words_back", "edit_words"):
        assert reverse(f"dashboard:schedule_{name}", args=[row.pk]) in page


def test_the_page_edits_only_what_was_changed_in_its_form(console, row):
    form = {
        "title": "Lisboa {cidade}",
        "description": "A harbour.",
        "tags": "mar",
        "licence": "youtube",
        "embeddable": "yes",
        "made_for_kids": "no",
        "synthetic_media": "no",
        "paid_promotion": "no",
    }
    at = reverse("dashboard:schedule_edit_words", args=[row.pk])
    htmx = {"HX-Request": "true"}
    told = console.post(at, {**form, "dry_run": "1"}, headers=htmx).content.decode()
    assert "51 units" in told and edits(row) == 0
    console.post(at, form, headers=htmx)
    kept = Distribution.objects.get(pk=row.distribution_id)
    assert kept.words_wanted["words"] == {"title": "Lisboa {cidade}"}
    assert kept.words == {"title": "Lisboa {{cidade}}"}
    refused = console.post(at, {**form, "title": "a < b"}, headers=htmx)
    assert refused.status_code == 422 and edits(row) == 1


@pytest.mark.parametrize("name", ["take_their_words", "put_our_words_back", "retry_extras"])
def test_the_pages_other_buttons_call_the_service(console, row, name):
    changed_there(row)
    Distribution.objects.filter(pk=row.distribution_id).update(
        word_faults={"picture": {"code": "permission_missing", "message": "no", "given_up": True}},
        words_wanted={"extras": {"picture": "source"}},
    )
    answer = console.post(reverse(f"dashboard:schedule_{name}", args=[row.pk]), follow=True)
    assert answer.status_code == 200 and edits(row) == (name != "take_their_words")
    page = answer.content.decode()
    assert "Picture of its source" in page
