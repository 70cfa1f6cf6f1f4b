"""The words of a video on YouTube: what an upload says, what an edit changes and keeps, playlists, captions, pictures."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from channels.gateways.errors import (
    AlreadyThere,
    PermissionMissing,
    RemoteNotFound,
    RemoteRejected,
    RemoteUncertain,
)
from channels.gateways.youtube_upload import resource_of, unmarked_description
from channels.sandbox import youtube_state, youtube_words
from channels.sandbox.faults import Match
from tests.channels.youtube_helpers import MARKER, gateway, metadata, stored_videos, upload, video_file

SRT = "1\n00:00:00,000 --> 00:00:01,000\nBoats leave.\n"
ALL = {
    "licence": "creativeCommon",
    "embeddable": False,
    "made_for_kids": True,
    "synthetic_media": True,
    "paid_promotion": True,
}
PLAYLIST = "PLharbour"


@pytest.fixture(autouse=True)
def seeded(sandbox):
    youtube_state.seed_demo(sandbox.store)


@pytest.fixture
def youtube(sandbox):
    with gateway(sandbox) as made:
        yield made


@pytest.fixture
def video_id(youtube, tmp_path):
    return upload(youtube, tmp_path).youtube_video_id


def the_video(sandbox) -> dict:
    (video,) = stored_videos(sandbox)
    return video


def test_an_upload_says_all_its_words(sandbox, youtube, tmp_path):
    words = metadata(**ALL, tags=("harbour",), category_id="10")
    youtube.upload(video_file(tmp_path, 2000), words, on_session=lambda uri: None)
    seen = youtube.videos([the_video(sandbox)["id"]])[the_video(sandbox)["id"]]
    assert {name: getattr(seen, name) for name in ALL} == ALL
    assert (seen.category_id, seen.language, seen.tags) == ("10", "en", ("harbour", MARKER))
    assert seen.privacy_status == "private"


@pytest.mark.parametrize("changes", [{}, ALL, {"language": ""}, {"notify_subscribers": False}])
def test_the_script_of_a_repository_sends_the_same_as_our_workers(script, changes):
    words = metadata(**changes)
    told = {name: getattr(words, name) for name in words.__dataclass_fields__}
    assert script.resource_of(json.loads(json.dumps(told))) == resource_of(words)
    assert list(script.resource_of(told)) == list(resource_of(words))


def test_an_edit_changes_what_it_names_and_keeps_every_other_word(sandbox, youtube, tmp_path):
    youtube.upload(video_file(tmp_path, 2000), metadata(**ALL), on_session=lambda uri: None)
    before = the_video(sandbox)
    answered = youtube.set_words(before["id"], {"title": "Harbour at dusk"}, MARKER)
    after = the_video(sandbox)
    assert answered.title == "Harbour at dusk"
    assert after["snippet"] == {**before["snippet"], "title": "Harbour at dusk"}
    assert (after["status"], after["paid_promotion"], after["privacy_status"]) == (
        before["status"],
        True,
        "private",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [("licence", "youtube"), ("embeddable", True), ("made_for_kids", False), ("synthetic_media", False)],
)
def test_an_edit_of_the_status_keeps_who_may_see_it_and_its_moment(sandbox, youtube, tmp_path, field, value):
    youtube.upload(video_file(tmp_path, 2000), metadata(**ALL), on_session=lambda uri: None)
    at = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
    video_id = the_video(sandbox)["id"]
    youtube.set_publish_at(video_id, at)
    before = the_video(sandbox)
    answered = youtube.set_words(video_id, {field: value}, MARKER)
    after = the_video(sandbox)
    changed = {name for name in after["status"] if after["status"][name] != before["status"][name]}
    assert len(changed) == 1
    assert (answered.privacy_status, answered.publish_at, getattr(answered, field)) == ("private", at, value)
    assert after["transitions"] == before["transitions"]


def test_the_status_is_left_alone_where_its_moment_may_pass_meanwhile(sandbox, youtube, video_id):
    youtube.set_publish_at(video_id, datetime.now(UTC) + timedelta(seconds=20))
    with pytest.raises(RemoteRejected, match="is to become public at"):
        youtube.set_words(video_id, {"licence": "creativeCommon"}, MARKER)
    assert the_video(sandbox)["status"]["license"] == "youtube"
    youtube.set_words(video_id, {"title": "Of the snippet alone"}, MARKER)  # names no status, so it may


def test_an_edited_description_and_tags_carry_the_marker_still(sandbox, youtube, video_id):
    youtube.set_words(video_id, {"description": "Boats return.", "tags": ["dusk"]}, MARKER)
    snippet = the_video(sandbox)["snippet"]
    assert snippet["description"].splitlines()[-1] == MARKER
    assert unmarked_description(snippet["description"], MARKER) == "Boats return."
    assert snippet["tags"] == ["dusk", MARKER]


def test_a_language_can_be_taken_off(sandbox, youtube, video_id):
    youtube.set_words(video_id, {"language": ""}, MARKER)
    assert "defaultLanguage" not in the_video(sandbox)["snippet"]


def test_an_edit_after_a_look_is_one_single_call(sandbox, youtube, video_id):
    youtube.prepare([video_id])
    sandbox.clear_requests()
    youtube.set_words(video_id, {"title": "One call"}, MARKER)
    assert [one.method for one in sandbox.requests()] == ["PUT"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"title": "a" * 101}, "invalidTitle"),
        ({"title": "a < b"}, "invalidTitle"),
        ({"description": "é" * 2600}, None),  # cut to 5000 bytes with its marker, as an upload's is
        ({"description": "a > b"}, "invalidDescription"),
        ({"tags": ["a" * 300, "b" * 300]}, "invalidTags"),
        ({"tags": ["a<b"]}, "invalidTags"),
        ({"category_id": "18"}, "invalidCategoryId"),
        ({"category_id": ""}, "invalidCategoryId"),
        ({"language": "not a language"}, "invalidVideoMetadata"),
    ],
)
def test_what_youtube_does_not_take_is_refused_by_its_reason(youtube, video_id, changes, reason):
    if reason is None:
        youtube.set_words(video_id, changes, MARKER)
        return
    with pytest.raises(RemoteRejected, match=reason):
        youtube.set_words(video_id, changes, MARKER)


def test_what_an_update_leaves_out_of_a_part_is_deleted(sandbox, youtube, video_id):
    """The sandbox does what the API does, so that an edit that keeps nothing is seen failing."""
    body = {"id": video_id, "snippet": {"title": "Bare", "categoryId": "22"}}
    youtube._write(youtube._api.videos().update(part="snippet", body=body))
    assert the_video(sandbox)["snippet"] == {
        "title": "Bare",
        "description": "",
        "tags": [],
        "categoryId": "22",
    }


# -- playlists, captions, pictures -----------------------------------------------------------------------


def test_a_video_is_put_into_a_playlist_and_seen_in_it(sandbox, youtube, video_id):
    youtube_words.add_playlist(sandbox.store, "UCsandbox-aurora", PLAYLIST)
    assert youtube.playlist_item(PLAYLIST, video_id) == ""
    entry = youtube.add_to_playlist(PLAYLIST, video_id)
    assert youtube.playlist_item(PLAYLIST, video_id) == entry
    assert youtube_words.videos_in(sandbox.store, PLAYLIST) == [video_id]


def test_playlists_refuse_by_name(sandbox, youtube, video_id):
    with pytest.raises(RemoteNotFound, match="playlistNotFound"):
        youtube.playlist_item(PLAYLIST, video_id)
    youtube_words.add_playlist(sandbox.store, "UCsandbox-aurora", PLAYLIST, most=0)
    with pytest.raises(PermissionMissing, match="playlistContainsMaximumNumberOfVideos"):
        youtube.add_to_playlist(PLAYLIST, video_id)
    youtube_words.add_playlist(sandbox.store, "UCsandbox-borealis", "PLother")
    with pytest.raises(PermissionMissing, match="playlistItemsNotAccessible"):
        youtube.add_to_playlist("PLother", video_id)


def test_captions_are_added_once_listed_and_replaced(sandbox, youtube, video_id, tmp_path):
    file = tmp_path / "words.srt"
    file.write_text(SRT)
    track = youtube.add_captions(video_id, "en", "English", file)
    (listed,) = youtube.captions(video_id)
    assert (listed.id, listed.language, listed.name, listed.kind) == (track, "en", "English", "standard")
    with pytest.raises(AlreadyThere):
        youtube.add_captions(video_id, "en", "English", file)
    file.write_text(SRT.replace("leave", "return"))
    youtube.replace_captions(track, file)
    assert "return" in the_video(sandbox)["captions"][track]["text"]
    assert youtube.spent["youtube_units"] >= 400 + 50 + 400 + 450


@pytest.mark.parametrize(
    ("language", "name", "content", "reason"),
    [
        ("", "English", SRT, "invalidMetadata"),
        ("en", "x" * 151, SRT, "nameTooLong"),
        ("en", "English", "no times in it", "invalidMetadata"),
    ],
)
def test_captions_are_refused_by_name(youtube, video_id, tmp_path, language, name, content, reason):
    file = tmp_path / "words.srt"
    file.write_text(content)
    with pytest.raises(RemoteRejected, match=reason):
        youtube.add_captions(video_id, language, name, file)


def test_captions_need_a_permission_of_their_own(sandbox, tmp_path):
    with sandbox.store.change(youtube_state.SECTION) as section:
        section["refresh_tokens"]["sandbox-refresh-aurora"]["scopes"] = [youtube_state.MANAGE]
    with gateway(sandbox) as youtube:
        video_id = upload(youtube, tmp_path).youtube_video_id
        with pytest.raises(PermissionMissing, match="insufficientPermissions"):
            youtube.captions(video_id)


def test_captions_whose_answer_is_lost_are_uncertain_and_there(sandbox, youtube, video_id, tmp_path):
    file = tmp_path / "words.vtt"
    file.write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nBoats leave.\n")
    sandbox.faults.add(Match("POST", "/upload/youtube/v3/captions"), "status_after", status=500)
    with pytest.raises(RemoteUncertain):
        youtube.add_captions(video_id, "en", "", file)
    assert len(youtube.captions(video_id)) == 1


def test_a_channel_that_may_have_no_pictures_of_its_own_is_told_so(sandbox, youtube, video_id, tmp_path):
    youtube_state.configure(sandbox.store, channel_id="UCsandbox-aurora", thumbnails_allowed=False)
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n")
    with pytest.raises(PermissionMissing, match="thumbnails"):
        youtube.set_thumbnail(video_id, picture)
