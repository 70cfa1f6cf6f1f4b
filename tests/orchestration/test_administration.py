"""Settings with their origin, the clock, the installation, logs, and long looks by a worker; administrators only."""

import json
import re
import subprocess
from types import SimpleNamespace

import pytest
from django.utils import timezone

from config import env
from orchestration import tasks
from orchestration.core.heartbeats import beat
from orchestration.core.permissions import Actor
from orchestration.engine import cadences
from orchestration.errors import IllegalTransition, InvalidRequest, NotFound, NotPermitted
from orchestration.models import Activity, ApiToken, KeptReport
from orchestration.monitoring import background, log_files, settings_shown
from orchestration.service import CentralOrchestrationService
from tests import factories

pytestmark = pytest.mark.django_db


def door(scope: str = ApiToken.Scope.ADMIN) -> CentralOrchestrationService:
    """Return the service as somebody who may do that much."""
    return CentralOrchestrationService(actor=Actor("ada", scope))


METHODS = {
    "get_settings": {},
    "get_cadences": {},
    "set_cadence": {"name": "tick", "seconds": 3},
    "get_installation": {},
    "get_logs": {},
    "get_log": {"name": "web.log"},
    "make_backup": {},
    "check_invariants": {},
    "check_record": {},
    "order_pruning": {"days": 400},
}


@pytest.mark.parametrize("method", METHODS)
def test_an_operator_administers_nothing(method):
    with pytest.raises(NotPermitted):
        getattr(door("operate"), method)(**METHODS[method])


# ------------------------------------------------------------------------------------------------------------- settings


def test_every_setting_that_was_read_is_listed_with_the_words_of_its_page():
    report = door().get_settings()
    page = settings_shown.PAGE.read_text(encoding="utf-8")
    by_name = {row.name: row for row in report.settings}
    assert len(by_name) > 50
    assert [row.name for row in report.settings if not row.does] == []
    assert by_name["HEADEND_TICK_SECONDS"].bounds == "1 to 15"
    assert by_name["HEADEND_TICK_SECONDS"].group == "Pace"
    assert by_name["HEADEND_TICK_SECONDS"].does in page.replace("`", "")


def test_no_secret_is_shown_and_none_is_forgotten(settings):
    for name in env.SECRETS:
        row = next(row for row in door().get_settings().settings if row.name == name)
        assert (row.is_secret, row.value in ("set", "not set")) == (True, True), name
    protected = re.search(
        r"log_redaction\.protect\((.*?)\n\)", (env.BASE_DIR / "config/settings.py").read_text(), re.S
    )
    assert set(re.findall(r"\b[A-Z_]{6,}\b", protected[1])) == env.SECRETS
    shown = str(door().get_settings())
    assert settings.SECRET_KEY not in shown
    for key in settings.HEADEND_ENCRYPTION_KEYS:
        assert key not in shown


def test_a_password_in_an_address_is_hidden(settings):
    read = env.Reading("environment", "postgres://headend:hunter22@db/headend", False, True)
    settings.SETTINGS_READ = {"DATABASE_URL": read}
    (row,) = door().get_settings().settings
    assert "hunter22" not in row.value and "db/headend" in row.value


@pytest.mark.parametrize(
    ("environment", "kept", "origin"),
    [
        ({}, {}, "default"),
        ({"X": "1"}, {}, "environment"),
        ({"X": "1"}, {"X": "2"}, "environment"),
        ({}, {"X": "2"}, "file"),
        ({"X": "1"}, {"X": "2", "HEADEND_DEMO": "1"}, "file"),
        ({"X": "1", env.GIVEN_BY_UP: "X"}, {}, "up"),
    ],
)
def test_a_value_says_where_it_comes_from(monkeypatch, environment, kept, origin):
    monkeypatch.setattr(env, "installation", lambda: kept)
    monkeypatch.setattr(env, "_read_names", {})
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    env.raw("X")
    assert env.readings()["X"].origin == origin


# ---------------------------------------------------------------------------------------------------------- the clock


def test_an_entry_of_the_clock_is_changed_within_its_bounds_and_set_back():
    cadences.keep()
    row = door().set_cadence(name="notify", seconds=60, reason="calm")
    assert (row.seconds, row.is_default) == (60, False)
    entry = Activity.objects.filter(verb="cadence_changed").latest("pk")
    assert (entry.after, entry.reason, entry.actor_label) == ({"every_seconds": 60}, "calm", "ada")
    with pytest.raises(InvalidRequest, match="at least") as refused:
        door().set_cadence(name="notify", seconds=9_999)
    assert refused.value.field == "seconds"
    assert door().set_cadence(name="notify").is_default
    with pytest.raises(NotFound):
        door().set_cadence(name="celery.backend_cleanup", seconds=5)


# ------------------------------------------------------------------------------------------------------ the installation


def test_the_installation_says_which_processes_show_themselves_and_what_waits():
    beat("beat")
    factories.JobFactory(fast=False, run_at=factories.in_(minutes=-5))
    by_name = {row.name: row for row in door().get_installation().processes}
    assert (by_name["beat"].is_alive, by_name["worker:work"].is_alive) == (True, False)
    assert by_name["beat"].since < timezone.now()
    assert by_name["worker:work"].waiting == 1
    assert by_name["worker:control"].waiting == 0


def test_backups_of_the_data_folder_are_listed_and_half_ones_named(settings, tmp_path):
    settings.HEADEND_DATA_DIR = tmp_path
    whole = tmp_path / "backups" / "headend-20261126T031500Z"
    whole.mkdir(parents=True)
    (whole / "database.sqlite3").write_bytes(b"12345")
    manifest = {
        "created_at": "2026-11-26T03:15:00+00:00",
        "newest_entry_at": None,
        "version": "1",
        "parts": {},
    }
    (whole / "manifest.json").write_text(json.dumps(manifest | {"parts": {"database.sqlite3": "x"}}))
    (tmp_path / "backups" / "headend-20261127T031500Z").mkdir()
    half, found = door().get_installation().backups
    assert (half.is_whole, found.is_whole, found.database_bytes) == (False, True, 5)


# ----------------------------------------------------------------------------------------------------------------- logs


@pytest.fixture
def logs(settings, tmp_path):
    settings.HEADEND_DATA_DIR = tmp_path
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


def test_the_end_of_a_log_is_shown_without_secrets(logs):
    lines = [f"line {number}" for number in range(50)]
    (logs / "web.log").write_text(
        "\n".join([*lines, "Authorization: Bearer abcdefghijk", "\x1b[31mred"]) + "\n"
    )
    tail = door().get_log(name="web.log", lines=3)
    assert (len(tail.lines), tail.is_cut, tail.lines[0]) == (3, True, "line 49")
    assert "abcdefghijk" not in str(tail) and "[hidden]" in tail.lines[1]
    assert "\x1b" not in tail.lines[2]


def test_only_logs_are_shown_whatever_is_asked_for(logs):
    (logs / "web.log").write_text("fine\n")
    (logs.parent / "high_water.json").write_text("{}")
    (logs / "keys.log").symlink_to(logs.parent / "high_water.json")
    assert [file.name for file in log_files.listed()] == ["web.log"]
    for name in ("../high_water.json", "keys.log", "/etc/passwd", "web.log\x00", "", "a" * 500):
        with pytest.raises(NotFound):
            door().get_log(name=name)
    with pytest.raises(InvalidRequest):
        door().get_log(name="web.log", lines=10**6)


def test_a_large_log_is_read_from_its_end_only(logs):
    (logs / "web.log").write_bytes(b"token=" + b"s" * log_files.MOST_BYTES + b"\nlast\n")
    assert door().get_log(name="web.log").lines == ["last"]


# ------------------------------------------------------------------------------------------------ looks by a worker


@pytest.fixture
def sent(monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(background, "_send", lambda kind: None)


def test_the_invariants_are_checked_once_by_whichever_worker_takes_it(sent):
    assert door().check_invariants(reason="look").state == "asked"
    with pytest.raises(IllegalTransition):
        door().check_invariants()
    tasks.check_invariants()
    found = background.last(background.INVARIANTS)
    assert (found.state, found.asked_by) == ("succeeded", "ada")
    assert Activity.objects.get(verb="invariants_asked").reason == "look"
    KeptReport.objects.update(document={"state": "succeeded", "sentence": "kept"})
    tasks.check_invariants()
    assert background.last(background.INVARIANTS).sentence == "kept", (
        "what nobody asked for is not made again"
    )


def test_what_a_crash_left_can_be_asked_for_anew(sent):
    door().make_backup()
    KeptReport.objects.update(document={"state": "running"}, computed_at=factories.in_(hours=-7))
    assert door().make_backup(media=False).state == "asked"


def test_a_backup_is_made_by_its_own_command_and_says_where_it_lies(sent, monkeypatch):
    ran = []

    def run(command, **how):
        ran.append(command)
        return SimpleNamespace(returncode=0, stdout=json.dumps({"folder": "/d/backups/headend-1"}), stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    door().make_backup(keys=False)
    tasks.make_backup()
    assert ran[0][-3:] == ["backup", "--json", "--without-keys"]
    assert "backups/headend-1" in background.last(background.BACKUP).sentence


def test_a_backup_that_fails_says_why(sent, monkeypatch):
    failed = SimpleNamespace(returncode=1, stdout="", stderr="CommandError: pg_dump is not on the PATH")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    door().make_backup()
    tasks.make_backup()
    found = background.last(background.BACKUP)
    assert (found.state, "pg_dump" in found.sentence) == ("failed", True)
