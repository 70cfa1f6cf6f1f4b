"""Rehearse: a second Headend in a temporary folder, with the sandbox for YouTube and GitHub, and channels like ours."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from config.env import BASE_DIR
from config.supervisor import installation
from orchestration.core.permissions import Actor
from orchestration.monitoring import rehearsal
from orchestration.service import CentralOrchestrationService
from orchestration.states import Trigger

OURS = (
    "HEADEND_",
    "GITHUB_",
    "GOOGLE_",
    "YOUTUBE_",
    "DATABASE_URL",
    "CELERY_",
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "ALLOWED_HOSTS",
)
"""What of this installation's environment never reaches the rehearsal's."""
KEPT = ("HEADEND_FFMPEG",)
LOOK_SECONDS = 5.0
PATIENCE_SECONDS = 600.0
STOP_SECONDS = 30.0


class Command(BaseCommand):
    """Send one film as a wave to channels like ours, in the sandbox, and tell how late each was."""

    help = (
        "Rehearse the whole way against the sandbox, in a temporary folder: channels with the names, zones, slots and gaps "
        "of yours, one wave, and how late it was. Nothing of this installation is touched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how long to wait at most, and whether to answer with JSON."""
        parser.add_argument("--minutes", type=int, default=10, help="give up after this long (%(default)s)")
        parser.add_argument("--json", action="store_true", help="answer with JSON")

    def handle(self, *, minutes: int, json: bool, **_: Any) -> None:
        """Start it, wait until its wave is over, stop it, and tell what was found."""
        service = CentralOrchestrationService(actor=Actor.system("cli"), trigger=Trigger.CLI)
        like = rehearsal.channels_like_ours()
        if not like:
            raise CommandError("There is no channel yet to rehearse with: register one first.")
        with tempfile.TemporaryDirectory(prefix="headend-rehearsal-") as folder:
            played = self._play(Path(folder), like, minutes * 60.0)
        report = service.keep_rehearsal(played=played)
        self.stdout.write(_as_json(report) if json else "\n".join(rehearsal.lines(report)))
        if not report.ok:
            raise CommandError("The rehearsal found something; see above.")

    def _play(self, folder: Path, like: list[dict[str, Any]], seconds: float) -> rehearsal.Played:
        sheet = folder / "like.json"
        sheet.write_text(json.dumps(like), encoding="utf-8")
        environment = {
            name: value for name, value in os.environ.items() if name in KEPT or not name.startswith(OURS)
        }
        environment["HEADEND_DATA_DIR"] = str(folder / "var")
        (folder / "var").mkdir()
        port = installation.free_port()
        command = [sys.executable, "manage.py", "up", "--demo", "--port", str(port), "--like", str(sheet)]
        self.stdout.write(f"A rehearsal with {len(like)} channel(s) begins; it takes about three minutes.")
        with (folder / "up.log").open("w") as log:
            running = _begin(command, environment, log)
        try:
            return self._wait(running, environment, len(like), time.monotonic() + seconds)
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()

    def _wait(
        self, running: "subprocess.Popen[bytes]", environment: dict[str, str], wanted: int, until: float
    ) -> rehearsal.Played:
        """Ask the rehearsal's own command line until every publication is over, or the time is."""
        publications: dict[str, Any] = {}
        while time.monotonic() < until and running.poll() is None:
            time.sleep(LOOK_SECONDS)
            publications = _ask(environment, "statistics-publications", "--days", "1")
            outcomes = publications.get("outcomes", {})
            if sum(outcomes.values()) >= wanted and not set(outcomes) & rehearsal.UNDER_WAY:
                break
        work = _ask(environment, "statistics-work", "--days", "1") if publications else {}
        return rehearsal.Played(wanted=wanted, publications=publications, work=work)


def _begin(command: list[str], environment: dict[str, str], log: IO[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, cwd=BASE_DIR, env=environment, stdout=log, stderr=log)


def _ask(environment: dict[str, str], *command: str) -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, "manage.py", "orchestration", *command, "--json"],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    try:
        found = json.loads(answer.stdout)
    except ValueError:
        return {}  # it is still starting
    return found if isinstance(found, dict) else {}


def _as_json(report: rehearsal.Report) -> str:
    return json.dumps(rehearsal.document(report), indent=1)
