"""Check at start, and by `manage.py check`, what would otherwise fail later and less clearly."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from channels.gateways import github_app
from config import broker
from orchestration.core import failpoints


@register(Tags.security)
def check_github_app(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Check that a GitHub App, where one is set, comes with a key that can sign."""
    if not settings.GITHUB_APP_ID:
        named = [
            name
            for name in ("GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_INSTALLATION_ID")
            if getattr(settings, name)
        ]
        if not named:
            return []
        hint = "Set GITHUB_APP_ID to the App ID on the App's page, or leave the others out."
        return [Error(f"{named[0]} is set, but GITHUB_APP_ID is not.", hint=hint, id="headend.E003")]
    if not settings.GITHUB_APP_PRIVATE_KEY:
        wrong = "is not set, but GITHUB_APP_ID is"
    else:
        wrong = github_app.why_unusable(settings.GITHUB_APP_PRIVATE_KEY)
    if not wrong:
        return []
    return [
        Error(
            f"GITHUB_APP_PRIVATE_KEY {wrong}.",
            hint="Make a key on the App's page and give the .pem file's path as GITHUB_APP_PRIVATE_KEY_FILE.",
            id="headend.E003",
        )
    ]


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
    if (settings.GITHUB_TOKEN or settings.GITHUB_APP_ID) and not settings.HEADEND_PUBLIC_URL:
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
