"""Prepare the demo's channels, source and wave."""

import json
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from orchestration.management import demo


class Command(BaseCommand):
    """Called by `manage.py up --demo`; does nothing to an installation that is not a demo."""

    help = "Prepare the demo's channels, source and wave (called by manage.py up --demo)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take a file that says whom its channels are like."""
        parser.add_argument(
            "--like", type=Path, help="names, zones, slots and gaps for its channels (manage.py rehearse)"
        )

    def handle(self, *args, **options) -> None:
        """Refuse outside a demo."""
        if not settings.HEADEND_DEMO:
            raise CommandError("This is not a demo: start one with manage.py up --demo.")
        like = json.loads(options["like"].read_text(encoding="utf-8")) if options["like"] else None
        demo.prepare(self.stdout.write, like)
