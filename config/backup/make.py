"""Make a backup: the database first, then keys and media, so that each file which the database knows is there."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from channels.models import Channel
from config.backup import databases, manifest
from config.backup.errors import BackupRefused
from config.backup.manifest import Manifest
from orchestration.core import audit
from orchestration.models import Activity, Distribution, Schedule, SystemState, Video

COUNTED = (Channel, Video, Distribution, Schedule)
Say = Callable[[str], None]


def make(to: Path, *, keys: bool, media: bool, say: Say, noted: bool = True) -> tuple[Path, Manifest]:
    """Make a backup in a new folder below `to`, readable by its owner alone; may be called while Headend runs.

    If it is to be `noted`, it is an entry of the record; an upgrade has to wait with that until the record has its columns.

    Raises:
        BackupRefused: it could not be made; nothing of it is left.
    """
    os.umask(0o077)
    name = f"headend-{timezone.now():%Y%m%dT%H%M%SZ}"
    folder, draft = to / name, to / f".{name}.part"
    try:
        to.mkdir(parents=True, exist_ok=True)
        draft.mkdir()
    except OSError as error:
        raise BackupRefused(f"{to} cannot take a backup: {error.strerror}.") from error
    try:
        made = _fill(draft, keys=keys, media=media, say=say)
        manifest.write(draft, made)
        draft.rename(folder)
    except OSError as error:
        raise BackupRefused(f"The backup could not be written to {to}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if noted:
        _audit(folder, made)
    return folder, made


def _fill(draft: Path, *, keys: bool, media: bool, say: Say) -> Manifest:
    # Read before the copy is made: what the copy has is at least this.
    newest = Activity.objects.order_by("-pk").values_list("pk", "timestamp").first()
    counts = {str(model._meta.model_name): model._default_manager.count() for model in COUNTED}
    say("database")
    databases.copy_to(draft / databases.part_name())
    if keys and (settings.HEADEND_DATA_DIR / "keys").is_dir():
        say("keys")
        shutil.copytree(settings.HEADEND_DATA_DIR / "keys", draft / "keys")
    if media and Path(settings.MEDIA_ROOT).is_dir():
        say("media")
        shutil.copytree(settings.MEDIA_ROOT, draft / "media", copy_function=_link_or_copy)
    say("digests")
    files = sorted(path for path in draft.rglob("*") if path.is_file())
    return Manifest(
        format=manifest.FORMAT,
        version=settings.HEADEND_VERSION,
        created_at=timezone.now().isoformat(),
        engine="postgresql" if databases.part_name() == databases.POSTGRESQL else "sqlite",
        tables_digest=manifest.digest_of_tables(manifest.models_of_database()),
        migrations=manifest.applied_migrations(),
        installation=settings.HEADEND_INSTALLATION_ID,
        newest_entry=newest[0] if newest else 0,
        newest_entry_at=newest[1].isoformat() if newest else None,
        counts=counts,
        parts={path.relative_to(draft).as_posix(): manifest.digest_of(path) for path in files},
    )


def _link_or_copy(source: str, target: str) -> None:
    """Link a media file where that is possible: it is never written in place, and a link takes no room."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        return  # deleted meanwhile
    except OSError:
        shutil.copy2(source, target)


def _audit(folder: Path, made: Manifest) -> None:
    with transaction.atomic():
        state, _ = SystemState.objects.get_or_create(pk=1)
        audit.record(
            "backup_made", state, after={"folder": folder.name, "parts": len(made.parts), **made.counts}
        )
