"""Readings of a feed over time: the newest first, then all that came since, and nothing read twice for nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from orchestration.api.schemas.library import SourceOut
from orchestration.cli import text as cli_text
from orchestration.models import Activity, Source, Video
from tests import factories
from tests.media_fixture import _send
from tests.orchestration.test_episode_identity import Publisher, entry, feed

pytestmark = pytest.mark.django_db
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def publisher(engine, media_site):
    return Publisher(engine, media_site)


def episodes(begin: int, end: int, *, dated: bool = True) -> list[str]:
    return [
        entry(
            f"o{n}",
            f"https://cdn.example/{n}.mp4",
            f"g{n}",
            f"{BEGIN + timedelta(days=n):%a, %d %b %Y %H:%M:%S} +0000" if dated else "",
        )
        for n in range(begin, end)
    ]


def numbers() -> set[int]:
    return {int(title[1:]) for title in Video.objects.values_list("title", flat=True)}


def test_a_feed_written_oldest_first_gives_its_newest(publisher):
    """F7: the readings found the first twenty each time, and nothing new for ever."""
    publisher.says(*episodes(0, 60))
    assert numbers() == set(range(40, 60))
    publisher.says(*episodes(0, 63))
    assert numbers() == set(range(40, 63))


@pytest.mark.parametrize("order", [1, -1])
def test_more_than_the_limit_at_once_is_taken_in_the_next_readings(publisher, order):
    publisher.says(*episodes(0, 60)[::order])
    for waiting in (30, 10, 0):
        publisher.says(*episodes(0, 110)[::order])
        publisher.source.refresh_from_db()
        assert publisher.source.waiting_items == waiting
        soon = publisher.source.next_scrape_at < timezone.now() + timedelta(minutes=2)
        assert soon is (waiting > 0)
    assert numbers() == set(range(40, 110))


def test_a_feed_without_dates_gives_what_stands_before_the_known(publisher):
    publisher.says(*episodes(0, 60, dated=False)[::-1])
    assert numbers() == set(range(40, 60))
    for _ in range(2):
        publisher.says(*episodes(0, 90, dated=False)[::-1])
    assert numbers() == set(range(40, 90))


def test_a_feed_without_dates_gives_what_is_added_at_its_end(publisher):
    publisher.says(*episodes(0, 60, dated=False))
    publisher.says(*episodes(0, 65, dated=False))
    assert numbers() == {*range(20), *range(60, 65)}


def test_what_was_repaired_is_said_of_the_source_and_in_the_log(publisher):
    publisher.says(*episodes(0, 1))
    assert publisher.source.repairs == []
    publisher.says(*episodes(0, 1), "<!-- x -->&nbsp;")
    assert publisher.source.repairs == ["1 HTML entities, such as &nbsp;, were replaced."]
    said = Activity.objects.filter(verb="source_scraped").latest("pk")
    assert "HTML entities" in str(said.changes)


@pytest.mark.slow
def test_ten_thousand_entries_and_nothing_new_are_one_request_and_no_reading(publisher, engine, media_site):
    document = feed(*episodes(0, 10_000)).encode()

    def answer(handler) -> None:
        same = handler.headers.get("If-None-Match") == '"v1"'
        _send(
            handler,
            304 if same else 200,
            {"ETag": '"v1"', "Content-Type": "text/xml"},
            b"" if same else document,
        )

    publisher.says(*episodes(9_990, 10_000))
    media_site.answers["/feed.xml"] = answer
    Source.objects.update(reading={})
    read_again(publisher, engine)
    media_site.requests.clear()
    result = read_again(publisher, engine)
    assert result == {"found": 10_000, "new": 0, "unchanged": True}
    assert len(media_site.requests) == 1
    publisher.source.refresh_from_db()
    assert (publisher.source.unchanged_readings, publisher.source.last_error) == (1, "")


def read_again(publisher: Publisher, engine) -> dict:
    from orchestration.models import Job
    from tests.engine_room import door

    door().scrape_source(source_id=publisher.source.pk)
    engine.work()
    return Job.objects.filter(source=publisher.source, video=None).latest("pk").result


def test_another_limit_asks_for_the_whole_again(publisher, engine, media_site):
    document = feed(*episodes(0, 60)).encode()
    asked = []

    def answer(handler) -> None:
        asked.append(handler.headers.get("If-None-Match"))
        _send(handler, 200, {"ETag": '"v1"', "Content-Type": "text/xml"}, document)

    publisher.says(*episodes(0, 60))
    media_site.answers["/feed.xml"] = answer
    read_again(publisher, engine)
    Source.objects.update(item_limit=30)
    read_again(publisher, engine)
    read_again(publisher, engine)
    assert asked == [None, None, '"v1"']
    assert numbers() == set(range(30, 60))


def test_page_api_and_command_line_say_what_was_repaired_and_what_waits(client, django_user_model):
    source = factories.SourceFactory(
        last_scraped_at=timezone.now(),
        last_found=60,
        waiting_items=30,
        unchanged_readings=2,
        repairs=["3 control characters were left out."],
    )
    client.force_login(django_user_model.objects.create_superuser("boss"))
    for page in (reverse("dashboard:sources"), reverse("dashboard:source", args=[source.pk])):
        text = " ".join(client.get(page).content.decode().split())
        for said in ("3 control characters were left out.", "30 ", "unchanged at the last 2 readings"):
            assert said in text, page
    shown = SourceOut.from_orm(source).model_dump()
    assert (shown["waiting_items"], shown["unchanged_readings"]) == (30, 2)
    assert shown["repairs"] == source.repairs
    told = "\n".join(cli_text.source(source))
    assert "30 more wait" in told
    assert "Repaired: 3 control characters" in told


def test_no_page_and_no_list_asks_for_the_sources_one_by_one(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("boss"))
    counts = []
    for more in (1, 20):
        factories.SourceFactory.create_batch(more, repairs=["Blank lines."], waiting_items=3)
        with CaptureQueriesContext(connection) as asked:
            client.get(reverse("dashboard:sources"))
        counts.append(len(asked))
    assert counts[1] <= counts[0]  # the first one warms caches
