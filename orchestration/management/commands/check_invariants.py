"""Check what Headend promises, by what its database holds."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from orchestration.monitoring import invariants
from orchestration.monitoring.invariants.values import Violation

BROKEN = 1


class Command(BaseCommand):
    """List which promises are broken, by which row; exit code 1 if any is."""

    help = "Check the invariants: publications, pools, budgets, states, audit, secrets. Reads only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the form of the answer, and how far back to read."""
        parser.add_argument("--json", action="store_true", help="answer with one JSON document")
        parser.add_argument(
            "--all", action="store_true", help="read the whole history, not only the last two days"
        )

    def handle(self, *, json: bool, **options: Any) -> None:
        """Check, say, and end with the exit code that fits."""
        found = invariants.check(everything=options["all"])
        self.stdout.write(_document(found) if json else _sentences(found))
        if found:
            raise SystemExit(BROKEN)


def _document(found: list[Violation]) -> str:
    return json.dumps(
        {
            "ok": not found,
            "checks": len(invariants.CHECKS),
            "violations": [
                {"number": v.number, "name": v.name, "subject": v.subject, "sentence": v.sentence}
                for v in found
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def _sentences(found: list[Violation]) -> str:
    if not found:
        return f"{len(invariants.CHECKS)} checks, nothing is broken."
    return "\n".join([*map(str, found), f"{len(found)} broken."])
