"""What is to be public when; planned in the console, shown here."""

from __future__ import annotations

from django.contrib import admin

from channels.admin import ReadOnlyAdmin
from orchestration.models import (
    Approval,
    CalendarAddress,
    Conflict,
    Distribution,
    Schedule,
    StandingRule,
    Wave,
)


@admin.register(Wave)
class WaveAdmin(ReadOnlyAdmin):
    """Show coordinated publications."""

    list_display = ("name", "timing", "scheduled_at", "state", "priority", "created_by", "created_at")
    list_filter = ("state", "timing")
    search_fields = ("name", "correlation_id")
    date_hierarchy = "created_at"


@admin.register(Distribution)
class DistributionAdmin(ReadOnlyAdmin):
    """Show which video goes to which channel, and why."""

    list_display = ("video", "channel", "method", "state", "youtube_video_id", "published_at", "error_code")
    list_filter = ("state", "method", "channel")
    list_select_related = ("video", "channel")
    search_fields = ("video__title", "youtube_video_id", "marker")


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    """Show when what is to be public."""

    list_display = ("video", "channel", "publish_at", "state", "priority", "overridden", "lateness_seconds")
    list_filter = ("state", "channel", "overridden")
    list_select_related = ("distribution__video", "channel")
    search_fields = ("distribution__video__title", "channel__name")
    date_hierarchy = "publish_at"

    @admin.display(description="video", ordering="distribution__video__title")
    def video(self, row: Schedule) -> str:
        """Name the video."""
        return str(row.distribution.video)


@admin.register(Conflict)
class ConflictAdmin(ReadOnlyAdmin):
    """Show what collided."""

    list_display = ("kind", "rule", "channel", "video", "state", "resolution", "wanted_at", "created_at")
    list_filter = ("state", "kind", "rule")
    list_select_related = ("channel", "video")
    search_fields = ("message", "correlation_id")


@admin.register(StandingRule)
class StandingRuleAdmin(ReadOnlyAdmin):
    """Show what is planned by itself; rules are entered on the page *Standing rules*, where they are checked."""

    list_display = ("name", "kind", "enabled", "source", "next_run_at", "last_run_at", "last_problem")
    list_select_related = ("source",)
    list_filter = ("kind", "enabled")
    search_fields = ("name",)


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    """Show the last word on publications that wait for an approval; it is said on the page *Review*."""

    list_display = ("distribution", "verdict", "by", "reason", "decided_at")
    list_select_related = ("distribution__video", "distribution__channel")
    list_filter = ("verdict",)


@admin.register(CalendarAddress)
class CalendarAddressAdmin(ReadOnlyAdmin):
    """Show who has a calendar address, and when it was last read; the address itself is kept nowhere."""

    list_display = ("user", "created_at", "last_read_at")
    list_select_related = ("user",)
    exclude = ("secret_hash",)
