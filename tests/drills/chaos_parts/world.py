"""The world of a drill: a data folder, a database, a broker, a sandbox, and Headend's processes, started as in service."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from channels.sandbox.seed import GITHUB_TOKEN
from tests.drills.chaos_parts import newer
from tests.drills.chaos_parts.namespace import HERE, Namespace
from tests.drills.chaos_parts.servers import Bouncer, Cluster, RabbitMQ, Relay

ROOT = Path(__file__).resolve().parents[3]
PARTS = Path(__file__).resolve().parent
RESTART_SECONDS = 2.0  # as RestartSec of the units
ROLL_SECONDS = 4.0
"""Between two parts that are taken over to a newer version: both versions are to publish."""


def free_port() -> int:
    """Return a free port outside the ephemeral range."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def call(url: str, value: Any = None, method: str | None = None) -> Any:
    """Call an address of ours with JSON; None where nobody answers."""
    body = None if value is None else json.dumps(value).encode()
    request = Request(url, body, {"Content-Type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"{}")
    except HTTPError as error:
        return {"status": error.code, "body": error.read().decode("utf-8", "replace")}
    except (URLError, OSError, ValueError):
        return None


@dataclass
class Options:
    """What was asked for on the command line."""

    engine: str
    broker: str
    channels: int
    github: int
    arm_seconds: int
    pgbouncer: bool = False
    own_cluster: bool = False
    web: int = 1
    workers: int = 1
    beats: int = 1
    far: bool = False


class World:
    """Everything that runs, and where it lies."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.folder = Path(tempfile.mkdtemp(prefix="headend-chaos-"))
        self.data = self.folder / "data"
        self.data.mkdir()
        self.on_tmpfs = self._mount()
        self.ledger, self.plan = self.folder / "ledger.jsonl", self.folder / "plan.jsonl"
        self.failpoints = self.folder / "failpoints"
        self.failpoints.mkdir()
        self.clock = self.folder / "clock"
        self.clock.write_text("0")
        self.sandbox_port, self.web_port, self.redis_port = free_port(), free_port(), free_port()
        self.database = f"headend_chaos_{os.getpid()}"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.restarts = 0
        self._wanted = False
        self._lock = threading.RLock()
        self._sandbox: subprocess.Popen[bytes] | None = None
        self._redis: subprocess.Popen[bytes] | None = None
        self._scene: subprocess.Popen[str] | None = None
        self.folder.chmod(0o755)  # the servers of our own run as another user
        self.namespace = Namespace(self.sandbox_port) if options.far else None
        self.listen = ["127.0.0.1", HERE] if options.far else ["127.0.0.1"]
        self.cluster = (
            Cluster(self.folder / "postgres", free_port(), ",".join(self.listen))
            if options.own_cluster
            else None
        )
        self.bouncer: Bouncer | None = None
        self.rabbitmq = RabbitMQ(f"headend-chaos-{os.getpid()}") if options.broker == "rabbitmq" else None
        self.web_ports = [self.web_port] if options.web == 1 else [free_port() for _ in range(options.web)]
        self._balancer: Relay | None = None
        self._newer: Path | None = None
        self._rolled: set[str] = set()

    # -- addresses ---------------------------------------------------------------------------------------------------

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def server(self) -> str:
        if self.cluster is not None:
            return self.cluster.url
        given = os.environ.get("DATABASE_URL_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432")
        parts = urlsplit(given)
        return f"{parts.scheme}://{parts.netloc}"

    def environment(self, *, drilled: bool = True) -> dict[str, str]:
        """Return what Headend's processes are told; `drilled` says whether clock and failpoints reach them."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADEND_")}
        for name in ("DATABASE_URL", "CELERY_BROKER_URL", "PYTHONPATH", "GITHUB_WEBHOOK_SECRET"):
            kept.pop(name, None)
        values = kept | {
            "HEADEND_DATA_DIR": str(self.data),
            "HEADEND_PYTHON": sys.executable,
            "HEADEND_PORT": str(self.web_port),
            "HEADEND_PUBLIC_URL": f"http://127.0.0.1:{self.web_port}",
            "HEADEND_SOURCE_NETWORKS": "127.0.0.0/8",
            "HEADEND_ARM_SECONDS": str(self.options.arm_seconds),
            "HEADEND_WATCH_SECONDS": "1",
            "HEADEND_RELEASES_PER_MINUTE": "6000",
            "GITHUB_API_URL": f"{self.sandbox}/github",
            "GITHUB_TOKEN": GITHUB_TOKEN,
            "GITHUB_OIDC_ISSUER": f"{self.sandbox}/oidc",
            "YOUTUBE_API_URL": f"{self.sandbox}/youtube",
            "GOOGLE_TOKEN_URL": f"{self.sandbox}/oauth/token",
        }
        if self.options.engine == "postgres":
            values["DATABASE_URL"] = f"{(self.bouncer or self).server}/{self.database}"
        if self.bouncer is not None:
            values["HEADEND_DATABASE_DIRECT_URL"] = f"{self.server}/{self.database}"
        if self.options.broker == "redis":
            values["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{self.redis_port}/0"
        if self.rabbitmq is not None:
            values["CELERY_BROKER_URL"] = self.rabbitmq.url
        if drilled:
            values |= {
                "HEADEND_FAILPOINTS": f"@{self.failpoints}",
                "HEADEND_DRILL_CLOCK": str(self.clock),
                "PYTHONPATH": str(PARTS / "clock"),
            }
        return values

    # -- life --------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start the sandbox, the broker and the database, and migrate."""
        count = ("--channels", str(self.options.channels), "--github", str(self.options.github))
        self._sandbox = self._spawn(
            "sandbox",
            [
                sys.executable,
                str(PARTS / "sandbox.py"),
                "--port",
                str(self.sandbox_port),
                "--ledger",
                str(self.ledger),
                *count,
            ],
            self.environment(drilled=False),
        )
        if self.namespace is not None:
            self.namespace.start()
        if self.options.broker == "redis":
            command = ["redis-server", "--port", str(self.redis_port), "--bind", *self.listen]
            command += ["--save", "", "--protected-mode", "no"]
            self._redis = self._spawn("redis", [*command, "--dir", str(self.folder)], dict(os.environ))
        if self.rabbitmq is not None:
            self.rabbitmq.start()
        if self.cluster is not None:
            self.cluster.start()
        if self.options.engine == "postgres":
            self._on_server(f'CREATE DATABASE "{self.database}"')
        if self.options.pgbouncer:
            self.bouncer = Bouncer(self.folder / "pgbouncer", free_port(), self.server, ",".join(self.listen))
            self.bouncer.start()
        if self.options.web > 1:
            places = [("127.0.0.1", port) for port in self.web_ports]
            self._balancer = Relay(("127.0.0.1", self.web_port), places)
        until(lambda: call(f"{self.sandbox}/sandbox/clock"), 30, "the sandbox answers")
        self._manage("migrate", "--noinput", "-v", "0")
        self._manage("collectstatic", "--noinput", "-v", "0")
        if (
            self.namespace is not None
        ):  # the other machine: keys of its own that are the same, and one shared media folder
            (self.folder / "far").mkdir()
            (self.data / "media").mkdir(exist_ok=True)
            shutil.copytree(self.data / "keys", self.folder / "far/keys")
            (self.folder / "far/media").symlink_to(self.data / "media")

    def start(self) -> None:
        """Start Headend's processes, and start again what dies."""
        with self._lock:
            self._wanted = True
            for name in self.names():
                self._start(name)
        threading.Thread(target=self._look_after, daemon=True).start()
        until(self.is_ready, 90, "Headend is ready")

    def names(self) -> tuple[str, ...]:
        """Return what is started: `manage.py up`, or the four processes of way B."""
        if self.options.broker == "embedded":
            return ("up",)
        counts = {"web": self.options.web, "control": self.options.workers, "work": self.options.workers}
        counts["beat"] = self.options.beats
        if self.options.far:
            counts |= {"work": 0, "far-control": 1, "far-work": self.options.workers}
        return tuple(f"{name}-{n}" for name, count in counts.items() for n in range(count))

    def is_ready(self) -> bool:
        answer = call(f"http://127.0.0.1:{self.web_port}/readyz")
        return bool(answer) and answer.get("ready") is True

    def stop(self, *, killing: bool = True) -> None:
        """Stop Headend's processes; `killing` says whether also those that outlive who had started them."""
        with self._lock:
            self._wanted = False
            running = list(self.running.values())
            family = [pid for process in running for pid in descendants(process.pid)]
            for process in running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGCONT)
                    process.terminate()
            for process in running:
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            for pid in family if killing else []:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.running.clear()

    def end(self, *, keep: bool = False) -> None:
        """Stop everything and leave nothing behind, but for ledger and logs where they are to be kept."""
        self.stop()
        for pid in self.left_behind():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._balancer is not None:
            self._balancer.stop()
        for process in (self._scene, self._sandbox, self._redis):
            if process is not None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
        if self.options.engine == "postgres":
            with contextlib.suppress(Exception):
                self._on_server(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')
        for server in (self.bouncer, self.cluster, self.rabbitmq, self.namespace):
            if server is not None:
                server.stop()
        if keep and (self.data / "logs").exists():
            shutil.copytree(self.data / "logs", self.folder / "logs", dirs_exist_ok=True)
        if self.on_tmpfs:
            subprocess.run(["umount", "-l", str(self.data)], check=False)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, name: str) -> None:
        environment = self.environment()
        part, _, number = name.removeprefix("far-").partition("-")
        command = [str(self._home(name) / "deploy/run"), part]
        if name == "up":
            command = [sys.executable, "manage.py", "up", "--port", str(self.web_port)]
        elif part == "web":
            environment["HEADEND_PORT"] = str(self.web_ports[int(number)])
        if name.startswith("far-") and self.namespace is not None:
            command = self.namespace.within(command)
            for each in ("DATABASE_URL", "HEADEND_DATABASE_DIRECT_URL", "CELERY_BROKER_URL"):
                if each in environment:
                    environment[each] = environment[each].replace("127.0.0.1", HERE)
            environment["HEADEND_DATA_DIR"] = str(self.folder / "far")
        self.running[name] = self._spawn(name, command, environment, self._home(name))

    def _home(self, name: str) -> Path:
        return self._newer if self._newer is not None and name in self._rolled else ROOT

    def roll(self, say: Callable[[str], None]) -> None:
        """Upgrade the database while everything runs, and take one part after the other over to the newer version."""
        self._newer = newer.make(self.folder / "newer")
        told = subprocess.run(
            [sys.executable, "manage.py", "upgrade", "--without-backup"],
            cwd=self._newer, env=self.environment(drilled=False), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if told.returncode:
            raise RuntimeError(f"it was not upgraded: {told.stderr[-500:]}")
        say(f"{told.stdout.strip().splitlines()[-1]} The parts of the former version run on.")
        for name in self.names():
            with self._lock:
                process = self.running[name]
                self._rolled.add(name)
                process.terminate()
            process.wait(90)
            until(lambda name=name, was=process: self._is_back(name, was), 60, f"{name} is back")
            say(f"{name} is of the newer version")
            time.sleep(ROLL_SECONDS)

    def _is_back(self, name: str, was: subprocess.Popen[bytes]) -> bool:
        with self._lock:
            return self.running[name] is not was and self.running[name].poll() is None

    def _look_after(self) -> None:
        while self._wanted:
            time.sleep(0.5)
            with self._lock:
                ended = [name for name, process in self.running.items() if process.poll() is not None]
            if not ended:
                continue
            time.sleep(RESTART_SECONDS)
            with self._lock:
                for name in ended:
                    if self._wanted and self.running[name].poll() is not None:
                        self.restarts += 1
                        self._start(name)

    def _spawn(
        self, name: str, command: list[str], environment: dict[str, str], home: Path = ROOT
    ) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    # -- asking ------------------------------------------------------------------------------------------------------

    def order(self, do: str, **values: Any) -> dict[str, Any]:
        """Have the scene do something, and return what it says; it is started when it is needed."""
        for _ in range(3):
            if self._scene is None or self._scene.poll() is not None:
                with (self.folder / "scene.log").open("a") as log:
                    self._scene = subprocess.Popen(
                        [sys.executable, str(PARTS / "scene.py")], cwd=ROOT, text=True,
                        env=self.environment(drilled=False), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=log, start_new_session=True,
                    )  # fmt: skip
            try:
                self._scene.stdin.write(json.dumps({"do": do, **values}) + "\n")
                self._scene.stdin.flush()
                while line := self._scene.stdout.readline():
                    if line.startswith("> "):
                        return json.loads(line[2:])
            except (OSError, ValueError):
                pass
            self._scene.kill()
            self._scene = None
        return {"error": "the scene does not answer; see scene.log"}

    def forget_scene(self) -> None:
        """End the scene's process, before its database is replaced."""
        if self._scene is not None:
            self._scene.kill()
            self._scene.wait()
            self._scene = None

    def victims(self) -> list[tuple[str, int]]:
        """Return every process of Headend with the name under which it was started."""
        with self._lock:
            running = list(self.running.items())
        return [
            (part_of(pid) or name, pid)
            for name, process in running
            for pid in [process.pid, *descendants(process.pid)]
            if not is_helper(pid)
        ]

    def left_behind(self) -> list[int]:
        """Return Headend's processes that outlived those which had started them; ask when all are stopped."""
        mark = f"HEADEND_DRILL_CLOCK={self.clock}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    # -- database and broker -------------------------------------------------------------------------------------------

    def _manage(self, *words: str) -> None:
        environment = self.environment(drilled=False)
        subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=environment, check=True)

    def _on_server(self, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
        import psycopg

        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def cut_database(self, share: float) -> int:
        """End some of the database's sessions; returns how many."""
        found = self._on_server(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s AND random() < %s",
            (self.database, share),
        )
        return found[0][0]

    def hold_database(self, seconds: float) -> None:
        """Hold SQLite's write lock from outside."""
        with contextlib.suppress(sqlite3.Error):
            connection = sqlite3.connect(self.data / "headend.sqlite3", timeout=10, isolation_level=None)
            try:
                connection.execute("BEGIN IMMEDIATE")
                time.sleep(seconds)
                connection.execute("ROLLBACK")
            finally:
                connection.close()

    def flush_broker(self) -> None:
        """Lose every message."""
        if self.rabbitmq is not None:
            self.rabbitmq.flush()
            return
        if self.options.broker == "redis":
            where = ["-p", str(self.redis_port)]
        else:
            from config.broker import socket_path

            where = ["-s", str(socket_path(self.data))]
        subprocess.run(["redis-cli", *where, "FLUSHALL"], check=False, capture_output=True, timeout=20)

    def back_up(self) -> Path:
        """Copy the database as docs/backup.md says, while everything runs."""
        target = self.folder / "backup"
        if self.options.engine == "postgres":
            subprocess.run(
                ["pg_dump", "--format=custom", f"--file={target}", f"{self.server}/{self.database}"],
                check=True,
            )
        else:
            target.unlink(missing_ok=True)
            with contextlib.closing(sqlite3.connect(self.data / "headend.sqlite3", timeout=60)) as connection:
                connection.execute(f"VACUUM INTO '{target}'")
        return target

    def put_back(self, backup: Path) -> None:
        """Put the copied database in the place of the other; everything must be stopped."""
        self.forget_scene()
        if self.options.engine == "postgres":
            self._on_server(f'DROP DATABASE "{self.database}" WITH (FORCE)')
            self._on_server(f'CREATE DATABASE "{self.database}"')
            subprocess.run(
                ["pg_restore", f"--dbname={self.server}/{self.database}", "--no-owner", str(backup)],
                check=True,
            )
        else:
            for end in ("-wal", "-shm"):
                (self.data / f"headend.sqlite3{end}").unlink(missing_ok=True)
            shutil.copy(backup, self.data / "headend.sqlite3")
        if self.options.broker != "embedded":
            self.flush_broker()

    # -- disk --------------------------------------------------------------------------------------------------------

    def _mount(self) -> bool:
        """Put the data folder on a disk of its own in memory, so that it can be full; False where that is not allowed."""
        if os.getuid() != 0:
            return False
        size = "size=2g"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "headend-chaos", str(self.data)],
            check=False,
            capture_output=True,
        )
        return done.returncode == 0

    def fill_disk(self, seconds: float) -> None:
        """Let the disk have no byte left for a while."""
        used = shutil.disk_usage(self.data).used
        self._resize(f"{used // 1024}k")
        time.sleep(seconds)
        self._resize("2g")

    def _resize(self, size: str) -> None:
        subprocess.run(
            ["mount", "-o", f"remount,size={size}", str(self.data)], check=False, capture_output=True
        )


def descendants(pid: int) -> list[int]:
    """Return the processes that descend from one, as the kernel tells it now."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def is_helper(pid: int) -> bool:
    """Return whether a process is the one that lets another go on after a failpoint; killing it would stop that for ever."""
    try:
        return b"SIGCONT" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def part_of(pid: int) -> str:
    """Return which part of Headend a process is, by its name or command line; empty, if neither tells."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
    if name.startswith("headend-"):  # a fork of `up`, whose command line it has
        return name.removeprefix("headend-")
    parts = ("granian", "queues\0control", "queues\0work", "beat", "redis-server", "valkey", "sweeper")
    found = next((part for part in parts if part in words), "")
    return {"granian": "web", "redis-server": "broker", "valkey": "broker"}.get(
        found, found.rpartition("\0")[2]
    )


def until(condition: Any, seconds: float, what: str) -> Any:
    """Wait for something. Raises: TimeoutError, saying for what."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.3)
    raise TimeoutError(f"waited {seconds:.0f} s in vain until {what}")
