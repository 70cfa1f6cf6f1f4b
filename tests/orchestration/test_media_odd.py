"""Healthy files that are odd: they are measured as ffmpeg plays them, and never called damaged."""

import struct
import subprocess
from types import SimpleNamespace

import pytest

from orchestration.media import FileDamaged, PictureTooLarge, ffmpeg_tool, measure, probe


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Small odd files, by what is odd about them; each a path."""
    folder = tmp_path_factory.mktemp("odd")

    def make(name, *arguments):
        path = folder / name
        command = [ffmpeg_tool().path, "-v", "error", "-y", *map(str, arguments), str(path)]
        subprocess.run(command, check=True, timeout=60, capture_output=True)
        return path

    picture = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=30:d=3")
    sound = ("-f", "lavfi", "-i", "sine=440:r=48000:d=3")
    encoded = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
    base = make("base.mp4", *picture, *sound, *encoded)
    twice = ("-i", base, "-i", base, "-c", "copy")
    made = {
        "base": base,
        "picture_late": make("late.mp4", "-itsoffset", "1.5", *twice, "-map", "0:v", "-map", "1:a"),
        "sound_late": make(
            "early.mkv", *twice[:2], "-itsoffset", "0.7", *twice[2:], "-map", "0:v", "-map", "1:a"
        ),
        "wrapped": make("wrapped.ts", "-i", base, "-c", "copy", "-output_ts_offset", "95442"),
        "starts_anywhere": make("anywhere.ts", "-i", base, "-c", "copy", "-output_ts_offset", "4000"),
        "flipped": make("flipped.mp4", "-display_vflip", "-i", base, "-c", "copy"),
        "variable": make(
            "variable.mp4",
            *(*picture, *sound, "-vf", "select='not(eq(mod(n,3),1))'", "-fps_mode", "vfr", *encoded),
        ),
        "latin_1": make("latin.mkv", "-i", base, "-c", "copy", "-metadata", "title=XXXX"),
        "languages": make(
            "languages.mkv",
            *(*picture, *sound, *sound, *sound, "-map", "0", "-map", "1", "-map", "2", "-map", "3", *encoded),
            *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger"),
            *("-metadata:s:a:2", "language=fra", "-disposition:a", "0"),
        ),
        "commentary": make(
            "commentary.mkv",
            *(*picture, *sound, *sound, "-map", "0", "-map", "1", "-map", "2", *encoded),
            *("-disposition:a:0", "comment", "-disposition:a:1", "0"),
        ),
        "gap": make(
            "gap.mkv",
            *picture,
            *sound,
            "-af",
            "aselect='not(between(t,1,1.8))'",
            *encoded[:6],
            "-c:a",
            "pcm_s16le",
        ),
    }
    first, second = make("one.ts", "-i", base, "-c", "copy"), made["starts_anywhere"]
    made["jumps"] = folder / "jumps.ts"
    made["jumps"].write_bytes(first.read_bytes() + second.read_bytes())
    made["jumps_back"] = folder / "back.ts"
    made["jumps_back"].write_bytes(second.read_bytes() + first.read_bytes())
    made["latin_1"].write_bytes(made["latin_1"].read_bytes().replace(b"XXXX", b"\xe9\xe8\xff\xfe"))
    old = ("-c:v", "mpeg2video", "-b:v", "1M", "-bf", "0", "-c:a", "mp2")
    progressive = make("progressive.ts", *picture, *sound, *old)
    fields = make("fields.ts", *picture, *sound, "-vf", "setfield=tff", *old, "-flags", "+ilme+ildct")
    made["progressive"], made["interlaced_later"] = progressive, folder / "later.ts"
    made["interlaced_later"].write_bytes(progressive.read_bytes() + fields.read_bytes())
    return SimpleNamespace(**made)


def test_a_picture_that_begins_after_its_sound_is_whole(odd):
    info = probe(odd.picture_late)
    assert info.picture.start_seconds - info.sound.start_seconds == pytest.approx(1.5, abs=0.03)
    assert info.duration_seconds == pytest.approx(4.5, abs=0.05)
    assert (info.picture.frames, info.notes) == (90, ())


def test_a_sound_that_begins_after_its_picture_says_when(odd):
    info = probe(odd.sound_late)
    assert info.sound.start_seconds - info.picture.start_seconds == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize("name", ["wrapped", "starts_anywhere"])
def test_a_clock_may_begin_anywhere_and_wrap(odd, name):
    info = probe(getattr(odd, name))
    assert info.duration_seconds == pytest.approx(3.0, abs=0.06)
    assert info.picture.seconds == pytest.approx(3.0, abs=0.001)
    assert abs(info.picture.start_seconds - info.sound.start_seconds) < 0.05


@pytest.mark.parametrize("name", ["jumps", "jumps_back"])
def test_a_clock_that_jumps_goes_on_where_it_was(odd, name):
    info = probe(getattr(odd, name))
    assert info.duration_seconds == pytest.approx(6.0, abs=0.1)
    assert info.picture.frames == 180
    assert info.picture.gaps == ()


def test_a_picture_that_is_to_be_mirrored_says_so(odd):
    assert probe(odd.flipped).flipped
    assert not probe(odd.base).flipped


def test_interlacing_is_seen_though_the_first_frames_are_not_interlaced(odd):
    assert probe(odd.interlaced_later).interlaced
    assert not probe(odd.progressive).interlaced


def test_a_rate_that_varies_is_known_from_all_frames(odd):
    info = probe(odd.variable)
    assert info.variable_rate
    assert info.frames_per_second == pytest.approx(20, abs=0.5)
    assert not probe(odd.base).variable_rate


def test_words_in_another_encoding_are_no_reason_to_refuse_a_film(odd):
    assert probe(odd.latin_1).duration_seconds == pytest.approx(3.0, abs=0.1)


def test_a_gap_in_the_sound_is_found(odd):
    info = probe(odd.gap)
    assert [(gap.start_seconds, gap.seconds) for gap in info.sound.gaps] == [
        (pytest.approx(1.0, abs=0.05), pytest.approx(0.8, abs=0.05))
    ]
    assert probe(odd.base).sound.gaps == ()


@pytest.mark.parametrize(("language", "index"), [("", 1), ("de", 2), ("fr-CA", 3), ("ger", 2), ("ja", 1)])
def test_of_several_sounds_the_language_decides_and_the_others_are_named(odd, language, index):
    info = probe(odd.languages, language=language)
    assert info.audio_index == index
    assert len(info.notes) == 2
    assert all(note.startswith("Left out: a sound (track ") for note in info.notes)


def test_a_commentary_is_not_the_sound_of_a_film(odd):
    assert probe(odd.commentary).audio_index == 2


def test_an_enormous_picture_is_refused_before_it_is_decoded(odd, monkeypatch):
    monkeypatch.setattr(measure, "MAX_PIXELS", 100 * 90)
    with pytest.raises(PictureTooLarge, match="160 x 90") as caught:
        probe(odd.base)
    assert caught.value.again == "never"


def declaring(path, seconds, target):
    """Write another length into a Matroska file's header (its Duration is a double, in milliseconds)."""
    content = path.read_bytes()
    at = content.index(b"\x44\x89\x88") + 3
    target.write_bytes(content[:at] + struct.pack(">d", seconds * 1000) + content[at + 8 :])
    return target


def test_ffmpeg_has_the_last_word_before_a_file_is_called_cut_short(odd, tmp_path, monkeypatch):
    lies = declaring(odd.languages, 12, tmp_path / "lies.mkv")
    info = probe(lies)
    assert info.duration_seconds == pytest.approx(3.0, abs=0.1)
    assert info.notes[-1] == "It is whole, although its file declares 12.0 s and holds 3.0 s."
    monkeypatch.setattr(measure, "ffmpeg_reads", lambda *_, **__: (3.0, "File ended prematurely"))
    with pytest.raises(FileDamaged, match="ffmpeg says: File ended prematurely"):
        probe(lies)
    monkeypatch.setattr(measure, "ffmpeg_reads", lambda *_, **__: (12.0, "something else"))
    assert "It is whole" not in probe(lies).notes[-1]


def test_a_file_in_fragments_whose_last_ones_are_missing_is_cut_short(odd, tmp_path):
    """Nothing but the index at its front tells of them: ffmpeg reads such a file without complaint."""
    whole = tmp_path / "whole.mp4"
    subprocess.run(
        [
            *(ffmpeg_tool().path, "-v", "error", "-i", str(odd.base), "-c:v", "libx264", "-g", "15"),
            *("-c:a", "copy", "-movflags", "frag_keyframe+delay_moov+global_sidx+dash", str(whole)),
        ],
        check=True,
        timeout=60,
    )
    assert probe(whole).picture.frames == 90
    cut = tmp_path / "cut.mp4"
    content = whole.read_bytes()
    cut.write_bytes(content[: content.index(b"moof", len(content) // 2) - 4])
    with pytest.raises(FileDamaged, match="cut short"):
        probe(cut)
