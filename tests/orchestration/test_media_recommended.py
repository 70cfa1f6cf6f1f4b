"""What is encoded has what YouTube recommends, whatever it was made of.

https://support.google.com/youtube/answer/1722171
"""

import itertools
import subprocess
from fractions import Fraction

import av
import pytest

from orchestration.media import ffmpeg_tool, normalise
from orchestration.media.profiles import AS_IS, SDR_1080
from tests import flash_beep

TONE = ["-f", "lavfi", "-t", "2", "-i", "sine=440"]
CORPUS = {  # what is odd about each: picture, sound, codecs, ending
    "mpeg2 in a programme stream": (
        "testsrc2=s=160x90:r=25:d=2",
        ["-c:v", "mpeg2video", "-c:a", "mp2"],
        "mpg",
    ),
    "interlaced": (
        "testsrc2=s=160x90:r=50:d=2,interlace,format=yuv420p",
        ["-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-c:a", "mp2"],
        "ts",
    ),
    "4:4:4 and odd sides": ("testsrc2=s=161x91:r=24:d=2", ["-c:v", "libx264", "-c:a", "aac"], "mkv"),
    "a screen recording in RGB": (
        "testsrc2=s=160x90:r=15:d=2,format=gbrp",
        ["-c:v", "ffv1", "-c:a", "flac"],
        "mkv",
    ),
    "120 frames a second": (
        "testsrc2=s=160x90:r=120:d=2,format=yuv420p",
        ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"],
        "mp4",
    ),
    "NTSC": ("testsrc2=s=160x90:r=30000/1001:d=2", ["-c:v", "mpeg4", "-c:a", "pcm_s16le"], "avi"),
    "pixels that are not square": (
        "testsrc2=s=160x90:r=25:d=2,setsar=4/3,format=yuv420p",
        ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"],
        "mp4",
    ),
    "full range": ("testsrc2=s=160x90:r=25:d=2,format=yuvj420p", ["-c:v", "mjpeg", "-c:a", "pcm_u8"], "avi"),
}
HALF_SECOND = Fraction(1, 2)


@pytest.mark.parametrize("profile", [SDR_1080, AS_IS], ids=lambda profile: profile.key)
@pytest.mark.parametrize("odd", CORPUS)
def test_what_is_encoded_is_as_youtube_recommends(tmp_path, odd, profile):
    shown, codecs, ending = CORPUS[odd]
    source = tmp_path / f"in.{ending}"
    command = [ffmpeg_tool().path, "-v", "error", "-f", "lavfi", "-i", shown, *TONE, *codecs, "-ar", "44100"]
    subprocess.run([*command, str(source)], check=True, timeout=60)
    made = normalise(
        source,
        tmp_path / "out.mp4",
        on_progress=lambda fraction: None,
        cancelled=lambda: False,
        profile=profile,
    )
    content = made.path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    info = made.info
    if any(note.startswith("The picture is encoded") for note in made.notes):
        assert (info.video_codec, info.video_profile, info.pixel_format) == ("h264", "High", "yuv420p")
        assert not info.interlaced
        assert info.square_pixels
        assert_recommended_picture(made.path)
    if any("sound is encoded" in note for note in made.notes) or profile is SDR_1080:
        with av.open(str(made.path)) as container:
            (track,) = container.streams.audio
            assert (track.codec_context.name, track.profile, track.codec_context.channels) == ("aac", "LC", 2)
            assert track.codec_context.sample_rate == 48_000
        assert b"elst" not in content


def assert_recommended_picture(path):
    """Closed GOPs of half a second, two B-frames, CABAC, frames at even times."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        gop = round(stream.average_rate * HALF_SECOND)
        picture = stream.codec_context
        assert (picture.color_primaries, picture.color_trc, picture.colorspace) == (1, 1, 1)
        packets = [packet for packet in container.demux(stream) if packet.pts is not None]
    keys = [place for place, packet in enumerate(packets) if packet.is_keyframe]
    assert max(after - before for before, after in zip(keys, [*keys[1:], len(packets)], strict=True)) <= gop
    times = sorted(packet.pts for packet in packets)
    assert len({after - before for before, after in itertools.pairwise(times)}) == 1
    for place in keys:  # closed: nothing that is decoded after a key frame is shown before it
        assert all(packet.pts >= packets[place].pts for packet in packets[place:])
    command = [ffmpeg_tool().path, "-v", "trace", "-i", str(path), "-c", "copy", "-bsf:v", "trace_headers"]
    text = subprocess.run(
        [*command, "-t", "0.1", "-f", "null", "-"],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=True,
    ).stderr
    flags = [line.split()[-1] for line in text.splitlines() if "entropy_coding_mode_flag" in line]
    assert flags
    assert set(flags) == {"1"}


def test_beeps_stay_on_their_flashes_in_all_of_them(tmp_path):
    """One that is encoded whole, at a rate that no frame of sound fits."""
    source = tmp_path / "in.avi"
    command = [ffmpeg_tool().path, "-v", "error", *flash_beep.inputs(seconds=3, rate=25, hertz=44_100)]
    subprocess.run([*command, "-c:v", "mpeg4", "-c:a", "pcm_s16le", str(source)], check=True, timeout=60)
    made = normalise(source, tmp_path / "o.mp4", on_progress=lambda f: None, cancelled=lambda: False)
    assert abs(flash_beep.furthest_off(made.path)) < 0.02
