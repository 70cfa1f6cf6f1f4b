"""Put up the triggers that count changes, where one is missing or another one than it should be."""

from typing import Any

from django.core.management.base import BaseCommand

from orchestration.core import change_counts


class Command(BaseCommand):
    """Mend what counts changes, so that open pages notice them; `migrate` does the same."""

    help = "Put up the database triggers by which open pages notice changes, where they are not as they should be."

    def handle(self, **options: Any) -> None:
        """Mend, and say what was mended."""
        mended = change_counts.install()
        self.stdout.write(
            "\n".join(mended) if mended else "Every table's changes are counted; nothing to mend."
        )
