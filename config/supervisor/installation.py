"""Know what a data folder holds, a demo or a real installation, and never let the two mix."""

import errno
import os
import secrets
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from channels.sandbox import seed as sandbox
from config import broker, env
from config.supervisor.errors import CannotStart

SANDBOX_PORT = "HEADEND_SANDBOX_PORT"
KIND = "HEADEND_INSTALLATION"
PORTS = range(20000, 32000)  # below the range from which the system takes ports for outgoing connections

BIND_FAULTS = {
    errno.EADDRINUSE: "another program listens there; choose another port with --port.",
    errno.EADDRNOTAVAIL: "this machine has no such address; give --host one of its own.",
    errno.EACCES: "this user may not listen there; choose a port of 1024 or more with --port.",
}


def refuse_mixing(kept: Mapping[str, str], *, demo: bool, has_rows: bool, data_dir: Path) -> None:
    """Refuse a demo on a real installation, and the other way round.

    Raises:
        CannotStart: the data folder or its database holds the other kind.
    """
    holds_demo = env.DEMO_FLAG in kept
    holds_real = kept.get(KIND) == "real" or (has_rows and not holds_demo)
    if holds_demo and not demo:
        raise CannotStart(
            f"{data_dir} holds a demo, whose channels live in the sandbox. Start it with --demo, "
            "or set HEADEND_DATA_DIR to another folder for a real installation."
        )
    if holds_real and demo:
        raise CannotStart(
            f"{data_dir} or its database holds a real installation, and a demo must not mix with it. "
            "Start it without --demo, or set HEADEND_DATA_DIR to another folder for the demo."
        )
    if demo and env.one_of("HEADEND_ENV", ("development", "production"), "development") == "production":
        raise CannotStart("A demo does not run with HEADEND_ENV=production.")


def settle(
    kept: Mapping[str, str], *, demo: bool, host: str, port: int, brings_server: bool
) -> dict[str, str]:
    """Return what every process of this installation has to know, keeping what was settled before."""
    values = {KIND: "demo" if demo else "real"}
    if not brings_server:
        values[broker.KIND] = "files"
    if demo:
        values |= demo_values(kept, host=host, port=port)
    return values


def demo_values(kept: Mapping[str, str], *, host: str, port: int) -> dict[str, str]:
    """Return the addresses and credentials that make the sandbox this demo's outside world.

    They are the settings that GitHub Enterprise or a proxy would use; nothing else in Headend knows of the demo.
    The sandbox keeps its port, for the demo's sources and repositories are stored with it.

    Raises:
        CannotStart: another program has taken the sandbox's port meanwhile.
    """
    sandbox_port = int(kept.get(SANDBOX_PORT) or 0)
    if not sandbox_port:
        sandbox_port = free_port()
    elif not is_free("127.0.0.1", sandbox_port):
        raise CannotStart(
            f"Port {sandbox_port} on 127.0.0.1, at which this demo's sandbox lives, is taken by another program. "
            "End that one, or start a new demo with HEADEND_DATA_DIR set to another folder."
        )
    base = f"http://127.0.0.1:{sandbox_port}"
    return {
        env.DEMO_FLAG: "yes",
        SANDBOX_PORT: str(sandbox_port),
        "HEADEND_PUBLIC_URL": local_url(host, port),
        "HEADEND_SOURCE_NETWORKS": "127.0.0.0/8",
        "HEADEND_STATISTICS_SECONDS": "20",
        "GITHUB_API_URL": f"{base}/github",
        "GITHUB_TOKEN": sandbox.GITHUB_TOKEN,
        "GITHUB_APP_ID": "",  # one that is set in the shell is not for the sandbox
        "GITHUB_OIDC_ISSUER": f"{base}/oidc",
        "GITHUB_WEBHOOK_SECRET": kept.get("GITHUB_WEBHOOK_SECRET") or secrets.token_hex(20),
        "YOUTUBE_API_URL": f"{base}/youtube",
        "GOOGLE_TOKEN_URL": f"{base}/oauth/token",
        "GOOGLE_AUTH_URL": f"{base}/oauth/authorize",
        "GOOGLE_CLIENT_ID": sandbox.CLIENT_ID,
        "GOOGLE_CLIENT_SECRET": sandbox.CLIENT_SECRET,
    }


def write(data_dir: Path, values: Mapping[str, str]) -> None:
    """Write the installation file in one step, readable by its owner alone."""
    lines = [
        "# Written by manage.py up for every process of this installation; it is written anew at each start."
    ]
    lines += [f"{name}={value}" for name, value in values.items()]
    handle, draft = tempfile.mkstemp(dir=data_dir, prefix=f".{env.INSTALLATION_FILE}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    Path(draft).replace(data_dir / env.INSTALLATION_FILE)
    env.reset_installation()


def local_url(host: str, port: int) -> str:
    """Return the address at which this machine reaches the web server."""
    if host in ("0.0.0.0", "", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listening_address(host: str) -> str:
    """Return the address that a host stands for, an IPv4 one first: the web server takes no name.

    Raises:
        CannotStart: there is no host of this name.
    """
    if not host:
        return "0.0.0.0"  # noqa: S104 - what an empty host means to a socket
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CannotStart(
            f"No host of the name {host} is known; give --host an address of this machine."
        ) from None
    return str(min(found, key=lambda entry: entry[0] != socket.AF_INET)[4][0])


def why_not_free(host: str, port: int) -> str:
    """Return why a server may not listen there, in words that go on after a colon; empty where it may."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return BIND_FAULTS.get(error.errno or 0, f"the system says: {error.strerror}.")
    return ""


def is_free(host: str, port: int) -> bool:
    """Return whether a server may listen there."""
    return not why_not_free(host, port)


def free_port() -> int:
    """Return a free port on loopback.

    Raises:
        CannotStart: none was found, which means that something else is wrong.
    """
    for _ in range(200):
        port = secrets.choice(PORTS)
        if is_free("127.0.0.1", port):
            return port
    raise CannotStart(f"No free port was found on 127.0.0.1 between {PORTS.start} and {PORTS.stop}.")


def allowed_hosts(host: str) -> list[str]:
    """Return the names under which browsers may reach a server that listens on `host`."""
    names = ["localhost", "127.0.0.1", "[::1]"]
    if host in ("0.0.0.0", "", "::"):  # noqa: S104 - compared, not bound
        name = socket.gethostname()
        names += [name, socket.getfqdn()]
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except OSError:
            found = []
        addresses = [str(entry[4][0]) for entry in found]
        names += [f"[{address}]" if ":" in address else address for address in addresses]
        names += _outgoing_address()
    else:
        names.append(f"[{host}]" if ":" in host else host)
    return list(dict.fromkeys(names))


def _outgoing_address() -> list[str]:
    # Connecting a datagram socket sends nothing; it only asks the kernel which of our addresses it would use.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return [probe.getsockname()[0]]
        except OSError:
            return []
