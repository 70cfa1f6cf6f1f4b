"""Celery's entry point: messages only say "look"; the database is the queue of record."""

import gc
import logging
import os
from importlib import import_module
from typing import Any

from celery import Celery, bootsteps
from celery.signals import (
    beat_init,
    celeryd_after_setup,
    celeryd_init,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_process_init,
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("headend")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class LookUpOften(bootsteps.StartStopStep):
    """Let a worker's event loop turn twice a second, so that it hears of a stop.

    A signal does not end the wait for the broker's next message. With Redis that wait is a second; with RabbitMQ it
    lasts until something else happens: a worker that was told to stop was killed five seconds later with its jobs.
    """

    requires = {"celery.worker.components:Hub"}

    def start(self, parent: Any) -> None:
        """Set the timer; a worker without an event loop has none, and needs none."""
        if getattr(parent, "hub", None) is not None:
            parent.hub.call_repeatedly(0.5, lambda: None)


app.steps["worker"].add(LookUpOften)


@setup_logging.connect
def keep_django_logging(**_: object) -> None:
    """Keep the redacting log configuration of the settings; Celery would replace it by its own."""


@celeryd_after_setup.connect
def load_before_forking(instance: Any, **_: object) -> None:
    """Load what jobs use before the pool is forked, and keep the collector off it, so that it is shared.

    Measured on 2026-11-23: a pool process keeps 10 MB of its own instead of 50.
    """
    if getattr(instance.pool_cls, "__module__", "").endswith("prefork"):
        for name in (
            "orchestration.engine.worker",
            "orchestration.media.scrape",
            "orchestration.media.measure",
        ):
            import_module(name)
    gc.collect()
    gc.freeze()


@celeryd_init.connect
def name_the_worker(**_: object) -> None:
    """Let what a worker does between two jobs stand in the log as that worker's; the pool inherits it."""
    from orchestration.core import audit
    from orchestration.queue import holders
    from orchestration.states import Trigger

    audit.this_process_acts_as(audit.Acting(f"worker {holders.host().split('.')[0]}", None, Trigger.WORKER))


@task_prerun.connect
@task_postrun.connect
def keep_sound_connections(sender: Any, **_: object) -> None:
    """Let a task go on with the connection of the one before, as requests do: one that is old or broken is closed.

    Celery itself closes it before and after each task (CELERY_DB_REUSE_MAX keeps it from that), and most tasks of an idle
    installation asked less of the database than a new connection takes.
    """
    from django.db import close_old_connections

    if not getattr(sender.request, "is_eager", False):
        close_old_connections()


@beat_init.connect
def record_what_was_set(**_: object) -> None:
    """Record which settings are others than when the clock started last; one clock runs for an installation."""
    from django.conf import settings
    from django.db import DatabaseError

    from config import env
    from orchestration.core import audit
    from orchestration.monitoring import settings_record
    from orchestration.states import Trigger

    given = {name: env.raw(name) or str(getattr(settings, name, "")) for name in settings.SETTINGS_READ}
    try:
        with audit.acting_as(audit.Acting("beat", None, Trigger.BEAT)):
            settings_record.compare(given)
    except DatabaseError:
        logging.getLogger("headend.audit").exception("what was set could not be recorded")


@worker_process_init.connect
def die_with_the_worker(**_: object) -> None:
    """Let a pool process end when its worker is killed; it would otherwise stay behind for ever."""
    from config.supervisor.processes import die_with_parent

    die_with_parent()
