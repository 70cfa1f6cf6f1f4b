"""The API and the command line read and change what publications say."""

import json

import pytest

from orchestration.register import tokens
from tests import factories
from tests.orchestration.api_client import ApiClient
from tests.orchestration.test_cli import cli

pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    return ApiClient(tokens.issue("writer", "operate")[1])


@pytest.fixture
def row():
    return factories.ScheduleFactory(
        channel__name="Aurora", channel__title_template="{title} · {channel}"
    ).distribution


def test_words_are_listed_with_their_origins(api, row):
    factories.ScheduleFactory()
    answer = api.get(f"words?channel_id={row.channel_id}").json()
    assert answer["total"] == 1
    [shown] = answer["items"]
    assert shown["words"]["title"] == f"{row.video.title} · Aurora"
    assert shown["words"]["origins"]["title"] == ["channel", "source"]
    assert api.get(f"words/publication/{row.pk}").json()["publications"] == [shown]
    assert api.get("words/wave/99").status_code == 404
    assert api.get("words?colour=red").status_code == 422


def test_an_edit_is_previewed_made_and_refused_by_field(api, row):
    body = {"subject": "video", "id": row.video_id, "words": {"title": "Dawn"}}
    seen = api.post("words/preview", body).json()
    assert seen["publications"][0]["words"]["title"] == "Dawn · Aurora"
    assert seen["faults"] == {}
    wrong = api.post("words/preview", body | {"words": {"title": "{nobody}"}}).json()
    assert "{nobody}" in wrong["faults"]["title"]
    answer = api.post("words/edit", {"edits": [body], "dry_run": True}).json()
    assert answer["titles"][0]["after"] == "Dawn · Aurora"
    made = api.post("words/edit", {"edits": [body]})
    assert (made.status_code, made.json()["touched"]) == (200, 1)
    refused = api.post("words/edit", {"edits": [body | {"words": {"tags": ["a,b"]}}]})
    assert (refused.status_code, refused.json()["field"]) == (422, "tags")
    stale = api.post("words/edit", {"edits": [body | {"version": "000000000000"}]})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_version")
    broken = api.post("words/edit", {"edits": [body | {"words": {"title": "x" * 95}}]})
    assert (broken.status_code, broken.json()["code"]) == (422, "words_refused")
    assert broken.json()["problems"][0]["distribution_id"] == row.pk


def test_a_table_is_downloaded_and_imported(api, row):
    answer = api.get(f"words/table?video_id={row.video_id}")
    assert answer["Content-Type"].startswith("text/csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert text.splitlines()[1].startswith(f"publication,{row.pk},")
    assert api.post("words/import", {"csv": text}).json()["unchanged"] == 1
    fault = api.post("words/import", {"csv": f"subject,id,title\npublication,{row.pk},<b>\n"}).json()
    assert (fault["line"], fault["errors"][0]["column"]) == (2, "title")


def test_a_reader_changes_nothing(row):
    reader = ApiClient(tokens.issue("reader", "read")[1])
    body = {"edits": [{"subject": "video", "id": row.video_id, "words": {"title": "x"}}]}
    assert reader.post("words/edit", body).status_code == 403
    assert reader.post("words/import", {"csv": "subject,id\n"}).status_code == 403


def test_the_command_line_shows_sets_exports_and_imports(row, tmp_path):
    code, out, _ = cli(
        "words-set", "video", row.video_id, "title=Dawn", "tags=a b,c", "embeddable=no", "fields.season=2"
    )
    assert (code, "1 changed" in out) == (0, True)
    code, out, _ = cli("words", "publication", row.pk)
    assert "title: Dawn · Aurora  [channel, video]" in out
    code, out, _ = cli("words", "video", row.video_id, "--json")
    assert json.loads(out)["own"]["tags"] == ["a b", "c"]
    file = tmp_path / "words.csv"
    cli("words-export", "--video", row.video_id, "--to", str(file))
    assert cli("words-import", str(file))[1].startswith("0 changed, 1 as before")
    code, _, error = cli("words-set", "video", row.video_id, "embeddable=maybe")
    assert (code, "embeddable" in error) == (2, True)
    code, _, error = cli("words-import", str(tmp_path / "none.csv"))
    assert (code, "cannot be read" in error) == (2, True)
