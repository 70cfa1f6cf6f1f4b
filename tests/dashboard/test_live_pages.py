"""An open page learns in one statement that nothing changed, hears of every change, and of being logged out."""

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestration.models import Job
from tests import factories

ASKS = re.compile(r'hx-get="([^"]+)"')


def _asks(html: str, part: str = "live") -> str:
    """Return the address that a part of the page asks for itself with."""
    return ASKS.search(html[html.index(f'<div id="{part}" data-pace') :])[1].replace("&amp;", "&")


@pytest.fixture
def quiet_minute(monkeypatch):
    """Keep the clock within one minute; return how to move it on."""
    at = [1_800_000_000.0]
    monkeypatch.setattr("dashboard.tickets.time.time", lambda: at[0])
    return lambda seconds: at.__setitem__(0, at[0] + seconds)


@pytest.mark.parametrize("part", ["live", "system"])
def test_while_nothing_changes_a_look_is_one_statement(console, scene, quiet_minute, part):
    console.get("/jobs/")  # the first page of an installation makes the switch's row
    address = _asks(console.get("/jobs/?state=open").content.decode(), part)
    with CaptureQueriesContext(connection) as made:
        answer = console.get(address)
    assert (answer.status_code, answer.content, len(made)) == (204, b"", 1)


def test_a_change_that_another_person_made_is_there_at_the_next_look(console, scene, quiet_minute):
    other = Client()
    other.force_login(factories.UserFactory(operator=True))
    address = _asks(other.get("/jobs/").content.decode())
    assert other.get(address).status_code == 204
    console.post(f"/jobs/{scene['failed'].pk}/retry/")
    answer = other.get(address)
    assert answer.status_code == 200
    assert _asks(answer.content.decode()) != address


def test_what_changes_elsewhere_gives_a_new_ticket_and_no_new_picture(console, scene, quiet_minute):
    address = _asks(console.get(f"/jobs/{scene['failed'].pk}/").content.decode())
    Job.objects.filter(pk=scene["running"].pk).update(progress=0.9)
    answer = console.get(address)
    assert answer.status_code == 204
    again = re.sub(r"version=.*", f"version={answer.headers['Headend-Version']}", address)
    with CaptureQueriesContext(connection) as made:
        assert console.get(again).status_code == 204
    assert len(made) == 1


def test_at_the_end_of_the_minute_the_page_is_looked_at_again(console, scene, quiet_minute):
    address = _asks(console.get("/jobs/").content.decode())
    quiet_minute(61)
    with CaptureQueriesContext(connection) as made:
        console.get(address)
    assert len(made) > 1


@pytest.mark.parametrize("how", ["logged_out", "deactivated", "other_browser"])
def test_a_ticket_opens_nothing(console, operator, scene, quiet_minute, how):
    address = _asks(console.get("/jobs/").content.decode())
    asking = console
    if how == "logged_out":
        stolen = console.cookies.copy()
        console.logout()
        asking = Client()
        asking.cookies = stolen
    elif how == "deactivated":
        User.objects.filter(pk=operator.pk).update(is_active=False)
    elif how == "other_browser":
        asking = Client()
    answer = asking.get(address)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login/")


def test_a_ticket_that_was_changed_by_hand_is_none(console, scene, quiet_minute):
    address = _asks(console.get("/jobs/").content.decode())
    forged = re.sub(r"\.(\d+)\.(\d+)\.", lambda told: f".{int(told[1]) + 600}.{told[2]}.", address)
    with CaptureQueriesContext(connection) as made:
        console.get(forged)
    assert len(made) > 1


def test_the_switch_is_no_part_of_what_a_page_was_made_of(console, scene, quiet_minute):
    html = console.get("/activity/").content.decode()
    of_page, of_switch = (_asks(html, part).split(".")[3].split("-") for part in ("live", "system"))
    assert "record" in of_page
    assert "jobs" in of_switch
    assert "jobs" not in of_page
