"""The wiring as an app, so that `manage.py up` and the system checks are found."""

from django.apps import AppConfig


class WiringConfig(AppConfig):
    """Register the wiring: the `up` command and the system checks."""

    name = "config"
    label = "config"
    verbose_name = "Wiring"

    def ready(self) -> None:
        """Register the checks."""
        from config import checks  # noqa: F401
