"""What is planned by itself, and the plan as a file: standing rules, series, import, export and calendar addresses."""

from __future__ import annotations

from orchestration.core.permissions import action
from orchestration.models import StandingRule
from orchestration.results import StandingRun
from orchestration.scheduling import standing, standing_runs
from orchestration.scheduling.standing import StandingValues
from orchestration.service.base import Door


class Standing(Door):
    """What is planned by itself, and the plan as a file."""

    @action("read")
    def get_standing_rules(self) -> list[StandingRule]:
        """List what is planned by itself, how often, and how the last run ended."""
        return standing.list_rules()

    @action("read")
    def get_standing_rule(self, *, rule_id: int) -> StandingRule:
        """Show one standing rule."""
        return standing.one(rule_id)

    @action("operate")
    def add_standing_rule(self, *, values: StandingValues) -> StandingRule:
        """Have the clock distribute videos, or let a series go on, from now on."""
        return standing.add(values)

    @action("operate")
    def change_standing_rule(self, *, rule_id: int, values: StandingValues) -> StandingRule:
        """Give a standing rule all its values anew; what it planned stays."""
        return standing.change(rule_id, values)

    @action("operate")
    def remove_standing_rule(self, *, rule_id: int, reason: str = "") -> None:
        """Remove a standing rule; what it planned stays."""
        standing.remove(rule_id, reason)

    @action("read")
    def preview_standing_rule(self, *, rule_id: int) -> StandingRun:
        """Show what a run of a standing rule would plan now."""
        return standing_runs.run(rule_id, dry_run=True)

    @action("operate")
    def run_standing_rule(self, *, rule_id: int) -> StandingRun:
        """Run a standing rule now, whether or not it is switched on."""
        return standing_runs.run(rule_id)

    @action("operate")
    def skip_episode(
        self, *, rule_id: int, video_id: int, skip: bool = True, reason: str = ""
    ) -> StandingRule:
        """Let a series pass over one episode, or take it in again."""
        return standing.skip_episode(rule_id, video_id, skip=skip, reason=reason)
