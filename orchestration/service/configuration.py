"""The whole configuration as a file."""

from __future__ import annotations

from orchestration.as_code import applying
from orchestration.core.permissions import action
from orchestration.results.as_code import ConfigurationChange
from orchestration.service.base import Door


class Configuration(Door):
    """The whole configuration as a file."""

    @action("admin")
    def export_configuration(self) -> str:
        """Write everything that is configured as YAML; secrets are referred to, never written."""
        return applying.export()

    @action("admin")
    def preview_configuration(self, *, text: str, prune: bool = False) -> ConfigurationChange:
        """Say what a file would change; nothing is written. With `prune` what its sections do not name goes.

        Raises: InvalidRequest, naming line and field of all that is wrong.
        """
        return applying.preview(text, prune=prune)

    @action("admin")
    def apply_configuration(
        self, *, text: str, digest: str, prune: bool = False, reason: str = ""
    ) -> ConfigurationChange:
        """Make what a file changes: the difference that was shown under this digest, all of it or nothing.

        Raises: InvalidRequest, naming line and field; PlanOutdated, if it is another difference by now.
        """
        return applying.apply(text, digest=digest, prune=prune, reason=reason)
