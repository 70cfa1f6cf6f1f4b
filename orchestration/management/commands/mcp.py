"""`manage.py mcp`: let an assistant look, plan and propose, over the Model Context Protocol."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import get_resolver

from orchestration.cli import arguments


class Command(BaseCommand):
    """Serve one assistant at standard input and output, or many over HTTP."""

    help = "Serve assistants: at standard input and output with HEADEND_MCP_TOKEN, or over HTTP with a token each."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to listen."""
        parser.add_argument("--http", action="store_true", help="listen for HTTP instead of standard input")
        parser.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1)")
        parser.add_argument("--port", type=arguments.whole, default=8010, help="at which port (8010)")
        parser.add_argument(
            "--only",
            nargs="+",
            default=[],
            metavar="SUBJECT",
            help="offer tools of these subjects alone, such as waves schedules videos: fewer are easier to choose from",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until the other side closes, or we are told to end."""
        if not options["http"] and not settings.HEADEND_MCP_TOKEN:
            raise CommandError(
                "HEADEND_MCP_TOKEN is not set: make a token with `manage.py issue_token NAME --assistant "
                "--scope schedule` and give it to this process."
            )
        import anyio  # the library takes seconds to load, and nothing else needs it

        from orchestration.assistant import server, tools

        get_resolver().url_patterns  # noqa: B018  # the API is known once its addresses are
        if unknown := set(options["only"]) - set(tools.subjects()):
            raise CommandError(
                f"There is no subject {min(unknown)}; there are {', '.join(tools.subjects())}."
            )
        if options["http"]:
            print(
                f"Assistants connect to http://{options['host']}:{options['port']}{server.MCP_PATH}",
                file=sys.stderr,
            )
            server.over_http(options["host"], options["port"], options["only"])
        else:
            anyio.run(server.over_stdio, settings.HEADEND_MCP_TOKEN, options["only"])
