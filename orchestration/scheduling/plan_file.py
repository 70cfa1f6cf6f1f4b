"""Write the plan as CSV, and read it again: what a file would do is shown line by line before anything is written.

A line with a `schedule` moves that publication; one without plans a new one. Written is all of a file or nothing.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from channels.models import Channel
from orchestration.core import audit
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.fields import parse_instant
from orchestration.models import Schedule, SystemState, Video
from orchestration.planning.slots import NonexistentLocalTime, resolve_local
from orchestration.results.plans import PlanFile, PlanFileLine
from orchestration.scheduling import planner, schedules
from orchestration.scheduling.requests import wave_request
from orchestration.states import OnConflict, Timing

READ = ("schedule", "video", "channel", "publish_at", "priority")
SHOWN = ("title", "local_time", "zone", "state", "wave", "address")
"""Columns that are written for people, and not read."""
COLUMNS = (
    "schedule",
    "video",
    "title",
    "channel",
    "publish_at",
    "local_time",
    "zone",
    "priority",
    "state",
    "wave",
)
MOST_LINES = 1_000
MOST_CHARACTERS = 2_000_000
NAMED = 3
NEW, MOVED, SAME, REFUSED = "new", "moved", "unchanged", "refused"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


# --------------------------------------------------------------------------------------------------------------- export


def export(rows: QuerySet[Schedule]) -> Iterator[str]:
    """Yield the plan as CSV, a line each, the nearest moment first; instants in UTC, `local_time` on the channel's clock."""
    yield _line(COLUMNS)
    wanted = rows.select_related("channel", "wave", "distribution__video").order_by("publish_at", "pk")
    for row in wanted.iterator(chunk_size=2_000):
        yield _line(
            (
                row.pk,
                row.distribution.video_id,
                safe_cell(str(row.distribution.video)),
                row.channel.slug,
                f"{row.publish_at:%Y-%m-%dT%H:%M:%SZ}",
                row.local_wall.replace("T", " "),
                row.zone,
                row.priority,
                row.state,
                safe_cell(row.wave.name) if row.wave else "",
            )
        )


def safe_cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


# --------------------------------------------------------------------------------------------------------------- import


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one line asks for, as far as it could be read; `refused` says why it could not."""

    line: int
    schedule_id: int | None = None
    video_id: int | None = None
    channel_id: int | None = None
    at: datetime | None = None
    priority: int | None = None
    refused: str = ""


def read(text: str) -> list[Wanted]:
    """Read a plan's CSV. Raises: InvalidRequest, if it is no such file at all; what is wrong with a line stands at it."""
    if len(text) > MOST_CHARACTERS:
        raise InvalidRequest(f"The file has more than {MOST_CHARACTERS:,} characters.", field="file")
    text = text.removeprefix("\ufeff")
    head = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ",")
    names = [str(name).strip().lower() for name in reader.fieldnames or ()]
    reader.fieldnames = names
    unknown = sorted(set(names) - set(READ) - set(SHOWN))
    if unknown or len(set(names)) < len(names):
        said = (
            f"The column {unknown[0][:40]!r} is not one of" if unknown else "A column stands twice; there are"
        )
        raise InvalidRequest(f"{said} {', '.join((*READ, *SHOWN))}.", field="file")
    if "publish_at" not in names or not {"schedule", "video"} & set(names):
        raise InvalidRequest(
            "The file needs the columns publish_at, and schedule or video and channel.", field="file"
        )
    try:
        lines = [(reader.line_num, row) for row in reader if any(map(_said, row.values()))]
    except csv.Error as error:
        raise InvalidRequest(f"Line {reader.line_num} is no CSV: {error}.", field="file") from error
    if not lines:
        raise InvalidRequest("The file has no line but its head.", field="file")
    if len(lines) > MOST_LINES:
        raise InvalidRequest(f"The file has {len(lines)} lines; {MOST_LINES} are read at once.", field="file")
    slugs = {_said(row.get("channel")) for _, row in lines}
    channels = {row.slug: row for row in Channel.objects.filter(slug__in=slugs)}
    ids = [
        int(text)
        for _, row in lines
        if (text := _said(row.get("schedule"))).isascii() and text.isdigit() and len(text) < 19
    ]
    own = {row.pk: row.channel for row in Schedule.objects.filter(pk__in=ids).select_related("channel")}
    return [_read_line(number, row, channels, own) for number, row in lines]


def _said(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _read_line(
    number: int, row: dict[str, str], channels: dict[str, Channel], own: dict[int, Channel]
) -> Wanted:
    found = Wanted(number)
    try:
        if None in row:
            raise ValueError("it has more cells than the head has columns")
        found = replace(
            found,
            schedule_id=_whole(row, "schedule"),
            video_id=_whole(row, "video"),
            priority=_whole(row, "priority"),
        )
        slug = _said(row.get("channel"))
        channel = channels.get(slug)
        if slug and channel is None:
            raise ValueError(f"channel: there is no channel {slug[:60]}")
        if found.schedule_id is None and (found.video_id is None or channel is None):
            raise ValueError("a new publication needs a video and a channel")
        if found.priority is not None and found.priority > 10:
            raise ValueError(f"priority {found.priority} is not between 0 and 10")
        return replace(
            found,
            channel_id=channel.pk if channel else None,
            at=_instant(row, channel or own.get(found.schedule_id or 0)),
        )
    except ValueError as error:
        return replace(found, refused=str(error))


def _whole(row: dict[str, str], name: str) -> int | None:
    text = _said(row.get(name))
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError(f"{name} {text[:40]!r} is not a whole number")
    return int(text)


def _instant(row: dict[str, str], channel: Channel | None) -> datetime:
    """Return the moment: ISO 8601 with an offset, or wall-clock time on the channel's own clock."""
    text = _said(row.get("publish_at"))
    if not text:
        raise ValueError("publish_at is empty")
    try:
        naive = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"publish_at {text[:40]!r} is not a time such as 2026-12-01 18:00") from None
    if naive.utcoffset() is not None:
        return parse_instant(text)
    if channel is None:
        raise ValueError(
            "publish_at has no offset from UTC, and no channel is named on whose clock it is meant"
        )
    try:
        return resolve_local(naive, channel.timezone).at
    except NonexistentLocalTime as error:
        raise ValueError(f"publish_at: {error}") from error


class _Undone(Exception):
    """Ends the transaction in which a preview was made."""


def preview(text: str, *, acknowledge_policy: bool = False) -> PlanFile:
    """Say of each line of a file what it would do; nothing is written. Raises: InvalidRequest, if it is no such file."""
    wanted = read(text)
    made: list[PlanFile] = []
    try:
        with transaction.atomic():
            made.append(PlanFile(_write(wanted, acknowledge_policy), dry_run=True))
            raise _Undone
    except _Undone:
        return made[0]


def write(text: str, *, acknowledge_policy: bool = False) -> PlanFile:
    """Write all that a file asks for, or nothing. Raises: InvalidRequest, naming the lines that stand against it."""
    wanted = read(text)
    with transaction.atomic():
        lines = _write(wanted, acknowledge_policy)
        refused = [line for line in lines if line.what == REFUSED]
        if refused:
            said = "; ".join(f"line {line.line}: {line.sentence}" for line in refused[:NAMED])
            more = f"; and {len(refused) - NAMED} more" if len(refused) > NAMED else ""
            raise InvalidRequest(
                f"Nothing is written. {said}{more}.",
                field="file",
                lines=[{"line": line.line, "sentence": line.sentence} for line in refused[:100]],
            )
        made = PlanFile(lines, dry_run=False)
        audit.record(
            "plan_imported",
            SystemState.objects.get_or_create(pk=1)[0],
            after={"new": made.count(NEW), "moved": made.count(MOVED), "unchanged": made.count(SAME)},
            members={"schedule": [line.schedule_id for line in lines if line.schedule_id]},
        )
    return made


def _write(wanted: list[Wanted], acknowledge_policy: bool) -> list[PlanFileLine]:
    """Do what each line asks for, each in a savepoint of its own, moves first: they make room."""
    done = {each.line: _refused(each, each.refused) for each in wanted if each.refused}
    known = {
        row.pk: row
        for row in Schedule.objects.filter(pk__in=[each.schedule_id for each in wanted if each.schedule_id])
    }
    for each in wanted:
        if each.line not in done and each.schedule_id is not None:
            done[each.line] = _move(each, known.get(each.schedule_id))
    for group in _groups(_new(each for each in wanted if each.line not in done)):
        done |= _plan(group, acknowledge_policy)
    return [done[each.line] for each in wanted]


def _refused(each: Wanted, why: str) -> PlanFileLine:
    return PlanFileLine(each.line, REFUSED, why, each.schedule_id, each.video_id, each.channel_id, each.at)


def _move(each: Wanted, row: Schedule | None) -> PlanFileLine:
    if row is None or each.at is None:
        return _refused(each, f"there is no publication {each.schedule_id}")
    if each.channel_id is not None and each.channel_id != row.channel_id:
        return _refused(each, f"publication {row.pk} goes to another channel; a line moves it in time only")
    if row.publish_at == each.at:
        sentence = "stays where it is"
        return PlanFileLine(each.line, SAME, sentence, row.pk, each.video_id, row.channel_id, each.at)
    try:
        with transaction.atomic():
            schedules.move(row.pk, each.at, "moved by an imported file")
    except OrchestrationError as error:
        return _refused(each, error.message)
    sentence = f"moves from {row.publish_at:%Y-%m-%d %H:%M} to {each.at:%Y-%m-%d %H:%M} UTC"
    return PlanFileLine(each.line, MOVED, sentence, row.pk, each.video_id, row.channel_id, each.at)


@dataclass(frozen=True, slots=True)
class Member:
    """A new publication that a line asks for."""

    line: int
    video_id: int
    channel_id: int
    at: datetime
    priority: int | None

    def told(self, what: str, sentence: str, schedule_id: int | None = None) -> PlanFileLine:
        """Return what became of its line."""
        return PlanFileLine(self.line, what, sentence, schedule_id, self.video_id, self.channel_id, self.at)


def _new(wanted: Iterable[Wanted]) -> list[Member]:
    return [
        Member(each.line, each.video_id, each.channel_id, each.at, each.priority)
        for each in wanted
        if each.video_id is not None and each.channel_id is not None and each.at is not None
    ]


def _groups(wanted: list[Member]) -> list[list[Member]]:
    """Return the new publications in groups that make whole waves: videos that go to the same channels."""
    by_video: dict[tuple[int, int | None], list[Member]] = defaultdict(list)
    for each in wanted:
        by_video[each.video_id, each.priority].append(each)
    groups: dict[tuple[frozenset[int], int | None], list[Member]] = defaultdict(list)
    for (_, priority), lines in by_video.items():
        groups[frozenset(each.channel_id for each in lines), priority] += lines
    return list(groups.values())


def _plan(group: list[Member], acknowledge_policy: bool) -> dict[int, PlanFileLine]:
    members = {(each.video_id, each.channel_id): each for each in group}
    if len(members) < len(group):
        return {each.line: each.told(REFUSED, "a video stands twice for a channel") for each in group}
    videos = list(dict.fromkeys(each.video_id for each in group))
    try:
        with transaction.atomic():
            request = wave_request(
                video_ids=videos,
                channel_ids=list(dict.fromkeys(each.channel_id for each in group)),
                timing=Timing.INDEPENDENT,
                priority=group[0].priority,
                on_conflict=OnConflict.SHIFT,
                overrides={member: each.at for member, each in members.items()},
                acknowledge_policy=acknowledge_policy,
            )
            made = planner.schedule_wave(request, name=f"import of {len(group)}", dry_run=False)
            late = [p for p in made.plan.placements if p.at != members[p.video_id, p.channel_id].at]
            if late:
                free = f"{late[0].at:%Y-%m-%d %H:%M} UTC"
                raise InvalidRequest(
                    f"its time is not free; the next that is would be {free}", field="publish_at"
                )
    except OrchestrationError as error:
        if len(group) == 1:
            return {group[0].line: group[0].told(REFUSED, error.message)}
        # One of them is to blame, or they are to each other: alone each says so of itself.
        return {line: told for each in group for line, told in _plan([each], acknowledge_policy).items()}
    rows = Schedule.objects.filter(wave=made.written).select_related("distribution")
    ids = {(row.distribution.video_id, row.channel_id): row.pk for row in rows}
    titles = dict(Video.objects.filter(pk__in=videos).values_list("pk", "title"))
    return {
        each.line: each.told(
            NEW,
            f"{titles[each.video_id] or f'video {each.video_id}'} at {each.at:%Y-%m-%d %H:%M} UTC",
            ids[each.video_id, each.channel_id],
        )
        for each in group
    }
