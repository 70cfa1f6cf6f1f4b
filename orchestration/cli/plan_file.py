"""List the commands about the plan as a file, and about calendar addresses."""

import argparse
import sys
from pathlib import Path

from django.contrib.auth import get_user_model

from orchestration.api.schemas import plan_file as schemas
from orchestration.below import below
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service
from orchestration.errors import InvalidRequest, NotFound
from orchestration.models import Schedule
from orchestration.results.plans import PlanFile
from orchestration.scheduling import plan_file
from orchestration.states import OPEN_SCHEDULES

SHOWN = 200


def _file(made: PlanFile) -> list[str]:
    head = "It would be: " if made.dry_run else "Written: "
    lines = [f"line {line.line}: {line.what}: {line.sentence}" for line in made.lines[:SHOWN]]
    more = len(made.lines) - SHOWN
    lines += [f"and {more} more lines"] if more > 0 else []
    return [f"{made.difference.sentence}.", *lines, head + made.summary]


def _export_options(parser: argparse.ArgumentParser) -> None:
    arguments.add_channels(parser)
    parser.add_argument("--all", action="store_true", help="what is over, too; else what is to come")


def _export(service: Service, options: Options) -> list[str]:
    service.get_standing_rules()  # may this actor look?
    rows = Schedule.objects.all() if options.all else Schedule.objects.filter(state__in=OPEN_SCHEDULES)
    if options.channels is not None:
        rows = rows.filter(channel__in=arguments.channels(options.channels))
    return [line.rstrip("\r\n") for line in plan_file.export(rows)]


def _import_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="CSV as plan-export writes it; - reads the standard input")
    parser.add_argument("--dry-run", action="store_true", help="show what each line would do, write nothing")
    parser.add_argument(
        "--acknowledge-policy",
        action="store_true",
        help="you know that the same video goes to many channels",
    )


def _import(service: Service, options: Options) -> PlanFile:
    call = service.preview_plan_file if options.dry_run else service.import_plan_file
    return call(text=_text(options.file), acknowledge_policy=options.acknowledge_policy)


def _text(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{name} cannot be read: {error.strerror}.", field="file") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{name} is not written in UTF-8.", field="file") from error


def _address_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("user", help="whose calendar reads the plan, by user name")
    parser.add_argument("--remove", action="store_true", help="let the address open nothing any more")


def _address(service: Service, options: Options) -> dict[str, str] | None:
    user = get_user_model().objects.filter(username=options.user).first()
    if user is None:
        raise NotFound(f"There is no user {options.user}.", field="user")
    if options.remove:
        service.remove_calendar_address(user_id=user.pk)
        return None
    return {"path": below(f"/calendar/{service.make_calendar_address(user_id=user.pk)}.ics")}


PLAN_FILE = (
    Command(
        "plan-export",
        "write the plan as CSV",
        _export,
        list[str],
        lambda lines: lines,
        _export_options,
    ),
    Command(
        "plan-import",
        "read a plan's CSV: move publications, plan new ones; all of it or nothing",
        _import,
        schemas.PlanFileOut,
        _file,
        _import_options,
    ),
    Command(
        "calendar-address",
        "make the secret address under which a person's calendar reads the plan",
        _address,
        schemas.CalendarAddressOut | None,
        lambda found: [f"{found['path']}  (shown this once)"] if found else ["The address is removed."],
        _address_options,
    ),
)
