"""Run the sandbox as a process: ``python -m channels.sandbox --port 20080 --data var/sandbox --seed demo``."""

from __future__ import annotations

import argparse
import logging
import signal
import socket
from pathlib import Path

from channels.sandbox.server import Sandbox


def main() -> None:
    """Serve until told to stop by SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m channels.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument(
        "--data", type=Path, help="folder to keep state in; without it all is forgotten at the end"
    )
    parser.add_argument("--seed", choices=["demo"], help="put the demo's content in where it is missing")
    parser.add_argument(
        "--ledger", type=Path, help="file to write down in what happens; see channels.sandbox.ledger"
    )
    parser.add_argument(
        "--run-queue-seconds", type=float, default=1.0, help="how long a GitHub run stays queued"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s sandbox %(levelname)s %(message)s")
    # Read as bytes: a handler in Python runs only when this thread is not about to sleep, and a signal that comes just
    # before it sleeps on a lock would wake nobody.
    told, signals = socket.socketpair()
    signals.setblocking(False)
    signal.set_wakeup_fd(signals.fileno(), warn_on_full_buffer=False)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: None)
    sandbox = Sandbox(
        options.port, options.data, ledger=options.ledger, run_queue_seconds=options.run_queue_seconds
    )
    if options.seed:
        from channels.sandbox.seed import seed_demo

        seed_demo(sandbox.store)
    sandbox.start()
    print(f"sandbox at {sandbox.url}", flush=True)
    told.recv(1)
    sandbox.stop()


if __name__ == "__main__":
    main()
