"""Headend as an installed package: `headend` is what `manage.py` is in a checkout."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import requests

from config.env import BASE_DIR
from config.version import VERSION
from tests.config.test_up import Up, a_port, an_environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the package from what git knows."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=BASE_DIR,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it into a folder of its own, beside nothing of the checkout; what it stands on is there."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            "--target",
            str(folder),
            str(wheel),
        ],
        cwd=folder,
        check=True,
    )
    return folder


def environment(installed: Path, data_dir: Path) -> dict[str, str]:
    return an_environment(data_dir) | {"PYTHONPATH": str(installed)}


def test_it_holds_what_git_holds_of_the_program_and_nothing_else(wheel: Path) -> None:
    known = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=BASE_DIR,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    program = ("channels/", "config/", "dashboard/", "orchestration/", "static/", "templates/", "manage.py")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {f"headend/{name}" for name in known.splitlines() if name.startswith(program)}
    assert held == wanted | {"headend/__init__.py", "headend/__main__.py"}
    assert f"headend-{VERSION}-" in wheel.name


def test_its_command_tells_its_version_and_keeps_its_data_in_a_folder_of_the_user(
    installed: Path, tmp_path: Path
) -> None:
    command = [str(installed / "bin" / "headend")]
    shell = environment(installed, tmp_path) | {"HOME": str(tmp_path), "XDG_DATA_HOME": ""}
    del shell["HEADEND_DATA_DIR"]
    told = subprocess.run(
        [*command, "--version"], env=shell, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == f"Headend {VERSION}"
    subprocess.run([*command, "check"], env=shell, cwd=tmp_path, capture_output=True, check=True)
    assert (tmp_path / ".local" / "share" / "headend" / "keys").is_dir()


def test_it_starts_and_its_pages_have_their_styles(installed: Path, tmp_path: Path) -> None:
    port = a_port()
    started = Up(
        tmp_path,
        port=port,
        command=[str(installed / "bin" / "headend")],
        cwd=tmp_path,
        PYTHONPATH=str(installed),
    )
    try:
        started.hear("Ready")
        address = f"http://127.0.0.1:{port}"
        assert requests.get(f"{address}/healthz", timeout=10).text == f"ok {VERSION}"
        page = requests.get(f"{address}/login/", timeout=10).text
        style = re.search(r'href="([^"]+headend[^"]*\.css)"', page)
        assert style
        assert requests.get(f"{address}{style[1]}", timeout=10).headers["Content-Type"].startswith("text/css")
    finally:
        os.kill(started.process.pid, 15)
        assert started.end() == 0
