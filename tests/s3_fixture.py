"""Give tests a small S3."""

import threading
from collections.abc import Iterator

import pytest

from tests.s3_server import S3, serving


@pytest.fixture
def s3() -> Iterator[S3]:
    """An S3 on a free port of loopback."""
    made = S3()
    server = serving(made)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join(5)
