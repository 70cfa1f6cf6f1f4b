"""Who is told what; entered in the console, shown here."""

from __future__ import annotations

from django.contrib import admin

from channels.admin import ReadOnlyAdmin
from orchestration.models import (
    Incident,
    Notification,
    NotificationAddress,
    NotificationRule,
    Silence,
    WebhookDelivery,
    WebhookEndpoint,
)


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


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """Show where events are sent; endpoints are entered on the page *Webhooks*, their secrets shown once."""

    list_display = ("name", "shown", "enabled", "failures", "failing_since", "last_error", "disabled_because")
    list_filter = ("enabled",)
    search_fields = ("name", "shown")
    exclude = ("url_sealed", "secret_sealed", "older_secret_sealed")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """Show what was sent, or is to be; it is sent again on the page *Webhooks*."""

    list_display = ("event_id", "endpoint", "type", "outcome", "attempts", "status", "due_at", "error")
    list_filter = ("outcome",)
    list_select_related = ("endpoint",)
    search_fields = ("event_id", "type")
