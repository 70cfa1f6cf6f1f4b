"""`manage.py upgrade`: bring the database to this version, all of it or nothing."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config.management.commands.backup import as_json
from config.upgrading import Step, UpgradeRefused, missing_steps, upgrade


class Command(BaseCommand):
    """Back up, migrate and check in one transaction; collect what pages are made of."""

    help = "Bring the database to this version, all of it or nothing; a backup is made first."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whether to tell only, and whether a backup is wanted."""
        parser.add_argument("--plan", action="store_true", help="say what is missing, and do nothing")
        parser.add_argument("--without-backup", action="store_true", help="make no backup: you have one")
        parser.add_argument("--json", action="store_true", help="answer for programs")

    def handle(self, *, plan: bool, without_backup: bool, json: bool, **_: Any) -> None:
        """Do it, or tell it."""
        say = (lambda _: None) if json else (lambda part: self.stderr.write(f"  {part}"))
        try:
            if plan:
                steps = missing_steps()
                self.stdout.write(as_json(steps=[*map(asdict, steps)]) if json else _plan(steps))
                return
            call_command("check", deploy=settings.PRODUCTION, fail_level="ERROR", stdout=self.stderr)
            done = upgrade(backup=not without_backup, say=say)
        except UpgradeRefused as error:
            raise CommandError(str(error)) from error
        if settings.PRODUCTION:
            say("pages' files")
            call_command("collectstatic", interactive=False, verbosity=0)
        if json:
            self.stdout.write(as_json(version=settings.HEADEND_VERSION, **asdict(done)))
            return
        self.stdout.write(f"This is Headend {settings.HEADEND_VERSION}; {_told(len(done.steps))} applied.")
        if done.backup:
            self.stdout.write(
                f"What was before is in {done.backup}; the version that was before restores it."
            )


def _plan(steps: list[Step]) -> str:
    if not steps:
        return "Nothing is missing."
    lines = [
        f"{step.name}: {'; '.join(step.in_the_way) or 'former versions can go on beside it'}"
        for step in steps
    ]
    stops = any(step.in_the_way for step in steps)
    return "\n".join(
        [
            *lines,
            "Stop Headend before the upgrade."
            if stops
            else "Web and workers can be restarted one after another.",
        ]
    )


def _told(count: int) -> str:
    return "1 migration" if count == 1 else f"{count} migrations"
