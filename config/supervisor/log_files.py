"""Keep the children's log files small, and pass warnings on to the console."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

LARGEST_BYTES = 20 * 1024 * 1024
LONGEST_LINE = 300
MAX_LINES_AT_ONCE = 20


def keep_small(paths: list[Path], largest_bytes: int = LARGEST_BYTES) -> None:
    """Move the content of files that have grown large to `.1` files beside them.

    The children hold the files open in append mode, so the content is copied and the file emptied under them.
    """
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > largest_bytes:
                _keep_a_copy(path)
                with path.open("r+b") as file:
                    file.truncate(0)


def _keep_a_copy(path: Path) -> None:
    """Copy a log file beside itself; on a full disk, where it is needed most, go without the copy."""
    copy = path.with_name(f"{path.name}.1")
    try:
        shutil.copyfile(path, copy)
    except OSError:
        copy.unlink(missing_ok=True)


class Warnings:
    """The warnings that the processes write to one file, read as they come."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = path.stat().st_size if path.exists() else 0

    def new_lines(self) -> Iterator[str]:
        """Yield the first line of each new record; the rest of a traceback stays in the file."""
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                self._position = min(self._position, size)  # the file was emptied by a log rotation
                if size == self._position:
                    return
                file.seek(self._position)
                content = file.read()
        except FileNotFoundError:
            return
        whole, _, _ = content.rpartition(b"\n")
        self._position += len(whole) + (1 if content.count(b"\n") else 0)
        records = [line for line in whole.decode("utf-8", "replace").splitlines() if line[:2] in ("20", '{"')]
        for line in records[:MAX_LINES_AT_ONCE]:
            yield line[:LONGEST_LINE]
        if len(records) > MAX_LINES_AT_ONCE:
            yield f"... and {len(records) - MAX_LINES_AT_ONCE} more in {self._path}"
