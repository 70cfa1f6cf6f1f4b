"""Start, stop, pause and resume the whole, and say how it stands."""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.core.permissions import action
from orchestration.engine import control
from orchestration.results.system import ResumePreview, SystemReport
from orchestration.service.base import Door


class Control(Door):
    """Start, stop, pause and resume the whole, and say how it stands."""

    @action("operate")
    def start(self, *, reason: str = "", version: int | None = None) -> SystemReport:
        """Start the system: due work is dispatched from now on. Raises: IllegalTransition if it runs already."""
        return control.start(reason, version=version)

    @action("operate")
    def stop(
        self, *, now: bool = False, reason: str = "", disarm: bool = False, version: int | None = None
    ) -> SystemReport:
        """Let what runs finish, then stop; with `now`, ask what runs to cancel; with `disarm`, take back what is armed."""
        return control.stop(now=now, reason=reason, disarm=disarm, version=version)

    @action("operate")
    def pause(self, *, reason: str = "", disarm: bool = False, version: int | None = None) -> SystemReport:
        """Start nothing new; what runs finishes; with `disarm`, also take back what YouTube would publish by itself."""
        return control.pause(reason, disarm=disarm, version=version)

    @action("operate")
    def resume(
        self,
        *,
        reason: str = "",
        version: int | None = None,
        choices: Mapping[int, str] | None = None,
        all_as: str = "policy",
    ) -> SystemReport:
        """Go on after a pause; what is overdue goes the way chosen for it, else its channel's misfire policy's.

        `choices` are by publication, `all_as` for all others: policy, publish_now, next_slot, hold or skip.
        """
        return control.resume(reason, version=version, choices=choices, all_as=all_as)

    @action("read")
    def preview_resume(self) -> ResumePreview:
        """Show what is overdue and what resuming would do to each."""
        return control.preview_resume()

    @action("read")
    def get_status(self) -> SystemReport:
        """Return whether the system runs, since when, by whom and why, and what it is doing."""
        return control.report()
