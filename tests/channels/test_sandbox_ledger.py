# ruff: noqa: S113  on loopback, and each test has the run's own time limit
"""What the sandbox writes down, and how it is counted."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from channels.sandbox.ledger import count, read_lines
from channels.sandbox.seed import seed_demo
from channels.sandbox.server import Sandbox
from tests.channels.youtube_helpers import MARKER, gateway, upload

AURORA = "UCsandbox-aurora"
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def flip(at: datetime, to: str = "public", *, title: str = "A", video: str = "v1", **more: str) -> dict:
    before = "private" if to == "public" else "public"
    whose = {"channel": AURORA, "marker": "m", "title": title, "video": video}
    return {"kind": "visibility", "at": at.isoformat(), "from": before, "to": to, **whose, **more}


def upload_line(*, title: str = "A", marker: str = "m", video: str = "v1") -> dict:
    whose = {"channel": AURORA, "marker": marker, "title": title, "video": video}
    return {"kind": "upload", "at": NOON.isoformat(), **whose}


def planned(title: str = "A", at: datetime = NOON) -> dict:
    return {"channel": AURORA, "title": title, "publish_at": at.isoformat()}


def test_an_upload_and_its_publication_are_written_down_with_every_call_that_changes_something(
    sandbox, tmp_path
):
    seed_demo(sandbox.store)
    at = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    with gateway(sandbox) as youtube:
        video_id = upload(youtube, tmp_path).youtube_video_id
        youtube.set_publish_at(video_id, at)
        sandbox.store.advance(3700)
        lines = sandbox.ledger.lines()
        assert not [line for line in lines if line["kind"] == "visibility" and line["to"] == "public"]
        assert youtube.videos([video_id])[video_id].is_public
    lines = sandbox.ledger.lines()
    assert [line["kind"] for line in lines if line["kind"] != "call"] == [
        "session",
        "upload",
        "visibility",
        "visibility",
    ]
    last = lines[-1]
    assert (last["to"], last["cause"], last["marker"], last["video"]) == (
        "public",
        "publishAt",
        MARKER,
        video_id,
    )
    assert datetime.fromisoformat(last["at"]) == at
    assert {line["method"] for line in lines if line["kind"] == "call"} == {"POST", "PUT"}


def test_a_call_whose_answer_was_lost_is_written_down_too(sandbox):
    seed_demo(sandbox.store)
    sandbox.faults.add("/oauth/token", "status_after", status=502)
    requests.post(f"{sandbox.url}/oauth/token", data={"grant_type": "refresh_token"})
    (line,) = sandbox.ledger.lines()
    assert (line["path"], line["status"], line["fault"]) == ("/oauth/token", 502, "status_after")


def test_the_ledger_is_read_over_http_by_kind_or_counted(sandbox, tmp_path):
    seed_demo(sandbox.store)
    with gateway(sandbox) as youtube:
        upload(youtube, tmp_path)
    address = f"{sandbox.url}/sandbox/ledger"
    assert len(requests.get(f"{address}?kind=upload").json()) == 1
    counted = requests.get(f"{address}?count=yes").json()
    assert (counted["uploads"], counted["uploaded_twice"], counted["public"]) == (1, [], 0)


def test_the_file_outlives_the_sandbox_and_goes_on_after_a_restart(tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    for size in (1000, 2000):
        with Sandbox(ledger=ledger) as running:
            seed_demo(running.store)
            with gateway(running) as youtube:
                upload(youtube, tmp_path, size_bytes=size)
    counted = count(read_lines(ledger))
    assert counted.doubled_uploads == [(AURORA, "Harbour at dawn")]
    assert counted.broken


def test_two_uploads_of_one_publication_are_seen_though_their_markers_differ():
    counted = count([upload_line(), upload_line(marker="other", video="v2")])
    assert counted.doubled_uploads == [(AURORA, "A")]


def test_a_video_taken_back_and_made_public_again_was_public_twice():
    lines = [flip(NOON), flip(NOON + timedelta(seconds=5), "private"), flip(NOON + timedelta(seconds=9))]
    counted = count(lines, [planned()])
    assert (counted.public_twice, counted.touched_public) == ([(AURORA, "A")], [(AURORA, "A")])


def test_what_is_public_before_its_moment_is_early_and_what_is_not_at_all_is_named():
    lines = [flip(NOON - timedelta(seconds=2)), flip(NOON + timedelta(seconds=3), title="B", video="v2")]
    counted = count(lines, [planned("A"), planned("B"), planned("C")])
    assert counted.early == [(AURORA, "A")]
    assert counted.never_public == [(AURORA, "C")]
    assert counted.lateness_seconds[(AURORA, "B")] == 3.0
    assert counted.broken


def test_the_reader_is_a_command_that_fails_where_a_promise_is_broken(tmp_path: Path):
    ledger, plan = tmp_path / "ledger.jsonl", tmp_path / "plan.jsonl"
    ledger.write_text(
        json.dumps(flip(NOON)) + "\n" + json.dumps(flip(NOON))[:20]
    )  # the last is only half written
    plan.write_text(json.dumps(planned()) + "\n")
    command = [sys.executable, "-m", "channels.sandbox.ledger", str(ledger), "--plan", str(plan)]
    good = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (good.returncode, json.loads(good.stdout)["public"]) == (0, 1)
    plan.write_text(json.dumps(planned(at=NOON + timedelta(hours=1))) + "\n")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
