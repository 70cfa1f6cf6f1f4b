"""The clock's entries in the admin: how often is the operator's choice, what they do is not."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from config import beat


class CadenceForm(forms.ModelForm):
    """How often one of our own entries runs: refuse what would keep Headend from what it promises, and name the figure."""

    class Meta:
        model = PeriodicTask
        fields = ("interval", "enabled")

    def clean(self) -> dict[str, Any]:
        """Check it against the longest pause that it may have. Raises: ValidationError, naming the field."""
        cleaned: dict[str, Any] = super().clean() or {}
        interval, enabled = cleaned.get("interval"), bool(cleaned.get("enabled"))
        seconds = interval.schedule.run_every.total_seconds() if interval else None
        if why := beat.why_not(self.instance.name, enabled=enabled, seconds=seconds):
            raise ValidationError({"interval" if enabled else "enabled": why})
        return cleaned


admin.site.unregister(PeriodicTask)
admin.site.unregister(IntervalSchedule)


@admin.register(PeriodicTask)
class CadenceAdmin(PeriodicTaskAdmin):
    """Entries of the clock. Ours can be given another interval, and are made again if they are deleted."""

    def get_form(self, request: HttpRequest, obj: PeriodicTask | None = None, **options: Any) -> Any:
        """Ask of our own entries how often and whether; of an operator's own everything."""
        if _is_ours(obj):
            options["form"] = CadenceForm
        return super().get_form(request, obj, **options)

    def get_fieldsets(self, request: HttpRequest, obj: PeriodicTask | None = None) -> Any:
        """Show of our own entries what they are for, and keep what they run out of reach."""
        if _is_ours(obj):
            return ((None, {"fields": ("name", "description", "interval", "enabled", "last_run_at")}),)
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: PeriodicTask | None = None) -> tuple[str, ...]:
        """Keep name and description of our own entries: the scheduler reads them."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return (*fields, "name", "description") if _is_ours(obj) else fields

    def has_delete_permission(self, request: HttpRequest, obj: PeriodicTask | None = None) -> bool:
        """Keep our entries."""
        return not _is_ours(obj) and bool(super().has_delete_permission(request, obj))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer no action that would switch off or delete our entries among others."""
        allowed: dict[str, Any] = {
            name: found for name, found in super().get_actions(request).items() if name == "enable_tasks"
        }
        return allowed


@admin.register(IntervalSchedule)
class IntervalAdmin(admin.ModelAdmin):
    """Intervals can be added and then chosen for an entry; one that stands serves several, and is not changed."""

    list_display = ("every", "period")

    def has_change_permission(self, request: HttpRequest, obj: IntervalSchedule | None = None) -> bool:
        """Refuse: whoever changed one would change every entry that has it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: IntervalSchedule | None = None) -> bool:
        """Refuse: its entries would go with it."""
        return False


def _is_ours(task: PeriodicTask | None) -> bool:
    return task is not None and task.name in beat.CADENCES
