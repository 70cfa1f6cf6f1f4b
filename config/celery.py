"""Celery's entry point: messages only say "look"; the database is the queue of record."""

import os

from celery import Celery
from celery.signals import setup_logging, worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("headend")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_django_logging(**_: object) -> None:
    """Keep the redacting log configuration of the settings; Celery would replace it by its own."""


@worker_process_init.connect
def die_with_the_worker(**_: object) -> None:
    """Let a pool process end when its worker is killed; it would otherwise stay behind for ever."""
    from config.supervisor.processes import die_with_parent

    die_with_parent()
