"""Measure how much faster four workers are than one, where the work waits for the network.

    DATABASE_URL=postgres://… .venv/bin/python tests/benchmarks/bench_workers.py [--jobs 40] [--seconds 0.5] [--workers 4]

Makes a scratch database beside the named one and removes it. Each worker is a process that claims and runs jobs as in
service (`engine.worker.work`: claim under pools, lease, outcome); what a job does is one HTTP call to a server that takes
its time to answer. Workers start together, once all have loaded.
Figures with machine and date are kept in docs/performance.md.
"""

import argparse
import multiprocessing
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.bench_engine import channels, fresh  # isort: skip - sets Django up

from django.conf import settings
from django.db import connection
from django.test.utils import setup_databases, teardown_databases

from channels.models import Channel
from orchestration.core.audit import Acting, this_process_acts_as
from orchestration.engine import worker
from orchestration.models import Job
from orchestration.queue import jobs as queue
from orchestration.states import JobKind, JobState


def serve(seconds: float) -> int:
    """Start a server that answers each call after so many seconds; returns its port."""

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(seconds)  # this is what is measured: a remote that takes its time
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])


def be_worker(port: int, start: Barrier) -> None:
    """Run jobs until none is left; called in a fork of its own."""
    import requests

    connection.close()
    worker.RUNNERS[JobKind.CHECK, "local"] = lambda job, lease: {
        "status": requests.get(f"http://127.0.0.1:{port}/", timeout=60).status_code
    }
    connection.ensure_connection()
    start.wait()
    while worker.work(fast=True):
        pass
    connection.close()


def run(count: int, jobs: int, port: int) -> float:
    """Return the seconds that so many workers take for so many jobs."""
    fresh()
    for channel in Channel.objects.filter(pk__in=channels(jobs)):
        queue.enqueue(JobKind.CHECK, dedupe_key=f"bench:{channel.pk}", channel=channel)
    connection.close()
    context = multiprocessing.get_context("fork")
    start = context.Barrier(count + 1)
    workers = [context.Process(target=be_worker, args=(port, start)) for _ in range(count)]
    for each in workers:
        each.start()
    start.wait()
    began = time.perf_counter()
    for each in workers:
        each.join()
    took = time.perf_counter() - began
    done = Job.objects.filter(kind=JobKind.CHECK, state=JobState.SUCCEEDED).count()
    if done != jobs:
        raise SystemExit(f"{done} of {jobs} jobs succeeded")
    return took


def main() -> None:
    """Measure one worker and several, and print both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=0.5, help="that each call waits")
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args()
    settings.LOGGING_CONFIG = None
    port = serve(options.seconds)
    kept = setup_databases(verbosity=0, interactive=False)
    try:
        alone = run(1, options.jobs, port)
        together = run(options.workers, options.jobs, port)
        print(
            f"{options.jobs} jobs that wait {options.seconds} s each (floor {options.jobs * options.seconds:.1f} s)"
        )
        print(
            f"  1 worker {alone:.2f} s, {options.workers} workers {together:.2f} s: {alone / together:.2f} times"
        )
    finally:
        connection.close()
        teardown_databases(kept, verbosity=0)


if __name__ == "__main__":
    this_process_acts_as(Acting("a benchmark"))
    main()
