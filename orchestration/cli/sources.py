"""List the commands about what opens a source. No secret stands on a command line, where every user of a machine sees it."""

import argparse
import sys
from pathlib import Path
from typing import Any

from orchestration.api.schemas import library
from orchestration.cli import arguments, text
from orchestration.cli.command import Command, Options, Service, decision, given
from orchestration.errors import InvalidRequest

MOST_BYTES = 256 * 1024


def read_secret(name: str, place: str | None) -> str:
    """Return what a file holds, or the standard input where `-` stands for it; its last line end is dropped."""
    if place is None:
        return ""
    try:
        if place == "-":
            found = sys.stdin.read(MOST_BYTES + 1)
        else:
            with Path(place).open(encoding="utf-8") as file:
                found = file.read(MOST_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidRequest(f"{place} cannot be read: {why}.", field=name) from error
    if len(found) > MOST_BYTES:
        raise InvalidRequest(f"{place} is longer than {MOST_BYTES} characters.", field=name)
    return found.rstrip("\r\n")


def _access_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the source")
    parser.add_argument("--username", default="")
    for name, what in (
        ("password", "the password"),
        ("cookies", "a line of cookies, or a cookie file of the Netscape form"),
        ("headers", "headers, one `Name: value` a line"),
    ):
        parser.add_argument(
            f"--{name}", metavar="FILE", help=f"file that holds {what}; - reads the standard input"
        )
    parser.add_argument(
        "--host",
        dest="hosts",
        nargs="+",
        default=[],
        metavar="HOST",
        help="further hosts that it may be sent to; without it only the source's own",
    )
    arguments.add_decision(parser)


def _set_access(service: Service, options: Options) -> Any:
    if [options.password, options.cookies, options.headers].count("-") > 1:
        raise InvalidRequest("The standard input can be read for one of them only.", field="password")
    body = library.NewSourceAccess(
        password=read_secret("password", options.password),
        cookies=read_secret("cookies", options.cookies),
        headers=read_secret("headers", options.headers).splitlines(),
        **given(options, "username", "hosts"),
    )
    return service.set_source_access(source_id=options.id, **body.model_dump() | decision(options))


def _on_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the source")
    arguments.add_decision(parser)


SOURCES = (
    Command(
        "source-access-set",
        "give a source the login, cookies or headers that open it",
        _set_access,
        library.SourceOut,
        text.source,
        _access_options,
    ),
    Command(
        "source-access-remove",
        "forget what opens a source",
        lambda s, o: s.remove_source_access(source_id=o.id, **decision(o)),
        library.SourceOut,
        text.source,
        _on_source,
    ),
)
