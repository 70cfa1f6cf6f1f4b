"""The API, the command line and the buttons end in the same method of the service."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from orchestration.errors import SystemNotRunning
from orchestration.service import CentralOrchestrationService
from orchestration.states import Trigger
from tests.factories import ChannelFactory, VideoFactory

pytestmark = pytest.mark.django_db


@dataclass(frozen=True, slots=True)
class Doors:
    """One of the twelve methods, and the three ways that lead to it; `CHANNEL` and `VIDEO` stand for rows."""

    method: str
    api: tuple[str, str]
    cli: tuple[str, ...]
    button: tuple[str, str]
    body: dict[str, Any] = field(default_factory=dict)
    form: dict[str, Any] = field(default_factory=dict)


AT = "2031-05-04T18:00:00+02:00"
TWELVE = (
    Doors("start", ("POST", "start"), ("start",), ("POST", "start")),
    Doors("stop", ("POST", "stop"), ("stop",), ("POST", "stop")),
    Doors("pause", ("POST", "pause"), ("pause",), ("POST", "pause")),
    Doors("resume", ("POST", "resume"), ("resume",), ("POST", "resume")),
    Doors("get_status", ("GET", "status"), ("status",), ("GET", "switch"), form={"version": "none"}),
    Doors(
        "coordinate_publication",
        ("POST", "coordinate-publication"),
        ("coordinate", "VIDEO", "--channel", "CHANNEL", "--at", AT),
        ("POST", "video_coordinate"),
        body={"video_id": "VIDEO", "channel_ids": ["CHANNEL"], "scheduled_at": AT},
        form={"channels": ["CHANNEL"], "timing": "simultaneous", "on_conflict": "shift", "zone": "UTC"},
    ),
    Doors(
        "schedule_wave_publication",
        ("POST", "schedule-wave"),
        ("wave", "--video", "VIDEO", "--channel", "CHANNEL", "--at", AT),
        ("POST", "wave_schedule"),
        body={"video_ids": ["VIDEO"], "channel_ids": ["CHANNEL"], "wave_config": {"scheduled_at": AT}},
        form={
            "videos": ["VIDEO"],
            "channels": ["CHANNEL"],
            "timing": "simultaneous",
            "on_conflict": "shift",
            "zone": "UTC",
        },
    ),
    Doors(
        "trigger_pipeline",
        ("POST", "trigger-pipeline"),
        ("trigger", "CHANNEL", "--video", "VIDEO"),
        ("POST", "channel_trigger"),
        body={"channel_id": "CHANNEL", "video_id": "VIDEO"},
        form={"video": "VIDEO"},
    ),
    Doors("monitor_channels", ("GET", "monitor-channels"), ("monitor",), ("GET", "channels")),
    Doors(
        "distribute_videos",
        ("POST", "distribute-videos"),
        ("distribute",),
        ("POST", "distribute_commit"),
        form={"horizon_days": 14},
    ),
    Doors("sync_channel_configs", ("POST", "sync-configs"), ("sync",), ("POST", "channels_sync")),
    Doors("get_dashboard_data", ("GET", "dashboard"), ("dashboard",), ("GET", "overview")),
)
CUT = {"skip", "most"}
"""What cuts an answer into pages: over HTTP only, the command line prints all."""
READS = {"get_status", "monitor_channels", "get_dashboard_data"}


@pytest.mark.parametrize("doors", TWELVE, ids=lambda doors: doors.method)
def test_three_doors_end_in_the_same_method(doors, api, admin_user, monkeypatch, capsys):
    rows = {"CHANNEL": ChannelFactory().pk, "VIDEO": VideoFactory().pk}
    real = getattr(CentralOrchestrationService, doors.method)
    calls: list[tuple[str, dict[str, Any]]] = []

    def recorder(self, **given):
        calls.append((self.trigger, given))
        if doors.method in READS:
            return real(self, **given)
        raise SystemNotRunning("Recorded instead.", state="stopped")

    monkeypatch.setattr(CentralOrchestrationService, doors.method, recorder)

    method, path = doors.api
    body = _with(doors.body, rows)
    answer = api.post(f"orchestration/{path}", body) if method == "POST" else api.get(f"orchestration/{path}")
    assert answer.status_code == (200 if doors.method in READS else 409), answer.content
    assert calls[-1][0] == Trigger.API

    _on_the_command_line(_with(doors.cli, rows), refused=doors.method not in READS)
    assert calls[-1][0] == Trigger.CLI
    by_api = {name: value for name, value in calls[-2][1].items() if name not in CUT}
    assert calls[-1][1] == by_api

    console = Client()
    console.force_login(admin_user)
    method, name = doors.button
    of_channel = [ChannelFactory._meta.model.objects.get().slug] if name.startswith("channel_") else []
    arguments = of_channel or ([rows["VIDEO"]] if name.startswith("video_") else [])
    address = reverse(f"dashboard:{name}", args=arguments)
    pressed = (console.post if method == "POST" else console.get)(address, _with(doors.form, rows))
    assert pressed.status_code < 500
    assert calls[-1][0] == Trigger.BUTTON
    wanted = {
        key: value
        for key, value in calls[0][1].items()
        if key in ("video_ids", "channel_ids", "video_id") and value is not None
    }
    assert {key: calls[-1][1].get(key) for key in wanted} == wanted


def test_the_recorder_above_covers_every_method_that_the_field_names():
    assert len(TWELVE) == 12
    assert all(hasattr(CentralOrchestrationService, doors.method) for doors in TWELVE)


def _with(value: Any, rows: dict[str, int]) -> Any:
    if isinstance(value, dict):
        return {key: _with(item, rows) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with(item, rows) for item in value]
    return rows.get(value, value) if isinstance(value, str) else value


def _on_the_command_line(words: list[Any], *, refused: bool) -> None:
    words = [str(word) for word in words]
    if refused:
        with pytest.raises(SystemExit) as end:
            call_command("orchestration", *words)
        assert end.value.code == 3
    else:
        call_command("orchestration", *words)


@pytest.mark.parametrize("method", ["pause", "stop"])
def test_taking_back_what_is_armed_is_asked_for_alike_through_all_three(method, api, admin_user, monkeypatch):
    asked: list[tuple[str, bool]] = []

    def recorder(self, **given):
        asked.append((self.trigger, given["disarm"]))
        raise SystemNotRunning("Recorded instead.", state="stopped")

    monkeypatch.setattr(CentralOrchestrationService, method, recorder)
    api.post(f"orchestration/{method}", {"disarm": True})
    _on_the_command_line([method, "--disarm"], refused=True)
    console = Client()
    console.force_login(admin_user)
    console.post(reverse(f"dashboard:{method}"), {"disarm": "1"})
    assert asked == [(Trigger.API, True), (Trigger.CLI, True), (Trigger.BUTTON, True)]
