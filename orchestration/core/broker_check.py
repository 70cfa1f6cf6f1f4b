"""Ask whether the broker takes messages."""

from typing import Any

from django.conf import settings
from kombu.connection import Connection

PATIENCE_SECONDS = 1.0


def why_silent() -> str:
    """Connect to the broker as a worker would, for a second at most; returns the kind of error, empty where it answers."""
    options: dict[str, Any] = {"socket_connect_timeout": PATIENCE_SECONDS, "socket_timeout": PATIENCE_SECONDS}
    url = settings.CELERY_BROKER_URL
    if not url.startswith("redis"):
        options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    try:
        with Connection(url, connect_timeout=PATIENCE_SECONDS, transport_options=options) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
            if url.startswith("redis"):
                broker.default_channel.client.ping()
    except Exception as error:  # every transport fails in its own way
        return type(error).__name__
    return ""
