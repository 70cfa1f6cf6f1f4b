"""`manage.py orchestration …`: say the same things as the API, through the same service."""

import difflib
import json
import sys
from argparse import Namespace
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError
from ninja.responses import NinjaJSONEncoder
from pydantic import TypeAdapter, ValidationError

from channels.gateways.errors import RemoteError
from orchestration.api.facts import fact_of
from orchestration.api.problems import of_error, problem
from orchestration.cli import arguments, looking, text
from orchestration.cli.commands import COMMANDS, chosen
from orchestration.errors import OrchestrationError, PlanRefused

EXIT_CODES = {400: 2, 404: 4, 409: 3, 422: 2}
"""0 done, 2 cannot be understood, 3 refused in the present state, 4 no such thing, 1 anything else."""


class Command(BaseCommand):
    """Run one coordination action and show its answer."""

    help = "Start, stop, plan, publish, watch: the console on the command line."
    requires_system_checks = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Name what comes near a command that does not exist, instead of all there are."""
        asked = argv[2] if len(argv) > 2 else ""
        if asked and not asked.startswith("-") and asked not in COMMANDS:
            near = difflib.get_close_matches(asked, COMMANDS, n=4)
            hint = f"Near it: {', '.join(near)}. " if near else ""
            self.stderr.write(
                f"There is no command {asked}. {hint}All of them: manage.py orchestration --help"
            )
            sys.exit(2)
        super().run_from_argv(argv)

    def add_arguments(self, parser: CommandParser) -> None:
        """Give each command its options, and `--json` to all."""
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        for command in COMMANDS.values():
            sub = commands.add_parser(
                command.name, help=command.help, description=command.help.capitalize() + "."
            )
            command.options(sub)
            sub.add_argument("--json", action="store_true", help="answer as the API does")

    def handle(self, *args: Any, **options: Any) -> None:
        """Call the service; a refusal goes to the standard error, with its exit code."""
        given = Namespace(**options)
        command = chosen(given)
        try:
            result = command.run(arguments.service(), given)
        except looking.Refused as refused:
            self._refuse(refused.document, options["json"])
        except OrchestrationError as error:
            self._refuse(of_error(error), options["json"], error)
        except ValidationError as error:
            self._refuse(_invalid(error), options["json"])
        except RemoteError as error:
            self._refuse(problem(error.code, 502, str(error), again=error.again), options["json"])
        except DatabaseError as error:
            detail = f"The database does not answer, or was not migrated: {error}"
            self._refuse(problem("database_unavailable", 503, detail, again="again"), options["json"])
        else:
            self._show(command, result, options["json"])

    def _show(self, command: Any, result: Any, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(as_answered(command.schema, result), cls=NinjaJSONEncoder, indent=2))
        else:
            self.stdout.write("\n".join(command.show(result)))

    def _refuse(
        self, document: dict[str, Any], as_json: bool, error: OrchestrationError | None = None
    ) -> NoReturn:
        if as_json:
            self.stderr.write(json.dumps(document, cls=NinjaJSONEncoder, indent=2))
        else:
            field, detail = document.get("field", ""), document["detail"]
            named = field and document["status"] == 422 and field not in detail
            self.stderr.write(f"{field}: {detail}" if named else detail)
            details = error.details if isinstance(error, PlanRefused) else {}
            if "plan" in details:
                self.stderr.write("\n".join(text.plan(details["plan"])))
            for offer in details.get("alternatives", ()):
                self.stderr.write(f"    could be: {offer['sentence']}")
        sys.exit(EXIT_CODES.get(document["status"], 1))


def as_answered(schema: Any, result: Any) -> Any:
    """Return `result` as the API would answer it; a list comes as its one and only page."""
    adapter: TypeAdapter[Any] = TypeAdapter(schema)
    answer = adapter.dump_python(adapter.validate_python(result, from_attributes=True))
    if isinstance(answer, list):
        return {
            "items": answer,
            "total": len(answer),
            "page": 1,
            "limit": len(answer),
            "cursor": None,
            "next": None,
            "previous": None,
        }
    return answer


def _invalid(error: ValidationError) -> dict[str, Any]:
    errors = [{"field": ".".join(map(str, item["loc"])), "message": fact_of(item)} for item in error.errors()]
    detail = "; ".join(item["message"] for item in errors)
    return problem("invalid_request", 422, detail, field=errors[0]["field"], errors=errors)
