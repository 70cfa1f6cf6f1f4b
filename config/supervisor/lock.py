"""Let one supervisor at a time have a data folder."""

import fcntl
import os
from pathlib import Path
from typing import Self, TextIO

from config.supervisor.errors import CannotStart

LOCK_FILE = "up.lock"


class DataFolderLock:
    """A lock on the data folder that the kernel releases when this process ends, however it ends."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / LOCK_FILE
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            CannotStart: another supervisor holds it; the message names its process.
        """
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise CannotStart(
                f"Headend already runs on {self._path.parent} (process {holder}). Stop that one first, "
                "or give this one another folder by HEADEND_DATA_DIR."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file
        os.register_at_fork(after_in_child=file.close)  # a fork does not hold it
        return self

    def __exit__(self, *_: object) -> None:
        """Release the lock; the file stays, for removing it could let two in."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
