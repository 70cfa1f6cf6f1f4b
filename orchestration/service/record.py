"""What the record says: how it stood at a past instant, and what changed since somebody left."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from orchestration.core.permissions import action
from orchestration.monitoring import search as searching
from orchestration.monitoring import since as away
from orchestration.monitoring.rewind import state
from orchestration.monitoring.rewind.answers import Past
from orchestration.service.base import Door


class Record(Door):
    """What the record says."""

    @action("read")
    def get_state_at(
        self,
        *,
        at: datetime,
        page: str = "schedule",
        channel: str = "",
        starts_at: datetime | None = None,
        hours: int = 24,
        number: int = 1,
        limit: int = 50,
        span_days: int = 7,
    ) -> Past:
        """Show the plan, the overview or a channel (by slug) as it was at an instant, with what is otherwise now."""
        return state.at(
            at,
            page=page,
            slug=channel,
            starts_at=starts_at,
            hours=hours,
            number=number,
            limit=limit,
            span_days=span_days,
        )

    @action("read")
    def get_changes_since(self, *, since: datetime | None = None) -> away.Since:
        """Show what changed since an instant; without one since whoever asks has said that they have seen it all."""
        return away.changes(self.actor.user_id, since=since)

    @action("read")
    def count_changes_since(self) -> away.SinceCount:
        """Count what changed since whoever asks has said that they have seen it all."""
        return away.count(self.actor.user_id)

    @action("read")
    def mark_changes_seen(self, *, until: datetime | None = None) -> datetime:
        """Keep that whoever asks has seen what changed until an instant, or until now."""
        return away.mark_seen(self.actor.user_id, until or timezone.now())

    @action("read")
    def search(self, *, words: str, most: int = searching.MOST) -> list[searching.Hit]:
        """Find channels, publications, waves, videos, sources and jobs by a part of a name, or by an id."""
        return searching.search(words, most)
