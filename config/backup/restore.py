"""Put a backup in the place of an installation: check everything, prepare beside it, swap, keep what was there."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from channels.models import Channel
from config.backup import databases, manifest
from config.backup.errors import BackupRefused
from config.backup.manifest import Manifest
from config.supervisor.errors import CannotStart
from config.supervisor.lock import DataFolderLock
from orchestration.core import audit, high_water
from orchestration.core.heartbeats import SILENT_AFTER_SECONDS, component_ages
from orchestration.models import SystemState

Say = Callable[[str], None]


def restore(folder: Path, *, replace: bool, say: Say) -> tuple[Manifest, Path]:
    """Restore a backup; returns its manifest and the folder in which what was there before is kept.

    Raises:
        BackupRefused: it does not fit, is damaged, Headend runs, or something is there and `replace` was not said. Then
            nothing was changed.
    """
    os.umask(0o077)
    data_dir = Path(settings.HEADEND_DATA_DIR)
    made = manifest.read(folder)
    try:
        with DataFolderLock(data_dir):
            _refuse_what_does_not_fit(made)
            _refuse_while_it_runs()
            _refuse_what_cannot_be_swapped(data_dir)
            if not replace:
                _refuse_what_is_there(data_dir)
            say("checking each part")
            manifest.refuse_damaged(folder, made)
            return made, _swap(folder, made, data_dir, say)
    except CannotStart as error:
        raise BackupRefused(str(error)) from error


def _refuse_what_does_not_fit(made: Manifest) -> None:
    engine = "postgresql" if connection.vendor == "postgresql" else "sqlite"
    if made.engine != engine:
        raise BackupRefused(
            f"The backup is of {made.engine}, and DATABASE_URL says {engine}: set it to a database of the backup's kind."
        )
    if made.tables_digest != manifest.digest_of_tables(manifest.models_of_code()):
        raise BackupRefused(
            f"This backup was made by Headend {made.version} on {made.created_at:.10}; its tables are others than those of "
            f"this Headend ({settings.HEADEND_VERSION}). Restore it with the version that made it, and upgrade after that."
        )


def _refuse_while_it_runs() -> None:
    try:
        ages = component_ages()
    except DatabaseError:
        return  # an empty database, in which nothing can run
    alive = sorted(name for name, age in ages.items() if age < SILENT_AFTER_SECONDS)
    if alive:
        raise BackupRefused(
            f"Headend runs on this database ({', '.join(alive)}): stop it, and try again after {SILENT_AFTER_SECONDS} s."
        )


def _refuse_what_is_there(data_dir: Path) -> None:
    try:
        channels = Channel.objects.count()
    except DatabaseError:
        channels = 0
    files = Path(settings.MEDIA_ROOT).is_dir() and any(Path(settings.MEDIA_ROOT).iterdir())
    if channels or files:
        raise BackupRefused(
            f"{data_dir} or its database holds an installation ({channels} channels). Add --yes to replace it; "
            "it is put aside, not deleted."
        )


def _refuse_what_cannot_be_swapped(data_dir: Path) -> None:
    for place in (data_dir / "keys", Path(settings.MEDIA_ROOT)):
        if place.is_mount() or place.is_symlink():
            raise BackupRefused(
                f"{place} is a mount or a link of its own, which cannot be swapped in one step: restore with it unmounted."
            )


def _swap(folder: Path, made: Manifest, data_dir: Path, say: Say) -> Path:
    mark = high_water.path().read_bytes() if high_water.path().exists() else None
    put_aside = data_dir / f"replaced-{timezone.now():%Y%m%dT%H%M%SZ}"
    prepared = Path(tempfile.mkdtemp(dir=data_dir, prefix=".restore."))
    try:
        say("preparing beside")
        for name in made.parts:
            (prepared / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, prepared / name)
        copy = prepared / databases.part_name()
        if not copy.is_file():
            raise BackupRefused(f"The backup is damaged: {databases.part_name()} is missing.")
        databases.look_at(copy)
        put_aside.mkdir()
        # First of all the word that it is paused: whatever comes between, no restored database runs on.
        high_water.announce_restore(
            high_water.path(), _installation_after(prepared), f"a backup of {made.created_at:.19} UTC"
        )
        say("database")
        try:
            databases.put_in_place(copy, put_aside)
        except BackupRefused:  # the database is as it was, and so is its mark
            high_water.path().unlink()
            if mark is not None:
                high_water.path().write_bytes(mark)
            raise
        for name, place in (("keys", data_dir / "keys"), ("media", Path(settings.MEDIA_ROOT))):
            if (prepared / name).is_dir():
                say(name)
                if place.exists():
                    place.rename(put_aside / name)
                (prepared / name).rename(place)
    except OSError as error:
        raise BackupRefused(
            f"The backup could not be put in place: {error.strerror or error}. What was there is in {put_aside}."
        ) from error
    finally:
        shutil.rmtree(prepared, ignore_errors=True)
    _audit(folder, made)
    return put_aside


def _installation_after(prepared: Path) -> str:
    """Return which name this installation has once the keys are in place; the environment goes before them."""
    file = prepared / "keys" / "installation_id"
    if not os.environ.get("HEADEND_INSTALLATION_ID", "").strip() and file.is_file():
        return file.read_text(encoding="ascii").strip()
    return settings.HEADEND_INSTALLATION_ID


def _audit(folder: Path, made: Manifest) -> None:
    with transaction.atomic():
        state, _ = SystemState.objects.get_or_create(pk=1)
        audit.record(
            "backup_restored", state, after={"folder": folder.name, "made_at": made.created_at, **made.counts}
        )
