"""Define how a plan differs from what was asked: values that pages, API and command line show alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

MOST_CAUSES = 2
NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


class Differs(StrEnum):
    """In which way something is not as it was asked for."""

    LATER = "later"
    LEFT_OUT = "left_out"
    GIVES_WAY = "gives_way"
    AT_RISK = "at_risk"


class WayKind(StrEnum):
    """What would be asked for instead."""

    ON_CONFLICT = "on_conflict"
    MOMENT = "moment"
    WITHOUT = "without"
    OWN_TIME = "own_time"


@dataclass(frozen=True, slots=True)
class Cause:
    """What stands in the way: the rule, and whose publication it is, where it is one; `text` follows “because”."""

    rule: str
    text: str
    channel_id: int | None = None
    at: datetime | None = None
    schedule_id: int | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a plan differs: for how many, by how much at most, and because of what."""

    kind: str
    count: int
    seconds: int
    causes: tuple[Cause, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Way:
    """Something else that could be asked for, to be planned anew; which fields are set is said by its kind."""

    kind: str
    label: str
    on_conflict: str = ""
    at: datetime | None = None
    video_id: int | None = None
    channel_ids: tuple[int, ...] = ()

    @property
    def value(self) -> str:
        """Return what a button says to ask for it, such as `without:3,4`."""
        at = self.at.astimezone(UTC).isoformat() if self.at else ""
        said = {
            WayKind.ON_CONFLICT: self.on_conflict,
            WayKind.MOMENT: at,
            WayKind.WITHOUT: ",".join(map(str, self.channel_ids)),
            WayKind.OWN_TIME: f"{self.video_id},{self.channel_ids[0] if self.channel_ids else ''},{at}",
        }
        return f"{self.kind}:{said[WayKind(self.kind)]}"


@dataclass(frozen=True, slots=True)
class Differences:
    """How a plan differs from the wish, the weightiest first; `asked` and `met` count what was wished and is planned.

    `unit` is what is counted, in the singular. `wish` says what was asked where nothing differs.
    """

    asked: int
    met: int
    items: tuple[Difference, ...] = ()
    ways: tuple[Way, ...] = ()
    unit: str = "publication"
    wish: str = ""

    @property
    def is_as_asked(self) -> bool:
        """Return whether nothing differs."""
        return not self.items

    @property
    def largest_shift_seconds(self) -> int:
        """Return by how much the member that moves furthest is later."""
        return max((item.seconds for item in self.items if item.kind == Differs.LATER), default=0)

    @property
    def sentence(self) -> str:
        """Return in one line what differs, and because of what; or that nothing does."""
        if self.is_as_asked:
            return f"As asked: {self.wish}" if self.wish else "As asked"
        text = "; ".join(item.sentence for item in self.items)
        return text[0].upper() + text[1:]

    @property
    def short(self) -> str:
        """Return what differs as it fits on a button: `4 publications, 52 min later`."""
        count = f"{self.met} {self.unit}{'' if self.met == 1 else 's'}"
        kinds = dict.fromkeys(item.kind for item in self.items)
        return f"{count}, {', '.join(map(self._brief, kinds)) or 'as asked'}"

    def _brief(self, kind: str) -> str:
        if kind == Differs.LATER:
            return f"{span(self.largest_shift_seconds)} later"
        words = {Differs.LEFT_OUT: "left out", Differs.GIVES_WAY: "moved away", Differs.AT_RISK: "at risk"}
        return f"{sum(item.count for item in self.items if item.kind == kind)} {words[Differs(kind)]}"


NOTHING_ASKED = Differences(0, 0)


def span(seconds: float) -> str:
    """Write a length of time with its two largest units: 40 s, 52 min, 5 h 30 min, 3 d 4 h."""
    seconds = int(seconds)
    for size, unit, small_size, small in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min")):
        if seconds >= size:
            rest = seconds % size // small_size
            return f"{seconds // size} {unit} {rest} {small}" if rest else f"{seconds // size} {unit}"
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"


def number(count: int) -> str:
    """Write a count as a word up to twelve."""
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def count_of(count: int, whole: int) -> str:
    """Say how many of the whole: `all four`, `both`, `37 of 100`; empty for the only one."""
    if whole == 1:
        return ""
    if count == whole:
        return "both" if whole == 2 else f"all {number(whole)}"
    return f"{number(count)} of {number(whole)}" if whole < len(NUMBERS) else f"{count} of {whole}"


def because(causes: Sequence[Cause]) -> str:
    """Return the causes as the end of a sentence; empty without any."""
    if not causes:
        return ""
    more = len(causes) - MOST_CAUSES
    text = " and ".join(cause.text for cause in causes[:MOST_CAUSES])
    return f", because {text}" + (f" and {number(more)} more" if more > 0 else "")


def clock(at: datetime, beside: datetime | None = None) -> str:
    """Write an instant for a sentence that names another one: its day only where it is another day."""
    at = at.astimezone(UTC)
    time = f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
    is_same_day = beside is not None and beside.astimezone(UTC).date() == at.date()
    return time if is_same_day else f"{at:%Y-%m-%d} {time} UTC"
