"""What goes in as any video comes out ready for upload: picture, sound, length, progress, cancel."""

import dataclasses
import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import av
import pytest

from orchestration.media import (
    Cancelled,
    FileDamaged,
    FileEmpty,
    MediaTool,
    Profile,
    StorageFull,
    TranscodeFailed,
    ffmpeg_tool,
    is_upload_ready,
    normalise,
    probe,
    thumbnail,
)
from tests.patience import PATIENCE_SECONDS, wait_for

pytest_plugins = ["tests.media_fixture"]


def make(source, target, *, told=None, cancelled=lambda: False, **changes):
    told = [] if told is None else told
    return normalise(source, target, on_progress=told.append, cancelled=cancelled, **changes).info


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def children_of(process_id):
    """List the children that the kernel knows of; on a machine without /proc, none."""
    tasks = Path(f"/proc/{process_id}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def runs(process_id):
    """Return whether a process is still at work; one that only waits to be collected is not."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (
        FileNotFoundError,
        ProcessLookupError,
    ):  # it ended before the file was opened, or before it was read
        return False


def loudness_of(path):
    """Measure integrated loudness and true peak with another filter than the one that set it."""
    said = subprocess.run(
        [ffmpeg_tool().path, "-hide_banner", "-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stderr
    summary = said[said.rindex("Summary:") :].split()
    return float(summary[summary.index("I:") + 1]), float(summary[summary.index("Peak:") + 1])


def moov_comes_first(path):
    content = path.read_bytes()
    return content.index(b"moov") < content.index(b"mdat")


def test_a_video_comes_out_ready_for_upload(videos, tmp_path):
    told = []
    info = make(videos.odd, tmp_path / "out.mp4", told=told)
    assert is_upload_ready(info)
    assert (info.video_codec, info.pixel_format, info.video_profile) == ("h264", "yuv420p", "High")
    assert (info.audio_codec, info.sample_rate_hz, info.audio_channels) == ("aac", 48000, 2)
    assert (info.width, info.height) == (320, 180)
    assert info.duration_seconds == pytest.approx(2.0, abs=0.1)
    assert moov_comes_first(tmp_path / "out.mp4")
    assert names(tmp_path) == ["out.mp4"]
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert told == sorted(set(told))


def test_the_sound_comes_out_at_the_wanted_loudness(videos, tmp_path):
    assert loudness_of(videos.whole)[0] < -18
    make(videos.whole, tmp_path / "out.mp4")
    integrated, peak = loudness_of(tmp_path / "out.mp4")
    assert integrated == pytest.approx(-14.0, abs=1.0)
    assert peak <= -0.5
    make(videos.whole, tmp_path / "quiet.mp4", profile=Profile(loudness_lufs=-23.0))
    assert loudness_of(tmp_path / "quiet.mp4")[0] == pytest.approx(-23.0, abs=1.0)


def test_a_picture_that_is_already_right_is_copied_untouched(videos, tmp_path):
    make(videos.whole, tmp_path / "out.mp4")
    assert frames_hash(tmp_path / "out.mp4") == frames_hash(videos.whole)
    make(videos.matroska, tmp_path / "from-mkv.mp4")
    assert frames_hash(tmp_path / "from-mkv.mp4") == frames_hash(videos.whole)


def frames_hash(path):
    command = [ffmpeg_tool().path, "-v", "error", "-i", str(path), "-map", "0:v", "-f", "md5", "-"]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def test_a_video_without_sound_gets_a_silent_track(videos, tmp_path):
    info = make(videos.mute, tmp_path / "out.mp4")
    assert info.has_audio
    assert info.duration_seconds == pytest.approx(2.0, abs=0.1)


def test_silence_stays_silence(videos, tmp_path):
    make(videos.silent, tmp_path / "out.mp4")
    integrated, _ = loudness_of(tmp_path / "out.mp4")
    assert integrated < -60 or math.isinf(integrated)


def test_a_turned_video_is_turned_for_good(videos, tmp_path):
    info = make(videos.turned, tmp_path / "out.mp4")
    assert (info.width, info.height, info.rotation_degrees) == (180, 320, 0)


@pytest.mark.parametrize(("name", "transfer"), [("pq", "smpte2084"), ("hlg", "arib-std-b67")])
def test_hdr_comes_out_in_the_colours_of_standard_range(videos, tmp_path, name, transfer):
    source = getattr(videos, name)
    before = probe(source)
    assert (before.hdr_transfer, before.pixel_format) == (transfer, "yuv420p10le")
    result = make(source, tmp_path / "out.mp4")
    assert is_upload_ready(result)
    with av.open(str(tmp_path / "out.mp4")) as container:
        frame = next(container.decode(video=0))
        # 1 is BT.709 in each of H.273's tables: transfer, primaries, matrix
        assert (int(frame.color_trc), int(frame.color_primaries), int(frame.colorspace)) == (1, 1, 1)


def test_an_ffmpeg_that_cannot_map_hdr_prepares_it_all_the_same(videos, tmp_path):
    tool = dataclasses.replace(ffmpeg_tool(), tone_maps=False)
    assert is_upload_ready(make(videos.pq, tmp_path / "out.mp4", tool=tool))


def test_the_bound_on_the_height_holds_for_the_shorter_side(videos, tmp_path):
    wide = make(videos.whole, tmp_path / "wide.mp4", profile=Profile(max_height=90))
    assert (wide.width, wide.height) == (160, 90)
    tall = make(videos.tall, tmp_path / "tall.mp4", profile=Profile(max_height=90))
    assert (tall.width, tall.height) == (90, 160)


def test_a_path_with_odd_characters_is_a_path_all_the_same(videos, tmp_path):
    source = tmp_path / "-i concat:a|b %d 'x'.mp4"
    source.write_bytes(videos.mute.read_bytes())
    target = tmp_path / "out %03d:ü.mp4"
    assert make(source, target).has_audio
    assert target.exists()
    picture = thumbnail(source, tmp_path / "pic %02d.jpg")
    assert picture.exists()


def test_a_damaged_source_is_refused_before_any_work(videos, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(videos.whole.read_bytes()[:100_000])
    with pytest.raises(FileDamaged):
        make(cut, tmp_path / "out.mp4")
    with pytest.raises(FileEmpty):
        make(videos.empty, tmp_path / "out.mp4")
    assert names(tmp_path) == ["cut.mp4"]


def test_a_cancelled_transcode_leaves_nothing_and_no_process(videos, tmp_path):
    asked = []

    def cancelled():
        asked.append(True)
        return len(asked) > 1

    with pytest.raises(Cancelled):
        make(videos.odd, tmp_path / "out.mp4", cancelled=cancelled, profile=Profile(preset="placebo"))
    assert names(tmp_path) == []
    assert children_of(os.getpid()) == []


def test_an_error_of_the_listener_ends_the_work_as_well(videos, tmp_path):
    def lease_lost(fraction):
        if fraction > 0:
            raise RuntimeError("the lease is lost")

    with pytest.raises(RuntimeError, match="lease"):
        normalise(videos.odd, tmp_path / "out.mp4", on_progress=lease_lost, cancelled=lambda: False)
    assert names(tmp_path) == []
    assert children_of(os.getpid()) == []


def test_an_earlier_result_survives_a_failed_attempt(videos, tmp_path):
    target = tmp_path / "out.mp4"
    make(videos.mute, target)
    before = target.read_bytes()
    with pytest.raises(TranscodeFailed):
        make(videos.odd, target, profile=Profile(preset="no-such-preset"))
    assert target.read_bytes() == before
    assert names(tmp_path) == ["out.mp4"]


def test_a_failure_carries_what_ffmpeg_said(videos, tmp_path):
    with pytest.raises(TranscodeFailed, match="code") as caught:
        make(videos.odd, tmp_path / "out.mp4", profile=Profile(preset="no-such-preset"))
    assert "no-such-preset" in caught.value.detail
    assert (caught.value.code, caught.value.again) == ("transcode_failed", "never")


def stand_in(tmp_path, lines):
    """A program in ffmpeg's place, to show what the machine and not the file can do wrong."""
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\n" + lines)
    program.chmod(0o755)
    return MediaTool(path=str(program), version="0", origin="environment")


def test_an_ffmpeg_that_is_killed_may_be_tried_again(videos, tmp_path):
    with pytest.raises(TranscodeFailed, match="signal 9") as caught:
        make(videos.whole, tmp_path / "out.mp4", tool=stand_in(tmp_path, "kill -9 $$\n"))
    assert caught.value.again == "again"


def test_a_full_disk_is_said_to_be_full(videos, tmp_path):
    tool = stand_in(tmp_path, "echo 'av_interleaved_write_frame(): No space left on device' >&2; exit 1\n")
    with pytest.raises(StorageFull):
        make(videos.whole, tmp_path / "out.mp4", tool=tool)


def test_a_result_that_is_shorter_than_its_source_gets_no_name(videos, tmp_path):
    real = ffmpeg_tool().path
    # Writes a good file of the wrong length in the place of the last argument.
    tool = stand_in(
        tmp_path,
        f"for last; do :; done\nexec {real} -v error -y -f lavfi -i testsrc2=s=64x64:d=1 -f lavfi -t 1 -i anullsrc=r=48000"
        ' -pix_fmt yuv420p -f mp4 "$last"\n',
    )
    with pytest.raises(TranscodeFailed, match=r"lasts 1\.0 s and its source 2\.\d s"):
        make(videos.mute, tmp_path / "out.mp4", tool=tool)
    assert names(tmp_path) == ["ffmpeg"]


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_no_ffmpeg_outlives_a_killed_worker(videos, tmp_path):
    worker = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from orchestration.media.processes import run_ffmpeg
        from orchestration.media import ffmpeg_tool

        endless = ["-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=s=64x64", "-f", "null", "-"]
        run_ffmpeg(ffmpeg_tool().path, endless, cancelled=lambda: False, on_position=lambda s: print(s, flush=True))
        """
    )
    with subprocess.Popen([sys.executable, "-c", worker], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()  # ffmpeg is at work
        (child,) = children_of(process.pid)
        # 10 more than ours, which is not 0 where the tests themselves are run with nice; 19 is the most there is.
        assert os.getpriority(os.PRIO_PROCESS, child) == min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)
        assert os.getsid(child) == child
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
        wait_for(lambda: not runs(child))


def test_an_ffmpeg_that_hangs_is_ended(videos, tmp_path, monkeypatch):
    from orchestration.media import processes

    monkeypatch.setattr(processes, "STALLED_AFTER_SECONDS", 0.3)
    started = time.monotonic()
    with pytest.raises(TranscodeFailed, match="no progress") as caught:
        make(videos.whole, tmp_path / "out.mp4", tool=stand_in(tmp_path, "exec sleep 60\n"))
    assert caught.value.again == "again"
    assert time.monotonic() - started < 30


def test_a_thumbnail_is_a_jpeg_of_the_wanted_width(videos, tmp_path):
    picture = thumbnail(videos.whole, tmp_path / "t.jpg", width=160)
    assert picture == tmp_path / "t.jpg"
    assert picture.read_bytes().startswith(b"\xff\xd8\xff")
    assert _size(picture) == (160, 90)
    assert names(tmp_path) == ["t.jpg"]


def test_a_thumbnail_is_never_larger_than_its_video_and_stands_upright(videos, tmp_path):
    assert _size(thumbnail(videos.turned, tmp_path / "t.jpg")) == (180, 320)


def test_a_thumbnail_of_the_very_end_is_still_a_picture(videos, tmp_path):
    assert _size(thumbnail(videos.mute, tmp_path / "t.jpg", at_fraction=1.0)) == (320, 180)


def _size(picture):
    import av

    with av.open(str(picture)) as container:
        frame = next(container.decode(video=0))
    return frame.width, frame.height


def test_what_was_normalised_is_upload_ready_when_measured_again(videos, tmp_path):
    make(videos.matroska, tmp_path / "out.mp4")
    assert is_upload_ready(probe(tmp_path / "out.mp4"))
    assert not is_upload_ready(probe(videos.matroska))
