"""`manage.py prune_audit --days N`: export old entries of the activity log, and then take them out of the database."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from orchestration.cli import arguments
from orchestration.errors import OrchestrationError


class Command(BaseCommand):
    """Prune the record by hand; HEADEND_KEEP_AUDIT_DAYS does the same every hour. Without either, everything is kept."""

    help = "Export entries of the activity log that are older than so many days, then take them away."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how much is kept."""
        parser.add_argument("--days", type=int, required=True, help="how many days are kept; at least 31")
        parser.add_argument("--dry-run", action="store_true", help="say how much it would be, and do nothing")
        parser.add_argument("--json", action="store_true", help="answer with one JSON document")
        arguments.add_reason(parser)

    def handle(self, **options: Any) -> None:
        """Prune, and say what was taken away and where it lies."""
        try:
            done = arguments.service().prune_record(
                days=options["days"], dry_run=options["dry_run"], reason=options["reason"]
            )
        except OrchestrationError as error:
            self.stderr.write(error.message)
            sys.exit(2)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(done), indent=2))
        elif not done.entries:
            self.stdout.write("Nothing is that old.")
        elif options["dry_run"]:
            self.stdout.write(
                f"{done.entries:,} entries of blocks {done.first_block} to {done.last_block} would go."
            )
        else:
            self.stdout.write(
                f"{done.entries:,} entries lie in {done.file} (SHA-256 {done.sha256}) and are gone from here."
            )
