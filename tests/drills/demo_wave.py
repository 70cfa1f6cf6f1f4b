"""Run the demo again and again, kill a worker on the way, and see that its wave goes public on all channels at once.

    .venv/bin/python tests/drills/demo_wave.py [--runs 5] [--kill work|control|none|random]

Each run starts `manage.py up --demo` on a fresh data folder, kills one worker with SIGKILL at a random moment before the
wave, waits for the wave's instant, and judges by the sandbox's own clock. Ends with exit code 1 if any run failed.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
CHANNELS = 6


def free_port() -> int:
    """Return a free port outside the ephemeral range."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def get(url: str):
    """Return the JSON at an address, or None while nobody answers."""
    try:
        with urlopen(url, timeout=5) as answer:
            return json.load(answer)
    except (URLError, OSError, ValueError):
        return None


def until(condition, seconds: float):
    """Return the first true value of a condition, or None after a while."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.3)
    return None


def workers(data_dir: Path, queue: str) -> list[int]:
    """Return the main processes of the worker of a queue, told apart from other installations by their environment."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            name = (process / "comm").read_text().strip()
            mine = f"HEADEND_DATA_DIR={data_dir}".encode() in (process / "environ").read_bytes().split(b"\0")
            if mine and (name == f"headend-{queue}" or (b"worker" in words and queue.encode() in words)):
                found.append(int(process.name))
    parents = {
        pid: int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
        for pid in found
    }
    return [pid for pid in found if parents[pid] not in found]


def one_run(number: int, kill: str) -> bool:
    """Run the demo once; returns whether its wave kept every promise."""
    data_dir = Path(tempfile.mkdtemp(prefix="headend-drill-"))
    port = free_port()
    environment = {**os.environ, "HEADEND_DATA_DIR": str(data_dir)}
    for name in ("DATABASE_URL", "CELERY_BROKER_URL"):
        environment.pop(name, None)
    with (data_dir / "up.log").open("w") as log:
        up = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--demo", "--port", str(port)],
            cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        return _judge(number, kill, data_dir, up)
    finally:
        began = time.monotonic()
        up.send_signal(signal.SIGINT)
        try:
            up.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(up.pid, signal.SIGKILL)
        took = time.monotonic() - began
        print(f"   stopped in {took:.1f} s{'' if took <= 10 else '  MORE THAN 10 s'}", flush=True)
        shutil.rmtree(data_dir, ignore_errors=True)


def _judge(number: int, kill: str, data_dir: Path, up: subprocess.Popen) -> bool:
    def wave_line() -> str:
        text = (data_dir / "up.log").read_text()
        return next((line for line in text.splitlines() if "Wave" in line), "")

    sandbox = until(lambda: _sandbox_port(data_dir), 60)
    publications = f"http://127.0.0.1:{sandbox}/sandbox/youtube/publications"
    if not until(lambda: get(publications) is not None, 60):
        print(f"{number}: the sandbox did not start")
        return False
    if kill != "none":
        time.sleep(random.uniform(6, 45))
        queue = random.choice(["work", "control"]) if kill == "random" else kill
        for pid in workers(data_dir, queue):
            os.kill(pid, signal.SIGKILL)
            print(
                f"   killed worker {queue} (pid {pid}) at {datetime.now().astimezone():%H:%M:%S}", flush=True
            )
    seen = (
        until(lambda: len(get(publications) or []) >= CHANNELS and get(publications), 180)
        or get(publications)
        or []
    )
    time.sleep(3)
    seen = get(publications) or seen
    instants = sorted(datetime.fromisoformat(item["public_at"]) for item in seen)
    planned = {item["publish_at"] for item in seen}
    channels = {item["channel_id"] for item in seen}
    spread = (instants[-1] - instants[0]).total_seconds() if instants else float("nan")
    early = [item for item in seen if item["publish_at"] and item["public_at"] < item["publish_at"]]
    good = len(seen) == CHANNELS and len(channels) == CHANNELS and spread <= 1 and not early
    print(
        f"{number}: {'ok' if good else 'FAILED'}: {len(seen)} publications on {len(channels)} channels, "
        f"first to last {spread:.3f} s, planned for {', '.join(map(str, planned))}",
        flush=True,
    )
    if not good:
        print((data_dir / "up.log").read_text()[-3000:], wave_line())
    return good


def _sandbox_port(data_dir: Path) -> str:
    with contextlib.suppress(OSError):
        for line in (data_dir / "installation.env").read_text().splitlines():
            if line.startswith("HEADEND_SANDBOX_PORT="):
                return line.partition("=")[2]
    return ""


def main() -> None:
    """Run as often as asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--kill", choices=["work", "control", "none", "random"], default="random")
    options = parser.parse_args()
    good = sum(one_run(number, options.kill) for number in range(1, options.runs + 1))
    print(f"{good} of {options.runs} runs kept every promise")
    sys.exit(good != options.runs)


if __name__ == "__main__":
    main()
