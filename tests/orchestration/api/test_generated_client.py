"""A client that a generator makes of the committed document has every operation, and operates a running server."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from config.env import BASE_DIR
from orchestration.models import Schedule, SystemState, Wave
from orchestration.register import tokens
from orchestration.states import ScheduleState, SystemStatus
from tests import factories
from tests.orchestration.api_client import document

SNAPSHOT = Path(__file__).with_name("openapi.json")
CONFIGURATION = BASE_DIR / "docs" / "clients" / "openapi-python-client.yml"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Iterator[tuple[Path, str]]:
    """Make the client once; give its folder and what the generator said."""
    pytest.importorskip("openapi_python_client", reason="the generator is a tool of developers")
    folder = tmp_path_factory.mktemp("client") / "headend_client"
    options = ("--path", SNAPSHOT, "--config", CONFIGURATION, "--meta", "none", "--output-path", folder)
    done = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", *map(str, options)],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(str(folder.parent))
    yield folder, done.stdout + done.stderr
    patch.undo()


def named(place: str, name: str) -> Any:
    """Return a name of the client, which no checker of types knows."""
    return getattr(importlib.import_module(f"headend_client{place}"), name)


def test_every_operation_is_made_and_nothing_is_left_out(made) -> None:
    folder, said = made
    assert "WARNING" not in said, said
    modules = {path.stem for path in (folder / "api").glob("*/*.py")} - {"__init__"}
    operations = [
        operation["operationId"] for methods in document()["paths"].values() for operation in methods.values()
    ]
    assert modules == set(operations)


@pytest.fixture
def client(made, live_server) -> Iterator[Any]:
    """Give the client of a caller who may do what administrators do."""
    caller = named("", "AuthenticatedClient")(
        base_url=live_server.url, token=tokens.issue("generated", "admin")[1], raise_on_unexpected_status=True
    )
    with caller:
        yield caller


@pytest.mark.django_db(transaction=True)
def test_a_wave_is_previewed_committed_moved_recalled_and_the_system_stopped(client) -> None:
    factories.SystemStateFactory(running=True)
    channels = [factories.ChannelFactory(timezone="UTC", filters={}) for _ in range(2)]
    video = factories.VideoFactory()
    at = (timezone.now() + timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)

    def call(group: str, operation: str, *where: int, **given: Any) -> Any:
        return named(f".api.{group}.{operation}", "sync")(*where, client=client, **given)

    body = {
        "video_ids": [video.pk],
        "channel_ids": [channel.pk for channel in channels],
        "wave_config": {"scheduled_at": at.isoformat(), "timing": "simultaneous"},
    }
    ask = named(".models.schedule_wave", "ScheduleWave").from_dict
    shown = call("orchestration", "orchestration_schedule_wave", body=ask(body | {"dry_run": True}))
    assert not Wave.objects.exists()
    planned = call(
        "orchestration",
        "orchestration_schedule_wave",
        body=ask(body | {"fingerprint": shown.plan.fingerprint}),
        idempotency_key="once",
    )
    wave = Wave.objects.get()
    assert planned.wave.id == wave.pk
    assert Schedule.objects.filter(publish_at=at).count() == 2

    later = at + timedelta(hours=1)
    call(
        "waves",
        "waves_move",
        wave.pk,
        body=named(".models.move_wave", "MoveWave")(scheduled_at=later, reason="an hour later"),
    )
    assert set(Schedule.objects.values_list("publish_at", flat=True)) == {later}

    shown = call("waves", "waves_recall_preview", wave.pk)
    assert (len(shown.public), len(shown.cancelled)) == (0, 2)
    recall = named(".models.recall_wave", "RecallWave")
    call("waves", "waves_recall", wave.pk, body=recall(confirmed_ids=[row.id for row in shown.public]))
    assert set(Schedule.objects.values_list("state", flat=True)) == {ScheduleState.CANCELLED}

    assert call("orchestration", "orchestration_stop").state == "stopped"
    assert SystemState.objects.get().state == SystemStatus.STOPPED
    refused = call("waves", "waves_show", 999_999)
    assert (refused.status, refused.code) == (404, "not_found")
