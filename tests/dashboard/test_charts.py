"""A chart has exactly the numbers of its table and of its CSV, and says truly what it shows."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from dashboard import charts
from dashboard.sheets import Column, Form, Sheet
from tests import factories

HOURS = [datetime(2026, 11, 26, hour, tzinfo=UTC) for hour in range(24)]


def a_sheet(rows, form=Form.NUMBER, columns=("a", "b")):
    named = (Column("hour", Form.HOUR), *(Column(name, form) for name in columns))
    return Sheet("some", "Some", named, tuple((HOURS[place], *row) for place, row in enumerate(rows)))


numbers = st.integers(0, 10**9)
tables = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=24)


@given(tables)
def test_each_number_above_zero_is_one_bar_as_high_as_it_is_and_none_leaves_the_drawing(rows):
    sheet = a_sheet(rows)
    chart = charts.bars(sheet)
    shown = [
        (row[0], column.name, value)
        for row in sheet.rows
        for column, value in zip(sheet.columns[1:], row[1:], strict=True)
        if value
    ]
    assert [bar.title for bar in chart.bars] == [
        f"{at:%H:%M}: {Column('').text(value)} {name}" for at, name, value in shown
    ]
    most = max((value for _, _, value in shown), default=1)
    tallest = max((bar.height for bar in chart.bars), default=0)
    for bar, (_, _, value) in zip(chart.bars, shown, strict=True):
        assert bar.height == pytest.approx(tallest * value / most, abs=0.11)
        assert bar.y >= charts.TOP - 0.2 and bar.y + bar.height <= charts.TOP + charts.HEIGHT + 0.2


@given(st.lists(st.tuples(st.none() | numbers, st.none() | numbers), min_size=1, max_size=24), st.booleans())
def test_each_reading_is_one_dot_inside_the_drawing(rows, from_zero):
    sheet = a_sheet(rows)
    chart = charts.lines(sheet, from_zero=from_zero)
    for place, line in enumerate(chart.lines, 1):
        known = [(row[0], row[place]) for row in sheet.rows if row[place] is not None]
        assert [dot.title for dot in line.dots] == [
            f"{at:%H:%M}: {Column('').text(value)} {line.name}" for at, value in known
        ]
        assert all(charts.TOP - 0.2 <= dot.y <= charts.TOP + charts.HEIGHT + 0.2 for dot in line.dots)


def test_the_description_names_the_highest_value_and_where_it_is():
    text = charts.bars(a_sheet([(1, 2), (7, 0)])).description
    assert "from 00:00 to 01:00" in text
    assert "the highest is 7 a at 01:00" in text


def test_a_week_is_darkest_where_most_is():
    rows = [tuple(1 if (day, hour) == (2, 18) else 0 for day in range(7)) for hour in range(24)]
    rows[5] = (5, 0, 0, 0, 0, 0, 0)
    sheet = a_sheet(rows, columns=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
    looks = {bar.title: bar.look for bar in charts.week(sheet).bars}
    assert (looks["05:00: 5 Mon"], looks["18:00: 1 Wed"], looks["00:00: 0 Sun"]) == (
        "shade5",
        "shade1",
        "shade0",
    )


def test_csv_has_plain_numbers_with_units_and_no_formulas():
    sheet = Sheet(
        "some",
        "Some",
        (
            Column("who", Form.TEXT),
            Column("late", Form.LENGTH),
            Column("used", Form.SHARE),
            Column("at", Form.INSTANT),
        ),
        (("=HYPERLINK(1)", 61.25, 0.125, HOURS[3]), ("plain", None, None, None)),
    )
    rows = list(csv.reader(io.StringIO(sheet.csv().removeprefix("\ufeff"))))
    assert rows == [
        ["who", "late (seconds)", "used (share)", "at (UTC)"],
        ["'=HYPERLINK(1)", "61.2", "0.125", "2026-11-26T03:00:00+00:00"],
        ["plain", "", "", ""],
    ]


@pytest.mark.parametrize("part", ["", "work/", "youtube/"])
def test_an_empty_installation_has_statistics_without_numbers(console, part):
    assert console.get(f"/statistics/{part}").status_code == 200


@pytest.fixture
def published(db):
    now = timezone.now()
    for number in range(3):
        factories.ScheduleFactory(
            published=True, publish_at=now - timedelta(minutes=5 + number), lateness_seconds=float(number)
        )


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("/statistics/?days=1", "outcomes"),
        ("/statistics/?days=7", "lateness"),
        ("/statistics/?days=7", "hours"),
        ("/statistics/work/?days=1", "jobs"),
    ],
)
def test_chart_table_and_csv_of_the_page_say_the_same(console, published, address, key):
    factories.JobFactory(kind="stage", state="succeeded", finished_at=timezone.now())
    path, _, query = address.partition("?")
    html = console.get(address).content.decode()
    panel = re.search(
        rf'<section class="panel [^"]*" aria-labelledby="{key}-head">.*?</section>', html, re.S
    ).group()
    part = "work" if "work" in path else "publications"
    file = console.get(f"/statistics/{part}/{key}.csv?{query}").content.decode().removeprefix("\ufeff")
    header, *rows = csv.reader(io.StringIO(file))
    table = re.search(r"<tbody>.*</tbody>", panel, re.S).group()
    shown = [
        [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)]
        for row in re.findall(r"<tr>.*?</tr>", table, re.S)
    ]
    assert len(shown) == len(rows)
    drawn = re.findall(r"<title>\s*(.*?)\s*</title>", panel, re.S)
    for cells, values in zip(shown, rows, strict=True):
        for cell, value, name in zip(cells[1:], values[1:], header[1:], strict=True):
            name = name.partition(" (")[0]
            if key != "lateness":
                assert cell == value
            if value not in ("", "0"):
                assert f"{cells[0]}: {cell} {name}" in drawn
    assert len(drawn) >= 1
    assert "The table that opens below it has all its numbers." in panel


def test_a_filter_that_names_nothing_is_left_out_with_a_message(console, published):
    html = console.get("/statistics/?group=none&days=7").content.decode()
    assert "The filter channels is left out" in html
    factories.ChannelGroupFactory(slug="north").channels.add(factories.ChannelFactory(slug="oslo"))
    html = console.get("/statistics/?channels=group:north&days=7").content.decode()
    assert "left out" not in html
    assert "<b>0</b>" in html


def test_the_statistics_take_few_statements(console, published, django_assert_max_num_queries):
    for address in ("/statistics/", "/statistics/work/", "/statistics/youtube/"):
        with django_assert_max_num_queries(15):
            console.get(address)
