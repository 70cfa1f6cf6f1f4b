"""What becomes of the sound: in step, at an even loudness without raising noise, copied where it is right."""

import itertools
import subprocess
from fractions import Fraction

import pytest

from orchestration.media import Profile, ffmpeg_tool, normalise, sound
from orchestration.media.profiles import AS_IS, SDR_1080
from orchestration.media.sound import Heard
from tests import flash_beep

pytest_plugins = ["tests.media_fixture"]
FAST = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-pix_fmt", "yuv420p"]
SQUARE = (
    "aevalsrc='if(lt(mod(t,0.002),0.001),{peak},-{peak})|if(lt(mod(t,0.002),0.001),{peak},-{peak})':s=48000"
)


def ffmpeg(*arguments):
    command = [ffmpeg_tool().path, "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=60)


def picture(seconds=2):
    return ["-f", "lavfi", "-i", f"testsrc2=s=160x90:r=30:d={seconds}"]


def make(source, tmp_path, profile=SDR_1080, **changes):
    return normalise(
        source,
        tmp_path / "out.mp4",
        on_progress=lambda fraction: None,
        cancelled=lambda: False,
        profile=profile,
        **changes,
    )


def loudness(path, tmp_path):
    said = subprocess.run(
        [ffmpeg_tool().path, "-hide_banner", "-i", path, "-af", "ebur128", "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stderr
    words = said[said.rindex("Summary:") :].split()
    return float(words[words.index("I:") + 1])


@pytest.mark.parametrize("profile", [SDR_1080, AS_IS], ids=lambda profile: profile.key)
def test_sound_after_a_gap_stays_on_its_picture(tmp_path, profile):
    """Packets that a stream dropped; 5.1 put each beep after the gap 1.2 s too early."""
    gap = ["-af", "aselect='not(between(t,1.5,2.7))'", "-c:a", "pcm_s16le"]
    ffmpeg(*flash_beep.inputs(seconds=5), *gap, *FAST, tmp_path / "gap.mkv")
    made = make(tmp_path / "gap.mkv", tmp_path, profile)
    assert abs(flash_beep.furthest_off(made.path)) < 0.02
    assert len(flash_beep.beeps(made.path)) == 4


@pytest.mark.parametrize("codec", ["pcm_s16le", "aac"])
def test_sound_that_is_cut_off_at_full_scale_is_prepared(tmp_path, codec):
    """It measures above 0 LUFS, which loudnorm refuses to hear of."""
    ffmpeg(
        *picture(),
        "-f",
        "lavfi",
        "-t",
        2,
        "-i",
        SQUARE.format(peak=1),
        *FAST,
        "-c:a",
        codec,
        tmp_path / "clip.mov",
    )
    made = make(tmp_path / "clip.mov", tmp_path)
    assert loudness(made.path, tmp_path) == pytest.approx(-14, abs=1)


def test_floating_point_sound_beyond_full_scale_is_prepared_whole(tmp_path):
    loud = ["-f", "lavfi", "-t", 2, "-i", SQUARE.format(peak=4), "-c:a", "pcm_f32le"]
    ffmpeg(*picture(), *loud, *FAST, tmp_path / "float.mov")
    made = make(tmp_path / "float.mov", tmp_path)
    assert loudness(made.path, tmp_path) == pytest.approx(-14, abs=1)


def test_what_is_beyond_the_ranges_of_loudnorm_is_never_handed_to_it():
    """Every loudness, peak and range that could be measured gives filters whose numbers ffmpeg takes."""
    track = sound.SoundTrack(0, 1, "aac", "LC", "", True, 2, "stereo", 48000, 0.0)
    steps = itertools.product(
        (-69, -40, -1, 0, 3.05, 20), (-30, 0, 12, 120), (0, 60, 200), (-120, -20, 4, float("nan"))
    )
    for lufs, peak, spread, threshold in steps:
        filters, _ = sound.filters_for(track, Heard(lufs, peak, spread, threshold), SDR_1080)
        for text in filters:
            if not text.startswith("loudnorm="):
                continue
            values = {name: float(value) for name, value in (pair.split("=") for pair in text[9:].split(":"))}
            assert -99 <= values["measured_I"] <= 0
            assert -99 <= values["measured_TP"] <= 99
            assert 0 <= values["measured_LRA"] <= 99
            assert -99 <= values["measured_thresh"] <= 0
            assert -70 <= values["I"] <= -5
            assert 1 <= values["LRA"] <= 50


def test_room_noise_is_not_raised_to_the_loudness_of_speech(tmp_path):
    noise = ["-f", "lavfi", "-t", 2, "-i", "anoisesrc=a=0.003:c=pink:r=48000"]
    ffmpeg(*picture(), *noise, *FAST, "-c:a", "aac", tmp_path / "quiet.mp4")
    made = make(tmp_path / "quiet.mp4", tmp_path)
    before, after = loudness(tmp_path / "quiet.mp4", tmp_path), loudness(made.path, tmp_path)
    assert before < -60
    assert after - before == pytest.approx(20, abs=1)
    assert any("raised by 20 dB, not by the" in note for note in made.notes)


def packets(path):
    """Return what the sound's packets hold, which is the same exactly when they were copied."""
    command = [ffmpeg_tool().path, "-v", "error", "-i", path, "-map", "0:a:0", "-c", "copy", "-f", "md5", "-"]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def test_sound_that_is_right_already_is_copied(videos, tmp_path):
    first = make(videos.whole, tmp_path)
    again = tmp_path / "again"
    again.mkdir()
    second = make(first.path, again)
    assert packets(second.path) == packets(first.path)
    louder = make(first.path, again, Profile(loudness_lufs=-18))
    assert loudness(louder.path, tmp_path) == pytest.approx(-18, abs=1)


def test_as_is_leaves_the_sound_alone(videos, tmp_path):
    made = make(videos.matroska, tmp_path, AS_IS)
    assert loudness(made.path, tmp_path) == pytest.approx(loudness(videos.matroska, tmp_path), abs=0.2)
    assert make(videos.mute, tmp_path, AS_IS).info.has_audio is False


@pytest.mark.parametrize("profile", [SDR_1080, AS_IS], ids=lambda profile: profile.key)
@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "flv"])
def test_no_container_moves_the_sound(tmp_path, kind, profile):
    ffmpeg(*flash_beep.inputs(seconds=3), *FAST, "-c:a", "aac", tmp_path / "base.mp4")
    source = tmp_path / f"in.{kind}"
    ffmpeg("-i", tmp_path / "base.mp4", "-c", "copy", source)
    made = make(source, tmp_path, profile)
    moved = flash_beep.furthest_off(made.path) - flash_beep.furthest_off(source)
    assert abs(moved) < float(Fraction(1, 60))
    if kind in ("mp4", "mkv"):
        assert b"elst" not in made.path.read_bytes()
