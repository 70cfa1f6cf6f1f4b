"""A picture that flashes and a sound that beeps in each second: what a person would hear and see of a file's sync."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import av

BRIGHT = 120  # of 255
LOUD = 0.01  # of full scale
PICTURE = (
    "color=black:s=160x90:r={rate}:d={seconds},"
    "drawbox=x=50:y=30:w=60:h=30:color=white:t=fill:enable='lt(mod(t,1),0.1)'"
)
SOUND = (
    "aevalsrc='if(lt(mod(t,1),0.1),{peak}*sin(2*PI*1000*t),0)':s={hertz}:d={seconds},pan=stereo|c0=c0|c1=c0"
)


def inputs(*, seconds: float = 4, rate: int = 30, hertz: int = 48_000, peak: float = 0.5) -> list[str]:
    """Return ffmpeg's arguments for both, in sync."""
    return [
        *("-f", "lavfi", "-i", PICTURE.format(rate=rate, seconds=seconds)),
        *("-f", "lavfi", "-i", SOUND.format(hertz=hertz, seconds=seconds, peak=peak)),
    ]


def flashes(path: Path, **options: str) -> list[float]:
    """Return when the picture turns bright, in seconds of the file's clock."""
    with av.open(str(path), options=options) as container:
        frames = container.decode(container.streams.video[0])
        return _onsets((frame.time, _brightest(frame) > BRIGHT) for frame in frames)


def beeps(path: Path, **options: str) -> list[float]:
    """Return when the sound begins after silence, in seconds of the file's clock, to a millisecond."""
    with av.open(str(path), options=options) as container:
        return _onsets(_loud_pieces(container))


def _brightest(frame: av.VideoFrame) -> int:
    plane = frame.reformat(format="gray").planes[0]
    seen, step = bytes(plane), plane.line_size  # a line goes on behind the picture's edge, with anything
    return max(max(seen[line * step : line * step + plane.width]) for line in range(plane.height))


def _loud_pieces(container: av.container.InputContainer) -> Iterator[tuple[float, bool]]:
    resampler = av.AudioResampler("flt", "mono", 48_000)
    at = 0.0
    for frame in container.decode(container.streams.audio[0]):
        at = at if frame.time is None else frame.time  # some decoders give their last frame no time
        for piece in resampler.resample(frame):
            samples = array("f", bytes(piece.planes[0])[: piece.samples * 4])
            for begin in range(0, len(samples), 48):
                loud = max(map(abs, samples[begin : begin + 48])) > LOUD
                yield at + begin / 48_000, loud
        at += frame.samples / frame.sample_rate


def _onsets(seen: Iterator[tuple[float, bool]], quiet_for: float = 0.3) -> list[float]:
    found, last = [], -1.0
    for at, on in seen:
        if on:
            if at - last > quiet_for:
                found.append(round(at, 4))
            last = at
    return found


def furthest_off(path: Path, **options: str) -> float:
    """Return by how many seconds a beep is furthest from its nearest flash; positive is late."""
    shown, heard = flashes(path, **options), beeps(path, **options)
    assert len(shown) > 1, shown
    assert len(heard) > 1, heard
    return max((min((beep - flash for flash in shown), key=abs) for beep in heard), key=abs)
