"""Read a feed of 10,000 entries: whole, repaired, and with nothing new; against the bare XML parser in the same run.

    python tests/benchmarks/bench_feeds.py

Prints CPU seconds (the best of three). `feedparser` and `lxml`, which Headend does not need, are
timed where they are installed.
"""

from __future__ import annotations

import ipaddress
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from orchestration.media.feeds import read_feed
from orchestration.media.listing import read_source

ENTRIES = 10_000


def document(*, fault: str = "") -> bytes:
    """Return an RSS feed."""
    items = "".join(
        f'<item><title>Episode {n}</title><guid isPermaLink="false">g{n}</guid><link>https://films.example/{n}</link>'
        "<pubDate>Tue, 03 Mar 2026 10:00:00 +0000</pubDate>"
        f"<description><![CDATA[<p>Some <b>words</b> about it.</p>]]>{fault}</description>"
        f'<enclosure url="https://films.example/{n}.mp4?a=1&amp;b=2" type="video/mp4" length="1"/></item>'
        for n in range(ENTRIES)
    )
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>F</title>{items}</channel></rss>'.encode()
    )


def cpu(work: Callable[[], object]) -> float:
    """Return the least CPU time of three runs, in seconds."""
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best


def unchanged(feed: bytes) -> tuple[float, int, int]:
    """Read a feed that has not changed over HTTP; return CPU seconds, requests and bytes of the answer's body."""
    sent = {"requests": 0, "bytes": 0}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_same = self.headers.get("If-None-Match") == '"one"'
            body = b"" if is_same else feed
            sent["requests"] += 1
            sent["bytes"] += len(body)
            self.send_response(304 if is_same else 200)
            self.send_header("ETag", '"one"')
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/feed.xml"
    common = {
        "limit": 20,
        "allowed_networks": [ipaddress.ip_network("127.0.0.0/8")],
        "timeout_seconds": 60,
    }
    first = read_source(url, **common)
    sent.update(requests=0, bytes=0)
    begun = time.process_time()
    again = read_source(url, **common, validators=first.validators)
    spent = time.process_time() - begun
    server.shutdown()
    assert again.is_unchanged
    return spent, sent["requests"], sent["bytes"]


def main() -> None:
    """Print the figures."""
    feed = document()
    floor = cpu(lambda: ElementTree.fromstring(feed))  # noqa: S314 - made above
    print(f"{ENTRIES:,} entries, {len(feed) / 1e6:.1f} MB; bare ElementTree {floor:.3f} s")
    figures = {
        "read whole": lambda: read_feed(feed, feed_url="https://films.example/"),
        "read whole, &nbsp; repaired": lambda: read_feed(
            document(fault="&nbsp;"), feed_url="https://films.example/"
        ),
        "read whole, entry by entry": lambda: read_feed(
            document(fault="<br>"), feed_url="https://films.example/"
        ),
    }
    try:
        from lxml import etree

        recover = etree.XMLParser(recover=True, resolve_entities=False, no_network=True)
        figures["lxml, recovering, bare"] = lambda: etree.fromstring(feed, recover)
    except ImportError:
        pass
    try:
        import feedparser

        figures["feedparser"] = lambda: feedparser.parse(feed)
    except ImportError:
        pass
    for name, work in figures.items():
        spent = cpu(work)
        print(f"{name:32} {spent:6.3f} s  x {spent / floor:.0f}")
    spent, requests, size = unchanged(feed)
    print(f"{'nothing new':32} {spent:6.3f} s  {requests} request, {size} bytes of feed")


if __name__ == "__main__":
    main()
