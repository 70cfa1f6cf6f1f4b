"""Ask the web server whether the installation is ready."""

import http.client
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Readiness:
    """One answer of /readyz: whether all works, and what does not."""

    ready: bool
    faults: tuple[str, ...] = ()


def ask(host: str, port: int, host_header: str, timeout_seconds: float = 2.0) -> Readiness:
    """Ask /readyz once. No answer is an answer too."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_seconds)
    try:
        connection.request("GET", "/readyz", headers={"Host": host_header})
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        return Readiness(False, (f"web: {error or type(error).__name__}",))
    finally:
        connection.close()
    if response.status == 200:
        return Readiness(True)
    try:
        checks = json.loads(body)["checks"]
        faults = tuple(f"{name}: {entry['detail']}" for name, entry in checks.items() if not entry["ok"])
    except (ValueError, KeyError, TypeError, AttributeError):
        faults = ()
    return Readiness(False, faults or (f"web: /readyz answered {response.status}",))
