"""The disk: what lies there, what is kept for how long, and what is deleted."""

from __future__ import annotations

from orchestration.core.permissions import action
from orchestration.models import Source
from orchestration.pipeline import retention
from orchestration.register.retention import set_retention
from orchestration.results.pools import CleanResult, DiskReport
from orchestration.service.base import Door


class Disk(Door):
    """The disk that holds all files."""

    @action("read")
    def get_disk(self) -> DiskReport:
        """Say what lies on the disk, how fast it grows, and what the rules of retention would free."""
        return retention.report()

    @action("read")
    def preview_cleaning(self) -> CleanResult:
        """Tell which files the rules of retention would delete now."""
        return retention.clean(dry_run=True)

    @action("admin")
    def clean_disk(self) -> CleanResult:
        """Delete now what the rules of retention keep no longer, and no plan needs."""
        return retention.clean()

    @action("admin")
    def set_source_retention(
        self,
        *,
        source_id: int,
        keep_originals: str = "",
        keep_prepared: str = "",
        reason: str = "",
        version: int | None = None,
    ) -> Source:
        """Say for how long a source's files are kept: forever, published, or days; empty: as the installation does."""
        return set_retention(
            source_id,
            keep_originals=keep_originals,
            keep_prepared=keep_prepared,
            reason=reason,
            version=version,
        )
