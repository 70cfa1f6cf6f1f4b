"""Measure a media file in process, and tell a whole file from a broken one.

PyAV carries the ffmpeg libraries in its wheel, so no ffprobe is needed. A file comes from outside:
it may only be one of a few containers and may only read itself, or else a playlist that calls itself
an MP4 would make the library fetch addresses and read other files.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError

from .errors import FileDamaged, FileEmpty

ALLOWED_FORMATS = "mov,matroska,webm,avi,flv,mpegts,mpeg,ogg,asf"
ALLOWED_PROTOCOLS = "file"
HDR_TRANSFERS = {16: "smpte2084", 18: "arib-std-b67"}  # ITU-T H.273, table 3

# How far before its declared end a stream may stop. Muxers are off by a few frames; a cut file by more,
# and a cut inside a packet is noticed at that packet anyway.
SLACK_SECONDS = 0.25
SLACK_SHARE = 0.001
MAX_SLACK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """Hold what was measured. Width and height are as shown: after rotation, with square pixels."""

    duration_seconds: float
    width: int
    height: int
    frames_per_second: float
    video_codec: str
    audio_codec: str | None
    bit_rate: int
    has_audio: bool
    size_bytes: int
    pixel_format: str
    container: str
    rotation_degrees: int = 0
    square_pixels: bool = True
    interlaced: bool = False
    video_profile: str = ""
    sample_rate_hz: int | None = None
    audio_channels: int | None = None
    hdr_transfer: str = ""  # smpte2084 (PQ) or arib-std-b67 (HLG), as ffmpeg calls them


def probe(path: Path) -> MediaInfo:
    """Measure a video file, reading it to its end.

    Raises: FileEmpty; FileDamaged when it is no video, or stops before the end that it declares.
    """
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise FileEmpty("The file has no bytes.")
    try:
        with av.open(
            str(path.absolute()),
            options={"format_whitelist": ALLOWED_FORMATS, "protocol_whitelist": ALLOWED_PROTOCOLS},
        ) as container:
            return _measure(container, size_bytes)
    except FFmpegError as error:
        raise FileDamaged(f"The file is damaged or not a video: {error.strerror}.") from error


def _measure(container: av.container.InputContainer, size_bytes: int) -> MediaInfo:
    video = next((s for s in container.streams.video if not _is_cover(s)), None)
    if video is None:
        raise FileDamaged("The file holds no moving picture.")
    audio = next((s for s in container.streams.audio if s.codec_context is not None), None)
    frame = _first_frame(container, video)
    container.seek(0)
    duration_seconds = _read_to_the_end(container, [s.index for s in (video, audio) if s is not None])
    ratio = video.sample_aspect_ratio or Fraction(1)
    width, height = _shown_size(frame, ratio)
    rotation = frame.rotation % 360
    if rotation in (90, 270):
        width, height = height, width
    declared = container.bit_rate or 0
    rate = video.average_rate or video.guessed_rate or Fraction(0)
    return MediaInfo(
        duration_seconds=duration_seconds,
        width=width,
        height=height,
        frames_per_second=round(float(rate), 3),
        video_codec=video.codec_context.codec.canonical_name,
        audio_codec=audio.codec_context.codec.canonical_name if audio is not None else None,
        bit_rate=declared or round(size_bytes * 8 / duration_seconds),
        has_audio=audio is not None,
        size_bytes=size_bytes,
        pixel_format=frame.format.name,
        container=_container_name(container),
        rotation_degrees=rotation,
        square_pixels=ratio in (0, 1),
        interlaced=bool(frame.interlaced_frame),
        video_profile=video.profile or "",
        sample_rate_hz=audio.codec_context.sample_rate if audio is not None else None,
        audio_channels=audio.codec_context.channels if audio is not None else None,
        hdr_transfer=HDR_TRANSFERS.get(int(video.codec_context.color_trc), ""),
    )


def _is_cover(stream: av.stream.Stream) -> bool:
    """Return whether a stream is a still picture that goes with a sound file, not a video."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _first_frame(container: av.container.InputContainer, video: av.VideoStream) -> av.VideoFrame:
    for frame in container.decode(video):
        return frame
    raise FileDamaged("The file holds no picture that can be decoded.")


def _shown_size(frame: av.VideoFrame, ratio: Fraction) -> tuple[int, int]:
    if ratio in (0, 1):
        return frame.width, frame.height
    return round(frame.width * ratio), frame.height


def _read_to_the_end(container: av.container.InputContainer, chosen: list[int]) -> float:
    """Read every packet, compare where they end with what was declared, and return the duration.

    The duration is that of the chosen picture and sound, as their packets cover it: other tracks, which
    a file may also hold, do not come along.

    An MP4 with its index at the front opens and plays although its second half is missing: only
    reading shows it.

    Raises: FileDamaged.
    """
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    for packet in container.demux():
        if packet.size == 0 and packet.dts is None:
            continue  # the flush packet at a stream's end
        if packet.is_corrupt:
            raise FileDamaged("The file is cut short: its last packet is incomplete.")
        moment = packet.pts if packet.pts is not None else packet.dts
        if moment is None:
            continue
        begin = float(moment * packet.time_base)
        end = begin + float((packet.duration or 0) * packet.time_base)
        index = packet.stream_index
        starts[index] = min(starts.get(index, begin), begin)
        ends[index] = max(ends.get(index, end), end)
    if not ends:
        raise FileDamaged("The file holds no packets.")
    for stream in container.streams:
        if (
            stream.type in ("video", "audio")
            and stream.duration
            and stream.time_base
            and not _is_cover(stream)
        ):
            declared = float(stream.duration * stream.time_base)
            covered = ends.get(stream.index, 0.0) - starts.get(stream.index, 0.0)
            _check_end(covered, declared, stream.type)
    if container.duration:
        _check_end(max(ends.values()) - min(starts.values()), container.duration / av.time_base, "file")
    # What lies before zero is the encoder's run-up, which players skip.
    begin = max(0.0, min((starts[index] for index in chosen if index in starts), default=0.0))
    duration = max((ends[index] for index in chosen if index in ends), default=0.0) - begin
    if duration <= 0:
        raise FileDamaged("The file has no duration.")
    return duration


def _check_end(covered_seconds: float, declared_seconds: float, what: str) -> None:
    slack = max(SLACK_SECONDS, min(declared_seconds * SLACK_SHARE, MAX_SLACK_SECONDS))
    if covered_seconds < declared_seconds - slack:
        raise FileDamaged(
            f"The file is cut short: its {what} declares {declared_seconds:.1f} s and holds {covered_seconds:.1f} s."
        )


def _container_name(container: av.container.InputContainer) -> str:
    """Shorten the library's list of related formats to the one that people use."""
    names = container.format.name.split(",")
    for name in ("mp4", "webm", "mpegts"):
        if name in names:
            return "matroska" if name == "webm" and "matroska" in names else name
    return names[0]
