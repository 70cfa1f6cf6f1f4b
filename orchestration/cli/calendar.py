"""The calendar on the command line: what is public when, what stays empty, and where a publication may be moved to."""

import argparse
from datetime import date, datetime, timedelta

from django.utils import timezone

from orchestration.api.schemas import calendar as schemas
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service
from orchestration.cli.layout import table, when
from orchestration.lists import ScheduleGroup
from orchestration.planning.days import date_of
from orchestration.scheduling.allowed_times import AllowedTimes, MovePreview
from orchestration.scheduling.calendar_view import LAYERS, wall_in
from orchestration.states import ScheduleState


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-12-24") from error


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="first", type=_date, metavar="DATE", help="without it today")
    parser.add_argument("--days", type=arguments.whole, default=7, metavar="N")
    parser.add_argument("--zone", default="", help="an IANA zone; without it each channel's own clock")
    arguments.add_channels(parser)
    parser.add_argument("--group", default="", help="channels of this group, by its slug")
    parser.add_argument("--label", default="", help="channels with this label")
    parser.add_argument("--search", dest="q", default="", help="part of the channel's name or slug")
    parser.add_argument("--wave", dest="wave_id", type=arguments.row_id, metavar="ID")
    parser.add_argument("--state", action="append", choices=[*ScheduleGroup.values, *ScheduleState.values])
    parser.add_argument("--layer", action="append", choices=LAYERS, help="what is worked out beside it")
    parser.add_argument("--page", type=arguments.whole, default=1, help="of channels, by name")
    parser.add_argument("--limit", type=arguments.whole, default=25, help="channels on a page")


def _calendar(service: Service, options: Options) -> schemas.CalendarOut:
    first = options.first or date_of(timezone.now(), options.zone or "UTC")
    window = schemas.CalendarWindow(
        first=first,
        days=options.days,
        zone=options.zone,
        channel_id=arguments.channels(options.channels),
        group=options.group or None,
        label=options.label or None,
        q=options.q or None,
        wave_id=options.wave_id,
        state=options.state,
        layer=options.layer,
        page=options.page,
        limit=options.limit,
    )
    return schemas.CalendarOut.of(service.get_calendar(**window.arguments()))


def _shown(view: schemas.CalendarOut) -> list[str]:
    names = {channel.id: channel.name for channel in view.channels}
    lines: list[str] = []
    for day in view.days:
        rows = [
            (
                item.wall,
                f"{item.wall:%H:%M}",
                names.get(item.channel_id, ""),
                item.video_title,
                str(item.state),
                _own(item),
            )
            for item in view.items
            if item.wall.date() == day.date
        ]
        rows += [
            (wall, f"{wall:%H:%M}", names.get(slot.channel_id, ""), "(empty slot)", "", "")
            for slot in view.empty_slots
            if (wall := _wall(slot, view.zone)).date() == day.date
        ]
        full = [
            f"{names[f.channel_id]} is full ({f.count} of {f.cap})"
            for f in view.full_days
            if f.day == day.date
        ]
        lines.append(f"{day.date:%a %Y-%m-%d}" + (f": {', '.join(full)}" if full else ""))
        lines += table(
            ("time", "channel", "video", "state", "channel's clock"),
            [row[1:] for row in sorted(rows, key=lambda row: row[0])],
            empty="nothing",
        )
    lines += [
        f"blackout of {names[dark.channel_id]}: {when(dark.starts_at)} to {when(dark.ends_at)} {dark.reason}".rstrip()
        for dark in view.blackouts
    ]
    lines += [
        f"Pacific {day.day}: {day.uploads} of {day.uploads_limit} uploads, {day.units} of {day.units_limit} units"
        for day in view.pacific_days
    ]
    whose = view.zone or "each channel's own clock"
    lines.append(
        f"{whose}; channels {len(view.channels)} of {view.total_channels}, page {view.page}"
        + (f"; {view.left_out} more publications are counted, not listed" if view.left_out else "")
    )
    return lines


def _wall(slot: schemas.EmptySlotOut, zone: str) -> datetime:
    return wall_in(slot.at, zone) if zone else slot.local_wall


def _own(item: schemas.CalendarItemOut) -> str:
    return "" if item.wall == item.own_wall else f"{item.own_wall:%a %H:%M} {item.zone}"


def _allowed_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("schedule", type=arguments.row_id, help="id of the publication")
    parser.add_argument("--since", type=arguments.instant, metavar="INSTANT", help="without it now")
    parser.add_argument("--days", type=arguments.whole, default=7, metavar="N")


def _allowed(service: Service, options: Options) -> AllowedTimes:
    since = options.since or timezone.now()
    return service.get_allowed_times(
        schedule_id=options.schedule, since=since, until=since + timedelta(days=options.days)
    )


def _stretches(found: AllowedTimes) -> list[str]:
    rows = [
        (when(piece.starts_at), when(piece.ends_at), "free" if piece.is_free else "; ".join(piece.reasons))
        for piece in found.stretches
    ]
    return [found.refused] if found.refused else table(("from", "until", "why not"), rows)


def _preview_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("schedule", type=arguments.row_id, help="id of the publication")
    parser.add_argument("--at", required=True, type=arguments.instant, metavar="INSTANT")


def _answer(preview: MovePreview) -> list[str]:
    how = f"{abs(preview.minutes_later)} min {'later' if preview.minutes_later >= 0 else 'earlier'}"
    said = [f"It may be moved from {when(preview.from_at)} to {when(preview.at)}, {how}."]
    if not preview.is_allowed:
        said = [f"Refused: {message}." for message in preview.messages]
    return said + [f"    could be: {offer.sentence}" for offer in preview.alternatives]


CALENDAR = (
    Command(
        "calendar",
        "show what is public when, and what stays empty",
        _calendar,
        schemas.CalendarOut,
        _shown,
        _options,
    ),
    Command(
        "allowed",
        "show where a publication may be moved to, and why not elsewhere",
        _allowed,
        schemas.AllowedTimesOut,
        _stretches,
        _allowed_options,
    ),
    Command(
        "move-preview",
        "show what moving a publication would come to; writes nothing",
        lambda s, o: s.preview_move_schedule(schedule_id=o.schedule, publish_at=o.at),
        schemas.MovePreviewOut,
        _answer,
        _preview_options,
    ),
)
