"""Show what is in a film without playing it: single frames, and how loud it is over its length.

Both are read by ffmpeg as a child, with the same guards as everything else that opens a file from outside.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from .errors import TranscodeFailed
from .files import put_in_place
from .measure import ALLOWED_FORMATS, ALLOWED_PROTOCOLS
from .processes import local, run_ffmpeg
from .tools import MediaTool

WINDOWS = 600
"""Into how many equal spans a film's sound is cut: more than a line on a screen has points."""
SILENCE_DB = -90.0


def within(seconds: float) -> Callable[[], bool]:
    """Return a `cancelled` that lets a child work for so many seconds."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until


def frame(
    source: Path,
    target_jpg: Path,
    at_seconds: float,
    *,
    width: int = 1280,
    exact: bool = True,
    tool: MediaTool,
    cancelled: Callable[[], bool],
) -> Path:
    """Write the frame shown at a moment as JPEG, at most `width` wide; not `exact` takes the key frame before it, cheaply.

    Raises: TranscodeFailed where no frame is there, Cancelled, StorageFull.
    """
    part = target_jpg.with_name(f"{target_jpg.name}.{time.monotonic_ns()}.part")
    seek = [] if exact else ["-noaccurate_seek", "-skip_frame", "nokey"]
    try:
        run_ffmpeg(
            tool.path,
            [
                *("-loglevel", "error", "-threads", "1", *seek, "-ss", f"{max(at_seconds, 0.0):.3f}"),
                *_guarded(source),
                *("-map", "0:V:0", "-vf", f"scale='min({width},iw*sar)':-2:out_range=pc,setsar=1"),
                *(
                    "-fps_mode",
                    "passthrough",
                    "-frames:v",
                    "1",
                    "-q:v",
                    "2",
                    "-pix_fmt",
                    "yuvj420p",
                    "-c:v",
                    "mjpeg",
                ),
                *("-f", "image2", "-update", "1", local(part)),
            ],
            cancelled=cancelled,
        )
        if not part.exists() or not part.stat().st_size:
            raise TranscodeFailed(f"There is no frame at {at_seconds:.3f} s.")
        put_in_place(part, target_jpg)
    finally:
        part.unlink(missing_ok=True)
    return target_jpg


def loudness(
    source: Path, seconds: float, work: Path, *, tool: MediaTool, cancelled: Callable[[], bool]
) -> list[tuple[float, float]]:
    """Return how loud a film is over its length: (mean, peak) in dB below full scale, for each of 600 spans or fewer.

    `work` is where ffmpeg may write its figures; it is removed again. A film without sound gives none.
    Raises: TranscodeFailed, Cancelled, StorageFull.
    """
    rate = 8000
    samples = max(rate // 20, math.ceil(seconds * rate / WINDOWS))
    measured = (
        f"aformat=channel_layouts=mono,aresample={rate}:async=1:first_pts=0,asetnsamples=n={samples}:p=0,"
        "astats=metadata=1:reset=1:measure_perchannel=none:measure_overall=RMS_level+Peak_level,"
        f"ametadata=mode=print:file={_escaped(work)}"
    )
    try:
        run_ffmpeg(
            tool.path,
            [
                *("-loglevel", "error", "-threads", "1", *_guarded(source), "-map", "0:a:0?", "-vn", "-sn"),
                *("-af", measured, "-f", "null", "-"),
            ],
            cancelled=cancelled,
        )
        return _levels(work.read_text()) if work.exists() else []
    except TranscodeFailed as error:
        if "does not contain any stream" in error.detail or "no streams" in error.detail:
            return []
        raise
    finally:
        work.unlink(missing_ok=True)


def _levels(text: str) -> list[tuple[float, float]]:
    levels: list[tuple[float, float]] = []
    peak = mean = SILENCE_DB
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name.endswith("Peak_level"):
            peak = _decibels(value)
        elif name.endswith("RMS_level"):
            mean = _decibels(value)
        elif line.startswith("frame:") and not line.startswith("frame:0 "):
            levels.append((mean, peak))
    return [*levels, (mean, peak)] if text else []


def _decibels(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return SILENCE_DB
    return round(max(value, SILENCE_DB), 1) if math.isfinite(value) else SILENCE_DB


def _escaped(path: Path) -> str:
    """Write a path for a filter's option, whatever characters are in it (ffmpeg-utils, quoting, twice)."""
    once = str(path.absolute()).replace("\\", "\\\\").replace(":", "\\:").replace("'", "\\'")
    return "".join(f"\\{letter}" if letter in "\\'[],;" else letter for letter in once)


def _guarded(source: Path) -> list[str]:
    return [
        *("-protocol_whitelist", ALLOWED_PROTOCOLS, "-format_whitelist", ALLOWED_FORMATS),
        *("-i", local(source)),
    ]
