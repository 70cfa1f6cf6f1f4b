"""Another machine in miniature: a network namespace with a host name of its own, two links to here, and one that is cut.

By the first link it reaches database and broker, by the second what stands for the internet: the sandbox. So it can be cut
off from its control room in the middle of an upload that goes on.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.drills.chaos_parts.servers import Relay

ROOT = Path(__file__).resolve().parents[3]
HERE, FAR = "10.77.83.1", "10.77.83.2"
OUTSIDE_HERE, OUTSIDE_FAR = "10.77.84.1", "10.77.84.2"
RELAY = """
import sys, time
from tests.drills.chaos_parts.servers import Relay
port = int(sys.argv[1])
Relay(("127.0.0.1", port), [(sys.argv[2], port)])
while True:
    time.sleep(60)
"""


class Namespace:
    """One namespace of this drill's own."""

    def __init__(self, sandbox_port: int) -> None:
        self.sandbox_port = sandbox_port
        number = os.getpid() % 10_000
        self.name = f"headend-{number}"
        self.bridge, self.link, self.outside = f"hdb{number}", f"hda{number}", f"hdo{number}"
        self.cuts = 0
        self._relay: Relay | None = None
        self._far_relay: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the namespace and its links. The first is plugged into a bridge, so that a cut takes no address away."""
        ip("netns", "add", self.name)
        ip("link", "add", self.bridge, "type", "bridge")
        ip("addr", "add", f"{HERE}/24", "dev", self.bridge)
        ip("link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("link", "set", self.link, "master", self.bridge)
        ip("link", "add", self.outside, "type", "veth", "peer", "name", "eth1", "netns", self.name)
        ip("addr", "add", f"{OUTSIDE_HERE}/24", "dev", self.outside)
        for link in (self.bridge, self.link, self.outside):
            ip("link", "set", link, "up")
        inside = ("-n", self.name)
        ip(*inside, "addr", "add", f"{FAR}/24", "dev", "eth0")
        ip(*inside, "addr", "add", f"{OUTSIDE_FAR}/24", "dev", "eth1")
        for link in ("lo", "eth0", "eth1"):
            ip(*inside, "link", "set", link, "up")
        time.sleep(1)  # a bridge listens before it hands on
        self._relay = Relay((OUTSIDE_HERE, self.sandbox_port), [("127.0.0.1", self.sandbox_port)])
        self._far_relay = subprocess.Popen(
            self.within([sys.executable, "-c", RELAY, str(self.sandbox_port), OUTSIDE_HERE]),
            cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, start_new_session=True,
        )  # fmt: skip

    def within(self, command: Sequence[str]) -> list[str]:
        """Return a command as it runs in the namespace, on a machine named `far`."""
        named = ["unshare", "--uts", "sh", "-c", 'hostname far; exec "$@"', "far", *command]
        return ["ip", "netns", "exec", self.name, *named]

    def cut(self) -> None:
        """Pull the plug of the link to database and broker: nobody is told, everything just ends."""
        ip("link", "set", self.link, "down")
        self.cuts += 1

    def mend(self) -> None:
        """Plug it in again."""
        with contextlib.suppress(subprocess.SubprocessError):
            ip("link", "set", self.link, "up")

    def stop(self) -> None:
        """Take everything away."""
        if self._far_relay is not None:
            self._far_relay.kill()
            self._far_relay.wait()
        if self._relay is not None:
            self._relay.stop()
        for words in (
            ("link", "del", self.link),
            ("link", "del", self.outside),
            ("link", "del", self.bridge),
            ("netns", "del", self.name),
        ):
            with contextlib.suppress(subprocess.SubprocessError):
                ip(*words)


def ip(*words: str) -> None:
    """Change what the kernel knows of links and namespaces."""
    subprocess.run(["ip", *words], check=True, timeout=20, capture_output=True)
