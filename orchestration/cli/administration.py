"""List the commands about settings, the clock's entries and the installation."""

import argparse
from collections.abc import Sequence

from orchestration.api.schemas import administration as schemas
from orchestration.cli import arguments
from orchestration.cli.command import Command, given, reason
from orchestration.cli.layout import table
from orchestration.engine.cadence_reports import CadenceShown
from orchestration.monitoring.background import BackgroundRun
from orchestration.monitoring.log_files import LogTail
from orchestration.monitoring.settings_shown import SettingsReport
from orchestration.monitoring.system_report import Fact, InstallationReport


def _settings(report: SettingsReport) -> list[str]:
    rows = [[row.name, row.value, row.origin, row.default] for row in report.settings]
    said = [f"{found.id}: {found.message} {found.hint}".strip() for found in report.warnings]
    return [*table(["setting", "value", "from", "default"], rows), *said]


def _cadences(rows: Sequence[CadenceShown]) -> list[str]:
    return table(
        ["entry", "every", "default", "bounds", "last came", "what it does"],
        [
            [
                row.name,
                f"{row.seconds} s",
                f"{row.default_seconds} s",
                f"{row.fastest} to {row.slowest} s",
                row.last_run_at,
                row.does,
            ]
            for row in rows
        ],
    )


def _facts(facts: Sequence[Fact]) -> list[str]:
    return [f"{fact.name}: {fact.value}{f' ({fact.warning})' if fact.warning else ''}" for fact in facts]


def _run(run: BackgroundRun) -> list[str]:
    said = f"{run.state}{f' (asked by {run.asked_by})' if run.asked_by else ''}"
    return [f"{said}: {run.sentence}" if run.sentence else said, *run.findings]


def _system(report: InstallationReport) -> list[str]:
    processes = table(
        ["process", "shows itself", "since", "last seen", "running", "waiting"],
        [
            [row.name, "yes" if row.is_alive else "no", row.since, row.seen_at, row.running, row.waiting]
            for row in report.processes
        ],
    )
    backups = table(
        ["backup", "made", "database", "files"],
        [[row.name, row.made_at, f"{row.database_bytes:,} B", row.parts] for row in report.backups],
        empty="no backup in the data folder",
    )
    facts = _facts(
        [*report.marks, *report.versions, report.broker, *report.database, *report.doors, *report.record]
    )
    return [
        *facts,
        *processes,
        *backups,
        *(f"last backup asked for: {line}" for line in _run(report.backup)[:1]),
        *(f"invariants: {line}" for line in _run(report.invariants)),
    ]


def _log(tail: LogTail) -> list[str]:
    return tail.lines


def _cadence_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of the entry, such as 'check channels'")
    parser.add_argument("seconds", nargs="?", type=arguments.whole, help="without it as often as by default")
    arguments.add_reason(parser)


def _log_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default="headend.log")
    parser.add_argument("--lines", type=arguments.whole, default=200, metavar="N")


def _backup_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--without-keys", dest="keys", action="store_false")
    parser.add_argument("--without-media", dest="media", action="store_false")
    arguments.add_reason(parser)


def _check_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", dest="everything", action="store_true", help="read the whole history")
    arguments.add_reason(parser)


def _prune_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=arguments.whole, required=True, help="how many days are kept")
    arguments.add_reason(parser)


ADMINISTRATION = (
    Command(
        "system",
        "show versions, processes, database, backups",
        lambda s, o: s.get_installation(),
        schemas.InstallationOut,
        _system,
    ),
    Command(
        "settings",
        "list settings and where they come from",
        lambda s, o: s.get_settings(),
        schemas.SettingsOut,
        _settings,
    ),
    Command(
        "cadences",
        "list how often the clock's entries come",
        lambda s, o: s.get_cadences(),
        list[schemas.CadenceOut],
        _cadences,
    ),
    Command(
        "cadence-set",
        "let one of the clock's entries come more or less often",
        lambda s, o: s.set_cadence(name=o.name, seconds=o.seconds, reason=reason(o)),
        schemas.CadenceOut,
        lambda row: _cadences([row]),
        _cadence_options,
    ),
    Command(
        "log",
        "show the end of a log, without secrets",
        lambda s, o: s.get_log(name=o.name, lines=o.lines),
        schemas.LogTailOut,
        _log,
        _log_options,
    ),
    Command(
        "backup-now",
        "have a worker make a backup (manage.py backup makes one here)",
        lambda s, o: s.make_backup(**given(o, "keys", "media"), reason=reason(o)),
        schemas.BackgroundRunOut,
        _run,
        _backup_options,
    ),
    Command(
        "invariants-now",
        "have a worker check the invariants (manage.py check_invariants checks them here)",
        lambda s, o: s.check_invariants(everything=o.everything, reason=reason(o)),
        schemas.BackgroundRunOut,
        _run,
        _check_options,
    ),
    Command(
        "verify-now",
        "have a worker check the record (manage.py verify_audit checks it here)",
        lambda s, o: s.check_record(reason=reason(o)),
        schemas.BackgroundRunOut,
        _run,
        arguments.add_reason,
    ),
    Command(
        "prune-now",
        "have a worker export old entries and take them away (manage.py prune_audit does it here)",
        lambda s, o: s.order_pruning(days=o.days, reason=reason(o)),
        schemas.BackgroundRunOut,
        _run,
        _prune_options,
    ),
)
