"""Decide what becomes of the sound: which track, copied or encoded, at which loudness."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .errors import TranscodeFailed
from .processes import run_ffmpeg
from .profiles import Profile
from .streams import SoundTrack
from .tools import MediaTool

SAMPLE_RATE_HZ = 48_000
SILENT_BELOW_LUFS = -69.0
LOUD_ENOUGH_LU = 1.0
"""How far from the wanted loudness sound may be and be copied all the same: nobody hears it."""
LOUDNESS_RANGE_LU = 11.0
LOUDEST_MEASURED_LUFS = -1.0  # loudnorm takes measured values up to 0
KBITS_OF_SURROUND = 512  # https://support.google.com/youtube/answer/1722171: 384 for stereo, 512 for 5.1
BEYOND_SCALE_DB = 3.0
COPYABLE = frozenset({"aac", "opus", "mp3"})
COPYABLE_TO_WEBM = frozenset({"opus", "vorbis"})

# Fills gaps with silence and drops what overlaps, so that what comes after keeps its moment. Without it loudnorm of
# ffmpeg 5.1 loses a gap. What is less than the third of a hundredth is the jitter of clocks that count in milliseconds.
STEREO = (
    "aformat=sample_fmts=fltp:channel_layouts=stereo"  # floating point: what lies above full scale is not cut
)
IN_STEP = "aresample=async=1:first_pts=0:min_hard_comp=0.03"


@dataclass(frozen=True, slots=True)
class Heard:
    """Hold what was measured of a track's loudness (EBU R 128)."""

    integrated_lufs: float
    true_peak_db: float
    range_lu: float
    threshold_lufs: float

    @property
    def is_silent(self) -> bool:
        return not math.isfinite(self.integrated_lufs) or self.integrated_lufs < SILENT_BELOW_LUFS


def measure(
    tool: MediaTool,
    inputs: list[str],
    track: SoundTrack,
    *,
    cancelled: Callable[[], bool],
    on_position: Callable[[float], None],
) -> Heard:
    """Listen to a track as it will be published, in stereo. Raises: TranscodeFailed, Cancelled."""

    def listen(lowered_db: float) -> Heard:
        filters = [STEREO, f"volume={-lowered_db:.2f}dB", "ebur128=peak=true:framelog=verbose"]
        said = run_ffmpeg(
            tool.path,
            [
                *("-loglevel", "info", *inputs, "-map", f"0:a:{track.place}", "-vn", "-sn", "-dn"),
                *("-af", ",".join(filters), "-f", "null", "-"),
            ],
            cancelled=cancelled,
            on_position=on_position,
        )
        return _read(said, lowered_db)

    heard = listen(0.0)
    # Its scale ends at +10 LUFS. What lies far above full scale, as floating point can, is heard once more, lowered.
    return listen(heard.true_peak_db) if BEYOND_SCALE_DB < heard.true_peak_db < math.inf else heard


def _read(said: str, lowered_db: float) -> Heard:
    _, found, summary = said.rpartition("Summary:")
    values = dict(re.findall(r"(I|Threshold|LRA|Peak):\s+(-?inf|nan|-?[\d.]+)", _first_of_each(summary)))
    if not found or values.keys() < {"I", "Threshold", "LRA", "Peak"}:
        raise TranscodeFailed("ffmpeg did not say how loud the sound is.", detail=said)
    return Heard(
        integrated_lufs=float(values["I"]) + lowered_db,
        true_peak_db=float(values["Peak"]) + lowered_db,
        range_lu=float(values["LRA"]),
        threshold_lufs=float(values["Threshold"]) + lowered_db,
    )


def _first_of_each(summary: str) -> str:
    """Leave out the second threshold, which is the loudness range's."""
    head, _, tail = summary.partition("Loudness range:")
    return head + tail.replace("Threshold:", "of it:")


def is_right(track: SoundTrack, heard: Heard, profile: Profile) -> bool:
    """Return whether a track of a profile with even loudness may be copied: it is what encoding it would give."""
    return (
        track.codec == "aac"
        and track.profile == "LC"
        and track.rate_hz == SAMPLE_RATE_HZ
        and track.channels == 2
        and abs(heard.integrated_lufs - profile.loudness_lufs) <= LOUD_ENOUGH_LU
        and heard.true_peak_db <= 0.0
    )


def may_be_kept(track: SoundTrack, *, to_webm: bool) -> bool:
    """Return whether a track of a profile that keeps its sound may be copied."""
    return track.codec in (COPYABLE_TO_WEBM if to_webm else COPYABLE) and track.channels in (1, 2, 6)


def gain_for(heard: Heard, profile: Profile) -> tuple[float, str]:
    """Return by how many decibels sound is raised (or lowered), and a note where that is less than it would need."""
    wanted = profile.loudness_lufs - heard.integrated_lufs
    if wanted <= profile.max_gain_db:
        return wanted, ""
    return profile.max_gain_db, (
        f"The sound is very quiet ({heard.integrated_lufs:.1f} LUFS). It is raised by {profile.max_gain_db:g} dB, not by the"
        f" {wanted:.0f} that it lacks: that would mostly raise its noise."
    )


def filters_for(track: SoundTrack, heard: Heard | None, profile: Profile) -> tuple[list[str], str]:
    """Return the filters that a track is encoded with, and a note; `heard` is None where its loudness is kept."""
    filters, note = [IN_STEP, STEREO if heard is not None else _kept_layout(track)], ""
    if heard is not None and not heard.is_silent:
        gain, note = gain_for(heard, profile)
        filters += _even(heard, gain, profile)
    return [*filters, f"aresample={SAMPLE_RATE_HZ}"], note


def kbits_for(track: SoundTrack, profile: Profile) -> int:
    """Return the bitrate that a track is encoded at."""
    keeps_six = profile.loudness == "keep" and track.channels == 6
    return max(profile.audio_kbits, KBITS_OF_SURROUND) if keeps_six else profile.audio_kbits


def _even(heard: Heard, gain_db: float, profile: Profile) -> list[str]:
    """Return one even step; where the peaks forbid it, loudnorm, which turns loud passages down by themselves.

    loudnorm refuses measured values outside its ranges, which sound beyond full scale has: it is turned down before.
    """
    if heard.true_peak_db + gain_db <= profile.true_peak_db:
        return [f"volume={gain_db:.2f}dB"]
    before = min(0.0, LOUDEST_MEASURED_LUFS - heard.integrated_lufs)
    lowered = replace(
        heard,
        integrated_lufs=heard.integrated_lufs + before,
        true_peak_db=heard.true_peak_db + before,
        threshold_lufs=heard.threshold_lufs + before,
    )
    values = {
        "I": round(max(-70.0, heard.integrated_lufs + gain_db), 2),
        "TP": profile.true_peak_db,
        "LRA": _within(math.ceil(max(LOUDNESS_RANGE_LU, heard.range_lu)), 1, 50),
        "measured_I": round(_within(lowered.integrated_lufs, -99, 0), 2),
        "measured_TP": round(_within(lowered.true_peak_db, -99, 99), 2),
        "measured_LRA": round(_within(heard.range_lu, 0, 99), 2),
        "measured_thresh": round(_within(lowered.threshold_lufs, -99, 0), 2),
    }
    said = "loudnorm=" + ":".join(f"{name}={value}" for name, value in values.items())
    return [f"volume={before:.2f}dB", said] if before else [said]


def _within(value: float, least: float, most: float) -> float:
    return least if math.isnan(value) else min(most, max(least, value))


def _kept_layout(track: SoundTrack) -> str:
    layouts = "5.1" if track.channels == 6 else "stereo"
    return f"aformat=sample_fmts=fltp:channel_layouts={layouts}"
