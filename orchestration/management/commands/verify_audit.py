"""`manage.py verify_audit`: is the activity log as it was sealed? Names what was changed, taken away or put in."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from orchestration.cli import arguments
from orchestration.core import anchors
from orchestration.core.anchors import Anchor
from orchestration.monitoring.record_check import MOST_FOUND, Verified

NOT_WHOLE = 1


class Command(BaseCommand):
    """Read the whole record against its chain, and the chain against its anchors; exit code 1 if anything is wrong."""

    help = "Find out whether the activity log is as it was sealed. Reads only, unless --seal is given."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the form of the answer, and anchors that were kept elsewhere."""
        parser.add_argument("--json", action="store_true", help="answer with one JSON document")
        parser.add_argument(
            "--anchor",
            action="append",
            default=[],
            type=_anchor,
            metavar="BLOCK:DIGEST",
            help="an anchor that was kept outside, from the log or the webhook; may be given many times",
        )
        parser.add_argument("--seal", action="store_true", help="seal what waits for it, before reading")

    def handle(self, *, json: bool, anchor: list[Anchor], seal: bool, **options: Any) -> None:
        """Verify, say, and end with the exit code that fits."""
        service = arguments.service()
        if seal:
            service.seal_record()
        found = service.verify_record(given=anchor)
        self.stdout.write(_document(found) if json else _sentences(found))
        if not found.is_whole:
            sys.exit(NOT_WHOLE)


def _anchor(text: str) -> Anchor:
    try:
        return anchors.parse(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} {error}") from error


def _document(found: Verified) -> str:
    return json.dumps({"ok": found.is_whole, **asdict(found)}, indent=2, ensure_ascii=False)


def _sentences(found: Verified) -> str:
    looked = (
        f"{found.entries:,} entries in {found.blocks:,} blocks and {found.anchors:,} anchors read; "
        f"{found.unsealed:,} entries wait for their seal."
    )
    if found.pruned_blocks:
        looked += f" Of blocks 1 to {found.pruned_blocks:,} retention has left the digests alone."
    if found.is_whole:
        return "\n".join(
            [
                looked,
                "The record is as it was sealed.",
                f"Anchor to keep elsewhere: {found.end or 'none yet'}",
            ]
        )
    more = " or more" if len(found.findings) >= MOST_FOUND else ""
    return "\n".join(
        [
            *(f"[{each.kind}] {each.sentence}" for each in found.findings),
            looked,
            f"{len(found.findings)}{more} findings.",
        ]
    )
