"""The orchestration app."""

from django.apps import AppConfig


class OrchestrationConfig(AppConfig):
    """Register the orchestration app and what django-auditlog follows."""

    name = "orchestration"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Put up what the database keeps by itself, and let django-auditlog follow what its rule says."""
        from django.conf import settings
        from django.contrib.auth.signals import user_login_failed
        from django.db.models.signals import post_migrate, pre_save

        from channels import models as register
        from orchestration.core import append_only, audit, change_counts, failpoints, followed
        from orchestration.models import Activity
        from orchestration.register import login_throttle, roles
        from orchestration.scheduling.words_edit import check_channel

        post_migrate.connect(change_counts.install, sender=self, dispatch_uid="headend.change_counts")
        user_login_failed.connect(login_throttle.count_failure, dispatch_uid="headend.login_throttle")
        post_migrate.connect(roles.install, sender=self, dispatch_uid="headend.roles")
        post_migrate.connect(append_only.install, sender=self, dispatch_uid="headend.append_only")
        pre_save.connect(
            audit.name_whoever_acts, sender=Activity, dispatch_uid="orchestration.name_whoever_acts"
        )
        failpoints.load(settings.HEADEND_FAILPOINTS)
        if check_channel not in register.CHANNEL_CHECKS:
            register.CHANNEL_CHECKS.append(check_channel)
        followed.register()
