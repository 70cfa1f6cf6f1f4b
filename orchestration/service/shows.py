"""What the overview, statistics and forecast show."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration import overview
from orchestration.core.permissions import action
from orchestration.monitoring import statistics
from orchestration.planning.answers import Forecast
from orchestration.results import (
    Dashboard,
    StatisticsReport,
)
from orchestration.scheduling import (
    forecast,
)
from orchestration.service.base import Door


class Shows(Door):
    """What the overview, statistics and forecast show."""

    @action("read")
    def get_dashboard_data(self) -> Dashboard:
        """Return everything the overview shows."""
        return overview.dashboard()

    @action("read")
    def get_statistics(self, *, days: int = 7, channel_ids: Sequence[int] | None = None) -> StatisticsReport:
        """Show what YouTube counted and what we did in the last days, of all channels or of some."""
        return statistics.report(days, channel_ids=channel_ids)

    @action("read")
    def forecast(self, *, days: int = 7) -> Forecast:
        """Run the planner and dispatcher against a simulated clock."""
        return forecast.forecast(days)
