"""Lay out what a subject says as cells of a form, and read such a form back into an edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict
from django.utils.safestring import SafeString

from dashboard import options
from orchestration.errors import InvalidRequest
from orchestration.models import Attachment
from orchestration.scheduling.words_csv import cell, value_of
from orchestration.service import CentralOrchestrationService
from orchestration.states import AttachmentKind
from orchestration.text import unturned
from orchestration.words.answers import PublicationWords, Subject, SubjectWords
from orchestration.words.fields import CATEGORIES, FIELDS, LAYER_LABELS, LICENCES, Kind, LayerName

YES_NO = (("yes", "yes"), ("no", "no"))
CHOICES: Mapping[Kind, Sequence[tuple[str, str]]] = {
    Kind.YES_NO: YES_NO,
    Kind.CATEGORY: tuple(CATEGORIES.items()),
    Kind.LICENCE: tuple(LICENCES.items()),
}
TABLE = ("title", "description", "tags", "category_id", "language")
"""The columns of the table; whatever else is to be said stands on the publication's own page, or in the file."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a form: what is said here, and what holds where nothing is."""

    name: str
    label: str
    kind: str
    value: str
    holds: str
    origin: str
    help: str
    choices: Sequence[tuple[str, str]] = ()
    wide: bool = False

    @property
    def options(self) -> SafeString:
        """Return its choices, drawn; the one that it has is chosen."""
        return options.drawn(tuple(self.choices), self.value)

    @property
    def is_long(self) -> bool:
        """Return whether it takes several lines."""
        return self.kind in {Kind.TEXT, Kind.OWN}


def cells_of(subject: SubjectWords, attachments: Sequence[Attachment] = ()) -> list[Cell]:
    """Return the cells of a subject's form; what holds is shown by its first publication."""
    first = subject.publications[0] if subject.publications else None
    cells = []
    for field in FIELDS.values():
        if LayerName(subject.subject) not in field.layers:
            continue
        said = subject.own.get(field.name)
        cells.append(
            Cell(
                name=field.name,
                label="Title template" if _is_template(subject, field.name) else field.label,
                kind=field.kind.value,
                value=""
                if said is None
                else own_lines(said)
                if field.kind == Kind.OWN
                else cell(field.name, said),
                holds=holds(first, field.name) if first is not None else "",
                origin=origin(first, field.name) if first is not None else "",
                help=_help(field.name, attachments) or field.help,
                choices=_choices(field.kind, attachments),
                wide=field.kind in {Kind.LINE, Kind.TEXT, Kind.TAGS, Kind.OWN},
            )
        )
    return cells


def cards(publications: Iterable[PublicationWords]) -> dict[str, Any]:
    """Return publications to be drawn as YouTube would show them."""
    return {"cards": list(publications)}


def panel_of(service: CentralOrchestrationService, subject: str, pk: int, few: int = 3) -> dict[str, Any]:
    """Return what the page of a subject shows of its words: of a publication all of them, else what it says itself."""
    return panel(service.get_words(subject=subject, subject_id=pk, few=few), few)


def panel(shown: SubjectWords, few: int = 3) -> dict[str, Any]:
    """Return the same of words that were read already."""
    cells = cells_of(shown)
    if shown.subject != Subject.PUBLICATION:
        cells = [replace(cell, holds="", origin="") for cell in cells if cell.value]
    return {"subject": shown, "cells": cells, "more": shown.total > few, **cards(shown.publications)}


def _is_template(subject: SubjectWords, name: str) -> bool:
    return subject.subject == Subject.CHANNEL and name == "title"


def _choices(kind: Kind, attachments: Sequence[Attachment]) -> Sequence[tuple[str, str]]:
    if kind == Kind.ATTACHMENT:
        return [
            (str(a.pk), a.name or f"picture {a.pk}") for a in attachments if a.kind == AttachmentKind.PICTURE
        ]
    return CHOICES.get(kind, ())


def _help(name: str, attachments: Sequence[Attachment]) -> str:
    if name != "subtitles":
        return ""
    there_are = [f"{a.pk} ({a.language})" for a in attachments if a.kind == AttachmentKind.SUBTITLES]
    return f"ids, parted by blanks; there are {', '.join(there_are)}" if there_are else "the video has none"


def holds(row: PublicationWords, name: str) -> str:
    """Return a publication's value of a field as a cell shows it; nothing for what is empty."""
    value = row.words.value(name)
    if name == "fields":
        return own_lines(value)
    return "" if value in (None, "", ()) else cell(name, value)


def origin(row: PublicationWords, name: str) -> str:
    """Return which layers made a publication's field, in words."""
    return (
        " around ".join(LAYER_LABELS[layer] for layer in row.words.origins[name])
        if name == "title"
        else ", ".join(LAYER_LABELS[layer] for layer in row.words.origins[name])
    )


def said(name: str, value: Any) -> str:
    """Return what a document says of a field, in words."""
    if value is None:
        return "says nothing"
    return own_lines(value) if name == "fields" else cell(name, value)


def own_lines(own: Mapping[str, str]) -> str:
    """Return own fields as lines of a text, `name = value`."""
    return "\n".join(f"{name} = {value}" for name, value in own.items())


def document_of(posted: QueryDict, subject: str) -> dict[str, Any]:
    """Return what a subject's form says of each field, None for nothing. Raises: InvalidRequest, naming the field."""
    words: dict[str, Any] = {}
    for name, field in FIELDS.items():
        if LayerName(subject) in field.layers and name in posted:
            words[name] = read(name, str(posted[name]))
    return words


def document_names(subject: str, posted: QueryDict) -> list[str]:
    """Return which fields of a subject's words a form has."""
    return [name for name, field in FIELDS.items() if LayerName(subject) in field.layers and name in posted]


def with_typed(cells: Iterable[Cell], posted: QueryDict) -> list[Cell]:
    """Return cells with what was typed into them."""
    return [replace(cell, value=str(posted[cell.name])) if cell.name in posted else cell for cell in cells]


def read(name: str, text: str) -> Any:
    """Return what a cell says, None for nothing. Raises: InvalidRequest, naming the field."""
    text = unturned(text)
    try:
        return own_fields(text) if name == "fields" else value_of(name, text)
    except ValueError as wrong:
        raise InvalidRequest(f"{FIELDS[name].label}: {wrong}.", field=name) from None


def own_fields(text: str) -> dict[str, str] | None:
    """Return own fields from lines of `name = value`; None where there are none. Raises: ValueError."""
    own: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise ValueError(f"line {number} is not “name = value”")
        if name.strip() in own:
            raise ValueError(f"{name.strip()[:40]} stands there twice")
        own[name.strip()] = value.strip()
    return own or None
