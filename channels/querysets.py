"""Name the questions that are asked of the register's rows, and the one lock under which rows are changed."""

from typing import Self, TypeVar

from django.db import connections, models

from channels.states import OPENING_CREDENTIALS, ChannelState

Row = TypeVar("Row", bound=models.Model, covariant=True)


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
