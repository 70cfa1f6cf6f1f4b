"""Decide where a library may connect at the very moment it does, whatever way it takes.

Media come through `fetch.Guard`, which connects itself. A library that connects by its own means (a notification service's)
is watched here: the interpreter tells of every connection before it is made, with the address that a name has become, so
that a name which means another host by then, or a redirect, helps nobody.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from .addresses import IPNetwork, why_refused

ANYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
"""Opens every network, but for the platforms' own addresses, which are open only where one is named itself."""
_EVENTS = frozenset({"socket.connect", "socket.sendto"})


class ConnectionForbidden(ConnectionError):
    """A connection was not made, because it leads where it must not."""


@dataclass(slots=True)
class Watch:
    """What is open in a block, and why the first connection in it was refused."""

    opened: Sequence[IPNetwork]
    refused: str = ""


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextlib.contextmanager
def only_to(opened: Sequence[IPNetwork] = ()) -> Iterator[Watch]:
    """Let this thread connect, in the block, to public addresses and to `opened` only."""
    watch = Watch(opened)
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    """Hear of a connection before it is made; what is raised here prevents it (PEP 578)."""
    if event not in _EVENTS or (watch := _watch.get()) is None:
        return
    connection, target = arguments
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    try:
        address = ipaddress.ip_address(str(target[0]).partition("%")[0])
        what = why_refused(address, watch.opened)
    except ValueError:
        what = "a name, which may mean anything"
    if what:
        watch.refused = watch.refused or f"{target[0]} is not a public address ({what})"
        raise ConnectionForbidden(watch.refused)


sys.addaudithook(_look)
