import json
from datetime import UTC, datetime, timedelta

import pytest

from channels.gateways.errors import RemoteNotFound, RemoteRejected, RemoteUncertain
from channels.quota import UNITS, UPLOADS
from channels.sandbox.faults import Match
from channels.sandbox.youtube_state import SECTION, instant, publications, seed_demo, usage
from tests.channels.youtube_helpers import MARKER, gateway, stored_videos, upload
from tests.patience import wait_for

UPDATES = "/youtube/youtube/v3/videos"
UPDATE = Match(method="PUT", path=f"^{UPDATES}")


@pytest.fixture(autouse=True)
def seeded(sandbox):
    seed_demo(sandbox.store)


@pytest.fixture
def youtube(sandbox):
    with gateway(sandbox) as made:
        yield made


@pytest.fixture
def video_id(youtube, tmp_path):
    return upload(youtube, tmp_path).youtube_video_id


def in_an_hour(sandbox):
    return (sandbox.store.now() + timedelta(hours=1)).replace(microsecond=0)


def test_a_planned_publication_happens_at_its_instant_and_not_before(sandbox, youtube, video_id):
    at = in_an_hour(sandbox)
    stated = youtube.set_publish_at(video_id, at)
    assert (stated.privacy_status, stated.publish_at) == ("private", at)

    sandbox.store.advance((at - sandbox.store.now()).total_seconds() - 30)
    assert youtube.videos([video_id])[video_id].privacy_status == "private"
    assert publications(sandbox.store) == []

    sandbox.store.advance(31)
    now = youtube.videos([video_id])[video_id]
    assert (now.privacy_status, now.publish_at, now.published_at) == ("public", None, at)
    [published] = publications(sandbox.store)
    assert instant(published["public_at"]) == at
    assert (published["video_id"], published["marker"]) == (video_id, MARKER)


def test_a_planned_publication_happens_even_if_nobody_calls(sandbox, youtube, video_id):
    at = in_an_hour(sandbox)
    youtube.set_publish_at(video_id, at)
    sandbox.store.advance(86_400)
    assert [instant(each["public_at"]) for each in publications(sandbox.store)] == [at]


def test_a_fraction_of_a_second_is_rounded_up_so_that_nothing_is_early(sandbox, youtube, video_id):
    at = in_an_hour(sandbox) + timedelta(milliseconds=1)
    assert youtube.set_publish_at(video_id, at).publish_at == in_an_hour(sandbox) + timedelta(seconds=1)


def test_an_instant_that_is_not_in_the_future_is_refused_and_nothing_is_published(sandbox, youtube, video_id):
    sandbox.clear_requests()
    with pytest.raises(RemoteRejected, match="not in the future"):
        youtube.set_publish_at(video_id, datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(ValueError, match="time zone"):
        youtube.set_publish_at(video_id, datetime(2030, 1, 1))  # noqa: DTZ001
    assert sandbox.requests() == []
    assert publications(sandbox.store) == []


def test_planning_the_same_instant_again_sends_nothing(sandbox, youtube, video_id):
    at = in_an_hour(sandbox)
    youtube.set_publish_at(video_id, at)
    youtube.set_publish_at(video_id, at)
    assert len(sandbox.requests("PUT", UPDATES)) == 1


def test_a_plan_can_be_moved_and_dropped(sandbox, youtube, video_id):
    later = in_an_hour(sandbox) + timedelta(hours=1)
    youtube.set_publish_at(video_id, in_an_hour(sandbox))
    assert youtube.set_publish_at(video_id, later).publish_at == later
    assert youtube.make_private(video_id).publish_at is None
    sandbox.store.advance(86_400)
    assert youtube.videos([video_id])[video_id].privacy_status == "private"
    assert publications(sandbox.store) == []


def test_publishing_makes_a_video_public_once_however_often_it_is_asked(sandbox, youtube, video_id):
    before = sandbox.store.now()
    assert youtube.publish_now(video_id).is_public
    assert youtube.publish_now(video_id).is_public
    [published] = publications(sandbox.store)
    assert before <= instant(published["public_at"]) <= sandbox.store.now()
    assert len(sandbox.requests("PUT", UPDATES)) == 1


def test_a_prepared_publication_is_one_single_call_at_its_moment(sandbox, youtube, video_id):
    assert youtube.prepare([video_id, "gone"])[video_id].privacy_status == "private"
    sandbox.clear_requests()
    youtube.publish_now(video_id)
    assert [(each.method, each.path) for each in sandbox.requests()] == [("PUT", UPDATES)]
    assert youtube.publish_now(video_id).is_public
    assert len(publications(sandbox.store)) == 1


def test_publishing_a_planned_video_now_drops_the_plan(sandbox, youtube, video_id):
    youtube.set_publish_at(video_id, in_an_hour(sandbox))
    stated = youtube.publish_now(video_id)
    assert (stated.privacy_status, stated.publish_at) == ("public", None)
    sandbox.store.advance(86_400)
    assert len(publications(sandbox.store)) == 1


def test_a_public_video_can_be_recalled_but_not_planned_again(sandbox, youtube, video_id):
    youtube.publish_now(video_id)
    with pytest.raises(RemoteRejected, match="only a private one"):
        youtube.set_publish_at(video_id, in_an_hour(sandbox))
    assert youtube.make_private(video_id).privacy_status == "private"
    with pytest.raises(RemoteRejected, match="invalidPublishAt"):
        youtube.set_publish_at(video_id, in_an_hour(sandbox))


def test_each_update_sends_the_whole_status_so_that_nothing_else_is_reset(sandbox, youtube, video_id):
    with sandbox.store.change(SECTION) as state:
        state["videos"][video_id]["status"] |= {
            "selfDeclaredMadeForKids": True,
            "embeddable": False,
            "license": "creativeCommon",
            "publicStatsViewable": False,
            "containsSyntheticMedia": True,
        }
    kept = dict(stored_videos(sandbox)[0]["status"])
    youtube.set_publish_at(video_id, in_an_hour(sandbox))
    youtube.make_private(video_id)
    youtube.publish_now(video_id)
    assert stored_videos(sandbox)[0]["status"] == kept
    sent = [json.loads(each.body)["status"]["privacyStatus"] for each in sandbox.requests("PUT", UPDATES)]
    assert sent == ["private", "private", "public"]


def test_an_uncertain_publication_is_sent_once_and_shown_by_reading_back(sandbox, youtube, video_id):
    sandbox.faults.add(UPDATE, "status_after", status=500)
    with pytest.raises(RemoteUncertain) as lost:
        youtube.publish_now(video_id)
    assert lost.value.again == "unknown"
    assert youtube.videos([video_id])[video_id].is_public
    assert len(sandbox.requests("PUT", UPDATES)) == 1
    assert len(publications(sandbox.store)) == 1


def test_an_uncertain_publication_that_did_not_happen_is_shown_by_reading_back_too(
    sandbox, youtube, video_id
):
    sandbox.faults.add(UPDATE, "status_before", status=500)
    with pytest.raises(RemoteUncertain):
        youtube.publish_now(video_id)
    assert not youtube.videos([video_id])[video_id].is_public


@pytest.mark.parametrize("kind", ["timeout_after", "timeout_before"])
def test_a_publication_whose_connection_drops_is_never_sent_again_behind_our_back(
    sandbox, youtube, video_id, kind
):
    sandbox.faults.add(UPDATE, kind, hold_seconds=0)
    with pytest.raises(RemoteUncertain):
        youtube.publish_now(video_id)
    assert len(sandbox.requests("PUT", UPDATES)) == 1
    assert youtube.videos([video_id])[video_id].is_public == (kind == "timeout_after")


def test_a_publication_without_an_answer_in_time_is_uncertain(sandbox, video_id):
    sandbox.faults.add(UPDATE, "timeout_after", hold_seconds=60)
    with gateway(sandbox, timeout_seconds=2) as hasty, pytest.raises(RemoteUncertain, match="timed out"):
        hasty.publish_now(video_id)
    wait_for(lambda: publications(sandbox.store))  # its effect may come after we gave up
    assert len(publications(sandbox.store)) == 1


def test_a_video_that_is_gone_is_named(youtube):
    for call in (youtube.publish_now, youtube.make_private, youtube.delete):
        with pytest.raises(RemoteNotFound):
            call("nosuchvideo")


def test_videos_are_read_fifty_at_a_time_and_the_missing_are_left_out(sandbox, youtube, video_id):
    sandbox.clear_requests()
    ids = [f"gone-{number}" for number in range(119)]
    found = youtube.videos([*ids, video_id, video_id])
    assert list(found) == [video_id]
    assert len(sandbox.requests("GET", UPDATES)) == 3
    assert youtube.videos([]) == {}


def test_a_video_is_uploaded_then_processed(sandbox, youtube, video_id):
    assert youtube.videos([video_id])[video_id].upload_status == "uploaded"
    sandbox.store.advance(2)
    stated = youtube.videos([video_id])[video_id]
    assert (stated.upload_status, stated.failure_reason, stated.title) == ("processed", "", "Harbour at dawn")


def test_the_marker_is_found_exactly_and_the_first_upload_wins(youtube, tmp_path):
    first = upload(youtube, tmp_path, marker="headend:1").youtube_video_id
    longer = upload(youtube, tmp_path, marker="headend:12").youtube_video_id
    second = upload(youtube, tmp_path, marker="headend:1").youtube_video_id
    assert youtube.find_by_marker("headend:1") == first
    assert youtube.find_by_marker("headend:12") == longer
    assert youtube.find_all_by_marker("headend:1") == [second, first]
    assert youtube.find_by_marker("headend:2") is None


def test_the_search_for_a_marker_pages_through_the_newest_uploads_only(sandbox, youtube, tmp_path):
    for number in range(60):
        upload(youtube, tmp_path, marker=f"headend:n{number}", size_bytes=10)
    sandbox.clear_requests()
    assert youtube.find_by_marker("headend:n0") is not None
    assert len(sandbox.requests("GET", "/playlistItems")) == 2
    assert youtube.find_by_marker("headend:n0", newest=50) is None


def test_a_thumbnail_is_set(sandbox, youtube, video_id, tmp_path):
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"\xff\xd8\xff" + bytes(100))
    youtube.set_thumbnail(video_id, picture)
    assert stored_videos(sandbox)[0]["thumbnail"] == {"kind": "jpg", "size_bytes": 103}
    picture.write_bytes(b"not a picture")
    with pytest.raises(RemoteRejected, match="invalidImage"):
        youtube.set_thumbnail(video_id, picture)


def test_a_deleted_video_is_gone_and_its_publication_stays_on_record(sandbox, youtube, video_id):
    youtube.publish_now(video_id)
    youtube.delete(video_id)
    assert youtube.videos([video_id]) == {}
    assert youtube.find_by_marker(MARKER) is None
    assert len(publications(sandbox.store)) == 1


def test_what_a_gateway_says_it_spent_is_what_the_project_is_charged(sandbox, youtube, tmp_path):
    video_id = upload(youtube, tmp_path).youtube_video_id
    youtube.my_channel()
    youtube.set_publish_at(video_id, in_an_hour(sandbox))
    youtube.publish_now(video_id)
    youtube.find_by_marker(MARKER)
    youtube.delete(video_id)
    used = usage(sandbox.store)
    assert (youtube.spent[UPLOADS], youtube.spent[UNITS]) == (used["uploads"], used["units"])
