"""Name the process that holds a lease, so that another one can tell whether it still lives."""

import os
import socket
import threading
from functools import cache
from pathlib import Path


@cache
def host() -> str:
    """Return a name for the place whose process ids we can see: host, boot and process namespace."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8])
        parts.append(str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]"))
    except OSError:
        pass  # not Linux: the host's name has to do
    return ".".join(parts)[:80]


def _started(pid: int) -> str:
    """Return when a process started, in clock ticks since boot; empty if it is gone, or is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def me() -> str:
    """Return the holder's name of the calling thread: host/pid/start/thread."""
    pid = os.getpid()
    return f"{host()}/{pid}/{_started(pid)}/{threading.get_ident() % 100000}"


def is_gone(holder: str) -> bool:
    """Return whether a holder certainly does not run any more; False where that cannot be known from here."""
    where, _, rest = holder.partition("/")
    if where != host():
        return False
    pid, _, rest = rest.partition("/")
    started = rest.partition("/")[0]
    if not pid.isdigit():
        return False
    if Path("/proc/self/stat").exists():
        return not started or _started(int(pid)) != started
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
