"""Channels, weeks, blackouts and revisions by the API: thin, and all that is wrong is named by its field."""

import pytest

from channels.models import Channel
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_channel_is_made_changed_and_removed(api):
    made = api.post("channels", {"name": "North", "timezone": "Europe/Oslo", "filters": {"min_height": 720}})
    assert (made.status_code, made.json()["slug"]) == (201, "north")
    row = made.json()
    assert row["filters"] == {"min_height": 720}
    changed = api.patch(f"channels/{row['id']}", {"daily_cap": 2, "version": row["version"]})
    assert (changed.status_code, changed.json()["daily_cap"]) == (200, 2)
    stale = api.patch(f"channels/{row['id']}", {"daily_cap": 3, "version": row["version"]})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_version")
    assert api.delete(f"channels/{row['id']}").status_code == 204
    used = factories.ScheduleFactory().channel
    kept = api.delete(f"channels/{used.pk}")
    assert (kept.status_code, kept.json()["code"]) == (409, "channel_has_history")
    assert kept.json()["rests_on"]


def test_all_fields_at_fault_are_named(api):
    answer = api.post("channels", {"name": "North", "timezone": "Mars", "executor": "github"})
    assert answer.status_code == 422
    assert {each["field"] for each in answer.json()["errors"]} == {"timezone", "repository"}
    unknown = api.post("channels", {"name": "North", "colour": "red"})
    assert (unknown.status_code, unknown.json()["field"]) == (422, "colour")
    filters = api.post("channels", {"name": "North", "filters": {"min_height": 0}})
    assert filters.status_code == 422 and not Channel.objects.exists()


def test_a_week_is_set_copied_and_said(api):
    channel = factories.ChannelFactory()
    slots = [{"weekday": 0, "local_time": "18:00"}, {"weekday": 0, "local_time": "18:20", "enabled": True}]
    week = api.post(f"channels/{channel.pk}/set-slots", {"slots": slots}).json()
    assert [slot["local_time"] for slot in week["slots"]] == ["18:00:00", "18:20:00"]
    assert [fact["code"] for fact in week["facts"]] == ["slots_too_close"]
    stale = api.post(f"channels/{channel.pk}/set-slots", {"slots": [], "version": "older"})
    assert stale.status_code == 409
    copied = api.post(f"channels/{channel.pk}/copy-day", {"weekday": 0, "to": [2]}).json()
    assert len(copied["slots"]) == 4
    off = api.patch(f"slots/{copied['slots'][0]['id']}", {"enabled": False})
    assert off.json()["enabled"] is False
    assert api.get(f"channels/{channel.pk}/week").json()["version"] != week["version"]


def test_a_blackout_is_changed(api):
    row = factories.BlackoutFactory()
    answer = api.patch(f"blackouts/{row.pk}", {"first_date": "2027-05-01", "last_date": "2027-05-03"})
    assert (answer.status_code, answer.json()["last_date"]) == (200, "2027-05-03")
    wrong = api.patch(f"blackouts/{row.pk}", {"first_date": "2027-05-01", "last_date": "2027-04-03"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "last_date")


def test_revisions_are_listed_compared_and_brought_back(api):
    row = api.post("channels", {"name": "North"}).json()
    api.patch(f"channels/{row['id']}", {"daily_cap": 2})
    at = f"channels/{row['id']}/revisions"
    assert [each["number"] for each in api.get(at).json()] == [2, 1]
    first = api.get(f"{at}/1").json()
    assert (first["document"]["publishing"]["daily_cap"], first["revision"]["number"]) == (6, 1)
    assert first["going_back"] == [{"field": "publishing.daily_cap", "before": "2", "after": "6"}]
    differs = api.get(f"{at}/2/diff?since=1").json()["changes"]
    assert differs == [{"field": "publishing.daily_cap", "before": "6", "after": "2"}]
    foreseen = api.post(f"{at}/1/roll-back", {"dry_run": True}).json()
    assert foreseen["changes"] and foreseen["left_out"] and Channel.objects.get().daily_cap == 2
    assert api.post(f"{at}/1/roll-back", {"reason": "as before"}).status_code == 200
    assert Channel.objects.get().daily_cap == 6
    assert api.get(f"{at}/9").json()["field"] == "number"


def test_words_are_tried_and_a_credential_is_taken_without_being_shown(api):
    channel = factories.ChannelFactory()
    tried = api.post(f"channels/{channel.pk}/preview-words", {"words": {"title": "{nonsense}"}}).json()
    assert "nonsense" in tried["faults"]["title"]
    secret = {"client_id": "me", "client_secret": "s3cret", "refresh_token": "r3fresh"}
    answer = api.post(f"channels/{channel.pk}/set-credential", secret)
    assert answer.json()["has_refresh_token"] and b"s3cret" not in answer.content
    short = api.post(f"channels/{channel.pk}/set-credential", {"client_id": "other"})
    assert (short.status_code, short.json()["field"]) == (422, "client_secret")
