"""Configure how often beat calls: freely for an operator's own entries, within bounds for the engine's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.admin import IntervalScheduleAdmin, PeriodicTaskAdmin, PeriodicTaskForm
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from channels.admin import KeepsHistory
from orchestration.core.audit import Acting, acting_as
from orchestration.engine import cadences
from orchestration.states import Trigger

admin.site.unregister(PeriodicTask)
admin.site.unregister(IntervalSchedule)


class CadenceForm(forms.ModelForm):
    """One of the engine's entries: how often it comes, and nothing else."""

    seconds = forms.IntegerField(label="every (seconds)")

    class Meta:
        model = PeriodicTask
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Show what it has, and what it may have."""
        super().__init__(*args, **kwargs)
        cadence = cadences.BY_NAME[self.instance.name]
        self.initial["seconds"] = int(cadences.seconds_of(self.instance) or cadence.default_seconds)
        self.fields["seconds"].help_text = (
            f"{cadence.fastest} to {cadence.slowest}; {cadence.default_seconds} unless changed here. "
            "What you set here stays, also when Headend starts again."
        )

    def clean_seconds(self) -> int:
        """Return the seconds. Raises: ValidationError, naming what would not hold any more."""
        seconds = self.cleaned_data["seconds"]
        if refused := cadences.BY_NAME[self.instance.name].refusal(seconds):
            raise forms.ValidationError(refused)
        return seconds


@admin.register(PeriodicTask)
class CadenceAdmin(KeepsHistory, PeriodicTaskAdmin):
    """Show what beat calls; the engine's entries can be slowed or hastened, and neither deleted nor switched off."""

    change_form_template = None  # the library's has a script in the page, which our policy forbids
    list_display = ("name", "description", "scheduler", "enabled", "last_run_at")
    actions = ("enable_tasks", "disable_tasks", "run_tasks")

    def get_form(
        self, request: HttpRequest, obj: PeriodicTask | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Any]]:
        """Give the engine's entries a form of their own."""
        kwargs["form"] = CadenceForm if _ours(obj) else PeriodicTaskForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: PeriodicTask | None = None) -> Any:
        """Show of the engine's entries what an operator can use."""
        if not _ours(obj):
            return super().get_fieldsets(request, obj)
        shown = ("name", "description", "seconds", "cannot_be_off", "last_run_at")
        return ((None, {"fields": shown}),)

    def get_readonly_fields(self, request: HttpRequest, obj: PeriodicTask | None = None) -> tuple[str, ...]:
        """Keep what is the engine's."""
        if not _ours(obj):
            return tuple(super().get_readonly_fields(request, obj))
        # Who may only look has no form, and so no field `seconds`.
        looks = () if self.has_change_permission(request, obj) else ("seconds",)
        return ("name", "description", "cannot_be_off", "last_run_at", *looks)

    @admin.display(description="switched on")
    def cannot_be_off(self, row: PeriodicTask) -> str:
        """Return what would break without it."""
        return f"Always. {cadences.BY_NAME[row.name].not_off}"

    @admin.display(description="every (seconds)")
    def seconds(self, row: PeriodicTask) -> str:
        """Return how often it comes."""
        return f"{cadences.seconds_of(row) or 0:g}"

    def save_model(
        self, request: HttpRequest, obj: PeriodicTask, form: forms.ModelForm, change: bool
    ) -> None:
        """Store it; a cadence of the engine's is recorded in seconds."""
        if not _ours(obj):
            super().save_model(request, obj, form, change)
            return
        with acting_as(Acting(request.user.get_username(), request.user.pk, Trigger.ADMIN)):
            cadences.change(obj, form.cleaned_data["seconds"])

    def history_of(self, row: PeriodicTask) -> str:
        """Return why one of the engine's entries stays."""
        return f"{row.name} cannot be deleted. {cadences.BY_NAME[row.name].not_off}" if _ours(row) else ""

    @admin.action(description="Enable", permissions=["change"])
    def enable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        """Switch entries on."""
        self._switch(request, queryset, on=True)

    @admin.action(description="Disable", permissions=["change"])
    def disable_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        """Switch entries off, but for the engine's."""
        self._switch(request, queryset, on=False)

    @admin.action(description="Run now", permissions=["change"])
    def run_tasks(self, request: HttpRequest, queryset: QuerySet[PeriodicTask]) -> None:
        """Call entries once."""
        super().run_tasks(request, queryset)

    def _switch(self, request: HttpRequest, rows: QuerySet[PeriodicTask], *, on: bool) -> None:
        done = 0
        for row in rows:
            if _ours(row) and not on:
                messages.error(
                    request, f"{row.name} cannot be switched off. {cadences.BY_NAME[row.name].not_off}"
                )
                continue
            row.enabled = on
            row.save()  # one by one, so that the activity log has each
            done += 1
        if done:
            messages.success(request, f"{done} {'enabled' if on else 'disabled'}.")


@admin.register(IntervalSchedule)
class SharedIntervalAdmin(KeepsHistory, IntervalScheduleAdmin):
    """Intervals for an operator's own entries; entries share them, so one that is there is not changed."""

    def get_readonly_fields(
        self, request: HttpRequest, obj: IntervalSchedule | None = None
    ) -> tuple[str, ...]:
        """Keep an interval as it is: changing it would change every entry that has it."""
        return ("every", "period") if obj else ()

    def history_of(self, row: IntervalSchedule) -> str:
        """Return which entries would be deleted with it."""
        names = ", ".join(row.periodictask_set.order_by("name").values_list("name", flat=True))
        return f"{names} would be deleted with it; give them another interval first." if names else ""


def _ours(row: PeriodicTask | None) -> bool:
    return row is not None and row.name in cadences.BY_NAME
