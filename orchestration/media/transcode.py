"""Make a video ready for upload: what YouTube takes is copied, all else is brought to what it recommends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import picture, sound
from .compare import Expectation, compare
from .errors import FileDamaged, TranscodeFailed
from .files import put_in_place
from .measure import ALLOWED_FORMATS, ALLOWED_PROTOCOLS, MediaInfo, probe
from .picture import Picture, even
from .processes import local, run_ffmpeg
from .profiles import AS_IS, SDR_1080, Profile
from .sound import SAMPLE_RATE_HZ
from .streams import SoundTrack, Streams, look
from .tools import MediaTool, ffmpeg_tool

MEASURING_SHARE = 0.15  # of the progress bar; listening is far quicker than encoding
TOGETHER_SECONDS = 0.005
"""Two tracks that begin this near to each other begin together."""
WEBM_VIDEO = frozenset({"vp9", "av1"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """Hold what was made: where it lies, what it measures, and what a person should know of how it was made."""

    path: Path
    info: MediaInfo
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sound:
    """Hold ffmpeg's arguments for the sound."""

    arguments: list[str]
    copied: bool = False
    notes: tuple[str, ...] = ()


def is_upload_ready(info: MediaInfo, profile: Profile = SDR_1080) -> bool:
    """Return whether a file could be uploaded as it is by a profile; its loudness is not looked at."""
    if min(info.width, info.height) > profile.max_height or info.frames_per_second > profile.max_fps + 0.5:
        return False
    if profile.codecs == AS_IS.codecs:
        return info.container in ("mp4", "matroska") and info.video_codec in profile.codecs
    return (
        info.container == "mp4"
        and info.video_codec in profile.codecs
        and info.audio_codec in ("aac", *(sound.COPYABLE if profile.loudness == "keep" else ()))
        and (profile.loudness == "keep" or info.sample_rate_hz == SAMPLE_RATE_HZ)
    )


def normalise(
    source: Path,
    target: Path,
    *,
    on_progress: Callable[[float], None],
    cancelled: Callable[[], bool],
    profile: Profile = SDR_1080,
    language: str = "",
    tool: MediaTool | None = None,
) -> Prepared:
    """Write an upload-ready copy of a video by a profile and return what it is.

    Picture and sound are copied where the profile and YouTube allow it, and encoded otherwise. Sound that is to be
    even is measured first and then brought to the wanted loudness in one step. The result is measured again and has to
    be what its source is (`compare.py`) before it gets its name: that of `target`, with another ending where another
    container is due. `language` (BCP 47) decides between several sounds. `on_progress` gets rising fractions, 1.0 last.

    Raises: FileEmpty, FileDamaged, PictureTooLarge (the source); ResultWrong, TranscodeFailed, StorageFull, Cancelled,
    ToolMissing.
    """
    tool = tool or ffmpeg_tool()
    info = probe(source, language=language, tool=tool, cancelled=cancelled)
    streams = look(source, info.video_index)
    rise = _Rise(on_progress)
    rise(0.0)
    track = next((each for each in streams.sound if each.index == info.audio_index), None)
    webm = _fits_webm(info, streams, profile, track, tool)
    shown = picture.plan(info, streams, profile, tool, webm=webm)
    heard = _sound_plan(source, info, track, profile, tool, cancelled, rise, webm=webm)
    target = target.with_suffix(".webm" if webm else ".mp4")
    part = target.with_name(target.name + ".part")
    with _partial(part):
        run_ffmpeg(
            tool.path,
            [
                *_inputs(source, info, track, profile),
                *shown.arguments,
                *heard.arguments,
                *(
                    "-map_metadata",
                    "-1",
                    "-map_chapters",
                    "-1",
                    "-sn",
                    "-dn",
                    "-max_muxing_queue_size",
                    "4096",
                ),
                *(["-f", "webm"] if webm else _mp4(streams, track, shown, heard)),
                local(part),
            ],
            cancelled=cancelled,
            on_position=rise.part(rise.fraction, 0.99, info.duration_seconds),
        )
        result = _verified(part, source, info, profile, _expected(info, shown, heard))
        put_in_place(part, target)
    rise(1.0)
    notes = (*info.notes, *shown.notes, *heard.notes)
    return Prepared(path=target, info=result, notes=tuple(note for note in notes if note))


def thumbnail(
    source: Path,
    target_jpg: Path,
    *,
    at_fraction: float = 0.33,
    width: int = 1280,
    cancelled: Callable[[], bool] = lambda: False,
    tool: MediaTool | None = None,
) -> Path:
    """Write a picture of the video as JPEG, taken from a telling frame near a point of its length.

    The picture is never enlarged. `at_fraction` runs from 0 (the start) to 1 (the end).

    Raises: FileEmpty, FileDamaged, TranscodeFailed, StorageFull, Cancelled, ToolMissing.
    """
    tool = tool or ffmpeg_tool()
    info = probe(source)
    wide = even(min(width, info.width))
    tall = even(round(wide * info.height / info.width))
    part = target_jpg.with_name(target_jpg.name + ".part")
    moments = (info.duration_seconds * min(max(at_fraction, 0.0), 1.0), 0.0)
    with _partial(part):
        for moment in moments:  # the last moments of a file may hold no frame; the first one does
            run_ffmpeg(
                tool.path,
                [
                    *("-loglevel", "error", "-ss", f"{moment:.3f}", *_guarded_input(source)),
                    *("-map", "0:V:0", "-vf", f"thumbnail=n=12,scale={wide}:{tall}:out_range=pc,setsar=1"),
                    *("-frames:v", "1", "-q:v", "3", "-pix_fmt", "yuvj420p", "-c:v", "mjpeg"),
                    *("-f", "image2", "-update", "1", local(part)),
                ],
                cancelled=cancelled,
            )
            if part.exists() and part.stat().st_size:
                put_in_place(part, target_jpg)
                return target_jpg
    raise TranscodeFailed("ffmpeg found no frame to make a picture of.")


def join_streams(parts: Sequence[Path], target: Path, *, cancelled: Callable[[], bool]) -> None:
    """Put the picture and the sound of one video, fetched as two files, into one file unchanged.

    Raises: TranscodeFailed, StorageFull, Cancelled, ToolMissing.
    """
    inputs = [argument for part in parts for argument in _guarded_input(part)]
    maps = [argument for index in range(len(parts)) for argument in ("-map", str(index))]
    with _partial(target, keep=True):
        run_ffmpeg(
            ffmpeg_tool().path,
            ["-loglevel", "error", *inputs, *maps, "-c", "copy", "-f", "matroska", local(target)],
            cancelled=cancelled,
        )


# --- arguments ----------------------------------------------------------------------------------


def _guarded_input(source: Path) -> list[str]:
    """Open a file from outside as nothing but a media file; see `measure.py`."""
    return [
        *("-protocol_whitelist", ALLOWED_PROTOCOLS),
        *("-format_whitelist", ALLOWED_FORMATS),
        *("-i", local(source)),
    ]


def _inputs(source: Path, info: MediaInfo, track: SoundTrack | None, profile: Profile) -> list[str]:
    arguments = ["-loglevel", "warning", *_guarded_input(source)]
    if track is not None:
        return [*arguments, "-map", f"0:{info.video_index}", "-map", f"0:{track.index}"]
    if profile.loudness == "keep":
        return [*arguments, "-map", f"0:{info.video_index}"]
    silence = f"anullsrc=r={SAMPLE_RATE_HZ}:cl=stereo"
    length = f"{info.duration_seconds:.3f}"
    return [
        *arguments,
        "-f",
        "lavfi",
        "-t",
        length,
        "-i",
        silence,
        "-map",
        f"0:{info.video_index}",
        "-map",
        "1:a:0",
    ]


def _fits_webm(
    info: MediaInfo, streams: Streams, profile: Profile, track: SoundTrack | None, tool: MediaTool
) -> bool:
    """Return whether picture and sound are both WebM's own and go untouched: there each is at home."""
    return (
        info.video_codec in WEBM_VIDEO
        and profile.loudness == "keep"
        and (track is None or sound.may_be_kept(track, to_webm=True))
        and not picture.why_encoded(info, streams, profile, tool)
    )


def _sound_plan(
    source: Path,
    info: MediaInfo,
    track: SoundTrack | None,
    profile: Profile,
    tool: MediaTool,
    cancelled: Callable[[], bool],
    rise: _Rise,
    *,
    webm: bool,
) -> _Sound:
    """Return how the sound is brought to a profile; listens to it where it is to be even."""
    if track is None:
        return _Sound([] if profile.loudness == "keep" else _aac(["anull"], profile.audio_kbits))
    if profile.loudness == "keep":
        if sound.may_be_kept(track, to_webm=webm):
            return _Sound(["-c:a", "copy"], copied=True)
        filters, note = sound.filters_for(track, None, profile)
        return _Sound(
            _aac(filters, sound.kbits_for(track, profile)),
            notes=(f"The sound is encoded anew: it is {track.codec}.",),
        )
    heard = sound.measure(
        tool,
        _guarded_input(source),
        track,
        cancelled=cancelled,
        on_position=rise.part(0.0, MEASURING_SHARE, info.duration_seconds),
    )
    if sound.is_right(track, heard, profile):
        return _Sound(["-c:a", "copy"], copied=True)
    filters, note = sound.filters_for(track, heard, profile)
    return _Sound(_aac(filters, profile.audio_kbits), notes=(note,))


def _aac(filters: list[str], kbits: int) -> list[str]:
    return ["-af", ",".join(filters), "-c:a", "aac", "-b:a", f"{kbits}k", "-ar", str(SAMPLE_RATE_HZ)]


def _mp4(streams: Streams, track: SoundTrack | None, shown: Picture, heard: _Sound) -> list[str]:
    """Return the arguments of an MP4 that starts fast, without edit lists where it needs none.

    YouTube advises against them. Three things are said by them: that a track begins later than the other, which is left
    to them; that pictures are shown later than they are decoded, for which negative offsets do as well; and that the
    first piece of AAC only warms up its decoder, which is left out instead.
    """
    if not _begin_together(streams, track, shown, heard):
        return ["-movflags", "+faststart", "-f", "mp4"]
    is_aac = bool(heard.arguments) and (not heard.copied or (track is not None and track.codec == "aac"))
    warm_up = ["-bsf:a", "noise=drop=lt(pts\\,0)"] if is_aac else []
    return [*warm_up, "-use_editlist", "0", "-movflags", "+faststart+negative_cts_offsets", "-f", "mp4"]


def _begin_together(streams: Streams, track: SoundTrack | None, shown: Picture, heard: _Sound) -> bool:
    """Return whether picture and sound of the result begin at the same moment: what is encoded is made to."""
    if track is None:
        return True
    begin = min(streams.start_seconds, track.start_seconds)
    if shown.copied and streams.start_seconds - begin > TOGETHER_SECONDS:
        return False
    return not heard.copied or (
        track.codec == "aac" and track.warm_up_is_whole and track.start_seconds - begin <= TOGETHER_SECONDS
    )


# --- rules --------------------------------------------------------------------------------------


def _expected(info: MediaInfo, shown: Picture, heard: _Sound) -> Expectation:
    """Return what the result has to have kept of its source."""
    return Expectation(
        picture_copied=shown.copied,
        sound_copied=heard.copied,
        frames_per_second=float(shown.rate) if shown.rate is not None else None,
        keeps_orientation=shown.copied,
        colour=shown.colour,
    )


def _verified(
    part: Path, source_path: Path, source: MediaInfo, profile: Profile, expected: Expectation
) -> MediaInfo:
    """Measure the result and compare it with its source.

    Raises: ResultWrong, TranscodeFailed.
    """
    try:
        result = probe(part)
    except FileDamaged as error:
        raise TranscodeFailed(
            f"ffmpeg ended well, but its result is damaged: {error}", again="again"
        ) from error
    compare(source_path, source, part, result, expected)
    if not is_upload_ready(result, profile):
        raise TranscodeFailed(f"The result is not ready for upload: {result}.")
    return result


@contextlib.contextmanager
def _partial(part: Path, *, keep: bool = False) -> Iterator[None]:
    """Remove an unfinished file however the block ends."""
    try:
        yield
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if not keep:
        part.unlink(missing_ok=True)


class _Rise:
    """Turn positions into fractions that never fall."""

    def __init__(self, on_progress: Callable[[float], None]) -> None:
        self._on_progress = on_progress
        self.fraction = -1.0

    def __call__(self, fraction: float) -> None:
        if fraction > self.fraction:
            self.fraction = fraction
            self._on_progress(fraction)

    def part(self, begin: float, end: float, duration_seconds: float) -> Callable[[float], None]:
        """Map positions in seconds to the stretch of the whole from `begin` to `end`."""
        return lambda seconds: self(begin + (end - begin) * min(1.0, max(0.0, seconds / duration_seconds)))
