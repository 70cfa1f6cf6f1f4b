"""Put one file of the corpus through measuring and preparing, and say whether it went as expected."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from orchestration.media import MediaError, normalise, probe
from orchestration.media.profiles import AS_IS, SDR_1080, Profile
from tests.corpus.media import Mill, OddFile
from tests.flash_beep import furthest_off

PROFILES = (SDR_1080, AS_IS)
IN_SYNC_SECONDS = 0.06  # between two pictures of 30 a second, and what sound is packed in


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file with a profile: `came` is ready, refused, skipped or failed; `words` say more."""

    odd: OddFile
    profile: str
    came: str
    words: str
    expected: bool
    off_seconds: float | None = None
    seconds: float = 0.0


def try_file(mill: Mill, odd: OddFile, profile: Profile) -> Outcome:
    """Measure and prepare one file; a healthy one has to come out ready and in sync, a damaged one has to be refused."""
    if lacks := mill.missing(odd):
        return Outcome(odd, profile.key, "skipped", f"no encoder {', '.join(lacks)}", True)
    began = time.monotonic()
    try:
        source = mill.path(odd.name)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        return Outcome(odd, profile.key, "failed", f"could not be made: {said[-1] if said else error}", False)
    target = mill.folder / f"ready-{profile.key}-{odd.name}.mp4"
    off = None
    try:
        probe(source)
        prepared = normalise(
            source, target, on_progress=lambda _: None, cancelled=lambda: False, profile=profile
        )
        target = prepared.path
        off = furthest_off(target) if odd.in_sync else None
        if off is not None and abs(off) > IN_SYNC_SECONDS:
            off -= furthest_off(source)  # some are not in step to begin with, and are not to be mended
    except MediaError as error:
        return Outcome(
            odd,
            profile.key,
            "refused",
            f"{error.code}: {error}",
            error.code == odd.refusal,
            seconds=time.monotonic() - began,
        )
    except Exception as error:  # whatever else it is, it is a finding
        words = f"{type(error).__name__}: {error}"
        return Outcome(odd, profile.key, "failed", words, False, seconds=time.monotonic() - began)
    finally:
        target.unlink(missing_ok=True)
    well = not odd.refusal and (off is None or abs(off) <= IN_SYNC_SECONDS)
    words = "; ".join(prepared.notes)
    return Outcome(odd, profile.key, "ready", words, well, off, time.monotonic() - began)


def try_all(
    mill: Mill, chosen: Iterable[OddFile], processes: int, told: Callable[[Outcome], None]
) -> list[Outcome]:
    """Try each of these with both profiles, `processes` at a time, and tell of each as it ends."""

    def both(odd: OddFile) -> list[Outcome]:
        outcomes = [try_file(mill, odd, profile) for profile in PROFILES]
        for outcome in outcomes:
            told(outcome)
        return outcomes

    chosen = [odd for odd in chosen if odd.kind != "made of"]
    for odd in chosen:  # some are made of others
        if not mill.missing(odd):
            _make(mill, odd)
    with ThreadPoolExecutor(processes) as pool:
        return [outcome for outcomes in pool.map(both, chosen) for outcome in outcomes]


def _make(mill: Mill, odd: OddFile) -> Path | None:
    try:
        return mill.path(odd.name)
    except subprocess.CalledProcessError:
        return None  # told as this file's own failure
