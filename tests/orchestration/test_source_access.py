"""What opens a source goes to that source alone, is sealed, and is in nothing that anybody reads."""

import base64
import io
import json
from ipaddress import ip_network
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from channels.secrets import SecretUnreadable
from orchestration import media
from orchestration.engine import worker
from orchestration.errors import InvalidRequest, NotPermitted, StaleVersion
from orchestration.models import Activity, Blocker, Job, Source, Video
from orchestration.monitoring import probes
from orchestration.queue import jobs as queue
from orchestration.register import sources, tokens
from orchestration.scheduling import snapshots
from orchestration.states import JobKind, JobState, VideoState
from tests import factories
from tests.engine_room import door
from tests.orchestration.api_client import ApiClient
from tests.orchestration.engine import running

pytest_plugins = ["tests.media_fixture"]

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
PASSWORD = "open sesame: ü %41"
BASIC = "Basic " + base64.b64encode(f"olga:{PASSWORD}".encode()).decode()
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Films</title><item><guid>one</guid>
<title>{title}</title><enclosure url="{url}" type="video/mp4" length="1"/></item></channel></rss>"""


def access(url, **given):
    return media.Access.make(url, **given)


def read(url, opened_by=None):
    return media.list_items(url, limit=5, allowed_networks=LOOPBACK, timeout_seconds=20, access=opened_by)


@pytest.fixture
def closed(media_site):
    """A feed that only opens to who knows; it writes down what each request carried."""
    seen = []

    def guard(path, answer):
        def asked(handler):
            seen.append((handler.headers["Host"], path, dict(handler.headers.items())))
            if handler.headers.get("Authorization") == BASIC or "sid=letmein7" in (
                handler.headers.get("Cookie") or ""
            ):
                return answer(handler)
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", "Basic realm=films")
            handler.send_header("Content-Length", "0")
            return handler.end_headers()

        media_site.answers[path] = asked

    media_site.page(
        "/open.xml", FEED.format(title="One", url=media_site.url("/v.mp4")), "application/rss+xml"
    )
    media_site.page(
        "/echo.xml", FEED.format(title=f"of {PASSWORD}!", url=media_site.url("/v.mp4")), "text/xml"
    )
    guard("/feed.xml", media_site.answers["/open.xml"])
    guard("/echoing.xml", media_site.answers["/echo.xml"])
    media_site.seen, media_site.guarded = seen, guard
    return media_site


def carried(site, path):
    return [
        {name: value for name, value in headers.items() if name in ("Authorization", "Cookie", "X-Key")}
        for _, asked, headers in site.seen
        if asked == path
    ]


# ------------------------------------------------------------------------------------------------------ what goes where


@pytest.mark.parametrize(
    "given",
    [
        {"username": "olga", "password": PASSWORD},
        {"cookies": "theme=dark; sid=letmein7"},
        {"cookies": "# Netscape HTTP Cookie File\n#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\tletmein7\n"},
        {"headers": [f"Authorization: {BASIC}"]},
    ],
    ids=["login", "cookies", "cookie file", "headers"],
)
def test_a_closed_source_opens_by(closed, given):
    with pytest.raises(media.AccessRefused, match="401 Unauthorized: it asks for a login"):
        read(closed.url("/feed.xml"))
    (item,) = read(closed.url("/feed.xml"), access(closed.url("/feed.xml"), **given))
    assert item.title == "One"


def test_a_closed_file_is_fetched_with_it_and_no_note_on_disk_knows_it(closed, videos, tmp_path):
    content = videos.whole.read_bytes()
    closed.file("/plain.mp4", content, break_after_bytes=9000, breaks=2)
    closed.guarded("/v.mp4", closed.answers["/plain.mp4"])
    opened_by = access(closed.url("/feed.xml"), username="olga", password=PASSWORD)
    notes = []

    def look(done, total):
        notes.extend(path.read_text() for path in tmp_path.glob("*.json"))

    options = {"allowed_networks": LOOPBACK, "max_bytes": 9_000_000, "timeout_seconds": 20}
    found = media.download(
        closed.url("/v.mp4"), tmp_path, on_progress=look, cancelled=lambda: False, access=opened_by, **options
    )
    assert found.path.read_bytes() == content
    assert len(carried(closed, "/v.mp4")) >= 3, "the look, the first transfer, and the rest of it"
    assert notes
    assert not any(BASIC in note or "sesame" in note for note in notes)


@pytest.mark.parametrize("other", ["another host", "another port"])
def test_no_redirect_carries_it_to_another_origin(closed, media_site, other):
    host = f"http://localhost:{closed.port}" if other == "another host" else closed.base
    closed.guarded("/elsewhere.xml", closed.answers["/open.xml"])
    closed.redirect("/away.xml", f"{host}/elsewhere.xml")
    own = closed.base if other == "another host" else "http://127.0.0.1:1"
    opened_by = access(
        own + "/away.xml",
        username="olga",
        password=PASSWORD,
        cookies="sid=letmein7",
        headers=["X-Key: key-of-the-house"],
    )
    with pytest.raises(media.AccessRefused, match="is not among its hosts"):
        read(closed.url("/away.xml"), opened_by)
    assert carried(closed, "/elsewhere.xml") == [{}]


def test_a_host_that_was_named_is_sent_it_and_so_is_the_own_one_after_a_redirect(closed):
    closed.redirect("/away.xml", f"http://localhost:{closed.port}/feed.xml")
    opened_by = access(
        closed.url("/away.xml"),
        username="olga",
        password=PASSWORD,
        hosts=[f"http://localhost:{closed.port}"],
    )
    assert [item.title for item in read(closed.url("/away.xml"), opened_by)] == ["One"]
    assert carried(closed, "/feed.xml") == [{"Authorization": BASIC}]


def test_a_newer_cookie_of_the_site_wins_over_the_given_one(closed):
    def renews(handler):
        handler.send_response(302)
        handler.send_header("Set-Cookie", "sid=letmein7; Path=/")
        handler.send_header("Location", "/feed.xml")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    closed.answers["/renew.xml"] = renews
    read(closed.url("/renew.xml"), access(closed.url("/"), cookies="sid=yesterday; theme=dark"))
    (sent,) = carried(closed, "/feed.xml")
    assert sorted(sent["Cookie"].split("; ")) == ["sid=letmein7", "theme=dark"]


def test_https_of_the_same_host_is_sent_it_but_never_http_where_https_was_meant():
    assert access("http://films.example/", cookies="a=1").covers("https://films.example/x")
    assert not access("https://films.example/", cookies="a=1").covers("http://films.example/x")
    assert not access("https://films.example/", cookies="a=1").covers("https://films.example:8443/")
    assert not access("https://films.example/", cookies="a=1").covers("https://cdn.films.example/")


def test_what_the_source_echoes_is_hidden_in_items_and_errors(closed):
    opened_by = access(closed.url("/"), username="olga", password=PASSWORD)
    (item,) = read(closed.url("/echoing.xml"), opened_by)
    assert item.title == f"of {media.access.HIDDEN}!"

    def echoes(handler):
        handler.send_response(500, handler.headers["Authorization"].removeprefix("Basic "))
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    closed.answers["/broken.xml"] = echoes
    with pytest.raises(media.SourceUnreachable) as refused:
        read(closed.url("/broken.xml"), opened_by)
    assert media.access.HIDDEN in str(refused.value)
    assert BASIC.partition(" ")[2] not in str(refused.value)
    assert PASSWORD not in repr(opened_by) + repr(opened_by.cookies)


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({}, "username", "No login"),
        ({"password": "x"}, "username", "without a user name"),
        ({"username": "a:b", "password": "x"}, "username", "colon"),
        ({"username": "a", "password": "x\r\nHost: evil"}, "password", "control character"),
        ({"username": "a", "password": "\ud800"}, "password", "surrogate"),
        ({"headers": ["no colon hunter22"]}, "headers", "Header 1 is not"),
        ({"headers": ["X-Key: a", "x-key: b"]}, "headers", "twice"),
        ({"headers": ["Host: evil.example"]}, "headers", "belongs to the transfer"),
        ({"headers": ["Cookie: a=1"]}, "headers", "as cookies"),
        ({"headers": ["X-Key: a\x00b"]}, "headers", "control character"),
        ({"headers": ["X-Key: €"]}, "headers", "no header can carry"),
        ({"headers": ["X-Key: " + "a" * 9000]}, "headers", "longer"),
        ({"username": "a", "headers": ["Authorization: Bearer b"]}, "headers", "not both"),
        ({"cookies": "hunter22"}, "cookies", "name=value"),
        ({"cookies": "a=\x01"}, "cookies", "control character"),
        ({"cookies": "films.example\tFALSE\t/\tFALSE\t1\tsid\tx"}, "cookies", "expired"),
        (
            {"cookies": "other.example\tFALSE\t/\tFALSE\t0\tsid\tx"},
            "cookies",
            "none of them is for films.example",
        ),
        ({"cookies": "films.example\tFALSE\t/\tsid"}, "cookies", "Line 1"),
        ({"cookies": "a=1", "hosts": ["cdn.example/path"]}, "hosts", "name no path"),
        ({"cookies": "a=1", "hosts": ["ftp://cdn.example"]}, "hosts", "http"),
        ({"cookies": "a=1", "hosts": ["https://a:b@cdn.example"]}, "hosts", "credentials"),
        ({"cookies": "a=1", "hosts": ["youtube.com"]}, "hosts", "YouTube"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_its_field_and_not_repeated(given, field, said):
    with pytest.raises(media.AccessUnusable, match=said) as refused:
        access("https://films.example/feed.xml", **given)
    assert refused.value.field == field
    assert "hunter22" not in str(refused.value)


# --------------------------------------------------------------------------------------------------------- the one door


@pytest.fixture
def source(db, settings, closed):
    settings.HEADEND_SOURCE_NETWORKS = LOOPBACK
    running()
    return factories.SourceFactory(url=closed.url("/feed.xml"), name="Films")


def run_all():
    for _ in range(20):
        for job in queue.claim(fast=False, limit=1, holder="here"):
            worker.run(job)
        if not Job.objects.claimable().filter(run_at__lte=timezone.now(), blocked_on=None).exists():
            break


def all_that_is_stored():
    """Every text that anybody can read, and the sealed ones."""
    texts = [list(model.objects.values()) for model in (Source, Video, Job, Blocker, Activity)]
    return json.dumps(texts, default=str, ensure_ascii=False)


def test_it_is_sealed_for_this_row_and_told_without_its_secrets(source):
    row = door().set_source_access(
        source_id=source.pk,
        username="olga",
        password=PASSWORD,
        headers=["X-Key: key-of-the-house"],
        hosts=["cdn.films.example"],
        reason="the contract",
    )
    assert row.access.password == PASSWORD
    stored = all_that_is_stored()
    for secret in (PASSWORD, "key-of-the-house", "olga:", BASIC):
        assert secret not in stored
    entry = Activity.objects.get(verb="source_access_set")
    assert entry.after["access"]["headers"] == ["X-Key"]
    assert (entry.actor_label, entry.reason) == ("olga", "the contract")
    other = factories.SourceFactory(access_sealed=row.access_sealed)
    with pytest.raises(SecretUnreadable):
        _ = other.access


def test_401_waits_by_name_and_goes_on_once_it_is_given(source):
    sources.scrape_now(source.pk)
    run_all()
    (row,) = Blocker.objects.open()
    assert (row.code, row.scope, row.source_id) == ("source_access_refused", "source", source.pk)
    job = Job.objects.get(source=source)
    assert (job.state, job.blocked_on_id) == (JobState.WAITING, row.pk)
    source.refresh_from_db()
    assert (source.consecutive_failures, "401" in source.last_error) == (1, True)
    (told,) = [report for report in door().get_blockers() if report.id == row.pk]
    assert "login, cookies or headers" in told.remedy

    Blocker.objects.update(next_probe_at=timezone.now())
    probes.probe_due()
    run_all()
    assert Blocker.objects.open().get().pk == row.pk, "one try asks, and meets it again"

    door().set_source_access(source_id=source.pk, username="olga", password=PASSWORD)
    run_all()
    job.refresh_from_db()
    assert (job.state, Blocker.objects.open().count()) == (JobState.SUCCEEDED, 0)
    assert Video.objects.get().title == "One"
    assert PASSWORD not in all_that_is_stored()


def test_a_refused_file_waits_for_its_source_and_one_without_a_source_has_failed(source, closed):
    closed.guarded("/v.mp4", closed.answers["/open.xml"])
    for number, owner in enumerate((source, None)):
        video = factories.VideoFactory(found=True, source=owner, url=closed.url(f"/v.mp4?n={number}"))
        queue.enqueue(JobKind.SCRAPE, dedupe_key=f"scrape:video:{video.pk}", video=video)
    run_all()
    mine, nobodys = Video.objects.order_by("pk")
    assert (mine.state, mine.jobs.get().blocked_on.source) == (VideoState.SCRAPING, source)
    assert (nobodys.state, nobodys.error_code) == (VideoState.FAILED, "source_access_refused")
    source.refresh_from_db()
    assert source.consecutive_failures == 0, "of one item nothing is learned about the source"


def test_a_changed_address_does_not_take_the_secret_along(source, closed):
    door().set_source_access(source_id=source.pk, username="olga", password=PASSWORD)
    source.refresh_from_db()
    source.url = f"http://localhost:{closed.port}/feed.xml"
    source.save()
    sources.scrape_now(source.pk)
    run_all()
    assert carried(closed, "/feed.xml") == [{}]


def test_what_cannot_be_unsealed_waits_for_the_source(source):
    other = factories.SourceFactory()
    Source.objects.filter(pk=source.pk).update(access_sealed=other.sealed({"origins": []}))
    sources.scrape_now(source.pk)
    run_all()
    row = Blocker.objects.open().get()
    assert (row.code, row.source_id) == ("secret_unreadable", source.pk)
    door().remove_source_access(source_id=source.pk)
    assert not Blocker.objects.open().filter(code="secret_unreadable").exists()


def test_it_is_refused_to_who_may_only_read_and_by_an_old_version(source):
    with pytest.raises(NotPermitted):
        door("read").set_source_access(source_id=source.pk, cookies="a=1")
    with pytest.raises(StaleVersion):
        door().set_source_access(source_id=source.pk, cookies="a=1", version=source.version + 1)
    Source.objects.filter(pk=source.pk).update(kind="uploads")
    for call in (door().set_source_access, door().remove_source_access):
        with pytest.raises(InvalidRequest):
            call(source_id=source.pk)


def test_a_run_is_not_sent_for_a_file_that_only_opens_to_us(source, settings):
    settings.HEADEND_PUBLIC_URL = ""
    video = factories.VideoFactory(source=source, url=source.url.replace("feed.xml", "v.mp4"))
    (view,) = snapshots.video_views([video.pk])
    assert view.in_reach_of_runs
    door().set_source_access(source_id=source.pk, cookies="a=1")
    (view,) = snapshots.video_views([video.pk])
    assert not view.in_reach_of_runs


# ------------------------------------------------------------------------------------------------------------- the doors


def test_the_api_takes_it_and_shows_that_it_is_there(source):
    api = ApiClient(tokens.issue("olga", "admin")[1])
    answer = api.post(f"sources/{source.pk}/set-access", {"username": "olga", "password": " two  spaces "})
    assert answer.status_code == 200, answer.content
    assert answer.json()["access"] == {
        "login": True,
        "cookies": 0,
        "headers": [],
        "hosts": [source.url.removesuffix("/feed.xml")],
    }
    assert b"spaces" not in answer.content
    source.refresh_from_db()
    assert source.access.password == " two  spaces "
    refused = api.post(f"sources/{source.pk}/set-access", {"username": "a:b", "password": "hunter22"})
    assert (refused.status_code, refused.json()["field"]) == (422, "username")
    too_long = api.post(f"sources/{source.pk}/set-access", {"password": "hunter22" * 2000})
    assert too_long.status_code == 422
    assert b"hunter22" not in refused.content + too_long.content
    assert api.post(f"sources/{source.pk}/remove-access").json()["access"] is None


def test_the_command_reads_it_from_files_and_the_standard_input(source, tmp_path, monkeypatch, capsys):
    (tmp_path / "headers").write_text("X-Key: key-of-the-house\n\nX-Two: second-one\n")
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    out = io.StringIO()
    call_command(
        "orchestration",
        "source-access-set",
        str(source.pk),
        *("--username", "olga", "--password", "-", "--headers", str(tmp_path / "headers")),
        stdout=out,
    )
    source.refresh_from_db()
    assert source.access.password == PASSWORD
    assert [name for name, _ in source.access.headers] == ["X-Key", "X-Two"]
    assert "opened by a login, the headers X-Key, X-Two" in out.getvalue()
    assert "house" not in out.getvalue()
    errors = io.StringIO()
    with pytest.raises(SystemExit):
        call_command(
            "orchestration",
            "source-access-set",
            str(source.pk),
            *("--password", str(Path("no") / "file")),
            stderr=errors,
        )
    assert "cannot be read" in errors.getvalue()
    call_command("orchestration", "source-access-remove", str(source.pk), stdout=io.StringIO())
    source.refresh_from_db()
    assert source.access is None


def test_the_page_takes_it_and_never_shows_it(source):
    browser = Client()
    browser.force_login(factories.UserFactory(administrator=True))
    page = f"/sources/{source.pk}/"
    assert "read as by anybody" in browser.get(page).content.decode()
    typed = {
        "username": "olga",
        "password": PASSWORD,
        "cookies": "sid=letmein7",
        "headers": "X-Key: key-of-the-house\r\n",
        "hosts": "cdn.films.example",
    }
    answer = browser.post(f"{page}set-access/", typed, follow=True)
    shown = answer.content.decode()
    assert answer.redirect_chain == [(page, 302)]
    for secret in (PASSWORD, "letmein7", "key-of-the-house"):
        assert secret not in shown
    for fact in ("a login", "1 cookie", "X-Key", "https://cdn.films.example"):
        assert fact in shown
    source.refresh_from_db()
    assert source.access.cookies[0].value == "letmein7"
    assert (
        "no colon"
        not in browser.post(f"{page}set-access/", {"headers": "no colon"}, follow=True).content.decode()
    )
    browser.post(f"{page}remove-access/")
    source.refresh_from_db()
    assert source.access is None


def test_the_admin_does_not_show_it(source):
    door().set_source_access(source_id=source.pk, username="olga", password=PASSWORD)
    source.refresh_from_db()
    browser = Client()
    browser.force_login(factories.UserFactory(admin=True))
    shown = browser.get(f"/admin/orchestration/source/{source.pk}/change/").content.decode()
    assert source.access_sealed not in shown
