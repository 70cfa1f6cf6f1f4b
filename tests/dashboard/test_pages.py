"""Every page opens, shows text as text, carries nothing inline, and says by 204 that nothing changed."""

import functools
import gzip
import re
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from channels.models import Channel
from config import sessions
from dashboard import system_bar
from dashboard.live_pages import version_of
from orchestration.core import readings
from orchestration.states import JobState, Timing
from tests import factories

INLINE = re.compile(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|<style|javascript:", re.IGNORECASE)
VERSION = re.compile(r'id="live" data-pace="\d+" data-version="([0-9a-f]+)"')
MAX_QUERIES = 15
MORE_QUERIES = {
    r"/rewind/\?page=channel": (
        39,
        "a channel's page as it was is made beside what says which changes led there",
    ),
    r"/rewind/\?page=overview": (25, "the overview as it was, and as it is beside it"),
    r"/videos/\d+/\?channel=": (
        33,
        "the planner reads the channel, its calendar and the pools to say why or why not",
    ),
    r"/channels/[^/]+/\?open=staging": (32, "seven sections that are folded until somebody opens them"),
    r"/channels/[^/]+/\?open=week": (25, "six sections that are folded until somebody opens them"),
    r"/channels/[^/]+/\?open=activity": (21, "two sections, one of them a year of blackouts"),
    r"/$": (24, "each kind of problem is asked for where there is one, and the scene has them all"),
    r"/overview/more/": (
        23,
        "nine panels of tables that have nothing in common, folded below the first screen",
    ),
    r"/calendar/\?view=week&lanes=1": (19, "lanes with every layer, and the filters' choices"),
    r"/waves/\d+/": (17, "its members, their jobs and conflicts, and the words of the first of them"),
    r"/videos/\d+/$": (17, "where it goes, its files, jobs, entries, and the words of its publications"),
    r"/statistics/\?days=30&channel=": (17, "four filters, each of which is looked up by name"),
    r"/pools/": (17, "pools, their holders, ledgers and coming days, and the disk"),
}
"""The pages that ask more, by the beginning of their address: how much, and why. What is one no longer, is taken out."""
FIRST_LOAD_BYTES = 200_000


def test_every_page_opens_for_an_operator(console, addresses):
    for address in addresses:
        assert console.get(address).status_code == 200, address


def test_every_page_opens_for_a_reader(client, addresses):
    client.force_login(factories.UserFactory())
    for address in addresses:
        assert client.get(address).status_code == 200, address


def test_every_page_opens_in_an_empty_installation(console):
    for address in (
        "/",
        "/channels/",
        "/schedule/",
        "/waves/",
        "/waves/new/",
        "/videos/",
        "/sources/",
        "/distribute/",
        "/jobs/",
        "/conflicts/",
        "/pools/",
        "/forecast/",
        "/statistics/",
        "/statistics/work/",
        "/statistics/youtube/",
        "/activity/",
        "/notifications/",
        "/notifications/log/",
        "/notifications/rules/new/",
    ):
        assert console.get(address).status_code == 200, address


def test_what_describes_a_field_is_there(console, addresses):
    described = 0
    for address in addresses:
        page = console.get(address).content.decode()
        ids = set(re.findall(r'\sid="([^"]+)"', page))
        for names in re.findall(r'aria-describedby="([^"]+)"', page):
            described += 1
            assert set(names.split()) <= ids, address
    assert described  # else the pattern has become blind


def test_nobody_enters_without_logging_in(client, addresses):
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 302, address
        assert answer.headers["Location"].startswith("/login/?next="), address


def test_no_page_carries_inline_script_or_style(console, addresses):
    for address in [*addresses, "/nowhere/"]:
        found = INLINE.search(console.get(address).content.decode())
        assert found is None, f"{address}: {found.group(0)}"


def test_what_users_and_sources_wrote_is_shown_as_text(console, scene, addresses):
    seen = False
    for address in addresses:
        html = console.get(address).content.decode()
        assert "<b>Bold</b>" not in html, address
        seen = seen or "&lt;b&gt;Bold&lt;/b&gt; &amp; co" in html
    assert seen


@pytest.mark.slow
def test_a_page_asks_for_itself_with_its_version_and_gets_204_while_nothing_changed(console, addresses):
    for address in addresses:
        page = console.get(address).content.decode()
        found = VERSION.search(page)
        if found is None:
            continue
        separator = "&" if "?" in address else "?"
        again = console.get(f"{address}{separator}version={found[1]}")
        assert again.status_code == 204, address
        assert again.content == b"", address


def test_a_page_whose_rows_changed_answers_with_its_live_part_alone(console, scene):
    version = VERSION.search(console.get("/jobs/").content.decode())[1]
    factories.JobFactory(channel=scene["channel"], kind="check")
    answer = console.get(f"/jobs/?version={version}")
    html = answer.content.decode()
    assert answer.status_code == 200
    assert html.strip().startswith('<div id="live"')
    assert "<html" not in html
    assert VERSION.search(html)[1] != version
    assert 'hx-get="/jobs/?version=' in html


def test_the_version_is_of_what_is_seen_and_not_of_its_tokens():
    token = '<input type="hidden" name="csrfmiddlewaretoken" value="{}"><b>{}</b>'
    assert version_of(token.format("aaa", 1)) == version_of(token.format("bbb", 1))
    assert version_of(token.format("aaa", 1)) != version_of(token.format("aaa", 2))


def test_the_switch_in_the_head_of_a_page_answers_204_too(console, db):
    html = console.get("/channels/").content.decode()
    version = re.search(r'id="system" data-pace="\d+" data-version="([0-9a-f]+)"', html)[1]
    assert console.get(f"/switch/?version={version}").status_code == 204
    assert console.get("/switch/?version=other").status_code == 200
    assert console.get("/switch/").status_code == 302


def test_a_page_is_never_kept_by_a_cache(console, db):
    assert console.get("/jobs/").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "address",
    [
        "/channels/none/",
        "/schedules/99/",
        "/waves/99/",
        "/videos/99/",
        "/videos/99/thumbnail/",
        "/jobs/99/",
        "/nowhere/",
    ],
)
def test_an_address_that_names_nothing_is_a_page_that_says_so(console, address, db):
    answer = console.get(address)
    assert answer.status_code == 404
    assert "nothing at this address" in answer.content.decode()


@pytest.mark.parametrize(
    "address",
    [
        "/jobs/?page=zero&channel=x&kind=nope&state=nope&q=%00",
        "/schedule/?from=2026-02-31&span=5&channel=9999999999999999999999",
        "/activity/?id=abc&trigger=nope&page=-4",
        "/statistics/?days=900",
        "/statistics/youtube/?from=99999999999999999999&group=none&label=%00&wave=0&source=x&channel=nope",
        "/forecast/?days=0",
        "/videos/?page=999&source=-1",
        "/channels/?state=%3Cscript%3E",
    ],
)
def test_a_filter_that_makes_no_sense_is_left_out(console, scene, address):
    assert console.get(address).status_code == 200


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("/jobs/?channel=x&kind=nope&state=nope&q=%00", ["channel", "kind", "state", "q"]),
        ("/schedule/?channel=9999999999999999999999&state=troubled", ["channel", "state"]),
        ("/waves/?state=attention", ["state"]),
        ("/activity/?trigger=nope", ["trigger"]),
        ("/videos/?source=-1", ["source"]),
        ("/conflicts/?kind=nope", ["kind"]),
        ("/channels/?health=poor", ["health"]),
    ],
)
def test_what_is_left_out_is_told_by_its_name(console, scene, address, names):
    told = console.get(address).content.decode()
    for name in names:
        assert f"The filter {name} is left out" in told
    assert "The filter" not in console.get(address.partition("?")[0]).content.decode()


@pytest.mark.parametrize(
    ("page", "api", "query"),
    [
        ("jobs", "jobs", "state=open"),
        ("jobs", "jobs", "state=attention"),
        ("jobs", "jobs", "state=failed&kind=stage"),
        ("waves", "waves", "state=open&q=evening"),
        ("videos", "videos", "state=ready&q=bold"),
        ("sources", "sources", "state=active&q=source"),
        ("conflicts", "conflicts", "state=open&kind=timing"),
        ("channels", "channels", "state=active&q=nor"),
        ("activity", "activity", "trigger=button&verb=pause_channel&q=north"),
    ],
)
def test_a_page_and_the_api_keep_the_same_rows(console, scene, page, api, query):
    shown = console.get(f"/{page}/?{query}")
    listed = console.get(f"/api/{api}?{query}&limit=200").json()["items"]
    rows = [getattr(row, "channel", row) if page == "channels" else row for row in shown.context["page"]]
    assert {row.pk for row in rows} == {row["id"] for row in listed}


@pytest.mark.slow
def test_neither_statements_nor_bytes_of_a_page_grow_with_the_number_of_rows(
    console, scene, addresses, monkeypatch
):
    monkeypatch.setattr(
        sessions, "NOTED_EVERY_SECONDS", 86_400
    )  # that a session is used is written once a minute
    first_loads = {}

    def count() -> dict[str, int]:
        counts = {}
        for address in addresses:
            system_bar.forget()  # as for the first page of some moments
            readings.forget()
            with CaptureQueriesContext(connection) as queries:
                answer = console.get(address, headers={"Accept-Encoding": "gzip"})
            counts[address] = len(queries)
            first_loads[address] = len(answer.content) + sum(map(_bytes_of, _assets(answer)))
        return counts

    console.get("/")  # content types and the switch's row are read once
    before = count()
    for _ in range(4):
        channel = factories.ChannelFactory(healthy=True)
        factories.CredentialFactory(channel=channel)
        factories.PostingSlotFactory(channel=scene["channel"], local_time=time(channel.pk % 24, 30))
        planned = factories.ScheduleFactory(channel=channel, wave=scene["wave"])
        own = factories.ScheduleFactory(channel=scene["channel"], wave=scene["wave"])
        job = factories.JobFactory(
            channel=scene["channel"], running=True, video=own.distribution.video, schedule=own
        )
        factories.JobFactory(channel=channel, failed=True)
        factories.LeaseFactory(pool=scene["pool"], job=job)
        factories.ConflictFactory(channel=channel, schedule=planned, other_schedule=own, wave=scene["wave"])
        factories.SourceFactory()
        factories.ActivityFactory(subject=channel)
        factories.ActivityFactory(subject=scene["channel"], cid=scene["entry"].cid)
    Channel.objects.bulk_create(
        Channel(slug=f"many-{i}", name=f"Many {i}", timezone="UTC") for i in range(1_000)
    )
    after = count()
    grown = {
        address: (before[address], after[address])
        for address in addresses
        if after[address] > before[address]
    }
    assert grown == {}
    assert {a: n for a, n in after.items() if n > _most(a)} == {}
    used = {rule for a, n in after.items() if n > MAX_QUERIES for rule in MORE_QUERIES if re.match(rule, a)}
    assert used == set(MORE_QUERIES)
    assert {a: n for a, n in first_loads.items() if n > FIRST_LOAD_BYTES} == {}


def _most(address: str) -> int:
    """Return how many statements a page may make."""
    return next((most for rule, (most, _) in MORE_QUERIES.items() if re.match(rule, address)), MAX_QUERIES)


def _assets(answer) -> set[str]:
    """Return the names of the static files that a page loads."""
    html = gzip.decompress(answer.content).decode() if answer.has_header("Content-Encoding") else ""
    return {name.partition("#")[0] for name in re.findall(r'(?:src|href)="/static/([^"]+)"', html)}


@functools.cache
def _bytes_of(name: str) -> int:
    """Return how many bytes of a static file come over the wire, as WhiteNoise has compressed it."""
    return len(gzip.compress(Path(finders.find(name)).read_bytes()))


def test_a_long_list_is_cut_into_pages(console, scene):
    factories.JobFactory.create_batch(60, channel=scene["channel"])
    html = console.get("/jobs/").content.decode()
    assert "Page 1 of 3" in html
    assert html.count('<tr id="job-') == 25
    assert "Page 2 of 3" in console.get("/jobs/?page=2").content.decode()


@pytest.mark.parametrize(("asked", "shown"), [("50", 50), ("100", 62), ("1000000", 25), ("x", 25)])
def test_a_list_is_as_long_as_a_person_asks_within_bounds(console, scene, asked, shown):
    factories.JobFactory.create_batch(60, channel=scene["channel"])
    html = console.get(f"/jobs/?rows={asked}").content.decode()
    assert html.count('<tr id="job-') == shown
    assert 'href="?rows=100"' in html


def test_times_stand_on_the_channels_clock_with_utc_beside_them(console, scene):

    scene["planned"].publish_at = datetime(2026, 12, 24, 17, 0, tzinfo=UTC)
    scene["planned"].save()
    html = console.get(f"/schedules/{scene['planned'].pk}/").content.decode()
    assert (
        '<time datetime="2026-12-24T17:00:00+00:00" title="2026-12-24 17:00:00 UTC">'
        'Thu 24 Dec 18:00:00 <span class="zone">CET</span></time>' in html
    )


def test_the_agenda_names_the_day_on_the_channels_own_clock(console, scene):
    tokyo = factories.ChannelFactory(timezone="Asia/Tokyo")
    factories.ScheduleFactory(channel=tokyo, publish_at=datetime(2026, 12, 24, 17, 0, tzinfo=UTC))
    html = console.get("/schedule/?from=2026-12-24&span=24").content.decode()
    assert "Thursday 24 December 2026" in html
    assert 'Fri 25 Dec 02:00:00 <span class="zone">JST</span>' in html


def test_a_still_is_served_only_to_whoever_is_logged_in_and_only_from_the_media_folder(
    console, client, scene, settings
):
    folder = settings.MEDIA_ROOT
    folder.mkdir(parents=True)
    (folder / "still.jpg").write_bytes(b"picture")
    (folder.parent / "secret.txt").write_bytes(b"secret")
    video = scene["video"]
    video.thumbnail_file = "still.jpg"
    video.save()
    address = f"/videos/{video.pk}/thumbnail/"
    answer = console.get(address)
    assert b"".join(answer.streaming_content) == b"picture"
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert client.get(address).status_code == 302
    video.thumbnail_file = "../secret.txt"
    video.save()
    assert console.get(address).status_code == 404


def test_what_to_do_first_is_said_while_nothing_is_public(console, db):
    html = console.get("/").content.decode()
    assert "What to do first" in html
    assert "Register a channel" in html


def test_the_problem_comes_first_with_its_sentence(console, scene):
    html = console.get("/").content.decode()
    assert html.index("things need you, first: ") < html.index("Waves</h2>")
    assert "South is failing: Google refuses the refresh token" in html


def test_one_correlation_id_leads_to_all_entries_of_an_action(console, scene):
    factories.ActivityFactory(subject=scene["github"], cid="other")
    html = console.get(f"/activity/?cid={scene['entry'].cid}").content.decode()
    assert html.count('<details class="entry"') == 1
    assert f"Everything of one action: <code>{scene['entry'].cid}</code>" in html


def test_the_delay_between_members_is_told_of_a_staggered_wave_alone(console):
    together = factories.WaveFactory(timing=Timing.SIMULTANEOUS, delay_seconds=300)
    apart = factories.WaveFactory(timing=Timing.STAGGERED, delay_seconds=300)
    assert "5 min apart" not in console.get(f"/waves/{together.pk}/").content.decode()
    assert "staggered, 5 min apart" in console.get(f"/waves/{apart.pk}/").content.decode()


def test_what_a_job_waits_for_is_not_shown_as_an_error(console):
    told = "armed: YouTube makes it public at its moment"
    waiting = factories.JobFactory(state=JobState.WAITING, error_message=told)
    failed = factories.JobFactory(state=JobState.FAILED, error_message="no such video")
    page = console.get(f"/jobs/{waiting.pk}/").content.decode()
    assert f'<div class="message warning"><p>{told}' in page
    assert (
        '<div class="message error"><p>no such video' in console.get(f"/jobs/{failed.pk}/").content.decode()
    )


def test_what_github_said_of_a_run_stands_in_words_on_its_jobs_page_and_in_the_api(console, db):
    run = factories.WorkflowRunFactory(remote_status="waiting")
    page = console.get(reverse("dashboard:job", args=[run.job_id])).content.decode()
    assert "GitHub says" in page
    assert "waits at GitHub for a person to approve it" in page
    (told,) = console.get("/api/runs").json()["items"]
    assert (told["in_words"], told["proof"]) == ("waits at GitHub for a person to approve it", "none")


def test_where_a_video_goes_is_cut_into_pages(console):
    factories.DistributionFactory.create_batch(27, video=(video := factories.VideoFactory()))
    address = f"/videos/{video.pk}/"
    first, second = (console.get(f"{address}?page={number}").content.decode() for number in (1, 2))
    assert (first.count('data-label="Why"'), second.count('data-label="Why"')) == (25, 2)
    assert "27 channels" in first
