"""Look at a moment of a file's content: whether it is silent there, and whether its picture stands as another does."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

from .measure import MediaInfo

EDGE_SECONDS = 0.07  # encoders and resamplers smear an edge over a packet or two
MOST_SECONDS = 1.0  # of a gap are listened to, from its middle
SILENCE_PEAK = 0.01  # of full scale, -40 dB
SIDE = 16  # pixels of the pictures that are compared
TWO_LOOK_ALIKE = 1.15  # a picture that looks the same either way round decides nothing

Grey = list[list[int]]


def silent_at(path: Path, stream_index: int, start_seconds: float, seconds: float) -> bool:
    """Return whether a file of ours is silent in a stretch, but for its edges; a stretch without packets is silent."""
    begin, end = start_seconds + EDGE_SECONDS, start_seconds + seconds - EDGE_SECONDS
    middle = (begin + end) / 2
    begin, end = max(begin, middle - MOST_SECONDS / 2), min(end, middle + MOST_SECONDS / 2)
    with av.open(str(path.absolute()), options={"protocol_whitelist": "file"}) as container:
        stream = _stream(container, stream_index)
        if begin > 1.0 and stream.time_base:
            container.seek(int((begin - 0.5) / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            if frame.time is None or frame.time >= end:
                break
            if (
                frame.time + frame.samples / frame.sample_rate > begin
                and _peak(frame, begin, end) > SILENCE_PEAK
            ):
                return False
    return True


def _stream(container: Any, index: int) -> Any:
    return container.streams[index]


def _peak(frame: av.AudioFrame, begin: float, end: float) -> float:
    if frame.format.name != "fltp":
        return 0.0  # ours is AAC, which decodes to nothing else
    start = frame.time or 0.0
    first = max(0, round((begin - start) * frame.sample_rate))
    last = min(frame.samples, round((end - start) * frame.sample_rate))
    loudest = 0.0
    for plane in frame.planes:
        samples = array("f", bytes(plane)[: frame.samples * 4])[first:last]
        loudest = max(loudest, max(samples, default=0.0), -min(samples, default=0.0))
    return loudest


def turned_right(source_path: Path, source: MediaInfo, result_path: Path, result: MediaInfo) -> bool:
    """Return whether the result's first picture is the source's, turned as the source asks; true where it cannot be told."""
    raw, made = _first(source_path, source.video_index), _first(result_path, result.video_index)
    if raw is None or made is None:
        return True
    off = {turn: _distance(_turned(raw, *turn), made) for turn in _turns()}
    wanted = off[source.rotation_degrees // 90 % 4, source.flipped]
    return wanted <= min(off.values()) * TWO_LOOK_ALIKE + 1.0


def _turns() -> Iterator[tuple[int, bool]]:
    return ((quarters, flipped) for flipped in (False, True) for quarters in range(4))


def _first(path: Path, stream_index: int) -> Grey | None:
    with av.open(
        str(path.absolute()), options={"protocol_whitelist": "file"}, metadata_errors="replace"
    ) as container:
        for frame in container.decode(_stream(container, stream_index)):
            small = frame.reformat(SIDE, SIDE, "gray")
            plane = small.planes[0]
            rows, wide = bytes(plane), plane.line_size
            return [list(rows[row * wide : row * wide + SIDE]) for row in range(SIDE)]
    return None


def _turned(grey: Grey, quarters: int, flipped: bool) -> Grey:
    """Turn a square picture by quarters against the clock, as the display matrix counts; mirror it upside down before."""
    if flipped:
        grey = grey[::-1]
    for _ in range(quarters):
        grey = [list(row) for row in zip(*grey, strict=True)][::-1]
    return grey


def _distance(one: Grey, other: Grey) -> float:
    pairs = zip(one, other, strict=True)
    return sum(abs(a - b) for left, right in pairs for a, b in zip(left, right, strict=True)) / SIDE**2
