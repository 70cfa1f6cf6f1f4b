"""An assistant at the real server: over standard input and output, and over HTTP, with the official client."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import MCPError
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

ROOT = Path(__file__).parents[2]
SCENE = """
import json
from orchestration.core.audit import acting_as, Acting
from orchestration.register import tokens
from tests import factories
with acting_as(Acting("test", None, "system")):
    factories.SystemStateFactory(state="running")
    rows = {name: factories.ScheduleFactory().pk for name in ("desk", "far")}
    opened = {
        "desk": tokens.issue("at the desk", "schedule", for_assistant=True),
        "reader": tokens.issue("reader", "read", for_assistant=True),
        "plain": tokens.issue("plain", "admin"),
        "local": tokens.issue("local", "schedule", for_assistant=True, networks=["127.0.0.0/8"]),
        "elsewhere": tokens.issue("elsewhere", "schedule", for_assistant=True, networks=["192.0.2.0/24"]),
    }
print(json.dumps([rows, {name: made[1] for name, made in opened.items()}]))
"""
pytestmark = [pytest.mark.slow, pytest.mark.one_database]


@dataclass
class Installation:
    """A data folder of its own, spoken to by commands."""

    environment: dict[str, str]
    publications: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def done(self, *words: str, text: str | None = None) -> str:
        ran = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.environment, input=text, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def server(self, token: str, *words: str) -> StdioServerParameters:
        environment = {**self.environment, "HEADEND_MCP_TOKEN": token}
        return StdioServerParameters(
            command=sys.executable, args=["manage.py", "mcp", *words], env=environment, cwd=str(ROOT)
        )

    def state(self, name: str) -> str:
        look = f"print(Schedule.objects.get(pk={self.publications[name]}).state)"
        return self.done("shell", "-v0", "-c", look)


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("assistant")
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment = {**kept, "HEADEND_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    environment.pop("CELERY_BROKER_URL", None)
    made = Installation(environment)
    made.done("migrate", "-v0")
    made.publications, made.tokens = json.loads(made.done("shell", "-v0", "-c", SCENE).splitlines()[-1])
    return made


def said(answer: Any) -> dict[str, Any]:
    """Return what a tool answered, which is the same as text and as JSON."""
    assert json.loads(answer.content[0].text) == answer.structured_content
    return answer.structured_content


async def refused(client: Client, name: str, **given: Any) -> dict[str, Any]:
    answer = await client.call_tool(name, given)
    assert answer.is_error, answer
    return said(answer)


async def done(client: Client, name: str, **given: Any) -> dict[str, Any]:
    answer = await client.call_tool(name, given)
    assert not answer.is_error, answer
    return said(answer)


async def plan_and_commit(client: Client, installation: Installation) -> None:
    """Look, propose, be refused, be confirmed by whoever sits at the machine, and commit once."""
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert tools["schedules_list"].annotations.read_only_hint
    assert not tools["commit_proposal"].annotations.read_only_hint
    assert not {"schedules_hold", "orchestration_schedule_wave", "proposals_confirm", "tokens_create"} & set(
        tools
    )
    assert "dry_run" not in tools["preview_orchestration_distribute_videos"].input_schema["properties"]
    assert (await done(client, "preview_orchestration_distribute_videos"))["dry_run"] is True

    publication = installation.publications["desk"]
    listed = await done(client, "schedules_list", state="planned")
    assert publication in [row["id"] for row in listed["items"]]
    made = await done(client, "propose_schedules_hold", schedule_id=publication, why="wrong film")
    assert (made["state"], made["reason"]) == ("waiting", "wrong film")
    early = await refused(client, "commit_proposal", proposal_id=made["id"])
    assert early["code"] == "confirmation_needed"
    with pytest.raises(MCPError, match="no tool proposals_confirm"):
        await client.call_tool("proposals_confirm", {"proposal_id": made["id"]})
    assert installation.state("desk") == "planned"

    installation.done("orchestration", "proposal-confirm", str(made["id"]))
    assert (await done(client, "proposals_show", proposal_id=made["id"]))["state"] == "confirmed"
    assert (await done(client, "commit_proposal", proposal_id=made["id"]))["state"] == "done"
    assert installation.state("desk") == "held"
    assert (await refused(client, "commit_proposal", proposal_id=made["id"]))["code"] == "illegal_transition"


def test_over_standard_input_and_output_a_person_confirms_what_the_assistant_proposes(installation):

    async def talk() -> None:
        async with Client(installation.server(installation.tokens["desk"])) as client:
            assert "a person decides" in (client.instructions or "")
            await plan_and_commit(client, installation)
            entries = await done(client, "activity_list", limit=200)
            held = next(row for row in entries["items"] if row["verb"] == "schedule_held")
            assert (held["actor"], held["trigger"]) == ("token at the desk", "assistant")
            installation.done("issue_token", "--revoke", "at the desk")
            assert (await refused(client, "schedules_list"))["code"] == "not_authenticated"

    anyio.run(talk)


def test_a_token_that_may_only_read_is_offered_nothing_that_proposes(installation):
    server = installation.server(installation.tokens["reader"], "--only", "schedules", "orchestration")

    async def talk() -> None:
        async with Client(server) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert {"schedules_list", "proposals_list", "orchestration_needs"} <= names
            assert "channels_list" not in names, "it was not among the subjects that were asked for"
            assert not {
                name for name in names if name.startswith(("propose_", "preview_", "commit_", "withdraw_"))
            }
            with pytest.raises(MCPError, match="no tool propose_schedules_hold"):
                await client.call_tool(
                    "propose_schedules_hold", {"schedule_id": installation.publications["desk"]}
                )

    anyio.run(talk)


def test_a_token_that_is_no_assistants_or_is_bound_to_a_network_is_let_do_nothing(installation):
    async def talk(token: str, why: str) -> None:
        async with Client(installation.server(token)) as client:
            with pytest.raises(MCPError, match=why):
                await client.list_tools()

    anyio.run(talk, installation.tokens["plain"], "not an assistant's")
    anyio.run(talk, installation.tokens["local"], "does not open anything from here")


def test_without_a_token_the_command_says_how_one_is_made(installation):
    ran = subprocess.run(
        [sys.executable, "manage.py", "mcp"],
        cwd=ROOT, env=installation.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "--assistant" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.fixture(scope="module")
def address(installation):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "manage.py", "mcp", "--http", "--port", str(port)],
        cwd=ROOT,
        env={**installation.environment, "HEADEND_API_FAILURES_PER_MINUTE": "5"},
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}/mcp"
    until = time.monotonic() + 90
    while status_of(address) == 0:
        assert process.poll() is None and time.monotonic() < until, "it does not answer"
        time.sleep(0.2)
    yield address
    process.terminate()
    process.wait(30)


def status_of(address: str, **headers: str) -> int:
    asked = urllib.request.Request(address, b"{}", {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_over_http_each_request_brings_its_own_token(installation, address):
    publication = installation.publications["far"]
    asked = {"Authorization": f"Bearer {installation.tokens['local']}"}

    async def talk() -> None:
        http = httpx2.AsyncClient(headers=asked, timeout=60)
        async with http, Client(streamable_http_client(address, http_client=http)) as client:
            listed = await done(client, "schedules_list", state="planned")
            assert publication in [row["id"] for row in listed["items"]]
            made = await done(client, "propose_schedules_hold", schedule_id=publication)
            assert (await refused(client, "commit_proposal", proposal_id=made["id"]))[
                "code"
            ] == "confirmation_needed"
            installation.done("orchestration", "proposal-confirm", str(made["id"]))
            assert (await done(client, "commit_proposal", proposal_id=made["id"]))["state"] == "done"
            installation.done("issue_token", "--revoke", "local")
            with pytest.raises(MCPError):
                await client.call_tool("schedules_list", {})

    anyio.run(talk)
    assert installation.state("far") == "held"


def test_over_http_whoever_has_no_token_of_an_assistant_is_refused_and_then_too_often(installation, address):
    plain, far = installation.tokens["plain"], installation.tokens["elsewhere"]
    assert status_of(address, Authorization=f"Bearer {plain}") == 403
    assert status_of(address, Authorization=f"Bearer {far}", **{"X-Forwarded-For": "192.0.2.7"}) == 401
    wrong = [status_of(address, Authorization="Bearer hd_wrong") for _ in range(8)]
    assert set(wrong) == {401, 429}
    assert wrong[-1] == 429
