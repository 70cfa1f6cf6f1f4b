"""Read a workflow file: as much YAML as workflow files need, and the plain ``${{ context.name }}`` expressions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

EXPRESSION = re.compile(r"\$\{\{\s*([a-z]+)\.([A-Za-z0-9_-]+)\s*\}\}")


class WorkflowError(ValueError):
    """The file is not a workflow that can run; the text says why."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """What the sandbox needs to know of a workflow file."""

    name: str
    run_name: str
    dispatchable: bool
    inputs: dict[str, dict[str, Any]]
    concurrency_group: str | None
    job_name: str
    timeout_seconds: float
    steps: list[dict[str, Any]]
    vouched_for: bool = False  # whether its job may have OIDC tokens
    environment: str | None = None


def read_workflow(text: str) -> Workflow:
    """Parse a workflow file. Raises `WorkflowError`."""
    document = parse_yaml(text)
    if not isinstance(document, dict) or not isinstance(document.get("jobs"), dict) or not document["jobs"]:
        raise WorkflowError("No jobs defined in `jobs`")
    triggers = document.get("on")
    if isinstance(triggers, str):
        triggers = {triggers: None}
    if not isinstance(triggers, dict):
        raise WorkflowError("No event triggers defined in `on`")
    key, job = next(iter(document["jobs"].items()))
    if not isinstance(job, dict) or not isinstance(job.get("steps"), list):
        raise WorkflowError(f"job {key} has no steps")
    dispatch = triggers.get("workflow_dispatch") or {}
    concurrency = document.get("concurrency")
    group = concurrency.get("group") if isinstance(concurrency, dict) else concurrency
    name = str(document.get("name") or "workflow")
    return Workflow(
        name=name,
        run_name=str(document.get("run-name") or name),
        dispatchable="workflow_dispatch" in triggers,
        inputs=dict(dispatch.get("inputs") or {}),
        concurrency_group=str(group) if group else None,
        job_name=str(job.get("name") or key),
        timeout_seconds=60.0 * float(job.get("timeout-minutes") or 360),
        steps=job["steps"],
        vouched_for=_permissions(document, job).get("id-token") == "write",
        environment=_name_of(job.get("environment")),
    )


def _name_of(value: Any) -> str | None:
    """Return a name that is written by itself or under `name`."""
    name = value.get("name") if isinstance(value, dict) else value
    return str(name) if name else None


def _permissions(document: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    """Return what a job's token may do: what the job says counts, else what the workflow says."""
    said = job.get("permissions", document.get("permissions"))
    return said if isinstance(said, dict) else {}


def fill_in(text: str, contexts: dict[str, dict[str, str]]) -> str:
    """Replace the expressions in a value; what is not there becomes empty, as at GitHub."""
    return EXPRESSION.sub(lambda found: str(contexts.get(found[1], {}).get(found[2], "")), text)


def parse_yaml(text: str) -> Any:
    """Parse mappings, lists and scalars by indentation. Anchors, tags and flow collections are not understood."""
    lines = []
    for line in text.splitlines():
        if "\t" in line[: len(line) - len(line.lstrip())]:
            raise WorkflowError("tabs may not indent")
        bare = _without_comment(line)
        if bare.strip() and bare.strip() != "---":
            lines.append((len(bare) - len(bare.lstrip()), bare.strip()))
    value, after = _block(lines, 0, lines[0][0]) if lines else (None, 0)
    if after != len(lines):
        raise WorkflowError(f"not understood: {lines[after][1]!r}")
    return value


def _block(lines: list[tuple[int, str]], at: int, indent: int) -> tuple[Any, int]:
    if lines[at][1].startswith("- ") or lines[at][1] == "-":
        return _list(lines, at, indent)
    return _mapping(lines, at, indent)


def _list(lines: list[tuple[int, str]], at: int, indent: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    while at < len(lines) and lines[at][0] == indent and lines[at][1].startswith("-"):
        rest = lines[at][1][1:].strip()
        if re.match(r"[\w.-]+:(\s|$)", rest):
            deeper = indent + len(lines[at][1]) - len(rest)
            lines[at] = (deeper, rest)
            item, at = _mapping(lines, at, deeper)
        else:
            item, at = _scalar(rest), at + 1
        items.append(item)
    return items, at


def _mapping(lines: list[tuple[int, str]], at: int, indent: int) -> tuple[dict[str, Any], int]:
    values: dict[str, Any] = {}
    while at < len(lines) and lines[at][0] == indent:
        found = re.match(r"[\"']?([^:\"']+)[\"']?:(?:\s+(.*))?$", lines[at][1])
        if not found:
            raise WorkflowError(f"not understood: {lines[at][1]!r}")
        key, rest = found[1], (found[2] or "").strip()
        at += 1
        if rest in ("|", ">", "|-", ">-"):
            gathered = []
            while at < len(lines) and lines[at][0] > indent:
                gathered.append(lines[at][1])
                at += 1
            values[key] = "\n".join(gathered)
        elif rest:
            values[key] = _scalar(rest)
        elif at < len(lines) and (
            lines[at][0] > indent or (lines[at][0] == indent and lines[at][1].startswith("- "))
        ):
            values[key], at = _block(lines, at, lines[at][0])
        else:
            values[key] = None
    return values, at


def _scalar(text: str) -> Any:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    plain = {"true": True, "false": False, "null": None, "~": None, "{}": {}, "[]": []}
    if text in plain:
        return plain[text]
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _without_comment(line: str) -> str:
    if line.lstrip().startswith("#"):
        return ""
    found = re.match(r"((?:[^\"'#]|\"[^\"]*\"|'[^']*'|(?<!\s)#)*)\s#", line)
    return (found[1] if found else line).rstrip()
