"""Jobs, what they draw from and what they wait for."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from channels.admin import BoundedInput, KeepsHistory, ReadOnlyAdmin
from orchestration.admin.actions import for_each
from orchestration.models import Blocker, BudgetEntry, Call, Job, Lease, OrphanUpload, Pool, WorkflowRun


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Show the queue of record."""

    list_display = (
        "id",
        "kind",
        "channel",
        "state",
        "priority",
        "attempts",
        "holder",
        "created_at",
        "error_code",
    )
    list_filter = ("state", "kind", "executor")
    list_select_related = ("channel",)
    search_fields = ("correlation_id", "dedupe_key", "holder", "error_message")
    date_hierarchy = "created_at"


@admin.register(WorkflowRun)
class WorkflowRunAdmin(ReadOnlyAdmin):
    """Show the GitHub runs that served jobs."""

    list_display = (
        "repository",
        "run_id",
        "state",
        "remote_status",
        "conclusion",
        "dispatched_at",
        "error_code",
    )
    list_filter = ("state", "conclusion")
    search_fields = ("repository", "run_id", "correlation_id")


@admin.register(OrphanUpload)
class OrphanUploadAdmin(ReadOnlyAdmin):
    """Show uploads that lost the race: private on YouTube, to be deleted there."""

    list_display = ("youtube_video_id", "reason", "found_at", "deleted_at")
    list_filter = ("deleted_at",)
    search_fields = ("youtube_video_id",)
    actions = ["note_deleted"]

    @admin.action(description="Note that it was deleted at YouTube", permissions=["view"])
    def note_deleted(self, request: HttpRequest, rows: QuerySet[OrphanUpload]) -> None:
        """Close orphans that an operator has deleted at YouTube."""
        for_each(request, rows, lambda service, row: service.note_orphan_deleted(orphan_id=row.pk), "noted")


@admin.register(Pool)
class PoolAdmin(KeepsHistory, BoundedInput, admin.ModelAdmin):
    """Set the capacity of shared resources."""

    list_display = ("label", "name", "kind", "capacity", "window_seconds", "reserve", "paused")
    list_filter = ("kind", "paused")
    search_fields = ("label", "name")
    readonly_fields = ("paused",)
    actions = ("pause", "resume")

    def get_readonly_fields(self, request: HttpRequest, obj: Pool | None = None) -> tuple[str, ...]:
        """Keep name and kind of a pool that exists: code names it, and its ledger counts by its kind."""
        return ("name", "kind", *self.readonly_fields) if obj else self.readonly_fields

    def history_of(self, row: Pool) -> str:
        """Return what was taken from it."""
        count = row.leases.count() + row.entries.count()
        return (
            f"{row} has {count} leases and budget entries, so it cannot be deleted; set its capacity to 0 instead."
            if count
            else ""
        )

    @admin.action(description="Pause: take nothing new", permissions=["change"])
    def pause(self, request: HttpRequest, rows: QuerySet[Pool]) -> None:
        """Take nothing new from pools."""
        for_each(request, rows, lambda service, row: service.pause_pool(pool_id=row.pk), "paused")

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, rows: QuerySet[Pool]) -> None:
        """Let pools be used again."""
        for_each(request, rows, lambda service, row: service.resume_pool(pool_id=row.pk), "resumed")


@admin.register(Lease)
class LeaseAdmin(ReadOnlyAdmin):
    """Show who held what, since when."""

    list_display = ("pool", "holder", "units", "acquired_at", "expires_at", "released_at")
    list_filter = ("pool", "released_at")
    list_select_related = ("pool",)
    search_fields = ("holder",)


@admin.register(BudgetEntry)
class BudgetEntryAdmin(ReadOnlyAdmin):
    """Show the ledger of the budgets."""

    list_display = ("pool", "day", "units", "call", "state", "created_at", "settled_at")
    list_filter = ("pool", "state", "day")
    list_select_related = ("pool",)


@admin.register(Blocker)
class BlockerAdmin(ReadOnlyAdmin):
    """Show what work waits for, and waited for; it is asked about on its own page in the console."""

    list_display = ("code", "subject", "sentence", "since", "next_probe_at", "ended_at", "ended_how")
    list_filter = ("code", "scope")
    list_select_related = ("channel", "source")
    date_hierarchy = "since"


@admin.register(Call)
class CallAdmin(ReadOnlyAdmin):
    """Show what jobs asked of the outside."""

    list_display = ("at", "job", "method", "host", "path", "status", "duration_ms")
    list_select_related = ("job",)
    list_filter = ("method", "status")
