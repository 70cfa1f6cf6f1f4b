"""A client for TypeScript, which a second generator makes of the committed document, operates a running server, too."""

import json
import os
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from config.env import BASE_DIR
from orchestration.models import Schedule, SystemState, Wave
from orchestration.register import tokens
from orchestration.states import ScheduleState, SystemStatus
from tests import factories
from tests.contracts import npm
from tests.orchestration.api_client import document

SNAPSHOT = Path(__file__).with_name("openapi.json")
OURS = Path(__file__).with_name("typescript")
CONFIGURATION = BASE_DIR / "docs" / "clients" / "openapi-ts.config.mjs"

pytestmark = pytest.mark.slow


def in_folder(folder: Path, *command: str | Path, **variables: str) -> str:
    """Run a program of npm's with what was made; give what it said."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Make the client once, and compile it with our program that uses it: what does not fit its types fails here."""
    try:
        tools = npm.installed(*npm.TYPESCRIPT_CLIENT) / "node_modules"
    except npm.Unavailable as error:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(error))
    folder = tmp_path_factory.mktemp("typescript")
    shutil.copytree(OURS, folder, dirs_exist_ok=True)
    shutil.copy(CONFIGURATION, folder)
    (folder / "node_modules").symlink_to(tools)
    bins = folder / "node_modules" / ".bin"
    said = in_folder(folder, bins / "openapi-ts", "--input", SNAPSHOT, "--file", CONFIGURATION.name)
    assert "warn" not in said.lower(), said
    in_folder(folder, bins / "tsc", "--project", "tsconfig.json")
    return folder


def test_every_operation_is_made_and_nothing_is_left_out(made: Path) -> None:
    functions = set(
        re.findall(
            r"^export const (\w+) = <ThrowOnError",
            (made / "headend-client" / "sdk.gen.ts").read_text("utf-8"),
            re.MULTILINE,
        )
    )
    operations = [
        operation["operationId"] for methods in document()["paths"].values() for operation in methods.values()
    ]
    assert functions == {re.sub(r"_(\w)", lambda found: found[1].upper(), name) for name in operations}


@pytest.mark.django_db(transaction=True)
def test_a_wave_is_previewed_committed_moved_recalled_and_the_system_stopped(made: Path, live_server) -> None:
    factories.SystemStateFactory(running=True)
    channels = [factories.ChannelFactory(timezone="UTC", filters={}) for _ in range(2)]
    video = factories.VideoFactory()
    at = (timezone.now() + timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
    later = at + timedelta(hours=1)
    body = {
        "video_ids": [video.pk],
        "channel_ids": [channel.pk for channel in channels],
        "wave_config": {"scheduled_at": at.isoformat(), "timing": "simultaneous"},
    }
    said = json.loads(
        in_folder(
            made,
            "node",
            "compiled/operate.js",
            HEADEND_URL=live_server.url,
            HEADEND_TOKEN=tokens.issue("generated", "admin")[1],
            WANTED=json.dumps({"body": body, "later": later.isoformat()}),
        )
    )
    wave = Wave.objects.get()
    assert said["previewed"]["wave"] is None
    assert said["previewed"]["fingerprint"] == said["committed"]["plan"]["fingerprint"]
    assert said["committed"]["wave"]["id"] == wave.pk
    assert set(Schedule.objects.values_list("publish_at", "state")) == {(later, ScheduleState.CANCELLED)}
    assert (len(said["shown"]["public"]), len(said["shown"]["cancelled"])) == (0, 2)
    assert said["stopped"] == "stopped"
    assert SystemState.objects.get().state == SystemStatus.STOPPED
    assert said["refused"] == {"status": 404, "code": "not_found"}
