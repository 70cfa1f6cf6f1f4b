"""What deploy/ starts is what `manage.py up` starts, whoever starts it."""

import configparser
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from config.env import BASE_DIR
from config.supervisor import plan

DEPLOY = BASE_DIR / "deploy"
PROCESSES = ("web", "control", "work", "beat")


@pytest.fixture
def started(tmp_path):
    """Return what `deploy/run NAME` would start, as its arguments after the Python."""
    recorder = tmp_path / "python"
    recorder.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    recorder.chmod(recorder.stat().st_mode | stat.S_IXUSR)

    def run(*words: str) -> list[str]:
        done = subprocess.run(
            [DEPLOY / "run", *words],
            env={"PATH": os.environ["PATH"], "HEADEND_PYTHON": str(recorder)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    return run


def flags(command: list[str]) -> dict[str, str]:
    """Return the options of a command with their values, but for names and sizes that differ by installation."""
    pairs = dict(zip(command, [*command[1:], ""], strict=True))
    own = {"--hostname", "--host", "--port", "--workers"}
    return {
        k: "" if v.startswith("--") else v for k, v in pairs.items() if k.startswith("--") and k not in own
    }


def test_each_process_is_started_as_up_starts_it(started, tmp_path):
    for child in plan.children(tmp_path, {}, host="127.0.0.1", port=8000, server=None, work_concurrency=3):
        ran = started(child.name)
        assert ran[:2] == list(child.arguments[1:3]), child.name
        assert flags(ran) == flags(list(child.arguments)), child.name


def test_a_process_that_there_is_not_is_refused():
    done = subprocess.run([DEPLOY / "run", "sweeper"], capture_output=True, text=True, check=False)
    assert (done.returncode, "usage" in done.stderr) == (2, True)


def test_the_procfile_the_units_and_the_compose_file_start_all_of_them():
    procfile = dict(line.split(": ") for line in (DEPLOY / "Procfile").read_text().splitlines())
    assert procfile == {name: f"deploy/run {name}" for name in PROCESSES}
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(DEPLOY / "systemd/headend@.service")
    assert unit["Service"]["ExecStart"].endswith("/deploy/run %i")
    target = (DEPLOY / "systemd/headend.target").read_text()
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for name in PROCESSES:
        assert f"headend@{name}.service" in target
        assert services[name]["command"] == [name]
    assert services["migrate"]["command"] == ["migrate"]


def test_the_image_holds_all_that_runs_and_nothing_else():
    copied = {
        line.split()[-1]
        for line in (DEPLOY / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY") and "--from" not in line
    }
    let_in = {
        line.removeprefix("!")
        for line in (BASE_DIR / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert {"config", "channels", "orchestration", "dashboard", "templates", "static", "deploy/run"} <= copied
    assert copied - {"./"} <= let_in
    assert not {"tests", "var", ".git", "docs"} & let_in


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_takes_the_units(tmp_path):
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text().replace("/opt/headend/.venv/bin/python", "/bin/true")
        (tmp_path / path.name).write_text(text.replace("/opt/headend/deploy/run", "/bin/true"))
    for name in PROCESSES:
        shutil.copy(tmp_path / "headend@.service", tmp_path / f"headend@{name}.service")
    units = [str(path) for path in Path(tmp_path).iterdir() if path.name != "headend@.service"]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "headend" in line]
    assert (done.returncode, ours) == (0, [])
