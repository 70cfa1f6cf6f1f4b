"""A list is gone through by cursor: every item once, whatever is added meanwhile, in each order that it knows."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestration.api import orders
from orchestration.api.cursors import behind, in_order, values_of
from orchestration.models import Schedule
from tests import factories
from tests.orchestration.api.test_lists import LISTS
from tests.orchestration.api_client import document

pytestmark = pytest.mark.django_db

PAGE = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()


def cursor_lists() -> dict[str, dict[str, dict]]:
    """Return the parameters of every list, by its address."""
    found = {}
    for path, methods in document()["paths"].items():
        parameters = {each["name"]: each["schema"] for each in methods.get("get", {}).get("parameters", ())}
        if "cursor" in parameters:
            found[path.removeprefix("/api/")] = parameters
    return found


def sort_words(path: str) -> list[str]:
    return cursor_lists()[path]["sort"]["enum"]


def walk(api, path, **query):
    """Return the items of a whole list, page by page, and how many pages it had."""
    items, pages, cursor = [], 0, ""
    while cursor is not None:
        page = api.get(path, cursor=cursor, limit=2, **query).json()
        items += page["items"]
        cursor, pages = page["cursor"], pages + 1
        assert (cursor is None) == (page["next"] is None)
        assert pages < 20
    return items


@pytest.mark.parametrize("name", LISTS)
def test_in_each_order_every_item_comes_once_and_in_the_order_of_the_pages(api, name):
    LISTS[name].create_batch(5)

    for word in sort_words(name):
        whole = [item["id"] for item in api.get(name, sort=word, limit=200).json()["items"]]
        walked = [item["id"] for item in walk(api, name, sort=word)]
        turned = word.removeprefix("-") if word.startswith("-") else f"-{word}"
        back = [item["id"] for item in api.get(name, sort=turned, limit=200).json()["items"]]
        assert walked == whole == back[::-1], word
        assert len(set(walked)) == len(walked) >= 5


@pytest.mark.parametrize("word", ["published_at", "-published_at", "id"])
def test_from_any_page_it_is_gone_back_to_the_pages_before(api, word):
    for days in (None, 1, 1, 2, 3, None, 4):
        at = timezone.now() - timedelta(days=days) if days else None
        factories.VideoFactory(source_published_at=at)
    known = cursor_lists()["videos"]["sort"]["enum"]
    word = word if word in known else word.replace("published_at", "source_published_at")
    pages = [api.get("videos", cursor="", limit=3, sort=word).json()]
    while pages[-1]["next"]:
        pages.append(api.get(pages[-1]["next"].removeprefix("/api/")).json())
    assert [len(page["items"]) for page in pages] == [3, 3, 1]

    back = [pages[-1]]
    while back[-1]["previous"]:
        back.append(api.get(back[-1]["previous"].removeprefix("/api/")).json())
    assert [page["items"] for page in back] == [page["items"] for page in reversed(pages)]
    onward = api.get(back[-1]["next"].removeprefix("/api/")).json()
    assert onward["items"] == pages[1]["items"]


def test_before_the_first_item_there_is_nothing_though_something_was(api):
    rows = [factories.ChannelFactory(name=name) for name in "abc"]
    second = api.get("channels", cursor=api.get("channels", cursor="", limit=2).json()["cursor"]).json()
    for row in rows[:2]:
        row.delete()
    before = api.get(second["previous"].removeprefix("/api/")).json()
    assert (before["items"], before["next"], before["previous"]) == ([], None, None)


def test_every_list_has_the_same_parameters():
    found = cursor_lists()

    assert len(found) >= 33
    for path, parameters in found.items():
        assert {"page", "limit", "cursor", "count", "sort", "fields"} <= set(parameters), path
        assert parameters["sort"]["default"] in parameters["sort"]["enum"], path


def test_each_list_can_be_asked_for_with_its_default_order_and_with_all_its_fields(caller_with):
    root = caller_with("own")
    video = factories.VideoFactory()
    for path, parameters in cursor_lists().items():
        path = path.replace("{video_id}", str(video.pk))
        answer = root.get(path, cursor="", fields=",".join(parameters["fields"]["items"]["enum"]))
        assert answer.status_code == 200, path
        for word in parameters["sort"]["enum"]:
            assert root.get(path, cursor="", sort=word).status_code == 200, (path, word)


def test_what_is_added_meanwhile_moves_nothing(api):
    for name in "bdfhk":
        factories.ChannelFactory(name=name)
    first = api.get("channels", cursor="", limit=2).json()

    factories.ChannelFactory(name="a")  # before the place: by number, the second page would tell of `d` again
    factories.ChannelFactory(name="g")
    second = api.get("channels", cursor=first["cursor"], limit=3).json()
    by_number = api.get("channels", page=2, limit=2).json()

    assert [item["name"] for item in first["items"]] == ["b", "d"]
    assert [item["name"] for item in second["items"]] == ["f", "g", "h"]
    assert [item["name"] for item in by_number["items"]] == ["d", "f"]


def test_a_place_is_kept_though_its_item_is_gone(api):
    rows = [factories.ChannelFactory(name=name) for name in "abcd"]
    first = api.get("channels", cursor="", limit=2).json()
    rows[1].delete()

    second = api.get("channels", cursor=first["cursor"]).json()

    assert [item["name"] for item in second["items"]] == ["c", "d"]


@pytest.mark.parametrize("word", ["published_at", "-published_at", "publish_at", "-priority"])
def test_items_alike_and_items_without_a_value_come_once(api, word):
    now = timezone.now()
    for published in (None, now, None, now, None, now + timedelta(hours=1)):
        factories.ScheduleFactory(distribution__published_at=published, publish_at=now)

    walked = [item["id"] for item in walk(api, "schedules", sort=word)]

    assert sorted(walked) == sorted(Schedule.objects.values_list("pk", flat=True))
    if word == "published_at":
        assert [item["published_at"] is None for item in walk(api, "schedules", sort=word)] == [False] * 3 + [
            True
        ] * 3


def test_a_list_of_values_is_cut_as_a_query_is():
    """The same rows, once as a query and once as values: the same place lies between the same two."""
    now = timezone.now()
    for published in (None, now, None, now, now + timedelta(hours=1)):
        factories.ScheduleFactory(distribution__published_at=published, publish_at=now)
    for word in orders.SCHEDULES.words:
        columns = orders.SCHEDULES.columns(word)
        query, values = Schedule.objects.all(), list(Schedule.objects.order_by("?"))
        assert list(in_order(query, columns)) == in_order(values, columns), word
        for row in values:
            place = values_of(row, columns)
            after = list(behind(in_order(query, columns), columns, place))
            assert after == behind(in_order(values, columns), columns, place), word


def test_with_a_cursor_nothing_is_counted_if_nobody_asks(api):
    factories.ScheduleFactory.create_batch(3)
    with CaptureQueriesContext(connection) as seen:
        page = api.get("schedules", cursor="", limit=2).json()
    assert page["total"] is None and page["page"] is None
    assert not [each["sql"] for each in seen if "COUNT(" in each["sql"]]

    assert api.get("schedules", cursor="", limit=2, count="true").json()["total"] == 3
    assert api.get("schedules", limit=2).json()["total"] == 3
    assert api.get("schedules", limit=2, count="false").json()["total"] is None


def test_from_a_page_by_number_one_goes_on_by_its_cursor(api):
    factories.ChannelFactory.create_batch(5)
    first = api.get("channels", limit=2).json()

    second = api.get("channels", limit=2, cursor=first["cursor"]).json()

    assert [item["id"] for item in second["items"]] == [
        item["id"] for item in api.get("channels", limit=2, page=2).json()["items"]
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sort": "-name"}, "cursor"),
        ({"cursor": "bm9uZQ:xyz"}, "cursor"),
        ({"page": 2}, "cursor"),
        ({"sort": "colour"}, "sort"),
    ],
)
def test_a_cursor_that_cannot_be_gone_on_from_is_refused(api, change, field):
    factories.ChannelFactory.create_batch(3)
    cursor = api.get("channels", cursor="", limit=1).json()["cursor"]

    answer = api.get("channels", **({"cursor": cursor} | change))

    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_a_cursor_of_another_list_is_refused(api):
    factories.ScheduleFactory.create_batch(2)
    cursor = api.get("videos", cursor="", limit=1, sort="id").json()["cursor"]

    assert api.get("waves", cursor=cursor, sort="id").status_code == 422


def test_only_the_fields_that_are_asked_for_are_told(api):
    channel = factories.ChannelFactory()

    for wanted in (["name", "id"], "name,id"):
        answer = api.get("channels", fields=wanted)
        assert answer.json()["items"] == [{"id": channel.pk, "name": channel.name}]
        assert answer["Content-Type"] == "application/vnd.headend.sparse+json"


def test_of_one_thing_too_only_the_fields_that_are_asked_for_are_told(api):
    channel = factories.ChannelFactory()
    whole = api.get(f"channels/{channel.pk}")

    for wanted in (["name", "id"], "name,id"):
        answer = api.get(f"channels/{channel.pk}", fields=wanted)
        assert answer.json() == {"id": channel.pk, "name": channel.name}
        assert answer["Content-Type"] == "application/vnd.headend.sparse+json"
        assert answer["ETag"] == whole["ETag"]
    answer = api.get(f"channels/{channel.pk}", fields="id,colour")
    assert (answer.status_code, answer.json()["field"]) == (422, "fields")
    assert "'colour'" in answer.json()["detail"] and "youtube_channel_id" in answer.json()["detail"]


def test_a_field_that_does_not_exist_is_refused_with_those_that_do(api):
    answer = api.get("channels", fields="id,colour")

    problem = answer.json()
    assert (answer.status_code, problem["field"]) == (422, "fields")
    assert "'colour'" in problem["detail"] and "youtube_channel_id" in problem["detail"]


def test_the_page_names_the_orders_of_each_list():
    rows = re.findall(r"^\| `([^`]+)` \| sorted by (`.+`) \|$", PAGE, re.MULTILINE)
    told = {path: re.findall(r"`([^`]+)`", words) for path, words in rows}

    assert told == {path: in_words(parameters["sort"]) for path, parameters in cursor_lists().items()}


def in_words(sort: dict) -> list[str]:
    """Return the default of an order, then the other words that it takes, without those that turn one round."""
    default = sort["default"]
    others = [word for word in sort["enum"] if word.removeprefix("-") != default.removeprefix("-")]
    return [default, *(word for word in others if not word.startswith("-"))]


@pytest.mark.parametrize("word", ["publish_at", "-publish_at"])
def test_a_place_is_found_by_an_index_and_not_by_counting_to_it(word):
    """So the thousandth page costs what the first does."""
    row = factories.ScheduleFactory()
    columns = orders.SCHEDULES.columns(word)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan TO off")

    plan = behind(in_order(Schedule.objects.all(), columns), columns, values_of(row, columns))[:50].explain()

    bound = (
        r"Index Cond: \(publish_at [<>]=" if connection.vendor == "postgresql" else r"\(publish_at[<>]\?\)"
    )
    assert re.search(bound, plan), plan
