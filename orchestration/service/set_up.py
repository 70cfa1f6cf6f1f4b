"""Setting up: how far it is, and whether Google and GitHub are set up."""

from __future__ import annotations

from orchestration.core.permissions import action
from orchestration.errors import InvalidRequest
from orchestration.monitoring import connection_checks, first_steps, rehearsal
from orchestration.monitoring.connection_checks import ConnectionReport
from orchestration.monitoring.first_steps import SetUp
from orchestration.monitoring.rehearsal import Played, Report
from orchestration.service.base import Door

SUBJECTS = ("google", "github")


class SettingUp(Door):
    """Setting up: how far it is, and whether Google and GitHub are set up."""

    @action("read")
    def get_set_up(self) -> SetUp:
        """Return what this installation still needs until its first film is public, from the facts."""
        return first_steps.set_up()

    @action("read")
    def get_connection_report(self, *, subject: str) -> ConnectionReport | None:
        """Return what was found when a person last had `google` or `github` checked; None where nobody has."""
        if subject not in SUBJECTS:
            raise InvalidRequest(f"{subject} is none of {', '.join(SUBJECTS)}.", field="subject")
        return connection_checks.last(subject)

    @action("operate")
    def keep_rehearsal(self, *, played: Played) -> Report:
        """Keep what a rehearsal found, with what would fail here; called by `manage.py rehearse`."""
        return rehearsal.keep(played)

    @action("operate")
    def check_google(self, *, redirect_uri: str, channel_id: int | None = None) -> ConnectionReport:
        """Ask Google step by step whether a channel can be connected and published to; what is missing is named.

        `redirect_uri` is where Google is to send browsers back to. Costs a unit of the budget for a connected channel.
        Raises: NotFound.
        """
        return connection_checks.google(channel_id, redirect_uri=redirect_uri)

    @action("operate")
    def check_github(self, *, channel_id: int) -> ConnectionReport:
        """Ask GitHub step by step whether a channel's videos can be staged there; only reading calls. Raises: NotFound."""
        return connection_checks.github(channel_id)
