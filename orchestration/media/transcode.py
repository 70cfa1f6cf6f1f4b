"""Make a video ready for upload: H.264 and AAC in an MP4 that starts fast, at an even loudness."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import FileDamaged, TranscodeFailed
from .files import put_in_place
from .measure import ALLOWED_FORMATS, ALLOWED_PROTOCOLS, MediaInfo, probe
from .processes import local, run_ffmpeg
from .tools import MediaTool, ffmpeg_tool

SAMPLE_RATE_HZ = 48_000
MAX_FRAMES_PER_SECOND = 60.0
KEYFRAME_SECONDS = 2  # YouTube recommends a closed GOP of half the frame rate to two seconds
MEASURING_SHARE = 0.15  # of the progress bar; listening is far quicker than encoding
SAME_LENGTH_SLACK_SECONDS = 0.5
SAME_LENGTH_SHARE = 0.01
MAX_SAME_LENGTH_SLACK_SECONDS = 2.0
LOUDNESS_RANGE_LU = 11.0
MAX_HEIGHT = 1080
REFERENCE_WHITE_NITS = 203  # of HDR, becomes the white of SDR (ITU-R BT.2408)

# Codecs in these carry timestamps and parameters that MP4 can take over without touching a frame.
_COPYABLE_CONTAINERS = ("mp4", "matroska")
_COPYABLE_PROFILES = ("baseline", "constrained baseline", "main", "high")


@dataclass(frozen=True, slots=True)
class NormaliseOptions:
    """What a normalised file should be like.

    `max_height` bounds the shorter side, so that an upright 1080 x 1920 keeps its size. `threads=0`
    lets the encoder decide.
    """

    loudness_lufs: float = -14.0
    true_peak_db: float = -1.0
    max_height: int = MAX_HEIGHT
    crf: int = 20
    preset: str = "veryfast"
    audio_bitrate: str = "160k"
    threads: int = 0


@dataclass(frozen=True, slots=True)
class _Loudness:
    """Hold what the first pass of loudnorm heard."""

    integrated_lufs: float
    true_peak_db: float
    range_lu: float
    threshold_lufs: float
    offset_lu: float

    @property
    def silent(self) -> bool:
        return not math.isfinite(self.integrated_lufs) or self.integrated_lufs < -69.0


def is_upload_ready(info: MediaInfo, *, max_height: int = MAX_HEIGHT) -> bool:
    """Return whether a file could be uploaded as it is; its loudness is not looked at."""
    return (
        info.container == "mp4"
        and _copyable_video(info, max_height)
        and info.audio_codec == "aac"
        and info.sample_rate_hz == SAMPLE_RATE_HZ
    )


def normalise(
    source: Path,
    target: Path,
    *,
    on_progress: Callable[[float], None],
    cancelled: Callable[[], bool],
    options: NormaliseOptions | None = None,
    tool: MediaTool | None = None,
) -> MediaInfo:
    """Write an upload-ready copy of a video and return what it measures.

    The sound is measured first and then brought to the wanted loudness in one even step (a silent
    track is added where there is none); the picture is copied untouched when it already is what is
    wanted, and encoded otherwise. The result is measured again and has to be as long as the source
    before it gets its name. `on_progress` gets rising fractions, 1.0 last.

    Raises: FileEmpty, FileDamaged (the source); TranscodeFailed, StorageFull, Cancelled, ToolMissing.
    """
    options = options or NormaliseOptions()
    tool = tool or ffmpeg_tool()
    info = probe(source)
    rise = _Rise(on_progress)
    rise(0.0)
    loudness = None
    if info.has_audio:
        loudness = _measure_loudness(
            tool, source, info, options, cancelled, rise.part(0.0, MEASURING_SHARE, info.duration_seconds)
        )
    part = target.with_name(target.name + ".part")
    with _partial(part):
        run_ffmpeg(
            tool.path,
            [
                *_inputs(source, info),
                *_video_arguments(info, options, tone_maps=tool.tone_maps),
                *_audio_arguments(loudness, options),
                *("-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn"),
                *("-movflags", "+faststart", "-f", "mp4", local(part)),
            ],
            cancelled=cancelled,
            on_position=rise.part(rise.fraction, 0.99, info.duration_seconds),
        )
        result = _verified(part, info, options)
        put_in_place(part, target)
    rise(1.0)
    return result


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
    wide = _even(min(width, info.width))
    tall = _even(round(wide * info.height / info.width))
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


def _inputs(source: Path, info: MediaInfo) -> list[str]:
    arguments = ["-loglevel", "warning", *_guarded_input(source)]
    if info.has_audio:
        return [*arguments, "-map", "0:V:0", "-map", "0:a:0"]
    silence = f"anullsrc=r={SAMPLE_RATE_HZ}:cl=stereo"
    length = f"{info.duration_seconds:.3f}"
    return [*arguments, "-f", "lavfi", "-t", length, "-i", silence, "-map", "0:V:0", "-map", "1:a:0"]


def _video_arguments(info: MediaInfo, options: NormaliseOptions, *, tone_maps: bool) -> list[str]:
    maps = tone_maps and bool(info.hdr_transfer)
    if _copyable_video(info, options.max_height) and not maps:
        return ["-c:v", "copy", "-tag:v", "avc1"]
    wide, tall = _target_size(info, options.max_height)
    filters = ["bwdif=mode=send_frame:deint=interlaced"] if info.interlaced else []
    rate = info.frames_per_second
    if rate > MAX_FRAMES_PER_SECOND + 0.5:
        rate = MAX_FRAMES_PER_SECOND
        filters.append(f"fps={rate:g}")
    if maps:
        filters += [f"scale={wide}:{tall}", *_to_standard_range(info.hdr_transfer)]
    else:
        filters.append(f"scale={wide}:{tall}:out_range=tv")
    filters += ["setsar=1", "format=yuv420p"]
    return [
        *("-vf", ",".join(filters), "-c:v", "libx264", "-profile:v", "high"),
        *("-preset", options.preset, "-crf", str(options.crf), "-threads", str(options.threads)),
        *("-g", str(max(1, round((rate or 30) * KEYFRAME_SECONDS))), "-bf", "2"),
    ]


def _to_standard_range(transfer: str) -> list[str]:
    """Bring HDR to BT.709: eight bits cannot carry it, and shown as it is it looks grey and pale."""
    return [
        f"zscale=tin={transfer}:pin=bt2020:min=bt2020nc:t=linear:npl={REFERENCE_WHITE_NITS}",
        "format=gbrpf32le",
        "zscale=p=bt709",
        "tonemap=hable:desat=0",
        "zscale=t=bt709:m=bt709:r=tv",
    ]


def _audio_arguments(loudness: _Loudness | None, options: NormaliseOptions) -> list[str]:
    filters = ["aformat=channel_layouts=stereo"] if loudness is not None else []
    if loudness is not None and not loudness.silent:
        filters.append(_loudnorm(options, loudness))
    filters.append(f"aresample={SAMPLE_RATE_HZ}")
    return ["-af", ",".join(filters), "-c:a", "aac", "-b:a", options.audio_bitrate, "-ac", "2"]


def _loudnorm(options: NormaliseOptions, heard: _Loudness | None = None) -> str:
    """Write the loudnorm filter: to measure, or to apply what was measured.

    The even (linear) gain is only used when the target's range is not below the measured one and the
    peaks stay under the limit; so the range is raised to what was heard, and where the peaks forbid it
    ffmpeg falls back to its dynamic mode by itself.
    """
    values: dict[str, object] = {
        "I": options.loudness_lufs,
        "TP": options.true_peak_db,
        "LRA": LOUDNESS_RANGE_LU,
    }
    if heard is None:
        values["print_format"] = "json"
    else:
        values |= {
            "LRA": min(50.0, max(LOUDNESS_RANGE_LU, math.ceil(heard.range_lu))),
            "measured_I": heard.integrated_lufs,
            "measured_TP": heard.true_peak_db,
            "measured_LRA": heard.range_lu,
            "measured_thresh": heard.threshold_lufs,
            "offset": heard.offset_lu,
            "linear": "true",
        }
    return "loudnorm=" + ":".join(f"{name}={value}" for name, value in values.items())


def _measure_loudness(
    tool: MediaTool,
    source: Path,
    info: MediaInfo,
    options: NormaliseOptions,
    cancelled: Callable[[], bool],
    on_position: Callable[[float], None],
) -> _Loudness:
    said = run_ffmpeg(
        tool.path,
        [
            *("-loglevel", "info", *_guarded_input(source), "-map", "0:a:0", "-vn", "-sn", "-dn"),
            *("-af", f"aformat=channel_layouts=stereo,{_loudnorm(options)}", "-f", "null", "-"),
        ],
        cancelled=cancelled,
        on_position=on_position,
    )
    blocks = re.findall(r"\{[^{}]*\"input_i\"[^{}]*\}", said)
    if not blocks:
        raise TranscodeFailed("ffmpeg did not say how loud the sound is.", detail=said)
    heard = json.loads(blocks[-1])
    return _Loudness(
        integrated_lufs=float(heard["input_i"]),
        true_peak_db=float(heard["input_tp"]),
        range_lu=float(heard["input_lra"]),
        threshold_lufs=float(heard["input_thresh"]),
        offset_lu=float(heard["target_offset"]),
    )


# --- rules --------------------------------------------------------------------------------------


def _copyable_video(info: MediaInfo, max_height: int) -> bool:
    """Return whether the picture may go into the result untouched."""
    return (
        info.video_codec == "h264"
        and info.pixel_format == "yuv420p"
        and info.video_profile.lower() in _COPYABLE_PROFILES
        and info.container in _COPYABLE_CONTAINERS
        and info.rotation_degrees == 0
        and info.square_pixels
        and not info.interlaced
        and info.width % 2 == 0
        and info.height % 2 == 0
        and min(info.width, info.height) <= max_height
        and 0 < info.frames_per_second <= MAX_FRAMES_PER_SECOND + 0.5
    )


def _target_size(info: MediaInfo, max_height: int) -> tuple[int, int]:
    shrink = min(1.0, max_height / min(info.width, info.height))
    return _even(round(info.width * shrink)), _even(round(info.height * shrink))


def _even(pixels: int) -> int:
    """Round down to an even number of pixels: 4:2:0 colour has one sample for two."""
    return max(2, pixels - pixels % 2)


def _verified(part: Path, source: MediaInfo, options: NormaliseOptions) -> MediaInfo:
    """Measure the result and compare it with its source.

    Raises: TranscodeFailed.
    """
    try:
        result = probe(part)
    except FileDamaged as error:
        raise TranscodeFailed(
            f"ffmpeg ended well, but its result is damaged: {error}", again="again"
        ) from error
    off = abs(result.duration_seconds - source.duration_seconds)
    share = min(source.duration_seconds * SAME_LENGTH_SHARE, MAX_SAME_LENGTH_SLACK_SECONDS)
    if off > max(SAME_LENGTH_SLACK_SECONDS, share):
        raise TranscodeFailed(
            f"The result lasts {result.duration_seconds:.1f} s and its source {source.duration_seconds:.1f} s."
        )
    if not is_upload_ready(result, max_height=options.max_height):
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
