"""Who may log in and who may call the API; changed in the console, where sessions end and the log is written."""

from __future__ import annotations

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.models import Group, User

from channels.admin import ReadOnlyAdmin
from orchestration.models import ApiToken, ExternalIdentity, Proposal, RecoveryCode, Restriction, SecondFactor


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Show who may call the API; tokens are made, renamed and revoked on the page *Tokens*, their text shown once."""

    list_display = ("name", "scope", "created_by", "created_at", "expires_at", "last_used_at", "revoked_at")
    exclude = ("token_hash", "old_hash")
    list_filter = ("scope",)
    list_select_related = ("created_by",)
    search_fields = ("name",)


@admin.register(Proposal)
class ProposalAdmin(ReadOnlyAdmin):
    """Show what assistants proposed; a person confirms or refuses it on the page *Proposals*."""

    list_display = ("title", "token", "created_at", "expires_at", "confirmed_at", "decided_by", "ended_at")
    list_filter = ("needs",)
    list_select_related = ("token",)
    search_fields = ("title", "operation", "token__name")


@admin.register(Restriction)
class RestrictionAdmin(ReadOnlyAdmin):
    """Show who is limited to groups of channels; limits are set on the pages *Users* and *Tokens*."""

    list_display = ("user", "token")
    list_select_related = ("user", "token")


@admin.register(SecondFactor)
class SecondFactorAdmin(ReadOnlyAdmin):
    """Show who has which second factor; each adds their own on *You*, lost ones are taken away on the page *Users*."""

    list_display = ("user", "kind", "name", "confirmed_at", "last_used_at")
    list_filter = ("kind",)
    list_select_related = ("user",)
    search_fields = ("user__username", "name")
    fields = ("user", "kind", "name", "created_at", "confirmed_at", "last_used_at")


@admin.register(RecoveryCode)
class RecoveryCodeAdmin(ReadOnlyAdmin):
    """Show how many recovery codes somebody has left, and when one was used; the codes are kept nowhere."""

    list_display = ("user", "created_at", "used_at")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = ("user", "created_at", "used_at")


@admin.register(ExternalIdentity)
class ExternalIdentityAdmin(ReadOnlyAdmin):
    """Show who is known by which provider; an identity is connected when somebody first logs in with it."""

    list_display = ("user", "issuer", "subject", "created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("user__username", "subject")


for _model in (User, Group, AccessAttempt, AccessLog, AccessFailureLog):
    admin.site.unregister(
        _model
    )  # registered by Django and axes, with deletion, and with passwords past our log


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """Show who may log in; who they are and what they may do is changed on the page *Users*."""

    list_display = ("username", "is_active", "is_staff", "is_superuser", "last_login", "date_joined")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("username", "first_name", "last_name", "email")
    exclude = ("password", "groups", "user_permissions")


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin):
    """Show wrong passwords; a lockout is lifted on the page *Users*."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    search_fields = ("username", "ip_address")
    fields = ("username", "ip_address", "user_agent", "failures_since_start", "attempt_time")


@admin.register(AccessLog)
class AccessLogAdmin(ReadOnlyAdmin):
    """Show who logged in and out."""

    list_display = ("username", "ip_address", "attempt_time", "logout_time")
    search_fields = ("username", "ip_address")
    fields = ("username", "ip_address", "user_agent", "attempt_time", "logout_time")
