"""Find an ffmpeg that can do what Headend needs, and say which one it is.

Order: the path the operator configured; else the machine's own, which its distribution patches and
builds for this processor; else the one that the imageio-ffmpeg wheel brings, so that nothing has to be
installed. A machine's ffmpeg that lacks something (Fedora ships one without libx264) is passed over in
favour of the wheel's; a configured one that lacks something is an error, since someone meant it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from .errors import ToolMissing

Origin = Literal["environment", "system", "wheel"]

NEEDED = {  # what is asked, and what has to stand in the second column of the answer
    "-encoders": ("libx264", "aac", "mjpeg"),
    "-filters": ("loudnorm", "scale", "aresample", "anullsrc"),
    "-muxers": ("mp4", "null"),
}
TONE_MAPPING = frozenset({"zscale", "tonemap"})  # wanted, not needed: HDR looks washed out without them
PROBE_TIMEOUT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class MediaTool:
    """Name the ffmpeg in use: where it is, its version, how it came to be chosen, and whether it can map HDR to SDR."""

    path: str
    version: str
    origin: Origin
    tone_maps: bool = False


@lru_cache(maxsize=8)
def ffmpeg_tool(configured_path: str | None = None) -> MediaTool:
    """Choose the ffmpeg to use; asked once a process, then remembered.

    `configured_path` is the operator's HEADEND_FFMPEG (a path, or a name on PATH).

    Raises: ToolMissing with the reason for each candidate that was passed over.
    """
    if configured_path:
        found = shutil.which(configured_path)
        if found is None:
            raise ToolMissing(
                f"HEADEND_FFMPEG names {configured_path}, which is not a program that can be run."
            )
        return _examine(found, "environment")
    reasons = []
    places: tuple[tuple[Origin, str | None], ...] = (
        ("system", shutil.which("ffmpeg")),
        ("wheel", _wheel_path()),
    )
    for origin, path in places:
        if path is None:
            reasons.append(f"{origin}: none there")
            continue
        try:
            return _examine(path, origin)
        except ToolMissing as error:
            reasons.append(f"{origin}: {error}")
    raise ToolMissing(
        "No ffmpeg that can be used was found ("
        + "; ".join(reasons)
        + "). Install ffmpeg, or set HEADEND_FFMPEG."
    )


def _examine(path: str, origin: Origin) -> MediaTool:
    match = re.match(r"ffmpeg version (\S+)", _ask(path, "-version"))
    if match is None:
        raise ToolMissing(f"{path} is not an ffmpeg.")
    known = set()
    for question, names in NEEDED.items():
        answer = {line.split()[1] for line in _ask(path, question).splitlines() if len(line.split()) > 1}
        known |= answer
        missing = [name for name in names if name not in answer]
        if missing:
            raise ToolMissing(f"{path} (version {match[1]}) lacks {', '.join(missing)}.")
    return MediaTool(
        path=str(Path(path).absolute()), version=match[1], origin=origin, tone_maps=known >= TONE_MAPPING
    )


def _ask(path: str, question: str) -> str:
    try:
        return subprocess.run(
            [path, "-hide_banner", question],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_TIMEOUT_SECONDS,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolMissing(f"{path} cannot be run: {error}") from error


def _wheel_path() -> str | None:
    """Return the binary inside the imageio-ffmpeg wheel; a platform without one has none."""
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        return None
