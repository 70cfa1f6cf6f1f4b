"""Measure what events cost: writing out and sending a day of 1,000 channels, on the database of DATABASE_URL.

    DATABASE_URL=postgres://… python tests/benchmarks/bench_webhooks.py [EVENTS]

It makes a database of its own beside that one, a receiver on the loopback in a process of its own, and throws both away.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import django

RECEIVER = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def main(count: int) -> None:
    """Print what each step costs."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["HEADEND_WEBHOOK_PRIVATE_HOSTS"] = "yes"
    django.setup()
    from django.db import connection, transaction

    from orchestration.core import audit, sealing
    from orchestration.models import WebhookDelivery
    from orchestration.webhooks import deliveries, endpoints
    from tests import factories

    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    receiver = subprocess.Popen([sys.executable, "-c", RECEIVER], stdout=subprocess.PIPE, text=True)
    try:
        assert receiver.stdout is not None
        port = int(receiver.stdout.readline())
        audit.this_process_acts_as(audit.Acting("benchmark"))
        schedule: Any = factories.ScheduleFactory()
        sealing.seal()
        row, _ = endpoints.add(name="bench", url=f"http://127.0.0.1:{port}/", events=["schedule.*"])
        details: dict[str, Any] = {"before": {"state": "publishing"}, "after": {"state": "published"}}
        begun = time.perf_counter()
        for start in range(0, count, 500):
            with transaction.atomic():
                audit.record_all(
                    [
                        audit.entry("schedule_published", schedule, **details)
                        for _ in range(min(500, count - start))
                    ]
                )
        _say("the record alone", begun, count)
        begun = time.perf_counter()
        sealing.seal(most_blocks=10_000)
        _say("sealing, which is done anyway", begun, count)
        begun = time.perf_counter()
        deliveries.write_out_all(row.pk, most=10_000)
        _say("writing out for one endpoint", begun, count)
        begun = time.perf_counter()
        sent = deliveries.send_due(row.pk, seconds=600)
        _say("sending to one endpoint", begun, sent)
        print(f"delivered: {WebhookDelivery.objects.filter(outcome='delivered').count():,} of {count:,}")
        begun = time.perf_counter()
        for _ in range(50):
            deliveries.look()
        print(f"a look that finds nothing: {(time.perf_counter() - begun) / 50 * 1000:.1f} ms")
    finally:
        receiver.kill()
        receiver.wait()
        connection.creation.destroy_test_db(name, verbosity=0)


def _say(what: str, begun: float, count: int) -> None:
    took = time.perf_counter() - begun
    print(f"{what}: {took:.2f} s, {count / took:,.0f} a second, {took / max(count, 1) * 1000:.2f} ms each")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
