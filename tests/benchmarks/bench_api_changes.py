"""Measure changes over the API while many make them at once, each on a channel of its own, against the web server itself.

    DATABASE_URL=postgres://… python tests/benchmarks/bench_api_changes.py [--seconds 10] [--clients 1,4,16,32]

Makes a database beside the named one (`<name>_changes`) and throws it away. Each client pauses and resumes its channel over
one connection that it keeps. Beside it stands a floor: one psycopg session that updates and commits one indexed row. A
change holds its transaction until its answer is made, so what is looked for is whether changes wait for each other.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
CHANNELS = 64
PREPARE = f"""
from channels.models import Channel
from orchestration.register import tokens
for n in range({CHANNELS}):
    Channel.objects.create(slug=f"c{{n}}", name=f"Channel {{n}}", timezone="UTC")
print("TOKEN", tokens.issue(name="bench", scope="operate")[1])
"""


def manage(*words: str, text: str = "") -> str:
    """Run a management command; return what it said."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def one_client(
    port: int, token: str, channel: int, until: float, took: list[float], refused: list[str]
) -> None:
    """Pause and resume a channel until it is time; note how long each took, and what was refused."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Host": "localhost"}
    verbs = 0
    while verbs % 2 or time.perf_counter() < until:
        begun = time.perf_counter()
        verb = "resume" if verbs % 2 else "pause"
        connection.request("POST", f"/api/channels/{channel}/{verb}", body=b"{}", headers=headers)
        answer = connection.getresponse()
        said = answer.read()
        took.append(time.perf_counter() - begun)
        verbs += 1
        if answer.status != 200:
            refused.append(f"{answer.status} {said[:120]!r}")
    connection.close()


def floor(url: str, seconds: float) -> float:
    """Return how many single-row updates a second one session commits."""
    with psycopg.connect(url, autocommit=True) as session:
        begun, many = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            session.execute("UPDATE channels_channel SET priority = %s WHERE id = 1", [many % 10])
            many += 1
        return many / (time.perf_counter() - begun)


def main() -> None:
    """Print a row for each number of clients."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=10)
    options.add_argument("--clients", default="1,4,16,32")
    given = options.parse_args()
    server = urlsplit(os.environ["DATABASE_URL"])
    name = f"{server.path.strip('/')}_changes"
    with psycopg.connect(urlunsplit(server._replace(path="/postgres")), autocommit=True) as session:
        session.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        session.execute(f'CREATE DATABASE "{name}"')
    url = urlunsplit(server._replace(path=f"/{name}"))
    with tempfile.TemporaryDirectory(prefix="headend-bench-") as folder:
        os.environ |= {
            "DATABASE_URL": url,
            "HEADEND_DATA_DIR": folder,
            "HEADEND_LOG_FILE": "no",
            "HEADEND_API_PER_MINUTE": "0",
            "CELERY_BROKER_URL": "memory://",
            "HEADEND_PYTHON": sys.executable,
            "HEADEND_PORT": "18377",
        }
        manage("migrate", "--noinput")
        manage("collectstatic", "--noinput")
        token = next(
            line.split()[1] for line in manage("shell", text=PREPARE).splitlines() if line.startswith("TOKEN")
        )
        web = subprocess.Popen([str(ROOT / "deploy" / "run"), "web"], stderr=subprocess.DEVNULL)
        try:
            measure(given, token, url)
        finally:
            web.terminate()
            web.wait(20)
    with psycopg.connect(urlunsplit(server._replace(path="/postgres")), autocommit=True) as session:
        session.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def measure(given: argparse.Namespace, token: str, url: str) -> None:
    """Ask with more and more clients."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen("http://127.0.0.1:18377/healthz", timeout=5) as answer:
                answer.read()
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
    with psycopg.connect(url) as session:
        ids = [row[0] for row in session.execute("SELECT id FROM channels_channel ORDER BY id")]
    print(f"(floor: one row updated and committed)  {floor(url, 2):8.0f} a second")
    print(f"{'clients':>8} {'a second':>9} {'p50 ms':>8} {'p95 ms':>8} {'refused':>8}")
    for clients in map(int, given.clients.split(",")):
        took: list[float] = []
        refused: list[str] = []
        until = time.perf_counter() + given.seconds
        threads = [
            threading.Thread(target=one_client, args=(18377, token, ids[n], until, took, refused))
            for n in range(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took.sort()
        p95 = took[int(len(took) * 0.95)]
        print(
            f"{clients:8} {len(took) / given.seconds:9.0f} {statistics.median(took) * 1000:8.1f} {p95 * 1000:8.1f} "
            f"{len(refused):8}"
        )
        for said in sorted(set(refused))[:3]:
            print(json.dumps(said))


if __name__ == "__main__":
    main()
