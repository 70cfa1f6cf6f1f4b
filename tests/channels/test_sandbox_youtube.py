"""The sandbox's YouTube has rules of its own that product code must never trip over: they are real here."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import requests
from googleapiclient.discovery_cache import get_static_doc

from channels.sandbox.server import Sandbox
from channels.sandbox.youtube_state import configure, instant, publications, seed_demo, usage
from tests.channels.youtube_helpers import MARKER, STEP, gateway, sha256, stored_videos, upload, video_file

API = "/youtube/v3"
UPLOADS = "/upload/youtube/v3/videos"


@pytest.fixture(autouse=True)
def seeded(sandbox):
    seed_demo(sandbox.store)


@pytest.fixture
def call(sandbox):
    """Call the sandbox as aurora, with plain HTTP."""
    form = {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-client-secret",
        "refresh_token": "sandbox-refresh-aurora",
        "grant_type": "refresh_token",
    }
    token = requests.post(sandbox.token_url, form, timeout=30).json()["access_token"]
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"

        def made(method: str, path: str, **options: object) -> requests.Response:
            address = path if path.startswith("http") else sandbox.youtube_url + path
            return session.request(method, address, timeout=30, **options)

        yield made


def open_session(call, resource, total):
    return call(
        "POST",
        f"{UPLOADS}?uploadType=resumable&part=snippet,status",
        json=resource,
        headers={"X-Upload-Content-Length": str(total)},
    )


def reason(answer):
    return answer.json()["error"]["errors"][0]["reason"]


def snippet(**changes):
    return {"title": "A title", "description": "", **changes}


def test_a_video_uploaded_without_a_privacy_status_is_public_at_once(sandbox, call):
    where = open_session(call, {"snippet": snippet()}, 5).headers["Location"]
    answer = call("PUT", where, data=b"bytes")
    assert answer.json()["status"]["privacyStatus"] == "public"
    assert [each["cause"] for each in publications(sandbox.store)] == ["insert"]


def test_an_update_that_leaves_out_the_privacy_status_makes_a_private_video_public(sandbox, call, tmp_path):
    with gateway(sandbox) as youtube:
        video_id = upload(youtube, tmp_path).youtube_video_id
    answer = call("PUT", f"{API}/videos?part=status", json={"id": video_id, "status": {"embeddable": True}})
    assert answer.json()["status"]["privacyStatus"] == "public"


def test_an_instant_in_the_past_publishes_at_once(sandbox, call, tmp_path):
    with gateway(sandbox) as youtube:
        video_id = upload(youtube, tmp_path).youtube_video_id
    status = {"privacyStatus": "private", "publishAt": "2020-01-01T00:00:00Z"}
    answer = call("PUT", f"{API}/videos?part=status", json={"id": video_id, "status": status})
    assert answer.json()["status"]["privacyStatus"] == "public"
    [published] = publications(sandbox.store)
    assert sandbox.store.now() - instant(published["public_at"]) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "status",
    [
        {"privacyStatus": "public", "publishAt": "2030-01-01T00:00:00Z"},
        {"privacyStatus": "private", "publishAt": "tomorrow"},
        {"publishAt": "2030-01-01T00:00:00Z"},
    ],
)
def test_a_plan_needs_a_private_video_and_a_real_instant(sandbox, call, status):
    answer = open_session(call, {"snippet": snippet(), "status": status}, 5)
    assert (answer.status_code, reason(answer)) == (400, "invalidPublishAt")


def test_there_is_no_video_before_the_last_byte(sandbox, call):
    where = open_session(call, {"snippet": snippet()}, 2 * STEP).headers["Location"]
    first = call("PUT", where, data=bytes(STEP), headers={"Content-Range": f"bytes 0-{STEP - 1}/{2 * STEP}"})
    assert (first.status_code, first.headers["Range"]) == (308, f"bytes=0-{STEP - 1}")
    asked = call("PUT", where, headers={"Content-Range": f"bytes */{2 * STEP}"})
    assert (asked.status_code, asked.headers["Range"]) == (308, f"bytes=0-{STEP - 1}")
    assert stored_videos(sandbox) == []
    rest = {"Content-Range": f"bytes {STEP}-{2 * STEP - 1}/{2 * STEP}"}
    assert call("PUT", where, data=bytes(STEP), headers=rest).status_code == 200
    assert len(stored_videos(sandbox)) == 1


def test_a_question_about_an_untouched_session_names_no_range(call):
    where = open_session(call, {"snippet": snippet()}, 10).headers["Location"]
    asked = call("PUT", where, headers={"Content-Range": "bytes */10"})
    assert asked.status_code == 308 and "Range" not in asked.headers


@pytest.mark.parametrize(
    "range_", ["bytes 0-99/1000000", "bytes 0-99/100", "bytes 5-2/1000000", "items 0-99/1000000"]
)
def test_a_piece_of_a_wrong_size_or_range_is_refused(call, range_):
    where = open_session(call, {"snippet": snippet()}, 1_000_000).headers["Location"]
    assert call("PUT", where, data=bytes(100), headers={"Content-Range": range_}).status_code == 400


def test_a_cancelled_session_is_gone(call):
    where = open_session(call, {"snippet": snippet()}, 10).headers["Location"]
    assert call("DELETE", where).status_code == 499
    assert call("PUT", where, headers={"Content-Range": "bytes */10"}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"title": " "}, "invalidTitle"),
        ({"title": "a <b>"}, "invalidTitle"),
        ({"description": "é" * 2501}, "invalidDescription"),
        ({"tags": ["x" * 501]}, "invalidTags"),
        ({"categoryId": "music"}, "invalidCategoryId"),
    ],
)
def test_refused_metadata_is_named(call, changes, named):
    answer = open_session(call, {"snippet": snippet(**changes)}, 5)
    assert (answer.status_code, reason(answer)) == (400, named)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/videos?part=snippet", "missingRequiredParameter"),
        ("/videos?part=plot&id=1", "unknownPart"),
        ("/channels?part=snippet", "missingRequiredParameter"),
        ("/playlistItems?part=snippet&playlistId=UUnobody", "playlistNotFound"),
        ("/playlistItems?part=snippet&playlistId=UUsandbox-aurora&maxResults=51", "invalidParameter"),
        ("/playlistItems?part=snippet&playlistId=UUsandbox-aurora&pageToken=x", "invalidPageToken"),
    ],
)
def test_a_wrong_question_is_named_and_costs_a_unit_all_the_same(sandbox, call, path, named):
    assert reason(call("GET", API + path)) == named
    assert usage(sandbox.store)["units"] == 1


def unknown_fields(value, schema, schemas, where):
    """List the fields of an answer that Google's own description does not have."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    if isinstance(value, list):
        return [field for each in value for field in unknown_fields(each, schema["items"], schemas, where)]
    if not isinstance(value, dict):
        kinds = {"string": str, "boolean": bool, "integer": int}
        right = isinstance(value, kinds[schema["type"]]) and value in schema.get("enum", [value])
        return [] if right else [f"{where} = {value!r}"]
    found = []
    for name, inner in value.items():
        if name in schema.get("properties", {}):
            found += unknown_fields(inner, schema["properties"][name], schemas, f"{where}.{name}")
        else:
            found.append(f"{where}.{name}")
    return found


def test_every_answer_has_the_shape_that_google_describes(call, tmp_path, sandbox):
    schemas = json.loads(get_static_doc("youtube", "v3"))["schemas"]
    with gateway(sandbox) as youtube:
        video_id = upload(youtube, tmp_path).youtube_video_id
        youtube.set_publish_at(video_id, sandbox.store.now() + timedelta(hours=1))
    parts = "id,snippet,status,statistics,contentDetails"
    for path, name in (
        (f"/videos?part={parts},processingDetails&id={video_id}", "VideoListResponse"),
        (f"/channels?part={parts}&mine=true", "ChannelListResponse"),
        ("/playlistItems?part=snippet&playlistId=UUsandbox-aurora", "PlaylistItemListResponse"),
    ):
        answer = call("GET", API + path).json()
        assert answer["items"]
        assert unknown_fields(answer, schemas[name], schemas, name) == []


def test_titles_can_be_changed_too(sandbox, call, tmp_path):
    with gateway(sandbox) as youtube:
        video_id = upload(youtube, tmp_path).youtube_video_id
        body = {"id": video_id, "snippet": snippet(title="Another", categoryId="22")}
        assert call("PUT", f"{API}/videos?part=snippet", json=body).status_code == 200
        assert youtube.videos([video_id])[video_id].title == "Another"
        del body["snippet"]["categoryId"]
        assert reason(call("PUT", f"{API}/videos?part=snippet", json=body)) == "invalidCategoryId"


def test_views_grow_while_a_video_is_public_and_only_then(sandbox, tmp_path):
    with gateway(sandbox) as youtube:
        video_id = upload(youtube, tmp_path).youtube_video_id

        def views():
            return youtube.videos([video_id])[video_id].view_count

        before = youtube.my_channel().view_count
        sandbox.store.advance(3600)
        assert views() == 0
        youtube.publish_now(video_id)
        counts = []
        for _ in range(4):
            sandbox.store.advance(600)
            counts.append(views())
        assert 0 < counts[0] < counts[1] < counts[2] < counts[3]
        assert youtube.my_channel().view_count >= before + counts[3]
        assert youtube.my_channel().video_count == 1
        youtube.make_private(video_id)
        held = views()
        sandbox.store.advance(3600)
        assert views() == held


def test_the_quota_day_ends_at_midnight_in_california(sandbox, call):
    call("GET", f"{API}/channels?part=id&mine=true")
    assert usage(sandbox.store)["units"] == 1
    now = sandbox.store.now()
    pacific = now.astimezone(ZoneInfo("America/Los_Angeles"))
    midnight = datetime(pacific.year, pacific.month, pacific.day, tzinfo=pacific.tzinfo) + timedelta(days=1)
    sandbox.store.advance((midnight.astimezone(UTC) - now).total_seconds() + 1)
    assert usage(sandbox.store)["units"] == 0


def test_a_file_that_is_no_video_fails_in_processing_if_that_is_checked(sandbox, tmp_path):
    configure(sandbox.store, check_media=True)
    with gateway(sandbox) as youtube:
        video_id = upload(youtube, tmp_path).youtube_video_id
        sandbox.store.advance(5)
        stated = youtube.videos([video_id])[video_id]
    assert (stated.upload_status, stated.failure_reason) == ("failed", "invalidFile")


def test_the_list_of_uploads_of_one_channel_lags_as_long_as_it_is_told(sandbox, tmp_path):
    configure(sandbox.store, channel_id="UCsandbox-aurora", list_lag_seconds=60)
    found = []
    for slug in ("aurora", "borealis"):
        with gateway(sandbox, slug) as youtube:
            upload(youtube, tmp_path)
            found.append(youtube.find_all_by_marker(MARKER))
    assert [len(each) for each in found] == [0, 1]
    sandbox.store.advance(61)
    with gateway(sandbox) as youtube:
        assert len(youtube.find_all_by_marker(MARKER)) == 1


def test_processing_takes_its_time_and_ends_as_it_was_told(sandbox, call, tmp_path):
    configure(sandbox.store, channel_id="UCsandbox-aurora", processing_seconds=300)
    with gateway(sandbox) as youtube:
        ids = [upload(youtube, tmp_path).youtube_video_id for _ in range(3)]
        for video_id, reason, rejected in ((ids[1], "codec", False), (ids[2], "duplicate", True)):
            asked = {"video_id": video_id, "reason": reason, "rejected": rejected}
            control = f"{sandbox.url}/sandbox/youtube/fail-processing"
            assert call("POST", control, json=asked).status_code == 204
        path = f"{API}/videos?part=status,processingDetails&id={','.join(ids)}"

        def seen():
            items = call("GET", path).json()["items"]
            return [(i["status"]["uploadStatus"], i["processingDetails"]["processingStatus"]) for i in items]

        assert seen() == [("uploaded", "processing")] * 3
        sandbox.store.advance(301)
        assert seen() == [("processed", "succeeded"), ("failed", "failed"), ("rejected", "succeeded")]
        stated = youtube.videos(ids)
    assert (stated[ids[1]].failure_reason, stated[ids[2]].rejection_reason) == ("codec", "duplicate")
    assert call("POST", control, json={"video_id": "nothing"}).status_code == 404


def test_a_channel_can_have_a_cap_of_its_own_and_lose_it_again(sandbox, call):
    control = f"{sandbox.url}/sandbox/youtube/settings"
    capped = {"channel_id": "UCsandbox-aurora", "channel_uploads_per_day": 0}
    assert call("POST", control, json=capped).json() == {"channel_uploads_per_day": 0}
    refused = open_session(call, {"snippet": snippet()}, 5)
    assert (refused.status_code, reason(refused)) == (400, "uploadLimitExceeded")
    assert call("POST", control, json={**capped, "channel_uploads_per_day": None}).json() == {}
    assert open_session(call, {"snippet": snippet()}, 5).status_code == 200
    unknown = call("POST", control, json={**capped, "channel_id": "UCnobody"})
    assert (unknown.status_code, unknown.json()["message"]) == (422, "no such channel: UCnobody")


def test_an_access_token_expires(sandbox, call):
    sandbox.store.advance(3600)
    answer = call("GET", f"{API}/channels?part=id&mine=true")
    assert (answer.status_code, reason(answer)) == (401, "authError")


def test_settings_revocation_and_lapsed_sessions_are_reached_over_http_too(sandbox, call):
    control = f"{sandbox.url}/sandbox/youtube"
    assert call("POST", f"{control}/settings", json={"uploads_per_day": 0}).json() == {"uploads_per_day": 0}
    assert call("POST", f"{control}/settings", json={"nonsense": 0}).status_code == 422
    assert open_session(call, {"snippet": snippet()}, 5).status_code == 429
    call("POST", f"{control}/settings", json={"uploads_per_day": 9})
    where = open_session(call, {"snippet": snippet()}, 5).headers["Location"]
    assert call("POST", f"{control}/forget-sessions").status_code == 204
    assert call("PUT", where, data=b"bytes").status_code == 404
    assert call("GET", f"{control}/publications").json() == []
    token = {"refresh_token": "sandbox-refresh-aurora"}
    assert call("POST", f"{control}/revoke", json=token).status_code == 204
    assert call("POST", f"{control}/revoke", json={"refresh_token": "unknown"}).status_code == 404
    assert call("GET", f"{API}/channels?part=id&mine=true").status_code == 401


def test_a_thumbnail_can_be_looked_at(sandbox, call, tmp_path):
    with gateway(sandbox) as youtube:
        video_id = upload(youtube, tmp_path).youtube_video_id
        assert call("GET", f"/vi/{video_id}").status_code == 404
        picture = tmp_path / "picture.png"
        picture.write_bytes(b"\x89PNG....")
        youtube.set_thumbnail(video_id, picture)
    assert call("GET", f"/vi/{video_id}").content == b"\x89PNG...."


def test_with_a_data_folder_everything_outlives_a_restart(tmp_path):
    path, data_dir = video_file(tmp_path, 1000), tmp_path / "data"
    with Sandbox(data_dir=data_dir) as first:
        seed_demo(first.store)
        with gateway(first) as youtube:
            video_id = upload(youtube, tmp_path, size_bytes=1000).youtube_video_id
            youtube.publish_now(video_id)
    with Sandbox(data_dir=data_dir) as second:
        seed_demo(second.store)
        with gateway(second) as youtube:
            assert youtube.videos([video_id])[video_id].is_public
            assert sha256(second.store.folder("videos") / f"{video_id}.mp4") == sha256(path)
            youtube.delete(video_id)
        assert list(second.store.folder("videos").iterdir()) == []
        assert len(publications(second.store)) == 1
