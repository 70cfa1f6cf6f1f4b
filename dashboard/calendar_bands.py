"""Say on the dates of a clock where a publication may stand, for the script that draws bands while something is dragged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import TypedDict

from orchestration.planning.allowed import Stretch
from orchestration.planning.days import offsets

ONE_DAY = timedelta(days=1)


class Band(TypedDict):
    """A part of a date, in seconds since its midnight on the wall; `why` is empty where a publication may stand."""

    since: int
    until: int
    why: str


def bands(stretches: Iterable[Stretch], zone: str) -> dict[str, list[Band]]:
    """Return the answers by the dates that the clocks of a zone show.

    What a clock skips has no answer. What it shows twice has that of the first time, which is what a typed time means.
    """
    dates: dict[str, list[Band]] = {}
    done: datetime | None = None
    for piece in stretches:
        for part in offsets(piece.starts_at, piece.ends_at, zone):
            low = (part.starts_at + part.ahead).replace(tzinfo=None)
            low = low if done is None else max(low, done)
            high = (part.ends_at + part.ahead).replace(tzinfo=None)
            while low < high:
                midnight = datetime.combine(low.date(), time())
                end = min(high, midnight + ONE_DAY)
                dates.setdefault(f"{low.date()}", []).append(
                    {
                        "since": int((low - midnight).total_seconds()),
                        "until": int((end - midnight).total_seconds()),
                        "why": "; ".join(piece.reasons),
                    }
                )
                low = end
            done = high if done is None else max(done, high)
    return dates
