"""Format lengths, sizes and counts as a person reads them; no markup, no state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from orchestration.planning.slots import zone_of


def duration(seconds: float | timedelta | None) -> str:
    """Format a length of time shortly: 0.4 s, 42 s, 3 min 5 s, 2 h 10 min, 3 d 4 h."""
    if seconds is None or seconds == "":
        return "–"
    total = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
    sign, total = ("−" if total < 0 else ""), abs(total)
    if total < 10 and total != int(total):
        return f"{sign}{total:.1f} s"
    whole = round(total)
    if whole < 60:
        return f"{sign}{whole} s"
    for size, big, small_size, small in (
        (3600, "min", 1, "s"),
        (86400, "h", 60, "min"),
        (10**12, "d", 3600, "h"),
    ):
        if whole < size:
            unit = {"min": 60, "h": 3600, "d": 86400}[big]
            rest = whole % unit // small_size
            return f"{sign}{whole // unit} {big}" + (f" {rest} {small}" if rest else "")
    return f"{sign}{whole} s"


def lateness(seconds: float | None) -> str:
    """Return how late something was; less than a second is on time, since YouTube tells whole seconds."""
    if seconds is None:
        return "–"
    return "on time" if abs(seconds) < 1 else f"{duration(seconds)} late"


def clock_length(seconds: float | None) -> str:
    """Format a video's length as on a player: 1:02 or 1:02:03."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def number(value: float | None) -> str:
    """Group a whole number by thousands, or show that there is none."""
    return "–" if value is None or value == "" else f"{value:,.0f}".replace(",", "\u202f")


def size(value: int | None) -> str:
    """Format a size in bytes as a person reads it."""
    if value is None:
        return "–"
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def plural(count: int, noun: str) -> str:
    """Format a count with its noun: `1 job`, `2 jobs`; `noun` may give both as `entry,entries`."""
    one, _, many = noun.partition(",")
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def words(value: object) -> str:
    """Write a name of the code as words; a workflow run is a run on every page."""
    return str(value).replace("workflowrun", "run").replace("_", " ")


def stager(executor: str) -> str:
    """Return who stages a channel's videos, or does a job, by the name of its executor."""
    return {"github": "GitHub Actions", "local": "our own workers"}.get(str(executor), words(executor))


def on_clock(at: datetime, zone: str) -> str:
    """Write an instant as a zone's clocks show it, as the pages do: Sun 29 Nov 09:30 EST.

    Seconds are told where there are some, and the year where it is not the present one.
    """
    shown = at.astimezone(zone_of(zone))
    year = f" {shown.year}" if shown.year != datetime.now(shown.tzinfo).year else ""
    seconds = f":{shown:%S}" if shown.second else ""
    return f"{shown:%a} {shown.day} {shown:%b}{year} {shown:%H:%M}{seconds} {shown.tzname()}"


def waiting(reason: str) -> str:
    """Return why something waits; what is armed on YouTube did not fail, though the queue keeps it as a further try."""
    return reason.removeprefix("another try: armed: ")


def counts(values: Mapping[str, int]) -> str:
    """Format counts by name in one line, empty ones left out."""
    named = {"assigned": "planned"}
    return ", ".join(
        f"{count} {named.get(str(name), str(name)).replace('_', ' ')}"
        for name, count in values.items()
        if count
    )


def listed(names: str) -> list[str]:
    """Split words, to loop over them."""
    return names.split()
