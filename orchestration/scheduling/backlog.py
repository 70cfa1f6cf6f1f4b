"""List the ready videos that wait for a time, and say of a channel whether each may go there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from orchestration.models import Distribution, Video
from orchestration.planning import types
from orchestration.planning.eligibility import sort_members
from orchestration.scheduling import snapshots
from orchestration.states import TAKEN_DISTRIBUTIONS, OnConflict, RightsBasis


@dataclass(frozen=True, slots=True)
class BacklogVideo:
    """A ready video: to how many channels it goes already, and why it may not go to the one that was asked about."""

    video: Video
    channel_count: int
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Backlog:
    """One page of the ready videos, the newest first."""

    videos: tuple[BacklogVideo, ...]
    total: int
    page: int
    pages: int

    @property
    def earlier_page(self) -> int:
        """Return the page with newer ones."""
        return self.page - 1

    @property
    def later_page(self) -> int:
        """Return the page with older ones."""
        return self.page + 1


def backlog(*, channel_id: int | None = None, q: str = "", page: int = 1, limit: int = 12) -> Backlog:
    """Return ready videos that may be published; of a channel, those that do not go there yet. Raises: NotFound."""
    views = snapshots.channel_views([channel_id]) if channel_id is not None else []
    shown = Paginator(_rows(channel_id, q), limit).get_page(page)
    videos = list(shown.object_list)
    refusals = _refusals(videos, views[0]) if views and videos else {}
    return Backlog(
        tuple(BacklogVideo(row, row.__dict__["taken"], refusals.get(row.pk, "")) for row in videos),
        shown.paginator.count,
        shown.number,
        shown.paginator.num_pages,
    )


def _rows(channel_id: int | None, q: str) -> QuerySet[Video]:
    rows = Video.objects.ready().exclude(source__rights_basis=RightsBasis.NONE)
    if q:
        rows = rows.filter(Q(title__icontains=q) | Q(url__icontains=q))
    taken = Distribution.objects.filter(video=OuterRef("pk"), state__in=TAKEN_DISTRIBUTIONS)
    if channel_id is not None:
        rows = rows.exclude(Exists(taken.filter(channel=channel_id)))
    counted = Count("distributions", filter=Q(distributions__state__in=TAKEN_DISTRIBUTIONS))
    return rows.annotate(taken=counted).select_related("source").order_by("-ready_at", "-pk")


def _refusals(videos: Sequence[Video], channel: types.ChannelView) -> dict[int, str]:
    """Return by which sentences videos may not go to a channel, whatever the time: as a plan would refuse them."""
    views = snapshots.video_views([video.pk for video in videos])
    request = types.WaveRequest(
        tuple(view.id for view in views), (channel.id,), on_conflict=OnConflict.REJECT
    )
    members, conflicts = sort_members(
        request, {channel.id: channel}, {view.id: view for view in views}, snapshots.existing(views)
    )
    fits = {video.id for video, goes_to in members if goes_to}
    said: dict[int, str] = {}
    for view in views:
        if view.id not in fits:
            about = [c.message for c in conflicts if c.video_id in (view.id, None)]
            said[view.id] = about[0] if about else "it may not go there"
    return said
