"""Make media files as people have them: healthy, odd and damaged ones, each with what is expected of it.

`python -m tests.corpus.media FOLDER` writes them into a folder. All are made by the tested ffmpeg and a few lines of
Python; what that ffmpeg has no encoder for is left out by name. Most show a flash and a beep in each second
(`tests/flash_beep.py`), so that whoever prepares them can be asked for their sync.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from orchestration.media import ffmpeg_tool
from tests.flash_beep import inputs

SECONDS = 2
READY = ""
FLASH = tuple(inputs(seconds=SECONDS))
FLASH_ONLY, BEEP_ONLY = FLASH[:4], FLASH[4:]
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac")
BASE = ("-i", "{plain.mp4}")
COPY = (*BASE, "-c", "copy")
TWICE = (*BASE, *BASE, "-map", "0:v", "-map", "1:a", "-c", "copy")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-tag:v", "hvc1")
Bytes = Callable[[Callable[[str], bytes]], bytes]


@dataclass(frozen=True, slots=True)
class OddFile:
    """One file: how it is made, and what is expected of it.

    `made`: ffmpeg's arguments, where {NAME} is another file of the corpus, or a function that gives the bytes and may
    ask for those of another. `refusal`: the code of the error; empty where it has to come out ready. `in_sync`: it has
    flashes and beeps to compare. `needs`: the encoders without which it is left out. `small`: also in the short set.
    """

    name: str
    kind: str
    made: tuple[str, ...] | Bytes
    refusal: str = READY
    in_sync: bool = True
    needs: tuple[str, ...] = ()
    small: bool = False


class Mill:
    """Make the files of the corpus in a folder, each once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tool = ffmpeg_tool().path
        self.table = {odd.name: odd for odd in odd_files()}

    def path(self, name: str) -> Path:
        """Return the path of a file, made if it is not there yet. Raises: CalledProcessError, with what ffmpeg said."""
        path = self.folder / name
        if path.exists():
            return path
        made = self.table[name].made
        if callable(made):
            path.write_bytes(made(lambda other: self.path(other).read_bytes()))
            return path
        arguments = [
            str(self.path(each[1:-1])) if each.startswith("{") and each.endswith("}") else each
            for each in made
        ]
        part = path.with_name(f"making-{name}")
        subprocess.run(
            [self.tool, "-v", "error", "-y", *arguments, str(part)],
            check=True,
            timeout=120,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        return part.rename(path)

    def missing(self, odd: OddFile) -> list[str]:
        """Return the encoders that this file needs and this ffmpeg has not."""
        return [name for name in odd.needs if name not in _encoders(self.tool)]


@lru_cache(maxsize=2)
def _encoders(tool: str) -> frozenset[str]:
    said = subprocess.run(
        [tool, "-hide_banner", "-encoders"], capture_output=True, text=True, check=True
    ).stdout
    return frozenset(words[1] for words in map(str.split, said.splitlines()) if len(words) > 1)


@lru_cache(maxsize=1)
def odd_files() -> tuple[OddFile, ...]:
    """Return the whole corpus."""
    parts = (_standing, _pixels, _rates, _sounds, _tracks, _clocks, _codecs, _damaged)
    return tuple(odd for part in parts for odd in part())


def _standing() -> Iterable[OddFile]:
    def of(name: str, *made: str, **more: bool) -> OddFile:
        return OddFile(name, "standing", made, **more)

    yield of("plain.mp4", *FLASH, *H264, *AAC, "-movflags", "+faststart")
    for turn in (90, 180, 270):
        yield of(f"turned-{turn}.mp4", "-display_rotation", str(turn), *COPY, small=turn == 90)
    yield of("mirrored.mp4", "-display_hflip", *COPY)
    yield of("upside-down.mp4", "-display_vflip", *COPY)
    yield of("turned-and-mirrored.mp4", "-display_rotation", "90", "-display_hflip", *COPY)
    yield of("not-square.mp4", *FLASH, "-vf", "setsar=4/3", *H264, *AAC)
    yield of("portrait.mp4", *FLASH, "-vf", "transpose", *H264, *AAC)
    yield of("odd-size.mp4", *FLASH, "-vf", "scale=161:91", *H264[:4], "-pix_fmt", "yuv444p", *AAC)
    yield of("ribbon.mp4", *FLASH, "-vf", "scale=640:36", *H264, *AAC)
    yield of("cropped-by-h264.mp4", *FLASH, "-vf", "scale=162:90", *H264, *AAC)


def _pixels() -> Iterable[OddFile]:
    def of(name: str, *made: str, codec: tuple[str, ...] = H264[:4], **more: object) -> OddFile:
        return OddFile(name, "pixels", (*FLASH, *codec, *made, *AAC), **more)  # type: ignore[arg-type]

    bt2020 = "color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    for form in ("yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "gray"):
        yield of(f"{form}.mp4", "-pix_fmt", form)
    yield of("full-range.mp4", "-vf", "scale=out_range=full", "-pix_fmt", "yuvj420p", "-color_range", "pc")
    yield of(
        "bt601.mp4", "-vf", "setparams=color_trc=smpte170m:color_primaries=smpte170m:colorspace=smpte170m"
    )
    yield of(
        "hdr10.mp4",
        "-vf",
        f"format=yuv420p10le,setparams=color_trc=smpte2084:{bt2020}",
        codec=HEVC,
        needs=("libx265",),
        in_sync=False,
        small=True,
    )
    yield of(
        "hlg.mp4",
        "-vf",
        f"format=yuv420p10le,setparams=color_trc=arib-std-b67:{bt2020}",
        codec=HEVC,
        needs=("libx265",),
        in_sync=False,
    )
    yield of("rgb-h264.mkv", codec=("-c:v", "libx264rgb", "-preset", "ultrafast"), needs=("libx264rgb",))
    yield of("rgb-ffv1.mkv", "-vf", "format=gbrp", codec=("-c:v", "ffv1"))
    yield of("alpha-qtrle.mov", "-pix_fmt", "argb", codec=("-c:v", "qtrle"))
    yield of("alpha-png.mov", "-pix_fmt", "rgba", codec=("-c:v", "png"))
    yield of("alpha-prores.mov", "-pix_fmt", "yuva444p10le", codec=("-c:v", "prores_ks"))
    yield of("raw-bgr.avi", "-pix_fmt", "bgr24", codec=("-c:v", "rawvideo"))
    yield of("v210.mov", codec=("-c:v", "v210"))


def _rates() -> Iterable[OddFile]:
    def of(name: str, *made: str, **more: object) -> OddFile:
        return OddFile(name, "rates", (*made, *AAC), **more)  # type: ignore[arg-type]

    for name, rate in (("120", 120), ("240", 240), ("50", 50), ("10", 10)):
        yield of(f"fps-{name}.mp4", *inputs(seconds=SECONDS, rate=rate), *H264)
    yield of("fps-ntsc-film.mp4", *FLASH, "-vf", "fps=24000/1001", *H264)
    yield of("fps-1.mp4", *FLASH, "-r", "1", *H264, in_sync=False)
    dropping = ("-vf", "select='not(eq(mod(n,3),1))'", "-fps_mode", "vfr")
    yield of("variable.mp4", *FLASH, *dropping, *H264)
    jittering = ("-vf", "settb=1/1000,setpts='PTS+if(mod(N,2),4,0)'", "-fps_mode", "vfr")
    yield OddFile(
        "jitter.webm", "rates", (*FLASH, *jittering, "-c:v", "libvpx", "-b:v", "200k", "-c:a", "libopus")
    )
    yield of(
        "interlaced-h264.mp4",
        *FLASH,
        "-vf",
        "scale=160:96,setfield=tff",
        *H264,
        "-flags",
        "+ilme+ildct",
        "-x264-params",
        "tff=1",
    )
    old = ("-c:v", "mpeg2video", "-b:v", "1M", "-bf", "0")
    yield of("interlaced-mpeg2.ts", *FLASH, "-vf", "setfield=tff", *old, "-flags", "+ilme+ildct", small=True)
    yield of("progressive.ts", *FLASH, *old)
    yield OddFile("interlaced-later.ts", "rates", lambda of: of("progressive.ts") + of("interlaced-mpeg2.ts"))
    yield of(
        "long-gop-b-frames.mp4",
        *FLASH,
        *H264,
        "-g",
        "600",
        "-bf",
        "8",
        "-x264-params",
        "b-adapt=0:scenecut=0",
    )
    yield of("open-gop.mp4", *FLASH, *H264, "-g", "15", "-bf", "3", "-x264-params", "open-gop=1")


def _sounds() -> Iterable[OddFile]:
    def of(name: str, *made: str, **more: object) -> OddFile:
        return OddFile(name, "sounds", made, **more)  # type: ignore[arg-type]

    def made_of(expression: str) -> tuple[str, ...]:
        return (*FLASH_ONLY, "-f", "lavfi", "-i", f"{expression},atrim=0:{SECONDS}", *H264)

    pcm = ("-c:a", "pcm_s16le")
    square = "aevalsrc='if(lt(mod(t,0.002),0.001),1,-1)|if(lt(mod(t,0.002),0.001),1,-1)':s=48000"
    yield of("mute.mp4", *FLASH_ONLY, *H264, in_sync=False)
    yield of("silence.mp4", *made_of("anullsrc"), *AAC, in_sync=False)
    yield of("mono-8k.mov", *FLASH, *H264, "-ac", "1", "-ar", "8000", *pcm)
    yield of(
        "5.1-ac3.mkv", *FLASH, *H264, "-af", "pan=5.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0", "-c:a", "ac3"
    )
    yield of(
        "7.1-flac.mkv",
        *FLASH,
        *H264,
        "-af",
        "pan=7.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0|SL=c0|SR=c0",
        "-c:a",
        "flac",
    )
    yield of("quad.mov", *FLASH, *H264, "-af", "pan=4c|c0=c0|c1=c0|c2=c0|c3=c0", *pcm)
    yield of(
        "ten-channels.mkv", *FLASH, *H264, "-af", "pan=10c|" + "|".join(f"c{n}=c0" for n in range(10)), *pcm
    )
    yield of("gap.mkv", *FLASH, *H264, "-af", "aselect='not(between(t,0.4,0.9))'", *pcm, small=True)
    yield of("clipped.mov", *made_of(square), *pcm, in_sync=False, small=True)
    yield of("clipped-aac.mp4", *made_of(square), *AAC, in_sync=False)
    yield of("float-beyond-full-scale.mov", *inputs(seconds=SECONDS, peak=4), *H264, "-c:a", "pcm_f32le")
    yield of("quiet-noise.mp4", *made_of("anoisesrc=a=0.003:c=pink:r=48000"), *AAC, in_sync=False)
    yield of("44100-mp3.mp4", *FLASH, *H264, "-ar", "44100", "-c:a", "libmp3lame", needs=("libmp3lame",))
    yield of("96k-24bit.mov", *inputs(seconds=SECONDS, hertz=96_000), *H264, "-c:a", "pcm_s24le")
    yield of("opus.mkv", *FLASH, *H264, "-c:a", "libopus", needs=("libopus",))
    yield of("alac.mov", *FLASH, *H264, "-c:a", "alac")
    yield of("dts.mkv", *FLASH, *H264, "-c:a", "dca", "-strict", "-2")
    yield of("truehd.mkv", *FLASH, *H264, "-c:a", "truehd", "-strict", "-2")
    yield of("eac3.mp4", *FLASH, *H264, "-c:a", "eac3")
    yield of("u8.avi", *FLASH, *H264, "-c:a", "pcm_u8")
    yield of("adpcm.avi", *FLASH, *H264, "-c:a", "adpcm_ms")
    yield of("sound-longer.mp4", "-t", "1.5", *FLASH_ONLY, *BEEP_ONLY, *H264, *AAC)
    yield of("sound-shorter.mp4", *FLASH_ONLY, "-t", "1.2", *BEEP_ONLY, *H264, *AAC)


def _tracks() -> Iterable[OddFile]:
    def of(name: str, *made: str, **more: bool) -> OddFile:
        return OddFile(name, "tracks", made, **more)

    def text(name: str, words: str) -> OddFile:
        return OddFile(name, "made of", lambda _: words.encode())

    yield OddFile("cover.jpg", "made of", ("-f", "lavfi", "-i", "testsrc2=s=64x64:d=1", "-frames:v", "1"))
    yield text("words.srt", "1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    yield text("chapters.txt", ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=43200\ntitle=Long\n")
    cover = ("-i", "{cover.jpg}", "-map", "0", "-map", "1")
    yield of("cover-art.mp4", *BASE, *cover, "-c", "copy", "-disposition:v:1", "attached_pic", small=True)
    yield of(
        "cover-art-first.mp4",
        "-i",
        "{cover.jpg}",
        *BASE,
        "-map",
        "0",
        "-map",
        "1",
        "-c",
        "copy",
        "-disposition:v:0",
        "attached_pic",
    )
    yield of(
        "two-pictures.mkv",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=64x36:d=2",
        *BASE,
        "-map",
        "1",
        "-map",
        "0",
        *H264,
        "-c:a",
        "copy",
    )
    yield of(
        "subtitles.mp4",
        *BASE,
        "-i",
        "{words.srt}",
        "-map",
        "0",
        "-map",
        "1",
        "-c",
        "copy",
        "-c:s",
        "mov_text",
    )
    yield of(
        "subtitles.mkv", *BASE, "-i", "{words.srt}", "-map", "0", "-map", "1", "-c", "copy", "-c:s", "ass"
    )
    yield of("chapters-of-12-hours.mp4", *BASE, "-i", "{chapters.txt}", "-map_metadata", "1", "-c", "copy")
    yield of("attachment.mkv", *COPY, "-attach", "{words.srt}", "-metadata:s:t", "mimetype=text/plain")
    yield of("timecode.mov", *COPY, "-timecode", "10:00:00:00")
    yield of(
        "several-sounds.mkv",
        *FLASH,
        *BEEP_ONLY,
        "-map",
        "0",
        "-map",
        "1",
        "-map",
        "2",
        *H264,
        *AAC,
        "-metadata:s:a:0",
        "language=eng",
        "-metadata:s:a:1",
        "language=ger",
    )
    yield of(
        "commentary-first.mkv",
        *FLASH,
        "-f",
        "lavfi",
        "-i",
        f"anullsrc=d={SECONDS}",
        "-map",
        "0",
        "-map",
        "2",
        "-map",
        "1",
        *H264,
        *AAC,
        "-disposition:a:0",
        "comment",
        "-disposition:a:1",
        "default",
    )
    yield of("named.mkv", *COPY, "-metadata", "title=XXXX")
    yield OddFile(
        "latin-1-title.mkv",
        "tracks",
        lambda of: of("named.mkv").replace(b"XXXX", b"\xe9\xe8\xff\xfe"),
        small=True,
    )


def _clocks() -> Iterable[OddFile]:
    def of(name: str, *made: str, **more: bool) -> OddFile:
        return OddFile(name, "clocks", made, **more)

    yield of("starts-at-10.mp4", *COPY, "-output_ts_offset", "10")
    yield of("starts-at-10.mkv", *COPY, "-output_ts_offset", "10")
    yield of("sound-first.mp4", "-itsoffset", "1.5", *TWICE, in_sync=False, small=True)
    yield of(
        "picture-first.mkv",
        *BASE,
        "-itsoffset",
        "0.7",
        *BASE,
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-c",
        "copy",
        in_sync=False,
    )
    yield of("short-gop.mp4", *inputs(seconds=4), *H264, "-g", "30", *AAC)
    yield of("cut-by-edit-list.mp4", "-ss", "1.5", "-i", "{short-gop.mp4}", "-c", "copy", small=True)
    yield of("plain.ts", *COPY)
    yield of("wrapped.ts", *COPY, "-output_ts_offset", "95442.6")
    yield of("starts-anywhere.ts", *COPY, "-output_ts_offset", "4000")
    yield OddFile("jumps.ts", "clocks", lambda of: of("plain.ts") + of("starts-anywhere.ts"))
    yield OddFile("jumps-back.ts", "clocks", lambda of: of("starts-anywhere.ts") + of("plain.ts"))
    yield OddFile("cut-broadcast.ts", "clocks", lambda of: of("short-gop.ts")[188 * 9 + 77 : -99], small=True)
    yield of("short-gop.ts", "-i", "{short-gop.mp4}", "-c", "copy")
    yield of("fragmented.mp4", *COPY, "-movflags", "+frag_keyframe+empty_moov")
    yield of("index-last.mp4", *COPY)
    yield of("live.mkv", *COPY, "-f", "matroska", "-live", "1")
    yield of("live.flv", *COPY, "-flvflags", "no_duration_filesize")
    yield OddFile("rubbish-behind.mp4", "clocks", lambda of: of("plain.mp4") + b"\0" * 5000)


def _codecs() -> Iterable[OddFile]:
    def of(name: str, picture: str, sound: str, *more: str, **how: object) -> OddFile:
        made = (*FLASH, "-c:v", picture, "-c:a", sound, *more)
        return OddFile(name, "codecs", made, needs=(picture, sound), **how)  # type: ignore[arg-type]

    yield of("vp8.webm", "libvpx", "libvorbis", "-b:v", "200k")
    yield of("vp9.webm", "libvpx-vp9", "libopus", "-cpu-used", "8", "-b:v", "200k", small=True)
    yield of("av1.mp4", "libsvtav1", "aac", "-preset", "12")
    yield of("hevc.mp4", "libx265", "aac", *HEVC[2:])
    yield of("hevc.ts", "libx265", "aac", *HEVC[2:6])
    yield of("prores.mov", "prores", "pcm_s16le")
    yield of(
        "dnxhr.mov", "dnxhd", "pcm_s16le", "-profile:v", "dnxhr_sq", "-vf", "scale=320:180,format=yuv422p"
    )
    yield of("dv.avi", "dvvideo", "pcm_s16le", "-s", "720x576", "-r", "25", "-pix_fmt", "yuv420p")
    yield of("mpeg2.vob", "mpeg2video", "ac3", "-f", "vob")
    yield of("mpeg1.mpg", "mpeg1video", "mp2")
    yield of("mpeg2.mxf", "mpeg2video", "pcm_s16le")
    yield of("divx.avi", "mpeg4", "libmp3lame", "-vtag", "DX50", "-bf", "2")
    yield of("msmpeg4.avi", "msmpeg4", "wmav1")
    yield of("sorenson.flv", "flv", "libmp3lame", "-ar", "44100")
    yield of("h264.flv", "libx264", "aac", *H264[2:])
    yield of("wmv2.wmv", "wmv2", "wmav2")
    yield of("theora.ogv", "libtheora", "libvorbis")
    yield of("mjpeg.avi", "mjpeg", "pcm_s16le", "-pix_fmt", "yuvj420p")
    yield of(
        "h263.3gp", "h263", "libopencore_amrnb", "-s", "176x144", "-ar", "8000", "-ac", "1", "-b:a", "12.2k"
    )
    yield of("huffyuv.avi", "huffyuv", "pcm_s16le")
    yield of("jpeg2000.mov", "jpeg2000", "pcm_s16le")
    yield of("cinepak.mov", "cinepak", "pcm_s16le", "-vf", "scale=160:96")
    yield of("zmbv.avi", "zmbv", "pcm_s16le")
    yield of("vvc.mp4", "libvvenc", "aac")
    yield of("real.rm", "rv20", "ac3", "-s", "176x144", refusal="file_damaged")


def _damaged() -> Iterable[OddFile]:
    def of(
        name: str, made: Bytes | tuple[str, ...], *, code: str = "file_damaged", small: bool = False
    ) -> OddFile:
        return OddFile(name, "damaged", made, refusal=code, in_sync=False, small=small)

    def half(name: str) -> Bytes:
        return lambda of: of(name)[: len(of(name)) // 2]

    yield of("cut-fast-start.mp4", half("plain.mp4"), small=True)
    yield of("cut-fragmented.mp4", half("fragmented.mp4"))
    yield of("cut-without-index.mp4", half("index-last.mp4"))
    yield of("cut.mkv", half("opus.mkv"))
    yield of("cut.webm", half("vp9.webm"))
    yield of("cut.avi", half("mjpeg.avi"))
    yield of("cut.flv", half("h264.flv"), small=True)
    yield of("cut.wmv", half("wmv2.wmv"), small=True)
    yield of("cut.mxf", half("mpeg2.mxf"))
    yield of("cut.mov", half("prores.mov"))
    yield of("page.mp4", lambda _: b"<!doctype html><title>Log in</title><p>Please log in.")
    yield of("photo.mp4", lambda of: of("cover.jpg"))
    yield of("animation.gif", ("-f", "lavfi", "-i", "testsrc2=s=64x64:d=1"))
    yield of("playlist.mp4", lambda _: b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n#EXT-X-ENDLIST\n")
    yield of("script.mp4", lambda _: b"ffconcat version 1.0\nfile plain.mp4\n")
    yield of("nothing.mp4", lambda _: b"", code="file_empty")
    yield of("zeros.mp4", lambda _: bytes(50_000))
    yield of("noise.mp4", lambda _: bytes((n * n * 31 + n // 7) % 251 for n in range(50_000)))
    yield of("archive.mp4", lambda of: b"PK\x03\x04" + of("plain.mp4")[4:3000])
    yield of("sound-alone.m4a", (*BEEP_ONLY, *AAC))
    yield of(
        "sound-with-cover.mp4",
        (
            "-i",
            "{sound-alone.m4a}",
            "-i",
            "{cover.jpg}",
            "-map",
            "0",
            "-map",
            "1",
            "-c",
            "copy",
            "-disposition:v:0",
            "attached_pic",
        ),
    )
    yield of("no-frames.mp4", lambda of: _without_media(of("index-last.mp4")))
    yield of(
        "huge.mkv",
        ("-f", "lavfi", "-i", "color=black:s=9000x8000:r=1:d=1,format=gray", "-c:v", "png"),
        code="picture_too_large",
        small=True,
    )


def _without_media(whole: bytes) -> bytes:
    """Return an MP4 whose index is right and whose every picture and sound is zeros."""
    begin, end = whole.index(b"mdat") + 4, whole.rindex(b"moov") - 4
    return whole[:begin] + bytes(end - begin) + whole[end:]


if __name__ == "__main__":
    mill = Mill(Path(sys.argv[1]))
    mill.folder.mkdir(parents=True, exist_ok=True)
    for each in mill.table.values():
        if lacks := mill.missing(each):
            print(f"{each.name}: left out, this ffmpeg has no {', '.join(lacks)}")
        else:
            mill.path(each.name)
