"""Find an ffmpeg that can do what Headend needs, and say which one it is.

The one that the imageio-ffmpeg wheel brings is used: its version is pinned with the other dependencies and is
the one that the tests run with. Another is used only where the operator names it, a path or "system" for the
machine's own, and the status says so: one version of ffmpeg loses a gap in the sound, another does not, and nobody
but a test finds out.
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

NEEDED = {  # what is asked, and what has to stand in the first two columns of the answer
    "-encoders": ("libx264", "aac", "mjpeg"),
    "-filters": ("loudnorm", "ebur128", "scale", "fps", "bwdif", "aresample", "anullsrc"),
    "-bsfs": ("noise", "h264_metadata", "hevc_metadata"),
    "-muxers": ("mp4", "null"),
}
TONE_MAPPING = frozenset({"zscale", "tonemap"})  # wanted, not needed: HDR looks washed out without them
PROBE_TIMEOUT_SECONDS = 20


SYSTEM = "system"
"""What HEADEND_FFMPEG says for the machine's own ffmpeg."""


@dataclass(frozen=True, slots=True)
class MediaTool:
    """Name the ffmpeg in use: where it is, its version, how it came to be chosen, and what more than needed it can do.

    `tone_maps`: HDR to SDR; `encodes_hevc`: HDR kept where a picture has to be encoded.
    """

    path: str
    version: str
    origin: Origin
    tone_maps: bool = False
    encodes_hevc: bool = False

    @property
    def is_tested(self) -> bool:
        """Return whether it is the one that Headend's tests run with."""
        return self.origin == "wheel"

    @property
    def warning(self) -> str:
        """Return what an operator should know of it; empty for the tested one."""
        if self.is_tested:
            return ""
        return (
            f"ffmpeg {self.version} ({self.path}) is not the one that Headend is tested with."
            " Unset HEADEND_FFMPEG to use that one."
        )


@lru_cache(maxsize=8)
def ffmpeg_tool(configured: str | None = None) -> MediaTool:
    """Choose the ffmpeg to use; asked once a process, then remembered.

    `configured` is the operator's HEADEND_FFMPEG: a path or a name on PATH, "system" for the machine's own, or nothing
    for the tested one.

    Raises: ToolMissing, with the reason.
    """
    if configured == SYSTEM:
        found = shutil.which("ffmpeg")
        if found is None:
            raise ToolMissing("HEADEND_FFMPEG says system, and this machine has no ffmpeg on its PATH.")
        return _examine(found, "system")
    if configured:
        found = shutil.which(configured)
        if found is None:
            raise ToolMissing(f"HEADEND_FFMPEG names {configured}, which is not a program that can be run.")
        return _examine(found, "environment")
    path = _wheel_path()
    if path is None:
        raise ToolMissing(
            "The imageio-ffmpeg package has no ffmpeg for this machine. Install ffmpeg, and set HEADEND_FFMPEG to its"
            " path, or to system for the one on PATH."
        )
    return _examine(path, "wheel")


def _examine(path: str, origin: Origin) -> MediaTool:
    match = re.match(r"ffmpeg version (\S+)", _ask(path, "-version"))
    if match is None:
        raise ToolMissing(f"{path} is not an ffmpeg.")
    known = set()
    for question, names in NEEDED.items():
        answer = {word for line in _ask(path, question).splitlines() for word in line.split()[:2]}
        known |= answer
        missing = [name for name in names if name not in answer]
        if missing:
            raise ToolMissing(f"{path} (version {match[1]}) lacks {', '.join(missing)}.")
    return MediaTool(
        path=str(Path(path).absolute()),
        version=match[1],
        origin=origin,
        tone_maps=known >= TONE_MAPPING,
        encodes_hevc="libx265" in known,
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
    """Return the binary inside the imageio-ffmpeg wheel; a platform without one has none.

    Looked up where it lies: the package's own search asks an environment variable first and PATH last.
    """
    import imageio_ffmpeg

    inside = Path(imageio_ffmpeg.__file__).parent / "binaries"
    return next((str(path) for path in sorted(inside.glob("ffmpeg-*"))), None)
