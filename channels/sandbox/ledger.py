"""What happened at the sandbox, written down outside of whoever is tried: one JSON line for each event, never changed.

    python -m channels.sandbox.ledger var/ledger.jsonl [--plan plan.jsonl]     # counts, and exit code 1 for a broken promise

Kinds of lines, each with `at` by the sandbox's clock (a visibility's is the instant at which it took effect):

* ``call``: a request that is not a GET: `method`, `path`, `status` (null: no answer went out), `fault`
* ``session``: an upload session was opened for `channel` and `marker`
* ``upload``: the last byte arrived: `channel`, `marker`, `title`, `video`, `sha256`
* ``visibility``: a video's privacy went `from` one value `to` another, by `cause`
* ``deleted``: a video was deleted
* ``playlist``: it was put into a `playlist`; ``captions``: it was given captions of a `language` and `name`
* ``run``: a GitHub run was dispatched (`attempt` 1) or run again; ``permit``: its script went to work, so it was let

A plan is JSON lines, too, written by whoever tries: {"channel": …, "title": …, "publish_at": …}; of several for the same
publication the earliest counts. A publication is a channel and a title, so that uploads under two markers are seen.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from channels.sandbox.store import Store

Line = dict[str, Any]
Publication = tuple[str, str]
"""The YouTube channel's id and the title."""

LEDGER_FILE = "ledger.jsonl"
UNWRITTEN = "unwritten"
SECTIONS = ("youtube", "github")
ON_TIME = timedelta(seconds=1)
"""YouTube keeps instants in whole seconds, so a moment between two of them may be rounded down."""


def note(section: dict[str, Any], kind: str, at: str, **facts: Any) -> None:
    """Remember an event in the section that it changed; the ledger takes it from there. The caller holds the lock."""
    section.setdefault(UNWRITTEN, []).append({"kind": kind, "at": at, **facts})


class Ledger:
    """Append events to a file of the sandbox's own process."""

    def __init__(self, store: Store, path: Path | None = None) -> None:
        self._store = store
        self.path = path or store.data_dir / LEDGER_FILE
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a", encoding="utf-8")

    def write(self, kind: str, **facts: Any) -> None:
        """Write one event down now."""
        with self._store.lock:
            self._append({"kind": kind, "at": self._store.now().isoformat(), **facts})
            self._file.flush()

    def take_notes(self) -> None:
        """Write down what the services noted since the last time."""
        with self._store.lock:
            if self._file.closed:
                return
            for name in SECTIONS:
                with self._store.read(name) as section:
                    noted = section.get(UNWRITTEN)
                if noted:
                    for line in noted:
                        self._append(line)
                    with self._store.change(name):
                        noted.clear()
            self._file.flush()

    def lines(self) -> list[Line]:
        """Return everything that was written down so far."""
        self.take_notes()
        return list(read_lines(self.path))

    def close(self) -> None:
        """Write the last notes and let go of the file."""
        self.take_notes()
        self._file.close()

    def _append(self, line: Line) -> None:
        self._file.write(json.dumps(line) + "\n")


# -- counting ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Story:
    """What the ledger says of one publication."""

    uploads: int = 0
    sessions: int = 0
    public_flips: list[datetime] = field(default_factory=list)
    taken_back: int = 0
    videos: set[str] = field(default_factory=set)
    videos_public: set[str] = field(default_factory=set)
    markers: set[str] = field(default_factory=set)
    entries: Counter[str] = field(default_factory=Counter)
    """How often it was put into each playlist."""


@dataclass(slots=True)
class Count:
    """What was promised and broken, publication by publication, and totals."""

    stories: dict[Publication, Story]
    runs: Counter[str]
    permits: Counter[str]
    calls: int
    doubled_uploads: list[Publication]
    public_twice: list[Publication]
    early: list[Publication]
    touched_public: list[Publication]
    never_public: list[Publication]
    listed_twice: list[Publication]
    lateness_seconds: dict[Publication, float]

    @property
    def broken(self) -> bool:
        """Return whether something became public twice or early, was uploaded twice, or put into a playlist twice."""
        return bool(self.doubled_uploads or self.public_twice or self.early or self.listed_twice)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures, with names for what is broken."""
        late = sorted(self.lateness_seconds.values())
        return {
            "publications": len(self.stories),
            "uploads": sum(story.uploads for story in self.stories.values()),
            "public": sum(bool(story.public_flips) for story in self.stories.values()),
            "uploaded_twice": self.doubled_uploads,
            "public_twice": self.public_twice,
            "early": self.early,
            "public_and_taken_back": self.touched_public,
            "never_public": self.never_public,
            "in_a_playlist_twice": self.listed_twice,
            "runs": sum(self.runs.values()),
            "permits": sum(self.permits.values()),
            "permits_of_one_marker_most": max(self.permits.values(), default=0),
            "calls": self.calls,
            "lateness_seconds": {
                "p50": share_of(late, 0.5),
                "p95": share_of(late, 0.95),
                "max": late[-1] if late else None,
            },
        }


def share_of(ordered: list[float], share: float) -> float | None:
    """Return the value that a share of the ordered values does not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def read_lines(path: Path) -> Iterator[Line]:
    """Read a ledger or a plan; a last line that is only half written yet is left out."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)


def count(lines: Iterable[Line], plan: Iterable[Line] = ()) -> Count:
    """Count the ledger's lines against what was planned."""
    wanted: dict[Publication, datetime] = {}
    for entry in plan:
        key, at = (entry["channel"], entry["title"]), datetime.fromisoformat(entry["publish_at"])
        wanted[key] = min(at, wanted.get(key, at))
    stories: dict[Publication, Story] = {key: Story() for key in wanted}
    runs: Counter[str] = Counter()
    permits: Counter[str] = Counter()
    calls = 0
    for line in lines:
        if line["kind"] == "call":
            calls += 1
        elif line["kind"] in ("run", "permit"):
            (runs if line["kind"] == "run" else permits)[line["marker"]] += 1
        else:
            _tell(stories.setdefault((line["channel"], line["title"]), Story()), line)
    early = [
        key
        for key, story in stories.items()
        if key in wanted and any(at < wanted[key] - ON_TIME for at in story.public_flips)
    ]
    lateness = {
        key: max(0.0, (story.public_flips[0] - wanted[key]).total_seconds())
        for key, story in stories.items()
        if key in wanted and story.public_flips
    }
    return Count(
        stories,
        runs,
        permits,
        calls,
        doubled_uploads=[key for key, story in stories.items() if story.uploads > 1],
        # The same video public again after it was taken back, or a second video of the same publication.
        public_twice=[key for key, story in stories.items() if len(story.public_flips) > 1],
        early=early,
        touched_public=[key for key, story in stories.items() if story.taken_back],
        never_public=[key for key in wanted if not stories[key].public_flips],
        listed_twice=[key for key, story in stories.items() if max(story.entries.values(), default=0) > 1],
        lateness_seconds=lateness,
    )


def _tell(story: Story, line: Line) -> None:
    story.markers.add(line["marker"])
    if line["kind"] == "session":
        story.sessions += 1
    elif line["kind"] == "upload":
        story.uploads += 1
        story.videos.add(line["video"])
    elif line["kind"] == "playlist":
        story.entries[line["playlist"]] += 1
    elif line["kind"] == "visibility":
        if line["to"] == "public":
            story.public_flips.append(datetime.fromisoformat(line["at"]))
            story.videos_public.add(line["video"])
        elif line["from"] == "public":
            story.taken_back += 1


def main() -> int:
    """Print the counts of a ledger; returns 1 where a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m channels.sandbox.ledger", description=__doc__)
    parser.add_argument("ledger", type=Path, help="the file that the sandbox wrote")
    parser.add_argument(
        "--plan", type=Path, help="what was planned, to tell what is early or was never public"
    )
    options = parser.parse_args()
    plan = read_lines(options.plan) if options.plan else ()
    counted = count(read_lines(options.ledger), plan)
    print(json.dumps(counted.as_dict(), indent=1))
    return int(counted.broken)


if __name__ == "__main__":
    sys.exit(main())
