"""Configure the register: channels with their slots and blackouts, and the credentials that open them.

How channels and credentials are edited is said here; they are registered, with their actions, by the app that acts on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import ProtectedError, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from channels.editing import LARGEST_NUMBER, YEAR_DAYS, cleaned_filters, cleaned_tags
from channels.models import (
    Blackout,
    Channel,
    ChannelGroup,
    ChannelStatistics,
    ConfigRevision,
    Credential,
    Label,
    PostingSlot,
)
from channels.text import control_in


class ReadOnlyAdmin(admin.ModelAdmin):
    """Show what the system writes; nothing of it is added, changed or deleted by hand."""

    show_full_result_count = False
    actions: Sequence[str] | None = None
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: the system writes these rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: the system writes these rows."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: what happened, happened."""
        return False


class KeepsHistory(admin.ModelAdmin):
    """Refuse to delete a row that something rests on, with a sentence that says what."""

    def history_of(self, row: Any) -> str:
        """Return what rests on the row; empty if nothing does."""
        return ""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out the deletion in bulk, which would not look at each row."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Send back to the row, with the reason, where it has a history."""
        row = self.get_object(request, object_id)
        sentence = self.history_of(row) if row is not None else ""
        if sentence:
            messages.error(request, sentence)
            return HttpResponseRedirect(self._change_url(row))
        try:
            return super().delete_view(request, object_id, extra_context)
        except ProtectedError:
            messages.error(request, f"{row} is used by other rows, so it cannot be deleted.")
            return HttpResponseRedirect(self._change_url(row))

    def _change_url(self, row: Any) -> str:
        return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


class BoundedInput(admin.options.BaseModelAdmin):
    """Refuse numbers that only one kind of database holds, lengths of time of more than a year, and controls in a line."""

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> Any:
        """Give whole numbers an upper end, and lines of text their validator."""
        if isinstance(db_field, models.PositiveIntegerField):
            units = {"minutes": 24 * 60, "seconds": 24 * 3600}
            unit = units.get(db_field.name.rpartition("_")[2])
            kwargs.setdefault("max_value", YEAR_DAYS * unit if unit else LARGEST_NUMBER)
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(db_field, models.CharField) and isinstance(field, forms.CharField):
            field.validators.append(refuse_controls)
        return field


def refuse_controls(text: str) -> None:
    """Refuse a line with a control character in it."""
    if control := control_in(text):
        raise ValidationError(f"It contains {control}.")


class PostingSlotInline(BoundedInput, admin.TabularInline):
    """The weekly times of a channel."""

    model = PostingSlot
    extra = 0
    classes = ("collapse",)


class BlackoutInline(BoundedInput, admin.TabularInline):
    """The stretches in which a channel does not publish."""

    model = Blackout
    extra = 0
    classes = ("collapse",)


class ChannelForm(forms.ModelForm):
    """Refuse here what would break planning or an upload later."""

    class Meta:
        model = Channel
        fields = ("filters", "tags")

    def clean_filters(self) -> dict[str, Any]:
        """Take `null` for no filters."""
        return cleaned_filters(self.cleaned_data["filters"] or None)

    def clean_tags(self) -> list[str]:
        """Return the tags. Raises: ValidationError, if they are anything but words in a list."""
        return cleaned_tags(self.cleaned_data["tags"])

    def save(self, commit: bool = True) -> Channel:
        """Forget the pinned id where another repository is named; the new one is pinned when it is first seen."""
        if self.instance.repository.lower() != str(self.initial.get("repository", "")).lower():
            self.instance.repository_id = None
        return super().save(commit)


class BaseChannelAdmin(KeepsHistory, BoundedInput, admin.ModelAdmin):
    """Configure channels; their state and health change through the service only."""

    form = ChannelForm
    list_display = (
        "name",
        "slug",
        "timezone",
        "executor",
        "repository",
        "priority",
        "state",
        "health",
        "health_checked_at",
    )
    list_filter = ("state", "health", "executor", "misfire_policy")
    search_fields = ("name", "slug", "youtube_channel_id", "repository")
    prepopulated_fields = {"slug": ("name",)}
    readonly_fields = (
        "state",
        "state_changed_at",
        "health",
        "health_reason",
        "health_checked_at",
        "repository_id",
        "created_at",
        "updated_at",
    )
    inlines = (PostingSlotInline, BlackoutInline)
    fieldsets = (
        (None, {"fields": ("name", "slug", "youtube_channel_id", "timezone", "priority")}),
        (
            "Calendar",
            {
                "classes": ("collapse",),
                "fields": (
                    "min_gap_minutes",
                    "daily_cap",
                    "lead_time_minutes",
                    "misfire_policy",
                    "misfire_grace_minutes",
                ),
            },
        ),
        ("What it takes", {"classes": ("collapse",), "fields": ("filters",)}),
        (
            "How videos are described",
            {
                "classes": ("collapse",),
                "fields": (
                    "title_template",
                    "description_template",
                    "tags",
                    "category_id",
                    "language",
                    "made_for_kids",
                    "notify_subscribers",
                ),
            },
        ),
        (
            "Who stages its videos",
            {
                "classes": ("collapse",),
                "fields": (
                    "executor",
                    "repository",
                    "workflow",
                    "ref",
                    "secrets_in",
                    "failover",
                    "repository_id",
                ),
            },
        ),
        (
            "Observed",
            {
                "classes": ("collapse",),
                "fields": (
                    "state",
                    "state_changed_at",
                    "health",
                    "health_reason",
                    "health_checked_at",
                    "created_at",
                    "updated_at",
                ),
            },
        ),
    )

    def history_of(self, row: Channel) -> str:
        """Return what was published, or is planned, on the channel."""
        count = row.distributions.count()
        if not count:
            return ""
        return (
            f"{row} has a history of {count} distributed videos, so it cannot be deleted; "
            "disable it instead, on its page in the console."
        )

    def get_prepopulated_fields(self, request: HttpRequest, obj: Channel | None = None) -> dict[str, Any]:
        """Suggest a slug for new channels only: addresses in use should not change."""
        return {} if obj else super().get_prepopulated_fields(request, obj)


class CredentialForm(forms.ModelForm):
    """Take secrets, never show them: what is left empty stays as it is stored."""

    client_secret = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
        help_text="Write only. Leave it empty to keep what is stored.",
    )
    refresh_token = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
        help_text="Write only. Leave it empty to keep what is stored.",
    )

    class Meta:
        model = Credential
        fields = ("channel", "client_id")


class BaseCredentialAdmin(BoundedInput, admin.ModelAdmin):
    """Connect a channel by hand; its state is what Google last said."""

    form = CredentialForm
    list_display = ("channel", "client_id", "state", "connected_at", "expires_at", "checked_at", "pushed_at")
    list_filter = ("state",)
    list_select_related = ("channel",)
    search_fields = ("channel__name", "channel__slug", "client_id")
    autocomplete_fields = ("channel",)
    readonly_fields = (
        "stored_secrets",
        "state",
        "reason",
        "connected_at",
        "expires_at",
        "checked_at",
        "pushed_at",
    )
    fields = (
        "channel",
        "client_id",
        "client_secret",
        "refresh_token",
        "stored_secrets",
        "state",
        "reason",
        "connected_at",
        "expires_at",
        "checked_at",
        "pushed_at",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Credential | None = None) -> tuple[str, ...]:
        """Keep the channel once it is chosen: the secrets are bound to it and would not decrypt elsewhere."""
        return (*self.readonly_fields, "channel") if obj else self.readonly_fields

    @admin.display(description="stored")
    def stored_secrets(self, row: Credential) -> str:
        """Return which secrets are stored, without showing them."""
        kept = [
            name
            for name, sealed in (
                ("client secret", row.client_secret_sealed),
                ("refresh token", row.refresh_token_sealed),
            )
            if sealed
        ]
        return " and ".join(kept) + ", encrypted" if kept else "nothing"

    def save_model(self, request: HttpRequest, obj: Credential, form: forms.ModelForm, change: bool) -> None:
        """Seal what was typed before the row is written."""
        obj.set_secrets(
            client_secret=form.cleaned_data.get("client_secret", ""),
            refresh_token=form.cleaned_data.get("refresh_token", ""),
        )
        super().save_model(request, obj, form, change)


@admin.register(ConfigRevision)
class ConfigRevisionAdmin(ReadOnlyAdmin):
    """Show which configuration a channel had when."""

    list_display = ("channel", "number", "created_at", "created_by", "synced_at", "commit_sha", "sync_error")
    list_filter = ("channel",)
    list_select_related = ("channel",)
    search_fields = ("channel__name", "channel__slug", "checksum", "commit_sha")
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConfigRevision]:
        """Leave the documents out of the list; they are read where one is opened."""
        return super().get_queryset(request).defer("document")


@admin.register(ChannelGroup)
class ChannelGroupAdmin(ReadOnlyAdmin):
    """Show the groups of channels; they are made and changed in the console."""

    list_display = ("name", "slug", "description")


@admin.register(Label)
class LabelAdmin(ReadOnlyAdmin):
    """Show the words on channels; they are given in the console."""

    list_display = ("name",)


@admin.register(ChannelStatistics)
class ChannelStatisticsAdmin(ReadOnlyAdmin):
    """Show what YouTube counted for channels."""

    list_display = ("channel", "collected_at", "subscriber_count", "view_count", "video_count")
    list_filter = ("channel",)
    list_select_related = ("channel",)
    date_hierarchy = "collected_at"
