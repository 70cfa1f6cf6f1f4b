"""Give every test run a data folder of its own, and keep it off the network."""

import ipaddress
import os
import shutil
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coverage
import django
import django.conf
import hypothesis
import pytest

# Before Django reads its settings: nothing of the developer's installation or shell may reach a test.
# DATABASE_URL alone is taken over; it says on which database the tests run.
DATA_DIR = Path(tempfile.mkdtemp(prefix="headend-tests-"))
OURS = ("HEADEND_", "GITHUB_", "GOOGLE_", "YOUTUBE_", "SECRET_KEY", "ALLOWED_HOSTS")
for _name in list(os.environ):
    if _name.startswith(OURS) and not _name.startswith("HEADEND_TEST_"):
        del os.environ[_name]
os.environ["HEADEND_DATA_DIR"] = str(DATA_DIR)
os.environ["HEADEND_LOG_FILE"] = "no"
os.environ["CELERY_BROKER_URL"] = "memory://"
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

# pytest-django would set Django up before this file is read, if the settings module were named in pyproject.toml.
django.setup()

# Tests survive no power cut, so they need not wait for the disk.
_options = django.conf.settings.DATABASES["default"].get("OPTIONS", {})
if "init_command" in _options:
    _options["init_command"] = _options["init_command"].replace("synchronous=FULL", "synchronous=OFF")
else:
    _options["options"] = f"{_options.get('options', '')} -c synchronous_commit=off".strip()

# How long an example takes says how busy the machine is. And the same examples every time: what a change has broken is
# what fails. To look for others: `pytest --hypothesis-profile=default`.
hypothesis.settings.register_profile(
    "headend", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("headend")

pytest_plugins = [
    *(
        "tests.sandbox_fixture",
        "tests.media_fixture",
        "tests.engine_room",
        "tests.invariants",
        "tests.receiver",
        "tests.browsing",
    ),
]


WRITTEN_BY_MIGRATING = {"django_content_type", "auth_permission"}


class OutsideNetwork(AssertionError):
    """A test tried to reach another machine."""


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the data folder of this run."""
    shutil.rmtree(DATA_DIR, ignore_errors=True)


# What gives a test a database: pytest-django's fixtures, and that of the tests that start a whole installation. A mark
# by rule, not by hand, so that it cannot be forgotten.
# Without one of these, or the mark, pytest-django refuses every query: so a test that is not marked cannot depend on it.
GIVES_A_DATABASE = {"db", "transactional_db", "live_server", "database"}


# These walk every address, verb, command or problem through a door and compare what it says; what a rule does on either
# database is tried at the service. They, and what drives a browser, run on SQLite alone: they were a third of all that was
# repeated.
SAID_THE_SAME = (
    "tests/config/test_admin_cadences.py",
    "tests/config/test_default_deny.py",
    "tests/config/test_up.py::test_a_disk_",
    "tests/config/test_up.py::test_a_port_",
    "tests/config/test_up.py::test_an_",
    "tests/config/test_up.py::test_without_any_server_",
    "tests/dashboard/test_admin.py",
    "tests/dashboard/test_buttons.py",
    "tests/dashboard/test_empty_lists.py",
    "tests/dashboard/test_watching.py",
    "tests/orchestration/api/test_authentication.py",
    "tests/orchestration/api/test_document.py",
    "tests/orchestration/api/test_documentation_page.py",
    "tests/orchestration/api/test_every_verb_in_every_state.py",
    "tests/orchestration/api/test_problems.py",
    "tests/orchestration/notify/test_doors.py",
    "tests/orchestration/test_cli.py",
)


# Coverage makes a test two thirds slower, and what a second case of the same test or a hundred generated examples run
# through was counted with the first: those are not looked at. So the figure is a lower bound; the gate stays as it is.
TRACED_CASES = 1
TRACES_PROCESSES = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


def _untraced(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    cases: Counter[str] = Counter()
    for item in items:
        test = item.nodeid.partition("[")[0]
        cases[test] += 1
        if cases[test] > TRACED_CASES or getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            yield item


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let coverage look away while a test runs that shows it nothing new, in the processes that it starts, too."""
    measuring = coverage.Coverage.current() if item.get_closest_marker("untraced") else None
    if measuring is None:
        return (yield)
    measuring.stop()
    patch = pytest.MonkeyPatch()
    for name in TRACES_PROCESSES:
        patch.delenv(name, raising=False)
    try:
        return (yield)
    finally:
        patch.undo()
        measuring.start()


@pytest.hookimpl(tryfirst=True)  # before pytest looks at the marks that were asked for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what depends on the database, and skip what needs PostgreSQL when the run is on SQLite."""
    skip = pytest.mark.skip(reason="needs PostgreSQL: set DATABASE_URL")
    for item in _untraced(items):
        item.add_marker("untraced")
    for item in items:
        if item.get_closest_marker("django_db") or GIVES_A_DATABASE & set(getattr(item, "fixturenames", ())):
            item.add_marker("database")
        if item.get_closest_marker("browser") or item.nodeid.startswith(SAID_THE_SAME):
            item.add_marker("one_database")
        if item.get_closest_marker("postgres_only") and not os.environ.get("DATABASE_URL"):
            item.add_marker(skip)


def _is_loopback(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name).split("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def tests_act_as_themselves() -> Iterator[None]:
    """Name this run in entries that a test causes past the service; in an installation that is an error."""
    from orchestration.core import audit

    before = audit.this_process_acts_as(audit.Acting("a test"))
    yield
    audit.this_process_acts_as(before)


@pytest.fixture(autouse=True, scope="session")
def no_outside_network() -> Iterator[None]:
    """Refuse connections to other machines, and names that would have to be looked up outside."""
    patch = pytest.MonkeyPatch()
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(self: socket.socket, address: object) -> None:
        # Connecting a datagram socket sends nothing; it asks the kernel for a route.
        internet = self.family in (socket.AF_INET, socket.AF_INET6) and self.type != socket.SOCK_DGRAM
        if internet and not _is_loopback(address[0]):
            raise OutsideNetwork(f"a test tried to connect to {address[0]}")

    def guarded_connect(self: socket.socket, address: object) -> None:
        check(self, address)
        return connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: object) -> int:
        check(self, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: object, *args: object, **kwargs: object):
        if _is_loopback(host):
            return getaddrinfo(host, *args, **kwargs)
        try:
            ipaddress.ip_address(str(host))
        except ValueError:
            raise socket.gaierror(socket.EAI_NONAME, f"tests look up no names: {host}") from None
        return getaddrinfo(host, *args, **kwargs)

    patch.setattr(socket.socket, "connect", guarded_connect)
    patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker) -> None:
    """Drop the log table of django-auditlog, which our own replaces, and let PostgreSQL empty only what holds rows."""
    from django.db import connection

    from orchestration.core import append_only

    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("DROP TABLE IF EXISTS auditlog_logentry")
            connection.ops.sql_flush = _empty_what_holds_rows
        # Of the class: where Playwright's loop runs in this thread, Django makes another connection.
        kind = type(connection.ops)
        empty = kind.execute_sql_flush

        def empty_the_record_too(self: Any, statements: list[str]) -> None:
            """Empty the tables after a test that committed; the record's only so, through the door of its own."""
            with append_only.may_take_away():
                empty(self, statements)

        kind.execute_sql_flush = empty_the_record_too


def _empty_what_holds_rows(
    style: object, tables: list[str], *, reset_sequences: bool = False, allow_cascade: bool = False
) -> list[str]:
    """Return the statements that empty the tables after a test that committed.

    TRUNCATE makes a new file of every table and index, empty or not: some hundred files a test. The order of the tables
    does not matter, as foreign keys are looked at when the transaction ends. What migrating writes, stays.
    """
    from django.db import connection

    assert not reset_sequences
    names = {table: connection.ops.quote_name(table) for table in tables if table not in WRITTEN_BY_MIGRATING}
    asked = [f"SELECT '{table}' WHERE EXISTS (SELECT FROM {name})" for table, name in names.items()]  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return [f"DELETE FROM {names[table]}" for (table,) in cursor.fetchall()]  # noqa: S608


@pytest.fixture(autouse=True)
def nothing_kept_of_another_test() -> None:
    """Have each test's pages and ticks count anew: what a test changed is undone, and the counts of its changes with it."""
    from dashboard import system_bar
    from orchestration.core import readings
    from orchestration.engine import tick

    system_bar.forget()
    readings.forget()
    tick.QUIET.forget()


@pytest.fixture(autouse=True)
def small_and_apart(settings, tmp_path: Path) -> None:
    """Hash passwords fast, let nothing run in the background, and give each test its own media folder and mark."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.HIGH_WATER_FILE = tmp_path / "high_water.json"
    settings.AUDIT_ANCHORS_FILE = tmp_path / "audit_anchors.jsonl"
    settings.AUDIT_EXPORTS = tmp_path / "audit_exports"
    settings.HEADEND_HEARTBEAT_SECONDS = 0  # a lease beats when it is asked, not from a thread of its own
    settings.HEADEND_API_PER_MINUTE = 0  # tests ask more often than any program of one caller
    settings.WHITENOISE_AUTOREFRESH = True  # look for a file when it is asked for, not for all at every start
