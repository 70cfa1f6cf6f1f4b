"""Handle whole files: bring one safely to disk under its name, and know it by its content."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

from .errors import StorageFull


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
