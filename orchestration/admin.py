"""Configure and inspect the engine; states change through the service only, also from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from channels.admin import BaseChannelAdmin, BaseCredentialAdmin, BoundedNumbers, KeepsHistory, ReadOnlyAdmin
from channels.models import Channel, Credential
from orchestration.core.permissions import Actor
from orchestration.errors import OrchestrationError
from orchestration.media import canonical_url
from orchestration.models import (
    Activity,
    ApiToken,
    Approval,
    Attachment,
    Blocker,
    BudgetEntry,
    CalendarAddress,
    Call,
    ChangeCount,
    Conflict,
    Distribution,
    Heartbeat,
    IdempotencyRecord,
    Incident,
    Job,
    KeptReport,
    Lease,
    Notification,
    NotificationAddress,
    NotificationRule,
    OrphanUpload,
    Pool,
    Preferences,
    Profile,
    Rendition,
    RepositoryRecord,
    Rollout,
    RolloutMember,
    SavedView,
    Schedule,
    Silence,
    Source,
    StandingRule,
    SystemState,
    Upload,
    Video,
    VideoStatistics,
    Wave,
    WorkflowRun,
)
from orchestration.service import CentralOrchestrationService
from orchestration.states import SourceKind, Trigger


def service(request: HttpRequest) -> CentralOrchestrationService:
    """Return the service, called by the user of this request."""
    return CentralOrchestrationService(actor=Actor.of_user(request.user), trigger=Trigger.ADMIN)


def for_each(
    request: HttpRequest,
    rows: Iterable[Any],
    call: Callable[[CentralOrchestrationService, Any], Any],
    outcome: str,
) -> None:
    """Call the service once for each row, and say what was done and what was refused."""
    done = 0
    for row in rows:
        try:
            call(service(request), row)
            done += 1
        except OrchestrationError as error:
            messages.error(request, f"{row}: {error.message}")
    if done:
        messages.success(request, f"{done} {outcome}.")


# ------------------------------------------------------------------------------------------------- the register's actions


@admin.register(Channel)
class ChannelAdmin(BaseChannelAdmin):
    """Channels, with the actions that the service offers for them."""

    actions = ("pause", "resume", "disable", "check_now", "sync")

    @admin.action(description="Pause: hold back, what runs finishes", permissions=["change"])
    def pause(self, request: HttpRequest, rows: QuerySet[Channel]) -> None:
        """Hold channels back."""
        for_each(request, rows, lambda service, row: service.pause_channel(channel_id=row.pk), "paused")

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, rows: QuerySet[Channel]) -> None:
        """Let channels go on."""
        for_each(request, rows, lambda service, row: service.resume_channel(channel_id=row.pk), "resumed")

    @admin.action(description="Disable: take out of planning", permissions=["change"])
    def disable(self, request: HttpRequest, rows: QuerySet[Channel]) -> None:
        """Take channels out of planning."""
        for_each(request, rows, lambda service, row: service.disable_channel(channel_id=row.pk), "disabled")

    @admin.action(description="Check now", permissions=["change"])
    def check_now(self, request: HttpRequest, rows: QuerySet[Channel]) -> None:
        """Look at channels now."""
        for_each(
            request,
            rows,
            lambda service, row: service.check_channels(channel_ids=[row.pk]),
            "checks are under way",
        )

    @admin.action(description="Sync configuration to the repository", permissions=["change"])
    def sync(self, request: HttpRequest, rows: QuerySet[Channel]) -> None:
        """Write configurations to repositories."""
        for_each(
            request,
            rows,
            lambda service, row: service.sync_channel_configs(channel_ids=[row.pk]),
            "looked at for changes",
        )


@admin.register(Credential)
class CredentialAdmin(BaseCredentialAdmin):
    """Credentials: Google is asked about one as soon as it is stored."""

    def save_model(self, request: HttpRequest, obj: Credential, form: forms.ModelForm, change: bool) -> None:
        """Store it, and have the channel checked with it."""
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("refresh_token"):
            for_each(
                request,
                [obj],
                lambda service, row: service.check_channels(channel_ids=[row.channel_id]),
                "check is under way",
            )


# ------------------------------------------------------------------------------------------------------- configuration


class SourceForm(forms.ModelForm):
    """A source; the same address, written in another way, is the same source."""

    url = forms.URLField(max_length=1000, assume_scheme="https", label="address")

    class Meta:
        model = Source
        fields = (
            "name",
            "url",
            "rights_basis",
            "rights_note",
            "priority",
            "language",
            "scrape_interval_minutes",
            "item_limit",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.kind != SourceKind.ADDRESS:  # it has none, and gets none
            self.fields["url"].required, self.fields["url"].disabled = False, True

    def clean_url(self) -> str:
        """Refuse an address that is registered already, naming the source that has it."""
        url = self.cleaned_data["url"]
        if self.instance.kind != SourceKind.ADDRESS:
            return ""
        other = Source.objects.filter(canonical_url=canonical_url(url)).exclude(pk=self.instance.pk).first()
        if other:
            raise forms.ValidationError(f"This address is registered already, as {other.name}.")
        return url


@admin.register(Source)
class SourceAdmin(KeepsHistory, BoundedNumbers, admin.ModelAdmin):
    """Configure sources and the rights on which their videos are published."""

    form = SourceForm
    list_display = ("name", "url", "rights_basis", "state", "priority", "last_scraped_at", "last_error")
    list_filter = ("state", "rights_basis")
    search_fields = ("name", "url")
    readonly_fields = (
        "state",
        "state_changed_at",
        "canonical_url",
        "next_scrape_at",
        "last_scraped_at",
        "last_found",
        "last_error",
        "consecutive_failures",
    )
    actions = ("scrape", "pause", "resume")

    def save_model(self, request: HttpRequest, obj: Source, form: forms.ModelForm, change: bool) -> None:
        """Store it; a changed rights basis goes through the service, which takes back what may not be published any more."""
        if change and {"rights_basis", "rights_note"} & set(form.changed_data):
            answer = service(request).set_source_rights(
                source_id=obj.pk, rights_basis=obj.rights_basis, rights_note=obj.rights_note
            )
            if answer.held or answer.too_late:
                messages.warning(request, answer.sentence)
        super().save_model(request, obj, form, change)

    def history_of(self, row: Source) -> str:
        """Return what was found there."""
        count = row.videos.count()
        return (
            f"{count} videos come from {row}, so it cannot be deleted; pause it instead, in the console."
            if count
            else ""
        )

    @admin.action(description="Read now", permissions=["change"])
    def scrape(self, request: HttpRequest, rows: QuerySet[Source]) -> None:
        """Read sources now."""
        for_each(request, rows, lambda service, row: service.scrape_source(source_id=row.pk), "read now")

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, rows: QuerySet[Source]) -> None:
        """Stop reading sources."""
        for_each(request, rows, lambda service, row: service.pause_source(source_id=row.pk), "paused")

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, rows: QuerySet[Source]) -> None:
        """Read sources again."""
        for_each(request, rows, lambda service, row: service.resume_source(source_id=row.pk), "resumed")


@admin.register(Pool)
class PoolAdmin(KeepsHistory, BoundedNumbers, admin.ModelAdmin):
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


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Show who may call the API; tokens are issued and revoked on the command line, where their text is shown once."""

    list_display = ("name", "scope", "created_by", "created_at", "last_used_at", "revoked_at")
    list_filter = ("scope",)
    list_select_related = ("created_by",)
    search_fields = ("name",)


# -------------------------------------------------------------------------------------------- what the system has written


@admin.register(SystemState)
class SystemStateAdmin(ReadOnlyAdmin):
    """Show the switch; it is turned in the console."""

    list_display = ("__str__", "state_changed_at", "changed_by", "reason")
    fields = readonly_fields = ("state", "state_changed_at", "changed_by", "reason", "installation_id")


@admin.register(Blocker)
class BlockerAdmin(ReadOnlyAdmin):
    """Show what work waits for, and waited for; it is asked about on its own page in the console."""

    list_display = ("code", "subject", "sentence", "since", "next_probe_at", "ended_at", "ended_how")
    list_filter = ("code", "scope")
    list_select_related = ("channel", "source")
    date_hierarchy = "since"


@admin.register(RepositoryRecord)
class RepositoryRecordAdmin(ReadOnlyAdmin):
    """Show what was last written to repositories; drift is settled on the channel's page in the console."""

    list_display = ("channel", "repository_id", "branch", "drift_found_at", "checked_at")
    list_select_related = ("channel",)


@admin.register(Rollout)
class RolloutAdmin(ReadOnlyAdmin):
    """Show the rollouts of configurations; they are let go on and stopped on their own page in the console."""

    list_display = (
        "id",
        "state",
        "canary",
        "cohort_size",
        "cohort",
        "started_by",
        "created_at",
        "halted_why",
    )
    list_filter = ("state",)
    list_select_related = ("canary",)


@admin.register(RolloutMember)
class RolloutMemberAdmin(ReadOnlyAdmin):
    """Show the channels of rollouts, and how the sync of each ended."""

    list_display = ("rollout", "cohort", "channel", "outcome", "fact")
    list_filter = ("outcome",)
    list_select_related = ("rollout", "channel")


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """Show when each component last showed that it works."""

    list_display = ("component", "beat_at", "info")


@admin.register(Video)
class VideoAdmin(ReadOnlyAdmin):
    """Show what was found and what became of its file."""

    list_display = (
        "__str__",
        "source",
        "state",
        "duration_seconds",
        "width",
        "height",
        "created_at",
        "error_code",
    )
    list_filter = ("state", "source", "watermarked")
    list_select_related = ("source",)
    search_fields = ("title", "url", "content_hash")
    date_hierarchy = "created_at"


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


@admin.register(VideoStatistics)
class VideoStatisticsAdmin(ReadOnlyAdmin):
    """Show what YouTube counted for published videos."""

    list_display = ("distribution", "collected_at", "view_count", "like_count", "comment_count")
    list_select_related = ("distribution",)
    date_hierarchy = "collected_at"


@admin.register(StandingRule)
class StandingRuleAdmin(ReadOnlyAdmin):
    """Show what is planned by itself; rules are entered on the page *Standing rules*, where they are checked."""

    list_display = ("name", "kind", "enabled", "source", "next_run_at", "last_run_at", "last_problem")
    list_select_related = ("source",)
    list_filter = ("kind", "enabled")
    search_fields = ("name",)


@admin.register(CalendarAddress)
class CalendarAddressAdmin(ReadOnlyAdmin):
    """Show who has a calendar address, and when it was last read; the address itself is kept nowhere."""

    list_display = ("user", "created_at", "last_read_at")
    list_select_related = ("user",)
    exclude = ("secret_hash",)


@admin.register(Profile)
class ProfileAdmin(ReadOnlyAdmin):
    """Show the profiles that operators made; they are made and changed on the page *Profiles*, where they are checked."""

    list_display = ("name", "key", "max_height", "max_fps", "colour", "loudness", "is_default")
    search_fields = ("name", "key")


@admin.register(Rendition)
class RenditionAdmin(ReadOnlyAdmin):
    """Show which files were made of videos, by which profile, and what could not be made."""

    list_display = ("video", "profile_name", "size_bytes", "made_at", "error_message")
    list_select_related = ("video",)
    list_filter = ("profile_name",)
    search_fields = ("video__title",)


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    """Show the last word on publications that wait for an approval; it is said on the page *Review*."""

    list_display = ("distribution", "verdict", "by", "reason", "decided_at")
    list_select_related = ("distribution",)
    list_filter = ("verdict",)


@admin.register(Attachment)
class AttachmentAdmin(ReadOnlyAdmin):
    """Show the pictures and subtitles that go with videos; they are added on a video's page, where they are checked."""

    list_display = ("video", "kind", "language", "name", "size_bytes", "created_at")
    list_select_related = ("video",)
    list_filter = ("kind",)
    search_fields = ("name", "video__title")


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    """Show what people send; it is sent on the page *Library*."""

    list_display = ("name", "owner", "source", "state", "size_bytes", "received_bytes", "created_at")
    list_select_related = ("source",)
    list_filter = ("state",)
    search_fields = ("name", "owner")


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(ReadOnlyAdmin):
    """Show which requests were answered under an Idempotency-Key."""

    list_display = ("key", "caller", "status_code", "created_at")
    search_fields = ("key", "caller")
    exclude = ("body",)


@admin.register(NotificationAddress)
class NotificationAddressAdmin(ReadOnlyAdmin):
    """Show where messages go; they are entered on the page *Notifications*, where they are checked and sealed."""

    list_display = ("name", "kind", "shown", "enabled", "last_tried_at", "last_error", "gave_up_at")
    list_filter = ("kind", "enabled")
    exclude = ("url_sealed",)


@admin.register(NotificationRule)
class NotificationRuleAdmin(ReadOnlyAdmin):
    """Show what is told to whom; rules are changed on the page *Notifications*."""

    list_display = ("name", "min_severity", "zone", "quiet_from", "quiet_until", "digest_at", "enabled")


@admin.register(Silence)
class SilenceAdmin(ReadOnlyAdmin):
    """Show what nobody is told of."""

    list_display = ("kind", "channel", "cause", "until", "who", "reason")
    list_select_related = ("channel",)


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    """Show the causes that people are told of, those that are over too."""

    list_display = ("key", "severity", "opened_at", "missing_since", "over_at")
    list_filter = ("category", "severity")
    search_fields = ("key", "sentence")


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """Show the outbox and the log of messages."""

    list_display = ("created_at", "kind", "address_name", "title", "outcome", "attempts", "error")
    list_filter = ("kind", "outcome")
    search_fields = ("title", "cause", "address_name")


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


@admin.register(ChangeCount)
class ChangeCountAdmin(ReadOnlyAdmin):
    """Show how often each topic has changed: what an open page compares."""

    list_display = ("topic", "count")


@admin.register(KeptReport)
class KeptReportAdmin(ReadOnlyAdmin):
    """Show which reports the background keeps ready, and how long each took."""

    list_display = ("key", "computed_at", "took_seconds")


@admin.register(Call)
class CallAdmin(ReadOnlyAdmin):
    """Show what jobs asked of the outside."""

    list_display = ("at", "job", "method", "host", "path", "status", "duration_ms")
    list_select_related = ("job",)
    list_filter = ("method", "status")
