"""The channel repository template keeps the rules of a safe workflow, and its script runs on its own."""

import ast
import re
import sys
from pathlib import Path

import pytest

from channels.sandbox.github_state import TEMPLATE, template_files
from channels.sandbox.workflow_file import WorkflowError, fill_in, parse_yaml, read_workflow

WORKFLOW = TEMPLATE / ".github/workflows/headend.yml"
SCRIPT = TEMPLATE / "headend/stage.py"


@pytest.fixture(scope="module")
def text() -> str:
    return WORKFLOW.read_text()


@pytest.fixture(scope="module")
def document(text):
    return parse_yaml(text)


def test_no_expression_stands_inside_a_command(document):
    """An expression in `run` is pasted into the shell before it starts: script injection."""
    commands = [step["run"] for step in document["jobs"]["stage"]["steps"] if "run" in step]
    assert commands == ["python3 headend/stage.py"]


def test_inputs_appear_only_in_the_run_name_and_in_env(text, document):
    steps = document["jobs"]["stage"]["steps"]
    in_env = sum("inputs." in str(value) for step in steps for value in (step.get("env") or {}).values())
    in_title = document["run-name"].count("inputs.")
    assert (in_env, in_title) == (2, 1)
    assert len(re.findall(r"\$\{\{\s*inputs\.", text)) == 3


def test_the_run_can_be_found_by_its_title(document):
    title = fill_in(document["run-name"], {"inputs": {"correlation_id": "hd-7"}})
    assert "hd-7" in title.split()


def test_it_has_the_least_permissions_and_an_end(document):
    job = document["jobs"]["stage"]
    assert document["permissions"] == {}
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    assert 0 < job["timeout-minutes"] <= 180


def test_only_headend_starts_it(document):
    assert list(document["on"]) == ["workflow_dispatch"]
    assert {
        name: rule["required"] for name, rule in document["on"]["workflow_dispatch"]["inputs"].items()
    } == {
        "correlation_id": True,
        "job_sheet": True,
    }


def test_a_waiting_run_is_not_cancelled_by_the_next(document):
    assert document["concurrency"] == {"group": "headend-stage", "cancel-in-progress": False, "queue": "max"}


def test_every_action_is_pinned_by_commit_with_its_version(text):
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    for action, remark in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), action
        assert re.match(r" # v\d+", remark), action
    assert "persist-credentials: false" in text


def test_the_script_needs_nothing_but_python():
    tree = ast.parse(SCRIPT.read_text())
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported <= set(sys.stdlib_module_names)


def test_the_script_never_asks_for_anything_but_private():
    assert re.findall(r'"privacyStatus": "(\w+)"', SCRIPT.read_text()) == ["private"]


def test_the_template_is_complete():
    assert set(template_files()) == {
        ".github/workflows/headend.yml",
        "README.md",
        "headend/readings.json",
        "headend/stage.py",
    }
    assert all(isinstance(content, bytes) and content for content in template_files().values())
    assert not list(Path(TEMPLATE).rglob("__pycache__"))


# -- the reader that these tests and the sandbox use ------------------------------------------------------------


def test_workflow_yaml_is_understood():
    text = """
# a comment
name: "Quoted # not a comment"
on: [push]
env:
  PLAIN: a#b
  BLOCK: |
    one
    two
list:
  - first
  -
    key: 1
  - key: true
    other: 'x'   # remark
same:
- a
"""
    with pytest.raises(WorkflowError):
        read_workflow(text)
    lines = text.replace("  -\n    key: 1\n", "")
    assert parse_yaml(lines) == {
        "name": "Quoted # not a comment",
        "on": "[push]",
        "env": {"PLAIN": "a#b", "BLOCK": "one\ntwo"},
        "list": ["first", {"key": True, "other": "x"}],
        "same": ["a"],
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "No jobs"),
        ("name: x\njobs:\n  a:\n    steps:\n      - run: x", "No event triggers"),
        ("on: push\njobs:\n  a:\n    name: x", "no steps"),
        ("on: push\n  nonsense", "not understood"),
        ("on: push\nwhat is this", "not understood"),
    ],
)
def test_a_broken_workflow_says_why(text, words):
    with pytest.raises(WorkflowError, match=words):
        read_workflow(text)


def test_what_an_expression_does_not_find_becomes_empty():
    assert fill_in("a${{ vars.NONE }}b${{secrets.X}}", {"secrets": {"X": "1"}}) == "ab1"
