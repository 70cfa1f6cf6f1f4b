"""List the processes of an installation, in the order in which they start."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from config.env import BASE_DIR, GIVEN_BY_UP
from config.supervisor import embedded_broker, installation
from config.supervisor.embedded_broker import ServerProgram
from config.supervisor.processes import Child

WEB_THREADS = 32
# Ticks, and the short calls that publish: a wave's calls go out side by side, and a tick finds a free thread.
CONTROL_THREADS = 10
# Chatter between workers that nobody listens to here: one host, and heartbeats of our own in the database.
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")

BEGUN_ANEW = "HEADEND_UP_PROCESS"
"""Names the process that `manage.py up` is, once it has begun anew with the environment of its children."""

BROKER, SANDBOX, WEB, CONTROL, WORK, BEAT = "broker", "sandbox", "web", "control", "work", "beat"
# Who may start new work goes first, who carries messages last.
STOP_ORDER: tuple[tuple[tuple[str, ...], float], ...] = (
    ((BEAT, WEB), 2.0),
    ((CONTROL, WORK), 4.0),
    ((SANDBOX, BROKER), 2.0),
)


def children(
    data_dir: Path,
    values: Mapping[str, str],
    *,
    host: str,
    port: int,
    server: ServerProgram | None,
    work_concurrency: int,
) -> list[Child]:
    """Return the processes to run: broker, sandbox (in a demo), web, two workers, beat.

    Two workers, so that a tick never waits behind ffmpeg: `control` runs threads, for its tasks are short and talk
    to the database; `work` runs processes, so that a job that crashes or leaks takes no other one with it.
    """
    commands: dict[str, list[str]] = {}
    if server is not None:
        commands[BROKER] = embedded_broker.command(server, data_dir)
    if sandbox_port := values.get(installation.SANDBOX_PORT):
        sandbox = ("--port", sandbox_port, "--data", str(data_dir / "sandbox"), "--seed", "demo")
        commands[SANDBOX] = python("channels.sandbox", *sandbox)
    commands[WEB] = web(installation.listening_address(host), port)
    commands[CONTROL] = worker("control", "--pool", "threads", "--concurrency", str(CONTROL_THREADS))
    commands[WORK] = worker("work", "--pool", "prefork", "--concurrency", str(work_concurrency))
    commands[BEAT] = python("celery", "--app", "config", "beat")
    environment = environment_for(data_dir, host)
    shared = (WEB, CONTROL, WORK, BEAT) if is_begun_anew() else ()
    return [
        Child(name, command, data_dir / "logs" / f"{name}.log", environment, BASE_DIR, shares=name in shared)
        for name, command in commands.items()
    ]


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module with this very Python."""
    return [sys.executable, "-m", module, *arguments]


def web(address: str, port: int) -> list[str]:
    """Return the command of the web server, which listens at an IP address; see docs/decisions/0002-web-server.md."""
    return python(
        "granian",
        *("--interface", "wsgi", "--no-ws", "--workers", "1", "--blocking-threads", str(WEB_THREADS)),
        *("--host", address, "--port", str(port), "--workers-kill-timeout", "2", "--log-level", "warning"),
        *("--respawn-failed-workers", "--respawn-interval", "0.5"),
        "config.wsgi:application",
    )


def worker(queue: str, *pool: str) -> list[str]:
    """Return the command of the worker of one queue."""
    name = f"{queue}@headend"
    return python("celery", "--app", "config", "worker", "--queues", queue, "--hostname", name, *pool, *QUIET)


def is_begun_anew() -> bool:
    """Return whether this process has the environment, and with it the settings, of its children: it may be forked."""
    return os.environ.get(BEGUN_ANEW) == str(os.getpid())


def begin_anew(data_dir: Path, host: str) -> NoReturn:
    """Become a new interpreter with the same command line, and with the environment of the children.

    Settings are read once, by the environment that a process began with; so does the C library read its own.
    """
    environment = environment_for(data_dir, host) | {BEGUN_ANEW: str(os.getpid())}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - no shell


def environment_for(data_dir: Path, host: str) -> dict[str, str]:
    """Return the environment of the children: ours, with what they must agree on spelled out."""
    if is_begun_anew():
        return dict(os.environ)
    environment = {**os.environ, "HEADEND_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    environment.setdefault(
        "MALLOC_ARENA_MAX", "2"
    )  # glibc else keeps an arena of freed memory for many threads
    environment["CELERY_SKIP_CHECKS"] = "yes"  # a worker would load every page and form to check them
    given = [] if os.environ.get("HEADEND_DATA_DIR") else ["HEADEND_DATA_DIR"]
    if environment.get("HEADEND_ENV") != "production" and not environment.get("ALLOWED_HOSTS"):
        environment["ALLOWED_HOSTS"] = ",".join(installation.allowed_hosts(host))
        given.append("ALLOWED_HOSTS")
    environment[GIVEN_BY_UP] = ",".join(given)
    return environment
