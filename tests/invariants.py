"""Hold the engine to its promises after a test: `pytestmark = pytest.mark.usefixtures("keeps_invariants")`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestration.monitoring import invariants


@pytest.fixture
def keeps_invariants(db: None) -> Iterator[None]:
    """Look for broken invariants once the test is over, while its rows still stand."""
    yield
    assert_kept()


def assert_kept() -> None:
    """Fail with a sentence for each broken invariant, as if the clock ran."""
    found = invariants.check(ticking=True, everything=True)
    assert not found, "\n".join(map(str, found))
