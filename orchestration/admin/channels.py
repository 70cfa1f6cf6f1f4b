"""Channels and the credentials that open them, with the actions that the service offers for them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest

from channels.admin import BaseChannelAdmin, BaseCredentialAdmin, ReadOnlyAdmin
from channels.editing import LOOKED_AT_AGAIN
from channels.models import Channel, Credential
from orchestration.admin.actions import for_each
from orchestration.core import audit
from orchestration.core.permissions import Actor
from orchestration.core.wakeups import wake_tick
from orchestration.github import configuration
from orchestration.models import RepositoryRecord, Rollout, RolloutMember
from orchestration.queue.jobs import enqueue_check
from orchestration.states import Trigger


@admin.register(Channel)
class ChannelAdmin(BaseChannelAdmin):
    """Channels, with the actions that the service offers for them."""

    actions = ("pause", "resume", "disable", "check_now", "sync")

    def save_model(self, request: HttpRequest, obj: Channel, form: forms.ModelForm, change: bool) -> None:
        """Write what was changed and nothing else: what the engine wrote since the form was read stays."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        now = Channel.objects.locked().get(pk=obj.pk)
        typed = [name for name in form.cleaned_data if getattr(now, name) != getattr(obj, name)]
        if typed:
            obj.save(update_fields=[*typed, "repository_id", "updated_at"])
            Channel.objects.filter(pk=obj.pk).update(version=F("version") + 1)
        if LOOKED_AT_AGAIN & set(typed):
            enqueue_check(obj, asked=True)

    def save_related(
        self, request: HttpRequest, form: forms.ModelForm, formsets: list[Any], change: bool
    ) -> None:
        """Write slots and blackouts, too, and keep what came of it all as a revision, as the console does."""
        super().save_related(request, form, formsets, change)
        actor = Actor.of_user(request.user)
        with audit.acting_as(audit.Acting(actor.label, actor.user_id, Trigger.ADMIN)):
            configuration.write_down([form.instance.pk])
        wake_tick()

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
