"""`manage.py issue_token NAME`: make, list and revoke the API's bearer tokens."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from orchestration.cli import arguments
from orchestration.cli.layout import table
from orchestration.errors import NotFound, OrchestrationError
from orchestration.models import ApiToken
from orchestration.register import tokens


class Command(BaseCommand):
    """Print a new token once; only its hash is stored."""

    help = "Make a bearer token for the API and print it this once; or list or revoke tokens."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a name, or one of the other two wishes."""
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("name", nargs="?", help="what the token is called in the activity log")
        what.add_argument("--revoke", metavar="NAME", help="make a token useless from now on")
        what.add_argument("--list", action="store_true", help="show all tokens")
        parser.add_argument(
            "--scope",
            choices=ApiToken.Scope.values,
            default=ApiToken.Scope.READ.value,
            help="read (default), schedule, operate, admin or own",
        )
        parser.add_argument(
            "--assistant",
            action="store_true",
            help="for an assistant (manage.py mcp): it looks and proposes, and a person confirms",
        )
        parser.add_argument(
            "--expires", type=arguments.instant, metavar="INSTANT", help="from when on it opens nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one of the three."""
        if options["list"]:
            self.stdout.write("\n".join(_listed()))
            return
        try:
            if options["revoke"]:
                arguments.service().revoke_token(token_id=tokens.id_of(options["revoke"]))
                self.stdout.write(f"The token {options['revoke']} is revoked.")
                return
            made = arguments.service().make_token(
                name=options["name"],
                scope=options["scope"],
                expires_at=options["expires"],
                for_assistant=options["assistant"],
            )
        except OrchestrationError as error:
            self.stderr.write(error.message)
            sys.exit(4 if isinstance(error, NotFound) else 2)
        self.stdout.write(made.text)
        self.stderr.write("This is shown once. Send it as: Authorization: Bearer <token>")


def _listed() -> list[str]:
    return table(
        ["name", "scope", "made", "expires", "last used", "revoked"],
        [
            [t.name, t.scope, t.created_at, t.expires_at, t.last_used_at, t.revoked_at]
            for t in ApiToken.objects.all()
        ],
        empty="no token was made yet",
    )
