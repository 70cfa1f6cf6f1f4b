"""Prepare the demo's channels, source and wave."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from orchestration.management import demo


class Command(BaseCommand):
    """Called by `manage.py up --demo`; does nothing to an installation that is not a demo."""

    help = "Prepare the demo's channels, source and wave (called by manage.py up --demo)."

    def handle(self, *args, **options) -> None:
        """Refuse outside a demo."""
        if not settings.HEADEND_DEMO:
            raise CommandError("This is not a demo: start one with manage.py up --demo.")
        demo.prepare(self.stdout.write)
