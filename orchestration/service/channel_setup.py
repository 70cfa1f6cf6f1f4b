"""Say what a channel is: its configuration, the times of its week, its blackouts, what opens it, and what it was before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time

from django.db import transaction

from channels.editing import ChannelValues
from channels.models import Blackout, Channel, ConfigRevision, Credential, PostingSlot
from orchestration.core import lookup
from orchestration.core.permissions import action
from orchestration.github import configuration
from orchestration.planning.week_facts import SlotAt
from orchestration.register import blackouts, calendars, channel_edit, credentials, groups, revisions
from orchestration.register.revisions import RevisionDiff, RevisionReport, RollBack
from orchestration.register.week import Week, week_of
from orchestration.service.base import Door


class ChannelSetup(Door):
    """Say what a channel is; whatever changes its configuration is kept as a revision in the same transaction."""

    @action("admin")
    def add_channel(self, *, values: ChannelValues, reason: str = "") -> Channel:
        """Register a channel; without a slug it gets one that is made of its name."""
        with transaction.atomic():
            channel = channel_edit.add(values, reason)
            configuration.write_down([channel.pk])
        return channel

    @action("admin")
    def change_channel(
        self,
        *,
        channel_id: int,
        values: ChannelValues,
        version: int | None = None,
        seen: str = "",
        accept_problems: bool = False,
        reason: str = "",
    ) -> Channel:
        """Change what is said of a channel; what is planned already stays where it is."""
        with configuration.kept(channel_id):
            return channel_edit.change(
                channel_id,
                values,
                version=version,
                seen=seen,
                accept_problems=accept_problems,
                reason=reason,
            )

    @action("admin")
    def remove_channel(self, *, channel_id: int, reason: str = "") -> None:
        """Remove a channel that nothing rests on; any other can be disabled."""
        channel_edit.remove(channel_id, reason)

    @action("admin")
    def set_credential(
        self,
        *,
        channel_id: int,
        client_id: str,
        client_secret: str = "",
        refresh_token: str = "",
        reason: str = "",
    ) -> Credential:
        """Store a channel's own OAuth client and refresh token, sealed, and have Google asked about them."""
        return credentials.set_credential(
            channel_id,
            client_id=client_id,
            client_secret=client_secret,
            refresh_token=refresh_token,
            reason=reason,
        )

    @action("admin")
    def set_channel_groups(
        self, *, channel_id: int, group_ids: Sequence[int], labels: Sequence[str], reason: str = ""
    ) -> Channel:
        """Let a channel be in exactly these groups, and have exactly these labels."""
        with transaction.atomic():
            channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
            there = set(channel.groups.values_list("pk", flat=True))
            for group_id in sorted(set(group_ids) - there):
                groups.add_channels(group_id, [channel_id], reason)
            for group_id in sorted(there - set(group_ids)):
                groups.remove_channels(group_id, [channel_id], reason)
            groups.set_labels([channel_id], labels, reason)
        return channel

    # -- the week ----------------------------------------------------------------------------------------------------

    @action("read")
    def get_week(self, *, channel_id: int) -> Week:
        """Show a channel's weekly slots, and what its gap, its cap and the clocks of its zone make of them."""
        return week_of(channel_id)

    @action("schedule")
    def add_slot(
        self, *, channel_id: int, weekday: int, local_time: time, enabled: bool = True
    ) -> PostingSlot:
        """Let a channel post at a weekly wall-clock time of its zone."""
        with configuration.kept(channel_id):
            return calendars.add_slot(channel_id, weekday, local_time, enabled)

    @action("schedule")
    def add_slots(
        self, *, channel_id: int, weekdays: Sequence[int], local_times: Sequence[time]
    ) -> list[PostingSlot]:
        """Let a channel post at some times of some days of the week; those that it has stay as they are."""
        with configuration.kept(channel_id):
            return calendars.add_slots(channel_id, weekdays, local_times)

    @action("schedule")
    def enable_slot(self, *, slot_id: int, enabled: bool, reason: str = "") -> PostingSlot:
        """Let a slot be used, or leave it out until it is switched on again; what is scheduled already stays."""
        with configuration.kept(lookup.one(PostingSlot, slot_id, field="slot_id").channel_id):
            return calendars.enable_slot(slot_id, enabled, reason)

    @action("schedule")
    def remove_slot(self, *, slot_id: int, reason: str = "") -> None:
        """Take a weekly slot away; what is scheduled already stays."""
        with configuration.kept(lookup.one(PostingSlot, slot_id, field="slot_id").channel_id):
            calendars.remove_slot(slot_id, reason)

    @action("schedule")
    def set_slots(
        self, *, channel_id: int, slots: Sequence[SlotAt], version: str = "", reason: str = ""
    ) -> Week:
        """Let a channel post at exactly these times of the week; what is scheduled already stays."""
        with configuration.kept(channel_id):
            calendars.set_slots(channel_id, slots, version=version, reason=reason)
        return week_of(channel_id)

    @action("schedule")
    def copy_day(self, *, channel_id: int, weekday: int, to: Sequence[int], reason: str = "") -> Week:
        """Give other days of the week exactly the slots of one day."""
        with configuration.kept(channel_id):
            calendars.copy_day(channel_id, weekday, to, reason)
        return week_of(channel_id)

    # -- blackouts ---------------------------------------------------------------------------------------------------

    @action("schedule")
    def add_blackout(
        self,
        *,
        channel_id: int,
        first_date: date,
        last_date: date,
        from_time: time | None = None,
        until_time: time | None = None,
        reason: str = "",
    ) -> Blackout:
        """Let a channel publish nothing in a stretch of its zone's wall-clock time, both dates included."""
        with configuration.kept(channel_id):
            return blackouts.add_blackout(channel_id, first_date, last_date, from_time, until_time, reason)

    @action("schedule")
    def change_blackout(
        self,
        *,
        blackout_id: int,
        first_date: date,
        last_date: date,
        from_time: time | None = None,
        until_time: time | None = None,
        reason: str = "",
    ) -> Blackout:
        """Give a blackout another stretch and reason."""
        with configuration.kept(lookup.one(Blackout, blackout_id, field="blackout_id").channel_id):
            return blackouts.change_blackout(
                blackout_id, first_date, last_date, from_time, until_time, reason
            )

    @action("schedule")
    def remove_blackout(self, *, blackout_id: int, reason: str = "") -> None:
        """Take a blackout away; what is scheduled already stays."""
        with configuration.kept(lookup.one(Blackout, blackout_id, field="blackout_id").channel_id):
            blackouts.remove_blackout(blackout_id, reason)

    # -- revisions ---------------------------------------------------------------------------------------------------

    @action("read")
    def get_revisions(
        self, *, channel_id: int, before: int | None = None, most: int = revisions.PER_PAGE
    ) -> list[ConfigRevision]:
        """List a channel's revisions, the newest first; `before` a number for those that come after on the next page."""
        return revisions.of_channel(channel_id, before=before, most=most)

    @action("read")
    def get_revision(self, *, channel_id: int, number: int) -> RevisionReport:
        """Show one revision of a channel: what was changed by it, and what going back to it would change."""
        return revisions.report(channel_id, number)

    @action("read")
    def diff_revisions(self, *, channel_id: int, first: int, second: int) -> RevisionDiff:
        """Say what differs between two revisions of a channel, field by field."""
        return revisions.diff(channel_id, first, second)

    @action("admin")
    def roll_back_configuration(
        self,
        *,
        channel_id: int,
        number: int,
        dry_run: bool = False,
        accept_problems: bool = False,
        reason: str = "",
    ) -> RollBack:
        """Bring the values of an earlier revision back as a new one; a dry run shows what would change, and what cannot."""
        if dry_run:
            return revisions.roll_back(channel_id, number, dry_run=True, accept_problems=accept_problems)
        with configuration.kept(channel_id):
            configuration.write_down([channel_id])  # what was changed elsewhere is not lost by going back
            return revisions.roll_back(channel_id, number, accept_problems=accept_problems, reason=reason)
