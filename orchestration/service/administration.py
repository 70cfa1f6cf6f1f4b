"""What an administrator looks after: settings, the clock's entries, processes, backups, logs, invariants."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration.core import sealing
from orchestration.core.anchors import Anchor
from orchestration.core.permissions import action
from orchestration.engine import cadence_reports
from orchestration.engine.cadence_reports import CadenceShown
from orchestration.monitoring import (
    background,
    log_files,
    record_check,
    record_retention,
    settings_shown,
    system_report,
)
from orchestration.monitoring.background import BackgroundRun
from orchestration.monitoring.log_files import LogFile, LogTail
from orchestration.monitoring.metrics import Operations, operations
from orchestration.monitoring.record_check import Verified
from orchestration.monitoring.record_retention import Pruned
from orchestration.monitoring.settings_shown import SettingsReport
from orchestration.monitoring.system_report import InstallationReport
from orchestration.register import sealed
from orchestration.register.sealed import Resealed, SealedCount
from orchestration.service.base import Door


class Administration(Door):
    """What an administrator looks after: settings, the clock's entries, processes, backups, logs, invariants."""

    @action("admin")
    def get_settings(self) -> SettingsReport:
        """List every setting with what it is for, its value and where that comes from; of a secret whether it is set."""
        return settings_shown.report()

    @action("admin")
    def get_cadences(self) -> list[CadenceShown]:
        """List how often each of the clock's entries comes, and what it may have."""
        return cadence_reports.shown()

    @action("admin")
    def set_cadence(self, *, name: str, seconds: int | None = None, reason: str = "") -> CadenceShown:
        """Let one of the clock's entries come every so many seconds; None: as often as by default."""
        return cadence_reports.set_seconds(name, seconds, reason)

    @action("admin")
    def get_metrics(self) -> Operations:
        """Count our own operations, for a monitoring system."""
        return operations()

    @action("admin")
    def count_sealed(self) -> list[SealedCount]:
        """Say how many stored secrets each encryption key holds, field by field."""
        return sealed.counted()

    @action("admin")
    def reseal_secrets(self, *, batch: int = sealed.BATCH, reason: str = "") -> Resealed:
        """Encrypt every stored secret with the newest key, while everything runs; goes on where an earlier call ended."""
        return sealed.reseal(batch=batch, reason=reason)

    @action("admin")
    def note_key_change(self, *, which: str, what: str, reason: str = "") -> None:
        """Keep in the record that a key of this installation was added or dropped, which only its machine's owner can do."""
        sealed.note_change(which, what, reason)

    @action("admin")
    def get_installation(self) -> InstallationReport:
        """Say what this installation is made of, and how each of its parts is."""
        return system_report.report()

    @action("admin")
    def seal_record(self) -> int:
        """Seal what the activity log says now, without waiting for the clock; returns how many entries."""
        return sealing.seal()

    @action("admin")
    def verify_record(self, *, given: Sequence[Anchor] = ()) -> Verified:
        """Read the whole record against its chain and its anchors; names what was changed, taken away or put in."""
        return record_check.verify(given=given)

    @action("admin")
    def prune_record(self, *, days: int, dry_run: bool = False, reason: str = "") -> Pruned:
        """Export entries that are older than so many days, and then take them away; the chain keeps their digest."""
        return record_retention.prune(days, dry_run=dry_run, reason=reason)

    @action("admin")
    def get_logs(self) -> list[LogFile]:
        """List the files of logs."""
        return log_files.listed()

    @action("admin")
    def get_log(self, *, name: str, lines: int = 200) -> LogTail:
        """Return the end of a log, without secrets."""
        return log_files.tail(name, lines)

    @action("admin")
    def make_backup(self, *, keys: bool = True, media: bool = True, reason: str = "") -> BackgroundRun:
        """Have a worker make a backup in the data folder."""
        return background.ask(background.BACKUP, reason=reason, keys=keys, media=media)

    @action("admin")
    def check_invariants(self, *, everything: bool = False, reason: str = "") -> BackgroundRun:
        """Have a worker check what Headend promises, of the last two days or of the whole history."""
        return background.ask(background.INVARIANTS, reason=reason, everything=everything)

    @action("admin")
    def check_record(self, *, reason: str = "") -> BackgroundRun:
        """Have a worker do what `verify_record` does: read the whole record against its chain and its anchors."""
        return background.ask(background.VERIFICATION, reason=reason)

    @action("admin")
    def order_pruning(self, *, days: int, reason: str = "") -> BackgroundRun:
        """Have a worker do what `prune_record` does. Raises: InvalidRequest, if that is too few days."""
        record_retention.require_enough(days)
        return background.ask(background.PRUNING, reason=reason, days=days)
