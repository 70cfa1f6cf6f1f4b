"""Rows are locked so that others may still refer to them; the stronger lock needs a reason of its own."""

import ast
from pathlib import Path

import orchestration

DELETES_WHAT_IT_LOCKS = {("scheduling/plan_writer.py", "_standing")}


def test_a_lock_leaves_others_free_to_refer_to_the_row():
    """A new job names its channel and its publication: with FOR UPDATE its insert would wait for whoever locks them."""
    root = Path(orchestration.__file__).parent
    found = set()
    for path in root.rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                found |= {
                    (path.relative_to(root).as_posix(), function.name)
                    for call in ast.walk(function)
                    if isinstance(call, ast.Call)
                    and getattr(call.func, "attr", "") == "select_for_update"
                    and "no_key" not in {keyword.arg for keyword in call.keywords}
                }
    assert found == DELETES_WHAT_IT_LOCKS
