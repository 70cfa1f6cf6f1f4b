"""Break off at a named boundary of the protocol, on request of a test or a drill; never in a real installation.

    HEADEND_FAILPOINTS="arming.set=lost, run.dispatched=kill:2, flip.called=stop:75"

`failpoint("arming.set")` stands right after the call or the commit that it is named for. It does nothing unless that name
is set; then, as often as `:times` says (once, without it):

* ``raise``: as if the database had gone away just there
* ``lost``: as if the answer of the call before it had been lost: nobody knows whether it took effect
* ``full``: as if the disk were full
* ``kill``: SIGKILL for this process
* ``stop:SECONDS``: SIGSTOP for this process, and SIGCONT after so many seconds

``HEADEND_FAILPOINTS=@FOLDER`` looks in a folder each time, for a file of the boundary's name with the action in it; whoever
takes the file away has it happen. So a drill says it to whichever process comes by first.

HEADEND_FAILPOINTS is taken only where every address leads to this machine, as to a sandbox.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError

from channels.gateways.errors import RemoteUncertain

NAMES = (
    "claim.committed",
    "outcome.written",
    "marker.wanted",
    "marker.stored",
    "session.opened",
    "session.stored",
    "upload.returned",
    "upload.recorded",
    "run.intended",
    "run.dispatched",
    "run.written",
    "run.handed_over",
    "run.permitted",
    "run.reported",
    "run.seen_staged",
    "run.confirmed",
    "arming.intended",
    "arming.set",
    "arming.confirmed",
    "disarm.looked",
    "disarm.called",
    "disarm.recorded",
    "flip.intended",
    "flip.called",
    "flip.read_back",
    "flip.recorded",
    "recall.looked",
    "recall.called",
    "recall.recorded",
    "edit.intended",
    "edit.called",
    "edit.recorded",
    "extra.intended",
    "extra.called",
    "extra.recorded",
    "sync.written",
    "sync.secret_stored",
    "misfire.settled",
    "webhook.written_out",
    "webhook.sent",
)
"""Every boundary, in the order of the protocol. A name that is not here cannot be set."""

ACTIONS = ("raise", "lost", "full", "kill", "stop")


@dataclass(slots=True)
class Setting:
    """What happens at one boundary, and how often still."""

    action: str
    times: int = 1
    seconds: float = 0.0


class _Folder(dict[str, Setting]):
    """Settings that lie as files in a folder, each for the one process that removes it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def get(self, name: str, default: Any = None) -> Any:
        """Take the setting of a boundary, if there is one and no other process took it."""
        file = self._folder / name
        try:
            text = file.read_text(encoding="utf-8").strip()
            file.unlink()
        except OSError:
            return default
        return parse(f"{name}={text}").get(name, default)


_set: dict[str, Setting] = {}
reached: Counter[str] = Counter()
"""How often something happened at a boundary, in this process."""


def failpoint(name: str) -> None:
    """Break off here, if that is wanted. Raises: OperationalError, RemoteUncertain, OSError, as the setting says."""
    setting = _set.get(name)
    if setting is not None:
        _happen(name, setting)


def _happen(name: str, setting: Setting) -> None:
    if setting.times < 1:
        return
    setting.times -= 1
    reached[name] += 1
    match setting.action:
        case "raise":
            raise OperationalError(f"failpoint {name}")
        case "lost":
            raise RemoteUncertain(f"failpoint {name}: the answer was lost")
        case "full":
            raise OSError(errno.ENOSPC, f"failpoint {name}")
        case "kill":
            kill()
        case "stop":
            _stop(setting.seconds)


def kill() -> None:
    """End this process as SIGKILL does; a test in one process puts an exception in its place."""
    os.kill(os.getpid(), signal.SIGKILL)


def _stop(seconds: float) -> None:
    """Stand still, whole process, until a helper lets it go on."""
    code = "import os, signal, sys, time; time.sleep(float(sys.argv[1])); os.kill(int(sys.argv[2]), signal.SIGCONT)"
    subprocess.Popen([sys.executable, "-c", code, str(seconds), str(os.getpid())], start_new_session=True)
    os.kill(os.getpid(), signal.SIGSTOP)


def parse(text: str) -> dict[str, Setting]:
    """Read ``name=action[:number]`` parts between commas. Raises: ValueError, naming the part."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, rest = part.partition("=")
        action, *numbers = rest.split(":")
        if name not in NAMES:
            raise ValueError(f"{part!r}: there is no failpoint {name!r}")
        if action not in ACTIONS or len(numbers) > 1:
            raise ValueError(f"{part!r}: an action is one of {', '.join(ACTIONS)}")
        try:
            number = float(numbers[0]) if numbers else None
        except ValueError:
            raise ValueError(f"{part!r}: {numbers[0]!r} is no number") from None
        if action == "stop":
            found[name] = Setting(action, seconds=60.0 if number is None else number)
        else:
            found[name] = Setting(action, times=1 if number is None else int(number))
    return found


def leads_to_this_machine() -> bool:
    """Return whether every remote address is one of this machine, as a sandbox's is."""
    addresses = (settings.GITHUB_API_URL, settings.YOUTUBE_API_URL, settings.GOOGLE_TOKEN_URL)
    return all(urlsplit(address).hostname in ("127.0.0.1", "localhost", "::1") for address in addresses)


def fault_of(text: str) -> str:
    """Return what is wrong with a value of HEADEND_FAILPOINTS; empty, if nothing."""
    if text and not leads_to_this_machine():
        return (
            "HEADEND_FAILPOINTS is set, but GITHUB_API_URL, YOUTUBE_API_URL and GOOGLE_TOKEN_URL do not all lead to this "
            "machine. Failpoints are for drills before a sandbox; unset it."
        )
    try:
        if not text.startswith("@"):
            parse(text)
    except ValueError as error:
        return f"HEADEND_FAILPOINTS: {error}."
    return ""


def load(text: str) -> None:
    """Take the setting at start. Raises: ImproperlyConfigured, where it is wrong or this is no sandbox."""
    if not text:
        return
    fault = fault_of(text)
    if fault:
        raise ImproperlyConfigured(fault)
    global _set
    _set = _Folder(Path(text[1:])) if text.startswith("@") else parse(text)


@contextmanager
def armed(text: str) -> Iterator[Counter[str]]:
    """Set failpoints for a test; gives how often each has happened since."""
    before = dict(_set)
    reached.clear()
    _set.update(parse(text))
    try:
        yield reached
    finally:
        _set.clear()
        _set.update(before)
