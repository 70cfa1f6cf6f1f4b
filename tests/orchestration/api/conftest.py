"""Give callers of the API by what they may do."""

from collections.abc import Callable

import pytest

from orchestration.register import tokens
from tests.orchestration.api_client import ApiClient


@pytest.fixture
def caller_with(db: None) -> Callable[[str], ApiClient]:
    """Give callers by scope."""

    def make(scope: str) -> ApiClient:
        _, text = tokens.issue(f"{scope} caller", scope)
        return ApiClient(text)

    return make


@pytest.fixture
def api(caller_with: Callable[[str], ApiClient]) -> ApiClient:
    """Give a caller who may do what administrators do; who may what is told in test_roles.py."""
    return caller_with("admin")


@pytest.fixture
def stranger(db: None) -> ApiClient:
    """Give a caller without a token."""
    return ApiClient()
