"""The stream is read page by page and as it grows: in order, without a gap, and by whoever may see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from orchestration.core import sealing
from orchestration.core.permissions import Actor
from orchestration.monitoring.matters import OF_VERB, QUIET
from orchestration.register import tokens
from orchestration.webhooks import event_types, reading
from tests import factories
from tests.orchestration.webhooks.conftest import happens

EVENTS = "orchestration/events"


def write(*reasons: str, subject: Any = None) -> None:
    for reason in reasons:
        happens(subject=subject, reason=reason)
    sealing.seal()


def reasons_of(events: list[dict[str, Any]]) -> list[str]:
    return [event["data"]["reason"] for event in events if event["type"] == "channel.paused"]


@pytest.mark.django_db
def test_pages_follow_each_other_without_a_gap_and_nothing_comes_twice(api):
    write(*(str(number) for number in range(25)))
    seen, after = [], ""
    while True:
        page = api.get(f"{EVENTS}?types=channel.paused&limit=10&after={after}").json()
        seen += reasons_of(page["events"])
        after = page["next"]
        if not page["more"]:
            break
    assert seen == [str(number) for number in range(25)]
    write("later")
    page = api.get(f"{EVENTS}?types=channel.paused&after={after}").json()
    assert reasons_of(page["events"]) == ["later"]
    assert api.get(f"{EVENTS}?after={page['next']}").json()["events"] == []


@pytest.mark.django_db
def test_what_the_stream_does_not_hold_is_gone_and_what_is_no_id_is_refused(api):
    write("1")
    last = reading.last_id()
    other = last[:-8] + "0" * 8
    assert api.get(f"{EVENTS}?after={other}").status_code == 410
    assert api.get(f"{EVENTS}?after=999-999-0123abcd").json()["code"] == "event_gone"
    for query, field in (("after=nonsense", "after"), ("types=a%20b!", "types"), ("limit=0", "limit")):
        answer = api.get(f"{EVENTS}?{query}")
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    both = api.get(f"{EVENTS}?after={last}&since=2026-11-25T12:00:00Z")
    assert (both.status_code, both.json()["field"]) == (422, "since")


@pytest.mark.django_db
def test_who_is_limited_reads_of_their_channels_only(api):
    from tests.orchestration.api_client import ApiClient

    inside, outside = factories.ChannelFactory(), factories.ChannelFactory()
    group = factories.ChannelGroupFactory()
    inside.groups.add(group)
    limited = ApiClient(tokens.issue("limited", "read", limited_to=[group.slug])[1])
    write("in", subject=inside)
    write("out", subject=outside)
    assert reasons_of(limited.get(EVENTS).json()["events"]) == ["in"]
    assert set(reasons_of(api.get(EVENTS).json()["events"])) == {"in", "out"}


@pytest.mark.django_db
def test_what_one_action_did_to_many_names_them_to_the_unlimited(api):
    happens("wave_scheduled", factories.WaveFactory(), members={"schedule": list(range(1, 1500))})
    sealing.seal()
    event = api.get(f"{EVENTS}?types=wave.scheduled").json()["events"][0]
    assert event["data"]["members"]["schedule"]["total"] == 1499
    assert len(event["data"]["members"]["schedule"]["ids"]) == 1000


def test_every_verb_has_a_type_of_its_own():
    verbs = (set(OF_VERB) | QUIET) - {"create", "update", "delete"}
    named = {verb: event_types.type_of(verb, "x") for verb in verbs}
    assert not {verb for verb, name in named.items() if name.startswith("other.")}
    assert len(set(named.values())) == len(verbs)


def test_every_type_is_documented():
    from config.env import BASE_DIR

    text = (BASE_DIR / "docs" / "webhooks.md").read_text()
    verbs = (set(OF_VERB) | QUIET) - {"create", "update", "delete"}
    assert not {name for verb in verbs if f"`{(name := event_types.type_of(verb, 'x'))}`" not in text}


def server_sent(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """Read server-sent events as a browser does."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name or "comment"] = value.strip()
        elif fields:
            yield fields
            fields = {}


def follow(url: str, token: str, last: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} | ({"Last-Event-ID": last} if last else {})
    return requests.get(
        f"{url}/api/{EVENTS}/stream?types=channel.paused", headers=headers, stream=True, timeout=30
    )


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(reading, "LOOKS_SECONDS", 0.05)
    monkeypatch.setattr(reading, "BEATS_SECONDS", 0.1)


@pytest.mark.django_db(transaction=True)
def test_a_stream_is_resumed_without_a_gap_over_a_running_server(live_server, quick):
    token = tokens.issue("reader", "read")[1]
    factories.ChannelFactory()
    write("0")
    seen: list[str] = []
    with follow(live_server.url, token) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["X-Accel-Buffering"] == "no"
        told = server_sent(answer.iter_lines(chunk_size=1, decode_unicode=True))
        assert next(told)["retry"] == str(reading.COMES_BACK_MS)
        write("1", "2")
        last = ""
        for event in told:
            last = event.get("id", last)
            if "data" in event:
                seen.append(json.loads(event["data"])["data"]["reason"])
                assert event["event"] == "channel.paused"
                assert json.loads(event["data"])["data"]["id"] == event["id"]
            if len(seen) == 2:
                break
    write("3", "4")
    with follow(live_server.url, token, last) as answer:
        for event in server_sent(answer.iter_lines(chunk_size=1, decode_unicode=True)):
            if "data" in event:
                seen.append(json.loads(event["data"])["data"]["reason"])
            if len(seen) == 4:
                break
    assert seen == ["1", "2", "3", "4"]


@pytest.mark.django_db(transaction=True)
def test_a_revoked_token_s_stream_ends_and_a_quiet_one_beats(live_server, quick):
    token = tokens.issue("reader", "read")[1]
    with follow(live_server.url, token) as answer:
        told = server_sent(answer.iter_lines(chunk_size=1, decode_unicode=True))
        assert any("comment" in event for event in told)
        tokens.revoke("reader")
        looks = sum(1 for _ in zip(told, range(50), strict=False))
        assert looks < 50, "it came to its end, and not only when its time was over"
    assert follow(live_server.url, token).status_code == 401


@pytest.mark.django_db
def test_one_caller_holds_few_streams_open_and_a_closed_one_makes_room(settings):
    who = Actor("token x", "read")
    write("0")
    held = [reading.Stream(who, "", [], lambda: who) for _ in range(reading.EACH)]
    with pytest.raises(reading.TooManyStreams):
        reading.Stream(who, "", [], lambda: who)
    settings.HEADEND_EVENT_STREAMS = reading.EACH
    with pytest.raises(reading.TooManyStreams):
        reading.Stream(Actor("token y", "read"), "", [], lambda: who)
    for stream in held:
        stream.close()
        stream.close()
    reading.Stream(who, "", [], lambda: who).close()
    assert not reading._open


@pytest.mark.django_db
def test_a_stream_that_cannot_begin_is_refused_before_it_is_counted(api):
    for after, status in (("nonsense", 422), ("999-999-0123abcd", 410)):
        answer = api.client.get(f"/api/{EVENTS}/stream?after={after}", headers=api.headers)
        assert answer.status_code == status
    assert not reading._open


@pytest.mark.django_db
def test_no_event_holds_an_endpoint_s_address_or_secret(api, hooks):
    row, first = hooks.add(url=f"http://127.0.0.1:{hooks.receiver.port}/in/t0ken-9f2b")
    second = api.post(f"webhooks/{row.pk}/rotate", {"overlap_hours": 1}).json()["secret"]
    api.post(f"webhooks/{row.pk}/change", {"url": f"http://127.0.0.1:{hooks.receiver.port}/in/other-77c1"})
    sealing.seal()
    text = api.get(f"{EVENTS}?limit=500").content.decode()
    assert "webhook.endpoint_added" in text and "webhook.secret_rotated" in text
    assert not [each for each in (first, second, "t0ken-9f2b", "other-77c1") if each in text]
