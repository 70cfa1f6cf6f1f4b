"""Bring an installation's database to this version, all of it or nothing.

The migrations that are missing, what is put up after them and the check of the invariants are one transaction: where one of
them fails, the database is what it was, and the former version runs on. What that can go on beside is an *expanding*
migration, which only adds what a former version never asks for (docs/deployment.md#upgrade).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.commands import migrate
from django.db import DatabaseError, OperationalError, connection, models, transaction
from django.db.migrations import Migration, operations
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.base import Operation

from config.backup.errors import BackupRefused
from config.backup.make import make
from orchestration.core import audit
from orchestration.core.heartbeats import SILENT_AFTER_SECONDS, component_ages
from orchestration.core.schema_version import unknown_migrations
from orchestration.models import SystemState
from orchestration.monitoring import invariants

Say = Callable[[str], None]
WAIT_FOR_LOCKS_MS = 10_000
"""How long a change of a table waits for those who use it, in milliseconds; then all is undone rather than in their way."""
ADDING = (
    operations.CreateModel,
    operations.AddIndex,
    operations.AlterModelOptions,
    operations.AlterModelManagers,
)
MARK = "expands"
"""A migration that writes rows, or SQL of its own, says by this attribute that a former version can go on beside it."""


class UpgradeRefused(Exception):
    """It was not upgraded; the database is as it was. The text says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """A migration that is missing; `in_the_way` says why former versions cannot go on beside it, empty if they can."""

    name: str
    in_the_way: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What was done; `backup` is the folder of what was before, None where nothing was missing or none was wanted."""

    steps: tuple[Step, ...]
    backup: Path | None


def missing_steps() -> list[Step]:
    """Return the migrations that the database lacks, in their order. Raises: UpgradeRefused if it is of a newer version."""
    executor = MigrationExecutor(connection)
    newer = unknown_migrations()
    if newer:
        raise UpgradeRefused(
            f"The database is of a newer version than this Headend ({settings.HEADEND_VERSION}): it has {', '.join(newer)}."
        )
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [Step(f"{one.app_label}.{one.name}", tuple(_in_the_way(one))) for one, _ in plan]


def is_new() -> bool:
    """Return whether nothing was ever migrated here: there is nothing to lose, and nobody runs beside."""
    return not MigrationExecutor(connection).loader.applied_migrations


def upgrade(*, backup: bool, say: Say) -> Upgraded:
    """Back up, migrate and check; returns what was done.

    Raises:
        UpgradeRefused: something speaks against it, or it failed; the database is as it was.
    """
    steps = missing_steps()
    folder = None
    if steps and not is_new():
        _refuse_beside_former_versions(steps)
        if backup:
            folder = _back_up(say)
    with _one_transaction():
        try:
            with transaction.atomic():
                _wait_for_others()
                steps = missing_steps()  # another upgrade may have been faster
                call_command(_Migrate(), interactive=False, verbosity=0)
                if steps:
                    say(f"{len(steps)} migration(s) applied")
                    _refuse_broken()
                    say("the invariants hold")
                    _note(steps, folder)
        except OperationalError as error:
            raise UpgradeRefused(
                f"The database cannot be used: {_first_line(error)}. It is as it was."
            ) from error
        except (DatabaseError, ValueError) as error:
            said = _first_line(error)
            raise UpgradeRefused(f"The migration failed, and the database is as it was: {said}.") from error
    return Upgraded(tuple(steps), folder)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


# -------------------------------------------------------------------------------------------------------- what may go beside


def _in_the_way(migration: Migration) -> Iterator[str]:
    if getattr(migration, MARK, False):
        return
    for operation in migration.operations:
        if said := why_not_beside(operation):
            yield said


def why_not_beside(operation: Operation) -> str:
    """Return why a former version cannot go on beside an operation; empty if it can."""
    if isinstance(operation, ADDING):
        return ""
    if isinstance(operation, operations.AddField):
        field = operation.field
        given = field.null or isinstance(field, models.ManyToManyField) or field.has_db_default()
        return "" if given else f"{operation.describe()}, which former versions leave empty"
    if isinstance(operation, operations.SeparateDatabaseAndState):
        return next(filter(None, map(why_not_beside, operation.database_operations)), "")
    return operation.describe()


def _refuse_beside_former_versions(steps: list[Step]) -> None:
    stopping = [f"{step.name} ({reason})" for step in steps for reason in step.in_the_way]
    if not stopping:
        return
    try:
        alive = sorted(name for name, age in component_ages().items() if age < SILENT_AFTER_SECONDS)
    except DatabaseError:
        alive = []
    if alive:
        raise UpgradeRefused(
            f"Headend runs on this database ({', '.join(alive)}), and cannot beside {'; '.join(stopping)}. "
            f"Stop it, and try again after {SILENT_AFTER_SECONDS} s."
        )


# ------------------------------------------------------------------------------------------------------------ what is done


def _back_up(say: Say) -> Path:
    free, needed = shutil.disk_usage(settings.HEADEND_DATA_DIR).free, 2 * _database_bytes()
    if free < needed:
        raise UpgradeRefused(
            f"{settings.HEADEND_DATA_DIR} has {free:,} bytes free, and a backup may need {needed:,}: make room, "
            "or make one elsewhere (backup --to) and upgrade with --without-backup."
        )
    try:
        folder, _ = make(settings.HEADEND_DATA_DIR / "backups", keys=True, media=False, say=say, noted=False)
    except (BackupRefused, DatabaseError) as error:
        raise UpgradeRefused(f"There is no backup, so nothing was changed: {error}") from error
    return folder


def _database_bytes() -> int:
    if connection.vendor != "postgresql":
        return Path(connection.settings_dict["NAME"]).stat().st_size
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


class _Migrate(migrate.Command):
    """Django's command, after each of whose migrations what was put off to the end of the transaction is looked at."""

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        """Check what was deferred: PostgreSQL alters no table whose rows still wait for that."""
        super().migration_progress_callback(action, migration, fake)
        if action == "apply_success":
            connection.check_constraints()


@contextmanager
def _one_transaction() -> Iterator[None]:
    """Let migrations run in a transaction: SQLite cannot put off its foreign keys once one has begun."""
    switched = connection.vendor == "sqlite" and connection.disable_constraint_checking()
    try:
        yield
    finally:
        if switched:
            connection.enable_constraint_checking()


def _wait_for_others() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{WAIT_FOR_LOCKS_MS}ms"])


def _refuse_broken() -> None:
    broken = invariants.check()
    if broken:
        raise UpgradeRefused(
            "After the migrations these invariants do not hold, so the database is as it was: "
            + "; ".join(map(str, broken[:5]))
            + (f"; and {len(broken) - 5} more" if len(broken) > 5 else "")
        )


def _note(steps: list[Step], folder: Path | None) -> None:
    state, _ = SystemState.objects.get_or_create(pk=1)
    audit.record(
        "upgraded",
        state,
        after={
            "version": settings.HEADEND_VERSION,
            "migrations": [step.name for step in steps],
            "backup": folder.name if folder else "",
        },
    )
