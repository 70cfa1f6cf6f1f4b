"""Say what a prepared file should be like: kept as the master is, or brought to a bounded size, rate and colour.

A profile is a value. Its fingerprint names what it asks for, not what it is called: two profiles that ask for the same
share one file, and one that is changed asks for another file and leaves the old one as it is.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

Colour = Literal["keep", "sdr"]
Loudness = Literal["keep", "even"]

WAY_OF_MAKING = 2
"""Counts up when the same profile comes to give another file, so that files made the old way are not taken for new ones."""

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
HEIGHTS = (144, 2160)
"""Least and most lines of the shorter side: beyond 2160 YouTube's advice ends at figures that few masters have."""
RATES = (1, 60)
CRFS = (0, 40)
BITRATES_KBITS = (64, 512)
DEFAULT = "1080p-sdr"


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to prepare a video.

    `max_height` bounds the shorter side, so that an upright 1080 x 1920 keeps its size. `codecs` are those whose picture
    is copied when nothing else forbids it. `loudness` even brings the sound to `loudness_lufs` in one step of at most
    `max_gain_db` upwards. `threads=0` lets the encoder decide.
    """

    key: str = DEFAULT
    name: str = "1080p SDR"
    max_height: int = 1080
    max_fps: int = 60
    colour: Colour = "sdr"
    codecs: tuple[str, ...] = ("h264",)
    crf: int = 20
    preset: str = "veryfast"
    audio_kbits: int = 384
    loudness: Loudness = "even"
    loudness_lufs: float = -14.0
    true_peak_db: float = -1.0
    max_gain_db: float = 20.0
    threads: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        """Return what decides the file: everything but what the profile is called."""
        return {name: value for name, value in asdict(self).items() if name not in ("key", "name", "threads")}

    @property
    def fingerprint(self) -> str:
        """Return 16 hex digits that are the same for all profiles which ask for the same file."""
        asked = json.dumps([WAY_OF_MAKING, self.settings], sort_keys=True)
        return hashlib.sha256(asked.encode()).hexdigest()[:16]


TAKEN_CODECS = ("h264", "hevc", "vp9", "av1")
"""What YouTube decodes and recommends, of its pages on upload encoding and on HDR."""

SDR_1080 = Profile()
"""What Headend has always made, and still the default: every browser plays it, and each channel sounds alike."""

AS_IS = Profile(
    key="as-is",
    name="As is",
    max_height=2160,
    colour="keep",
    codecs=TAKEN_CODECS,
    crf=16,
    loudness="keep",
)
"""Touch nothing that YouTube takes; what it does not take is encoded at once, finely, and no larger than 4K at 60."""

BUILT_IN = {profile.key: profile for profile in (SDR_1080, AS_IS)}
