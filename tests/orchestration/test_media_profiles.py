"""What becomes of the picture: kept where YouTube takes it, brought to the profile where it does not, tagged always."""

import itertools
import subprocess
from fractions import Fraction

import av
import pytest

from orchestration.media import Profile, ffmpeg_tool, normalise, picture, probe
from orchestration.media.profiles import AS_IS, BUILT_IN, SDR_1080
from orchestration.media.streams import look

pytest_plugins = ["tests.media_fixture"]
FAST = ["-preset", "ultrafast", "-pix_fmt", "yuv420p"]
HDR = "setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv"


def ffmpeg(*arguments):
    command = [ffmpeg_tool().path, "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=60)


def make(source, tmp_path, profile=AS_IS, **changes):
    return normalise(
        source,
        tmp_path / "out.mp4",
        on_progress=lambda fraction: None,
        cancelled=lambda: False,
        profile=profile,
        **changes,
    )


def shown(size="160x90", rate=30, seconds=1):
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]


def frames_hash(path):
    command = [ffmpeg_tool().path, "-v", "error", "-i", path, "-map", "0:V:0", "-f", "md5", "-"]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def colours(path):
    streams = look(path, probe(path).video_index)
    return streams.primaries, streams.transfer, streams.matrix


HEVC = ["-c:v", "libx265", "-x265-params", "log-level=error", "-preset", "ultrafast", "-tag:v", "hvc1"]
KEPT = {
    "4k": [*shown("3840x2160", 2, 0.5), "-c:v", "libx264", *FAST],
    "60-frames": [*shown(rate=60), "-c:v", "libx264", *FAST],
    "hevc": [*shown(), *HEVC],
    "hdr10": [*shown(), "-vf", f"format=yuv420p10le,{HDR}", *HEVC],
    "vp9": [*shown(), "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"],
    "av1": [*shown(), "-c:v", "libsvtav1", "-preset", "13"],
}


@pytest.mark.parametrize("name", KEPT)
def test_as_is_copies_what_youtube_takes(tmp_path, name):
    source = tmp_path / "in.mp4"
    ffmpeg(*KEPT[name], source)
    made = make(source, tmp_path)
    before = probe(source)
    assert frames_hash(made.path) == frames_hash(source)
    assert (made.info.width, made.info.height) == (before.width, before.height)
    assert made.info.hdr_transfer == before.hdr_transfer
    assert made.notes == ()
    if name == "hdr10":
        assert colours(made.path) == (9, 16, 9)


def test_what_webm_holds_goes_into_webm(tmp_path):
    source = tmp_path / "in.webm"
    sound = ["-f", "lavfi", "-i", "sine=440:d=1", "-c:a", "libopus"]
    ffmpeg(*shown(), *sound, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", source)
    made = make(source, tmp_path)
    assert made.path == tmp_path / "out.webm"
    assert (made.info.video_codec, made.info.audio_codec) == ("vp9", "opus")
    assert make(source, tmp_path, SDR_1080).path == tmp_path / "out.mp4"


@pytest.mark.parametrize("kind", ["ts", "flv", "mkv"])
def test_h264_is_copied_out_of_the_containers_of_streams(videos, tmp_path, kind):
    source = tmp_path / f"in.{kind}"
    ffmpeg("-i", videos.whole, "-c", "copy", source)
    made = make(source, tmp_path, SDR_1080)
    assert frames_hash(made.path) == frames_hash(videos.whole)


def test_a_master_beyond_4k_is_encoded_to_it_and_its_hdr_is_kept(tmp_path):
    source = tmp_path / "in.mov"
    ffmpeg(*shown("480x270", 10), "-vf", f"format=yuv420p10le,{HDR}", *HEVC, source)
    made = make(source, tmp_path, Profile(key="own", codecs=AS_IS.codecs, colour="keep", max_height=180))
    assert (made.info.height, made.info.video_codec, made.info.hdr_transfer) == (180, "hevc", "smpte2084")
    assert colours(made.path) == (9, 16, 9)
    assert made.info.pixel_format == "yuv420p10le"
    assert made.notes[0] == "The picture is encoded anew: it has more than 180 lines."


def bars(path):
    """Return the colours of yellow and cyan as a player shows them that takes HD for BT.709, 0 to 255."""
    command = [
        *(ffmpeg_tool().path, "-v", "error", "-i", path, "-frames:v", "1"),
        *("-vf", "scale=in_color_matrix=bt709:in_range=tv,format=rgb24", "-f", "rawvideo", "-"),
    ]
    raw = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    row = raw[1280 * 100 * 3 :]
    return tuple(row[x * 3 : x * 3 + 3] for x in (300, 470))


def test_the_colours_of_a_screen_recording_stay(tmp_path):
    source = tmp_path / "rgb.mkv"
    ffmpeg(
        "-f", "lavfi", "-i", "smptehdbars=s=1280x720:r=10,format=gbrp", "-t", "0.3", "-c:v", "ffv1", source
    )
    made = make(source, tmp_path, SDR_1080)
    assert colours(made.path) == (1, 1, 1)
    wanted = (bytes((191, 191, 0)), bytes((0, 191, 191)))
    command = [ffmpeg_tool().path, "-v", "error", "-i", source, "-frames:v", "1", "-vf", "format=rgb24"]
    raw = subprocess.run(
        [*command, "-f", "rawvideo", "-"], capture_output=True, check=True, timeout=60
    ).stdout
    row = raw[1280 * 100 * 3 :]
    wanted = tuple(row[x * 3 : x * 3 + 3] for x in (300, 470))
    for seen, meant in zip(bars(made.path), wanted, strict=True):
        assert max(abs(a - b) for a, b in zip(seen, meant, strict=True)) <= 6


@pytest.mark.parametrize(("size", "tag"), [("320x180", 6), ("1280x720", 1)])
def test_a_copied_picture_gets_the_tags_that_it_lacks(tmp_path, size, tag):
    source = tmp_path / "in.mp4"
    ffmpeg(*shown(size, 5), "-c:v", "libx264", *FAST, source)
    assert set(colours(source)) == {2}
    made = make(source, tmp_path, SDR_1080)
    assert colours(made.path) == (tag, tag, tag)
    assert frames_hash(made.path) == frames_hash(source)


def test_uneven_frames_come_out_even_where_they_are_encoded(tmp_path):
    source = tmp_path / "vfr.mkv"
    uneven = "select='not(mod(n,5)*lt(n,20))',scale=161:91,format=yuv444p"
    ffmpeg(
        *shown(seconds=2),
        "-vf",
        uneven,
        "-fps_mode",
        "vfr",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        source,
    )
    made = make(source, tmp_path, SDR_1080)
    with av.open(str(made.path)) as container:
        times = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
    steps = {round(after - before, 3) for before, after in itertools.pairwise(times)}
    assert len(steps) == 1
    assert made.info.duration_seconds == pytest.approx(2, abs=0.1)


def test_uneven_frames_that_are_copied_are_told_of(tmp_path):
    source = tmp_path / "vfr.mp4"
    uneven = ["-vf", "select='not(mod(n,5)*lt(n,30))'", "-fps_mode", "vfr"]
    ffmpeg(*shown(seconds=2), *uneven, "-c:v", "libx264", *FAST, source)
    assert "uneven times" in make(source, tmp_path, SDR_1080).notes[0]


@pytest.mark.parametrize(
    ("measured", "rate"),
    [
        (Fraction(2997, 100), Fraction(30000, 1001)),
        (Fraction(23976, 1000), Fraction(24000, 1001)),
        (Fraction(24), Fraction(24)),
        (Fraction(120), Fraction(60)),
        (Fraction(100), Fraction(50)),
        (Fraction(120000, 1001), Fraction(60000, 1001)),
        (Fraction(144), Fraction(48)),
        (Fraction(75), Fraction(60)),
        (Fraction(15), Fraction(15)),
    ],
)
def test_the_rate_is_the_masters_or_a_part_of_it(videos, measured, rate):
    from dataclasses import replace

    streams = replace(
        look(videos.whole, probe(videos.whole).video_index), average_rate=measured, base_rate=measured
    )
    assert picture.target_rate(streams, SDR_1080) == rate


def test_a_mirrored_picture_is_mirrored_for_good(tmp_path):
    ffmpeg(*shown(), "-c:v", "libx264", *FAST, tmp_path / "base.mp4")
    ffmpeg("-display_vflip", "-i", tmp_path / "base.mp4", "-c", "copy", tmp_path / "vflip.mp4")
    assert look(tmp_path / "vflip.mp4", probe(tmp_path / "vflip.mp4").video_index).is_mirrored
    made = make(tmp_path / "vflip.mp4", tmp_path)
    assert not look(made.path, probe(made.path).video_index).is_mirrored
    assert frames_hash(made.path) != frames_hash(tmp_path / "base.mp4")


def test_as_is_keeps_a_turn_for_the_player(videos, tmp_path):
    made = make(videos.turned, tmp_path)
    assert made.info.rotation_degrees == probe(videos.turned).rotation_degrees != 0
    assert made.notes == ()


def test_a_fingerprint_is_of_what_is_asked_for_and_not_of_a_name():
    assert Profile(key="a", name="A").fingerprint == Profile(key="b", name="B", threads=3).fingerprint
    prints = {
        Profile(**change).fingerprint
        for change in ({}, {"crf": 21}, {"max_height": 720}, {"loudness": "keep"})
    }
    assert len(prints) == 4
    assert len({profile.fingerprint for profile in BUILT_IN.values()}) == 2
