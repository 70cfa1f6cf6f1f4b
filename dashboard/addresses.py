"""Say the address of a page of the console.

Django works an address out from all patterns each time; a list asks for hundreds. Here the address of each page is worked
out once, and numbers are put into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django import urls

_STANDS_FOR = 8_070_605_040_302_010
"""A number that stands in no address; it is where the row's number goes."""


def reverse(name: str, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None) -> str:
    """Return what `django.urls.reverse` returns, below the prefix that this request came by.

    Raises: NoReverseMatch.
    """
    if kwargs:
        return urls.reverse(name, kwargs=kwargs)
    where = (urls.get_script_prefix(), urls.get_urlconf())
    if len(args) == 1 and type(args[0]) is int and args[0] >= 0:
        before, after = _around(where, name)
        return f"{before}{args[0]}{after}"
    if all(isinstance(arg, str) for arg in args):
        return _known(where, name, tuple(map(str, args)))
    return urls.reverse(name, args=args)


@lru_cache(maxsize=512)
def _around(where: tuple[str, str | None], name: str) -> tuple[str, str]:
    before, _, after = urls.reverse(name, args=[_STANDS_FOR]).partition(str(_STANDS_FOR))
    return before, after


@lru_cache(maxsize=4096)
def _known(where: tuple[str, str | None], name: str, args: tuple[str, ...]) -> str:
    return urls.reverse(name, args=args)
