"""Guard a verb: that its row is as the person saw it, and that what it is now allows it."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TypeVar

from django.contrib.contenttypes.models import ContentType

from channels.stateful import Stateful
from orchestration.core import preconditions
from orchestration.errors import IllegalTransition, StaleVersion
from orchestration.models import Activity

Row = TypeVar("Row", bound=Stateful)


def require(row: Stateful, name: str, *, version: int | None = None) -> None:
    """Refuse a verb that a locked row does not offer, or that was meant for an older version of it.

    Raises: StaleVersion; IllegalTransition, with the true state.
    """
    require_version(row, version)
    if refused := row.why_not(name):
        raise IllegalTransition(refused, state=row.state)


def sort_out(rows: Iterable[Row], name: str) -> tuple[list[Row], dict[int, str]]:
    """Return which locked rows offer a verb, and by id why the others refuse it."""
    taken: list[Row] = []
    refused: dict[int, str] = {}
    for row in rows:
        if against := row.why_not(name):
            refused[row.pk] = against
        else:
            taken.append(row)
    return taken, refused


def require_version(row: Stateful, version: int | None) -> None:
    """Refuse what was decided by an older version of a locked row than it has; None asks for no comparison.

    Raises: StaleVersion, naming the true state and who brought it about.
    """
    preconditions.hold(type(row), row.pk)
    if version is None or version == row.version:
        return
    last = _last_change(row)
    name = str(row._meta.verbose_name)
    said = f"{name[:1].upper()}{name[1:]} {row.pk} has changed since it was looked at; it is {row.state} now"
    details = {"state": row.state, "version": row.version}
    if last is not None:
        who, at = last.actor_label, f"{last.timestamp:%Y-%m-%d %H:%M:%S} UTC"
        said += f" ({last.verb} by {who}, {at}{f': {last.reason}' if last.reason else ''})"
        details |= {"changed_by": who, "changed_how": last.verb, "changed_at": last.timestamp.isoformat()}
    raise StaleVersion(f"{said}. Look again before you decide.", **details)


def _last_change(row: Stateful) -> Activity | None:
    """Return the last entry about a row; what was changed together with others stands in an entry about their subject."""
    of_row = ContentType.objects.get_for_model(row)
    last = Activity.objects.filter(content_type=of_row, object_id=row.pk).order_by("-id").first()
    is_of_it = last is not None and last.timestamp >= row.state_changed_at - timedelta(seconds=5)
    return last if is_of_it else None
