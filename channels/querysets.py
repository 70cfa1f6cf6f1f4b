"""Name the questions that are asked of the register's rows, and the one lock under which rows are changed."""

from typing import Any, Self, TypeVar

from django.db import connections, models

from channels.limits import narrow
from channels.states import OPENING_CREDENTIALS, ChannelState

R = TypeVar("R", bound=models.QuerySet[Any])
Row = TypeVar("Row", bound=models.Model, covariant=True)


def _as_manager(rows: type[models.QuerySet[Any]]) -> models.Manager[Any]:
    """Return Django's own manager of rows, which shows whoever is limited to some channels nothing of the others."""
    manager: Any = _django(rows)
    narrow(type(manager))
    return manager


_as_manager.queryset_only = True  # type: ignore[attr-defined]  # as Django marks its own
_django: Any = models.QuerySet.as_manager.__func__  # type: ignore[attr-defined]


def _narrowed(rows: type[R]) -> type[R]:
    """Give a query set that manager; the class of it stays Django's, by which the check of types knows it."""
    rows.as_manager = classmethod(_as_manager)  # type: ignore[assignment]
    return rows


@_narrowed
class Lockable(models.QuerySet[Row]):
    """Rows that can be locked until the transaction ends. Nothing else in Headend takes a lock on rows."""

    def locked(self) -> Self:
        """Lock the rows themselves, not what is joined, so that others may still refer to them (`FOR NO KEY UPDATE`).

        With the plain lock the insert of a job would wait for whoever locks its channel.
        """
        return self.select_for_update(of=("self",), no_key=True)

    def locked_where_free(self) -> Self:
        """Lock what nobody else holds and pass over the rest; SQLite lets one writer in at a time anyway."""
        skips = connections[self.db].features.has_select_for_update_skip_locked
        return self.select_for_update(of=("self",), no_key=True, skip_locked=skips)


class ChannelQuerySet(Lockable[Row]):
    """Channels."""

    def active(self) -> Self:
        """Keep those that publish."""
        return self.filter(state=ChannelState.ACTIVE)

    def enabled(self) -> Self:
        """Keep those that are planned for and looked after: all that are not disabled."""
        return self.exclude(state=ChannelState.DISABLED)

    def connected(self) -> Self:
        """Keep those whose credential opens them."""
        return self.filter(credential__state__in=OPENING_CREDENTIALS)
