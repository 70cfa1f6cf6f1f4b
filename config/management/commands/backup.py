"""`manage.py backup`: database, keys and media into one folder, while Headend runs."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from config.backup.errors import BackupRefused
from config.backup.make import make


class Command(BaseCommand):
    """Make a backup of the whole installation."""

    help = "Back up database, keys and media into one folder; Headend may run meanwhile."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take where to, and what to leave out."""
        parser.add_argument(
            "--to",
            type=Path,
            default=settings.HEADEND_DATA_DIR / "backups",
            help="folder in which the backup gets one of its own (default: %(default)s)",
        )
        parser.add_argument(
            "--without-keys", action="store_true", help="leave the keys out: keep them elsewhere"
        )
        parser.add_argument("--without-media", action="store_true", help="leave the media files out")
        parser.add_argument("--json", action="store_true", help="answer with the manifest")

    def handle(self, *, to: Path, without_keys: bool, without_media: bool, json: bool, **_: Any) -> None:
        """Make it and say where it lies."""
        say = (lambda _: None) if json else (lambda part: self.stderr.write(f"  {part}"))
        try:
            folder, made = make(to.absolute(), keys=not without_keys, media=not without_media, say=say)
        except (BackupRefused, DatabaseError) as error:
            raise CommandError(str(error)) from error
        if json:
            self.stdout.write(
                as_json(folder=str(folder), newest_entry_at=made.newest_entry_at, counts=made.counts)
            )
            return
        counted = ", ".join(f"{count} {name}s" for name, count in made.counts.items())
        self.stdout.write(
            f"Backup in {folder}: {counted}; newest entry of {made.newest_entry_at or 'no time'}."
        )
        if not without_keys:
            self.stdout.write("It holds the keys: whoever has it can speak for every channel.")


def as_json(**said: Any) -> str:
    """Return what was done, for programs."""
    return json.dumps(said, indent=2, default=str)
