"""Write words as a table that a spreadsheet opens, and read it back: what is not touched there is not changed here.

A row is a publication or a video. An empty cell says nothing, `(none)` says that it is empty. A cell that a spreadsheet
would take for a formula gets an apostrophe before it, which is taken away when it is read.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestration.errors import InvalidRequest
from orchestration.models import Video
from orchestration.scheduling.words_documents import document_of
from orchestration.words.answers import PublicationWords, Subject, WordsEdit, version_of
from orchestration.words.fields import FIELDS, Kind

MOST_ROWS: Final = 10_000
MOST_BYTES: Final = 20_000_000
MOST_FAULTS: Final = 100
KEYS: Final = ("subject", "id", "version")
SHOWN: Final = ("video", "channel", "publish_at", "state", "shown_title", "shown_tags", "problems")
"""Columns for the reader; what is written into them is passed over."""
SAID: Final = tuple(name for name in FIELDS if name != "fields")
OWN: Final = "fields."
NONE: Final = "(none)"
FORMULA: Final = tuple("=+-@\t\r\n'＝＋－＠")
BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was read: an edit for each row that says anything, the line of each, and columns that were passed over."""

    edits: Sequence[WordsEdit]
    lines: Sequence[int]
    ignored: Sequence[str]


@dataclass(frozen=True, slots=True)
class CellFault:
    """What is wrong in a table, with its line (the header is 1) and column."""

    line: int
    column: str
    message: str


def written(
    publications: Iterable[PublicationWords] = (), videos: Iterable[Video] = (), *, own: Iterable[str] = ()
) -> Iterator[str]:
    """Yield the lines of a table: a header, publications, videos. `own` names the own fields that get a column."""
    names = [f"{OWN}{name}" for name in sorted(set(own))]
    yield BOM + _line([*KEYS, *SHOWN, *SAID, *names])
    for row in publications:
        words = row.words
        shown = (
            row.video,
            row.channel,
            row.publish_at.isoformat() if row.publish_at else "",
            row.state,
            words.title,
            ", ".join(words.tags),
            "; ".join(problem.message for problem in words.problems),
        )
        yield _row(Subject.PUBLICATION, row.distribution_id, row.own, row.version, shown, names)
    for video in videos:
        document = document_of(video)
        shown = (str(video), "", "", video.state, video.title, ", ".join(map(str, video.tags)), "")
        yield _row(Subject.VIDEO, video.pk, document, version_of(document), shown, names)


def _row(
    subject: Subject,
    pk: int,
    document: Mapping[str, Any],
    version: str,
    shown: Iterable[str],
    names: Sequence[str],
) -> str:
    own = document.get("fields") or {}
    said = [cell(name, document[name]) if name in document else "" for name in SAID]
    return _line(
        [subject.value, str(pk), version, *shown, *said, *(_text(own.get(name[7:])) for name in names)]
    )


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([safe(text) for text in cells])
    return out.getvalue()


def safe(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def unsafe(text: str) -> str:
    """Return what a cell meant: without the apostrophe that was put before it."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


def _text(value: str | None) -> str:
    return "" if value is None else value or NONE


def cell(name: str, value: Any) -> str:
    """Return a field's value as a cell shows it."""
    match FIELDS[name].kind:
        case Kind.YES_NO:
            return "yes" if value else "no"
        case Kind.TAGS:
            return ", ".join(value) or NONE
        case Kind.PLAYLISTS | Kind.ATTACHMENTS:
            return " ".join(map(str, value)) or NONE
        case _:
            return str(value) or NONE


def value_of(name: str, text: str) -> Any:
    """Return what a cell says of a field: None for nothing. Raises: ValueError, with the sentence."""
    text = text.strip()
    if not text:
        return None
    is_none = text == NONE
    match FIELDS[name].kind:
        case Kind.YES_NO:
            known = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
            if text.lower() not in known:
                raise ValueError(f"“{text[:40]}” is neither yes nor no")
            return known[text.lower()]
        case Kind.TAGS:
            return [] if is_none else [tag.strip() for tag in text.split(",") if tag.strip()]
        case Kind.PLAYLISTS:
            return [] if is_none else text.replace(",", " ").split()
        case Kind.ATTACHMENT:
            return _id(text)
        case Kind.ATTACHMENTS:
            return [] if is_none else [_id(part) for part in text.replace(",", " ").split()]
        case _:
            return "" if is_none else text


def _id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise ValueError(f"“{text[:40]}” is no id, a whole number from 1")
    return int(text)


def read(content: bytes) -> Sheet:
    """Read a table back. Raises: InvalidRequest, with line and column of each fault in `details["errors"]`."""
    rows = _rows(content)
    try:
        header = [name.strip() for name in next(rows)[1]]
    except StopIteration:
        raise InvalidRequest("The table is empty.", field="csv") from None
    said = _columns(header)
    edits: list[WordsEdit] = []
    lines: list[int] = []
    faults: list[CellFault] = []
    seen: dict[tuple[str, int], int] = {}
    for line, cells in rows:
        if not any(text.strip() for text in cells):
            continue
        if len(edits) >= MOST_ROWS:
            raise InvalidRequest(
                f"The table has more than {MOST_ROWS:,} rows; import it in parts.", field="csv"
            )
        made = _edit(
            line, dict(zip(header, map(unsafe, cells), strict=False)), len(cells) - len(header), said, faults
        )
        if made is not None:
            if (first := seen.setdefault((made.subject, made.id), line)) != line:
                faults.append(
                    CellFault(line, "id", f"{made.subject} {made.id} stands on line {first} already")
                )
            edits.append(made)
            lines.append(line)
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise refusal(faults)
    return Sheet(edits, lines, [name for name in header if name in SHOWN])


def _rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the line that it begins on."""
    if len(content) > MOST_BYTES:
        raise InvalidRequest(f"The table has more than {MOST_BYTES // 1_000_000} MB.", field="csv")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise refusal([CellFault(line, "", "is not UTF-8; save the table as CSV UTF-8")]) from None
    if "\x00" in text:
        raise refusal([CellFault(text[: text.index("\x00")].count("\n") + 1, "", "contains a NUL character")])
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise refusal([CellFault(line, "", f"cannot be read: {error}")]) from None
        yield line, cells


def _columns(header: Sequence[str]) -> list[str]:
    """Return the columns that say something. Raises: InvalidRequest, naming one that is missing, twice or unknown."""
    faults = [CellFault(1, name, "is missing") for name in KEYS[:2] if name not in header]
    known = {*KEYS, *SHOWN, *SAID}
    for name in dict.fromkeys(header):
        if header.count(name) > 1:
            faults.append(CellFault(1, name, "stands there twice"))
        if name not in known and not (name.startswith(OWN) and len(name) > len(OWN)):
            there_are = ", ".join((*KEYS, *SAID))
            faults.append(CellFault(1, name, f"is no column; there are {there_are} and {OWN}NAME"))
    if faults:
        raise refusal(faults)
    return [name for name in header if name in SAID or name.startswith(OWN)]


def _edit(
    line: int, cells: Mapping[str, str], surplus: int, said: Sequence[str], faults: list[CellFault]
) -> WordsEdit | None:
    before = len(faults)
    subject = cells.get("subject", "").strip()
    if subject not in {Subject.PUBLICATION, Subject.VIDEO}:
        faults.append(CellFault(line, "subject", f"“{subject[:40]}” is neither publication nor video"))
    if surplus > 0:
        faults.append(
            CellFault(line, "", f"has {surplus} more cells than the header; put texts with commas in quotes")
        )
    words: dict[str, Any] = {}
    pk = 0
    try:
        pk = _id(cells.get("id", "").strip())
    except ValueError as wrong:
        faults.append(CellFault(line, "id", str(wrong)))
    for name in said:
        text = cells.get(name)
        if text is None:
            continue
        try:
            words[name] = value_of(name, text) if name in FIELDS else _own_value(text)
        except ValueError as wrong:
            faults.append(CellFault(line, name, str(wrong)))
    if len(faults) > before:
        return None
    return WordsEdit(subject, pk, words, cells.get("version", "").strip() or None)


def _own_value(text: str) -> str | None:
    text = text.strip()
    return None if not text else "" if text == NONE else text


def refusal(faults: Sequence[CellFault]) -> InvalidRequest:
    """Return the error that names line and column of each fault."""
    first = faults[0]
    where = f"line {first.line}" + (f", column {first.column}" if first.column else "")
    more = f" There are {len(faults) - 1} more." if len(faults) > 1 else ""
    return InvalidRequest(
        f"In {where}: {first.message}. Nothing was changed.{more}",
        field=first.column or "csv",
        line=first.line,
        errors=[
            {
                "field": f"line {f.line}, {f.column or 'row'}",
                "message": f.message,
                "line": f.line,
                "column": f.column,
            }
            for f in faults[:MOST_FAULTS]
        ],
    )
