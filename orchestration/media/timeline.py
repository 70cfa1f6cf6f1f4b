"""Read when each track of a file begins, pauses and ends: the times of its packets on one unbroken clock.

Only packets are read, nothing is decoded: the times of a three-hour film are a few megabytes.

Clocks break in the formats that broadcast uses: they wrap (MPEG's after 26.5 hours) and jump. The library
undoes a wrap; a jump is undone here as ffmpeg does it (`ts_discontinuity_detect` in its `ffmpeg_demux.c`), so that
what is measured of a source is what ffmpeg makes of it: in the order of decoding, where a track steps back, or ahead by more
than ten seconds, all that follows in the file is moved so that the track goes on.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import av

JUMP_SECONDS = 10.0  # ffmpeg's -dts_delta_threshold
STEP_BACK_SECONDS = 0.1
SOUND_GAP_SECONDS = 0.05  # less is the jitter of clocks that count milliseconds
PICTURE_GAP_SECONDS = 0.25
PICTURE_GAP_STEPS = 3.0
ODD_STEP_SHARE = 0.2  # how far a frame's step may be off the usual one before it counts as another
ODD_STEPS_SHARE = 0.01  # how many may be, before the frame rate counts as variable
ROUNDING_SECONDS = 0.0021  # two steps of a clock that counts milliseconds


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which a track has nothing, in seconds of the file's clock."""

    start_seconds: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Track:
    """When one track's packets are shown or heard, in seconds of the file's clock, on which tracks agree.

    `times` are in the order of showing, without what a file says to leave out (an encoder's run-up, what an
    edit list cuts away). `step_seconds` is the usual distance from one to the next; `steady` says that (nearly) all keep it.
    """

    index: int
    start_seconds: float
    end_seconds: float
    step_seconds: float
    steady: bool
    gaps: tuple[Gap, ...]
    times: array[float] = field(repr=False, compare=False)

    @property
    def frames(self) -> int:
        """Return how many packets are shown; of a picture's track these are its frames."""
        return len(self.times)

    @property
    def seconds(self) -> float:
        """Return how long it lasts, its gaps included."""
        return self.end_seconds - self.start_seconds


@dataclass(slots=True)
class Reading:
    """Collect the packets of one track while a file is read."""

    tick_seconds: float
    times: array[float] = field(default_factory=lambda: array("d"))
    first: float = float("inf")
    last: float = float("-inf")
    heard_to: float | None = None
    gaps: list[Gap] = field(default_factory=list)
    next_dts: float | None = None
    left_out: int = 0
    shows_from: float | None = None

    @property
    def covered_seconds(self) -> float:
        """Return how long a stretch the packets cover, what is left out in showing included."""
        return max(0.0, self.last - self.first)

    def take_picture(self, begin: float, seconds: float, *, shown: bool, is_key: bool) -> None:
        """Note one packet of a picture that may begin between two key frames, as a recorded broadcast does.

        What comes before the first key frame cannot be decoded, nor copied: neither do ffmpeg and players show it.
        """
        if is_key and self.shows_from is None:
            self.shows_from = begin if self.times else float("-inf")
            del self.times[:]
            self.gaps, self.heard_to = [], None
        if self.shows_from is None or begin >= self.shows_from:
            self.take(begin, seconds, shown=shown)

    def take(self, begin: float, seconds: float, *, shown: bool) -> None:
        """Note one packet."""
        end = begin + seconds
        self.first, self.last = min(self.first, begin), max(self.last, end)
        if not shown:
            self.left_out += 1
            return
        self.times.append(begin)
        if self.heard_to is not None and begin > self.heard_to + SOUND_GAP_SECONDS:
            self.gaps.append(Gap(self.heard_to, begin - self.heard_to))
        self.heard_to = end if self.heard_to is None else max(self.heard_to, end)


def read_packets(
    container: av.container.InputContainer,
    *,
    jumps: bool,
    on_packet: Callable[[av.Packet], None],
) -> dict[int, Reading]:
    """Read every packet of a file and return what was collected of each track, by its index.

    `jumps` says that this format's clock may jump. `on_packet` sees each packet as well.
    """
    readings = {
        stream.index: Reading(float(stream.time_base)) for stream in container.streams if stream.time_base
    }
    mends = {stream.index for stream in container.streams if jumps and stream.type in ("video", "audio")}
    shift, last_dts = 0.0, None
    for packet in container.demux():
        dts, pts = packet.dts, packet.pts
        if dts is None and (pts is None or packet.size == 0):
            continue  # the flush packet at a stream's end, or nothing to tell its moment
        on_packet(packet)
        reading = readings.get(packet.stream_index)
        if reading is None:
            continue
        tick = reading.tick_seconds
        seconds = (packet.duration or 0) * tick
        if packet.stream_index in mends and dts is not None:
            moment = dts * tick + shift
            shift -= _jump(moment, reading.next_dts, last_dts)
            moment = dts * tick + shift
            reading.next_dts, last_dts = moment + seconds, moment
        moment = pts if pts is not None else dts or 0
        begin, shown = moment * tick + shift, not packet.is_discard
        if jumps and packet.stream.type == "video":
            reading.take_picture(begin, seconds, shown=shown, is_key=packet.is_keyframe)
        else:
            reading.take(begin, seconds, shown=shown)
    return readings


def _jump(moment: float, expected: float | None, last: float | None) -> float:
    """Return by how much the clock jumped before a packet; 0 where it did not."""
    if expected is None:
        off = moment - last if last is not None else 0.0
        return off if abs(off) > JUMP_SECONDS else 0.0
    off = moment - expected
    return off if abs(off) > JUMP_SECONDS or off < -STEP_BACK_SECONDS else 0.0


def sound_track(index: int, reading: Reading, *, from_zero: bool) -> Track:
    """Make the track of a sound. `from_zero`: what lies before zero is the encoder's run-up, which players skip."""
    times = reading.times
    step = _usual(_steps(times))
    start = max(0.0, times[0]) if from_zero else times[0]
    end = max(start, reading.heard_to or start)
    return Track(index, start, end, step, True, tuple(reading.gaps), times)


def picture_track(index: int, reading: Reading, *, from_zero: bool) -> Track:
    """Make the track of a picture; its frames are stored in another order than they are shown."""
    times = array("d", sorted(reading.times))
    steps = _steps(times)
    step = _usual(steps)
    start = max(0.0, times[0]) if from_zero else times[0]
    end = max(start, reading.heard_to or start, times[-1] + step)
    long = max(PICTURE_GAP_SECONDS, PICTURE_GAP_STEPS * step)
    gaps = tuple(
        Gap(at + step, length - step) for at, length in zip(times, steps, strict=False) if length > long
    )
    near = max(ODD_STEP_SHARE * step, ROUNDING_SECONDS, 2 * reading.tick_seconds)
    odd = sum(1 for length in steps if abs(length - step) > near)
    return Track(index, start, end, step, odd <= max(1, ODD_STEPS_SHARE * len(steps)), gaps, times)


def _steps(times: array[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def _usual(steps: Iterable[float]) -> float:
    ordered = sorted(steps)
    return ordered[len(ordered) // 2] if ordered else 0.0
