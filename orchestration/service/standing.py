"""What is planned by itself, and the plan as a file: standing rules, series, import, export and calendar addresses."""

from __future__ import annotations

from orchestration.core.permissions import action
from orchestration.errors import InvalidRequest, NotPermitted
from orchestration.models import ApiToken, StandingRule
from orchestration.results.plans import PlanFile, StandingRun
from orchestration.scheduling import calendar_feed, plan_file, standing, standing_runs
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

    @action("schedule")
    def add_standing_rule(self, *, values: StandingValues) -> StandingRule:
        """Have the clock distribute videos, or let a series go on, from now on."""
        return standing.add(values)

    @action("schedule")
    def change_standing_rule(self, *, rule_id: int, values: StandingValues) -> StandingRule:
        """Give a standing rule all its values anew; what it planned stays."""
        return standing.change(rule_id, values)

    @action("schedule")
    def remove_standing_rule(self, *, rule_id: int, reason: str = "") -> None:
        """Remove a standing rule; what it planned stays."""
        standing.remove(rule_id, reason)

    @action("read")
    def preview_standing_rule(self, *, rule_id: int) -> StandingRun:
        """Show what a run of a standing rule would plan now."""
        return standing_runs.run(rule_id, dry_run=True)

    @action("schedule")
    def run_standing_rule(self, *, rule_id: int) -> StandingRun:
        """Run a standing rule now, whether or not it is switched on."""
        return standing_runs.run(rule_id)

    @action("schedule")
    def skip_episode(
        self, *, rule_id: int, video_id: int, skip: bool = True, reason: str = ""
    ) -> StandingRule:
        """Let a series pass over one episode, or take it in again."""
        return standing.skip_episode(rule_id, video_id, skip=skip, reason=reason)

    @action("schedule")
    def preview_plan_file(self, *, text: str, acknowledge_policy: bool = False) -> PlanFile:
        """Say of each line of a plan's CSV what it would do; nothing is written."""
        return plan_file.preview(text, acknowledge_policy=acknowledge_policy)

    @action("schedule")
    def import_plan_file(self, *, text: str, acknowledge_policy: bool = False) -> PlanFile:
        """Write all that a plan's CSV asks for, or nothing."""
        return plan_file.write(text, acknowledge_policy=acknowledge_policy)

    @action("read")
    def make_calendar_address(self, *, user_id: int | None = None) -> str:
        """Return a new secret under which a calendar program reads the plan; the caller's own, or another user's.

        Raises: NotFound, InvalidRequest (a token has no calendar), NotPermitted (another's needs admin).
        """
        return calendar_feed.make_address(self._whose(user_id))

    @action("read")
    def remove_calendar_address(self, *, user_id: int | None = None) -> None:
        """Let a calendar address open nothing any more. Raises: as `make_calendar_address`."""
        calendar_feed.remove_address(self._whose(user_id))

    def _whose(self, user_id: int | None) -> int:
        if user_id is None and self.actor.user_id is None:
            raise InvalidRequest("Say whose calendar it is.", field="user_id")
        if user_id not in (None, self.actor.user_id) and not self.actor.reaches(ApiToken.Scope.ADMIN):
            raise NotPermitted(f"{self.actor.label} may change nobody else's calendar address.")
        return user_id or self.actor.user_id or 0
