"""`manage.py backup` and `restore`: the whole installation, on both engines; what does not fit is refused."""

import json
import os
import shutil
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.installations import Installation, database_of, environment_of

MAKE_A_CHANNEL = """
from channels.models import Channel
from orchestration.core import audit, high_water
from orchestration.models import Activity, SystemState
from orchestration.engine import tick
from django.db import transaction
SystemState.objects.get_or_create(pk=1)
Channel.objects.create(name={name!r}, slug={name!r}, timezone="UTC")
with transaction.atomic():
    audit.record("noted", SystemState.objects.get())
tick.tick()
"""
REFUSALS = """
import io, json, pathlib
from django.core.management import CommandError, call_command
manifest = pathlib.Path({manifest!r})
for said in json.loads({texts!r}):
    manifest.write_text(said) if said is not None else manifest.unlink()
    try:
        call_command("restore", str(manifest.parent), yes=True, stdout=io.StringIO())
    except CommandError as error:
        print(json.dumps(str(error)))
    else:
        print(json.dumps("it was not refused"))
"""
LOOK = """
import json
from channels.models import Channel
from orchestration.models import Activity
from orchestration.engine import control, tick
tick.tick()
state = control.report()
print(json.dumps([sorted(Channel.objects.values_list("name", flat=True)), state.state, state.reason,
    list(Activity.objects.values_list("verb", flat=True))]))
"""


class Kept(Installation):
    """An installation that is backed up and looked into."""

    def channel(self, name: str) -> None:
        self.done("shell", "-v0", "-c", MAKE_A_CHANNEL.format(name=name))

    def look(self) -> tuple[list[str], str, str, list[str]]:
        return tuple(json.loads(self.done("shell", "-v0", "-c", LOOK).splitlines()[-1]))

    def backup(self, *words: str) -> Path:
        return Path(json.loads(self.done("backup", "--json", *words))["folder"])


@pytest.fixture(scope="module")
def migrated_sqlite(tmp_path_factory) -> Path:
    """Return a data folder with the tables of SQLite, made once: to migrate takes longer than what is tried here."""
    data_dir = tmp_path_factory.mktemp("sqlite") / "var"
    Installation(data_dir, environment_of(data_dir)).done("migrate", "-v0")
    return data_dir


@pytest.fixture
def sqlite(migrated_sqlite: Path, tmp_path: Path) -> Kept:
    shutil.copytree(migrated_sqlite, tmp_path / "var")
    return Kept(tmp_path / "var", environment_of(tmp_path / "var"))


@pytest.fixture(scope="module")
def migrated_postgresql(tmp_path_factory) -> Iterator[str]:
    data_dir = tmp_path_factory.mktemp("postgresql") / "var"
    with database_of() as url:
        Installation(data_dir, environment_of(data_dir) | {"DATABASE_URL": url}).done("migrate", "-v0")
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def postgresql(migrated_postgresql: str, tmp_path: Path) -> Iterator[Kept]:
    with database_of(template=migrated_postgresql) as url:
        yield Kept(tmp_path / "var", environment_of(tmp_path / "var") | {"DATABASE_URL": url})


@pytest.fixture
def database(request) -> Kept:
    """Return an installation on the engine of this test run; the name marks it as a test that has a database."""
    return request.getfixturevalue("postgresql" if os.environ.get("DATABASE_URL") else "sqlite")


def test_what_was_backed_up_comes_back_and_boots_paused_and_what_was_there_is_kept(database):
    database.channel("one")
    media = database.data_dir / "media" / "videos"
    media.mkdir(parents=True)
    (media / "1.mp4").write_bytes(b"film")
    key = (database.data_dir / "keys" / "encryption_key").read_text()
    folder = database.backup()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in folder.glob("*.*")} == {0}
    said = json.loads((folder / "manifest.json").read_text())
    assert said["counts"]["channel"] == 1
    assert said["newest_entry"] > 0
    database.channel("two")
    (media / "1.mp4").unlink()
    assert "--yes" in database.refused("restore", str(folder))
    assert database.look()[0] == ["one", "two"], "and nothing was changed"
    assert "paused" in database.done("restore", str(folder), "--yes")
    channels, state, reason, verbs = database.look()
    assert (channels, state) == (["one"], "paused")
    assert "restored from a backup of" in reason
    assert {"backup_restored", "system_restore_found"} <= set(verbs)
    assert (media / "1.mp4").read_bytes() == b"film"
    assert (database.data_dir / "keys" / "encryption_key").read_text() == key
    (put_aside,) = database.data_dir.glob("replaced-*")
    assert (put_aside / "keys").is_dir()
    assert list(put_aside.glob("headend.sqlite3")) or list(put_aside.glob("database.dump"))
    assert not list(database.data_dir.glob(".restore.*"))


@pytest.mark.untraced
def test_a_backup_without_keys_and_media_leaves_them_as_they_are(database):
    database.channel("one")
    key = (database.data_dir / "keys" / "installation_id").read_text()
    folder = database.backup(
        "--without-keys", "--without-media", "--to", str(database.data_dir.parent / "elsewhere")
    )
    assert sorted(path.name for path in folder.iterdir())[-1] == "manifest.json"
    assert len(list(folder.iterdir())) == 2
    database.done("restore", str(folder), "--yes")
    assert (database.data_dir / "keys" / "installation_id").read_text() == key
    assert database.look()[1] == "paused"


@pytest.mark.untraced
def test_what_does_not_fit_is_refused_and_changes_nothing(database):
    database.channel("one")
    folder = database.backup("--without-media")
    manifest = folder / "manifest.json"
    said = json.loads(manifest.read_text())
    (part,) = [folder / name for name in said["parts"] if name.startswith("database")]
    wrong = {
        "its tables are others": {"tables_digest": "0", "version": "9.9"},
        "The backup is of": {"engine": "oracle"},
        "format 7": {"format": 7},
        "outside of the backup": {"parts": {"../../etc/passwd": "0"}},
        "is missing": {"parts": said["parts"] | {"keys/none": "0"}},
        "SHA-256 differs": {"parts": dict.fromkeys(said["parts"], "0")},
        "is damaged": {"counts_of": 1},
    }
    texts = [json.dumps(said | change) for change in wrong.values()]
    sentences = [*wrong, "is damaged", "is no backup"]
    heard = database.done(
        "shell", "-v0", "-c", REFUSALS.format(manifest=str(manifest), texts=json.dumps([*texts, "{", None]))
    ).splitlines()
    assert len(heard) == len(sentences)
    for sentence, answer in zip(sentences, heard, strict=True):
        assert sentence in json.loads(answer)
    part.write_bytes(b"no database")
    manifest.write_text(json.dumps(said | {"parts": {part.name: sha256(b"no database").hexdigest()}}))
    database.refused("restore", str(folder), "--yes")
    channels, state, reason, _ = database.look()
    assert (channels, state, reason) == (["one"], "stopped", "")
    assert not list(database.data_dir.glob(".restore.*"))


@pytest.mark.untraced
def test_it_is_refused_while_headend_runs(database):
    folder = database.backup("--without-media")
    database.done("shell", "-v0", "-c", "from orchestration.core.heartbeats import beat; beat('worker')")
    assert "Headend runs on this database (worker)" in database.refused("restore", str(folder), "--yes")


@pytest.mark.untraced
def test_a_backup_that_cannot_be_written_says_so_and_leaves_nothing(sqlite, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot take a backup" in sqlite.refused("backup", "--to", str(tmp_path / "file" / "folder"))


@pytest.mark.untraced
@pytest.mark.postgres_only
def test_a_missing_pg_dump_is_named(postgresql, tmp_path):
    (tmp_path / "bin").mkdir()
    postgresql.environment["PATH"] = str(tmp_path / "bin")
    assert "pg_dump is not on the PATH" in postgresql.refused("backup")
    assert not list((postgresql.data_dir / "backups").glob("*"))
