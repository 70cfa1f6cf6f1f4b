"""Where videos come from, and what came of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from channels.admin import BoundedInput, KeepsHistory, ReadOnlyAdmin
from orchestration.admin.actions import for_each, service
from orchestration.media import canonical_url
from orchestration.models import Attachment, Profile, Rendition, Source, Upload, Video
from orchestration.states import SourceKind


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
class SourceAdmin(KeepsHistory, BoundedInput, admin.ModelAdmin):
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
