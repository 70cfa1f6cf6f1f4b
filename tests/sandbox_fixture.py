"""Give tests a sandbox of their own: a fixture that starts it in a thread on a free port and stops it after.

What went over its wire is held against the official descriptions of GitHub and YouTube as it stops, wherever these can be
had (`tests/contracts/official.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts import official
from tests.contracts.recorder import RecordingSandbox


@pytest.fixture
def sandbox() -> Iterator[RecordingSandbox]:
    """Start an empty sandbox; seed it with `channels.sandbox.seed.seed_demo(sandbox.store)` if content is needed."""
    with RecordingSandbox(run_queue_seconds=0.05) as running:
        yield running
        if not official.missing():
            wrong = sorted({str(one) for one in running.violations()})
            assert not wrong, "not as described:\n" + "\n".join(wrong)
