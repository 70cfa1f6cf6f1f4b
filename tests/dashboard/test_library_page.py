"""The page *Library*: what is sent and what became of it, and a form that needs no script."""

import io

import pytest

from orchestration.models import Source, Upload
from orchestration.pipeline import uploads
from orchestration.states import SourceKind, UploadState
from tests import factories

pytestmark = pytest.mark.django_db


def send(console, *contents: bytes, **said: str):
    files = [io.BytesIO(content) for content in contents]
    for number, file in enumerate(files):
        file.name = f"film-{number}.mp4"
    return console.post("/library/send/", {"files": files, **said}, follow=True)


def test_a_plain_form_sends_files_to_a_new_source(console):
    page = send(console, b"one", b"two", name="Ours", rights_basis="owned").content.decode()
    assert "2 received" in page
    source = Source.objects.get(kind=SourceKind.UPLOADS)
    assert (source.name, source.rights_basis) == ("Ours", "owned")
    rows = list(Upload.objects.order_by("pk"))
    assert [(row.state, row.source, row.owner) for row in rows] == [
        (UploadState.RECEIVED, source, "olga")
    ] * 2
    assert uploads.path_of(rows[1]).read_bytes() == b"two"
    send(console, b"three", source_id=str(source.pk))
    assert Upload.objects.filter(source=source).count() == 3


@pytest.mark.parametrize(
    ("contents", "said", "told"),
    [
        ((), {"name": "Ours"}, "Choose a file."),
        ((b"x",), {}, "The name has 1 to 120 characters."),
        ((b"x",), {"source_id": "77"}, "goes to"),
        ((b"",), {"name": "Ours"}, "has no bytes"),
    ],
    ids=["no file", "no name", "no such source", "an empty file"],
)
def test_what_does_not_fit_is_said(console, contents, said, told):
    assert told in send(console, *contents, **said).content.decode()
    assert not Upload.objects.exists()


def test_who_may_only_read_sees_no_place_to_drop_files(client):
    client.force_login(factories.UserFactory())
    factories.UploadFactory(name="<b>film</b>.mp4", received_bytes=2_000_000)
    page = client.get("/library/").content.decode()
    assert "&lt;b&gt;film" in page
    assert "50 % here" in page
    assert "upload-form" not in page
    assert "/abandon/" not in page
    assert client.post("/library/send/", {}).status_code in (302, 403)


def test_an_upload_is_given_up_by_a_button(console):
    upload = factories.UploadFactory()
    console.post(f"/library/{upload.key}/abandon/")
    upload.refresh_from_db()
    assert upload.state == UploadState.ABANDONED


def test_the_page_asks_as_much_for_many_as_for_few(console, django_assert_max_num_queries):
    for _ in range(30):
        factories.UploadFactory(state=UploadState.TAKEN, video=factories.VideoFactory(), is_new=True)
    with django_assert_max_num_queries(25):
        console.get("/library/")
