"""The dashboard app."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Register the dashboard app."""

    name = "dashboard"
