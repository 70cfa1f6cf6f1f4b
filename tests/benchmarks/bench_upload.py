"""Measure an upload over loopback against curl sending the same file to a receiver that only writes it.

    python tests/benchmarks/bench_upload.py [--gigabytes 2] [--runs 3]

Starts the web server as `up` does, on a scratch folder with SQLite. Prints throughput, as a ratio to the floor of the same
run, and the most memory that the server had: for a file of 10 MB and for the large one. Asserts nothing, since the machines
are shared and noisy. Figures with machine and date are kept in docs/performance.md.
"""

import argparse
import base64
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from email.message import Message
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
SCRATCH = Path(tempfile.mkdtemp(prefix="headend-bench-"))
os.environ["HEADEND_DATA_DIR"] = str(SCRATCH / "data")
os.environ.setdefault("CELERY_BROKER_URL", "memory://")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.core.management import call_command

from config.supervisor import plan
from orchestration.core.audit import Acting, this_process_acts_as
from orchestration.models import ApiToken
from orchestration.register import tokens
from orchestration.service import CentralOrchestrationService

TUS = {"Tus-Resumable": "1.0.0"}
MEGABYTE = 1024 * 1024


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Floor(threading.Thread):
    """Receive one request after the other and do no more than write each body to a file, and to the disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path, self.socket = path, socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"

    def run(self) -> None:
        """Serve for good."""
        while True:
            line, _ = self.socket.accept()
            with line:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += line.recv(65536)
                head, _, rest = head.partition(b"\r\n\r\n")
                left = int(re.search(rb"(?i)content-length: (\d+)", head)[1]) - len(rest)
                block = bytearray(MEGABYTE)
                with self.path.open("wb", buffering=0) as file:
                    file.write(rest)
                    while left and (count := line.recv_into(block, min(left, len(block)))):
                        file.write(memoryview(block)[:count])
                        left -= count
                    os.fsync(file.fileno())
                line.sendall(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def send(file: Path, url: str, *headers: str, method: str = "PATCH") -> float:
    """Send a file by curl; returns the seconds."""
    began = time.monotonic()
    given = [part for header in ("Expect:", *headers) for part in ("-H", header)]
    told = subprocess.run(
        ["curl", "-sS", "-X", method, "-T", file, "-o", os.devnull, "-w", "%{http_code}", *given, url],
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout == "204", told.stdout
    return time.monotonic() - began


def ask(method: str, url: str, **headers: str) -> Message:
    """Send a request without a body; returns the answer's headers."""
    request = urllib.request.Request(url, method=method, headers={**TUS, **headers})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers


def peak_megabytes(parent: int) -> float:
    """Return the most memory that the server and its workers ever had, in MB."""
    most = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        is_ours = status.parent.name == str(parent) or f"\nPPid:\t{parent}\n" in text
        if is_ours and (found := re.search(r"VmHWM:\s+(\d+)", text)):
            most += int(found[1])
    return most / 1024


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    call_command("migrate", verbosity=0)
    secret = tokens.issue("bench", ApiToken.Scope.OPERATE)[1]
    source = CentralOrchestrationService().add_upload_source(name="Bench", rights_basis="owned")
    port = free_port()
    log = (SCRATCH / "web.log").open("wb")
    server = subprocess.Popen(plan.web("127.0.0.1", port), cwd=ROOT, stderr=log)
    bearer = {"Authorization": f"Bearer {secret}"}
    address = f"http://127.0.0.1:{port}/api/uploads"
    try:
        while True:
            try:
                ask("GET", address, **bearer)
                break
            except OSError:
                time.sleep(0.2)
        for bytes_ in (10 * MEGABYTE, int(given.gigabytes * 1024 * MEGABYTE)):
            measure(bytes_, given.runs, address, source.pk, bearer, server.pid)
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(SCRATCH, ignore_errors=True)


def measure(bytes_: int, runs: int, address: str, source_id: int, bearer: dict[str, str], pid: int) -> None:
    """Send a file of so many bytes by turns to the floor and to us."""
    file = SCRATCH / "film.mp4"
    block = os.urandom(MEGABYTE)
    with file.open("wb") as out:
        for _ in range(bytes_ // MEGABYTE):
            out.write(block)
    floor = Floor(SCRATCH / "floor.bin")
    floor.start()
    ours, floors = [], []
    size = file.stat().st_size
    for _ in range(runs):
        floors.append(send(file, floor.url))
        floor.path.unlink()
        pairs = {"filename": "film.mp4", "source_id": str(source_id)}
        said = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())
        told = ask("POST", address, **bearer, **{"Upload-Length": str(size), "Upload-Metadata": said})
        headers = {
            **TUS,
            **bearer,
            "Upload-Offset": "0",
            "Content-Type": "application/offset+octet-stream",
        }
        lines = [f"{key}: {value}" for key, value in headers.items()]
        ours.append(send(file, told["Location"], *lines))
        for part in (SCRATCH / "data" / "media" / "uploads").glob("*.part"):
            part.unlink()
    us, them = statistics.median(ours), statistics.median(floors)
    print(
        f"{size / 1e9:.2f} GB: ours {size / us / 1e6:,.0f} MB/s, floor {size / them / 1e6:,.0f} MB/s, "
        f"ratio {them / us:.2f}; most memory of the server {peak_megabytes(pid):.0f} MB"
    )


if __name__ == "__main__":
    this_process_acts_as(Acting("a benchmark"))
    main()
