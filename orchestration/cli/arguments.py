"""Read what stands on the command line, and name the option that does not fit."""

import argparse
from datetime import datetime
from typing import overload

from channels.models import Channel
from orchestration.core import audit
from orchestration.core.permissions import Actor
from orchestration.errors import NotFound
from orchestration.fields import LARGEST_ID, parse_instant
from orchestration.models import Pool
from orchestration.register import selection
from orchestration.service import CentralOrchestrationService
from orchestration.states import OnConflict, Timing, Trigger


def instant(text: str) -> datetime:
    """Read an ISO 8601 instant with an offset."""
    try:
        return parse_instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from error


class MemberTime(argparse.Action):
    """Read `VIDEO CHANNEL INSTANT`; given once for each member. The channel is looked up later, by slug or id."""

    def __call__(self, parser, namespace, values, option_string=None):
        """Add one member's time to those that were given before."""
        try:
            member = (row_id(values[0]), values[1], instant(values[2]))
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from error
        setattr(namespace, self.dest, [*(getattr(namespace, self.dest) or ()), member])


def row_id(text: str) -> int:
    """Read the id of a row."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LARGEST_ID:
        raise argparse.ArgumentTypeError(f"{text!r} is not an id")
    return int(text)


def whole(text: str) -> int:
    """Read a whole number that is not negative."""
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def channel(text: str) -> int:
    """Return the id of the channel with this slug or id. Raises: NotFound."""
    found = Channel.objects.filter(slug=text).values_list("pk", flat=True).first()
    if found is None and text.isascii() and text.isdigit() and int(text) <= LARGEST_ID:
        found = Channel.objects.filter(pk=int(text)).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound(f"There is no channel {text}.", field="channel")
    return found


@overload
def channels(texts: list[str], *, enabled: bool = False) -> list[int]: ...
@overload
def channels(texts: None, *, enabled: bool = False) -> None: ...
def channels(texts: list[str] | None, *, enabled: bool = False) -> list[int] | None:
    """Return the ids of the channels that these words name; None means all. Raises: NotFound, InvalidRequest."""
    if texts is None:
        return None
    return selection.read_ids(texts, field="channel", enabled=enabled, some=True)


def pool(text: str) -> int:
    """Return the id of the pool with this name or id. Raises: NotFound."""
    found = Pool.objects.filter(name=text).values_list("pk", flat=True).first()
    if found is None and text.isascii() and text.isdigit() and int(text) <= LARGEST_ID:
        found = Pool.objects.filter(pk=int(text)).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound(f"There is no pool {text}.", field="pool")
    return found


def whoever_sits_here() -> Actor:
    """Return whoever sits at this machine; they own the data folder, so they may do all."""
    return Actor.system(audit.whoever_sits_here().label)


def service() -> CentralOrchestrationService:
    """Return the service for whoever sits at this machine."""
    return CentralOrchestrationService(actor=whoever_sits_here(), trigger=Trigger.CLI)


def add_reason(parser: argparse.ArgumentParser) -> None:
    """Let a reason be given for the activity log."""
    parser.add_argument("--reason", default="", help="why, for the activity log")


def add_decision(parser: argparse.ArgumentParser) -> None:
    """Let a reason be given, and the version of the row for which the decision was made."""
    add_reason(parser)
    parser.add_argument(
        "--version",
        type=whole,
        metavar="N",
        help="the version of the row as you saw it; refused if it has changed since",
    )


def add_channels(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Let channels be named by slug or id."""
    parser.add_argument(
        "--channel",
        "--channels",
        dest="channels",
        nargs="+",
        metavar="SLUG",
        required=required,
        help="channels by slug or id, group:SLUG, label:NAME, search:TEXT or all"
        + ("" if required else "; without it all"),
    )


def add_overrides(parser: argparse.ArgumentParser, what: str) -> None:
    """Let members be given a time of their own."""
    parser.add_argument(
        "--override",
        dest="overrides",
        nargs=3,
        action=MemberTime,
        default=[],
        metavar=("VIDEO", "SLUG", "INSTANT"),
        help=f"{what}; once for each member",
    )


def add_placing(parser: argparse.ArgumentParser, *, span: str, span_help: str) -> None:
    """Let be said how publications lie in time and what is done about conflicts."""
    parser.add_argument("--timing", choices=Timing.values, default=Timing.SIMULTANEOUS.value)
    parser.add_argument(
        "--at",
        dest="scheduled_at",
        type=instant,
        metavar="INSTANT",
        help="ISO 8601 with an offset; without it as soon as it can be",
    )
    parser.add_argument(span, type=whole, default=0, metavar="N", help=span_help)
    parser.add_argument("--priority", type=int, choices=range(11), metavar="0..10")
    parser.add_argument("--on-conflict", choices=OnConflict.values, default=OnConflict.SHIFT.value)
    parser.add_argument(
        "--acknowledge-policy",
        action="store_true",
        help="you know that the same video goes to many channels, or takes up what was cancelled there",
    )
    parser.add_argument("--dry-run", action="store_true", help="show the plan, write nothing")
    parser.add_argument(
        "--fingerprint", default="", help="of the plan that was shown: another one is refused"
    )
