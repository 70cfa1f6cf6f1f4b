"""What the overview, statistics and forecast show."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration import overview
from orchestration.core.permissions import action
from orchestration.monitoring import publication_figures, statistics, work_figures, youtube_figures
from orchestration.monitoring.figure_scope import Scope
from orchestration.monitoring.figures import PublicationFigures, WorkFigures, YouTubeFigures
from orchestration.planning.answers import Forecast
from orchestration.results.board import Dashboard, Needs, OverviewMore, StatisticsReport
from orchestration.scheduling import forecast, kept_forecast
from orchestration.service.base import Door


def _scope(
    days: int,
    channel_ids: Sequence[int] | None,
    group: str,
    label: str,
    wave_id: int | None,
    source_id: int | None,
) -> Scope:
    return Scope(
        days=days, channel_ids=channel_ids, group=group, label=label, wave_id=wave_id, source_id=source_id
    )


class Shows(Door):
    """What the overview, statistics and forecast show."""

    @action("read")
    def get_dashboard_data(self, *, rest: bool = True) -> Dashboard:
        """Return everything the overview shows, each part cut; without the `rest` what is to be known first."""
        return overview.dashboard(rest=rest)

    @action("read")
    def get_overview_more(self) -> OverviewMore:
        """Return the rest of the overview: channels, work, pools, sources, activity."""
        return overview.more()

    @action("read")
    def get_needs(self) -> Needs:
        """Return all that needs a person, the most urgent first, and in one line whether all is well."""
        return overview.all_needs()

    @action("read")
    def get_statistics(self, *, days: int = 7, channel_ids: Sequence[int] | None = None) -> StatisticsReport:
        """Show what YouTube counted and what we did in the last days, of all channels or of some."""
        return statistics.report(days, channel_ids=channel_ids)

    @action("read")
    def get_publication_figures(
        self,
        *,
        days: int = 7,
        channel_ids: Sequence[int] | None = None,
        group: str = "",
        label: str = "",
        wave_id: int | None = None,
        source_id: int | None = None,
    ) -> PublicationFigures:
        """Count what became of the publications whose moment lay in the last days, by hour or day, and how late they were.

        Counted by us; lengths in seconds, instants in UTC. Up to two days are told by hour, more by day.
        Raises: InvalidRequest, unless `days` is 1 to 30; NotFound, naming the field.
        """
        return publication_figures.figures(_scope(days, channel_ids, group, label, wave_id, source_id))

    @action("read")
    def get_work_figures(
        self,
        *,
        days: int = 7,
        channel_ids: Sequence[int] | None = None,
        group: str = "",
        label: str = "",
        wave_id: int | None = None,
        source_id: int | None = None,
    ) -> WorkFigures:
        """Measure each step of the work in the last days: its time and its wait in seconds, what failed, and use of pools.

        Counted by us. Pools are shared by all channels, so their use is never of some only.
        Raises: InvalidRequest, unless `days` is 1 to 30; NotFound, naming the field.
        """
        return work_figures.figures(_scope(days, channel_ids, group, label, wave_id, source_id))

    @action("read")
    def get_youtube_figures(
        self,
        *,
        days: int = 7,
        channel_ids: Sequence[int] | None = None,
        group: str = "",
        label: str = "",
        wave_id: int | None = None,
        source_id: int | None = None,
        channels_from: int = 0,
    ) -> YouTubeFigures:
        """Show YouTube's raw numbers of channels and of the videos that we published, the latest and over the last days.

        25 channels from `channels_from` on, those with most subscribers first, and the 25 videos with most views.
        Raises: InvalidRequest, unless `days` is 1 to 30; NotFound, naming the field.
        """
        return youtube_figures.figures(
            _scope(days, channel_ids, group, label, wave_id, source_id), channels_from=channels_from
        )

    @action("read")
    def forecast(self, *, days: int = 7) -> Forecast:
        """Run the planner and dispatcher against a simulated clock."""
        return forecast.forecast(days)

    @action("read")
    def get_kept_forecast(self, *, days: int = 7) -> kept_forecast.KeptForecast:
        """Show the forecast at once: where much is planned, as the background made it last, with its age."""
        return kept_forecast.kept(days)
