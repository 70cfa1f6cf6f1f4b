"""Name the colours of a picture as ffmpeg does: the numbers are those of ITU-T H.273, tables 2 to 4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av

_PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "jedec-p22",
}
_TRANSFERS = {
    1: "bt709",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
_MATRICES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    14: "ictcp",
}
_RANGES = {1: "tv", 2: "pc"}


@dataclass(frozen=True, slots=True)
class Colour:
    """How a picture's numbers mean colours; an empty word where the file does not say."""

    primaries: str = ""
    transfer: str = ""
    matrix: str = ""
    range: str = ""

    @classmethod
    def of(cls, stream: av.VideoCodecContext, frame: av.VideoFrame) -> Colour:
        """Read the tags of a track, and where it has none those of its first frame."""
        return cls(
            primaries=_said(_PRIMARIES, stream.color_primaries, frame.color_primaries),
            transfer=_said(_TRANSFERS, stream.color_trc, frame.color_trc),
            matrix=_said(_MATRICES, stream.colorspace, frame.colorspace),
            range=_said(_RANGES, stream.color_range, frame.color_range)
            or ("pc" if frame.format.name.startswith("yuvj") else ""),
        )


def _said(names: dict[int, str], *numbers: int) -> str:
    return next((names[int(number)] for number in numbers if int(number) in names), "")
