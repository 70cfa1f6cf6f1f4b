"""What deploy/ starts is what `manage.py up` starts, whoever starts it."""

import configparser
import contextlib
import ipaddress
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from config.env import BASE_DIR
from config.supervisor import plan
from orchestration.assistant.server import MCP_PATH
from tests.patience import wait_for

DEPLOY = BASE_DIR / "deploy"
PROCESSES = ("web", "control", "work", "beat")


@pytest.fixture
def started(tmp_path):
    """Return what `deploy/run NAME` would start, as its arguments after the Python."""
    recorder = tmp_path / "python"
    recorder.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    recorder.chmod(recorder.stat().st_mode | stat.S_IXUSR)

    def run(*words: str, **environment: str) -> list[str]:
        done = subprocess.run(
            [DEPLOY / "run", *words],
            env={"PATH": os.environ["PATH"], "HEADEND_PYTHON": str(recorder), **environment},
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


@pytest.mark.slow
def test_a_web_server_that_is_killed_leaves_no_worker_behind_that_listens(tmp_path):
    port = _free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HEADEND_DATA_DIR": str(tmp_path),
        "HEADEND_PYTHON": sys.executable,
    }
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [DEPLOY / "run", "web"],
            env={**environment, "HEADEND_PORT": str(port)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        assert wait_for(lambda: _listens(port)), (tmp_path / "log").read_text()
        server.kill()
        server.wait()
        assert wait_for(lambda: not _listens(port))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_each_process_is_started_as_up_starts_it(started, tmp_path):
    for child in plan.children(tmp_path, {}, host="127.0.0.1", port=8000, server=None, work_concurrency=3):
        ran = started(child.name)
        assert ran[:2] == list(child.arguments[1:3]), child.name
        assert flags(ran) == flags(list(child.arguments)), child.name


def test_assistants_are_served_where_the_proxy_looks_for_them(started):
    assert started("mcp") == ["manage.py", "mcp", "--http", "--host", "127.0.0.1", "--port", "8010"]
    assert started("mcp", HEADEND_MCP_PORT="9010")[-1] == "9010"
    proxy = (DEPLOY / "nginx.conf").read_text()
    assert f"location = {MCP_PATH} {{\n        proxy_pass http://127.0.0.1:8010;" in proxy


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


def test_how_many_jobs_run_at_once_is_the_setting_that_up_reads(started):
    assert flags(started("work", HEADEND_WORK_CONCURRENCY="7"))["--concurrency"] == "7"


def test_the_image_runs_as_nobody_in_particular_and_says_how_it_is():
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    assert users
    assert users[-1] not in {"root", "0"}
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    assert not any("SECRET" in line or "PASSWORD" in line or "TOKEN" in line for line in lines)


def test_services_of_the_compose_file_are_ours_only_behind_the_proxy_and_say_how_they_are():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for name in PROCESSES:
        service = services[name]
        assert service["image"] == "headend"
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        if name != "web":  # the image's own is web's
            assert service["healthcheck"]["test"][1:] == [
                "python3",
                "deploy/healthcheck.py",
                name,
                "http://web:8000",
            ]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8000:8000"]}


def test_whoever_reaches_the_published_port_comes_from_an_address_that_web_trusts():
    """Else each page redirects to itself for ever: web is not told that the request came by HTTPS."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    network = compose["networks"]["default"]["ipam"]["config"][0]
    trusted = compose["services"]["web"]["environment"]["HEADEND_TRUSTED_PROXIES"]
    assert trusted == f"{network['gateway']}/32"
    assert ipaddress.ip_address(network["gateway"]) in ipaddress.ip_network(network["subnet"])


def test_no_secret_stands_in_what_is_shipped():
    example = [line for line in (DEPLOY / "headend.env.example").read_text().splitlines() if "=" in line]
    values = dict(line.removeprefix("#").split("=", 1) for line in example)
    for name in ("SECRET_KEY", "HEADEND_ENCRYPTION_KEYS", "HEADEND_INSTALLATION_ID", "POSTGRES_PASSWORD"):
        assert values[name] == ""
    described = (BASE_DIR / "docs" / "settings.md").read_text()
    assert {name for name in values if f"| `{name}` |" not in described} == {"POSTGRES_PASSWORD"}
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert services["database"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    assert ":${POSTGRES_PASSWORD:?" in services["web"]["environment"]["DATABASE_URL"]


@pytest.mark.parametrize(
    ("process", "status", "said", "sound"),
    [
        ("web", 200, "ok", True),
        ("web", 200, "<html>another server</html>", False),
        ("web", 500, "", False),
        ("beat", 200, {"beat": True, "worker": True}, True),
        ("beat", 503, {"beat": False, "worker": True}, False),
        ("control", 503, {"beat": False, "worker": True}, True),
        ("work", 503, {"beat": True, "worker": False}, False),
        ("work", 200, "not JSON", False),
    ],
)
def test_the_health_check_says_by_its_exit_code_how_a_process_is(process, status, said, sound):
    asked = []

    class Web(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Host"]))
            self.send_response(status)
            self.end_headers()
            body = (
                said
                if isinstance(said, str)
                else json.dumps(
                    {"checks": {part: {"ok": ok, "detail": "silent"} for part, ok in said.items()}}
                )
            )
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Web) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run(
            [sys.executable, DEPLOY / "healthcheck.py", process, f"http://127.0.0.1:{server.server_port}"],
            env={"ALLOWED_HOSTS": ".headend.example.org,other"},
            capture_output=True,
            check=False,
        )
        server.shutdown()
    assert (done.returncode == 0) is sound, done.stderr
    assert asked == [("/healthz" if process == "web" else "/readyz", "headend.example.org")]


def test_a_web_that_does_not_answer_is_not_well():
    done = subprocess.run(
        [sys.executable, DEPLOY / "healthcheck.py", "web", "http://127.0.0.1:9"],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"URLError" in done.stderr) == (1, True)


def test_the_image_holds_all_that_runs_and_nothing_else():
    copied = {
        word
        for line in (DEPLOY / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY") and "--from" not in line
        for word in line.split()[1:-1]
    }
    let_in = {
        line.removeprefix("!")
        for line in (BASE_DIR / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert {"config", "channels", "orchestration", "dashboard", "templates", "static", "deploy/run"} <= copied
    assert copied <= let_in
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


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", ["headend.service", "headend@.service"])
def test_units_leave_little_exposed(unit):
    """It was 1.7 of 10 with systemd 252; what is left is said in the units."""
    judge = ["systemd-analyze", "security", "--offline=true", "--threshold=20"]
    done = subprocess.run([*judge, DEPLOY / "systemd" / unit], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]
