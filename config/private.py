"""Make folders and files that their owner alone can read, whatever the umask of the shell that started us is."""

import os
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import cast

OTHERS = 0o007
FOLDER, FILE = 0o700, 0o600


def folder(path: Path) -> Path:
    """Make a folder for its owner alone; one that is there loses what others may do, and keeps what its group may.

    A folder that belongs to another user is left as it is: whoever made it decided that.
    """
    path.mkdir(parents=True, exist_ok=True, mode=FOLDER)
    _close(path)
    return path


def file(path: Path) -> Path:
    """Make an empty file for its owner alone, or take from one that is there what others may do."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE))
    except FileExistsError:
        _close(path)
    return path


def _close(path: Path) -> None:
    known = path.stat()
    if known.st_mode & OTHERS and known.st_uid == os.geteuid():
        path.chmod(known.st_mode & 0o7777 & ~OTHERS)


class PrivateFileHandler(WatchedFileHandler):
    """Write a log that its owner alone can read; anew when it was moved away."""

    def _open(self) -> TextIOWrapper:
        opened = open(  # noqa: SIM115 - logging closes it
            self.baseFilename, self.mode, encoding=self.encoding, errors=self.errors, opener=_for_its_owner
        )
        return cast(TextIOWrapper, opened)


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, FILE)
