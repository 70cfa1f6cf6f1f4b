"""The sandbox of a drill, as a process of its own: channels and repositories by number, nothing rationed, a ledger."""

import argparse
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from channels.sandbox import github_state, youtube_state
from channels.sandbox.seed import GITHUB_TOKEN
from channels.sandbox.server import Sandbox

PLENTY = 10**8


def slugs(channels: int, github: int) -> list[tuple[str, bool]]:
    """Return the names of the channels, and whether GitHub stages them."""
    return [(f"chaos-{number}", number < github) for number in range(channels)]


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--channels", type=int, required=True)
    parser.add_argument("--github", type=int, required=True)
    options = parser.parse_args()
    sandbox = Sandbox(options.port, ledger=options.ledger, run_queue_seconds=0.5)
    store = sandbox.store
    github_state.add_token(store, GITHUB_TOKEN, hourly_limit=PLENTY, content_per_minute=PLENTY)
    for slug, by_github in slugs(options.channels, options.github):
        youtube_state.add_channel(store, slug)
        if by_github:
            github_state.add_repository(store, f"headend/{slug}")
    youtube_state.configure(
        store, uploads_per_day=PLENTY, units_per_day=PLENTY, channel_uploads_per_day=PLENTY
    )
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sandbox.start()
    print(f"sandbox at {sandbox.url}", flush=True)
    while not told.wait(1):
        pass
    sandbox.stop()


if __name__ == "__main__":
    main()
