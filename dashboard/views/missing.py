"""Turn the service's `not found` into a page that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.http import Http404

from orchestration.errors import NotFound

Answer = TypeVar("Answer")


def found(call: Callable[[], Answer]) -> Answer:
    """Return the service's answer. Raises: Http404, if the id in the address names nothing."""
    try:
        return call()
    except NotFound as error:
        raise Http404(error.message) from error
