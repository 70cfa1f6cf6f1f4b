"""List the commands about the whole configuration as a file."""

import argparse
import json
import sys
from pathlib import Path

from orchestration.api.schemas.configuration import ConfigurationChangeOut, ConfigurationText
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service
from orchestration.errors import InvalidRequest
from orchestration.results.as_code import ConfigurationChange

SIGN = {"new": "+", "changed": "~", "removed": "-"}


def _read(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}", field="file") from error


def _text(value: object) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def _shown(made: ConfigurationChange) -> list[str]:
    lines = []
    for change in made.changes:
        lines.append(f"{SIGN[change.what]} {change.section}: {change.key}")
        for each in change.fields:
            was = "" if change.what == "new" else f"{_text(each.before)} → "
            lines.append(f"    {each.field}: {was}{_text(each.after)}")
    lines += [f"! {note}" for note in made.notes]
    word = "would be" if made.dry_run and made.changes else ""
    return [*lines, f"{made.summary}{f' ({word}); nothing is written' if word else ''}"]


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a YAML file; - for the standard input")
    parser.add_argument("--dry-run", action="store_true", help="show what it would change, write nothing")
    parser.add_argument("--prune", action="store_true", help="take away what the file's sections do not name")
    parser.add_argument(
        "--digest", default="", help="of the difference that was shown: another one is refused"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    arguments.add_reason(parser)


def _apply(service: Service, options: Options) -> ConfigurationChange:
    text = _read(options.file)
    body = ConfigurationText(text=text, prune=options.prune, digest=options.digest, reason=options.reason)
    shown = service.preview_configuration(text=body.text, prune=body.prune)
    if options.dry_run or not shown.changes:
        return shown
    if not body.digest and not options.yes:
        _ask(shown)
    return service.apply_configuration(
        text=body.text, digest=body.digest or shown.digest, prune=body.prune, reason=body.reason
    )


def _ask(shown: ConfigurationChange) -> None:
    """Show the difference and have it confirmed. Raises: InvalidRequest, if it is not, or nobody can be asked."""
    print("\n".join(_shown(shown)), file=sys.stderr)
    if not sys.stdin.isatty():
        raise InvalidRequest(
            "Nobody can be asked: add --yes, or --digest of what a dry run showed.", field="yes"
        )
    if input("Apply it? (yes/no) ").strip().lower() not in ("y", "yes"):
        raise InvalidRequest("Nothing is written.", field="yes")


CONFIGURATION = (
    Command(
        "export",
        "write the whole configuration as YAML, without a secret",
        lambda s, o: s.export_configuration(),
        str,
        lambda text: text.splitlines(),
    ),
    Command(
        "apply",
        "apply a configuration file: show what it changes, ask, and make all of it or nothing",
        _apply,
        ConfigurationChangeOut,
        _shown,
        _options,
    ),
)
