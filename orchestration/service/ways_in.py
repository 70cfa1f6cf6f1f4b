"""Other ways in than an open address: what opens a source, and watched folders."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration.core.permissions import action
from orchestration.models import Source
from orchestration.register import source_access, source_folders
from orchestration.service.base import Door


class WaysIn(Door):
    """Other ways in than an open address: what opens a source, and watched folders."""

    @action("operate")
    def add_folder_source(
        self,
        *,
        path: str = "",
        name: str = "",
        rights_basis: str = "",
        rights_note: str = "",
        language: str = "",
        keep_files: bool = True,
    ) -> Source:
        """Watch a folder, `inbox` in the data folder where none is named, and take in each film that is put there."""
        return source_folders.add(
            path=path,
            name=name,
            rights_basis=rights_basis,
            rights_note=rights_note,
            language=language,
            keep_files=keep_files,
        )

    @action("operate")
    def set_source_access(
        self,
        *,
        source_id: int,
        username: str = "",
        password: str = "",
        cookies: str = "",
        headers: Sequence[str] = (),
        hosts: Sequence[str] = (),
        reason: str = "",
        version: int | None = None,
    ) -> Source:
        """Seal the login, cookies or headers that open a source, in place of what was; what waited for it goes on."""
        return source_access.set_access(
            source_id,
            username=username,
            password=password,
            cookies=cookies,
            headers=headers,
            hosts=hosts,
            reason=reason,
            version=version,
        )

    @action("operate")
    def remove_source_access(self, *, source_id: int, reason: str = "", version: int | None = None) -> Source:
        """Forget what opens a source."""
        return source_access.remove_access(source_id, reason=reason, version=version)
