"""Read and write YAML: plain values only, each with the line that it stands on; nothing refers to anything else.

No anchors and aliases (a few lines of them make gigabytes), no tags, no key twice. What looks like a time or a number with
separators is text: `18:00` stays 18:00.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn

import yaml

from orchestration.errors import InvalidRequest
from orchestration.fields import check_whole

MOST_CHARACTERS = 5_000_000
MOST_DEPTH = 20
Path = tuple[str | int, ...]
_PREFIX = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(
    f"{_PREFIX}{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
_BROKEN = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def write(document: Mapping[str, Any]) -> str:
    """Return a document as YAML that `read` reads as the same."""
    return str(
        yaml.dump(
            document,
            Dumper=_Quoting,
            sort_keys=False,
            allow_unicode=True,
            width=110,
            default_flow_style=False,
        )
    )


class _Quoting(_DUMPER):
    """Writes values that occur twice twice, instead of by an anchor."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return that nothing is written by an alias."""
        return True


def read(text: str) -> tuple[dict[str, Any], dict[Path, int]]:
    """Return what a text says, and on which line each value stands. Raises: InvalidRequest, naming the line."""
    if len(text) > MOST_CHARACTERS:
        raise InvalidRequest(f"The file has more than {MOST_CHARACTERS:,} characters.", field="file")
    text = text.removeprefix("\ufeff")
    try:
        _look_through(text)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        refuse(
            mark.line + 1 if mark else 1,
            f"it is no YAML: {getattr(error, 'problem', None) or 'a bad character'}",
        )
    if node is None:
        raise InvalidRequest("The file is empty.", field="file")
    lines: dict[Path, int] = {}
    value = _value(node, (), lines)
    if not isinstance(value, dict):
        refuse(node.start_mark.line + 1, "the file has to be a mapping of sections")
    return value, lines


def _look_through(text: str) -> None:
    """Refuse what would be large or deep before anything is built of it. Raises: InvalidRequest, YAMLError."""
    depth = 0
    event: Any
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1
        if getattr(event, "anchor", None) is not None:
            refuse(line, "anchors and aliases (& and *) are not read; write it out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_DEPTH:
            refuse(line, "it is nested too deep")


def refuse(line: int, sentence: str, *, field: str = "file") -> NoReturn:
    """Raise what names a line. Raises: InvalidRequest."""
    raise InvalidRequest(f"Line {line}: {sentence}.", field=field, line=line)


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """Return the line on which a value stands, or else what it lies in."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _value(node: Any, path: Path, lines: dict[Path, int]) -> Any:
    line = lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, line)
    if isinstance(node, yaml.SequenceNode):
        _require_plain(node, "seq", line)
        return [_value(each, (*path, number), lines) for number, each in enumerate(node.value)]
    _require_plain(node, "map", line)
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        at = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            refuse(at, "a name has to be a word")
        key = key_node.value
        _require_text(key, at)
        if key in found:
            refuse(at, f"{key[:60]} stands twice")
        found[key] = _value(value_node, (*path, key), lines)
        lines[(*path, key)] = at
    return found


def _require_text(text: str, line: int) -> None:
    """Refuse what an escape can bring and no text may hold: control characters, half a surrogate pair."""
    try:
        check_whole(text)
    except ValueError as error:
        refuse(line, f"a text {error}")


def _require_plain(node: Any, kind: str, line: int) -> None:
    if node.tag != f"{_PREFIX}{kind}":
        refuse(line, f"the tag {node.tag[:60]} is not read")


def _scalar(node: Any, line: int) -> Any:
    if node.tag not in _PLAIN_TAGS:
        refuse(line, f"the tag {node.tag[:60]} is not read")
    _require_text(node.value, line)
    text, tag = node.value, node.tag.removeprefix(_PREFIX)
    if node.style or tag in ("str", "timestamp", "merge", "value"):
        return text
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() in ("true", "yes", "on")
    if tag == "int" and _WHOLE.fullmatch(text) and len(text) < 20:
        return int(text)
    return float(text) if _BROKEN.fullmatch(text) and len(text) < 30 else text
