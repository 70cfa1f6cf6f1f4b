"""Start everything: broker, web, workers, beat and, with --demo, the sandbox."""

import os
import shlex
import shutil
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseFailure
from django.db import connection, connections

from channels.models import Channel
from channels.states import Executor
from config import broker, env, upgrading
from config.supervisor import embedded_broker, first_user, forks, installation, plan, readiness
from config.supervisor.embedded_broker import ServerProgram
from config.supervisor.errors import CannotStart
from config.supervisor.lock import DataFolderLock
from config.supervisor.processes import Child
from config.supervisor.supervisor import Supervisor
from orchestration.media import MediaError, ffmpeg_tool

BROKER_PATIENCE_SECONDS = 10.0
REMIND_SECONDS = 20.0
ASK_SECONDS = 0.25


class Command(BaseCommand):
    """Run a whole installation until Ctrl-C."""

    help = (
        "Start everything: broker, web server, workers, beat and, with --demo, the sandbox. Ctrl-C stops it."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take where to listen, and whether this is a demo."""
        parser.add_argument(
            "--demo", action="store_true", help="bring a sandbox and six channels that live in it"
        )
        parser.add_argument("--like", default="", help="with --demo: a file from manage.py rehearse")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument(
            "--port", type=_port, default=8000, help="port to listen on (default: %(default)s)"
        )

    def handle(self, *, demo: bool, host: str, port: int, like: str = "", **_: Any) -> None:
        """Check, prepare, start, wait until ready, say how to log in, and look after it until told to stop."""
        os.umask(0o077)  # what an installation keeps is its owner's business
        # A stop during the preparation ends the command at once: nothing has been started yet.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with DataFolderLock(settings.HEADEND_DATA_DIR):
                self._run(demo=demo, host=host, port=port, like=like)
        except (CannotStart, MediaError) as error:
            raise CommandError(str(error)) from error
        except DatabaseFailure as error:
            fact = str(error).strip().partition("\n")[0]
            raise CommandError(f"The database cannot be used: {fact}.") from error
        except OSError as error:
            where = error.filename or settings.HEADEND_DATA_DIR
            raise CommandError(f"{where} cannot be used: {error.strerror or error}.") from error
        except KeyboardInterrupt:
            self.say("Stopped before it had started.")

    def say(self, line: str = "") -> None:
        """Write a line to the console at once; a console that is gone, or on a full disk, ends nothing."""
        with suppress(OSError):
            self.stdout.write(line)
            self.stdout.flush()

    def _run(self, *, demo: bool, host: str, port: int, like: str) -> None:
        data_dir: Path = settings.HEADEND_DATA_DIR
        tool = ffmpeg_tool(settings.HEADEND_FFMPEG or None)
        server = self._prepare_installation(data_dir, demo=demo, host=host, port=port)
        if forks.CAN_FORK and not plan.is_begun_anew():
            plan.begin_anew(data_dir, host)
        self.say(f"Headend on {data_dir}")
        self.say(f"  Python    {sys.version.split()[0]}")
        self.say(f"  ffmpeg    {tool.version} ({tool.origin}: {tool.path})")
        self.say(f"  Broker    {_described(server)}")
        self._prepare_database(demo=demo)
        password = first_user.make_first_user()
        # Of a real installation nobody ever sees it: its first user chooses one behind a link that opens once.
        link = first_user.make_link() if password and not demo else ""
        connections.close_all()  # the children open their own
        if forks.CAN_FORK:
            forks.load()
        values = env.installation()
        children = plan.children(
            data_dir,
            values,
            host=host,
            port=port,
            server=server,
            work_concurrency=settings.HEADEND_WORK_CONCURRENCY,
        )
        supervisor = Supervisor(data_dir, children, self.say)
        supervisor.heed_signals()
        began_at = monotonic()
        try:
            self._start(supervisor, data_dir, server)
            if self._wait_until_ready(supervisor, host, port, began_at):
                self._greet(host, port, password, link)
                password = None
                if demo:
                    self._prepare_demo(supervisor, data_dir, host, like)
                supervisor.run()
        finally:
            if password:
                how = f"its password is chosen at {link}" if link else f"the password {password}"
                self.say(f"The first user is {first_user.FIRST_USER}, {how}")
            self.say("Stopping ...")
            supervisor.stop_all()
            self.say("Stopped. Start again with the same command; it continues where it was.")

    def _prepare_installation(
        self, data_dir: Path, *, demo: bool, host: str, port: int
    ) -> ServerProgram | None:
        kept = env.installation()
        installation.refuse_mixing(kept, demo=demo, has_rows=_has_users(), data_dir=data_dir)
        if fault := installation.why_not_free(installation.listening_address(host), port):
            raise CannotStart(f"Port {port} on {host} cannot be used: {fault}")
        server = embedded_broker.find_server() if broker.is_embedded() else None
        brings_server = server is not None or not broker.is_embedded()
        values = installation.settle(kept, demo=demo, host=host, port=port, brings_server=brings_server)
        installation.write(data_dir, values)
        return server

    def _prepare_database(self, *, demo: bool) -> None:
        kind = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[connection.vendor]
        self.say(f"  Database  {kind}")
        self._upgrade()
        staged_at_github = Channel.objects.filter(executor=Executor.GITHUB).enabled()
        if not demo and not settings.HEADEND_PUBLIC_URL and staged_at_github.exists():
            self.say(
                "  Note      HEADEND_PUBLIC_URL is not set: GitHub's runs fetch originals from their sources, "
                "which fails where those are pages"
            )
        if settings.PRODUCTION:
            call_command("collectstatic", interactive=False, verbosity=0)

    def _upgrade(self) -> None:
        """Make the tables, or bring a former version's to this one; a backup comes first, where there is a tool for it."""
        can_back_up = connection.vendor == "sqlite" or shutil.which("pg_dump") is not None
        try:
            done = upgrading.upgrade(backup=can_back_up, say=lambda _: None)
        except upgrading.UpgradeRefused as error:
            raise CannotStart(str(error)) from error
        if done.backup:
            self.say(f"  Upgraded  {len(done.steps)} migration(s); what was before is in {done.backup}")

    def _start(self, supervisor: Supervisor, data_dir: Path, server: ServerProgram | None) -> None:
        if server is not None:
            url, _ = broker.settings_for(None, data_dir)
            embedded_broker.prepare_folders(data_dir)
            self._start_broker(supervisor, data_dir, url)
            if given_back := embedded_broker.give_back_unacknowledged(url):
                self.say(f"  {given_back} message(s) of the last run were given back to the workers")
        supervisor.start_all()
        self.say(f"  Starting  {', '.join(supervisor.children)}")

    def _start_broker(self, supervisor: Supervisor, data_dir: Path, url: str) -> None:
        child = supervisor.children[plan.BROKER]
        for attempt in (1, 2):
            supervisor.start(plan.BROKER)
            deadline = monotonic() + BROKER_PATIENCE_SECONDS
            while monotonic() < deadline and not supervisor.wait(0.02):
                if embedded_broker.answers(url):
                    return
                if child.process is not None and child.process.poll() is not None:
                    break
            if supervisor.stopping:
                return
            child.kill()
            aside = embedded_broker.set_aside(data_dir) if attempt == 1 else None
            if aside is None:
                break
            self.say(
                f"  The broker could not read its files; they are now in {aside}, and it starts without them"
            )
        raise CannotStart(f"The broker does not start; see {child.log_path}.")

    def _wait_until_ready(self, supervisor: Supervisor, host: str, port: int, began_at: float) -> bool:
        host_header = _host_header(host)
        address = "127.0.0.1" if host in ("", "0.0.0.0") else "::1" if host == "::" else host  # noqa: S104
        remind_at = began_at + REMIND_SECONDS
        answer = readiness.Readiness(False)
        ask_at = 0.0
        while not supervisor.wait(0.05):
            supervisor.look_after()
            if monotonic() < ask_at:
                continue
            answer = readiness.ask(address, port, host_header)
            if answer.ready:
                self.say(f"Ready after {monotonic() - began_at:.1f} s.")
                return True
            ask_at = monotonic() + ASK_SECONDS
            if monotonic() >= remind_at:
                self.say(
                    f"Not ready yet: {'; '.join(answer.faults)}. The logs are in {env.data_dir() / 'logs'}"
                )
                remind_at = monotonic() + REMIND_SECONDS
        return False

    def _greet(self, host: str, port: int, password: str | None, link: str) -> None:
        url = settings.HEADEND_PUBLIC_URL if settings.PRODUCTION else None
        url = url or installation.local_url(host, port)
        another = f"{_manage()} changepassword "
        self.say()
        self.say(f"  Open      {url}/")
        if link:
            self.say(f"  Set up    {url}{link}")
            self.say(
                f"            chooses the password of {first_user.FIRST_USER}; opens once, within a day. Later:"
            )
            self.say(f"            {another}{first_user.FIRST_USER}")
            self.say(f"            then {url}/set-up/ leads to the first film")
        elif password:
            self.say(f"  Log in    {first_user.FIRST_USER}")
            self.say(f"  Password  {password}")
            self.say("            made for this installation and shown only now; to set another one:")
            self.say(f"            {another}{first_user.FIRST_USER}")
        else:
            self.say("  Log in    as before; to set another password (NAME is the user's):")
            self.say(f"            {another}NAME")
        self.say(f"  API       {url}/api/docs")
        self.say(f"  Logs      {env.data_dir() / 'logs'}")
        self.say("  Stop      Ctrl-C")
        self.say()

    def _prepare_demo(self, supervisor: Supervisor, data_dir: Path, host: str, like: str) -> None:
        log_path = data_dir / "logs" / "demo.log"
        command = [sys.executable, "manage.py", "demo", *(["--like", like] if like else [])]
        demo = Child("demo", command, log_path, plan.environment_for(data_dir, host), env.BASE_DIR)
        self.say("Preparing the demo ...")
        size = log_path.stat().st_size if log_path.exists() else 0
        ending = supervisor.run_once(demo)
        if ending is None:
            return  # told to stop meanwhile
        with log_path.open(encoding="utf-8", errors="replace") as log:
            log.seek(size)
            for line in log:
                self.say(f"  {line.rstrip()}")
        if ending != "ended with exit code 0":
            self.say(f"The demo could not be prepared ({ending}); see {log_path}")


def _port(text: str) -> int:
    """Return a port's number. Raises: ArgumentTypeError, which argparse shows."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise ArgumentTypeError(f"{text} is not a port: a whole number from 1 to 65535")
    return int(text)


def _manage() -> str:
    """Return how to call manage.py, or `headend`, for this very installation from another shell."""
    folder = os.environ.get("HEADEND_DATA_DIR", "").strip()
    setting = f"HEADEND_DATA_DIR={shlex.quote(str(settings.HEADEND_DATA_DIR))} " if folder else ""
    called = Path(sys.argv[0])
    command = str(called) if called.name != "manage.py" else f"{shlex.quote(sys.executable)} manage.py"
    return f"{setting}{command}"


def _described(server: ServerProgram | None) -> str:
    """Return what carries the messages, in words."""
    if not broker.is_embedded():
        return "the one that CELERY_BROKER_URL names"
    if server is None:
        return "files in the data folder, for no Redis-type server was found (slower)"
    return str(server)


def _has_users() -> bool:
    """Return whether someone works with this database already."""
    with connection.cursor() as cursor:
        if "auth_user" not in connection.introspection.table_names(cursor):
            return False
        cursor.execute("SELECT 1 FROM auth_user LIMIT 1")
        return cursor.fetchone() is not None


def _host_header(host: str) -> str:
    """Return a name that ALLOWED_HOSTS admits."""
    if not settings.PRODUCTION:
        return "localhost"
    name = settings.ALLOWED_HOSTS[0]
    return "localhost" if name == "*" else name.lstrip(".")
