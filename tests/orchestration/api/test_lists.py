"""Lists of the API: pages, filters, legal actions, and a number of queries that does not grow."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels.states import ChannelHealth, ChannelState
from orchestration.states import (
    ConflictState,
    JobKind,
    JobState,
    ScheduleState,
    SourceState,
    VideoState,
    WaveState,
)
from tests import factories

pytestmark = pytest.mark.django_db

LISTS = {
    "channels": factories.ChannelFactory,
    "slots": factories.PostingSlotFactory,
    "blackouts": factories.BlackoutFactory,
    "sources": factories.SourceFactory,
    "videos": factories.VideoFactory,
    "waves": factories.WaveFactory,
    "distributions": factories.DistributionFactory,
    "schedules": factories.ScheduleFactory,
    "jobs": factories.JobFactory,
    "runs": factories.WorkflowRunFactory,
    "pools": factories.PoolFactory,
    "conflicts": factories.ConflictFactory,
    "rollouts": factories.EndedRolloutFactory,
    "notifications": factories.NotificationFactory,
    "notifications/addresses": factories.NotificationAddressFactory,
    "notifications/rules": factories.NotificationRuleFactory,
    "notifications/silences": factories.SilenceFactory,
    "activity": factories.ActivityFactory,
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_shows_each_row_that_can_also_be_shown_alone(api, name):
    row = LISTS[name]()

    listed = api.get(name).json()
    shown = api.get(f"{name}/{row.pk}").json()

    assert row.pk in [item["id"] for item in listed["items"]]
    assert (shown.get("wave") or shown)["id"] == row.pk


@pytest.mark.parametrize("name", LISTS)
def test_a_longer_list_needs_no_more_queries(api, name):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert api.get(name, limit=200).status_code == 200
        return len(captured)

    LISTS[name].create_batch(2)
    queries()  # content types and the like are remembered from here on
    few = queries()
    LISTS[name].create_batch(5)

    assert queries() == few


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"kind": "budget"}, {"uploads"}),
        ({"kind": ["slots", "budget"]}, {"process", "uploads"}),
        ({"paused": "true"}, {"uploads"}),
        ({"name": "process"}, {"process"}),
        ({"name": "process", "paused": "true"}, set()),
    ],
)
def test_pools_are_few_and_filtered_alike(api, filters, names):
    factories.PoolFactory(name="process", kind="slots")
    factories.PoolFactory(name="uploads", kind="budget", paused=True)

    answer = api.get("pools", **filters).json()

    assert {pool["name"] for pool in answer["items"]} == names
    assert answer["total"] == len(names)


def test_a_list_is_cut_into_pages_that_lead_to_each_other(api):
    factories.ChannelFactory.create_batch(5)

    first = api.get("channels", limit=2, state="active").json()
    assert (first["total"], first["page"], first["limit"], first["previous"]) == (5, 1, 2, None)
    second = api.client.get(first["next"], headers=api.headers).json()
    third = api.client.get(second["next"], headers=api.headers).json()

    ids = [item["id"] for page in (first, second, third) for item in page["items"]]
    assert len(set(ids)) == 5
    assert third["next"] is None
    assert "state=active" in third["previous"]


@pytest.mark.parametrize("query", [{"limit": 201}, {"limit": 0}, {"page": 0}, {"page": "x"}, {"page": 10**9}])
def test_a_page_that_cannot_be_is_refused_by_name(api, query):
    answer = api.get("channels", **query)

    assert answer.status_code == 422
    assert answer.json()["field"] == next(iter(query))


def test_a_page_behind_the_last_is_empty(api):
    factories.ChannelFactory()

    page = api.get("channels", page=9).json()

    assert (page["items"], page["total"], page["next"]) == ([], 1, None)


@pytest.mark.parametrize("name", LISTS)
def test_a_mistyped_filter_is_refused_instead_of_ignored(api, name):
    answer = api.get(name, stat="active")

    assert answer.status_code == 422
    assert answer.json()["field"] == "stat"


def test_a_value_that_no_state_has_is_refused(api):
    answer = api.get("jobs", state="sleeping")

    assert (answer.status_code, answer.json()["field"]) == (422, "state.0")


def _filters():
    # Far from now, whatever day it is: all processes collect the same, and midnight may pass before the test begins.
    past, future = datetime(2020, 5, 1, tzinfo=UTC), datetime(2090, 5, 1, tzinfo=UTC)
    yield "channels", {"state": "paused"}, {"state": ChannelState.PAUSED}
    yield "channels", {"health": "failing"}, {"health": ChannelHealth.FAILING}
    yield "channels", {"slug": "tagesschau"}, {"slug": "tagesschau"}
    yield "channels", {"q": "schau"}, {"name": "Tagesschau"}
    yield "slots", {"weekday": 4}, {"weekday": 4}
    yield "slots", {"enabled": "false"}, {"enabled": False}
    yield "blackouts", {"since": "2027-01-01"}, {"last_date": date(2027, 1, 1)}
    yield "blackouts", {"until": "2026-12-24"}, {"first_date": date(2026, 12, 24)}
    yield "sources", {"state": "paused"}, {"state": SourceState.PAUSED}
    yield "sources", {"rights_basis": ""}, {"rights_basis": ""}
    yield "videos", {"state": "failed"}, {"state": VideoState.FAILED}
    yield "videos", {"q": "volcano"}, {"title": "The Volcano"}
    yield "videos", {"until": past.isoformat()}, {}
    yield "waves", {"state": "paused"}, {"state": WaveState.PAUSED}
    yield "schedules", {"state": "held"}, {"state": ScheduleState.HELD}
    yield "schedules", {"since": future.isoformat()}, {"publish_at": future + timedelta(days=1)}
    yield "schedules", {"until": past.isoformat()}, {"publish_at": past - timedelta(hours=1)}
    yield "jobs", {"state": "failed"}, {"state": JobState.FAILED}
    yield "jobs", {"kind": "scrape"}, {"kind": JobKind.SCRAPE}
    yield "jobs", {"correlation_id": "abc"}, {"correlation_id": "abc"}
    yield "runs", {"repository": "a/b"}, {"repository": "a/b"}
    yield "conflicts", {"state": "dismissed"}, {"state": ConflictState.DISMISSED}
    yield "conflicts", {"rule": "blackout"}, {"rule": "blackout"}
    yield "activity", {"verb": "channel_disabled"}, {"verb": "channel_disabled"}
    yield "activity", {"actor": "Ada"}, {"actor_label": "Ada"}
    yield "activity", {"correlation_id": "abc"}, {"cid": "abc"}


@pytest.mark.parametrize(("name", "query", "traits"), list(_filters()), ids=lambda value: str(value)[:40])
def test_a_filter_leaves_what_it_names(api, name, query, traits):
    LISTS[name]()
    wanted = LISTS[name](**traits)
    if "until" in query and name == "videos":
        earlier = datetime.fromisoformat(query["until"]) - timedelta(days=1)
        type(wanted).objects.filter(pk=wanted.pk).update(created_at=earlier)

    found = api.get(name, **query).json()

    assert [item["id"] for item in found["items"]] == [wanted.pk]
    assert found["total"] == 1


@pytest.mark.parametrize(
    "name", ["slots", "blackouts", "distributions", "schedules", "jobs", "runs", "conflicts"]
)
def test_a_list_can_be_cut_down_to_channels(api, name):
    rows = LISTS[name].create_batch(3)
    channel_ids = [rows[0].channel_id, rows[1].channel_id]

    found = api.get(name, channel_id=channel_ids).json()

    assert {item["id"] for item in found["items"]} == {rows[0].pk, rows[1].pk}


def test_schedules_can_be_cut_down_to_a_wave_or_a_video(api):
    wave = factories.WaveFactory()
    mine, _ = factories.ScheduleFactory(wave=wave), factories.ScheduleFactory()

    by_wave = api.get("schedules", wave_id=wave.pk).json()
    by_video = api.get("schedules", video_id=mine.distribution.video_id).json()

    assert (
        [item["id"] for item in by_wave["items"]] == [item["id"] for item in by_video["items"]] == [mine.pk]
    )


def test_a_channel_shows_its_calendar_and_no_secret(api):
    channel = factories.CredentialFactory().channel
    factories.PostingSlotFactory(channel=channel)
    factories.BlackoutFactory(channel=channel)

    answer = api.get(f"channels/{channel.pk}")

    shown = answer.json()
    assert shown["credential_state"] == "valid"
    assert shown["slots"][0]["local_time"] == "18:00:00"
    assert shown["blackouts"][0]["reason"] == "holidays"
    assert "refresh-token" not in answer.content.decode()
    assert "sealed" not in answer.content.decode()


def test_instants_carry_their_offset(api):
    shown = api.get(f"schedules/{factories.ScheduleFactory().pk}").json()

    assert shown["publish_at"].endswith("Z")


@pytest.mark.parametrize(
    ("name", "of_each", "words", "states"),
    [
        ("jobs", JobState, ["open"], {"queued", "running", "waiting"}),
        ("jobs", JobState, ["attention"], {"failed", "errored", "needs_review"}),
        ("jobs", JobState, ["attention", "running"], {"failed", "errored", "needs_review", "running"}),
        ("schedules", ScheduleState, ["open"], {"planned", "staging", "staged", "publishing", "held"}),
        ("schedules", ScheduleState, ["attention"], {"needs_review", "missed", "failed", "held", "skipped"}),
        ("waves", WaveState, ["open", "cancelled"], {"scheduled", "paused", "recalling", "cancelled"}),
    ],
)
def test_a_word_stands_for_several_states(api, name, of_each, words, states):
    for state in of_each.values:
        LISTS[name](state=state)

    listed = api.get(name, state=words, limit=200).json()["items"]

    assert {row["state"] for row in listed} == states
    assert len(listed) == len(states)


def test_a_group_that_a_list_does_not_have_is_refused_by_name(api):
    answer = api.get("waves", state="attention")

    assert answer.status_code == 422
    assert "state" in answer.content.decode()


def test_jobs_and_entries_are_found_by_words(api):
    job = factories.JobFactory(video=factories.VideoFactory(title="Bold move"))
    factories.JobFactory(video=factories.VideoFactory(title="Quiet day"))
    entry = factories.ActivityFactory(reason="copyright claim", actor_label="anna@example.org")
    factories.ActivityFactory(reason="", actor_label="ben@example.org")

    assert [row["id"] for row in api.get("jobs", q="bold").json()["items"]] == [job.pk]
    for words in ({"q": "copyright"}, {"actor_contains": "anna"}, {"actor": "anna@example.org"}):
        assert [row["id"] for row in api.get("activity", **words).json()["items"]] == [entry.pk], words
    assert api.get("activity", actor="anna").json()["items"] == []


def test_a_job_of_a_kind_that_this_version_does_not_know_is_shown(api):
    job = factories.JobFactory(running=True)
    type(job).objects.filter(pk=job.pk).update(kind="hologram")

    assert [item["kind"] for item in api.get("jobs").json()["items"]] == ["hologram"]
    assert api.get(f"jobs/{job.pk}").json()["kind"] == "hologram"
    assert api.get(f"jobs/{job.pk}/history").status_code == 200
    assert api.get("orchestration/dashboard").status_code == 200
