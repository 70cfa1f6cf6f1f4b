"""How videos are prepared: profiles, and who uses which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels.models import Channel
from orchestration.core.permissions import action
from orchestration.models import Source
from orchestration.register import profiles
from orchestration.results.library import ProfileShown
from orchestration.service.base import Door


class Profiles(Door):
    """How videos are prepared: profiles, and who uses which."""

    @action("read")
    def get_profiles(self) -> list[ProfileShown]:
        """List the profiles by which videos are prepared, and who uses them."""
        return profiles.shown()

    @action("operate")
    def save_profile(self, *, key: str, values: Mapping[str, Any], reason: str = "") -> ProfileShown:
        """Make a profile, or give it all its values anew; what is prepared stays as it is."""
        return profiles.save(key, values, reason)

    @action("operate")
    def remove_profile(self, *, key: str, reason: str = "") -> None:
        """Remove a profile that nobody uses."""
        profiles.remove(key, reason)

    @action("operate")
    def set_channel_profile(
        self, *, channel_id: int, profile: str, reason: str = "", version: int | None = None
    ) -> Channel:
        """Say by which profile videos are prepared for a channel."""
        return profiles.set_for_channel(channel_id, profile, reason=reason, version=version)

    @action("operate")
    def set_source_profile(
        self, *, source_id: int, profile: str, reason: str = "", version: int | None = None
    ) -> Source:
        """Say by which profile a source's videos are prepared where their channel has none."""
        return profiles.set_for_source(source_id, profile, reason=reason, version=version)
