"""What the system has written of itself, and of how people use the console."""

from __future__ import annotations

from django.contrib import admin

from channels.admin import ReadOnlyAdmin
from orchestration.models import (
    Activity,
    ChangeCount,
    Heartbeat,
    IdempotencyRecord,
    KeptReport,
    Preferences,
    RateCount,
    Refusal,
    SavedView,
    Seal,
    SealBlock,
    SystemState,
    VideoStatistics,
)


@admin.register(SystemState)
class SystemStateAdmin(ReadOnlyAdmin):
    """Show the switch; it is turned in the console."""

    list_display = ("__str__", "state_changed_at", "changed_by", "reason")
    fields = readonly_fields = ("state", "state_changed_at", "changed_by", "reason", "installation_id")


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """Show when each component last showed that it works."""

    list_display = ("component", "beat_at", "info")


@admin.register(VideoStatistics)
class VideoStatisticsAdmin(ReadOnlyAdmin):
    """Show what YouTube counted for published videos."""

    list_display = ("distribution", "collected_at", "view_count", "like_count", "comment_count")
    list_select_related = ("distribution__video", "distribution__channel")
    date_hierarchy = "collected_at"


@admin.register(RateCount)
class RateCountAdmin(ReadOnlyAdmin):
    """Show what is counted against limits."""

    list_display = ("key", "count", "window", "seconds")
    search_fields = ("key",)


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(ReadOnlyAdmin):
    """Show which requests were answered under an Idempotency-Key."""

    list_display = ("key", "caller", "status_code", "created_at")
    search_fields = ("key", "caller")
    exclude = ("body",)


admin.site.unregister(Activity)  # django-auditlog registers its entry by itself, without our verb and trigger


@admin.register(Activity)
class ActivityAdmin(ReadOnlyAdmin):
    """Show the audit log; it is append-only."""

    list_display = ("timestamp", "verb", "object_repr", "actor_label", "trigger", "reason", "cid")
    list_filter = ("trigger", "action", "content_type")
    list_select_related = ("content_type",)
    search_fields = ("verb", "object_repr", "actor_label", "reason", "cid")
    date_hierarchy = "timestamp"
    fields = readonly_fields = (
        "timestamp",
        "verb",
        "actor_label",
        "trigger",
        "content_type",
        "object_pk",
        "object_repr",
        "reason",
        "before",
        "after",
        "changes",
        "additional_data",
        "cid",
        "remote_addr",
    )


@admin.register(Preferences)
class PreferencesAdmin(ReadOnlyAdmin):
    """Show how people use the console; each sets their own."""

    list_display = ("user", "timezone", "seen_until")
    list_select_related = ("user",)


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    """Show the saved views of lists; they are saved where the list is."""

    list_display = ("name", "owner", "page", "shared", "created_at")
    list_select_related = ("owner",)


@admin.register(Refusal)
class RefusalAdmin(ReadOnlyAdmin):
    """Show what was refused lately and is not in the activity log yet."""

    list_display = ("verb", "actor_label", "address", "count", "first_at", "last_at", "told_at")
    exclude = ("key",)


@admin.register(SealBlock)
class SealBlockAdmin(ReadOnlyAdmin):
    """Show the chain over the audit log; it is append-only."""

    list_display = ("number", "sealed_at", "entries", "first_entry", "last_entry", "digest")
    date_hierarchy = "sealed_at"


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    """Show each entry's digest; it is append-only."""

    list_display = ("entry", "block", "digest")


@admin.register(ChangeCount)
class ChangeCountAdmin(ReadOnlyAdmin):
    """Show how often each topic has changed: what an open page compares."""

    list_display = ("topic", "count")


@admin.register(KeptReport)
class KeptReportAdmin(ReadOnlyAdmin):
    """Show which reports the background keeps ready, and how long each took."""

    list_display = ("key", "computed_at", "took_seconds")
