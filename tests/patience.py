"""Wait for what happens in another thread or process: with patience, for the machine may be busy with other things."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 60


def wait_for(condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Return the first true value of a condition; fail if it never has one."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.02)
    return value
