"""The orchestration app."""

from django.apps import AppConfig


class OrchestrationConfig(AppConfig):
    """Register the orchestration app and what django-auditlog follows."""

    name = "orchestration"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Follow edits of the configuration; high-churn fields and secrets are left out (see FACTS on auditlog)."""
        from auditlog.registry import auditlog
        from django.conf import settings
        from django.db.models.signals import post_migrate, pre_save
        from django_celery_beat.models import IntervalSchedule, PeriodicTask

        from channels import models as register
        from orchestration.core import append_only, audit, change_counts, failpoints
        from orchestration.models import (
            Activity,
            ApiToken,
            NotificationAddress,
            NotificationRule,
            Pool,
            Silence,
            Source,
        )
        from orchestration.register import roles
        from orchestration.scheduling.words_edit import check_channel

        post_migrate.connect(change_counts.install, sender=self, dispatch_uid="headend.change_counts")
        post_migrate.connect(roles.install, sender=self, dispatch_uid="headend.roles")
        post_migrate.connect(append_only.install, sender=self, dispatch_uid="headend.append_only")
        pre_save.connect(
            audit.name_whoever_acts, sender=Activity, dispatch_uid="orchestration.name_whoever_acts"
        )
        failpoints.load(settings.HEADEND_FAILPOINTS)
        if check_channel not in register.CHANNEL_CHECKS:
            register.CHANNEL_CHECKS.append(check_channel)
        stateful = ["version", "state", "state_changed_at", "created_at", "updated_at"]
        auditlog.register(
            register.Channel,
            exclude_fields=[*stateful, "health", "health_reason", "health_checks", "health_checked_at"],
        )
        auditlog.register(register.PostingSlot)
        auditlog.register(register.Blackout)
        auditlog.register(
            register.Credential,
            exclude_fields=[
                *stateful,
                "client_secret_sealed",
                "refresh_token_sealed",
                "checked_at",
                "pushed_at",
            ],
        )
        auditlog.register(
            Source,
            exclude_fields=[
                *stateful,
                "next_scrape_at",
                "last_scraped_at",
                "last_found",
                "waiting_items",
                "repairs",
                "unchanged_readings",
                "addresses_asked_at",
                "reading",
                "last_error",
                "consecutive_failures",
                "access_sealed",
                "looked_at",
            ],
        )
        auditlog.register(Pool)
        auditlog.register(
            PeriodicTask, exclude_fields=["last_run_at", "total_run_count", "date_changed", "headers"]
        )
        auditlog.register(IntervalSchedule)
        auditlog.register(
            NotificationAddress,
            exclude_fields=["url_sealed", "created_at", "last_tried_at", "last_error", "gave_up_at"],
        )
        auditlog.register(
            NotificationRule,
            exclude_fields=["created_at", "digest_from"],
            m2m_fields={"addresses", "channels", "groups", "labels"},
        )
        auditlog.register(Silence)
        auditlog.register(ApiToken, exclude_fields=["token_hash", "old_hash", "last_used_at"])
