"""What was released is added to, never rewritten, and an installation of it comes to this version with all that it holds."""

import json
from pathlib import Path

import pytest
from django.db.migrations.loader import MigrationLoader

from config.upgrading import MARK, why_not_beside
from tests import released
from tests.installations import Installation, database_of, environment_of

RELEASES = sorted(released.FOLDER.glob("*.json"))
CONTRACTS = "contracts"
"""By this attribute a migration says which release's code asks for nothing of what it takes away: expand, then contract."""
LOAD = """
import json
from pathlib import Path
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
said = json.loads(Path({file!r}).read_text())
for app, name in said["nodes"]:
    call_command("migrate", app, name, verbosity=0)
loader = MigrationLoader(connection)
known = loader.project_state([tuple(node) for node in said["nodes"]]).apps
models = {{model._meta.label: model for model in known.get_models(include_auto_created=True)}}
with transaction.atomic():
    for label in said["rows"]:
        rows = models[label]._base_manager.all()
        if rows.exists():
            rows._raw_delete(rows.db)
    for label, rows in said["rows"].items():
        model = models[label]
        fields = {{field.attname: field for field in model._meta.local_concrete_fields}}
        model._base_manager.bulk_create(
            model(**{{name: None if value is None else fields[name].to_python(value) for name, value in row.items()}})
            for row in rows
        )
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), models.values()):
            cursor.execute(sql)
"""
COUNT = """
import json
from django.apps import apps
print(json.dumps({model._meta.label: model._base_manager.count() for model in apps.get_models(include_auto_created=True)}))
"""
GROWS = {"orchestration.Activity", "auth.Permission", "contenttypes.ContentType"}
"""What an upgrade itself adds to."""


def _migrations_since(said: dict) -> dict[str, object]:
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    there = {Path(path).with_suffix("").as_posix() for path in said["migrations"]}
    return {
        f"{app}.{name}": migration
        for (app, name), migration in known.items()
        if app in released.OURS and f"{app}/migrations/{name}" not in there
    }


@pytest.mark.parametrize("file", RELEASES, ids=lambda file: file.stem)
def test_no_released_migration_was_rewritten(file):
    said = json.loads(file.read_text())
    now = released.digests()
    assert {path: now.get(path) for path in said["migrations"]} == said["migrations"]


@pytest.mark.parametrize("file", RELEASES, ids=lambda file: file.stem)
def test_what_was_added_since_expands_or_says_whom_it_leaves_behind(file):
    in_the_way = {
        name: [said for operation in migration.operations if (said := why_not_beside(operation))]
        for name, migration in _migrations_since(json.loads(file.read_text())).items()
        if not getattr(migration, MARK, False) and not getattr(migration, CONTRACTS, "")
    }
    assert {name: said for name, said in in_the_way.items() if said} == {}


@pytest.fixture
def database(request, tmp_path):
    """Return an installation without tables, on the engine of this test run."""
    import os

    environment = environment_of(tmp_path / "var")
    if not os.environ.get("DATABASE_URL"):
        yield Installation(tmp_path / "var", environment)
        return
    with database_of() as url:
        yield Installation(tmp_path / "var", environment | {"DATABASE_URL": url})


@pytest.mark.untraced
@pytest.mark.parametrize("file", RELEASES, ids=lambda file: file.stem)
def test_an_installation_of_a_release_comes_to_this_version_with_all_that_it_holds(database, file):
    said = json.loads(file.read_text())
    database.done("shell", "-v0", "-c", LOAD.format(file=str(file)))
    done = json.loads(database.done("upgrade", "--json"))
    assert {step["name"] for step in done["steps"]} == set(_migrations_since(said))
    counts = json.loads(database.done("shell", "-v0", "-c", COUNT).splitlines()[-1])
    wrong = {
        label: (len(rows), counts.get(label))
        for label, rows in said["rows"].items()
        if label not in GROWS and len(rows) != counts.get(label)
    }
    assert wrong == {}
    assert len([label for label, rows in said["rows"].items() if rows]) > 50
    database.done("migrate", "--check")
