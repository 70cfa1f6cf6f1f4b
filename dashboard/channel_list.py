"""Choose, sort and describe a page of the list of channels, in as many statements for a thousand as for six."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Case, Count, F, IntegerField, OuterRef, QuerySet, Subquery, Value, When

from channels.models import Channel, PostingSlot
from channels.states import ChannelHealth
from orchestration.models import Schedule
from orchestration.results.channels import ChannelReport
from orchestration.states import OPEN_SCHEDULES, ScheduleState

SORTS: Mapping[str, str] = {
    "name": "name",
    "next": "next publication",
    "health": "health, the worst first",
    "state": "state",
    "new": "the newest first",
}
_WORST_FIRST = (ChannelHealth.FAILING, ChannelHealth.DEGRADED, ChannelHealth.UNKNOWN, ChannelHealth.HEALTHY)


@dataclass(frozen=True, slots=True)
class Row:
    """One channel of the list."""

    report: ChannelReport
    slots: int

    @property
    def channel(self) -> Channel:
        """Return the channel itself."""
        return self.report.channel


def sorted_by(rows: QuerySet[Channel], sort: str) -> QuerySet[Channel]:
    """Return channels in the order that was chosen, by name where nothing else says."""
    if sort == "next":
        live = Schedule.objects.filter(
            channel=OuterRef("pk"), state__in=OPEN_SCHEDULES - {ScheduleState.HELD}
        )
        first = live.order_by("publish_at").values("publish_at")[:1]
        return rows.annotate(next_at=Subquery(first)).order_by(
            F("next_at").asc(nulls_last=True), "name", "pk"
        )
    if sort == "health":
        worst = Case(
            *(When(health=health, then=Value(rank)) for rank, health in enumerate(_WORST_FIRST)),
            default=Value(9),
            output_field=IntegerField(),
        )
        return rows.order_by(worst, "name", "pk")
    if sort == "state":
        return rows.order_by("state", "name", "pk")
    if sort == "new":
        return rows.order_by("-pk")
    return rows.order_by("name", "pk")


def rows_of(reports: list[ChannelReport]) -> list[Row]:
    """Return reports with how many slots a week each channel has."""
    ids = [report.channel.pk for report in reports]
    counts: dict[int, int] = dict(
        PostingSlot.objects.filter(channel__in=ids, enabled=True)
        .order_by()
        .values("channel")
        .annotate(many=Count("*"))
        .values_list("channel", "many")
    )
    return [Row(report, counts.get(report.channel.pk, 0)) for report in reports]
