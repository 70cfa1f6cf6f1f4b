"""Long works that an administrator asks for and a worker does: a backup, checks of invariants and record, pruning it.

Of each the last one is kept: asked, under way, or how it ended. The worker takes what was asked, once; what a crash left
under way can be asked for anew after a while.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from channels.log_redaction import redact
from channels.querysets import Lockable
from orchestration.core import audit
from orchestration.errors import IllegalTransition
from orchestration.models import KeptReport, SystemState
from orchestration.monitoring import invariants, record_check, record_retention

BACKUP, INVARIANTS, VERIFICATION, PRUNING = "backup", "invariants", "verification", "pruning"
TASKS = {
    BACKUP: "orchestration.tasks.make_backup",
    INVARIANTS: "orchestration.tasks.check_invariants",
    VERIFICATION: "orchestration.tasks.verify_record",
    PRUNING: "orchestration.tasks.prune_record",
}
UNTAKEN_AFTER = timedelta(minutes=5)
LOST_AFTER = {
    BACKUP: timedelta(hours=6),
    INVARIANTS: timedelta(hours=1),
    VERIFICATION: timedelta(hours=1),
    PRUNING: timedelta(hours=6),
}
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class BackgroundRun:
    """The last look of its kind: `state` is never, asked, running, succeeded or failed."""

    state: str
    asked_by: str
    at: datetime | None
    """When it was asked, begun or ended, whichever is the latest."""
    took_seconds: float
    sentence: str
    findings: list[str]

    @property
    def is_open(self) -> bool:
        """Return whether it is asked for or under way."""
        return self.state in ("asked", "running")


def last(kind: str) -> BackgroundRun:
    """Return how the last one of its kind stands."""
    return last_of(kind)[kind]


def last_of(*kinds: str) -> dict[str, BackgroundRun]:
    """Return how the last one of each kind stands."""
    rows = {row.key: row for row in KeptReport.objects.filter(key__in=kinds)}
    return {kind: _told(rows.get(kind)) for kind in kinds}


def _told(row: KeptReport | None) -> BackgroundRun:
    if row is None:
        return BackgroundRun("never", "", None, 0.0, "", [])
    said = row.document
    return BackgroundRun(
        state=said.get("state", ""),
        asked_by=said.get("asked_by", ""),
        at=row.computed_at,
        took_seconds=row.took_seconds,
        sentence=said.get("sentence", ""),
        findings=said.get("findings", []),
    )


def ask(kind: str, *, reason: str = "", **wishes: bool | int) -> BackgroundRun:
    """Have a worker make one. Raises: IllegalTransition, if one is asked for or under way."""
    with transaction.atomic():
        state, _ = SystemState.objects.get_or_create(pk=1)
        SystemState.objects.filter(pk=1).locked().first()  # two who ask at once come one after the other
        found = last(kind)
        patience = UNTAKEN_AFTER if found.state == "asked" else LOST_AFTER[kind]
        if found.is_open and found.at is not None and timezone.now() - found.at < patience:
            raise IllegalTransition(
                f"One is {'asked for' if found.state == 'asked' else 'under way'} already."
            )
        asked = {"state": "asked", "asked_by": audit.acting().label, "wishes": wishes, "reason": reason}
        _keep(kind, asked, 0.0)
        audit.record(f"{kind}_asked", state, after=dict(wishes), reason=reason)
        transaction.on_commit(lambda: _send(kind))
        return last(kind)


def take(kind: str) -> None:
    """Make what was asked for; what nobody asked for, or somebody else has taken, is left alone."""
    with transaction.atomic():
        row = Lockable(KeptReport).filter(key=kind).locked().first()
        if row is None or row.document.get("state") != "asked":
            return
        asked = row.document
        _keep(kind, asked | {"state": "running"}, 0.0)
    began = monotonic()
    try:
        ended = _MAKERS[kind](asked)
    except Exception as error:
        ended = {
            "state": "failed",
            "sentence": redact(f"It broke off: {type(error).__name__}: {error}"[:500]),
        }
        raise
    finally:
        _keep(kind, {"asked_by": asked.get("asked_by", "")} | ended, monotonic() - began)


def _keep(kind: str, document: dict[str, Any], took: float) -> None:
    KeptReport.objects.update_or_create(
        key=kind, defaults={"document": document, "computed_at": timezone.now(), "took_seconds": took}
    )


def _send(kind: str) -> None:
    try:
        current_app.send_task(
            TASKS[kind], expires=UNTAKEN_AFTER.total_seconds(), ignore_result=True, retry=False
        )
    except Exception as error:  # whatever a broker raises
        sentence = f"The broker does not take messages ({type(error).__name__}); ask again when it does."
        _keep(kind, {"state": "failed", "sentence": sentence}, 0.0)


def _check(asked: dict[str, Any]) -> dict[str, Any]:
    found = invariants.check(everything=asked["wishes"].get("everything", False))
    checks = len(invariants.CHECKS)
    return {
        "state": "failed" if found else "succeeded",
        "sentence": f"{len(found)} broken." if found else f"{checks} checks, nothing is broken.",
        "findings": [str(violation) for violation in found[:MOST_SHOWN]],
    }


def _verify(asked: dict[str, Any]) -> dict[str, Any]:
    found = record_check.verify()
    looked = f"{found.entries:,} entries in {found.blocks:,} blocks and {found.anchors:,} anchors read"
    return {
        "state": "succeeded" if found.is_whole else "failed",
        "sentence": f"{looked}; the record is as it was sealed."
        if found.is_whole
        else f"{looked}; {len(found.findings)} or more of them are not as they were sealed.",
        "findings": [f"{each.kind}: {each.sentence}" for each in found.findings[:MOST_SHOWN]],
    }


def _prune(asked: dict[str, Any]) -> dict[str, Any]:
    who = f"asked by {asked['asked_by']}"
    try:
        done = record_retention.prune(
            asked["wishes"]["days"], reason=f"{asked['reason']} ({who})" if asked["reason"] else who
        )
    except record_retention.RecordNotWhole as refusal:
        return {"state": "failed", "sentence": refusal.message}
    if not done.entries:
        return {"state": "succeeded", "sentence": "Nothing is that old."}
    file = Path(done.file)
    return {
        "state": "succeeded",
        "sentence": f"{done.entries:,} entries of blocks {done.first_block:,} to {done.last_block:,} lie in "
        f"{file.parent.name}/{file.name} in the data folder (SHA-256 {done.sha256}) and are gone from here.",
    }


def _backup(asked: dict[str, Any]) -> dict[str, Any]:
    """Let `manage.py backup` make it, in a process of its own: it sets for all of its process who may read new files."""
    command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "backup", "--json"]
    command += [f"--without-{part}" for part in ("keys", "media") if not asked["wishes"].get(part, True)]
    environment = os.environ | {"HEADEND_DATA_DIR": str(settings.HEADEND_DATA_DIR)}
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LOST_AFTER[BACKUP].total_seconds(),
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        return {"state": "failed", "sentence": redact(said)[:500]}
    folder = Path(json.loads(done.stdout)["folder"]).name
    return {"state": "succeeded", "sentence": f"It lies in backups/{folder} in the data folder."}


_MAKERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    BACKUP: _backup,
    INVARIANTS: _check,
    VERIFICATION: _verify,
    PRUNING: _prune,
}
