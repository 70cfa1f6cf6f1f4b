"""Give tests a sandbox of their own: a fixture that starts it in a thread on a free port and stops it after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from channels.sandbox.server import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Start an empty sandbox; seed it with `channels.sandbox.seed.seed_demo(sandbox.store)` if content is needed."""
    with Sandbox(run_queue_seconds=0.05) as running:
        yield running
