"""Read what lies beside a film in a watched folder: `film.yaml` or `film.json`, subtitles, a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import yaml

from orchestration import media
from orchestration.fields import check_passage, parse_instant
from orchestration.media import folder, subtitles
from orchestration.media.pictures import make_picture
from orchestration.text import plain_line
from orchestration.words import checks
from orchestration.words.fields import LayerName

MAX_BYTES = 256 * 1024
MAX_TITLE, MAX_DESCRIPTION, MAX_TAGS, MAX_TAG = 300, 10_000, 50, 100
OF_THE_VIDEO = ("title", "description", "tags", "language", "published_at")
"""What describes the film itself; all else is a field of words (docs/words.md)."""
BESIDE = ("picture", "subtitles")
_DEEPEST = 20


class SidecarWrong(Exception):
    """What lies beside a film cannot be used; the sentence names the file and the field."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What was read beside a film, checked: nothing of it can be refused any more."""

    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    language: str = ""
    published_at: datetime | None = None
    words: Mapping[str, Any] = field(default_factory=dict)
    subtitles: tuple[tuple[str, str], ...] = ()
    """Name of the file, and its language."""
    picture: str = ""


class _Loader(yaml.SafeLoader):
    """Plain values alone; no anchors, of which a small file could unfold into a large one, and no key twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it uses an alias (*name), which is not read")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.YAMLError(f"it says {twice[0][:60]} twice")
        return super().construct_mapping(node, deep=deep)


def read(claimed: folder.Claimed, *, language: str, film_seconds: float | None) -> Beside:
    """Read and check all that lies beside a film; `language` is its source's. Raises: SidecarWrong, StorageFull."""
    if claimed.fault:
        raise SidecarWrong(claimed.fault)
    values: dict[str, Any] = {}
    for name in claimed.beside(folder.SIDECARS):
        values = _values(claimed.place / name)
    pictures = claimed.beside(folder.PICTURES)
    for name in pictures:
        _check_picture(claimed.place, name)
    tongue = values.get("language") or language
    return Beside(
        **values,
        subtitles=tuple(
            (name, _check_subtitles(claimed, name, tongue, film_seconds))
            for name in claimed.beside(folder.SUBTITLES)
        ),
        picture=pictures[0] if pictures else "",
    )


def _values(path: Path) -> dict[str, Any]:
    try:
        document = _document(path)
        return _checked(document)
    except SidecarWrong as wrong:
        raise SidecarWrong(f"{path.name}: {wrong}") from wrong


def _document(path: Path) -> Mapping[str, Any]:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise SidecarWrong(f"it has {size:,} bytes; at most {MAX_BYTES:,} are read.")
    try:
        text = path.read_text("utf-8-sig")
        document = json.loads(text) if path.suffix.lower() == ".json" else yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except UnicodeDecodeError as error:
        raise SidecarWrong("it is not written in UTF-8.") from error
    except json.JSONDecodeError as error:
        raise SidecarWrong(f"it is no JSON: {error.msg} in line {error.lineno}.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" in line {mark.line + 1}" if mark else ""
        raise SidecarWrong(f"it is no YAML: {error.problem or error.context}{line}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise SidecarWrong(f"it cannot be read: {plain_line(str(error))[:200]}.") from error
    except RecursionError as error:
        raise SidecarWrong("it is nested too deeply.") from error
    if document is None:
        return {}
    if not isinstance(document, Mapping):
        raise SidecarWrong("it has to name fields and their values, such as `title: My film`.")
    return document


def _checked(document: Mapping[Any, Any]) -> dict[str, Any]:
    said = {str(name): value for name, value in document.items() if value is not None}
    for name in BESIDE:
        if name in said:
            raise SidecarWrong(f"{name}: put the file beside the film, under the film's name, instead.")
    found: dict[str, Any] = {}
    readers = {
        "title": lambda value: _line(value, MAX_TITLE),
        "description": lambda value: _text(value, MAX_DESCRIPTION),
        "tags": _tags,
        "language": _language,
        "published_at": _instant,
    }
    for name in OF_THE_VIDEO:
        if name in said:
            try:
                found[name] = readers[name](said.pop(name))
            except ValueError as error:
                raise SidecarWrong(f"{name}: it {error}.") from error
    if type(said.get("category_id")) is int:  # as YAML reads it
        said["category_id"] = str(said["category_id"])
    try:
        found["words"] = checks.check(said, LayerName.VIDEO)
    except checks.WordsWrong as wrong:
        raise SidecarWrong(str(wrong)) from wrong
    return found


def _text(value: Any, most: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("has to be text")
    text = check_passage(str(value))
    if len(text) > most:
        raise ValueError(f"has {len(text)} characters; at most {most} are kept")
    return text


def _line(value: Any, most: int) -> str:
    text = plain_line(_text(value, most))
    if not text:
        raise ValueError("is empty")
    return text


def _tags(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise ValueError("has to be a list of words")
    found = tuple(dict.fromkeys(_line(part, MAX_TAG) for part in parts))
    if len(found) > MAX_TAGS:
        raise ValueError(f"has {len(found)} tags; at most {MAX_TAGS} are kept")
    return found


def _language(value: Any) -> str:
    if not isinstance(value, str):  # YAML reads an unquoted `no` as false
        raise ValueError('has to be a language such as "en" or "pt-BR", in quotes')
    return subtitles.language_tag(value)


def _instant(value: Any) -> datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), tzinfo=UTC)
    if isinstance(value, str) and len(value.strip()) == len("2026-01-31"):
        return datetime.combine(date.fromisoformat(value.strip()), time(), tzinfo=UTC)
    try:
        return parse_instant(value)
    except ValueError as error:
        raise ValueError(f"is {error}") from error


def _check_subtitles(claimed: folder.Claimed, name: str, language: str, film_seconds: float | None) -> str:
    tongue = folder.language_in(claimed.path.stem, name) or language
    if not tongue:
        raise SidecarWrong(
            f"{name}: in which language is it? Call it {claimed.path.stem}.en{Path(name).suffix}, say `language` in "
            "the sidecar, or at the source."
        )
    try:
        tag = subtitles.language_tag(tongue)
        path = claimed.place / name
        if path.stat().st_size > subtitles.MAX_BYTES:
            raise SidecarWrong(f"{name}: it has more than {subtitles.MAX_BYTES:,} bytes.")
        subtitles.read_subtitles(path.read_bytes(), language=tag, film_seconds=film_seconds)
    except (ValueError, media.errors.SubtitlesUnusable) as error:
        raise SidecarWrong(f"{name}: {error}") from error
    return tag


def _check_picture(place: Path, name: str) -> None:
    made = place / ".picture.jpg"
    try:
        make_picture(place / name, made)
    except media.MediaError as error:
        if error.again != "never":
            raise
        raise SidecarWrong(f"{name} {error}") from error
    finally:
        made.unlink(missing_ok=True)
