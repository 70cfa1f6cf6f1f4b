"""List the commands about what publications say."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from orchestration.api.schemas import words as schemas
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service, reason
from orchestration.errors import InvalidRequest
from orchestration.models import Distribution
from orchestration.words.answers import (
    PublicationWords,
    Subject,
    SubjectWords,
    WordsEdit,
    WordsResult,
)
from orchestration.words.fields import FIELDS, LAYER_LABELS, Kind

MOST_BYTES = 20_000_000


def _subject_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", choices=[subject.value for subject in Subject])
    parser.add_argument("id", type=arguments.row_id, help="its id; of a publication the distribution's")


def _writing_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    parser.add_argument(
        "--accept-problems",
        action="store_true",
        help="also where publications could not go out by their new words",
    )
    arguments.add_reason(parser)


def _set_options(parser: argparse.ArgumentParser) -> None:
    _subject_options(parser)
    parser.add_argument(
        "words",
        nargs="+",
        metavar="FIELD=VALUE",
        help="title=Dawn, tags=sea,blue ocean, embeddable=no, fields.season=2; FIELD= alone says nothing any more",
    )
    parser.add_argument(
        "--seen", metavar="VERSION", help="refuse it if its words are not as `words` showed them"
    )
    _writing_options(parser)


def _value(name: str, text: str) -> Any:
    """Return what was written for a field. Raises: InvalidRequest."""
    from orchestration.scheduling import words_csv

    if text == "":
        return None
    if name == "fields":
        try:
            return json.loads(text)
        except ValueError:
            raise InvalidRequest("fields: write fields.NAME=VALUE.", field="fields") from None
    if name not in FIELDS or FIELDS[name].kind in {Kind.LINE, Kind.TEXT}:
        return text
    try:
        return words_csv.value_of(name, text)
    except ValueError as wrong:
        raise InvalidRequest(f"{name}: {wrong}.", field=name) from None


def words_given(pairs: list[str]) -> dict[str, Any]:
    """Return what was written as FIELD=VALUE, by field. Raises: InvalidRequest."""
    words = {}
    for given_one in pairs:
        name, equals, text = given_one.partition("=")
        if not equals:
            raise InvalidRequest(f"{given_one!r} is not FIELD=VALUE.", field="words")
        words[name] = _value(name, text)
    return words


def _set(service: Service, options: Options) -> WordsResult:
    edit = WordsEdit(options.subject, options.id, words_given(options.words), options.seen)
    return service.edit_words(
        edits=[edit],
        dry_run=options.dry_run,
        accept_problems=options.accept_problems,
        reason=reason(options),
    )


def _export_options(parser: argparse.ArgumentParser) -> None:
    for name in ("channel", "wave", "video"):
        kind = arguments.channel if name == "channel" else arguments.row_id
        parser.add_argument(f"--{name}", type=kind, action="append", metavar="ID")
    parser.add_argument("--to", metavar="FILE", default="-", help="- is the standard output")


def _export(service: Service, options: Options) -> dict[str, Any]:
    rows = Distribution.objects.order_by("-pk")
    for name in ("channel", "wave", "video"):
        if ids := getattr(options, name):
            rows = rows.filter(**{f"{name}__in": ids})
    ids = list(rows.values_list("pk", flat=True)[:10_001])
    lines = service.export_words(distribution_ids=ids)
    if options.to == "-":
        sys.stdout.writelines(lines)
        return {"rows": len(ids), "file": "-"}
    try:
        with Path(options.to).open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
    except OSError as error:
        raise InvalidRequest(f"{options.to} cannot be written: {error.strerror}.", field="to") from error
    return {"rows": len(ids), "file": options.to}


def _import_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a table from words-export; - reads the standard input")
    _writing_options(parser)


def _import(service: Service, options: Options) -> WordsResult:
    try:
        if options.file == "-":
            content = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(options.file).open("rb") as file:
                content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidRequest(f"{options.file} cannot be read: {error.strerror}.", field="file") from error
    return service.import_words(
        content=content,
        dry_run=options.dry_run,
        accept_problems=options.accept_problems,
        reason=reason(options),
    )


def _shown(row: SubjectWords) -> list[str]:
    own = [f"    {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in row.own.items()]
    head = f"{row.subject} {row.id}, {row.label}; version {row.version}"
    return [
        head,
        *(own or ["    says nothing itself"]),
        *(line for p in row.publications for line in _publication(p)),
    ]


def _publication(row: PublicationWords) -> list[str]:
    words = row.words
    lines = [f"{row.video} on {row.channel} ({row.state}), publication {row.distribution_id}"]
    for name in FIELDS:
        value = words.value(name)
        if value in ("", (), {}, None):
            continue
        origin = ", ".join(LAYER_LABELS[layer] for layer in words.origins[name])
        text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        lines.append(f"    {name}: {text.splitlines()[0][:100]}  [{origin}]")
    lines += [f"    PROBLEM {problem.message}" for problem in words.problems]
    return lines + [f"    note: {note.message}" for note in words.notes]


def _result(row: WordsResult) -> list[str]:
    lines = []
    for change in row.changes:
        lines.append(f"{change.subject} {change.id}, {change.label}")
        for name, after in change.after.items():
            before = json.dumps(change.before[name], ensure_ascii=False)
            lines.append(f"    {name}: {before} -> {json.dumps(after, ensure_ascii=False)}")
    lines += [f"would break “{b.video}” on {b.channel}: {b.message}" for b in row.broken]
    done = "would be changed" if row.dry_run else "changed"
    counts = f"{len(row.changes)} {done}, {row.unchanged} as before; {row.touched} publications read them"
    kept = f", {row.uploaded} keep what they have on YouTube" if row.uploaded else ""
    calls = f", {row.calls} are edited on YouTube by {row.units} units" if row.calls else ""
    return [*lines, *row.notes, f"{counts}{kept}{calls}."]


def _exported(row: dict[str, Any]) -> list[str]:
    return [] if row["file"] == "-" else [f"{row['rows']} rows in {row['file']}."]


WORDS = (
    Command(
        "words",
        "show what a channel, video, wave or publication says, and where each field came from",
        lambda s, o: s.get_words(subject=o.subject, subject_id=o.id),
        schemas.SubjectWordsOut,
        _shown,
        _subject_options,
    ),
    Command(
        "words-set",
        "change what a channel, video, wave or publication says",
        _set,
        schemas.WordsResultOut,
        _result,
        _set_options,
    ),
    Command(
        "words-export",
        "write what publications say as a table (CSV)",
        _export,
        schemas.ExportedOut,
        _exported,
        _export_options,
    ),
    Command(
        "words-import",
        "change what a table (CSV) says otherwise, whole or not at all",
        _import,
        schemas.WordsResultOut,
        _result,
        _import_options,
    ),
)
