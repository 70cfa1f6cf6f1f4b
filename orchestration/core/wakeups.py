"""Send "look" to workers and ticks after a commit; a lost message costs one tick, never work."""

import logging

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)


def wake_workers(*, fast: bool) -> None:
    """Have a worker look for jobs once this transaction is committed; many calls in one transaction give one message."""
    _once(_wake_fast if fast else _wake_slow)


def wake_tick() -> None:
    """Have a tick run once this transaction is committed."""
    _once(_tick)


def wake_watch() -> None:
    """Have the open GitHub runs looked at once this transaction is committed."""
    _once(_watch)


def wake_reports() -> None:
    """Have the reports that are kept ready looked at once this transaction is committed."""
    _once(_reports)


def wake_heartbeat(*, tick_failed: bool) -> None:
    """Have the watchdog outside called, by somebody whom the tick does not wait for."""
    _send("orchestration.tasks.heartbeat", tick_failed=tick_failed)


def _once(send) -> None:
    connection = transaction.get_connection()
    if not any(entry[1] is send for entry in connection.run_on_commit):
        transaction.on_commit(send)


def _wake_fast() -> None:
    _send("orchestration.tasks.work_fast")


def _wake_slow() -> None:
    _send("orchestration.tasks.work_slow")


def _tick() -> None:
    _send("orchestration.tasks.tick")


def _reports() -> None:
    _send("orchestration.tasks.keep_reports")


def _watch() -> None:
    _send("orchestration.tasks.watch_runs")


def _send(task: str, **arguments: bool) -> None:
    try:
        current_app.send_task(task, kwargs=arguments, expires=60, ignore_result=True, retry=False)
    except Exception as error:  # whatever a broker raises: the next tick looks anyway
        logger.warning(
            "no wake-up was sent (%s: %s); the next tick looks anyway", type(error).__name__, error
        )
