"""Keep outside the database how far it has come, so that one which is older than its installation is noticed.

A restored backup knows nothing of what was uploaded, armed or published after it was made. The mark lies in the data folder,
and no backup puts it back. It holds two things that never fall in one database: how often that was about to change what the
world sees (counted, and the mark raised, before each such call) and its newest audit entry (raised by every tick).

Both are read from what is committed and then written to the file, so the file is never ahead of the database, however many
processes raise it and whatever a sequence skips. Whoever compares reads the file first and the database after it.
"""

import contextlib
import fcntl
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import F, QuerySet, Subquery, Value
from django.utils import timezone

from orchestration.core import anchors
from orchestration.models import Activity, SystemState

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """What the file says; instants are aware UTC."""

    installation: str
    written_at: datetime
    writes: int = 0
    entry: int = 0
    entry_at: datetime | None = None
    restored: str = ""
    """What `manage.py restore` has put in place, until a person takes it over."""
    damaged: str = ""
    """Why the file cannot be read: what may be behind counts as behind."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the database has come; `same_entry_at` is when it has the entry that the mark names."""

    status: str
    installation: str
    behind_since: datetime | None
    restored_at: datetime | None
    writes: int
    entry: int
    entry_at: datetime | None
    same_entry_at: datetime | None


_COLUMNS = ("state", "installation_id", "behind_since", "restored_at", "outward_writes")


def path() -> Path:
    """Return where the mark lies."""
    return Path(settings.HIGH_WATER_FILE)


def read() -> Mark | None:
    """Return the mark, or None where there is none yet. Read it before the database, never after."""
    try:
        said = json.loads(path().read_text(encoding="utf-8"))
        return Mark(
            installation=str(said["installation"]),
            written_at=_instant(said["written_at"]),
            writes=int(said["writes"]),
            entry=int(said["entry"]),
            entry_at=_instant(said["entry_at"]) if said["entry_at"] else None,
            restored=str(said.get("restored", "")),
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        return _damaged(error.strerror or type(error).__name__)
    except (ValueError, KeyError, TypeError):
        return _damaged("it holds something else than a mark")


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("an instant without its zone")
    return found


def _damaged(why: str) -> Mark:
    try:
        written_at = datetime.fromtimestamp(path().stat().st_mtime, UTC)
    except OSError:
        written_at = timezone.now()
    return Mark(settings.HEADEND_INSTALLATION_ID, written_at, damaged=why)


def standing_query(mark: Mark | None) -> QuerySet[SystemState, tuple[Any, ...]]:
    """Return the query of a `Standing`: one statement, for the claim makes it each time."""
    newest = Activity.objects.order_by("-pk")
    named = Activity.objects.filter(pk=mark.entry if mark else 0)
    return (
        SystemState.objects.filter(pk=1)
        .annotate(
            newest=Subquery(newest.values("pk")[:1]),
            newest_at=Subquery(newest.values("timestamp")[:1]),
            same_entry_at=Subquery(named.values("timestamp")[:1]),
        )
        .values_list(*_COLUMNS, "newest", "newest_at", "same_entry_at")
    )


def standing_of(row: tuple[Any, ...] | None) -> Standing | None:
    """Return what the row of `standing_query` says; None before the installation's first start."""
    if row is None:
        return None
    status, installation, behind_since, restored_at, writes, entry, entry_at, same_entry_at = row
    return Standing(
        status, installation, behind_since, restored_at, writes, entry or 0, entry_at, same_entry_at
    )


def stand(mark: Mark | None) -> Standing | None:
    """Return how far the database has come, read after the mark."""
    return standing_of(standing_query(mark).first())


def is_void(mark: Mark, standing: Standing) -> bool:
    """Return whether a mark says nothing: another installation's, of before the last take-over, or a new database."""
    return (
        mark.installation != settings.HEADEND_INSTALLATION_ID
        or not standing.installation
        or (standing.restored_at is not None and mark.written_at <= standing.restored_at)
    )


def is_behind(mark: Mark | None, standing: Standing | None) -> bool:
    """Return whether the database is older than its installation."""
    if mark is None or standing is None or is_void(mark, standing):
        return False
    if mark.restored or mark.damaged:
        return True
    # A restored database counts on from where it was: its entry of the same number is another one, or was skipped.
    is_another = mark.entry > 0 and standing.same_entry_at != mark.entry_at
    return standing.writes < mark.writes or is_another


def before_outward_write() -> None:
    """Count that what the world sees is about to be changed, and raise the mark to it; right before the call.

    After the intent is committed and not with it: what was rolled back must not be marked, and a backup that has this count
    has everything committed before it. A mark that cannot be written is logged and keeps nothing from its moment.
    """
    SystemState.objects.filter(pk=1).update(outward_writes=F("outward_writes") + Value(1))
    keep_up()


def keep_up() -> bool:
    """Raise the mark to what is committed, unless the database is behind it; returns whether it was written.

    One statement on the database and none on the disk where nothing has changed.
    """
    mark = read()
    standing = stand(mark)
    if standing is None or standing.installation != settings.HEADEND_INSTALLATION_ID:
        return False
    if standing.behind_since is not None or is_behind(mark, standing):
        return False
    if (
        mark is not None
        and not is_void(mark, standing)
        and mark.writes >= standing.writes
        and mark.entry >= standing.entry
    ):
        return False
    try:
        with _alone():
            return _raise_to(standing)
    except OSError as error:
        logger.error("the high-water mark %s cannot be written: %s", path(), error.strerror)
        return False


def _raise_to(standing: Standing) -> bool:
    """Write the higher of both in each thing: another process may have raised it since."""
    mark = read()
    if mark is None or is_void(mark, standing):
        _write(_mark_of(standing))
        return True
    if mark.restored or mark.damaged:
        return False
    _write(
        Mark(
            settings.HEADEND_INSTALLATION_ID,
            timezone.now(),
            max(mark.writes, standing.writes),
            *max((mark.entry, mark.entry_at), (standing.entry, standing.entry_at), key=lambda each: each[0]),
        )
    )
    return True


def _mark_of(standing: Standing) -> Mark:
    return Mark(
        settings.HEADEND_INSTALLATION_ID,
        timezone.now(),
        standing.writes,
        standing.entry,
        standing.entry_at,
    )


def take_over() -> None:
    """Set the mark to the database's, lower than it was: a person has said that this database goes on from here."""
    standing = stand(None)
    if standing is None:
        return
    anchors.note_taken_over()
    try:
        with _alone():
            _write(_mark_of(standing))
    except OSError as error:
        logger.error("the high-water mark %s cannot be written: %s", path(), error.strerror)


def announce_restore(file: Path, installation: str, what: str) -> None:
    """Leave word that a backup was put in place, so that its database boots paused even if it is not behind."""
    mark = Mark(installation, timezone.now(), restored=what)
    _write(mark, file)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one process of this machine at a time read and write the mark; the kernel lets go whoever dies."""
    path().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path().with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(mark: Mark, file: Path | None = None) -> None:
    """Put the mark in place in one step, on the disk and not only on its way there; readable by its owner alone."""
    file = file or path()
    said = asdict(mark)
    del said["damaged"]
    draft_handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mode 0600
    try:
        with os.fdopen(draft_handle, "w", encoding="utf-8") as opened:
            json.dump(said, opened, default=datetime.isoformat)
            opened.flush()
            os.fsync(opened.fileno())
        Path(draft).replace(file)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
