"""Decide whether a file that seems to be too short is cut, or only says so: asked where measuring leaves a doubt.

A file is cut where its own structure needs more bytes than there are, or where ffmpeg, reading it to its end, complains
of that. What ffmpeg reads to the end without complaint is whole, whatever length its header declares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import TranscodeFailed
from .processes import local, run_ffmpeg
from .tools import MediaTool, ffmpeg_tool

_COMPLAINTS = re.compile(
    r"partial file|ended prematurely|truncat|Invalid data found|corrupt|Error during demuxing|End of file"
    r"|Error while (?:reading|decoding)|Packet mismatch|moov atom not found",
    re.IGNORECASE,
)
_MATROSKA_SEGMENT = b"\x18\x53\x80\x67"
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_FLV_TAGS = (8, 9, 18)  # sound, picture, script data; the two bits above say that it is filtered


def lacks_bytes(path: Path, container: str) -> bool:
    """Return whether the boxes, elements or chunks of a file say that it goes on behind its end.

    Also true of an MP4 in fragments: the last of its fragments may be missing without leaving a trace in the structure;
    nor does a cut between two tags of an FLV leave one.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if container == "mp4":
            boxes = list(_mp4_boxes(file, size))
            return any(end > size for _, end in boxes) or any(kind == b"moof" for kind, _ in boxes)
        if container in ("matroska", "webm"):
            return _matroska_end(file) > size
        if container == "avi":
            head = file.read(12)
            return head[:4] == b"RIFF" and int.from_bytes(head[4:8], "little") + 8 > size + 1
        if container == "asf":
            return _asf_size(file.read(4096)) > size
        if container == "flv":
            return _flv_end(file, size) > size
    return False


def _mp4_boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """Yield the kind and the end of each box that holds what is shown (ISO/IEC 14496-12, 4.2)."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            return  # as far as the file goes
        if length < 8:
            return
        if kind in (b"mdat", b"moof", b"moov"):
            yield kind, at + length
        at += length


def _matroska_end(file: BinaryIO) -> int:
    """Return where the segment ends by its own size; 0 where that is unknown (a live recording; RFC 8794, 6.2)."""
    head = file.read(4096)
    at = head.find(_MATROSKA_SEGMENT)
    if at < 0 or at + 5 > len(head):
        return 0
    first = head[at + 4]
    width = 9 - first.bit_length() if first else 0
    if not width:
        return 0
    number = head[at + 4 : at + 4 + width]
    length = int.from_bytes(number, "big") & ((1 << 7 * width) - 1)
    if length == (1 << 7 * width) - 1:
        return 0
    return at + 4 + width + length


def _asf_size(head: bytes) -> int:
    """Return how large an ASF says that it is; 0 where it does not, as in a broadcast (ASF specification, 3.2)."""
    at = head.find(_ASF_PROPERTIES)
    if at < 0 or len(head) < at + 92 or head[at + 88] & 1:
        return 0
    return int.from_bytes(head[at + 40 : at + 48], "little")


def _flv_end(file: BinaryIO, size: int) -> int:
    """Return where the last tag of an FLV ends (FLV file format, E.3 and E.4); 0 where no tag stands as it should."""
    at = int.from_bytes(file.read(9)[5:9], "big") + 4
    while at < size:
        file.seek(at)
        head = file.read(11)
        if len(head) == 11 and (head[0] & 0x1F) not in _FLV_TAGS:
            return 0
        if len(head) < 11:
            return size + 1
        at += 11 + int.from_bytes(head[1:4], "big") + 4
    return at if at - 4 > size else size  # some writers leave out the last tag's length


def ffmpeg_reads(
    arguments: list[str],
    path: Path,
    index: int,
    *,
    tool: MediaTool | None,
    cancelled: Callable[[], bool],
) -> tuple[float, str]:
    """Let ffmpeg decode one track to nothing; return how far it came, in seconds of the file, and what it complained of.

    `arguments` come before the input and open it as nothing but a media file. Raises: Cancelled, ToolMissing;
    TranscodeFailed where ffmpeg was killed or hung.
    """
    tool = tool or ffmpeg_tool()
    reached = 0.0

    def on_position(seconds: float) -> None:
        nonlocal reached
        reached = max(reached, seconds)

    try:
        said = run_ffmpeg(
            tool.path,
            ["-loglevel", "error", *arguments, "-i", local(path), "-map", f"0:{index}", "-f", "null", "-"],
            cancelled=cancelled,
            on_position=on_position,
        )
    except TranscodeFailed as error:
        if error.again != "never":
            raise  # the machine's doing, which says nothing of the file
        return reached, error.detail.strip().splitlines()[-1] if error.detail.strip() else str(error)
    complaint = next((line for line in said.splitlines() if _COMPLAINTS.search(line)), "")
    return reached, complaint.strip()
