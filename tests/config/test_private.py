"""What an installation keeps is its owner's business, whatever the umask of the shell that started it."""

import logging
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config import private
from config.env import BASE_DIR


@pytest.fixture(autouse=True)
def open_handed():
    """The umask of a careless shell."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_made_is_its_owners_alone(tmp_path):
    assert mode(private.folder(tmp_path / "a" / "b")) == 0o700
    assert mode(private.file(tmp_path / "x")) == 0o600


def test_what_was_there_is_closed_to_others_and_kept_for_its_group(tmp_path):
    (tmp_path / "data").mkdir(mode=0o775)
    (tmp_path / "db").touch(mode=0o664)
    assert mode(private.folder(tmp_path / "data")) == 0o770
    assert mode(private.file(tmp_path / "db")) == 0o660


def test_a_log_is_its_owners_alone(tmp_path):
    handler = private.PrivateFileHandler(tmp_path / "x.log", delay=True)
    handler.emit(logging.makeLogRecord({"msg": "hello"}))
    handler.close()
    assert mode(tmp_path / "x.log") == 0o600


def test_the_files_beside_a_database_are_as_closed_as_it(tmp_path):
    connection = sqlite3.connect(private.file(tmp_path / "db"))
    connection.execute("pragma journal_mode=wal")
    connection.execute("create table t (a)")
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}
    connection.close()


def test_a_command_leaves_nothing_that_others_can_read(tmp_path):
    data = tmp_path / "data"
    environment = {**os.environ, "HEADEND_DATA_DIR": str(data), "HEADEND_LOG_FILE": "yes"}
    environment.pop("DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-c", "import django; django.setup(); import logging; logging.warning('x')"],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = [data, *data.rglob("*")]
    assert {path.relative_to(data).as_posix() for path in made} >= {
        "logs/headend.log",
        "static",
        "headend.sqlite3",
    }
    assert [(path, oct(mode(path))) for path in made if mode(path) & 0o077] == []
