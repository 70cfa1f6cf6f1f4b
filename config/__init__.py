"""Wire Headend together: settings, URLs, Celery, checks and the supervisor."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
