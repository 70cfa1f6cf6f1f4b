"""What opens a source that asks who is there."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration.core.permissions import action
from orchestration.models import Source
from orchestration.register import source_access
from orchestration.service.base import Door


class SourceAccess(Door):
    """What opens a source that asks who is there."""

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
