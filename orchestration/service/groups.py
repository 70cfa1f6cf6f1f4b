"""Groups of channels, and the labels on them."""

from __future__ import annotations

from collections.abc import Sequence

from channels.models import ChannelGroup, Label
from orchestration.core.permissions import action
from orchestration.register import groups
from orchestration.register.groups import GroupChange
from orchestration.service.base import Door


class Groups(Door):
    """Groups of channels, and the labels on them."""

    @action("read")
    def get_channel_groups(self) -> list[ChannelGroup]:
        """List the groups by name, each with how many channels are in it (`members`)."""
        return groups.groups()

    @action("read")
    def get_channel_group(self, *, group_id: int) -> ChannelGroup:
        """Show one group, with how many channels are in it (`members`). Raises: NotFound."""
        return groups.one(group_id)

    @action("admin")
    def add_channel_group(
        self, *, name: str, slug: str = "", description: str = "", channel_ids: Sequence[int] = ()
    ) -> ChannelGroup:
        """Make a group; without a slug its name becomes one."""
        return groups.add(name, slug, description, channel_ids)

    @action("admin")
    def change_channel_group(
        self,
        *,
        group_id: int,
        name: str | None = None,
        slug: str | None = None,
        description: str | None = None,
    ) -> ChannelGroup:
        """Give a group another name, slug or description; what is left out stays."""
        return groups.change(group_id, name=name, slug=slug, description=description)

    @action("admin")
    def remove_channel_group(self, *, group_id: int, reason: str = "") -> None:
        """Remove a group; its channels stay. Raises: InvalidRequest, naming the rules and silences that use it."""
        groups.remove(group_id, reason)

    @action("admin")
    def set_group_channels(
        self, *, group_id: int, channel_ids: Sequence[int], reason: str = ""
    ) -> GroupChange:
        """Let exactly these channels be in a group; rules that name the group follow at once."""
        return groups.set_channels(group_id, channel_ids, reason)

    @action("admin")
    def add_group_channels(
        self, *, group_id: int, channel_ids: Sequence[int], reason: str = ""
    ) -> GroupChange:
        """Put channels into a group."""
        return groups.add_channels(group_id, channel_ids, reason)

    @action("admin")
    def remove_group_channels(
        self, *, group_id: int, channel_ids: Sequence[int], reason: str = ""
    ) -> GroupChange:
        """Take channels out of a group; they stay as they are."""
        return groups.remove_channels(group_id, channel_ids, reason)

    @action("read")
    def get_labels(self) -> list[Label]:
        """List the labels by name, each with how many channels have it (`members`)."""
        return groups.labels()

    @action("operate")
    def add_channel_labels(
        self, *, channel_ids: Sequence[int], labels: Sequence[str], reason: str = ""
    ) -> int:
        """Put labels on channels, made where they are new; return on how many something changed."""
        return groups.add_labels(channel_ids, labels, reason)

    @action("operate")
    def remove_channel_labels(
        self, *, channel_ids: Sequence[int], labels: Sequence[str], reason: str = ""
    ) -> int:
        """Take labels off channels; return on how many something changed."""
        return groups.remove_labels(channel_ids, labels, reason)

    @action("operate")
    def set_channel_labels(
        self, *, channel_ids: Sequence[int], labels: Sequence[str], reason: str = ""
    ) -> int:
        """Give channels exactly these labels; none takes all off. Return on how many something changed."""
        return groups.set_labels(channel_ids, labels, reason)

    @action("operate")
    def remove_label(self, *, label_id: int, reason: str = "") -> None:
        """Remove a label from all channels. Raises: InvalidRequest, naming the rules that use it."""
        groups.remove_label(label_id, reason)
