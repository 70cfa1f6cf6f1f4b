"""`manage.py rotate_keys`: replace the keys of this installation, while it runs."""

import secrets
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import keys
from config.management.commands.backup import as_json
from orchestration.cli import arguments
from orchestration.cli.layout import table
from orchestration.errors import OrchestrationError
from orchestration.register.sealed import BATCH

SETTINGS = {
    "encryption": "HEADEND_ENCRYPTION_KEYS",
    "secret": "SECRET_KEY",
    "webhook": "GITHUB_WEBHOOK_SECRET",
}
FILES = {"encryption": "encryption_key", "secret": "secret_key"}
MAKE = {
    "encryption": keys.make_encryption_key,
    "secret": keys.make_secret_key,
    "webhook": lambda: secrets.token_urlsafe(32),
}
FORMER = {
    "encryption": "Put it in front of those in HEADEND_ENCRYPTION_KEYS, with a comma, for every process, and restart "
    "them; then `rotate_keys reseal`.",
    "secret": "Set it as SECRET_KEY, and put the present one into SECRET_KEY_FALLBACKS; restart every process.",
    "webhook": "Set it as GITHUB_WEBHOOK_SECRET, and put the present one into GITHUB_WEBHOOK_SECRET_FALLBACKS; restart; "
    "then set it at GitHub, and take the fallback out.",
}


class Command(BaseCommand):
    """Replace keys in steps of which each leaves everything working."""

    help = "Replace the keys of this installation while it runs: show, new, reseal, drop. See docs/settings.md, Making keys."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the step, and which key."""
        steps = parser.add_subparsers(dest="step", required=True)
        show = steps.add_parser("show", help="count what each encryption key holds; changes nothing")
        new = steps.add_parser("new", help="put a new key in front; the former ones stay good")
        new.add_argument("which", choices=list(SETTINGS))
        reseal = steps.add_parser(
            "reseal", help="encrypt what is stored with the newest key; may be repeated"
        )
        reseal.add_argument("--dry-run", action="store_true", help="only count what would be encrypted anew")
        reseal.add_argument("--batch", type=int, default=BATCH, help="rows at a time (default: %(default)s)")
        drop = steps.add_parser("drop", help="take all former keys out of the key file")
        drop.add_argument("which", choices=list(FILES))
        for step in (show, new, reseal, drop):
            step.add_argument("--json", action="store_true", help="answer as JSON")
            step.add_argument("--reason", default="", help="why, for the record")

    def handle(self, *, step: str, **options: Any) -> None:
        """Take one step."""
        try:
            getattr(self, f"_{step}")(options)
        except OrchestrationError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"The key file cannot be written: {error}.") from error

    def _say(self, options: dict[str, Any], sentence: str, **told: Any) -> None:
        self.stdout.write(as_json(**told) if options["json"] else sentence)

    def _show(self, options: dict[str, Any]) -> None:
        counted = arguments.service().count_sealed()
        if options["json"]:
            self.stdout.write(as_json(sealed=[asdict(row) for row in counted]))
            return
        rows = [[row.field, str(row.count), _place(row.place), row.key] for row in counted]
        self.stdout.write(
            "\n".join(table(["field", "values", "key", "its name"], rows)) if rows else "Nothing is sealed."
        )

    def _new(self, options: dict[str, Any]) -> None:
        which, made = options["which"], MAKE[options["which"]]()
        path = _file_of(which)
        if path is None:
            self._say(options, made, key=made, setting=SETTINGS[which], next=FORMER[which])
            self.stderr.write(f"This is shown once, and nothing was changed. {FORMER[which]}")
            return
        keys.write_lines(path, [made, *keys.lines_of(path)])
        arguments.service().note_key_change(which=which, what="added", reason=options["reason"])
        then = (
            "Running processes use it from now on. Next: `rotate_keys reseal`, then `rotate_keys drop encryption`."
            if which == "encryption"
            else "Restart Headend: it signs with the new one then, and takes what the former one signed until it is dropped."
        )
        self._say(options, f"A new key stands first in {path}. {then}", file=str(path), next=then)

    def _reseal(self, options: dict[str, Any]) -> None:
        if options["dry_run"]:
            counted = arguments.service().count_sealed()
            waiting = sum(row.count for row in counted if row.place > 1)
            lost = sum(row.count for row in counted if row.place == 0)
            self._say(
                options,
                f"{waiting} would be encrypted anew, {lost} cannot be read with any configured key.",
                waiting=waiting,
                unreadable=lost,
            )
            return
        told = arguments.service().reseal_secrets(batch=options["batch"], reason=options["reason"])
        self._say(
            options,
            f"{told.done} encrypted anew, {told.current} were already, {len(told.unreadable)} cannot be read.",
            **asdict(told),
        )
        if told.unreadable:
            self.stderr.write("Enter these anew: " + ", ".join(told.unreadable))
            sys.exit(1)

    def _drop(self, options: dict[str, Any]) -> None:
        which = options["which"]
        path = _file_of(which)
        if path is None:
            raise CommandError(f"{SETTINGS[which]} is set by you: take the former keys out there.")
        left = (
            [row for row in arguments.service().count_sealed() if row.place > 1]
            if which == "encryption"
            else []
        )
        if left:
            number = sum(row.count for row in left)
            raise CommandError(
                f"{number} values are still encrypted with a former key: `rotate_keys reseal` first."
            )
        newest, *former = keys.lines_of(path)
        keys.write_lines(path, [newest])
        arguments.service().note_key_change(
            which=which, what=f"dropped {len(former)} former", reason=options["reason"]
        )
        then = "" if which == "encryption" else " Restart Headend: who has a session of before logs in again."
        self._say(options, f"{len(former)} former keys were dropped.{then}", dropped=len(former))


def _file_of(which: str) -> Path | None:
    """Return the key file that stands for a setting; None where the setting is given."""
    read = settings.SETTINGS_READ.get(SETTINGS[which])
    name = FILES.get(which)
    return settings.HEADEND_DATA_DIR / "keys" / name if name and read and read.origin == "made" else None


def _place(place: int) -> str:
    return {0: "not configured", 1: "newest"}.get(place, f"former ({place} in the list)")
