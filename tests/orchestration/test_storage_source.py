"""Films of an object storage are listed by page, fetched whole, and nothing but the keys' owner learns the keys."""

import io
import json
from ipaddress import ip_network

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from orchestration import media
from orchestration.engine import tick, worker
from orchestration.errors import InvalidRequest, NotPermitted
from orchestration.media import storage as objects
from orchestration.models import Activity, Blocker, Job, Source, Video
from orchestration.pipeline.scrape import absolute
from orchestration.queue import jobs as queue
from orchestration.register import tokens
from orchestration.states import JobState, SourceKind, VideoState
from tests import factories
from tests.engine_room import door
from tests.orchestration.api_client import ApiClient
from tests.orchestration.engine import running
from tests.s3_server import KEY, REGION, S3, SECRET, checksum_of

pytest_plugins = ["tests.media_fixture", "tests.s3_fixture"]

LOOPBACK = (ip_network("127.0.0.0/8"),)


def storage(s3: S3, **changes) -> objects.Storage:
    given = {"bucket": "films", "region": REGION, "access_key": KEY, "secret_key": SECRET}
    return objects.Storage(endpoint=s3.base, **given | changes)


def films(s3: S3, limit=20, **changes):
    return objects.list_films(
        storage(s3, **changes), limit=limit, allowed_networks=LOOPBACK, timeout_seconds=20
    )


@pytest.fixture
def fetch(s3, tmp_path):
    def run(film, **changes):
        told = {
            "allowed_networks": LOOPBACK,
            "max_bytes": 50_000_000,
            "on_progress": lambda done, total: None,
            "cancelled": lambda: False,
            "timeout_seconds": 20,
        }
        return objects.fetch_film(storage(s3), film, tmp_path / "to", **told | changes)

    return run


# ---------------------------------------------------------------------------------------------------- listing and fetching


def test_the_newest_films_of_all_pages_come_first_and_nothing_else(s3):
    s3.page = 3
    for day in range(1, 9):
        s3.put(f"a/film {day} ü+&.mp4", b"x" * day, day=day)
    s3.put("a/notes.txt", b"x", day=20)
    s3.put("a/empty.mp4", b"", day=20)
    s3.put("b/other.mp4", b"x", day=20)
    found = films(s3, limit=3, prefix="a/")
    assert [film.key for film in found] == [f"a/film {day} ü+&.mp4" for day in (8, 7, 6)]
    assert found[0].modified_at.day == 8
    assert len(s3.asked) == 4, "ten objects in pages of three"


def test_without_a_region_the_storage_is_asked_and_without_keys_it_is_read_as_by_anybody(s3):
    s3.put("one.mp4", b"x")
    assert [film.key for film in films(s3, region="")] == ["one.mp4"]
    s3.is_public = True
    s3.asked.clear()
    assert [film.key for film in films(s3, access_key="", secret_key="")] == ["one.mp4"]
    assert "authorization" not in s3.asked[0][1]


def test_a_film_arrives_whole_and_goes_on_where_it_broke_off(s3, fetch, tmp_path):
    content = bytes(range(256)) * 8000
    s3.put("a/Der Film.mp4", content, checksum=checksum_of(content))
    s3.break_after = [700_000, 200_000]
    told = []
    (film,) = films(s3)
    done = fetch(film, on_progress=lambda *step: told.append(step))
    assert done.path.read_bytes() == content
    assert (done.size_bytes, done.item.title) == (len(content), "Der Film")
    ranges = [headers.get("range") for headers in s3.fetches()]
    assert ranges[0] is None
    assert len(ranges) == 3
    assert all(int(text.removeprefix("bytes=").rstrip("-")) > 0 for text in ranges[1:])
    assert {headers["if-match"] for headers in s3.fetches()} == {f'"{film.etag}"'}
    assert told[-1] == (len(content), len(content))
    assert [path.name for path in (tmp_path / "to").iterdir()] == [done.path.name]


def test_a_later_call_goes_on_with_what_is_there(s3, fetch, tmp_path):
    content = bytes(range(256)) * 8000
    s3.put("film.mp4", content)
    (film,) = films(s3)
    s3.break_after = [100_000] * 4
    with pytest.raises(media.SourceUnreachable):
        fetch(film)
    s3.break_after = []
    s3.asked.clear()
    assert fetch(film).path.read_bytes() == content
    assert "range" in s3.fetches()[0]


def test_what_was_changed_since_it_was_listed_is_not_taken_for_it(s3, fetch, tmp_path):
    s3.put("film.mp4", b"a" * 500_000)
    (film,) = films(s3)
    s3.put("film.mp4", b"b" * 500_000)
    with pytest.raises(media.ItemChanged):
        fetch(film)
    assert not list((tmp_path / "to").iterdir())


def test_a_wrong_checksum_is_not_taken(s3, fetch, tmp_path):
    s3.put("film.mp4", b"a" * 5000, checksum=checksum_of(b"b"))
    with pytest.raises(media.SourceUnreachable, match="SHA-256"):
        fetch(films(s3)[0])
    assert not list((tmp_path / "to").glob("*.mp4"))


@pytest.mark.parametrize("what", ["cancelled", "too large"])
def test_what_is_cancelled_or_too_large_leaves_nothing(s3, fetch, tmp_path, what):
    s3.put("film.mp4", b"a" * 3_000_000)
    (film,) = films(s3)
    changes = {"cancelled": lambda: True} if what == "cancelled" else {"max_bytes": 1000}
    with pytest.raises(media.Cancelled if what == "cancelled" else media.FileTooLarge):
        fetch(film, **changes)
    assert not list((tmp_path / "to").iterdir())


@pytest.mark.parametrize(
    ("fault", "kind", "again"),
    [
        ((403, "AccessDenied", f"{KEY} may not, with {SECRET}"), media.AccessRefused, "blocked"),
        ((404, "NoSuchBucket", "gone"), media.SourceUnreachable, "never"),
        ((503, "SlowDown", "please"), media.SourceUnreachable, "again"),
        ((500, "InternalError", "oh"), media.SourceUnreachable, "again"),
        ((307, "TemporaryRedirect", "elsewhere"), media.SourceUnreachable, "again"),
    ],
)
def test_a_refusal_is_named_and_repeats_no_key(s3, fault, kind, again):
    s3.fault = fault
    with pytest.raises(kind) as refused:
        films(s3)
    assert (refused.value.again, str(fault[0]) in str(refused.value)) == (again, True)
    for secret in (KEY, SECRET):
        assert secret not in str(refused.value)


@pytest.mark.parametrize("wrong", [{"secret_key": "another"}, {"access_key": "another"}])
def test_a_wrong_key_is_refused_by_the_storage(s3, wrong):
    with pytest.raises(media.AccessRefused):
        films(s3, **wrong)


def test_no_connection_goes_past_the_guard(s3):
    with pytest.raises(media.UnsafeUrl, match="not a public address"):
        objects.list_films(storage(s3), limit=5, allowed_networks=(), timeout_seconds=20)
    assert s3.asked == []


def test_a_storage_that_is_not_there_is_tried_again(s3, dead_port):
    with pytest.raises(media.SourceUnreachable) as refused:
        objects.list_films(
            objects.Storage(f"http://127.0.0.1:{dead_port}", "films", REGION, "", KEY, SECRET),
            limit=5,
            allowed_networks=LOOPBACK,
            timeout_seconds=20,
        )
    assert refused.value.again == "again"


def test_what_speaks_no_s3_is_said(media_site):
    media_site.page("/films", "<html>hello</html>")
    where = objects.Storage(media_site.base, "films", REGION, "", KEY, SECRET)
    with pytest.raises(media.MediaError):
        objects.list_films(where, limit=5, allowed_networks=LOOPBACK, timeout_seconds=20)


# ---------------------------------------------------------------------------------------------------------- the whole way


@pytest.fixture
def source(db, settings, s3, tmp_path) -> Source:
    settings.HEADEND_SOURCE_NETWORKS = LOOPBACK
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    running()
    return door().add_storage_source(
        endpoint=s3.base,
        bucket="films",
        region=REGION,
        prefix="ready/",
        access_key=KEY,
        secret_key=SECRET,
        rights_basis="owned",
        language="de",
    )


def work():
    tick.tick()
    for _ in range(20):
        found = queue.claim(fast=False, limit=1, holder="here")
        if not found:
            return
        if found[0].kind == "scrape":
            worker.run(found[0])
        else:
            Job.objects.filter(pk=found[0].pk).delete()


def read_again(source):
    door().scrape_source(source_id=source.pk)
    work()
    work()


def test_a_bucket_becomes_videos_each_once_and_a_changed_object_is_new_only_by_its_content(
    source, s3, videos, settings
):
    s3.put("ready/My_film.mp4", videos.whole.read_bytes(), day=3)
    read_again(source)
    video = Video.objects.get()
    assert (video.title, video.url, video.language) == ("My film", "", "de")
    assert video.state in (VideoState.SCRAPED, VideoState.PROCESSING)
    assert absolute(video.original_file).read_bytes() == videos.whole.read_bytes()
    assert video.source_published_at.day == 3
    read_again(source)
    assert Video.objects.count() == 1

    s3.put("ready/My_film.mp4", videos.mute.read_bytes(), day=4)
    s3.put("ready/copy.mp4", videos.whole.read_bytes(), day=4)
    read_again(source)
    states = dict(Video.objects.order_by("pk").values_list("title", "state"))
    assert Video.objects.count() == 3
    assert states["copy"] == VideoState.DUPLICATE
    assert Video.objects.filter(title="My film").exclude(content_hash=video.content_hash).exists()
    entry = Activity.objects.filter(verb="source_scraped").latest("pk")
    assert entry.after["new"] == 2


def test_refused_keys_wait_and_other_keys_let_it_go_on(source, s3, videos):
    s3.put("ready/film.mp4", videos.mute.read_bytes())
    door().set_source_keys(source_id=source.pk, access_key="AKIAOLDONE", secret_key="forgotten")
    work()
    row = Blocker.objects.open().get()
    assert (row.code, row.source) == ("source_access_refused", source)
    door().set_source_keys(source_id=source.pk, access_key=KEY, secret_key=SECRET, reason="rotated")
    work()
    assert Blocker.objects.open().count() == 0
    assert Job.objects.filter(source=source).latest("pk").state == JobState.SUCCEEDED
    assert Activity.objects.filter(verb="source_keys_set").latest("pk").reason == "rotated"
    stored = json.dumps(
        [list(model.objects.values()) for model in (Source, Video, Job, Blocker, Activity)], default=str
    )
    for secret in (KEY, SECRET, "AKIAOLDONE", "forgotten"):
        assert secret not in stored


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"endpoint": "http://10.0.0.1"}, "endpoint"),
        ({"endpoint": "ftp://127.0.0.1"}, "endpoint"),
        ({"endpoint": "http://a:b@127.0.0.1"}, "endpoint"),
        ({"endpoint": "http://127.0.0.1/films"}, "endpoint"),
        ({"bucket": "Films"}, "bucket"),
        ({"bucket": "../films"}, "bucket"),
        ({"region": "eu central"}, "region"),
        ({"prefix": "a\nb"}, "prefix"),
        ({"secret_key": ""}, "secret_key"),
        ({"access_key": ""}, "access_key"),
        ({"access_key": "a b\r\n"}, "access_key"),
        ({"rights_basis": "mine"}, "rights_basis"),
        ({"language": "!"}, "language"),
        ({"name": "x" * 121}, "name"),
        ({"prefix": "ready/"}, "bucket"),
    ],
)
def test_what_cannot_be_registered_is_refused_by_its_field(source, s3, given, field):
    values = {"endpoint": s3.base, "bucket": "films", "access_key": KEY, "secret_key": SECRET}
    with pytest.raises(InvalidRequest) as refused:
        door().add_storage_source(**values | given)
    assert refused.value.field == field
    assert Source.objects.count() == 1


def test_it_is_refused_to_who_may_only_read_and_for_other_kinds(source):
    with pytest.raises(NotPermitted):
        door("read").set_source_keys(source_id=source.pk)
    with pytest.raises(InvalidRequest):
        door().set_source_keys(source_id=factories.SourceFactory().pk)
    with pytest.raises(InvalidRequest):
        door().set_source_access(source_id=source.pk, cookies="a=1")


def test_api_command_and_page_register_it_and_never_show_the_keys(source, s3, tmp_path, monkeypatch):
    api = ApiClient(tokens.issue("olga", "admin")[1])
    body = {"endpoint": s3.base, "bucket": "films", "prefix": "api/", "access_key": KEY, "secret_key": SECRET}
    made = api.post("sources/storages", body)
    assert made.status_code == 201, made.content
    assert made.json()["kind"] == SourceKind.STORAGE
    assert made.json()["place"]["prefix"] == "api/"
    again = api.post(f"sources/{source.pk}/set-keys", {"access_key": KEY, "secret_key": SECRET})
    assert again.status_code == 200
    assert api.post("sources/storages", body | {"bucket": "A"}).json()["field"] == "bucket"

    out = io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO(SECRET + "\n"))
    words = (
        "source-add-storage",
        s3.base,
        "films",
        "--prefix",
        "cli/",
        "--access-key",
        KEY,
        "--secret-key",
        "-",
    )
    call_command("orchestration", *words, stdout=out)
    assert "cli/, with keys" in out.getvalue()
    (tmp_path / "secret").write_text(SECRET)
    words = ("source-keys-set", str(source.pk), "--access-key", KEY, "--secret-key", str(tmp_path / "secret"))
    call_command("orchestration", *words, stdout=out)

    browser = Client()
    browser.force_login(factories.UserFactory(admin=True))
    page = browser.post("/sources/add-storage/", body | {"below": "page/"}, follow=True)
    row = Source.objects.get(place__prefix="page/")
    assert page.redirect_chain == [(f"/sources/{row.pk}/", 302)]
    typed = {"access_key": KEY, "secret_key": SECRET}
    after = browser.post(f"/sources/{row.pk}/set-keys/", typed, follow=True)
    admin = browser.get(f"/admin/orchestration/source/{row.pk}/change/")
    listed = browser.get("/sources/")
    assert row.where in after.content.decode()
    for shown in (
        made.content,
        again.content,
        out.getvalue().encode(),
        *(p.content for p in (page, after, admin, listed)),
    ):
        assert KEY.encode() not in shown
        assert SECRET.encode() not in shown
    assert timezone.now() >= row.access_set_at
