"""Say whether a person's words can be kept: each field of the right kind, within the limits, in a layer that may say it.

A document is sparse: what it does not name, it does not say. What is wrong is refused by name, and nothing is cut or mended,
but for white space around a line and characters that turn the direction of writing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from orchestration.text import unturned
from orchestration.words import limits, placeholders
from orchestration.words.fields import (
    CATEGORIES,
    FIELDS,
    LAYER_LABELS,
    LICENCES,
    Field,
    Kind,
    LayerName,
)

LARGEST_ID: Final = 2**63 - 1
MOST_PLAYLISTS: Final = 20
MOST_OWN_FIELDS: Final = 30
OWN_VALUE_CHARACTERS: Final = 500
TEMPLATE_CHARACTERS: Final = 500
"""Of a title before its placeholders are filled in."""

_LANGUAGE = re.compile(
    r"(?P<language>[a-z]{2,3})(?P<extended>(?:-[a-z]{3}){0,3})(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)",
    re.IGNORECASE | re.ASCII,
)
"""https://www.rfc-editor.org/rfc/rfc5646#section-2.1, without extensions and private use."""
_PLAYLIST = re.compile(r"(?:PL|OL|FL)[A-Za-z0-9_-]{8,62}", re.ASCII)


class WordsWrong(ValueError):
    """What is wrong with a document, in sentences by field; `faults` has all of them."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{name}: {fault}." for name, fault in faults.items()))
        self.faults = dict(faults)

    @property
    def field(self) -> str:
        """Return the first field at fault."""
        return next(iter(self.faults))


class _Wrong(ValueError):
    """One value cannot be used; the sentence says why."""


def check(document: Any, layer: LayerName | str, *, own: Collection[str] = ()) -> dict[str, Any]:
    """Return a document as it is kept, plain JSON. `own` names the own fields of weaker layers that its texts may use.

    None as a value says nothing, so the field is left out. Raises: WordsWrong.
    """
    layer = LayerName(layer)
    if not isinstance(document, Mapping):
        raise WordsWrong({"words": "has to be an object of fields and values"})
    faults: dict[str, str] = {}
    kept: dict[str, Any] = {}
    said = {name: value for name, value in document.items() if value is not None}
    known = set(own)
    if isinstance(said.get("fields"), Mapping):
        known |= {name for name in said["fields"] if isinstance(name, str)}
    for name, value in said.items():
        field = FIELDS.get(name) if isinstance(name, str) else None
        try:
            if field is None:
                raise _Wrong(f"there is no such field; there are {', '.join(FIELDS)}")
            _require_layer(field, layer)
            kept[name] = checked(field, value, known)
        except _Wrong as wrong:
            faults[str(name)[:60]] = str(wrong)
    if faults:
        raise WordsWrong(faults)
    return {name: kept[name] for name in FIELDS if name in kept}


def check_channel_template(name: str, text: str, *, own: Collection[str] = ()) -> str:
    """Return a channel's template of title or description as it is kept. Raises: WordsWrong."""
    try:
        return str(checked(FIELDS[name], text, own, is_template=True))
    except _Wrong as wrong:
        raise WordsWrong({f"{name}_template": str(wrong)}) from None


def check_value(name: str, value: Any, *, own: Collection[str] = ()) -> Any:
    """Return one field's value as it is kept, whoever says it. Raises: WordsWrong."""
    try:
        return checked(FIELDS[name], value, own)
    except _Wrong as wrong:
        raise WordsWrong({name: str(wrong)}) from None


def _require_layer(field: Field, layer: LayerName) -> None:
    if layer == LayerName.CHANNEL and field.column:
        column = f"{field.name}_template" if field.kind in {Kind.LINE, Kind.TEXT} else field.name
        raise _Wrong(f"a channel has its own {column}")
    if layer not in field.layers:
        who = " or ".join(LAYER_LABELS[name] for name in LayerName if name in field.layers)
        raise _Wrong(f"the {LAYER_LABELS[layer]} cannot say it, only {who}")


def checked(field: Field, value: Any, own: Collection[str], *, is_template: bool = False) -> Any:
    """Return a value as its field keeps it. Raises: _Wrong."""
    if field.kind in {Kind.LINE, Kind.TEXT}:
        return _text(field, value, own, is_template=is_template)
    return _KINDS[field.kind](value)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong("has to be text")
    if "\x00" in value:
        raise _Wrong("contains a NUL character")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise _Wrong("contains half of a surrogate pair")
    return unturned(value).replace("\r\n", "\n").replace("\r", "\n").strip()


def _line(value: Any) -> str:
    text = _string(value)
    for letter in text:
        if unicodedata.category(letter) in {"Cc", "Zl", "Zp"}:
            raise _Wrong("has to be one line, without control characters")
    return text


def _no_angles(text: str) -> str:
    if limits.has_angles(text):
        raise _Wrong("contains < or >, which YouTube refuses; write ‹ or ›")
    return text


def _text(field: Field, value: Any, own: Collection[str], *, is_template: bool) -> str:
    is_title = field.kind == Kind.LINE
    text = _no_angles(_line(value) if is_title else _string(value))
    if not is_title and any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in text):
        raise _Wrong("contains control characters")
    try:
        placeholders.require_known(text, own)
        parts = placeholders.parse(text)
    except placeholders.PlaceholderWrong as wrong:
        raise _Wrong(str(wrong)) from None
    # Without its placeholders: how long those are is seen for each publication.
    fixed = "".join(part for part in parts if isinstance(part, str))
    if is_title:
        if not limits.is_visible(fixed) and len(parts) == sum(isinstance(part, str) for part in parts):
            raise _Wrong("is empty, or shows nothing")
        _within(limits.characters(fixed), limits.TITLE_CHARACTERS, "characters")
        _within(len(text), TEMPLATE_CHARACTERS, "characters with its placeholders")
    else:
        _within(limits.size_bytes(fixed), limits.DESCRIPTION_ROOM, f"bytes ({DESCRIPTION_SUM})")
    return text


DESCRIPTION_SUM: Final = f"{limits.DESCRIPTION_BYTES} less Headend's marker"


def _within(count: int, limit: int, unit: str) -> None:
    if count > limit:
        raise _Wrong(f"has {count} of at most {limit} {unit}")


def _tags(value: Any) -> list[str]:
    if not isinstance(value, list | tuple):
        raise _Wrong("has to be a list of texts")
    tags = []
    for item in value:
        tag = _no_angles(_line(item))
        if "," in tag or '"' in tag:
            raise _Wrong(f"the tag “{tag[:40]}” contains a comma or a quotation mark")
        if not limits.is_visible(tag):
            raise _Wrong("one of the tags is empty, or shows nothing")
        tags.append(tag)
    kept = list(limits.unique_tags(tags))
    _within(
        limits.tags_characters(kept),
        limits.TAG_ROOM,
        f"characters ({limits.TAG_CHARACTERS} less Headend's marker; a tag with a space has two more)",
    )
    return kept


def _category(value: Any) -> str:
    if str(value) not in CATEGORIES or isinstance(value, bool):
        raise _Wrong(
            f"{str(value)[:20]} is no category that YouTube takes; there are {', '.join(CATEGORIES)}"
        )
    return str(value)


def language_tag(value: str) -> str | None:
    """Return a language as BCP 47 writes it (`en`, `pt-BR`, `zh-Hant`), or None where it is none; `pt_BR` is read, too."""
    match = _LANGUAGE.fullmatch(value.strip().replace("_", "-"))
    if match is None:
        return None
    tag = match["language"].lower() + match["extended"].lower()
    if match["script"]:
        tag += f"-{match['script'].title()}"
    if match["region"]:
        tag += f"-{match['region'].upper()}"
    return tag + match["variants"].lower()


def _language(value: Any) -> str:
    text = _line(value)
    tag = language_tag(text) if text else ""
    if tag is None or len(tag) > 20:
        raise _Wrong(f"“{text[:40]}” is no language as BCP 47 writes it, for example en or pt-BR")
    return tag


def _playlists(value: Any) -> list[str]:
    if not isinstance(value, list | tuple):
        raise _Wrong("has to be a list of playlists' ids")
    found = dict.fromkeys(_line(item) for item in value)
    for playlist in found:
        if not _PLAYLIST.fullmatch(playlist):
            raise _Wrong(
                f"“{playlist[:40]}” is no id of a playlist; one begins with PL, as in its address after list="
            )
    _within(len(found), MOST_PLAYLISTS, "playlists")
    return list(found)


def _licence(value: Any) -> str:
    if value not in LICENCES:
        raise _Wrong(f"has to be one of {', '.join(LICENCES)}")
    return str(value)


def _yes_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("has to be true or false")
    return value


def _id(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LARGEST_ID:
        raise _Wrong("has to be the id of an attachment, a whole number from 1")
    return value


def _ids(value: Any) -> list[int]:
    if not isinstance(value, list | tuple):
        raise _Wrong("has to be a list of attachments' ids")
    return list(dict.fromkeys(_id(item) for item in value))


def _own(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise _Wrong("has to be an object of names and texts")
    kept: dict[str, str] = {}
    for name, text in value.items():
        if not isinstance(name, str) or not placeholders.NAME.fullmatch(name):
            raise _Wrong(
                f"“{str(name)[:40]}” is no name: small letters, digits and _, a letter first, 40 at most"
            )
        if name in placeholders.BUILT_IN or name in FIELDS:
            raise _Wrong(f"{name} is a name of Headend's own")
        try:
            kept[name] = _no_angles(_line(text))
            _within(limits.characters(kept[name]), OWN_VALUE_CHARACTERS, "characters")
        except _Wrong as wrong:
            raise _Wrong(f"{name} {wrong}") from None
    _within(len(kept), MOST_OWN_FIELDS, "own fields")
    return kept


_KINDS: Final[dict[Kind, Callable[[Any], Any]]] = {
    Kind.TAGS: _tags,
    Kind.CATEGORY: _category,
    Kind.LANGUAGE: _language,
    Kind.PLAYLISTS: _playlists,
    Kind.LICENCE: _licence,
    Kind.YES_NO: _yes_no,
    Kind.ATTACHMENT: _id,
    Kind.ATTACHMENTS: _ids,
    Kind.OWN: _own,
}
