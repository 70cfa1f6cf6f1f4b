"""Call a watchdog outside as long as Headend really works, so that somebody notices when it does not.

A service such as Healthchecks tells a person when the calls stay away: when the scheduler is dead, nobody here could.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import requests
from django.conf import settings
from django.utils import timezone

from channels.secrets import SecretUnreadable
from orchestration.core.heartbeats import PING, SILENT_AFTER_SECONDS, WORKERS, component_ages
from orchestration.errors import InvalidRequest
from orchestration.media import connections
from orchestration.models import Heartbeat, NotificationAddress
from orchestration.models.notify import HEARTBEAT
from orchestration.notify import apprise_calls

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=55)
"""At most once a minute, less what a tick may come early."""
PATIENCE_SECONDS = 10.0
BEGUN_WITHIN = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class _Target:
    name: str
    row: NotificationAddress | None = None

    def url(self) -> str:
        return self.row.url if self.row else settings.HEADEND_HEARTBEAT_URL


def is_due(now: datetime | None = None) -> bool:
    """Return whether somebody is to be called now; two queries, none of which writes."""
    names = {target.name for target in _targets()}
    since = (now or timezone.now()) - EVERY
    return bool(
        names - set(Heartbeat.objects.filter(pk__in=names, beat_at__gt=since).values_list("pk", flat=True))
    )


def ping(*, tick_failed: bool, now: datetime | None = None) -> dict[str, str]:
    """Call every address whose minute has come, with `/fail` if something is wrong; returns the errors by name."""
    now = now or timezone.now()
    wrong = why_unwell(now, tick_failed=tick_failed)
    mine = [
        target
        for target in _targets()
        if (not wrong or tick_failed or _was_called_lately(target.name, now)) and _claim(target.name, now)
    ]
    if mine and wrong:
        logger.warning("the heartbeat tells that Headend is unwell: %s", wrong)
    outcomes = {}
    for target in mine:
        outcomes[target.name] = error = _call(target, failing=bool(wrong))
        if error:
            logger.warning(
                "the heartbeat %s was not taken: %s", target.row or "of HEADEND_HEARTBEAT_URL", error
            )
        if target.row:
            NotificationAddress.objects.filter(pk=target.row.pk).update(
                last_tried_at=now, last_error=error[:300]
            )
    return outcomes


def why_unwell(now: datetime, *, tick_failed: bool) -> str:
    """Return what does not work of what must for anything to go out; nothing if all does."""
    if tick_failed:
        return "a step of the tick failed"
    ages = component_ages(now)
    silent = [
        name for name in ("beat", *WORKERS) if ages.get(name, SILENT_AFTER_SECONDS + 1) > SILENT_AFTER_SECONDS
    ]
    return f"{', '.join(silent)} silent" if silent else ""


def _targets() -> Iterator[_Target]:
    if settings.HEADEND_HEARTBEAT_URL:
        yield _Target(f"{PING}setting")
    for row in NotificationAddress.objects.filter(kind=HEARTBEAT, enabled=True):
        yield _Target(f"{PING}{row.pk}", row)


def _was_called_lately(name: str, now: datetime) -> bool:
    """Return whether calls have begun: after a start workers show themselves one after the other, which is no failure."""
    return Heartbeat.objects.filter(pk=name, beat_at__gt=now - BEGUN_WITHIN).exists()


def _claim(name: str, now: datetime) -> bool:
    """Return whether this minute's call is ours, whatever number of ticks look."""
    rows = Heartbeat.objects.filter(pk=name)
    if rows.filter(beat_at__lte=now - EVERY).update(beat_at=now):
        return True
    return Heartbeat.objects.get_or_create(component=name, defaults={"beat_at": now})[1]


def _call(target: _Target, *, failing: bool) -> str:
    """Call an address once; returns why it was not taken, without the address."""
    try:
        url = target.url()
    except SecretUnreadable:
        return "The stored address cannot be decrypted; enter it again."
    try:
        apprise_calls.check(url, heartbeat=True)
        with connections.only_to(apprise_calls.opened()):
            answer = requests.get(
                _failing(url) if failing else url,
                timeout=PATIENCE_SECONDS,
                allow_redirects=False,
                stream=True,
            )
        answer.close()
    except InvalidRequest as error:
        return error.message
    except requests.RequestException as error:
        return f"It could not be reached ({type(error).__name__})."
    return "" if answer.status_code < 300 else f"It answered {answer.status_code}."


def _failing(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))
