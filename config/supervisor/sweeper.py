"""Wait for the supervisor to die, then kill what it had started. Started by `processes.Sweeper`.

Reads lines from its input: `+123` is a process group to kill, `-123` one that has ended. The end of the input
means that the supervisor is gone, also after `kill -9`. Imports little, for it lives as long as Headend does.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    """Read until the supervisor is gone, then kill what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(OSError):  # already gone
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
