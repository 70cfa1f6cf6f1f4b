"""List the commands that say what a channel is. No secret stands on a command line, where every user sees it."""

import argparse
import json
from datetime import time
from typing import Any

from channels.models import Credential
from orchestration.api.schemas import channel_setup as schemas
from orchestration.api.schemas.register import BlackoutOut, ChannelOut, SlotOut
from orchestration.cli import arguments, text
from orchestration.cli.command import Command, Options, Service, given, reason
from orchestration.cli.layout import table, when
from orchestration.cli.sources import read_secret
from orchestration.errors import InvalidRequest
from orchestration.planning.week_facts import DAYS, SlotAt
from orchestration.register.revisions import RevisionDiff, RollBack
from orchestration.register.week import Week

TEXTS = frozenset({"name", "slug", "title_template", "description_template", "category_id", "ref"})
"""Fields whose value is text, whatever it looks like."""


def day(text: str) -> int:
    """Read a day of the week: its name, or what begins it, or 0 for Monday."""
    found = [
        number for number, name in enumerate(DAYS) if len(text) > 1 and name.lower().startswith(text.lower())
    ]
    if text.isascii() and text.isdecimal() and int(text) <= 6:
        found = [int(text)]
    if len(found) != 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no day of the week, such as mon or 0")
    return found[0]


def minute(text: str) -> time:
    """Read a wall-clock time."""
    try:
        at = time.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 18:00") from None
    return at


def slot(text: str) -> SlotAt:
    """Read one slot of a week: `mon 18:00`, and `mon 18:00 off` for one that is switched off."""
    parts = text.split()
    if len(parts) not in {2, 3} or (len(parts) == 3 and parts[2] != "off"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a slot such as 'mon 18:00'")
    return SlotAt(day(parts[0]), minute(parts[1]), len(parts) == 2)


def _said(options: Options) -> dict[str, Any]:
    """Return the fields that were set, as the API takes them. Raises: InvalidRequest."""
    said: dict[str, Any] = {}
    for given_one in options.set:
        name, equals, value = given_one.partition("=")
        if not equals or not name:
            raise InvalidRequest(f"{given_one!r} is not FIELD=VALUE, for example daily_cap=3.", field="set")
        try:
            said[name] = value if name in TEXTS else json.loads(value)
        except ValueError:
            said[name] = value
    return said


def _channel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("channel", help="slug or id")


def _settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="a field of the API, lists and filters as JSON: daily_cap=3, 'filters={\"min_height\": 720}'; may be repeated",
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument("--slug", help="in addresses; without it one is made of the name")
    parser.add_argument("--timezone", default="UTC", help="IANA name, such as Europe/Berlin")
    _settings(parser)
    arguments.add_reason(parser)


def _add(service: Service, options: Options) -> Any:
    body = schemas.NewChannel(**{**given(options, "name", "slug", "timezone", "reason"), **_said(options)})
    return service.add_channel(values=body.values(), reason=body.reason)


def _change_options(parser: argparse.ArgumentParser) -> None:
    _channel(parser)
    _settings(parser)
    _accepting(parser)
    arguments.add_decision(parser)


def _accepting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accept-problems",
        action="store_true",
        help="though what waits for its upload would not be published with these words",
    )


def _change(service: Service, options: Options) -> Any:
    body = schemas.ChannelChange(
        **{**given(options, "reason", "version", "accept_problems"), **_said(options)}
    )
    return service.change_channel(
        channel_id=arguments.channel(options.channel),
        values=body.values(),
        version=body.version,
        accept_problems=body.accept_problems,
        reason=body.reason,
    )


def _with_reason(parser: argparse.ArgumentParser) -> None:
    _channel(parser)
    arguments.add_reason(parser)


def _credential_options(parser: argparse.ArgumentParser) -> None:
    _channel(parser)
    parser.add_argument("client_id", help="ends in .apps.googleusercontent.com")
    for name in ("client-secret", "refresh-token"):
        parser.add_argument(
            f"--{name}", metavar="FILE", help="file that holds it; - reads the standard input"
        )
    arguments.add_reason(parser)


def _credential(service: Service, options: Options) -> Any:
    if [options.client_secret, options.refresh_token].count("-") > 1:
        raise InvalidRequest("The standard input can be read for one of them only.", field="refresh_token")
    body = schemas.NewCredential(
        client_secret=read_secret("client_secret", options.client_secret),
        refresh_token=read_secret("refresh_token", options.refresh_token),
        **given(options, "client_id", "reason"),
    )
    return service.set_credential(channel_id=arguments.channel(options.channel), **body.model_dump())


def _credential_text(row: Credential) -> list[str]:
    return [f"The credential of {row.channel.name} is stored, and Google is being asked about it."]


def _week_text(week: Week) -> list[str]:
    rows = [
        [row.pk, DAYS[row.weekday], f"{row.local_time:%H:%M}", "on" if row.enabled else "off"]
        for row in week.slots
    ]
    return [
        f"On the clock of {week.channel.timezone}; version {week.version}.",
        *table(["slot", "day", "time", "used"], rows, empty="no slot"),
        *(fact.sentence for fact in week.facts),
    ]


def _slots_options(parser: argparse.ArgumentParser) -> None:
    _channel(parser)
    parser.add_argument("--day", nargs="+", type=day, required=True, metavar="DAY", help="such as mon")
    parser.add_argument("--at", nargs="+", type=minute, required=True, metavar="HH:MM")


def _slots_add(service: Service, options: Options) -> Week:
    channel_id = arguments.channel(options.channel)
    service.add_slots(channel_id=channel_id, weekdays=options.day, local_times=options.at)
    return service.get_week(channel_id=channel_id)


def _week_options(parser: argparse.ArgumentParser) -> None:
    _channel(parser)
    parser.add_argument(
        "slots",
        nargs="*",
        type=slot,
        metavar="SLOT",
        help="each as 'mon 18:00', or 'mon 18:00 off'; none: no slot",
    )
    parser.add_argument("--version", default="", help="the week's version as you saw it")
    arguments.add_reason(parser)


def _copy_options(parser: argparse.ArgumentParser) -> None:
    _channel(parser)
    parser.add_argument("day", type=day, help="whose slots are copied")
    parser.add_argument("--to", nargs="+", type=day, required=True, metavar="DAY")
    arguments.add_reason(parser)


def _slot_switch(name: str, enabled: bool) -> Command:
    def options(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", type=arguments.row_id, help="id of the slot")
        arguments.add_reason(parser)

    return Command(
        f"slot-{name}",
        f"{name} a slot" if enabled else "leave a slot out of planning until it is enabled again",
        lambda s, o: s.enable_slot(slot_id=o.id, enabled=enabled, reason=reason(o)),
        SlotOut,
        text.slot,
        options,
    )


def _blackout_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the blackout")
    parser.add_argument("first_date", metavar="YYYY-MM-DD")
    parser.add_argument("last_date", metavar="YYYY-MM-DD", help="included")
    parser.add_argument("--from-time", metavar="HH:MM", help="of the first date; without it the whole day")
    parser.add_argument("--until-time", metavar="HH:MM", help="of the last date; without it the whole day")
    arguments.add_reason(parser)


def _blackout(service: Service, options: Options) -> Any:
    names = ("first_date", "last_date", "from_time", "until_time", "reason")
    body = schemas.BlackoutChange(**given(options, *names))
    return service.change_blackout(blackout_id=options.id, **body.model_dump())


def _revisions_text(rows: Any) -> list[str]:
    return table(
        ["number", "made", "by", "in the repository"],
        [
            [row.number, when(row.created_at), row.created_by, row.commit_sha[:10] or row.sync_error or "no"]
            for row in rows
        ],
        empty="no revision yet",
    )


def _changes_text(changes: Any) -> list[str]:
    return table(
        ["field", "before", "after"],
        [[change.field, change.before or "–", change.after or "–"] for change in changes],
        empty="nothing differs",
    )


def _diff_options(parser: argparse.ArgumentParser) -> None:
    _channel(parser)
    parser.add_argument("first", type=arguments.row_id, help="number of a revision")
    parser.add_argument("second", type=arguments.row_id, help="number of another")


def _diff_text(answer: RevisionDiff) -> list[str]:
    return [f"From revision {answer.first} to {answer.second}:", *_changes_text(answer.changes)]


def _back_options(parser: argparse.ArgumentParser) -> None:
    _channel(parser)
    parser.add_argument("number", type=arguments.row_id, help="of the revision that is brought back")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    _accepting(parser)
    arguments.add_reason(parser)


def _back_text(answer: RollBack) -> list[str]:
    would = "would be" if answer.dry_run else "is"
    return [
        f"Revision {answer.number} of {answer.channel.name} {would} brought back:",
        *_changes_text(answer.changes),
        *answer.left_out,
    ]


def _back(service: Service, options: Options) -> RollBack:
    body = schemas.GoBack(**given(options, "dry_run", "accept_problems", "reason"))
    return service.roll_back_configuration(
        channel_id=arguments.channel(options.channel), number=options.number, **body.model_dump()
    )


def _try_options(parser: argparse.ArgumentParser) -> None:
    _channel(parser)
    _settings(parser)
    parser.add_argument("--video", type=arguments.row_id, metavar="ID", help="without it a recent one")


def _try(service: Service, options: Options) -> Any:
    body = schemas.TryWords(words=_said(options), video_id=options.video)
    return service.preview_channel_words(
        channel_id=arguments.channel(options.channel), words=body.words, video_id=body.video_id
    )


def _try_text(answer: Any) -> list[str]:
    return [
        *(f"{name}: {fault}" for name, fault in answer.faults.items()),
        *table(
            ["field", f"{answer.video} would say"],
            [
                ["title", answer.words.title],
                ["description", answer.words.description],
                ["tags", ", ".join(answer.words.tags)],
            ],
        ),
        *(f"{remark.message}." for remark in [*answer.words.problems, *answer.words.notes]),
    ]


CHANNEL_SETUP = (
    Command("channel-add", "register a channel", _add, ChannelOut, text.channel, _add_options),
    Command(
        "channel-change",
        "change what is said of a channel",
        _change,
        ChannelOut,
        text.channel,
        _change_options,
    ),
    Command(
        "channel-remove",
        "remove a channel that nothing rests on",
        lambda s, o: s.remove_channel(channel_id=arguments.channel(o.channel), reason=reason(o)),
        None,
        lambda _: ["The channel is removed."],
        _with_reason,
    ),
    Command(
        "channel-credential",
        "give a channel its own OAuth client and refresh token",
        _credential,
        schemas.CredentialOut,
        _credential_text,
        _credential_options,
    ),
    Command(
        "channel-week",
        "show a channel's week, and what its gap, its cap and the clocks make of it",
        lambda s, o: s.get_week(channel_id=arguments.channel(o.channel)),
        schemas.WeekOut,
        _week_text,
        _channel,
    ),
    Command(
        "slots-add",
        "give some days of the week some times",
        _slots_add,
        schemas.WeekOut,
        _week_text,
        _slots_options,
    ),
    Command(
        "week-set",
        "set all slots of a channel's week",
        lambda s, o: s.set_slots(
            channel_id=arguments.channel(o.channel), slots=o.slots, version=o.version, reason=reason(o)
        ),
        schemas.WeekOut,
        _week_text,
        _week_options,
    ),
    Command(
        "day-copy",
        "give other days exactly the slots of one",
        lambda s, o: s.copy_day(
            channel_id=arguments.channel(o.channel), weekday=o.day, to=o.to, reason=reason(o)
        ),
        schemas.WeekOut,
        _week_text,
        _copy_options,
    ),
    _slot_switch("enable", True),
    _slot_switch("disable", False),
    Command("blackout-change", "change a blackout", _blackout, BlackoutOut, text.blackout, _blackout_options),
    Command(
        "channel-revisions",
        "list the revisions of a channel's configuration",
        lambda s, o: s.get_revisions(channel_id=arguments.channel(o.channel)),
        list[schemas.RevisionOut],
        _revisions_text,
        _channel,
    ),
    Command(
        "revision-diff",
        "say what differs between two revisions",
        lambda s, o: s.diff_revisions(
            channel_id=arguments.channel(o.channel), first=o.first, second=o.second
        ),
        schemas.RevisionDiffOut,
        _diff_text,
        _diff_options,
    ),
    Command(
        "channel-roll-back",
        "bring an earlier configuration back as a new revision",
        _back,
        schemas.RollBackOut,
        _back_text,
        _back_options,
    ),
    Command(
        "channel-try-words",
        "show how a video would look on a channel by words that are not saved",
        _try,
        schemas.TriedWordsOut,
        _try_text,
        _try_options,
    ),
)
