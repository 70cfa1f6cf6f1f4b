import json

import pytest

from channels.gateways.errors import (
    RemoteRejected,
    RemoteUnavailable,
    RemoteUncertain,
    SessionGone,
)
from channels.gateways.youtube_upload import UploadCancelled, marked_description
from channels.sandbox.faults import Match
from channels.sandbox.youtube_state import configure, seed_demo
from channels.sandbox.youtube_upload import expire_sessions
from tests.channels.youtube_helpers import (
    MARKER,
    STEP,
    Sent,
    gateway,
    metadata,
    sha256,
    stored_videos,
    video_file,
)

UPLOADS = "/youtube/upload/youtube/v3/videos"
PIECE = Match(method="PUT", path=UPLOADS)


@pytest.fixture(autouse=True)
def seeded(sandbox):
    seed_demo(sandbox.store)


def test_an_upload_is_private_whole_and_marked(sandbox, tmp_path):
    path, sent = video_file(tmp_path), Sent()
    with gateway(sandbox) as youtube:
        receipt = youtube.upload(
            path, metadata(), on_session=sent.on_session, on_progress=sent.on_progress, chunk_bytes=STEP
        )
    [video] = stored_videos(sandbox)
    assert receipt.youtube_video_id == video["id"]
    assert receipt.youtube_channel_id == "UCsandbox-aurora"
    assert receipt.privacy_status == video["privacy_status"] == "private"
    assert (video["sha256"], video["size_bytes"]) == (sha256(path), path.stat().st_size)
    assert video["snippet"]["description"].splitlines()[-1] == MARKER
    assert video["snippet"]["tags"] == ["harbour", "boats", MARKER]
    total = path.stat().st_size
    assert sent.progress == [(done, total) for done in (STEP, 2 * STEP, 3 * STEP, total)]


def test_the_privacy_status_is_always_sent_and_always_private(sandbox, tmp_path):
    with gateway(sandbox) as youtube:
        for number in range(3):
            youtube.upload(
                video_file(tmp_path, 100), metadata(f"headend:{number}"), on_session=lambda uri: None
            )
    openings = sandbox.requests("POST", UPLOADS)
    assert [json.loads(each.body)["status"]["privacyStatus"] for each in openings] == ["private"] * 3


def test_the_session_is_handed_over_before_the_first_byte(sandbox, tmp_path):
    seen = []
    with gateway(sandbox) as youtube:
        youtube.upload(
            video_file(tmp_path, 100),
            metadata(),
            on_session=lambda uri: seen.append((uri, len(sandbox.requests("PUT", UPLOADS)))),
        )
    assert len(seen) == 1
    assert seen[0][0].startswith(sandbox.url)
    assert seen[0][1] == 0


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_failure_in_the_middle_is_asked_about_and_resumed(sandbox, tmp_path, status):
    path, waits = video_file(tmp_path), []
    sandbox.faults.add(Match("PUT", UPLOADS), "slow", delay_seconds=0)
    sandbox.faults.add(PIECE, "status_before", status=status)
    with gateway(sandbox, sleeps=waits) as youtube:
        receipt = youtube.upload(path, metadata(), on_session=lambda uri: None, chunk_bytes=STEP)
    [video] = stored_videos(sandbox)
    assert (receipt.youtube_video_id, video["sha256"]) == (video["id"], sha256(path))
    assert len(sandbox.requests("POST", UPLOADS)) == 1
    assert len(waits) == 1


def test_a_connection_cut_within_a_piece_loses_nothing(sandbox, tmp_path):
    path = video_file(tmp_path, 6 * STEP)
    sandbox.faults.add(PIECE, "cut", after_bytes=STEP + 70_000)
    with gateway(sandbox) as youtube:
        youtube.upload(path, metadata(), on_session=lambda uri: None, chunk_bytes=4 * STEP)
    [video] = stored_videos(sandbox)
    assert video["sha256"] == sha256(path)


def test_a_lost_receipt_for_the_last_piece_still_gives_one_video(sandbox, tmp_path):
    sandbox.faults.add(PIECE, "status_after", status=502)
    with gateway(sandbox) as youtube:
        receipt = youtube.upload(video_file(tmp_path, 100), metadata(), on_session=lambda uri: None)
    [video] = stored_videos(sandbox)
    assert receipt.youtube_video_id == video["id"]


def test_a_dropped_connection_after_the_last_byte_still_gives_one_video(sandbox, tmp_path):
    sandbox.faults.add(PIECE, "timeout_after", hold_seconds=0)
    with gateway(sandbox) as youtube:
        receipt = youtube.upload(video_file(tmp_path, 100), metadata(), on_session=lambda uri: None)
    [video] = stored_videos(sandbox)
    assert receipt.youtube_video_id == video["id"]
    # One piece and one question: httplib2 alone would have sent the piece again.
    assert len(sandbox.requests("PUT", UPLOADS)) == 2


class Crash(BaseException):
    pass


def test_after_a_crash_another_worker_resumes_the_same_upload_and_there_is_one_video(sandbox, tmp_path):
    path, sent = video_file(tmp_path, 5 * STEP), Sent()

    def crash_in_the_middle(sent_bytes: int, total_bytes: int) -> None:
        if sent_bytes >= 2 * STEP:
            raise Crash

    with gateway(sandbox) as first, pytest.raises(Crash):
        first.upload(
            path,
            metadata(),
            on_session=sent.on_session,
            on_progress=crash_in_the_middle,
            chunk_bytes=STEP,
        )
    assert stored_videos(sandbox) == []
    with gateway(sandbox) as second:
        receipt = second.upload(
            path,
            metadata(),
            session_uri=sent.session_uris[0],
            on_session=sent.on_session,
            chunk_bytes=STEP,
        )
    [video] = stored_videos(sandbox)
    assert (receipt.youtube_video_id, video["sha256"]) == (video["id"], sha256(path))
    assert receipt.resumed_from_bytes == 2 * STEP
    assert len(sent.session_uris) == 1
    assert len(sandbox.requests("POST", UPLOADS)) == 1


def test_a_crash_right_after_the_session_was_stored_resumes_from_the_first_byte(sandbox, tmp_path):
    path, uris = video_file(tmp_path, 3 * STEP), []

    def store_and_crash(uri: str) -> None:
        uris.append(uri)
        raise Crash

    with gateway(sandbox) as first, pytest.raises(Crash):
        first.upload(path, metadata(), on_session=store_and_crash)
    with gateway(sandbox) as second:
        receipt = second.upload(path, metadata(), session_uri=uris[0], on_session=uris.append)
    [video] = stored_videos(sandbox)
    assert (receipt.youtube_video_id, receipt.resumed_from_bytes, len(uris)) == (video["id"], 0, 1)


def test_resuming_a_finished_upload_returns_its_video_and_sends_nothing(sandbox, tmp_path):
    path, sent = video_file(tmp_path), Sent()
    with gateway(sandbox) as youtube:
        first = youtube.upload(path, metadata(), on_session=sent.on_session)
        again = youtube.upload(path, metadata(), session_uri=sent.session_uris[0], on_session=sent.on_session)
    assert again.youtube_video_id == first.youtube_video_id
    assert again.resumed_from_bytes == path.stat().st_size
    assert len(stored_videos(sandbox)) == 1


def test_a_finished_upload_that_answers_with_an_error_is_found_by_its_marker(sandbox, tmp_path):
    configure(sandbox.store, answer_after_completion="error")
    path, sent = video_file(tmp_path), Sent()
    with gateway(sandbox) as youtube:
        first = youtube.upload(path, metadata(), on_session=sent.on_session)
        with pytest.raises(SessionGone):
            youtube.upload(path, metadata(), session_uri=sent.session_uris[0], on_session=sent.on_session)
        assert youtube.find_by_marker(MARKER) == first.youtube_video_id


def test_a_lapsed_session_is_named_as_such(sandbox, tmp_path):
    path, sent = video_file(tmp_path), Sent()
    with gateway(sandbox) as youtube:
        with pytest.raises(Crash):
            youtube.upload(
                path, metadata(), on_session=sent.on_session, on_progress=_raise(Crash), chunk_bytes=STEP
            )
        expire_sessions(sandbox.store)
        with pytest.raises(SessionGone) as gone:
            youtube.upload(path, metadata(), session_uri=sent.session_uris[0], on_session=sent.on_session)
    assert gone.value.again == "again"
    assert sent.session_uris[0] not in str(gone.value)


def test_a_refused_question_means_the_session_is_over_but_a_refused_piece_is_refused(sandbox, tmp_path):
    path, sent = video_file(tmp_path), Sent()
    refusal = {
        "error": {"errors": [{"reason": "badContent"}], "message": "A piece must be a multiple of 256 KiB."}
    }
    sandbox.faults.add(PIECE, "status_before", status=400, body=refusal)
    sandbox.faults.add(PIECE, "status_before", status=400)
    with gateway(sandbox) as youtube:
        with pytest.raises(RemoteRejected):
            youtube.upload(path, metadata(), on_session=sent.on_session)
        with pytest.raises(SessionGone, match="closed"):
            youtube.upload(path, metadata(), session_uri=sent.session_uris[0], on_session=sent.on_session)


def test_a_server_that_takes_no_bytes_is_not_asked_for_ever(sandbox, tmp_path):
    sandbox.faults.add(PIECE, "status_before", status=308, times=None)
    with gateway(sandbox) as youtube, pytest.raises(RemoteUnavailable, match="no more bytes"):
        youtube.upload(video_file(tmp_path), metadata(), on_session=lambda uri: None, chunk_bytes=STEP)
    assert len(sandbox.requests("PUT", UPLOADS)) == 7


def test_two_workers_on_one_session_still_give_one_whole_video(sandbox, tmp_path):
    path, sent = video_file(tmp_path, 5 * STEP), Sent()
    with gateway(sandbox) as slow, gateway(sandbox) as fast:
        receipts = []

        def other_worker_finishes(sent_bytes: int, total_bytes: int) -> None:
            if not receipts and sent_bytes < total_bytes:
                receipts.append(
                    fast.upload(
                        path, metadata(), session_uri=sent.session_uris[0], on_session=sent.on_session
                    )
                )

        receipts.append(
            slow.upload(
                path,
                metadata(),
                on_session=sent.on_session,
                on_progress=other_worker_finishes,
                chunk_bytes=STEP,
            )
        )
    [video] = stored_videos(sandbox)
    assert {each.youtube_video_id for each in receipts} == {video["id"]}
    assert video["sha256"] == sha256(path)


def test_it_gives_up_after_a_bounded_number_of_failures_and_can_be_resumed(sandbox, tmp_path):
    path, sent, waits = video_file(tmp_path), Sent(), []
    sandbox.faults.add(PIECE, "status_before", status=503, times=None)
    with gateway(sandbox, sleeps=waits) as youtube:
        with pytest.raises(RemoteUnavailable):
            youtube.upload(path, metadata(), on_session=sent.on_session, chunk_bytes=STEP)
        assert len(waits) == 5
        assert waits == sorted(waits)
        sandbox.faults.clear()
        youtube.upload(path, metadata(), session_uri=sent.session_uris[0], on_session=sent.on_session)
    assert len(stored_videos(sandbox)) == 1


def test_when_all_was_sent_and_no_receipt_came_the_outcome_is_uncertain(sandbox, tmp_path):
    sandbox.faults.add(PIECE, "status_after", status=500, times=None)
    with gateway(sandbox) as youtube:
        with pytest.raises(RemoteUncertain) as lost:
            youtube.upload(video_file(tmp_path, 100), metadata(), on_session=lambda uri: None)
        assert lost.value.again == "unknown"
        sandbox.faults.clear()
        assert youtube.find_by_marker(MARKER) == stored_videos(sandbox)[0]["id"]


def test_a_login_page_in_place_of_the_receipt_is_not_taken_for_one(sandbox, tmp_path):
    sandbox.faults.add(PIECE, "status_after", status=200, body="<html>a login page</html>")
    with gateway(sandbox) as youtube:
        receipt = youtube.upload(video_file(tmp_path, 100), metadata(), on_session=lambda uri: None)
    assert receipt.youtube_video_id == stored_videos(sandbox)[0]["id"]


def test_a_server_that_asks_for_patience_gets_it(sandbox, tmp_path):
    waits = []
    sandbox.faults.add(PIECE, "rate_limit", retry_after_seconds=7)
    with gateway(sandbox, sleeps=waits) as youtube:
        youtube.upload(video_file(tmp_path, 100), metadata(), on_session=lambda uri: None)
    assert waits == [7.0]


def test_a_failed_opening_is_not_repeated_and_leaves_no_session(sandbox, tmp_path):
    sent = Sent()
    sandbox.faults.add(Match("POST", UPLOADS), "timeout_after", hold_seconds=0)
    with gateway(sandbox) as youtube, pytest.raises(RemoteUnavailable):
        youtube.upload(video_file(tmp_path, 100), metadata(), on_session=sent.on_session)
    assert len(sandbox.requests("POST", UPLOADS)) == 1
    assert sent.session_uris == []
    assert stored_videos(sandbox) == []


def test_an_expired_access_token_in_the_middle_is_renewed_without_losing_a_byte(sandbox, tmp_path):
    path = video_file(tmp_path, 4 * STEP)

    def expire(sent_bytes: int, total_bytes: int) -> None:
        sandbox.faults.add(PIECE, "status_before", status=401)

    with gateway(sandbox) as youtube:
        youtube.upload(path, metadata(), on_session=lambda uri: None, on_progress=expire, chunk_bytes=STEP)
    assert stored_videos(sandbox)[0]["sha256"] == sha256(path)


def test_a_cancelled_upload_stops_between_two_pieces_and_can_go_on_later(sandbox, tmp_path):
    path, sent = video_file(tmp_path, 4 * STEP), Sent()
    with gateway(sandbox) as youtube:
        with pytest.raises(UploadCancelled):
            youtube.upload(
                path,
                metadata(),
                on_session=sent.on_session,
                on_progress=sent.on_progress,
                cancelled=lambda: len(sent.progress) >= 2,
                chunk_bytes=STEP,
            )
        assert stored_videos(sandbox) == []
        receipt = youtube.upload(
            path, metadata(), session_uri=sent.session_uris[0], on_session=sent.on_session
        )
    assert receipt.resumed_from_bytes == 2 * STEP


def test_an_empty_or_missing_file_is_refused_before_anything_is_sent(sandbox, tmp_path):
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with gateway(sandbox) as youtube:
        for path, fact in ((empty, "empty"), (tmp_path / "gone.mp4", "cannot be read")):
            with pytest.raises(RemoteRejected, match=fact):
                youtube.upload(path, metadata(), on_session=lambda uri: None)
    assert sandbox.requests(path=UPLOADS) == []


def test_refused_metadata_names_the_fact_before_a_byte_is_sent(sandbox, tmp_path):
    with gateway(sandbox) as youtube, pytest.raises(RemoteRejected, match="invalidTitle"):
        youtube.upload(video_file(tmp_path, 100), metadata(title="x" * 101), on_session=lambda uri: None)
    assert sandbox.requests("PUT", UPLOADS) == []


def test_pieces_must_be_multiples_of_256_kib(sandbox, tmp_path):
    with gateway(sandbox) as youtube, pytest.raises(ValueError, match="multiple"):
        youtube.upload(
            video_file(tmp_path, 100), metadata(), on_session=lambda uri: None, chunk_bytes=STEP + 1
        )


def test_the_marker_survives_a_description_that_fills_all_the_room():
    marked = marked_description("é" * 4000, MARKER)
    assert len(marked.encode()) <= 5000
    assert marked.splitlines()[-1] == MARKER
    assert marked_description("", MARKER) == MARKER


def _raise(kind):
    def fail(*_: object) -> None:
        raise kind

    return fail
