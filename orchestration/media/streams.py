"""Look at how a file's tracks are described: colours, rates, turns, languages. Reads its head only."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError

from .errors import FileDamaged
from .measure import ALLOWED_FORMATS, ALLOWED_PROTOCOLS

# ITU-T H.273, tables 2 to 4; 2 is "unspecified", and what is reserved says as little.
UNSPECIFIED = frozenset({0, 2, 3})
PACKETS_LOOKED_AT = 64
VARIABLE_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """Describe one sound track: its place among the sound tracks and among all, from 0, and what it says of itself.

    `warm_up_is_whole` says that a packet begins just at the track's start, so that what lies before it can be left out.
    """

    place: int
    index: int
    codec: str
    profile: str
    language: str
    is_default: bool
    channels: int
    layout: str
    rate_hz: int
    start_seconds: float
    warm_up_is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Streams:
    """Describe the moving picture and the sound tracks of a file."""

    average_rate: Fraction
    base_rate: Fraction
    start_seconds: float
    primaries: int
    transfer: int
    matrix: int
    full_range: bool
    is_rgb: bool
    is_mirrored: bool
    sound: tuple[SoundTrack, ...]

    @property
    def is_variable(self) -> bool:
        """Return whether frames come at uneven times, as far as the description tells."""
        if not self.average_rate or not self.base_rate or self.base_rate > 240:
            return False
        return abs(self.base_rate - self.average_rate) > self.average_rate * Fraction(VARIABLE_SHARE)


def look(path: Path, video_index: int) -> Streams:
    """Describe a file's chosen picture, by its place among all tracks, and its sounds. Raises: FileDamaged."""
    try:
        with av.open(
            str(path.absolute()),
            options={"format_whitelist": ALLOWED_FORMATS, "protocol_whitelist": ALLOWED_PROTOCOLS},
            metadata_errors="replace",
        ) as container:
            return _look(container, video_index)
    except FFmpegError as error:
        raise FileDamaged(f"The file is damaged or not a video: {error.strerror}.") from error


def _look(container: av.container.InputContainer, video_index: int) -> Streams:
    video = next(stream for stream in container.streams.video if stream.index == video_index)
    context = video.codec_context
    pixels = context.format
    sound = tuple(_sound(place, stream) for place, stream in enumerate(container.streams.audio))
    return Streams(
        average_rate=video.average_rate or video.guessed_rate or Fraction(0),
        base_rate=video.base_rate or Fraction(0),
        start_seconds=_start(video),
        primaries=int(context.color_primaries),
        transfer=int(context.color_trc),
        matrix=int(context.colorspace),
        full_range=int(context.color_range) == 2,
        is_rgb=bool(pixels is not None and pixels.is_rgb),
        is_mirrored=_is_mirrored(container, video),
        sound=sound,
    )


def _sound(place: int, stream: av.AudioStream) -> SoundTrack:
    context = stream.codec_context
    return SoundTrack(
        place=place,
        index=stream.index,
        codec=context.codec.canonical_name if context is not None else "",
        profile=(stream.profile or "") if context is not None else "",
        language=stream.language or "",
        is_default=bool(stream.disposition & av.stream.Disposition.default),
        channels=context.channels if context is not None else 0,
        layout=context.layout.name if context is not None else "",
        rate_hz=(context.sample_rate or 0) if context is not None else 0,
        start_seconds=_start(stream),
        warm_up_is_whole=_has_packet_at_start(stream),
    )


def _has_packet_at_start(stream: av.AudioStream) -> bool:
    """Return whether a packet begins where the track does; only an index, as MP4 has one, tells otherwise."""
    start, tick = stream.start_time, stream.time_base
    if start is None or tick is None:
        return False
    first = [
        entry.timestamp for _, entry in zip(range(PACKETS_LOOKED_AT), stream.index_entries, strict=False)
    ]
    return not first or float(min(abs(at - start) for at in first)) * float(tick) < 0.005


def _start(stream: av.stream.Stream) -> float:
    start, tick = stream.start_time, stream.time_base
    return float(start * tick) if start is not None and tick is not None else 0.0


def _is_mirrored(container: av.container.InputContainer, video: av.VideoStream) -> bool:
    """Return whether the file asks its player to mirror the picture: no angle says so, and not every player does."""
    for frame in container.decode(video):
        data = frame.side_data.get("DISPLAYMATRIX")
        if data is None:
            return False
        # Nine numbers of 32 bits, the first two of each row are the turn; a negative determinant mirrors.
        a, b, _, c, d, *_ = struct.unpack("=9i", bytes(memoryview(data))[:36])  # type: ignore[arg-type]
        return a * d - b * c < 0
    return False
