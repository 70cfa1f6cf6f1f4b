"""Rows are locked in one place, so that others may still refer to them."""

import ast
from pathlib import Path

import pytest

import channels
import orchestration
from channels.models import Channel

ROOT = Path(orchestration.__file__).parent.parent
ONE_PLACE = "channels/querysets.py"


def callers(name: str) -> set[tuple[str, str]]:
    """Return the file and the function of each call of a method of this name."""
    found = set()
    for package in (channels, orchestration):
        for path in Path(package.__file__).parent.rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for function in ast.walk(ast.parse(text)) if f".{name}(" in text else ():
                if isinstance(function, ast.FunctionDef):
                    found |= {
                        (path.relative_to(ROOT).as_posix(), function.name)
                        for call in ast.walk(function)
                        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == name
                    }
    return found


def test_rows_are_locked_in_one_place():
    assert {path for path, _ in callers("select_for_update")} == {ONE_PLACE}
    assert len(callers("locked")) > 30, "the search finds what it looks for"


@pytest.mark.postgres_only
@pytest.mark.django_db
@pytest.mark.parametrize("lock", ["locked", "locked_where_free"])
def test_a_lock_leaves_others_free_to_refer_to_the_row(lock):
    """A new job names its channel and its publication: with FOR UPDATE its insert would wait for whoever locks them."""
    said = str(getattr(Channel.objects.select_related("credential"), lock)().query)
    assert 'FOR NO KEY UPDATE OF "channels_channel"' in said
