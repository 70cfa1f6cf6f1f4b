"""Hold Python's cycle collector back while a large plan is made.

A plan makes a few hundred thousand small values and no cycles. The collector runs after so many allocations and walks
everything that lives, so that a plan beside a hundred thousand loaded schedules took twice as long as one beside none, and
the time per schedule grew with their number. Reference counting frees what is dropped in the meantime all the same.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_lock = threading.Lock()
_holders = 0
_was_enabled = False


def with_gc_paused(work: Callable[P, T]) -> Callable[P, T]:
    """Run a function with the cycle collector held back; the last of several threads lets it go again."""

    @wraps(work)
    def held(*args: P.args, **kwargs: P.kwargs) -> T:
        global _holders, _was_enabled
        with _lock:
            if _holders == 0:
                _was_enabled = gc.isenabled()
                gc.disable()
            _holders += 1
        try:
            return work(*args, **kwargs)
        finally:
            with _lock:
                _holders -= 1
                if _holders == 0 and _was_enabled:
                    gc.enable()

    return held
