"""Sources, and what is found there."""

from __future__ import annotations

from orchestration.core.permissions import action
from orchestration.models import (
    Job,
    Source,
)
from orchestration.register import source_edit, sources
from orchestration.results.library import RightsChange
from orchestration.service.base import Door


class Library(Door):
    """Sources, and what is found there."""

    @action("operate")
    def add_source(
        self, *, url: str, name: str = "", rights_basis: str = "", rights_note: str = ""
    ) -> Source:
        """Register a source and have it read at once."""
        return sources.add(url=url, name=name, rights_basis=rights_basis, rights_note=rights_note)

    @action("operate")
    def set_source_rights(
        self,
        *,
        source_id: int,
        rights_basis: str,
        rights_note: str | None = None,
        reason: str = "",
        version: int | None = None,
    ) -> RightsChange:
        """Set why a source's videos may be published; with an empty basis, what is armed of it is taken back."""
        return sources.set_rights(
            source_id, rights_basis=rights_basis, rights_note=rights_note, reason=reason, version=version
        )

    @action("operate")
    def change_source(
        self,
        *,
        source_id: int,
        name: str | None = None,
        url: str | None = None,
        priority: int | None = None,
        language: str | None = None,
        scrape_interval_minutes: int | None = None,
        item_limit: int | None = None,
        reason: str = "",
        version: int | None = None,
    ) -> Source:
        """Change what a source is called, where it lies and how it is read; what is left out stays."""
        return source_edit.change(
            source_id,
            name=name,
            url=url,
            priority=priority,
            language=language,
            scrape_interval_minutes=scrape_interval_minutes,
            item_limit=item_limit,
            reason=reason,
            version=version,
        )

    @action("admin")
    def remove_source(self, *, source_id: int, reason: str = "") -> None:
        """Take a source away from which nothing came."""
        source_edit.remove(source_id, reason)

    @action("operate")
    def scrape_source(self, *, source_id: int) -> Job:
        """Read a source now."""
        return sources.scrape_now(source_id)

    @action("operate")
    def pause_source(self, *, source_id: int, reason: str = "", version: int | None = None) -> Source:
        """Stop reading a source."""
        return sources.pause(source_id, reason, version=version)

    @action("operate")
    def resume_source(self, *, source_id: int, reason: str = "", version: int | None = None) -> Source:
        """Read a source again."""
        return sources.resume(source_id, reason, version=version)
