"""Tell which pinned packages have known vulnerabilities, by what the package index last said of them.

    .venv/bin/python .ci/advisories.py           check requirements*.txt against advisories.json, without the network
    .venv/bin/python .ci/advisories.py refresh   ask the index about each package, and write advisories.json anew

The index tells of the newest version of a package; of a package that is pinned to an older one its file says so, and
`pip-audit -r requirements.txt`, which asks by version, knows more where its services are reached.
"""

from __future__ import annotations

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import requests
from pip._internal.models.index import PyPI

HERE = Path(__file__).parent
KEPT = HERE / "advisories.json"
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
OLD_DAYS = 90
"""Days after which the data is called old; only a person with a network can make it younger, so it is told only."""


def pinned() -> dict[str, str]:
    """Return each package that requirements name, with its version."""
    return dict(PIN.findall((HERE.parent / "requirements-dev.txt").read_text(encoding="utf-8")))


def looked_up(name: str) -> dict[str, object]:
    """Return the newest version of a package and the advisories that hold for it; raises requests.RequestException."""
    answer = requests.get(f"{PyPI.pypi_url}/{name}/json", timeout=30)
    answer.raise_for_status()
    told = answer.json()
    return {
        "version": told["info"]["version"],
        "advisories": sorted(one["id"] for one in told["vulnerabilities"] if not one.get("withdrawn")),
    }


def refresh() -> int:
    """Ask about every package, all or nothing, and keep what was said with its date."""
    names = sorted(pinned())
    with ThreadPoolExecutor(4) as lookups:
        packages = dict(zip(names, lookups.map(looked_up, names), strict=True))
    asked = f"{datetime.now(UTC):%Y-%m-%d}"
    KEPT.write_text(json.dumps({"asked": asked, "packages": packages}, indent=1) + "\n", encoding="utf-8")
    return check()


def check() -> int:
    """Print what is known of the pinned versions; return 1 for an advisory, or for a package nobody has asked about."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    packages, status, older = kept["packages"], 0, []
    for name, version in pinned().items():
        told = packages.get(name)
        if told is None:
            print(f"{name}: nobody has asked about it yet; run .ci/advisories.py refresh")
            status = 1
        elif told["version"] != version:
            older.append(f"{name} {version} (newest {told['version']})")
        elif told["advisories"]:
            print(f"{name} {version}: {', '.join(told['advisories'])}")
            status = 1
    asked = datetime.strptime(kept["asked"], "%Y-%m-%d").replace(tzinfo=UTC)
    days = (datetime.now(UTC) - asked).days
    print(
        f"{len(packages)} packages asked about on {kept['asked']}"
        + (", LONG AGO: refresh" if days > OLD_DAYS else "")
    )
    if older:
        print(f"not the newest, so nothing is known of: {', '.join(sorted(older))}")
    return status


if __name__ == "__main__":
    sys.exit(refresh() if sys.argv[1:] == ["refresh"] else check())
