"""Settings, the clock's entries and the installation, as the API shows them to administrators."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from orchestration.fields import Body, Reason, Text, Value


class WarnedOut(Value):
    """What a system check complains about."""

    id: str
    level: str
    message: str
    hint: str


class SettingOut(Value):
    """One setting; of a secret the value is `set` or `not set`."""

    name: str
    group: str
    does: str
    default: str
    bounds: str
    value: str
    origin: str = Field(description="environment, file (installation.env), up, made (in keys/) or default")
    is_secret: bool
    warnings: list[str]


class SettingsOut(Value):
    """Every setting that was read, and what the system checks say."""

    settings: list[SettingOut]
    warnings: list[WarnedOut]


class CadenceOut(Value):
    """One of the clock's entries."""

    name: str
    does: str
    seconds: int
    default_seconds: int
    fastest: int
    slowest: int
    is_default: bool
    not_off: str = Field(description="why it cannot be switched off, and what to do instead")
    last_run_at: datetime | None


class CadenceBody(Body):
    """How often one of the clock's entries is to come."""

    name: Annotated[Text, Field(max_length=80)]
    seconds: int | None = Field(
        None, strict=True, ge=1, le=86_400, description="null: as often as by default"
    )
    reason: Reason = ""


class FactOut(Value):
    """One thing to know, with what stands against it."""

    name: str
    value: str
    warning: str


class ProcessOut(Value):
    """One kind of process."""

    name: str
    is_alive: bool
    since: datetime | None
    seen_at: datetime | None
    running: int
    waiting: int
    oldest_waiting_since: datetime | None


class BackupOut(Value):
    """One backup in the data folder."""

    name: str
    made_at: datetime | None
    newest_entry_at: datetime | None
    database_bytes: int
    parts: int
    version: str
    is_whole: bool


class BackgroundRunOut(Value):
    """The last backup, check of the invariants or of the record, or pruning of it, that was asked for."""

    state: str = Field(description="never, asked, running, succeeded or failed")
    asked_by: str
    at: datetime | None
    took_seconds: float
    sentence: str
    findings: list[str]


class LogFileOut(Value):
    """One file of logs."""

    name: str
    size_bytes: int
    written_at: datetime


class LogTailOut(Value):
    """The last lines of a log, without secrets."""

    name: str
    lines: list[str]
    is_cut: bool
    size_bytes: int


class InstallationOut(Value):
    """What this installation is made of, and how each of its parts is."""

    versions: list[FactOut]
    processes: list[ProcessOut]
    broker: FactOut
    database: list[FactOut]
    doors: list[FactOut]
    marks: list[FactOut]
    record: list[FactOut]
    backups: list[BackupOut]
    backup: BackgroundRunOut
    invariants: BackgroundRunOut
    verification: BackgroundRunOut
    pruning: BackgroundRunOut
    logs: list[LogFileOut]
    last_tick_at: datetime | None


class MakeBackup(Body):
    """What a backup is to hold besides the database."""

    keys: bool = Field(True, strict=True)
    media: bool = Field(True, strict=True)
    reason: Reason = ""


class CheckInvariants(Body):
    """How far back to read."""

    everything: bool = Field(False, strict=True, description="the whole history, not only the last two days")
    reason: Reason = ""


class CheckRecord(Body):
    """Why the record is to be read."""

    reason: Reason = ""


class PruneRecord(Body):
    """How much of the record is kept; what is older is exported and taken away."""

    days: Annotated[int, Field(strict=True, ge=31, le=36_500, description="how many days are kept")]
    dry_run: bool = Field(False, strict=True, description="say how much it would be, and take nothing away")
    reason: Reason = ""


class PrunedOut(Value):
    """What would be taken away; `last_block` is before `first_block` where nothing is that old."""

    first_block: int
    last_block: int
    entries: int
