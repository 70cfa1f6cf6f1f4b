"""`manage.py restore`: put a backup in the place of this installation, all of it or nothing."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from config.backup.errors import BackupRefused
from config.backup.restore import restore
from config.management.commands.backup import as_json


class Command(BaseCommand):
    """Restore a backup into HEADEND_DATA_DIR and the database of DATABASE_URL."""

    help = "Put a backup in the place of this installation; it boots paused, and says so."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take which backup, and whether what is there may be replaced."""
        parser.add_argument("folder", type=Path, metavar="FOLDER", help="what `manage.py backup` has made")
        parser.add_argument(
            "--yes", action="store_true", help="replace what is there; it is put aside, not deleted"
        )
        parser.add_argument("--json", action="store_true", help="answer for programs")

    def handle(self, *, folder: Path, yes: bool, json: bool, **_: Any) -> None:
        """Restore it and say what to do next."""
        say = (lambda _: None) if json else (lambda part: self.stderr.write(f"  {part}"))
        try:
            made, put_aside = restore(folder.absolute(), replace=yes, say=say)
        except (BackupRefused, DatabaseError) as error:
            raise CommandError(str(error)) from error
        if json:
            self.stdout.write(as_json(made_at=made.created_at, put_aside=str(put_aside), counts=made.counts))
            return
        self.stdout.write(
            f"Restored the backup of {made.created_at:.19} UTC. What was there is in {put_aside}.\n"
            "Start Headend: it is paused. Look at what is overdue, then resume (manage.py orchestration resume)."
        )
