"""Say what a backup holds: the engine, the tables it fits, how far it goes, and each part with its digest."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from django.apps import apps
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from config.backup.errors import BackupRefused

FILE = "manifest.json"
FORMAT = 1
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands in `manifest.json`; `parts` are files below the backup's folder, with their SHA-256."""

    format: int
    version: str
    created_at: str
    engine: str
    tables_digest: str
    migrations: list[str]
    installation: str
    newest_entry: int
    newest_entry_at: str | None
    counts: dict[str, int]
    parts: dict[str, str] = field(default_factory=dict)


def digest_of_tables(tables: Iterable[type[models.Model]]) -> str:
    """Return a digest of all tables and columns of some models: a backup fits only the same."""
    columns = sorted(
        f"{model._meta.db_table}.{column.column} {column.db_type(connection)} {column.null}"
        for model in tables
        if model._meta.managed
        for column in model._meta.local_concrete_fields
    )
    return hashlib.sha256("\n".join(columns).encode()).hexdigest()


def models_of_database() -> Iterable[type[models.Model]]:
    """Return the models as the database has them, by the migrations that it has seen; those of the code may be newer."""
    loader = MigrationLoader(connection)
    return _models_after(loader, [node for node in loader.applied_migrations if node in loader.graph.nodes])


def models_of_code() -> Iterable[type[models.Model]]:
    """Return the models as this version's migrations make them, which is what a database holds that has seen them all.

    Not the classes of the code: the key of a table between two models has another type in these than in a migration, where
    an app does not set the project's default.
    """
    return _models_after(MigrationLoader(connection), None)


def _models_after(
    loader: MigrationLoader, seen: list[tuple[str, str]] | None
) -> Iterable[type[models.Model]]:
    swapped = {model._meta.db_table for model in apps.get_models(include_swapped=True) if model._meta.swapped}
    known = loader.project_state(seen).apps.get_models(include_auto_created=True)
    return [model for model in known if model._meta.db_table not in swapped]


def applied_migrations() -> list[str]:
    """Return the migrations that the database has."""
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def digest_of(path: Path) -> str:
    """Return a file's SHA-256."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            sha.update(piece)
    return sha.hexdigest()


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest; it comes last, so a folder without one is no backup."""
    text = json.dumps(asdict(manifest), indent=2) + "\n"
    (folder / FILE).write_text(text, encoding="utf-8")


def read(folder: Path) -> Manifest:
    """Return the manifest of a backup.

    Raises:
        BackupRefused: there is none, or it is not one that this version reads.
    """
    try:
        said = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if not isinstance(said, dict):
            raise ValueError("no object")
        if said.get("format") != FORMAT:
            raise BackupRefused(
                f"{folder} is a backup of format {said.get('format')}; this version of Headend reads format {FORMAT}."
            )
        manifest = Manifest(**said)
        datetime.fromisoformat(manifest.created_at)
    except FileNotFoundError:
        raise BackupRefused(f"{folder} is no backup: it has no {FILE}, which is written last.") from None
    except OSError as error:
        raise BackupRefused(f"{folder / FILE} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise BackupRefused(f"{folder / FILE} is damaged.") from error
    return manifest


def refuse_damaged(folder: Path, manifest: Manifest) -> None:
    """Refuse a backup of which a part is missing or not what it was.

    Raises:
        BackupRefused: names the part.
    """
    for name, digest in manifest.parts.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts or path.is_symlink():
            raise BackupRefused(f"{folder / FILE} names {name}, which is outside of the backup.")
        if not path.is_file():
            raise BackupRefused(f"The backup is damaged: {name} is missing.")
        if digest_of(path) != digest:
            raise BackupRefused(
                f"The backup is damaged: {name} is not what was written (its SHA-256 differs)."
            )
