"""Check at start, and by `manage.py check`, what would otherwise fail later and less clearly."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from config import broker
from orchestration.core import failpoints


@register(Tags.security, deploy=True)
def check_production(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Check for what a production installation should not do without."""
    if not settings.PRODUCTION:
        return [
            Warning(
                "HEADEND_ENV is not production.",
                hint="Set HEADEND_ENV=production where others than you can reach Headend.",
                id="headend.W001",
            )
        ]
    found: list[CheckMessage] = []
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "ALLOWED_HOSTS admits every host name.",
                hint="List the names under which Headend is reached.",
                id="headend.E001",
            )
        )
    if settings.HEADEND_PUBLIC_URL and not settings.HEADEND_PUBLIC_URL.startswith("https://"):
        found.append(
            Error(
                "HEADEND_PUBLIC_URL does not start with https://.",
                hint="Callbacks of runs carry permits; let them come over HTTPS only.",
                id="headend.E002",
            )
        )
    if settings.GITHUB_TOKEN and not settings.HEADEND_PUBLIC_URL:
        found.append(
            Warning(
                "HEADEND_PUBLIC_URL is not set, so GitHub's runs cannot reach Headend.",
                hint="They then take no permit and fetch originals from their sources, which fails where those are pages.",
                id="headend.W004",
            )
        )
    if settings.HEADEND_SOURCE_NETWORKS:
        found.append(
            Warning(
                "HEADEND_SOURCE_NETWORKS lets sources lie in private networks.",
                hint="Whoever may add a source can then make Headend ask servers in those networks.",
                id="headend.W002",
            )
        )
    if str(settings.DATABASES["default"]["ENGINE"]).endswith("postgresql") and broker.is_embedded():
        found.append(
            Warning(
                "CELERY_BROKER_URL is not set, so messages stay on this machine.",
                hint="Set it to a Redis or RabbitMQ server if workers run on more than one machine.",
                id="headend.W003",
            )
        )
    return found


@register(Tags.security)
def check_failpoints(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Check that nothing breaks off on purpose where real channels are served."""
    fault = failpoints.fault_of(settings.HEADEND_FAILPOINTS)
    return [Error(fault, id="headend.E003")] if fault else []
