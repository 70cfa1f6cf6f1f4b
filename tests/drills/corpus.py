"""Put every odd file of the corpus through measuring and preparing, with two profiles, and see what comes of it.

    .venv/bin/python tests/drills/corpus.py [--only WORD] [--processes 2] [--folder FOLDER]

Every healthy file has to come out ready and in sync, every damaged one has to be refused with its reason: anything else
is exit code 1. The files are made in FOLDER (a temporary one, by default) by the tested ffmpeg; see `tests/corpus/media.py`.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.corpus.media import Mill, odd_files
from tests.corpus.trial import Outcome, try_all


def main() -> int:
    """Run the drill and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="names and kinds that hold this word")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as spare:
        folder = asked.folder or Path(spare)
        folder.mkdir(parents=True, exist_ok=True)
        chosen = [odd for odd in odd_files() if asked.only in odd.name or asked.only in odd.kind]
        outcomes = try_all(Mill(folder), chosen, asked.processes, tell)
    print()
    print(summary(outcomes))
    unexpected = [outcome for outcome in outcomes if not outcome.expected]
    for outcome in unexpected:
        print("UNEXPECTED", end=" ")
        tell(outcome)
    return 1 if unexpected or not outcomes else 0


def tell(outcome: Outcome) -> None:
    """Print one line of the table."""
    off = "" if outcome.off_seconds is None else f"{outcome.off_seconds * 1000:+.0f} ms"
    sign = " " if outcome.expected else "!"
    print(
        f"{sign} {outcome.odd.kind:<9} {outcome.odd.name:<28} {outcome.profile:<10} {outcome.came:<8} {off:>8} "
        f"{outcome.seconds:5.1f} s  {outcome.words[:150]}",
        flush=True,
    )


def summary(outcomes: list[Outcome]) -> str:
    """Return a table: for each kind how many files, and what became of them."""
    rows = [
        "| kind | files | ready | refused as expected | left out | unexpected |",
        "|---|---|---|---|---|---|",
    ]
    kinds = dict.fromkeys(outcome.odd.kind for outcome in outcomes)
    for kind in [*kinds, ""]:
        these = [outcome for outcome in outcomes if kind in ("", outcome.odd.kind)]
        count = Counter(outcome.came if outcome.expected else "unexpected" for outcome in these)
        files = len({outcome.odd.name for outcome in these})
        cells = [
            kind or "all",
            files,
            *(count[word] for word in ("ready", "refused", "skipped", "unexpected")),
        ]
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
