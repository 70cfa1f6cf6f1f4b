"""A result that is not what its source is gets no name: each way of being wrong is found, and said in words."""

import subprocess

import pytest

from orchestration.media import ResultWrong, ffmpeg_tool, normalise, probe
from orchestration.media.colours import Colour
from orchestration.media.compare import Expectation, compare

PICTURE = ("-f", "lavfi", "-i", "testsrc=s=160x90:r=30:d=4")
BEEPS = "aevalsrc='if(lt(mod(t,1),0.1),0.5*sin(2*PI*1000*t),0.05*sin(2*PI*300*t))':s=48000:d=4"
SOUND = ("-f", "lavfi", "-i", BEEPS)
ENCODED = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")


def ffmpeg(target, *arguments):
    command = [ffmpeg_tool().path, "-v", "error", "-y", *map(str, arguments), str(target)]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    return target


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return ffmpeg(tmp_path_factory.mktemp("compare") / "source.mp4", *PICTURE, *SOUND, *ENCODED)


@pytest.fixture(scope="module")
def gap(tmp_path_factory):
    """A source whose sound pauses for 1.2 s without a packet, as streams and calls leave it."""
    target = tmp_path_factory.mktemp("gap") / "gap.mkv"
    silence = ("-af", "aselect='not(between(t,1.5,2.7))'")
    return ffmpeg(target, *PICTURE, *SOUND, *silence, *ENCODED[:6], "-c:a", "pcm_s16le")


def check(source, result, **expected):
    compare(source, probe(source), result, probe(result), Expectation(**expected))


def wrong(source, result, match, **expected):
    with pytest.raises(ResultWrong, match=match) as caught:
        check(source, result, **expected)
    assert caught.value.code == "result_wrong"


COPY = {"picture_copied": True, "sound_copied": True}


def test_a_copy_is_what_it_was_in_whatever_container(source, tmp_path):
    for name in ("copy.mp4", "copy.mkv", "copy.ts"):
        check(source, ffmpeg(tmp_path / name, "-i", source, "-c", "copy"), **COPY)


def test_sound_that_is_late_all_along_is_found(source, tmp_path):
    late = ffmpeg(
        tmp_path / "late.mp4",
        "-i",
        source,
        "-itsoffset",
        "0.1",
        "-i",
        source,
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-c",
        "copy",
    )
    wrong(source, late, r"The sound begins 0\.(08|10) s too late", **COPY)


def test_sound_that_lost_a_gap_is_found_by_its_end(gap, tmp_path):
    """F1: what follows the gap is 1.2 s early; the file's length, which the picture sets, does not show it."""
    lost = ffmpeg(tmp_path / "lost.mp4", "-i", gap, "-c:v", "copy", "-af", "asetpts=N/SR/TB", "-c:a", "aac")
    wrong(gap, lost, r"The sound ends 1\.[12]\d s too early", picture_copied=True)


def test_sound_that_lost_a_gap_and_was_made_as_long_again_is_found_by_listening(gap, tmp_path):
    filters = "asetpts=N/SR/TB,apad=whole_dur=4"
    padded = ffmpeg(tmp_path / "padded.mp4", "-i", gap, "-c:v", "copy", "-af", filters, "-c:a", "aac")
    wrong(
        gap,
        padded,
        r"its source is silent for 1\.2\d s from 1\.5\d s on, and the result is not",
        picture_copied=True,
    )


def test_a_gap_that_is_kept_as_silence_is_right(gap, tmp_path):
    kept = ffmpeg(
        tmp_path / "kept.mp4",
        "-i",
        gap,
        "-c:v",
        "copy",
        "-af",
        "aresample=async=1:first_pts=0",
        "-c:a",
        "aac",
    )
    check(gap, kept, picture_copied=True)


def test_a_prepared_file_keeps_the_gap(gap, tmp_path):
    target = tmp_path / "out.mp4"
    normalise(gap, target, on_progress=lambda _: None, cancelled=lambda: False)
    check(gap, target, picture_copied=True)


def test_a_picture_that_lost_frames_is_found(source, tmp_path):
    fewer = ffmpeg(tmp_path / "fewer.mp4", "-i", source, "-vf", "select='not(between(n,40,60))'", *ENCODED)
    wrong(source, fewer, "99 frames and its source 120")


def test_a_picture_that_is_held_instead_of_going_on_is_found(source, tmp_path):
    held = ffmpeg(
        tmp_path / "held.mp4",
        "-i",
        source,
        "-vf",
        "setpts='PTS+if(between(N,40,60),(N-40)*0.01/TB,0)'",
        *ENCODED,
    )
    wrong(source, held, "missing in the result, or at another time|has not|frames")


def test_a_picture_that_is_cut_at_its_end_is_found(source, tmp_path):
    cut = ffmpeg(tmp_path / "cut.mp4", "-i", source, "-vf", "trim=end=3.8", *ENCODED)
    wrong(source, cut, r"The picture ends 0\.20 s too early")


def test_an_even_rate_has_as_many_frames_as_it_takes(source, tmp_path):
    slower = ffmpeg(tmp_path / "slower.mp4", "-i", source, "-vf", "fps=15:start_time=0", *ENCODED)
    check(source, slower, frames_per_second=15)
    wrong(source, slower, "60 frames and its source 120")
    wrong(source, slower, "at 25 a second its source makes 100", frames_per_second=25)


def test_a_result_that_lost_its_sound_is_found(source, tmp_path):
    wrong(source, ffmpeg(tmp_path / "mute.mp4", "-i", source, "-an", "-c", "copy"), "no sound")


def test_another_shape_is_found(source, tmp_path):
    wrong(
        source,
        ffmpeg(tmp_path / "square.mp4", "-i", source, "-vf", "scale=90:90,setsar=1", *ENCODED),
        "160 x 90, the result as 90 x 90",
    )


@pytest.mark.parametrize(
    "turn",
    [
        "-display_rotation 90",
        "-display_rotation 180",
        "-display_rotation 270",
        "-display_hflip",
        "-display_vflip",
        "-display_rotation 90 -display_hflip",
    ],
)
def test_a_picture_that_was_to_be_turned_has_to_stand_upright(source, tmp_path, turn):
    turned = ffmpeg(tmp_path / "turned.mp4", *turn.split(), "-i", source, "-c", "copy")
    upright = ffmpeg(tmp_path / "upright.mp4", "-i", turned, *ENCODED)
    check(turned, upright)
    info = probe(turned)
    if info.width > info.height:
        as_it_lies = ffmpeg(
            tmp_path / "lies.mp4", "-noautorotate", "-i", turned, *ENCODED, "-metadata:s:v", "rotate=0"
        )
        without = ffmpeg(tmp_path / "without.mp4", "-i", source, *ENCODED)
        assert as_it_lies.exists()
        wrong(turned, without, "does not stand")
    check(turned, ffmpeg(tmp_path / "kept.mp4", "-i", turned, "-c", "copy"), **COPY, keeps_orientation=True)
    wrong(
        turned,
        ffmpeg(tmp_path / "kept.mp4", "-i", turned, "-c", "copy"),
        "still asks players to turn it",
        **COPY,
    )
    wrong(turned, source, "lost the rotation|shape", **COPY, keeps_orientation=True)


def test_tags_of_colour_have_to_be_as_expected(source, tmp_path):
    hd = Colour(primaries="bt709", transfer="bt709", matrix="bt709", range="tv")
    wrong(source, source, "its primaries is not said, not bt709", colour=hd)
    tagged = ffmpeg(
        tmp_path / "tagged.mp4",
        "-i",
        source,
        "-vf",
        "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709",
        *ENCODED,
    )
    check(source, tagged, colour=hd)


def test_a_cut_that_an_edit_list_makes_is_encoded_since_a_copy_would_show_what_was_cut_away(source, tmp_path):
    cut = ffmpeg(tmp_path / "cut.mp4", "-ss", "0.7", "-i", source, "-c", "copy")
    assert probe(cut).trimmed
    made = normalise(cut, tmp_path / "out.mp4", on_progress=lambda _: None, cancelled=lambda: False)
    assert made.info.duration_seconds == pytest.approx(3.3, abs=0.05)
