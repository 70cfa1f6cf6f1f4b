"""Make the video site's small films with ffmpeg: distinct pictures, a tone each, a big digit, no fonts needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from channels.sandbox.store import Store

WIDTH, HEIGHT, RATE = 640, 360, 25


@dataclass(frozen=True, slots=True)
class Film:
    """One film of the site: what its page says, and what ffmpeg draws and plays."""

    number: int
    slug: str
    title: str
    description: str
    tags: tuple[str, ...]
    seconds: int
    picture: str  # a lavfi source
    tone_hz: int

    @property
    def file_name(self) -> str:
        return f"{self.slug}.mp4"


FILMS = (
    Film(
        1,
        "harbour-at-dawn",
        "Harbour at dawn",
        "The first boats leave while the town is still asleep.",
        ("harbour", "sea", "morning"),
        6,
        "testsrc2=size=640x360:rate=25,hue=h=200",
        220,
    ),
    Film(
        2,
        "night-train-north",
        "Night train north",
        "Twelve carriages, one mountain pass, no delay worth mentioning.",
        ("railway", "night", "travel"),
        5,
        "smptehdbars=size=640x360:rate=25,hue=h=40",
        262,
    ),
    Film(
        3,
        "how-bread-rises",
        "How bread rises",
        "Flour, water, salt and eighteen hours, shown in a few seconds.",
        ("baking", "bread", "kitchen"),
        7,
        "gradients=size=640x360:rate=25:seed=3:nb_colors=4:speed=0.02",
        294,
    ),
    Film(
        4,
        "the-lighthouse-keeper",
        "The lighthouse keeper",
        "Four hundred steps, twice a day, for thirty years.",
        ("lighthouse", "coast", "portrait"),
        4,
        "rgbtestsrc=size=640x360:rate=25,hue=h=90",
        330,
    ),
    Film(
        5,
        "rivers-from-above",
        "Rivers from above",
        "What water draws when nobody is looking.",
        ("rivers", "aerial", "nature"),
        8,
        "cellauto=size=160x90:rate=25:rule=110:seed=5,scale=640:360:flags=neighbor",
        370,
    ),
    Film(
        6,
        "a-clock-is-mended",
        "A clock is mended",
        "Sixty-one parts on a cloth, and every one has its place.",
        ("craft", "clock", "repair"),
        5,
        "testsrc2=size=640x360:rate=25,hue=h=300",
        415,
    ),
    Film(
        7,
        "market-day",
        "Market day",
        "Onions, gossip and the best cheese of the valley.",
        ("market", "food", "town"),
        6,
        "smptehdbars=size=640x360:rate=25,hue=h=150",
        466,
    ),
    Film(
        8,
        "snow-in-april",
        "Snow in April",
        "The orchard in bloom had not ordered this.",
        ("weather", "snow", "orchard"),
        4,
        "gradients=size=640x360:rate=25:seed=9:nb_colors=6:speed=0.05",
        523,
    ),
)
BY_SLUG = {film.slug: film for film in FILMS}

_locks: dict[Path, threading.Lock] = {}
_locks_lock = threading.Lock()


def film_file(store: Store, film: Film) -> Path:
    """Return the film's file, making it the first time it is asked for (about a quarter of a second)."""
    path = _folder(store) / film.file_name
    with _locks_lock:
        lock = _locks.setdefault(path, threading.Lock())
    with lock:
        if not (path.exists() and picture_path(path).exists()):
            _render(film, path)
    return path


def picture_file(store: Store, film: Film) -> Path:
    """Return a still of the film, a JPEG."""
    return picture_path(film_file(store, film))


def picture_path(path: Path) -> Path:
    return path.with_suffix(".jpg")


def truncated_file(store: Store, film: Film) -> Path:
    """Return the first part of a film: its index is whole, most of its pictures are missing."""
    whole = film_file(store, film)
    path = whole.with_name("truncated.mp4")
    if not path.exists():
        content = whole.read_bytes()
        _write(path, content[: len(content) // 3])
    return path


def empty_file(store: Store) -> Path:
    path = _folder(store) / "empty.mp4"
    path.touch()
    return path


def _folder(store: Store) -> Path:
    return store.folder("site") if store.persistent else _shared_folder()


@cache
def _shared_folder() -> Path:
    """Return a folder for all sandboxes of this process that keep nothing, so that a film is made once."""
    folder = tempfile.TemporaryDirectory(prefix="headend-site-", ignore_cleanup_errors=True)
    _shared.append(folder)
    return Path(folder.name)


_shared: list[tempfile.TemporaryDirectory[str]] = []


def _render(film: Film, path: Path) -> None:
    fresh = path.with_name(f"{film.slug}.{os.getpid()}.mp4")
    still = picture_path(fresh)
    picture = f"{film.picture},{_digit(film.number)},format=yuv420p"
    tone = f"sine=frequency={film.tone_hz}:sample_rate=44100"
    command = [
        *(ffmpeg(), "-nostdin", "-y", "-v", "error"),
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, "-t", str(film.seconds)),
        *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-g", str(2 * RATE)),
        *("-c:a", "aac", "-b:a", "64k", "-movflags", "+faststart"),
        *("-metadata", f"title={film.title}", str(fresh)),
        *("-map", "0:v", "-frames:v", "1", "-q:v", "4", "-update", "1", str(still)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise RuntimeError(f"ffmpeg could not make {film.file_name}: {done.stderr.strip()[-500:]}")
    # Whole files only, also when two processes make the same one: the last one to finish stays.
    still.replace(picture_path(path))
    fresh.replace(path)


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(path)


_SEGMENTS = {
    "top": (0, 0, 60, 12),
    "upper left": (0, 0, 12, 60),
    "upper right": (48, 0, 12, 60),
    "middle": (0, 54, 60, 12),
    "lower left": (0, 60, 12, 60),
    "lower right": (48, 60, 12, 60),
    "bottom": (0, 108, 60, 12),
}
_DARK = {  # the segments of a digit that are not lit
    1: {"top", "upper left", "middle", "lower left", "bottom"},
    2: {"upper left", "lower right"},
    3: {"upper left", "lower left"},
    4: {"top", "lower left", "bottom"},
    5: {"upper right", "lower left"},
    6: {"upper right"},
    7: {"upper left", "middle", "lower left", "bottom"},
    8: set(),
}


def _digit(number: int) -> str:
    """Draw a digit as a pocket calculator does, in the lower right corner."""
    left, top = WIDTH - 110, HEIGHT - 160
    boxes = [f"drawbox=x={left - 15}:y={top - 15}:w=90:h=150:color=black@0.8:t=fill"]
    for name, (x, y, width, height) in _SEGMENTS.items():
        if name not in _DARK[number]:
            boxes.append(f"drawbox=x={left + x}:y={top + y}:w={width}:h={height}:color=white:t=fill")
    return ",".join(boxes)


@cache
def ffmpeg() -> str:
    """Return the ffmpeg to use: the one that came with the requirements, else the machine's."""
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        found = shutil.which("ffmpeg")
        if not found:
            raise RuntimeError("no ffmpeg: install imageio-ffmpeg, or ffmpeg on the machine") from None
        return found
