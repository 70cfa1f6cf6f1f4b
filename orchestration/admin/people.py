"""Who may log in and who may call the API; changed in the console, where sessions end and the log is written."""

from __future__ import annotations

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.models import Group, User

from channels.admin import ReadOnlyAdmin
from orchestration.models import ApiToken, Restriction


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Show who may call the API; tokens are made, renamed and revoked on the page *Tokens*, their text shown once."""

    list_display = ("name", "scope", "created_by", "created_at", "expires_at", "last_used_at", "revoked_at")
    exclude = ("token_hash", "old_hash")
    list_filter = ("scope",)
    list_select_related = ("created_by",)
    search_fields = ("name",)


@admin.register(Restriction)
class RestrictionAdmin(ReadOnlyAdmin):
    """Show who is limited to groups of channels; limits are set on the pages *Users* and *Tokens*."""

    list_display = ("user", "token")
    list_select_related = ("user", "token")


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
