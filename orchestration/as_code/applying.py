"""Write the whole configuration out, say what a file would change, and apply exactly that: all of it or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from pydantic import ValidationError as PydanticError

from orchestration.as_code import yaml_text
from orchestration.as_code.kinds import Kind, Values, Work, secret_of
from orchestration.as_code.kinds_of_channels import Channels, Sources
from orchestration.as_code.kinds_of_engine import Clock, Groups, Pools, Profiles, StandingRules
from orchestration.as_code.kinds_of_telling import Addresses, Rules, Webhooks
from orchestration.as_code.schemas import FORMAT, ConfigurationFile
from orchestration.core import audit
from orchestration.errors import InvalidRequest, OrchestrationError, PlanOutdated
from orchestration.models import SystemState
from orchestration.results.as_code import CHANGED, NEW, REMOVED, ConfigurationChange, FieldChange, ThingChange

KINDS: Sequence[Kind] = (
    Profiles(),
    Pools(),
    Clock(),
    Groups(),
    Sources(),
    Channels(),
    StandingRules(),
    Addresses(),
    Rules(),
    Webhooks(),
)
"""In the order in which they refer to each other."""
BY_SECTION = {kind.section: kind for kind in KINDS}
NAMED = 5
MOST_NAMED = 100
Exported = dict[str, dict[str, Values]]


def export() -> str:
    """Return the whole configuration as YAML, without a secret; what has a default is written, too."""
    return yaml_text.write({"headend": FORMAT, **_everything()})


def _everything() -> Exported:
    return {kind.section: kind.export() for kind in KINDS}


# ----------------------------------------------------------------------------------------------------------- difference


@dataclass(frozen=True, slots=True)
class Change:
    """One thing on its way: all its fields, and which of them change."""

    kind: Kind
    key: str
    what: str
    wanted: Values
    fields: Sequence[FieldChange]
    line: int

    def told(self) -> ThingChange:
        """Return it as it is shown."""
        return ThingChange(self.kind.section, self.key, self.what, self.fields, self.line)


@dataclass(slots=True)
class Asked:
    """What a file says, as it is compared, and where each of it stands."""

    given: dict[str, dict[str, Values]]
    lines: Mapping[yaml_text.Path, int]
    prune: bool
    faults: list[dict[str, Any]] = field(default_factory=list)

    def fault(self, path: yaml_text.Path, sentence: str) -> None:
        """Note what is wrong with a thing or a field."""
        line = yaml_text.line_of(self.lines, path)
        where = ".".join(map(str, path))
        said = f"{where}: {sentence.rstrip('.')}" if where else sentence.rstrip(".")
        self.faults.append({"line": line, "field": where, "message": said})

    def require_none(self) -> None:
        """Refuse a file with faults, naming each line. Raises: InvalidRequest."""
        if not self.faults:
            return
        said = "; ".join(f"line {each['line']}: {each['message']}" for each in self.faults[:NAMED])
        more = f"; and {len(self.faults) - NAMED} more" if len(self.faults) > NAMED else ""
        raise InvalidRequest(
            f"Nothing is written. {said}{more}.",
            field="text",
            errors=[
                {"field": each["field"], "message": f"line {each['line']}: {each['message']}"}
                for each in self.faults
            ][:MOST_NAMED],
        )


def read(text: str, *, prune: bool = False) -> Asked:
    """Read a configuration file. Raises: InvalidRequest, naming line and field of all that is wrong."""
    value, lines = yaml_text.read(text)
    asked = Asked({}, lines, prune)
    try:
        parsed = ConfigurationFile.model_validate(value)
    except PydanticError as error:
        for item in error.errors():
            asked.fault(_known(item["loc"]), _said(item))
        asked.require_none()
        raise
    for kind in KINDS:
        if kind.section not in value:
            continue
        things = getattr(parsed, kind.section)
        asked.given[kind.section] = found = {}
        for key, thing in things.items():
            try:
                found[key] = kind.normal(thing.model_dump(exclude_unset=True))
            except OrchestrationError as error:
                asked.fault(_path(kind.section, key, error.field), error.message)
    asked.require_none()
    return asked


def _known(location: tuple[Any, ...]) -> yaml_text.Path:
    return tuple(part for part in location if isinstance(part, str | int))


def _said(item: Any) -> str:
    if item["type"] == "extra_forbidden":
        return "there is no such field"
    if item["type"] == "missing":
        return "it is needed"
    return str(item["msg"]).removeprefix("Value error, ").replace("Input should", "it should")


def _path(section: str, key: str, name: str) -> yaml_text.Path:
    return (section, key, name) if name else (section, key)


def difference(asked: Asked, work: Work) -> list[Change]:
    """Return what would change, in the order in which it is made; what goes, goes last, in the other one."""
    found: list[Change] = []
    gone: list[Change] = []
    for kind in KINDS:
        there = kind.export()
        given = asked.given.get(kind.section, {})
        if kind is BY_SECTION["profiles"]:  # the one that becomes the default takes it from another
            given = dict(sorted(given.items(), key=lambda item: item[1].get("is_default") is True))
        for key, values in given.items():
            change = _change(kind, key, values, there.get(key), asked, work)
            found += [change] if change else []
        if asked.prune and kind.section in asked.given:
            absent = [key for key in there if key not in given and kind.removable(key)]
            gone = [*(Change(kind, key, REMOVED, {}, (), 0) for key in absent), *gone]
    return found + gone


def _change(
    kind: Kind, key: str, given: Values, there: Values | None, asked: Asked, work: Work
) -> Change | None:
    line = yaml_text.line_of(asked.lines, (kind.section, key))
    if there is None:
        wanted = {**kind.normal(kind.thing.model_validate(_required(given)).model_dump()), **given}
        fields = [FieldChange(name, None, value) for name, value in given.items()]
        return Change(kind, key, NEW, wanted, fields, line)
    fields = [
        FieldChange(name, there.get(name), value)
        for name, value in given.items()
        if name != kind.secret and not _same(value, there.get(name))
    ]
    reference = given.get(kind.secret) if kind.secret else None
    if reference and not kind.has_secret(key):
        if secret_of(reference):
            fields.append(FieldChange(kind.secret, None, reference))
        else:
            work.notes.append(f"{key}: its {kind.secret} is not here, and {reference['secret']} is not set.")
    return Change(kind, key, CHANGED, {**there, **given}, fields, line) if fields else None


def _same(value: Any, other: Any) -> bool:
    """Return whether two values say the same; what stands around a text says nothing."""
    if isinstance(value, str) and isinstance(other, str):
        return value.strip() == other.strip()
    return bool(value == other)


def _required(given: Values) -> Values:
    """Return what a thing cannot be without, so that its defaults can be asked for."""
    return {name: given[name] for name in ("seconds",) if name in given}


def digest_of(changes: Sequence[Change]) -> str:
    """Return by what a difference is told from another one: what each thing is, and what it becomes."""
    said = [
        [each.kind.section, each.key, each.what, [[one.field, one.before, one.after] for one in each.fields]]
        for each in changes
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


# ------------------------------------------------------------------------------------------------------------- applying


class _Undone(Exception):
    """Ends the transaction in which a preview was made."""


def preview(text: str, *, prune: bool = False) -> ConfigurationChange:
    """Say what a file would change; it is tried and taken back. Raises: InvalidRequest, naming lines and fields."""
    asked, work = read(text, prune=prune), Work()
    _look_outside(asked, work)
    made: list[ConfigurationChange] = []
    try:
        with transaction.atomic():
            made.append(_make(asked, work, dry_run=True))
            raise _Undone
    except _Undone:
        return made[0]


def apply(text: str, *, digest: str, prune: bool = False, reason: str = "") -> ConfigurationChange:
    """Make what a file changes, all of it or nothing, and only if it is the difference of this digest.

    Raises: InvalidRequest, naming lines and fields; PlanOutdated, if it would change something else by now.
    """
    asked, work = read(text, prune=prune), Work()
    _look_outside(asked, work)
    with transaction.atomic():
        made = _make(asked, work, dry_run=False, digest=digest)
        if made.changes:
            counted = {
                what: sum(1 for each in made.changes if each.what == what) for what in (NEW, CHANGED, REMOVED)
            }
            named = sorted({f"{each.section}: {each.key}" for each in made.changes})
            audit.record(
                "configuration_applied",
                SystemState.objects.get_or_create(pk=1)[0],
                after={**counted, "things": named[:MOST_NAMED], "digest": digest},
                reason=reason,
            )
    return made


def _look_outside(asked: Asked, work: Work) -> None:
    """Ask the network about what is to be made, for which no transaction waits."""
    for change in difference(asked, Work()):
        named = {each.field for each in change.fields}
        if change.what == NEW or (change.what == CHANGED and change.kind.secret in named):
            with _told(asked, change):
                change.kind.look_outside(work, change.key, change.wanted)
    asked.require_none()


def _make(asked: Asked, work: Work, *, dry_run: bool, digest: str = "") -> ConfigurationChange:
    SystemState.objects.get_or_create(pk=1)
    SystemState.objects.locked().get(pk=1)  # one file at a time
    changes = difference(asked, work)
    found = digest_of(changes)
    if not dry_run and digest != found:
        raise PlanOutdated(
            "What the file changes is not what was shown: something else has changed meanwhile. Look at it again.",
            digest=found,
        )
    for kind in KINDS:
        for change in changes:
            if change.kind is kind and change.what != REMOVED:
                _try(asked, change, _making(change, work))
        if any(change.kind is kind for change in changes):
            _finish(asked, kind, work)
    for change in changes:
        if change.what == REMOVED:
            _try(asked, change, _removing(change))
    asked.require_none()
    _require_kept(asked, changes)
    return ConfigurationChange(
        [each.told() for each in changes], list(dict.fromkeys(work.notes)), found, dry_run
    )


def _making(change: Change, work: Work) -> Callable[[], None]:
    named = {each.field for each in change.fields}
    if change.what == NEW:
        return lambda: change.kind.make(work, change.key, change.wanted, named)
    return lambda: change.kind.change(work, change.key, change.wanted, named)


def _removing(change: Change) -> Callable[[], None]:
    return lambda: change.kind.remove(change.key)


def _try(asked: Asked, change: Change, call: Callable[[], None]) -> None:
    """Do one thing in a savepoint of its own, so that each that is refused is told of."""
    with _told(asked, change), transaction.atomic():
        call()


def _finish(asked: Asked, kind: Kind, work: Work) -> None:
    if asked.faults:  # what was not made is missing here
        return
    try:
        with transaction.atomic():
            kind.finish(work, asked.given.get(kind.section, {}))
    except OrchestrationError as error:
        asked.fault((kind.section,), error.message)


class _told:
    """Note a refusal at the thing that it is about, and go on."""

    def __init__(self, asked: Asked, change: Change) -> None:
        self.asked, self.change = asked, change

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        section, key = self.change.kind.section, self.change.key
        if isinstance(error, OrchestrationError):
            for named, sentence in _each(error):
                self.asked.fault(_path(section, key, named), sentence)
        elif isinstance(error, ValidationError | IntegrityError):
            said = (
                "; ".join(error.messages)
                if isinstance(error, ValidationError)
                else "something else has that name"
            )
            self.asked.fault((section, key), said)
        else:
            return False
        return True


def _each(error: OrchestrationError) -> Iterator[tuple[str, str]]:
    listed = error.details.get("errors")
    if not listed:
        yield error.field, error.message
    else:
        yield from ((each["field"], each["message"]) for each in listed)


def _require_kept(asked: Asked, changes: Sequence[Change]) -> None:
    """Refuse what was kept otherwise than the file says, so that to apply it again would change it again.

    Raises: InvalidRequest.
    """
    there: Exported = {}
    for change in changes:
        kind = change.kind
        if change.what == REMOVED:
            continue
        if kind.section not in there:
            there[kind.section] = kind.export()
        row = there[kind.section].get(change.key)
        if row is None or (kind.secret and not kind.has_secret(change.key)):
            continue  # its secret is missing: it is off, or not there, and a note says so
        for name, value in asked.given[kind.section][change.key].items():
            if name != kind.secret and not _same(row.get(name), value):
                kept = json.dumps(row.get(name), ensure_ascii=False)[:100]
                asked.fault((kind.section, change.key, name), f"it is kept as {kept}; write it so")
    asked.require_none()
