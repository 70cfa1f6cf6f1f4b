"""Profiles by the API and the command line: the same effects and refusals as by the pages."""

import json

import pytest

from channels.models import Channel
from orchestration.models import Profile, Source
from tests import factories

pytestmark = pytest.mark.django_db


def put(api, key, body):
    return api.client.put(
        f"/api/profiles/{key}", headers=api.headers, content_type="application/json", data=json.dumps(body)
    )


def test_a_profile_is_made_changed_chosen_and_removed(api):
    made = put(api, "fine", {"name": "Fine", "max_height": 1440, "crf": 16})
    assert (made.status_code, made.json()["max_height"]) == (200, 1440)
    changed = put(api, "fine", {"name": "Finer"}).json()
    assert (changed["max_height"], changed["name"]) == (1080, "Finer")
    channel, source = factories.ChannelFactory(), factories.SourceFactory()
    assert api.post(f"channels/{channel.pk}/set-profile", {"profile": "fine"}).json()["profile"] == "fine"
    assert api.post(f"sources/{source.pk}/set-profile", {"profile": "as-is"}).json()["profile"] == "as-is"
    rows = {row["key"]: row for row in api.get("profiles").json()["items"]}
    assert (rows["fine"]["channels"], rows["as-is"]["sources"], rows["1080p-sdr"]["is_default"]) == (
        1,
        1,
        True,
    )
    refused = api.post("profiles/fine/remove", {})
    assert (refused.status_code, refused.json()["field"]) == (422, "key")
    api.post(f"channels/{channel.pk}/set-profile", {"profile": ""})
    assert api.post("profiles/fine/remove", {}).status_code == 204
    assert (Channel.objects.get().profile, Source.objects.get().profile) == ("", "as-is")


@pytest.mark.parametrize(
    ("body", "field"),
    [({"name": "x", "crf": 99}, "crf"), ({"name": "x", "colour": "pink"}, "colour"), ({}, "name")],
)
def test_a_wrong_value_is_refused_by_its_field(api, body, field):
    answer = put(api, "mine", body)
    assert answer.status_code == 422
    assert field in json.dumps(answer.json())
    assert not Profile.objects.exists()


def test_a_built_in_profile_stays_as_it_is(api):
    assert put(api, "as-is", {"name": "Mine"}).status_code == 422
    assert api.post("profiles/as-is/remove", {}).status_code == 422
    assert api.post("profiles/none/remove", {}).status_code == 404


def test_a_video_shows_its_files(api):
    rendition = factories.RenditionFactory(notes=["The sound is encoded anew: it is mp2."])
    (_, shown) = api.get(f"videos/{rendition.video_id}").json()["renditions"]
    assert (shown["profile_name"], shown["notes"]) == ("As is", rendition.notes)


def test_the_status_names_the_ffmpeg(api):
    status = api.get("orchestration/status").json()
    assert status["ffmpeg"].endswith("the tested one")
    assert status["ffmpeg_warning"] == ""
