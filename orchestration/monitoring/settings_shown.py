"""Say what each setting is, what it is set to and by whom; what it is for stands in docs/settings.md, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, run_checks

from channels.log_redaction import redact

PAGE = Path(settings.BASE_DIR) / "docs" / "settings.md"
ORIGINS = {
    "environment": "environment",
    "file": "installation.env",
    "up": "made by manage.py up",
    "made": "made by Headend, in keys/",
    "default": "default",
}
_ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \|(.*)\|$")
_DEMO = re.compile(r" \(demo: [^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


@dataclass(frozen=True, slots=True)
class SettingShown:
    """One setting: what it is for, what it is, what it would be, and where its value comes from."""

    name: str
    group: str
    does: str
    default: str
    bounds: str
    value: str
    origin: str
    is_secret: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Warned:
    """What a system check complains about."""

    id: str
    level: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class SettingsReport:
    """Every setting that this process has read, and what the checks say."""

    settings: list[SettingShown]
    warnings: list[Warned]
    restart: str = "Settings are read when a process starts; restart Headend after a change."


@dataclass(frozen=True, slots=True)
class _Described:
    group: str
    default: str
    bounds: str
    does: str


def report() -> SettingsReport:
    """Return every setting that was read, in the order of its page, with what the checks complain about."""
    warnings = _warnings()
    described = _described()
    order = {name: number for number, name in enumerate(described)}
    names = sorted(settings.SETTINGS_READ, key=lambda name: (order.get(name, len(order)), name))
    return SettingsReport([_shown(name, described.get(name), warnings) for name in names], warnings)


def _shown(name: str, row: _Described | None, warnings: Iterable[Warned]) -> SettingShown:
    read = settings.SETTINGS_READ[name]
    row = row or _Described("Others", "", "", "")
    if read.is_secret:
        value = "set" if read.is_set else "not set"
    elif read.given is not None:
        value = redact(read.given)
    else:
        value = redact(_in_words(getattr(settings, name, None))) or _DEMO.sub("", row.default)
    return SettingShown(
        name=name,
        group=row.group,
        does=row.does,
        default=row.default,
        bounds=row.bounds,
        value=value,
        origin=read.origin,
        is_secret=read.is_secret,
        warnings=tuple(found.message for found in warnings if re.search(rf"\b{name}\b", found.message)),
    )


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value) if isinstance(value, str | int | Path) else ""


@lru_cache(maxsize=1)
def _described() -> dict[str, _Described]:
    """Return what the page says of each; nothing, where the page does not lie beside the code."""
    try:
        text = PAGE.read_text(encoding="utf-8")
    except OSError:
        return {}
    return read_page(text)


def read_page(text: str) -> dict[str, _Described]:
    """Return what each row of the page's tables says, in plain words, under the heading that it stands below."""
    found: dict[str, _Described] = {}
    group, columns = "", 0
    for line in text.splitlines():
        if line.startswith("## "):
            group = _plain(line.removeprefix("## "))
        elif line.startswith("| variable"):
            columns = line.count("|") - 1
        elif row := _ROW.match(line):
            cells = [_plain(cell) for cell in row[2].split("|")]
            default = cells[0] if columns > 2 else ""
            bounds = cells[1] if columns > 3 else ""
            found[row[1]] = _Described(group, default, bounds, cells[-1])
    return found


def _plain(cell: str) -> str:
    return _LINK.sub(r"\1", cell).replace("`", "").replace("*", "").strip()


def _warnings() -> list[Warned]:
    """Return what our own checks say, and in production those of Django's for a deployment, too."""
    found: list[CheckMessage] = run_checks(tags=["security"], include_deployment_checks=True)
    ours = [said for said in found if settings.PRODUCTION or str(said.id).startswith("headend.")]
    levels = {40: "error", 30: "warning"}
    return [
        Warned(str(said.id), levels.get(said.level, "info"), str(said.msg), str(said.hint or ""))
        for said in ours
    ]
