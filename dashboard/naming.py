"""Name what activity entries are about: the log keeps ids, which never change; a person wants a video and a channel."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from channels.models import Channel
from dashboard import past
from dashboard.addresses import reverse
from dashboard.wording import words
from orchestration.models import Activity, Distribution, Job, Schedule
from orchestration.monitoring.since import SinceLine
from orchestration.states import Trigger

PAGES = {"wave": "wave", "video": "video", "source": "source"}
"""Kinds of rows that have a page of their own, by their id."""
EDITS = {"create": "made", "update": "changed", "delete": "removed", "access": "looked at"}
OF_CHANNELS = frozenset({"channel", "postingslot", "blackout"})


@dataclass(frozen=True, slots=True)
class Named:
    """An entry with what it is about, in words, the address of its page where it has one, and of the past before it."""

    entry: Activity
    about: str
    address: str = ""
    channel: str = ""
    """The slug of the channel that it is about, if it is about one."""
    count: int = 1

    @property
    def said(self) -> str:
        """Say what was done, as a person says it: what the library writes has only the kind of row and its own verb."""
        entry = self.entry
        if entry.verb in EDITS:
            return f"{entry.content_type.name} {EDITS[entry.verb]}"
        return words(
            entry.verb.replace("schedule_", "publication_", 1).replace("schedules_", "publications_", 1)
        )

    @property
    def who(self) -> str:
        """Say who did it: a person, a program with a token, or Headend by itself."""
        entry = self.entry
        by_itself = entry.trigger in {Trigger.WORKER, Trigger.BEAT, Trigger.SYSTEM}
        return "Headend" if by_itself else entry.actor_label

    @property
    def past(self) -> str:
        """Return the page of how it stood just before; empty for what no page of the past shows."""
        kind = self.entry.content_type.model
        if kind in {"systemstate", "pool"}:
            return past.before(self.entry.timestamp, page="overview")
        if kind in OF_CHANNELS | {"schedule", "distribution"} and self.channel:
            return past.before(self.entry.timestamp, page="channel", channel=self.channel)
        return past.before(self.entry.timestamp) if kind == "wave" else ""


def named(entries: Iterable[Activity]) -> list[Named]:
    """Name what entries are about, in at most four queries; what is gone keeps the words that were written down."""
    entries = list(entries)
    ids: dict[str, set[int]] = defaultdict(set)
    for entry in entries:
        if entry.object_id is not None:
            ids[entry.content_type.model].add(entry.object_id)
    of_channels = {entry.pk: pk for entry in entries if (pk := _channel_of(entry)) is not None}
    slugs = _slugs(set(of_channels.values()))
    names = _distributions(ids["distribution"]) | _schedules(ids["schedule"]) | _jobs(ids["job"])
    found = []
    for entry in entries:
        kind, pk = entry.content_type.model, entry.object_id
        if pk is not None and (kind, pk) in names:
            found.append(Named(entry, *names[kind, pk]))
        elif slug := slugs.get(of_channels.get(entry.pk, 0), ""):
            found.append(
                Named(entry, entry.object_repr, reverse("dashboard:channel", args=[slug]), channel=slug)
            )
        else:
            found.append(Named(entry, entry.object_repr, _page(PAGES[kind], pk) if kind in PAGES else ""))
    return found


def told(lines: Iterable[SinceLine]) -> list[Named]:
    """Name what changed since somebody left, an action of many rows by its newest entry."""
    lines = list(lines)
    counts = {line.entry.pk: line.count for line in lines}
    return [replace(row, count=counts[row.entry.pk]) for row in named(line.entry for line in lines)]


@dataclass(frozen=True, slots=True)
class Action:
    """What was done at once: its entries, which share a correlation id, the newest first."""

    rows: list[Named]

    @property
    def head(self) -> Named:
        """Return the entry that stands for all: what is written last of an action names its members."""
        return self.rows[0]


def by_action(entries: Iterable[Activity]) -> list[Action]:
    """Name what entries are about, those of one action together where its newest one stands."""
    found: dict[str, Action] = {}
    for row in named(entries):
        key = row.entry.cid or f"entry {row.entry.pk}"
        found.setdefault(key, Action([])).rows.append(row)
    return list(found.values())


def _channel_of(entry: Activity) -> int | None:
    """Return the channel that an entry about a channel, its slot or its blackout is about."""
    kind = entry.content_type.model
    if kind == "channel":
        return entry.object_id
    if kind not in OF_CHANNELS:
        return None
    said = (entry.after or {}).get("channel_id") or (entry.before or {}).get("channel_id")
    pair = (entry.changes or {}).get("channel") if said is None else None
    texts = [text for text in pair if str(text).isdecimal()] if isinstance(pair, list) else []
    return said if isinstance(said, int) else int(texts[0]) if texts else None


def _slugs(ids: set[int]) -> dict[int, str]:
    return dict(Channel.objects.filter(pk__in=ids).values_list("pk", "slug")) if ids else {}


Names = dict[tuple[str, int], tuple[str, str, str]]


def _distributions(ids: set[int]) -> Names:
    if not ids:
        return {}
    rows = Distribution.objects.filter(pk__in=ids).select_related("video", "channel", "schedule")
    return {
        ("distribution", row.pk): (
            f"{row.video} on {row.channel}",
            _page("publication", _schedule_of(row)),
            row.channel.slug,
        )
        for row in rows
    }


def _schedule_of(row: Distribution) -> int | None:
    schedule = getattr(row, "schedule", None)
    return schedule.pk if schedule else None


def _schedules(ids: set[int]) -> Names:
    if not ids:
        return {}
    rows = Schedule.objects.filter(pk__in=ids).select_related("distribution__video", "channel")
    return {
        ("schedule", row.pk): (
            f"{row.distribution.video} on {row.channel}",
            _page("publication", row.pk),
            row.channel.slug,
        )
        for row in rows
    }


def _jobs(ids: set[int]) -> Names:
    if not ids:
        return {}
    rows = Job.objects.filter(pk__in=ids).select_related("video", "source", "channel", "distribution__video")
    found = {}
    for row in rows:
        what = row.video or row.source or (row.distribution.video if row.distribution else None)
        about = " on ".join(str(thing) for thing in (what, row.channel) if thing)
        kind = row.get_kind_display()
        found["job", row.pk] = (f"{kind}: {about}" if about else kind, _page("job", row.pk), "")
    return found


def _page(name: str, pk: int | None) -> str:
    return reverse(f"dashboard:{name}", args=[pk]) if pk else ""
