"""Servers of a drill's own: a PostgreSQL that may be restarted, PgBouncer before it, a broker, a balancer of requests."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

BOUNCER = """\
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = {listen}
listen_port = {own_port}
auth_type = any
pool_mode = transaction
max_client_conn = 1000
default_pool_size = 20
server_reset_query =
server_login_retry = 1
query_wait_timeout = 20
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
"""


def as_postgres(command: Sequence[str]) -> list[str]:
    """Return a command as who is not root: neither PostgreSQL nor PgBouncer runs as that."""
    if os.getuid() != 0:
        return list(command)
    return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", *command]


def _owned(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    return folder


class Cluster:
    """A PostgreSQL server with a data folder of its own, so that it may be restarted without harm to others."""

    def __init__(self, folder: Path, port: int, listen: str = "127.0.0.1") -> None:
        self.folder, self.port, self.listen = folder, port, listen
        self.restarts = 0
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
        self.bin = found[-1] if found else Path(shutil.which("initdb") or "/usr/bin/initdb").parent

    @property
    def url(self) -> str:
        return f"postgres://headend@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Make the cluster and start it."""
        _owned(self.folder)
        where = ["-D", str(self.folder)]
        self._run("initdb", *where, "-U", "headend", "-A", "trust", "-E", "UTF8", "--locale", "C")
        with (self.folder / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 0.0.0.0/0 trust\n")  # the other namespace; nothing else leads here
        settings = f"-p {self.port} -k {self.folder} -c listen_addresses={self.listen} -c fsync=off -c max_connections=200"
        self._run("pg_ctl", *where, "-w", "-l", str(self.folder / "log"), "-o", settings, "start")

    def restart(self, mode: str) -> None:
        """Restart it under load: `fast` ends sessions in order, `immediate` is a crash that is recovered from."""
        self._run(
            "pg_ctl", "-D", str(self.folder), "-w", "-m", mode, "-l", str(self.folder / "log"), "restart"
        )
        self.restarts += 1

    def stop(self) -> None:
        """Stop it for good."""
        with contextlib.suppress(subprocess.SubprocessError):
            self._run("pg_ctl", "-D", str(self.folder), "-w", "-m", "immediate", "stop")

    def _run(self, name: str, *words: str) -> None:
        # What it starts inherits neither a pipe of ours nor our folder.
        subprocess.run(
            as_postgres([str(self.bin / name), *words]), cwd="/", check=True, timeout=120,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


class Bouncer:
    """PgBouncer in transaction mode before a server: a session of a client is none of the server's."""

    def __init__(self, folder: Path, port: int, server: str, listen: str = "127.0.0.1") -> None:
        self.folder, self.port = _owned(folder), port
        parts = urlsplit(server)
        text = BOUNCER.format(
            host=parts.hostname, port=parts.port or 5432, user=parts.username or "postgres",
            listen=listen, own_port=port, folder=folder,
        )  # fmt: skip
        self.file = folder / "pgbouncer.ini"
        self.file.write_text(text)
        self.file.chmod(0o644)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def server(self) -> str:
        return f"postgres://headend@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        (self.folder / "pgbouncer.pid").unlink(missing_ok=True)
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        self._process = subprocess.Popen(
            as_postgres([program, "-q", str(self.file)]), cwd="/", start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(100):
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", self.port)):
                    return
            time.sleep(0.1)
        raise TimeoutError("PgBouncer does not listen; see pgbouncer.log")

    def restart(self) -> None:
        """Kill it and start it again: every client and every server loses its connection."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class RabbitMQ:
    """A virtual host of the machine's RabbitMQ, which belongs to this drill alone."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:5672/{self.name}"

    def start(self) -> None:
        """Make the virtual host."""
        self._control("add_vhost", self.name)
        self._control("set_permissions", "-p", self.name, "guest", ".*", ".*", ".*")

    def flush(self) -> None:
        """Lose every message that waits."""
        from kombu import Connection

        with Connection(self.url, connect_timeout=5) as connection:
            for queue in ("control", "work", "celery"):
                with contextlib.suppress(Exception):
                    connection.channel().queue_purge(queue)

    def cut(self) -> None:
        """Close every connection to it."""
        self._control("close_all_connections", "--vhost", self.name, "drill")

    def stop(self) -> None:
        """Take the virtual host away."""
        with contextlib.suppress(subprocess.SubprocessError):
            self._control("delete_vhost", self.name)

    def _control(self, *words: str) -> None:
        subprocess.run(
            ["rabbitmqctl", "-q", *words],
            check=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )


class Relay:
    """Hand connections on, in turn to those of several places that answer: a balancer of web servers, or a bridge."""

    def __init__(self, listen: tuple[str, int], places: Sequence[tuple[str, int]]) -> None:
        self._places = itertools.cycle(places)
        self._tries = len(places)
        self._server = socket.create_server(listen, backlog=200)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            for _ in range(self._tries):
                try:
                    place = socket.create_connection(next(self._places), timeout=5)
                except OSError:
                    continue
                place.settimeout(None)
                with place:
                    self._pump(client, place)
                return

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        reading, to = [one, other], {one: other, other: one}
        while reading:
            for ready in select.select(reading, [], [])[0]:
                try:
                    block = ready.recv(65536)
                    if block:
                        to[ready].sendall(block)
                        continue
                    to[ready].shutdown(socket.SHUT_WR)
                except OSError:
                    return
                reading.remove(ready)

    def stop(self) -> None:
        """Take no more connections."""
        self._server.close()
