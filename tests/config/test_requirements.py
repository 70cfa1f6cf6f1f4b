"""Hold the compiled requirements to what pip needs of them when newer releases have come out."""

import importlib.metadata
import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config import env

PINNED = re.compile(r"^([a-z0-9._-]+)(?:\[([a-z0-9._,-]+)\])?==(\S+)", re.MULTILINE)


def pinned(name: str) -> dict[str, set[str]]:
    """Return the packages that a file pins, each with the extras that it pins with it."""
    text = (env.BASE_DIR / name).read_text(encoding="utf-8")
    return {package: set(filter(None, extras.split(","))) for package, extras, _ in PINNED.findall(text)}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_an_extra_that_a_package_asks_for_is_pinned_with_it(name: str) -> None:
    """Found when coverage 7.17.4 came out: pytest-cov asks for coverage[toml], for which pip took the newest and
    refused it for having no hash, although coverage itself was pinned."""
    pins = pinned(name)
    assert len(pins) > 30
    lacking = set()
    for package, extras in pins.items():
        try:
            needs = importlib.metadata.requires(package) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # pinned for another platform or Python
        for need in map(Requirement, needs):
            applies = [
                need.marker is None or need.marker.evaluate({"extra": extra}) for extra in ("", *extras)
            ]
            wanted = canonicalize_name(need.name)
            if any(applies) and need.extras - pins.get(wanted, set()):
                lacking.add(f"{package} asks for {wanted}[{','.join(sorted(need.extras))}]")
    assert lacking == set()


def test_what_runs_is_pinned_alike_for_running_and_for_testing() -> None:
    running = (env.BASE_DIR / "requirements.txt").read_text(encoding="utf-8")
    testing = (env.BASE_DIR / "requirements-dev.txt").read_text(encoding="utf-8")
    assert set(PINNED.findall(running)) - set(PINNED.findall(testing)) == set()
