"""Whoever was away is told of every kind of entry, or it was decided that nobody is: a new verb cannot be forgotten."""

import ast
from collections.abc import Iterator
from pathlib import Path

from orchestration.monitoring.matters import OF_VERB, QUIET

ROOT = Path(__file__).resolve().parents[2] / "orchestration"
WRITES = {"record", "entry"}


def verbs_written() -> Iterator[str]:
    """Yield the verbs of entries that the code names outright; those made of a state are transitions."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            if called in WRITES and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def test_every_verb_is_told_or_left_out_on_purpose():
    written = set(verbs_written())
    assert len(written) > 80  # else the pattern has become blind
    assert written - OF_VERB.keys() - QUIET == set()


def test_nothing_is_both():
    assert OF_VERB.keys() & QUIET == set()
