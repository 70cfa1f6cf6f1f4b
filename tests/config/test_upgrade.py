"""`manage.py upgrade`: all of it or nothing, beside what can go on, with a backup of what was before."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations import AddField, RemoveField, RunSQL
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import CharField
from django.utils import timezone

from config import upgrading
from config.backup import manifest
from orchestration.core.heartbeats import beat
from orchestration.models import Activity
from orchestration.monitoring.invariants.values import Violation
from tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = "config_added"


@pytest.fixture
def next_version(settings: Any, tmp_path: Path) -> Iterator[Any]:
    """Let the code be of a version that has other migrations; its tables and its backups are gone afterwards."""
    settings.HEADEND_DATA_DIR = tmp_path

    def takes(way: str) -> None:
        settings.MIGRATION_MODULES = {"config": f"tests.config.upgrades.{way}"}

    yield takes
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
    MigrationRecorder(connection).migration_qs.filter(app="config").delete()


def has_table() -> bool:
    return TABLE in connection.introspection.table_names()


def upgrade(*options: str) -> Any:
    told = StringIO()
    call_command("upgrade", "--json", *options, stdout=told)
    return json.loads(told.getvalue())


def test_what_is_missing_is_told_and_nothing_done(next_version):
    next_version("adds")
    assert upgrade("--plan") == {"steps": [{"name": "config.0001_initial", "in_the_way": []}]}
    assert not has_table()


def test_it_backs_up_migrates_and_notes_it(next_version):
    ChannelFactory(name="Aurora")
    next_version("adds")
    done = upgrade()
    assert has_table()
    assert [step["name"] for step in done["steps"]] == ["config.0001_initial"]
    kept = manifest.read(Path(done["backup"]))
    assert kept.counts["channel"] == 1
    assert not any(name.startswith("config.") for name in kept.migrations)
    entry = Activity.objects.get(verb="upgraded")
    assert entry.after == {
        "version": done["version"],
        "migrations": ["config.0001_initial"],
        "backup": Path(done["backup"]).name,
    }
    assert upgrade() == {"version": done["version"], "steps": [], "backup": None}


def test_a_backup_is_of_the_tables_that_the_database_has_not_of_those_of_newer_code(next_version):
    next_version("adds")
    before = manifest.digest_of_tables(manifest.models_of_database())
    upgrade("--without-backup")
    assert manifest.digest_of_tables(manifest.models_of_database()) != before


def test_where_a_migration_fails_those_before_it_are_undone(next_version):
    next_version("fails")
    entries = Activity.objects.count()
    with pytest.raises(CommandError, match="no_such_table"):
        upgrade("--without-backup")
    assert not has_table()
    assert not MigrationRecorder(connection).migration_qs.filter(app="config").exists()
    assert Activity.objects.count() == entries


def test_where_an_invariant_does_not_hold_afterwards_all_is_undone(next_version, monkeypatch):
    next_version("adds")
    broken = Violation("A thing is published twice", "schedule 1")
    monkeypatch.setattr(upgrading.invariants, "check", lambda: [broken])
    with pytest.raises(CommandError, match="published twice"):
        upgrade("--without-backup")
    assert not has_table()


def test_what_former_versions_cannot_go_on_beside_waits_until_they_are_stopped(next_version):
    next_version("alters")
    beat("worker:work")
    with pytest.raises(CommandError, match="worker:work"):
        upgrade("--without-backup")
    assert not has_table()
    next_version("adds")
    upgrade("--without-backup")
    assert has_table()


def test_a_database_of_a_newer_version_is_left_alone(next_version):
    next_version("adds")
    MigrationRecorder(connection).migration_qs.create(
        app="config", name="0002_of_tomorrow", applied=timezone.now()
    )
    with pytest.raises(CommandError, match="0002_of_tomorrow"):
        upgrade("--plan")


def test_without_room_for_a_backup_nothing_is_changed(next_version, monkeypatch):
    next_version("adds")
    monkeypatch.setattr(upgrading.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 0}))
    with pytest.raises(CommandError, match="bytes free"):
        upgrade()
    assert not has_table()


@pytest.mark.parametrize(
    ("operation", "goes_on"),
    [
        (AddField("Channel", "more", CharField(max_length=9, null=True)), True),
        (AddField("Channel", "more", CharField(max_length=9, db_default="")), True),
        (AddField("Channel", "more", CharField(max_length=9, default="")), False),
        (RemoveField("Channel", "name"), False),
        (RunSQL("UPDATE channels_channel SET name = ''"), False),
    ],
    ids=["null", "default in the database", "default in the code", "removed", "own SQL"],
)
def test_only_what_adds_goes_on_beside_former_versions(operation, goes_on):
    assert (upgrading.why_not_beside(operation) == "") is goes_on
