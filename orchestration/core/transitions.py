"""Change states: the one place that writes them, by compare-and-swap, with the audit entry in the same transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.db import connection, models, transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Cast
from django.utils import timezone

from channels.stateful import Stateful
from orchestration.core import audit
from orchestration.errors import IllegalTransition, StaleState

Row = TypeVar("Row", bound=Stateful)


def transition(
    row: Row,
    to: str,
    *,
    verb: str = "",
    reason: str = "",
    where: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Row:
    """Move `row` to the state `to` and write `changes` with it, if nobody else did anything in the meantime.

    The update is guarded by the state and the version that `row` was read with, and by `where` (for example the
    holder of a lease). On success the row in memory carries the new values; `verb` defaults to `<model>_<state>`.

    Raises: IllegalTransition, if the arrow is not listed; StaleState, if the guard did not hold. Nothing is written then.
    """
    _require_arrow(row, to)
    model = type(row)
    now = timezone.now()
    old_state = row.state
    names_before = {name: _plain(getattr(row, name)) for name in changes if not name.endswith("_sealed")}
    with transaction.atomic():
        written = model._default_manager.filter(
            pk=row.pk, state=old_state, version=row.version, **(where or {})
        ).update(state=to, version=F("version") + 1, state_changed_at=now, **changes)
        if written != 1:
            raise StaleState(
                f"{row._meta.verbose_name} {row.pk} changed in the meantime; look again.",
                state=old_state,
                wanted=to,
            )
        audit.record(
            verb or f"{model._meta.model_name}_{to}",
            row,
            before={"state": old_state, **names_before, **(before or {})},
            after={
                "state": to,
                **{name: _plain(value) for name, value in changes.items() if not name.endswith("_sealed")},
            },
            reason=reason,
        )
    _remember(row, to, now, changes)
    return row


def transition_each(
    rows: Sequence[Row],
    to: str,
    *,
    verb: str = "",
    reason: str = "",
    befores: Mapping[int, Mapping[str, Any]] | None = None,
    **changes: Any,
) -> None:
    """Move rows of one model to `to` as `transition` does, each with an entry of its own, in a few statements for all.

    The rows must have been read under lock in this transaction. `befores` is by id what an entry says of before, besides.
    Raises: IllegalTransition, if one cannot; StaleState, if one changed in the meantime. Nothing is written then.
    """
    if not rows:
        return
    for row in rows:
        _require_arrow(row, to)
    model, now = type(rows[0]), timezone.now()
    plainly = {name: _plain(value) for name, value in changes.items() if not name.endswith("_sealed")}
    verb = verb or f"{model._meta.model_name}_{to}"
    with transaction.atomic():
        written = model._default_manager.filter(as_read(rows)).update(
            state=to, version=F("version") + 1, state_changed_at=now, **changes
        )
        if written != len(rows):
            raise StaleState(f"some {model._meta.verbose_name_plural} changed in the meantime; look again.")
        audit.record_all(
            [
                audit.entry(
                    verb,
                    row,
                    before={
                        "state": row.state,
                        **{name: _plain(getattr(row, name)) for name in plainly},
                        **(befores or {}).get(row.pk, {}),
                    },
                    after={"state": to, **plainly},
                    reason=reason,
                )
                for row in rows
            ]
        )
    for row in rows:
        _remember(row, to, now, changes)


def transition_all(
    rows: Iterable[Row],
    to: str,
    *,
    verb: str,
    subject: models.Model,
    reason: str = "",
    **changes: Any,
) -> list[Row]:
    """Move rows of one model to `to` in one statement and write one entry about `subject` that names them.

    The rows must have been read under lock in this transaction. Rows whose state does not allow the step are left out;
    the moved ones are returned.

    Raises: StaleState, if a row changed in the meantime; nothing is written then.
    """
    moving = [row for row in rows if row.can_become(to)]
    if not moving:
        return []
    model = type(moving[0])
    now = timezone.now()
    by_state: dict[str, list[int]] = defaultdict(list)
    for row in moving:
        by_state[row.state].append(row.pk)
    before = sorted(by_state)
    with transaction.atomic():
        written = model._default_manager.filter(as_read(moving)).update(
            state=to, version=F("version") + 1, state_changed_at=now, **changes
        )
        if written != len(moving):
            raise StaleState(f"some {model._meta.verbose_name_plural} changed in the meantime; look again.")
        audit.record(
            verb,
            subject,
            before={"state": before[0] if len(before) == 1 else before},
            after={"state": to, **{name: _plain(value) for name, value in changes.items()}},
            reason=reason,
            members={str(model._meta.model_name): [row.pk for row in moving]},
            each=True,
            were={"state": by_state} if len(by_state) > 1 else None,
        )
    for row in moving:
        _remember(row, to, now, changes)
    return moving


def _require_arrow(row: Stateful, to: str) -> None:
    if not row.can_become(to):
        raise IllegalTransition(
            f"{row._meta.verbose_name} {row.pk} is {row.state}; from there it cannot become {to}.",
            state=row.state,
            wanted=to,
        )


def as_read(rows: Sequence[Stateful]) -> Q:
    """Return the guard that finds each row only in the state and the version it was read with."""
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row in rows:
        groups[row.state, row.version].append(row.pk)
    return reduce(
        or_, (Q(state=state, version=version, pk__in=ids) for (state, version), ids in groups.items())
    )


def by_row(model: type[models.Model], values: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what an update writes where rows get values of their own: `values` by id and by the field's name."""
    written: dict[str, Any] = {}
    for name in next(iter(values.values())):
        field: Any = model._meta.get_field(name)
        own = {pk: of_row[name] for pk, of_row in values.items()}
        first = next(iter(own.values()))
        if all(value == first for value in own.values()):
            written[name] = first
            continue
        cases = Case(
            *(When(pk=pk, then=Value(value, output_field=field)) for pk, value in own.items()),
            output_field=field,
        )
        # As Django's own `bulk_update`: PostgreSQL takes the branches for text.
        is_text = connection.features.requires_casted_case_in_updates
        written[name] = Cast(cases, output_field=field) if is_text else cases
    return written


def _remember(row: Stateful, to: str, now: datetime, changes: Mapping[str, Any]) -> None:
    """Put on the row in memory what was written; only once it is, so that memory never says more than the table."""
    row.state, row.state_changed_at = to, now
    row.version += 1
    for name, value in changes.items():
        setattr(row, name, value)


def _plain(value: Any) -> Any:
    """Return `value` as JSON can hold it."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, dict | list):
        return value
    if isinstance(value, models.Model):
        return value.pk
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
