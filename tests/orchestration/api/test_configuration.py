"""The whole configuration over HTTP."""

import pytest

from channels.models import Channel
from tests import factories

pytestmark = pytest.mark.django_db
TEXT = "headend: 1\nchannels:\n  north: {daily_cap: 2}\n"


def test_it_is_given_shown_and_applied_as_it_was_shown(api):
    factories.ChannelFactory(slug="north")
    given = api.get("configuration")
    assert given["Content-Type"].startswith("text/yaml")
    assert b"north:" in given.content
    assert api.post("configuration", {"text": given.content.decode()}).json()["changes"] == []

    shown = api.post("configuration", {"text": TEXT}).json()
    assert (shown["dry_run"], shown["summary"]) == (True, "1 changed")
    assert Channel.objects.get().daily_cap == 6

    without = api.post("configuration", {"text": TEXT, "dry_run": False})
    assert (without.status_code, without.json()["code"]) == (409, "plan_outdated")
    done = api.post(
        "configuration", {"text": TEXT, "dry_run": False, "digest": shown["digest"]}, Idempotency_Key="a"
    )
    assert (done.status_code, done.json()["dry_run"]) == (200, False)
    again = api.post(
        "configuration", {"text": TEXT, "dry_run": False, "digest": shown["digest"]}, Idempotency_Key="a"
    )
    assert again["Idempotency-Replayed"] == "true"
    assert Channel.objects.get().daily_cap == 2


def test_what_is_wrong_names_line_and_field(api):
    refused = api.post("configuration", {"text": "headend: 1\nchannels:\n  north:\n    daily_cup: 2\n"})
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {
            "field": "channels.north.daily_cup",
            "message": "line 4: channels.north.daily_cup: there is no such field",
        }
    ]


def test_it_is_for_administrators(caller_with):
    operator = caller_with("operate")
    assert operator.get("configuration").status_code == 403
    assert operator.post("configuration", {"text": TEXT}).status_code == 403
