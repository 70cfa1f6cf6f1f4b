"""Decide where a library may connect at the very moment it does, whatever way it takes.

Media come through `fetch.Guard`, which connects itself. A library that connects by its own means (a notification service's)
is watched here: every socket of Python asks before it connects or sends, with the address that a name has become, so that a
name which means another host by then, or a redirect, helps nobody.

An audit hook (PEP 578) would be told the same and more, but of everything that the interpreter does: each of its calls can
hand over to another thread, and Python 3.11 then refuses to let a debugger or a coverage tool follow the threads.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from .addresses import IPNetwork, why_refused

ANYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
"""Opens every network, but for the platforms' own addresses, which are open only where one is named itself."""


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


def _look(connection: socket.socket, target: Any) -> None:
    """Refuse a connection that leads where the block it is made in does not allow."""
    if (watch := _watch.get()) is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    try:
        address = ipaddress.ip_address(str(target[0]).partition("%")[0])
        what = why_refused(address, watch.opened)
    except ValueError:
        what = "a name, which may mean anything"
    if what:
        watch.refused = watch.refused or f"{target[0]} is not a public address ({what})"
        raise ConnectionForbidden(watch.refused)


def _asking(method: Callable[..., Any], takes_target_at: int) -> Callable[..., Any]:
    """Return a socket's method that asks first; -1 where the target is the last of what it is given."""

    @functools.wraps(method)
    def ask(self: socket.socket, *given: Any) -> Any:
        if len(given) > takes_target_at and (target := given[takes_target_at]) is not None:
            _look(self, target)
        return method(self, *given)

    return ask


def _watch_sockets() -> None:
    """Let every socket ask. Those of TLS and of asyncio are such sockets, and connect by the same methods."""
    for name, takes_target_at in (("connect", 0), ("connect_ex", 0), ("sendto", -1), ("sendmsg", 3)):
        if hasattr(socket.socket, name):
            setattr(socket.socket, name, _asking(getattr(socket.socket, name), takes_target_at))


_watch_sockets()
