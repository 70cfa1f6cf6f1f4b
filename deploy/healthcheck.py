"""Say by the exit code whether a process of Headend works; for a container's health check. Needs nothing but Python.

    python3 deploy/healthcheck.py web|control|work|beat [ADDRESS OF WEB]

web is asked whether it answers, by default at HEADEND_PORT of this machine, where deploy/run starts it. The
others listen nowhere: web, which may run elsewhere, says when they last showed life.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

PART = {"control": "worker", "work": "worker", "beat": "beat"}


def host_name() -> str:
    """Return a host name to which Headend answers."""
    allowed = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".")
    return allowed.strip("*") or urlsplit(os.environ.get("HEADEND_PUBLIC_URL", "")).hostname or "localhost"


def ask(address: str) -> str:
    """Return what web says; 503 is an answer, too, as it names the part that does not work."""
    request = urllib.request.Request(address, headers={"Host": host_name()})  # noqa: S310 - the address is the operator's
    try:
        with urllib.request.urlopen(request, timeout=4) as answer:  # noqa: S310
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        return error.read().decode()


def main(process: str, web: str = "") -> str:
    """Return what is wrong with a process; empty if nothing is."""
    web = web or f"http://127.0.0.1:{os.environ.get('HEADEND_PORT') or 8000}"
    try:
        if process == "web":
            said = ask(f"{web}/healthz")
            return "" if said.split(" ")[0] == "ok" else said
        part = json.loads(ask(f"{web}/readyz"))["checks"][PART[process]]
    except (OSError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}"
    return "" if part["ok"] else part["detail"]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) or None)
