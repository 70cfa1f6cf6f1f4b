# ruff: noqa: S113  on loopback, and each test has the run's own time limit
"""The sandbox's own machinery: routes, faults, record, clock, persistence, stopping."""

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from channels.sandbox.faults import Match
from channels.sandbox.seed import seed_demo
from channels.sandbox.server import Sandbox
from channels.sandbox.wire import Body, BodyCut, Request, Response
from tests.patience import wait_for

TOKEN = {"Authorization": "Bearer sandbox-github-token"}
REPOSITORY = "/github/repos/headend-demo/aurora"
ROOT = Path(__file__).resolve().parents[2]


def count(sandbox: Sandbox, path: str) -> int:
    return len(sandbox.requests(path=path))


def test_unknown_paths_and_methods_are_told_apart(sandbox):
    assert requests.get(f"{sandbox.url}/nowhere").status_code == 404
    assert requests.delete(f"{sandbox.url}/sandbox/clock").status_code == 405
    assert requests.head(f"{sandbox.url}/sandbox/clock").text == ""


def test_a_foreign_host_name_is_refused(sandbox):
    answer = requests.get(f"{sandbox.url}/sandbox/state", headers={"Host": f"evil.example:{sandbox.port}"})
    assert answer.status_code == 421


def test_a_body_that_is_not_json_is_refused(sandbox):
    answer = requests.post(f"{sandbox.url}/sandbox/faults", data="{nonsense")
    assert answer.status_code == 400


def test_an_unknown_kind_of_fault_is_refused_by_name(sandbox):
    answer = requests.post(f"{sandbox.url}/sandbox/faults", json={"kind": "gremlins"})
    assert answer.status_code == 422
    assert "gremlins" in answer.json()["message"]


def test_faults_are_set_listed_and_removed_over_http(sandbox):
    fault = {"match": {"method": "GET", "path": "/clock"}, "kind": "status_before", "status": 503, "times": 2}
    assert requests.post(f"{sandbox.url}/sandbox/faults", json=fault).status_code == 201
    assert requests.get(f"{sandbox.url}/sandbox/faults").json()[0]["times"] == 2
    assert requests.delete(f"{sandbox.url}/sandbox/faults/99").status_code == 404
    assert requests.delete(f"{sandbox.url}/sandbox/faults/1").status_code == 204
    assert requests.get(f"{sandbox.url}/sandbox/faults").json() == []
    requests.post(f"{sandbox.url}/sandbox/faults", json=fault)
    assert requests.delete(f"{sandbox.url}/sandbox/faults").status_code == 204
    assert requests.get(f"{sandbox.url}/sandbox/faults").json() == []


def test_the_controls_themselves_never_fail(sandbox):
    sandbox.faults.add("", "status_before", times=None)
    assert requests.get(f"{sandbox.url}/sandbox/clock").status_code == 200


def test_a_fault_before_the_effect_happens_as_often_as_asked(sandbox):
    seed_demo(sandbox.store)
    sandbox.faults.add("/aurora", "status_before", status=503, times=2)
    got = [requests.get(f"{sandbox.url}{REPOSITORY}", headers=TOKEN).status_code for _ in range(3)]
    assert got == [503, 503, 200]


def test_a_fault_after_the_effect_leaves_the_effect(sandbox):
    seed_demo(sandbox.store)
    sandbox.faults.add(Match("PUT", "/contents/"), "status_after", status=502)
    body = {"message": "add", "content": "aGVsbG8="}
    url = f"{sandbox.url}{REPOSITORY}/contents/hello.txt"
    assert requests.put(url, json=body, headers=TOKEN).status_code == 502
    assert requests.get(url, headers=TOKEN).json()["size"] == 5


def test_a_timeout_drops_the_connection_and_is_recorded_at_once(sandbox):
    seed_demo(sandbox.store)
    sandbox.faults.add("/aurora", "timeout_before", hold_seconds=30)
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(f"{sandbox.url}{REPOSITORY}", headers=TOKEN, timeout=0.3)
    (entry,) = wait_for(lambda: sandbox.requests(path="aurora"))
    assert (entry.status, entry.fault) == (None, "timeout_before")


def test_a_cut_leaves_the_client_without_an_answer(sandbox):
    seed_demo(sandbox.store)
    sandbox.faults.add("/contents/", "cut", after_bytes=10)
    url = f"{sandbox.url}{REPOSITORY}/contents/hello.txt"
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.put(url, json={"message": "add", "content": "aGVsbG8="}, headers=TOKEN)
    assert requests.get(url, headers=TOKEN).status_code == 404


def test_half_an_answer_comes_after_the_effect_and_then_the_connection_ends(sandbox):
    seed_demo(sandbox.store)
    sandbox.faults.add(Match("PUT", "/contents/"), "truncated")
    url = f"{sandbox.url}{REPOSITORY}/contents/hello.txt"
    with pytest.raises((requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.put(url, json={"message": "add", "content": "aGVsbG8="}, headers=TOKEN)
    assert requests.get(url, headers=TOKEN).json()["size"] == 5
    (entry,) = sandbox.requests("PUT", "/contents/")
    assert (entry.status, entry.fault) == (201, "truncated")


def test_an_answer_without_a_body_is_cut_in_its_head(sandbox):
    sandbox.faults.add(Match("GET", "/github/zen"), "truncated")
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as raw:
        raw.sendall(b"HEAD /github/zen HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % sandbox.port)
        raw.settimeout(5)
        whole = raw.recv(4096)
    assert whole.startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize(("kind", "made"), [("html_before", 404), ("html_after", 200)])
def test_a_proxy_answers_with_its_page_instead_of_or_after_the_service(sandbox, kind, made):
    seed_demo(sandbox.store)
    sandbox.faults.add(Match("PUT", "/contents/"), kind, status=200)
    url = f"{sandbox.url}{REPOSITORY}/contents/hello.txt"
    answer = requests.put(url, json={"message": "add", "content": "aGVsbG8="}, headers=TOKEN)
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (200, "text/html")
    assert requests.get(url, headers=TOKEN).status_code == made


@pytest.mark.parametrize(
    ("path", "kind", "status", "word"),
    [
        ("/youtube/youtube/v3/videos", "quota", 403, "quotaExceeded"),
        ("/youtube/youtube/v3/videos", "rate_limit", 429, "rateLimitExceeded"),
        ("/youtube/youtube/v3/videos", "status_before", 502, "backendError"),
        ("/github/user", "rate_limit", 403, "secondary rate limit"),
        ("/github/user", "status_before", 502, "Server Error"),
    ],
)
def test_each_service_fails_in_its_own_words(sandbox, path, kind, status, word):
    sandbox.faults.add(path, kind)
    answer = requests.get(f"{sandbox.url}{path}")
    assert answer.status_code == status
    assert word in answer.text


def test_a_fault_can_have_its_own_body_and_headers(sandbox):
    sandbox.faults.add("/x", "status_before", status=500, body="<html>oops", headers={"X-Oops": "1"})
    answer = requests.get(f"{sandbox.url}/x")
    assert (answer.text, answer.headers["X-Oops"]) == ("<html>oops", "1")


def test_the_record_keeps_bodies_but_none_of_the_token_endpoint(sandbox):
    requests.post(f"{sandbox.url}/sandbox/faults", json={"kind": "slow", "delay_seconds": 0, "match": {}})
    requests.post(f"{sandbox.url}/oauth/token", json={"refresh_token": "secret"})
    entries = {entry["path"]: entry for entry in requests.get(f"{sandbox.url}/sandbox/requests").json()}
    assert "slow" in entries["/sandbox/faults"]["body"]
    assert entries["/oauth/token"]["body"] is None
    sandbox.clear_requests()
    assert sandbox.requests() == []


def test_the_clock_moves_on_request(sandbox):
    before = sandbox.store.now()
    assert requests.post(f"{sandbox.url}/sandbox/clock", json={"advance_seconds": 3600}).status_code == 200
    assert (sandbox.store.now() - before).total_seconds() >= 3600
    assert requests.post(f"{sandbox.url}/sandbox/clock", json={}).status_code == 422


def test_state_survives_a_stop_in_the_data_folder(tmp_path: Path):
    with Sandbox(data_dir=tmp_path) as first:
        assert requests.post(f"{first.url}/sandbox/seed").json() == {"seeded": "demo"}
        port = first.port
        before = requests.get(f"{first.url}/sandbox/state", params={"section": "github"}).json()
    with Sandbox(port, tmp_path) as second:
        assert requests.get(f"{second.url}/sandbox/state", params={"section": "github"}).json() == before
        seed_demo(second.store)
        assert second.store.snapshot()["github"] == before


def test_what_was_answered_is_already_on_disk(tmp_path: Path):
    with Sandbox(data_dir=tmp_path) as sandbox:
        requests.post(f"{sandbox.url}/sandbox/clock", json={"advance_seconds": 7})
        assert '"ahead_seconds": 7.0' in (tmp_path / "sandbox.json").read_text()


def test_stopping_does_not_wait_for_held_requests():
    sandbox = Sandbox().start()
    sandbox.faults.add("/held", "timeout_before", hold_seconds=60)
    sandbox.faults.add("/slow", "slow", delay_seconds=60)
    ended = []

    def ask(path: str) -> None:
        try:
            requests.get(f"{sandbox.url}{path}")
        except requests.exceptions.RequestException:
            ended.append(path)
        else:
            ended.append(path)

    threads = [threading.Thread(target=ask, args=(path,)) for path in ("/held", "/slow")]
    for thread in threads:
        thread.start()
    wait_for(lambda: sum(fault["hits"] for fault in sandbox.faults.as_list()) == 2)
    sandbox.stop()
    sandbox.stop()  # a second time is harmless
    for thread in threads:
        thread.join(30)  # the requests were to be held for 60 s
    assert sorted(ended) == ["/held", "/slow"]
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", sandbox.port), timeout=1)


def test_a_chunked_body_is_read_whole(sandbox):
    def pieces():
        yield b'{"advance_'
        yield b'seconds": 1}'

    assert requests.post(f"{sandbox.url}/sandbox/clock", data=pieces()).status_code == 200


def test_a_file_is_served_in_ranges(tmp_path: Path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"0123456789")

    def answer(extent: str | None) -> Response:
        headers = {"Range": extent} if extent else {}
        return Response.file(Request("GET", "/x", "", headers, Body(None, 0, False)), path)

    assert answer(None).status == 200
    assert answer("bytes=2-4").headers["Content-Range"] == "bytes 2-4/10"
    assert (answer("bytes=-3").file_offset, answer("bytes=8-").file_bytes) == (7, 2)
    assert answer("bytes=10-").status == 416


def test_a_client_that_goes_away_in_mid_body_is_noticed():
    near, far = socket.socketpair()
    near.sendall(b"half")
    near.close()
    with far.makefile("rb") as stream, pytest.raises(BodyCut):
        Body(stream, 100, False).read()
    far.close()


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.slow
def test_the_process_says_where_it_is_and_stops_when_told(tmp_path: Path, name):
    command = [sys.executable, "-m", "channels.sandbox", "--data", str(tmp_path), "--seed", "demo"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        url = process.stdout.readline().removeprefix("sandbox at ").strip()
        assert requests.get(f"{url}{REPOSITORY}", headers=TOKEN).json()["full_name"] == "headend-demo/aurora"
        process.send_signal(name)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert (tmp_path / "sandbox.json").exists()


def test_a_taken_port_is_an_error_at_once(sandbox):
    with pytest.raises(OSError):
        Sandbox(sandbox.port)
