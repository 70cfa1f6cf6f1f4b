"""A video arrives whole or not at all, continues where it may, and leaves nothing when it must not."""

import gc
import hashlib
import os
import socket
import subprocess
from ipaddress import ip_network

import pytest

from orchestration.media import (
    Cancelled,
    FileEmpty,
    FileTooLarge,
    MediaError,
    NoVideoFound,
    SourceTimedOut,
    SourceUnreachable,
    StorageFull,
    UnsafeUrl,
    YouTubeRefused,
    download,
    ffmpeg_tool,
    probe,
)

pytest_plugins = ["tests.media_fixture"]

LOOPBACK = (ip_network("127.0.0.0/8"),)


def connections_left_open():
    """List what a call has not closed, before the cycle collector does it by chance."""
    found = [item for item in gc.get_objects() if isinstance(item, socket.socket)]
    return [item for item in found if type(item).__name__ == "Watched" and item.fileno() >= 0]


@pytest.fixture
def fetch(tmp_path):
    """Download into a fresh folder with plain defaults."""

    def run(url, **changes):
        told = {
            "allowed_networks": LOOPBACK,
            "max_bytes": 50_000_000,
            "on_progress": lambda done, total: None,
            "cancelled": lambda: False,
            "timeout_seconds": 30,
        }
        return download(url, tmp_path / "files", **told | changes)

    return run


@pytest.fixture
def files(tmp_path):
    return lambda: sorted(path.name for path in (tmp_path / "files").rglob("*"))


@pytest.fixture
def large(videos):
    """A real video with padding that players pass over: enough for many blocks."""
    padding = 4_000_000
    return videos.whole.read_bytes() + padding.to_bytes(4, "big") + b"free" + os.urandom(padding - 8)


def test_a_file_arrives_whole_with_its_hash(media_site, large, fetch, files):
    told = []
    result = fetch(media_site.file("/v.mp4", large), on_progress=lambda *step: told.append(step))
    assert result.path.read_bytes() == large
    assert (result.size_bytes, result.sha256) == (len(large), hashlib.sha256(large).hexdigest())
    assert result.item.title == ""  # nobody has named it
    assert files() == [result.path.name]
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (len(large), len(large))


def test_the_name_of_the_file_is_ours_whatever_the_address_says(media_site, videos, fetch):
    site_path = "/..%2f..%2fetc%2f%24(id)%25(title)s.mp4"
    result = fetch(media_site.file(site_path, videos.whole.read_bytes()))
    assert result.path.name.startswith("source-")
    assert result.path.name.endswith(".mp4")
    assert result.path.parent.name == "files"


def test_the_ending_says_what_is_in_the_file(media_site, videos, fetch):
    assert fetch(media_site.file("/v.mp4", videos.matroska.read_bytes())).path.suffix == ".mkv"


def test_a_page_with_a_video_gives_that_video(media_site, videos, fetch):
    media_site.file("/v.mp4", videos.whole.read_bytes())
    url = media_site.page("/page.html", '<html><title>The sea</title><video src="/v.mp4"></video></html>')
    result = fetch(url)
    assert result.path.read_bytes() == videos.whole.read_bytes()
    assert (result.item.title, result.item.url) == ("The sea", url)


def test_a_stream_is_gathered_into_one_file(media_site, videos, fetch, files):
    for path in videos.stream.parent.iterdir():
        kind = "application/vnd.apple.mpegurl" if path.suffix == ".m3u8" else "video/mp2t"
        media_site.file(f"/hls/{path.name}", path.read_bytes(), kind=kind)
    assert len(list(videos.stream.parent.glob("*.ts"))) == 3
    result = fetch(media_site.url("/hls/index.m3u8"))
    assert probe(result.path).duration_seconds == pytest.approx(3.0, abs=0.2)
    assert files() == [result.path.name]


def test_a_stream_with_a_missing_segment_is_not_taken_for_whole(media_site, videos, fetch, files):
    for path in videos.stream.parent.iterdir():
        if path.name != "index1.ts":
            kind = "application/vnd.apple.mpegurl" if path.suffix == ".m3u8" else "video/mp2t"
            media_site.file(f"/hls/{path.name}", path.read_bytes(), kind=kind)
    with pytest.raises(SourceUnreachable):
        fetch(media_site.url("/hls/index.m3u8"))
    assert not [name for name in files() if name.endswith((".mp4", ".ts")) and "Frag" not in name]
    assert connections_left_open() == []


def test_picture_and_sound_that_come_apart_are_put_together(media_site, videos, fetch, files, tmp_path):
    folder = tmp_path / "dash"
    folder.mkdir()
    command = [ffmpeg_tool().path, "-v", "error", "-i", str(videos.whole), "-c", "copy", "-f", "dash"]
    subprocess.run([*command, "index.mpd"], cwd=folder, check=True, timeout=60)
    for path in folder.iterdir():
        kind = "application/dash+xml" if path.suffix == ".mpd" else "video/mp4"
        media_site.file(f"/dash/{path.name}", path.read_bytes(), kind=kind)
    result = fetch(media_site.url("/dash/index.mpd"))
    info = probe(result.path)
    assert (info.has_audio, info.width) == (True, 320)
    assert files() == [result.path.name]


def test_a_transfer_that_breaks_off_is_taken_up_again_in_the_same_call(media_site, large, fetch):
    url = media_site.file("/v.mp4", large, break_after_bytes=1_500_000, breaks=2)
    assert fetch(url).sha256 == hashlib.sha256(large).hexdigest()
    ranges = [wanted for _, wanted in media_site.requests if wanted]
    assert ranges[0].startswith("bytes=1")


def test_a_later_call_continues_where_an_earlier_one_broke_off(media_site, large, fetch, files):
    url = media_site.file("/v.mp4", large, break_after_bytes=700_000, breaks=5)
    with pytest.raises(SourceUnreachable) as caught:
        fetch(url)
    assert caught.value.again == "again"
    assert [name for name in files() if not name.endswith((".part", ".part.json"))] == []
    before = len(media_site.requests)
    assert fetch(url).sha256 == hashlib.sha256(large).hexdigest()
    assert any(wanted for _, wanted in media_site.requests[before:])


def test_a_file_that_has_changed_in_between_starts_over(media_site, large, fetch):
    url = media_site.file("/v.mp4", large, break_after_bytes=700_000, breaks=5)
    with pytest.raises(SourceUnreachable):
        fetch(url)
    changed = large[::-1]
    media_site.file("/v.mp4", large[:64] + changed, etag='"two"')
    assert fetch(url).sha256 == hashlib.sha256(large[:64] + changed).hexdigest()


def test_a_server_that_cannot_prove_the_version_starts_over(media_site, large, fetch):
    url = media_site.file("/v.mp4", large, etag=None, break_after_bytes=700_000, breaks=2)
    assert fetch(url).sha256 == hashlib.sha256(large).hexdigest()
    assert [wanted for _, wanted in media_site.requests if wanted] == []


def test_a_file_that_is_too_large_is_refused_before_it_comes(media_site, large, fetch, files):
    with pytest.raises(FileTooLarge) as caught:
        fetch(media_site.file("/v.mp4", large), max_bytes=1_000_000)
    assert (caught.value.code, caught.value.max_bytes) == ("file_too_large", 1_000_000)
    assert files() == []


def test_a_file_that_does_not_say_how_large_it_is_is_stopped_at_the_limit(media_site, large, fetch, files):
    with pytest.raises(FileTooLarge):
        fetch(media_site.file("/v.mp4", large, announce=False), max_bytes=1_000_000)
    assert files() == []


def test_a_cancelled_download_leaves_nothing(media_site, large, fetch, files):
    seen = []
    with pytest.raises(Cancelled) as caught:
        fetch(
            media_site.silence("/v.mp4", large[:2_000_000]),
            on_progress=lambda done, total: seen.append(done),
            cancelled=lambda: bool(seen) and seen[-1] > 1_000_000,
        )
    assert caught.value.code == "cancelled"
    assert seen[-1] > 1_000_000
    assert files() == []


def test_a_download_is_cancelled_even_while_the_server_says_nothing(media_site, fetch, files):
    asked = []

    def cancelled():
        asked.append(True)
        return len(asked) > 3

    with pytest.raises(Cancelled):
        fetch(media_site.silence("/v.mp4", b"\0\0\0\x20ftypisom" + bytes(8000)), cancelled=cancelled)
    assert files() == []


def test_what_was_cancelled_before_it_began_asks_nothing(media_site, fetch):
    with pytest.raises(Cancelled):
        fetch(media_site.url("/v.mp4"), cancelled=lambda: True)
    assert media_site.requests == []


def test_a_finished_file_survives_a_cancelled_second_download(media_site, large, fetch, files):
    url = media_site.file("/v.mp4", large)
    done = fetch(url)
    with pytest.raises(Cancelled):
        fetch(url, on_progress=_raise_cancelled)
    assert files() == [done.path.name]
    assert done.path.read_bytes() == large


def _raise_cancelled(done, total):
    raise Cancelled("asked to")


def test_a_silent_server_ends_with_the_time_allowed(media_site, videos, fetch, files):
    head = videos.whole.read_bytes()
    with pytest.raises(SourceTimedOut):
        fetch(media_site.silence("/v.mp4", head), timeout_seconds=1)
    assert [name for name in files() if name.endswith(".mp4")] == []


def test_an_empty_file_is_empty(media_site, fetch, files):
    with pytest.raises(FileEmpty):
        fetch(media_site.file("/v.mp4", b""))
    media_site.file("/empty.mp4", b"")
    with pytest.raises(FileEmpty):
        fetch(media_site.page("/page.html", '<html><title>x</title><video src="/empty.mp4"></video></html>'))
    assert files() == []


def test_a_page_without_a_video_leaves_nothing(media_site, fetch, files):
    with pytest.raises(NoVideoFound):
        fetch(media_site.page("/page.html", "<html><title>Words</title></html>"))
    assert files() == []


def test_a_page_whose_video_is_a_page_again_has_none(media_site, fetch, files):
    media_site.page("/login.mp4", "<html>log in</html>")
    with pytest.raises(NoVideoFound, match="a page instead"):
        fetch(media_site.page("/page.html", '<html><title>x</title><video src="/login.mp4"></video></html>'))
    assert files() == []


def test_a_feed_is_not_a_video(media_site, fetch):
    with pytest.raises(NoVideoFound, match="feed"):
        fetch(media_site.page("/feed", "<rss><channel/></rss>", kind="application/rss+xml"))


@pytest.mark.parametrize(("path", "status"), [("/gone.mp4", 404), ("/down.mp4", 503)])
def test_an_error_is_reported_with_its_status(media_site, fetch, path, status):
    media_site.page(path, "sorry", status=status)
    with pytest.raises(SourceUnreachable) as caught:
        fetch(media_site.url(path))
    assert caught.value.status == status


def test_a_video_that_is_gone_from_its_page_is_reported_with_the_status(media_site, fetch, files):
    with pytest.raises(SourceUnreachable) as caught:
        fetch(media_site.page("/page.html", '<html><title>x</title><video src="/gone.mp4"></video></html>'))
    assert caught.value.status == 404
    assert files() == []


def test_a_dead_host_is_unreachable(fetch, nothing_there):
    with pytest.raises(SourceUnreachable):
        fetch(nothing_there)


def test_a_page_whose_video_lies_inwards_is_refused(media_site, fetch, files):
    url = media_site.page(
        "/page.html", '<html><title>x</title><video src="http://10.0.0.1/secret.mp4"></video></html>'
    )
    with pytest.raises(UnsafeUrl, match=r"10\.0\.0\.1"):
        fetch(url)
    assert files() == []


def test_a_stream_whose_segments_lie_inwards_is_refused(media_site, fetch, files):
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{}\n#EXT-X-ENDLIST\n"
    for number, inwards in enumerate(("http://10.0.0.1/secret.ts", "file:///etc/passwd")):
        url = media_site.page(
            f"/{number}.m3u8", playlist.format(inwards), kind="application/vnd.apple.mpegurl"
        )
        with pytest.raises(MediaError) as caught:
            fetch(url)
        assert isinstance(caught.value, (UnsafeUrl, SourceUnreachable, NoVideoFound))
    assert not [name for name in files() if name.endswith((".mp4", ".ts", ".bin"))]


def test_an_encrypted_stream_is_never_handed_to_a_program_that_fetches_by_itself(
    media_site, videos, fetch, monkeypatch
):
    started = []
    monkeypatch.setattr(subprocess.Popen, "__init__", lambda self, *a, **k: started.append(a))
    playlist = (
        '#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI="http://10.0.0.1/key"\n'
        "#EXTINF:3,\nhttp://10.0.0.1/secret.ts\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(MediaError):
        fetch(media_site.page("/e.m3u8", playlist, kind="application/vnd.apple.mpegurl"))
    assert started == []


def test_youtube_is_refused(fetch):
    with pytest.raises(YouTubeRefused):
        fetch("https://youtu.be/BaW_jenozKc")


def test_a_full_disk_is_said_to_be_full(media_site, large, fetch, monkeypatch):
    import errno

    def no_room(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(StorageFull) as caught:
        fetch(media_site.file("/v.mp4", large))
    assert caught.value.again == "blocked"
