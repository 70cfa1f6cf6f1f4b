"""Answer whether Headend lives, and whether all of it works."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseFailure
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.version import VERSION
from orchestration.core.broker_check import why_silent
from orchestration.core.heartbeats import SILENT_AFTER_SECONDS, WORKERS, component_ages, woken_by

REMEMBER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: whether the part works, and a sentence."""

    ok: bool
    detail: str


@require_safe
@never_cache
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that the web process works, and which version of Headend it is."""
    return HttpResponse(f"ok {VERSION}", content_type="text/plain")


@require_safe
@never_cache
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """Return whether web, database, broker, worker and beat all work; 503 names the part that does not."""
    findings = _findings.get()
    ready = all(finding.ok for finding in findings.values())
    checks = {name: {"ok": finding.ok, "detail": finding.detail} for name, finding in findings.items()}
    response = JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)
    # Django would log an error for each 503; here it is an answer, and whoever asks does so every second.
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own mark
    return response


def look() -> dict[str, Finding]:
    """Check every part once."""
    findings = {"web": Finding(True, "answers"), "database": check_database(), "broker": check_broker()}
    if findings["database"].ok:
        return findings | check_components()
    unknown = Finding(False, "unknown without the database")
    return findings | {"worker": unknown, "beat": unknown}


def check_database() -> Finding:
    """Ask the database something, and whether it has the tables of this version; writes nothing."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        missing = _migrations.missing()
    except DatabaseFailure:
        return Finding(False, "does not answer")
    if missing:
        return Finding(False, f"{missing} migration(s) are missing; run manage.py migrate")
    return Finding(True, "answers, and is of this version")


def check_broker() -> Finding:
    """Connect to the broker as a worker would."""
    silent = why_silent()
    return Finding(False, f"does not answer ({silent})") if silent else Finding(True, "answers")


def check_components() -> dict[str, Finding]:
    """Read when workers and beat last showed that they work; asking them directly would block the request.

    Workers show themselves when beat has them woken: while beat alone is silent, that they are says nothing.
    """
    ages = component_ages()
    workers = {name: _freshness(name, ages, woken_by(ages)) for name in WORKERS}
    silent = [f"{name} {finding.detail}" for name, finding in workers.items() if not finding.ok]
    beat = _freshness("beat", ages)
    fine = "both workers showed themselves lately"
    return {
        "worker": Finding(
            not silent, "; ".join(silent) or (fine if beat.ok else "woken by beat only, which is silent")
        ),
        "beat": beat,
    }


def _freshness(component: str, ages: dict[str, float], most: float = SILENT_AFTER_SECONDS) -> Finding:
    age = ages.get(component)
    if age is None:
        return Finding(False, "has not shown itself yet")
    if age > most:
        return Finding(False, f"has been silent for {age:.0f} s")
    return Finding(True, f"showed itself {age:.0f} s ago")


class _Migrations:
    """Whether all migrations are applied; once they are, they stay so while this process lives."""

    def __init__(self) -> None:
        self._complete = False

    def missing(self) -> int:
        """Return how many migrations are missing."""
        if self._complete:
            return 0
        executor = MigrationExecutor(connection)
        count = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        self._complete = count == 0
        return count


class _Remembered:
    """A result that is used again for a moment: anyone may ask /readyz, as often as they like."""

    def __init__(self, ask: Callable[[], dict[str, Finding]]) -> None:
        self._ask = ask
        self._lock = Lock()
        self._asked_at = float("-inf")
        self._result: dict[str, Finding] = {}

    def get(self) -> dict[str, Finding]:
        """Return the result, at most a moment old."""
        with self._lock:
            if monotonic() - self._asked_at >= REMEMBER_SECONDS:
                self._result = self._ask()
                self._asked_at = monotonic()
            return self._result

    def reset(self) -> None:
        """Ask anew next time."""
        self._asked_at = float("-inf")


_migrations = _Migrations()
_findings = _Remembered(look)
