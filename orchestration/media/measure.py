"""Measure a media file in process, and tell a whole file from a broken one.

PyAV carries the ffmpeg libraries in its wheel, so no ffprobe is needed. A file comes from outside:
it may only be one of a few containers and may only read itself, or else a playlist that calls itself
an MP4 would make the library fetch addresses and read other files.

A file is read once, from its first packet to its last (`timeline.py`); a few frames on the way are decoded, to see
what the packets do not tell. "Damaged" is the last word and ffmpeg has it: where the packets leave a doubt it is asked
(`wholeness.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError

from .colours import Colour
from .errors import FileDamaged, FileEmpty, PictureTooLarge
from .timeline import Reading, Track, picture_track, read_packets, sound_track
from .tools import MediaTool
from .tracks import Choice, choose
from .wholeness import ffmpeg_reads, lacks_bytes

ALLOWED_FORMATS = "mov,matroska,webm,avi,flv,mpegts,mpeg,ogg,asf,mxf"
ALLOWED_PROTOCOLS = "file"
HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})
MAX_PIXELS = 8192 * 8192  # twice what 8K has; H.264, HEVC and AV1 end below it at their highest levels

# How far before its declared end a stream may stop without a doubt. Muxers are off by a few frames; a cut file by more,
# and a cut inside a packet is noticed at that packet anyway.
SLACK_SECONDS = 0.25
SLACK_SHARE = 0.001
MAX_SLACK_SECONDS = 1.0

_NO_VIDEOS = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89png", "a PNG picture"),
    (b"gif8", "a GIF picture"),
    (b"%pdf", "a PDF document"),
    (b"pk\x03\x04", "a ZIP archive"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
)

LOOKS = 5  # how many moments of a picture are decoded, spread over the file
INTERLACED_ORDERS = range(2, 6)  # AVFieldOrder: top or bottom field first, coded and shown
_DECLARING = (
    "mp4",
    "matroska",
    "webm",
    "avi",
    "flv",
    "asf",
    "mxf",
)  # whose length is written down, not estimated
_FROM_ZERO = ("mp4", "matroska", "webm")  # whose clock begins at zero; before it lies what players skip
_TS_DISCONT = 0x0200  # AVFMT_TS_DISCONT: this format's clock may jump
_ONLY_PROGRESSIVE = ("vp8", "vp9", "av1", "png", "gif")


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """Hold what was measured. Width and height are as shown: after rotation, with square pixels.

    `frames_per_second` is the average; `steady_frames_per_second` is that of the usual distance between two frames, from
    which some frames depart where `variable_rate` is true. `flipped`: the file asks players to mirror it, too. `picture` and
    `sound` are the chosen tracks; what else the file holds is named in `notes`, with what else is worth telling.
    """

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
    flipped: bool = False
    trimmed: bool = False  # an edit list leaves out pictures, which a copy would show
    variable_rate: bool = False
    steady_frames_per_second: float = 0.0
    colour: Colour = field(default_factory=Colour)
    picture: Track | None = None
    sound: Track | None = None
    language: str = ""  # of the chosen sound, as the file writes it
    notes: tuple[str, ...] = ()

    @property
    def video_index(self) -> int:
        """Return which stream of the file the chosen picture is, for ffmpeg's `-map 0:N`."""
        return self.picture.index if self.picture is not None else 0

    @property
    def audio_index(self) -> int | None:
        """Return which stream of the file the chosen sound is, for ffmpeg's `-map 0:N`."""
        return self.sound.index if self.sound is not None else None


def probe(
    path: Path,
    *,
    language: str = "",
    tool: MediaTool | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> MediaInfo:
    """Measure a video file, reading it to its end.

    `language` (BCP 47, or the three letters of ISO 639) decides between several sounds of equal rank. `tool` is the ffmpeg
    that is asked where reading leaves a doubt; None means the one that Headend finds.

    Raises: FileEmpty; FileDamaged when it is no video, or is cut short; PictureTooLarge. Where ffmpeg is asked,
    also Cancelled, ToolMissing, and TranscodeFailed where it was killed.
    """
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise FileEmpty("The file has no bytes.")
    try:
        with av.open(
            str(path.absolute()),
            options={
                "format_whitelist": ALLOWED_FORMATS,
                "protocol_whitelist": ALLOWED_PROTOCOLS,
                "max_pixels": str(MAX_PIXELS),
            },
            metadata_errors="replace",
        ) as container:
            return _Measuring(path, size_bytes, container, tool, cancelled).measure(language)
    except FFmpegError as error:
        if what := _other_than_a_video(path):
            raise FileDamaged(f"The file is {what}, not a video.") from error
        raise FileDamaged(f"The file is damaged or not a video: {error.strerror}.") from error


def _other_than_a_video(path: Path) -> str:
    """Name what a file is by how it begins; empty for what might be a video."""
    with path.open("rb") as file:
        head = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return next((what for begins, what in _NO_VIDEOS if head.startswith(begins)), "")


class _Measuring:
    """Measure one open file."""

    def __init__(
        self,
        path: Path,
        size_bytes: int,
        container: av.container.InputContainer,
        tool: MediaTool | None,
        cancelled: Callable[[], bool],
    ) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self.container = container
        self.kind = _container_name(container)
        self.tool = tool
        self.cancelled = cancelled
        self.corrupt: set[int] = set()
        self.notes: list[str] = []

    def measure(self, language: str) -> MediaInfo:
        choice = choose(self.container, language)
        self.notes += choice.left_out
        video, audio = choice.video, choice.audio
        _check_size(video.codec_context.width, video.codec_context.height)
        looks = _Looks(video, self.size_bytes)

        def on_packet(packet: av.Packet) -> None:
            if packet.is_corrupt:
                self.corrupt.add(packet.stream_index)
            if packet.stream_index == video.index:
                looks.take(packet)

        jumps = bool(self.container.format.flags & _TS_DISCONT)
        readings = read_packets(self.container, jumps=jumps, on_packet=on_packet)
        frame = looks.end()
        if not any(reading.times for reading in readings.values()):
            raise FileDamaged("The file holds no packets.")
        self._check_whole(readings, choice)
        from_zero = self.kind in _FROM_ZERO
        picture = picture_track(video.index, readings[video.index], from_zero=from_zero)
        sound = None
        if audio is not None and readings[audio.index].times:
            sound = sound_track(audio.index, readings[audio.index], from_zero=from_zero)
        elif audio is not None:
            self.notes.append(f"Its sound (track {audio.index + 1}) is empty.")
        trimmed = readings[video.index].left_out > 0
        return self._told(choice, frame, looks.interlaced, picture, sound, trimmed=trimmed)

    def _told(
        self,
        choice: Choice,
        frame: av.VideoFrame,
        interlaced: bool,
        picture: Track,
        sound: Track | None,
        *,
        trimmed: bool,
    ) -> MediaInfo:
        video, audio = choice.video, choice.audio if sound is not None else None
        ratio = video.sample_aspect_ratio or Fraction(1)
        width, height = _shown_size(frame, ratio)
        rotation = frame.rotation % 360
        if rotation in (90, 270):
            width, height = height, width
        tracks = [track for track in (picture, sound) if track is not None]
        duration = max(track.end_seconds for track in tracks) - min(track.start_seconds for track in tracks)
        if duration <= 0:
            raise FileDamaged("The file has no duration.")
        rate = float(video.average_rate or video.guessed_rate or Fraction(0))
        steady = _steady_rate(rate, picture)
        if picture.seconds > 0 and picture.frames > 1 and (not rate or not picture.steady):
            rate = picture.frames / picture.seconds
        colour = Colour.of(video.codec_context, frame)
        return MediaInfo(
            duration_seconds=duration,
            width=width,
            height=height,
            frames_per_second=round(rate, 3),
            video_codec=video.codec_context.codec.canonical_name,
            audio_codec=audio.codec_context.codec.canonical_name if audio is not None else None,
            bit_rate=self.container.bit_rate or round(self.size_bytes * 8 / duration),
            has_audio=audio is not None,
            size_bytes=self.size_bytes,
            pixel_format=frame.format.name,
            container=self.kind,
            rotation_degrees=rotation,
            square_pixels=ratio in (0, 1),
            interlaced=interlaced,
            video_profile=video.profile or "",
            sample_rate_hz=audio.codec_context.sample_rate if audio is not None else None,
            audio_channels=audio.codec_context.channels if audio is not None else None,
            hdr_transfer=colour.transfer if colour.transfer in HDR_TRANSFERS else "",
            flipped=_is_flipped(frame),
            trimmed=trimmed,
            variable_rate=not picture.steady,
            steady_frames_per_second=round(steady, 3),
            colour=colour,
            picture=picture,
            sound=sound,
            language=choice.language if sound is not None else "",
            notes=tuple(self.notes),
        )

    # --- whole or not ----------------------------------------------------------------------------

    def _check_whole(self, readings: dict[int, Reading], choice: Choice) -> None:
        """Look whether the file ends before it should; where it may, ask its structure and then ffmpeg.

        An MP4 with its index at the front opens and plays although its second half is missing: only reading shows it.

        Raises: FileDamaged.
        """
        chosen = {choice.video.index, choice.audio.index if choice.audio is not None else choice.video.index}
        if not readings[choice.video.index].times:
            raise FileDamaged("The file is cut short: its picture is missing.")
        if self.corrupt & chosen:
            if self.kind in _DECLARING:
                raise FileDamaged("The file is cut short: its last packet is incomplete.")
            # What was cut out of a broadcast begins and ends within a packet, and has lost some on the way.
            self.notes.append("Some of its packets are incomplete, as in a recorded broadcast.")
        if self.kind not in _DECLARING:
            return
        if self.kind == "asf" and not self.container.duration and lacks_bytes(self.path, self.kind):
            # The library does not tell the length of an ASF that is not as large as it says.
            raise FileDamaged("The file is cut short: it is smaller than its header says.")
        begins = min(readings[index].first for index in chosen)
        for index in chosen:
            stream = self.container.streams[index]
            if stream.duration and stream.time_base:
                self._check_end(index, readings[index], float(stream.duration * stream.time_base), begins)
        declared = self.container.duration
        if declared and not any(stream.duration for stream in self.container.streams):
            whole = Reading(1.0, first=begins, last=max(reading.last for reading in readings.values()))
            self._check_end(choice.video.index, whole, declared / av.time_base, begins, what="file")

    def _check_end(
        self, index: int, reading: Reading, declared: float, begins: float, *, what: str = ""
    ) -> None:
        slack = max(SLACK_SECONDS, min(declared * SLACK_SHARE, MAX_SLACK_SECONDS))
        held = reading.covered_seconds
        if held >= declared - slack:
            return
        what = what or self.container.streams[index].type
        short = f"its {what} declares {declared:.1f} s and holds {held:.1f} s"
        if lacks_bytes(self.path, self.kind):
            raise FileDamaged(f"The file is cut short: {short}.")
        guard = ["-protocol_whitelist", ALLOWED_PROTOCOLS, "-format_whitelist", ALLOWED_FORMATS]
        reached, complaint = ffmpeg_reads(guard, self.path, index, tool=self.tool, cancelled=self.cancelled)
        if reached - (reading.first - begins) >= declared - slack:
            return
        if complaint:
            raise FileDamaged(f"The file is cut short: {short}, and ffmpeg says: {complaint[:200]}.")
        self.notes.append(f"It is whole, although {short}.")


class _Looks:
    """Decode the first frame of a picture, and a key frame at each of a few later moments, as its packets pass by."""

    def __init__(self, video: av.VideoStream, size_bytes: int) -> None:
        self.video = video
        self.decoder = video.codec_context
        order = getattr(self.decoder, "field_order", 0)
        self.interlaced = int(order) in INTERLACED_ORDERS
        once = self.decoder.name in _ONLY_PROGRESSIVE
        self.marks = [] if once else [size_bytes * look // LOOKS for look in range(LOOKS - 1, 0, -1)]
        self.first: av.VideoFrame | None = None

    def take(self, packet: av.Packet) -> None:
        if self.first is None:
            self._see(self._decode(packet))
            if self.first is not None and self.marks:
                self._drain()
        elif (
            self.marks and not self.interlaced and packet.is_keyframe and (packet.pos or 0) >= self.marks[-1]
        ):
            while self.marks and (packet.pos or 0) >= self.marks[-1]:
                self.marks.pop()
            self._see(self._decode(packet))
            self._drain()

    def end(self) -> av.VideoFrame:
        """Return the first frame. Raises: FileDamaged where there is none."""
        if self.first is None:
            self._drain()
        if self.first is None:
            raise FileDamaged("The file holds no picture that can be decoded.")
        return self.first

    def _decode(self, packet: av.Packet | None) -> list[av.VideoFrame]:
        try:
            return self.decoder.decode(packet)
        except FFmpegError:
            return []  # players pass over a frame that cannot be decoded, too

    def _drain(self) -> None:
        self._see(self._decode(None))
        self.decoder.flush_buffers()

    def _see(self, frames: list[av.VideoFrame]) -> None:
        for frame in frames:
            if self.first is None:
                # With `max_pixels` the library leaves out a size beyond it: it is 0 x 0 until a picture tells it.
                _check_size(frame.width, frame.height)
                self.first = frame
            self.interlaced = self.interlaced or bool(frame.interlaced_frame)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise PictureTooLarge(
            f"The picture has {width} x {height} pixels; Headend takes up to {MAX_PIXELS:,}, twice what 8K has."
        )


def _steady_rate(declared: float, picture: Track) -> float:
    """Return the rate of the usual step, by the declared one where they agree: the clock of a file rounds."""
    if not picture.step_seconds:
        return declared
    measured = 1 / picture.step_seconds
    return declared if declared and abs(declared - measured) < 0.04 * measured else measured


def _shown_size(frame: av.VideoFrame, ratio: Fraction) -> tuple[int, int]:
    if ratio in (0, 1):
        return frame.width, frame.height
    return round(frame.width * ratio), frame.height


def _is_flipped(frame: av.VideoFrame) -> bool:
    """Return whether the display matrix mirrors: its determinant is negative (ISO/IEC 14496-12, 6.2.2)."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return False
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(memoryview(data)))  # type: ignore[arg-type]
    return a * d - b * c < 0


def _container_name(container: av.container.InputContainer) -> str:
    """Shorten the library's list of related formats to the one that people use."""
    names = container.format.name.split(",")
    for name in ("mp4", "webm", "mpegts"):
        if name in names:
            return "matroska" if name == "webm" and "matroska" in names else name
    return names[0]
