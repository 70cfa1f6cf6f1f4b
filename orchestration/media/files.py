"""Handle whole files: bring one safely to disk under its name, and know it by its content."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from pathlib import Path

from .errors import StorageFull

# First bytes -> the ending that the finished file gets. Tools look at content; people look at names.
_ENDINGS = (
    (re.compile(rb"....ftypqt", re.DOTALL), ".mov"),
    (re.compile(rb"....(ftyp|moov|mdat|wide|free|styp)", re.DOTALL), ".mp4"),
    (re.compile(rb"\x1aE\xdf\xa3.{0,60}webm", re.DOTALL), ".webm"),
    (re.compile(rb"\x1aE\xdf\xa3"), ".mkv"),
    (re.compile(rb"FLV\x01"), ".flv"),
    (re.compile(rb"RIFF....AVI ", re.DOTALL), ".avi"),
    (re.compile(rb"OggS"), ".ogv"),
    (re.compile(rb"G.{187}G", re.DOTALL), ".ts"),
    (re.compile(rb"\x00\x00\x01\xba"), ".mpg"),
    (re.compile(rb"\x30\x26\xb2\x75"), ".wmv"),
)

FILM_ENDINGS = frozenset(
    f".{ending}"
    for ending in (
        *(
            "3gp",
            "asf",
            "avi",
            "flv",
            "m2ts",
            "m4v",
            "mkv",
            "mov",
            "mp4",
            "mpeg",
            "mpg",
            "mts",
            "mxf",
            "ogv",
            "ts",
        ),
        *("vob", "webm", "wmv"),
    )
)
"""By which a film in a folder is told from what else lies there; what it is, only looking into it tells."""


def put_in_place(part: Path, path: Path) -> None:
    """Rename a whole file to its final name, after its bytes have reached the disk.

    Raises: StorageFull.
    """
    try:
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise storage_error(error) from error


def storage_error(error: OSError) -> Exception:
    """Name a full disk as such; any other file error stays what it is."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"The disk is full: {error.strerror}.")
    return error


def content_sha256(path: Path) -> str:
    """Compute the content hash of a file without reading it into memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1024 * 1024):
            digest.update(block)
    return digest.hexdigest()


def ending_of(head: bytes) -> str:
    """Return the ending for a file by its first bytes (4 KiB are enough); `.bin` for what is not known."""
    return next((name for pattern, name in _ENDINGS if pattern.match(head)), ".bin")


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk: a file that was renamed or linked into it is there after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
