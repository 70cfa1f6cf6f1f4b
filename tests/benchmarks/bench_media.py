"""Measure what preparing costs, as a ratio to plain ffmpeg in the same run: `python tests/benchmarks/bench_media.py`.

CPU seconds of this process and its children, the least of a few runs. Prints one line a case, and fails where a ratio is
above what is wanted. Nothing of the database is used.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from orchestration.media import ffmpeg_tool, normalise
from orchestration.media.profiles import AS_IS, SDR_1080, Profile

TOOL = ffmpeg_tool()
SECONDS = 60
RUNS = 5


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def cost(call: Callable[[], object], runs: int) -> float:
    """Return the least CPU seconds of a few runs."""
    least = float("inf")
    for _ in range(runs):
        before = cpu_seconds()
        call()
        least = min(least, cpu_seconds() - before)
    return least


def ffmpeg(*arguments: object) -> None:
    """Run ffmpeg as anybody would."""
    command = [TOOL.path, "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True)


def prepare(source: Path, profile: Profile) -> None:
    """Prepare a file as the process job does."""
    normalise(
        source,
        source.with_name("prepared.mp4"),
        on_progress=lambda fraction: None,
        cancelled=lambda: False,
        profile=profile,
        tool=TOOL,
    )


def compared(
    name: str, ours: Callable[[], object], plain: Callable[[], object], wanted: float, runs: int
) -> bool:
    """Print a case: its CPU seconds, plain ffmpeg's, and their ratio against what is wanted."""
    ours()  # once for what is loaded on first use
    mine, theirs = cost(ours, runs), cost(plain, runs)
    ratio = mine / theirs
    print(f"{name:34} {mine:8.3f} s  plain {theirs:8.3f} s  {ratio:5.2f} x  wanted {wanted:g} x")
    return ratio <= wanted


def main() -> int:
    """Make the sources, run the cases, return how many were too slow."""
    with tempfile.TemporaryDirectory(prefix="headend-bench-") as name:
        folder = Path(name)
        base, stream, odd, out = (folder / each for each in ("base.mp4", "base.ts", "odd.mkv", "out.mp4"))
        sound = ["-f", "lavfi", "-t", SECONDS, "-i", "anoisesrc=a=0.2:c=pink:r=48000", "-ac", "2"]
        picture = ["-f", "lavfi", "-i", f"testsrc2=s=1920x1080:r=30:d={SECONDS}"]
        grain = "noise=alls=12:allf=t"  # as a camera has it: a drawn picture is far smaller than a filmed one
        h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "25", "-pix_fmt", "yuv420p", "-g", "60"]
        ffmpeg(
            *picture,
            *sound,
            "-vf",
            grain,
            *h264,
            "-c:a",
            "aac",
            "-b:a",
            "192k",
            "-movflags",
            "+faststart",
            base,
        )
        ffmpeg("-i", base, "-c", "copy", stream)
        ffmpeg("-i", base, "-t", 20, "-c:v", "mpeg2video", "-q:v", "3", "-c:a", "pcm_s16le", odd)
        print(f"base.mp4: {base.stat().st_size / 1e6:.0f} MB, {SECONDS} s; ffmpeg {TOOL.version}")
        copy = ["-map_metadata", "-1", "-c", "copy", "-movflags", "+faststart", out]
        encode = [
            *("-vf", "fps=30,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-c:v", "libx264"),
            *("-profile:v", "high", "-preset", "veryfast", "-crf", "20", "-g", "15", "-bf", "2"),
            *("-c:a", "aac", "-b:a", "384k", "-ar", "48000", "-movflags", "+faststart", out),
        ]
        kept = [
            compared("as is, MP4", lambda: prepare(base, AS_IS), lambda: ffmpeg("-i", base, *copy), 2, RUNS),
            compared(
                "as is, MPEG-TS", lambda: prepare(stream, AS_IS), lambda: ffmpeg("-i", stream, *copy), 3, RUNS
            ),
            compared("encoded", lambda: prepare(odd, SDR_1080), lambda: ffmpeg("-i", odd, *encode), 1.15, 2),
        ]
    return kept.count(False)


if __name__ == "__main__":
    sys.exit(main())
