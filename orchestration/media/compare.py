"""Compare what was prepared with what it was made of: when each track begins, pauses and ends, its frames, how it stands.

What was measured of both is enough for nearly all of it (`timeline.py`: the time of every packet). Two things are seen
only in the content, and looked at where they matter (`glances.py`): that the result is silent where its source has a gap in
its sound, and that a picture which had to be turned stands upright.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .colours import Colour
from .errors import ResultWrong
from .glances import silent_at, turned_right
from .measure import MediaInfo
from .timeline import SOUND_GAP_SECONDS, Gap, Track

ROUNDING_SECONDS = 0.0025  # clocks that count milliseconds, on both sides
MOST_TOLERANCE_SECONDS = 0.1  # also where frames are far apart
AUDIBLE_GAP_SECONDS = 0.2  # from here on a gap is listened to
GAPS_LISTENED_TO = 6
SIZE_SLACK_PIXELS = 2


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a result should have kept of its source.

    `picture_copied`, `sound_copied`: packets were taken over as they are. `frames_per_second`: the even rate that the
    picture was brought to; None where each frame keeps its time. `keeps_orientation`: the result carries the source's
    rotation for players, instead of having been turned. `colour`: the tags that the result has to have; what is
    empty is not looked at.
    """

    picture_copied: bool = False
    sound_copied: bool = False
    frames_per_second: float | None = None
    keeps_orientation: bool = False
    colour: Colour = field(default_factory=Colour)


def compare(
    source_path: Path, source: MediaInfo, result_path: Path, result: MediaInfo, expected: Expectation
) -> None:
    """Make sure that a result is what its source is, picture and sound within one frame over the whole length.

    Raises: ResultWrong, which says what differs, where and by how much.
    """
    if source.picture is None or result.picture is None:
        raise ResultWrong("The result has no picture.")
    if result.sound is None and source.sound is not None:
        raise ResultWrong("The result has no sound.")
    _compare_lengths(source, result)
    # Where the source's clock begins is of no account; that both tracks are moved by the same is.
    moved = _begin(result) - _begin(source)
    _compare_picture(source.picture, result.picture, moved, expected)
    silences = _compare_sound(source, result, moved, expected) if result.sound is not None else []
    _compare_orientation(source, result, expected)
    _compare_colour(result.colour, expected.colour)
    for gap in sorted(silences, key=lambda gap: -gap.seconds)[:GAPS_LISTENED_TO]:
        if result.sound is not None and not silent_at(
            result_path, result.sound.index, gap.start_seconds, gap.seconds
        ):
            raise ResultWrong(
                f"The sound is out of step: its source is silent for {gap.seconds:.2f} s "
                f"from {gap.start_seconds:.2f} s on, and the result is not."
            )
    turned = (source.rotation_degrees or source.flipped) and not expected.keeps_orientation
    if turned and not turned_right(source_path, source, result_path, result):
        raise ResultWrong("The picture of the result does not stand as its source asks players to turn it.")


def _begin(info: MediaInfo) -> float:
    """Return when the first of the chosen tracks begins."""
    return min(track.start_seconds for track in (info.picture, info.sound) if track is not None)


# --- tracks --------------------------------------------------------------------------------------


def _compare_lengths(source: MediaInfo, result: MediaInfo) -> None:
    """Say in one sentence what a person would see first. The tracks' ends are compared more exactly."""
    off = abs(result.duration_seconds - source.duration_seconds)
    if off > max(0.5, min(source.duration_seconds * 0.01, 2.0)):
        raise ResultWrong(
            f"The result lasts {result.duration_seconds:.1f} s and its source {source.duration_seconds:.1f} s."
        )


def _compare_picture(source: Track, result: Track, moved: float, expected: Expectation) -> None:
    near = _tolerance(source, result)
    rate = expected.frames_per_second
    begin = source.start_seconds + moved
    # An encoded picture that begins behind the sound may show its first frame until then.
    if expected.picture_copied or result.start_seconds > begin:
        _same_moment("The picture", "begins", begin, result.start_seconds, near)
    _same_moment("The picture", "ends", source.end_seconds + moved, result.end_seconds, near)
    if rate is None:
        spare = 0 if expected.picture_copied else 1 + source.frames // 1000
        if abs(source.frames - result.frames) > spare:
            raise ResultWrong(f"The result has {result.frames} frames and its source {source.frames}.")
    else:
        wanted = (source.end_seconds + moved - result.start_seconds) * rate
        if abs(wanted - result.frames) > 2 + near * rate:
            raise ResultWrong(
                f"The result has {result.frames} frames; at {rate:g} a second its source makes {wanted:.0f}."
            )
        if not result.steady or result.gaps:
            raise ResultWrong(f"The result does not keep its rate of {rate:g} frames a second.")
    lost = _first_without(source, result, moved, near)
    if lost is not None:
        raise ResultWrong(
            f"The picture at {lost:.2f} s of the source is missing in the result, or at another time."
        )
    if rate is None:
        added = _first_without(result, source, -moved, near)
        if added is not None:
            raise ResultWrong(f"The result shows a picture at {added:.2f} s that its source has not.")


def _compare_sound(source: MediaInfo, result: MediaInfo, moved: float, expected: Expectation) -> list[Gap]:
    """Compare when the sound begins, pauses and ends; return the gaps, on the result's clock, that have to be silent."""
    picture, heard, made = source.picture, source.sound, result.sound
    assert picture is not None and made is not None and result.picture is not None  # noqa: S101
    near = _tolerance(picture, result.picture) + (heard.step_seconds if heard else 0.0) / 2
    shown_end = picture.end_seconds + moved
    if heard is None:
        _same_moment(
            "The silence that was added", "ends", shown_end, made.end_seconds, near + made.step_seconds
        )
        return []
    begin, end = heard.start_seconds + moved, heard.end_seconds + moved
    if expected.sound_copied or made.start_seconds > begin:
        _same_moment("The sound", "begins", begin, made.start_seconds, near)
    # An encoder fills its last packet; and silence may be added up to the picture's end.
    if made.end_seconds < end or expected.sound_copied:
        _same_moment("The sound", "ends", end, made.end_seconds, near + made.step_seconds)
    elif made.end_seconds > max(end, shown_end) + near + made.step_seconds:
        _same_moment("The sound", "ends", end, made.end_seconds, near)
    gaps = [Gap(gap.start_seconds + moved, gap.seconds) for gap in heard.gaps]
    for gap in made.gaps:
        if not any(_within(gap, other, near) for other in gaps):
            raise ResultWrong(
                f"The sound has a gap of {gap.seconds:.2f} s at {gap.start_seconds:.2f} s that its source has not."
            )
    if expected.sound_copied:
        for gap in gaps:
            if gap.seconds > SOUND_GAP_SECONDS + near and not any(
                _within(other, gap, near) for other in made.gaps
            ):
                raise ResultWrong(
                    f"The gap of {gap.seconds:.2f} s in the sound at {gap.start_seconds:.2f} s is lost."
                )
        return []
    if begin - made.start_seconds > AUDIBLE_GAP_SECONDS:
        gaps.append(Gap(made.start_seconds, begin - made.start_seconds))
    return [gap for gap in gaps if gap.seconds >= AUDIBLE_GAP_SECONDS]


def _tolerance(source: Track, result: Track) -> float:
    """Return one frame, of the side where frames are farther apart."""
    return min(max(source.step_seconds, result.step_seconds), MOST_TOLERANCE_SECONDS) + ROUNDING_SECONDS


def _same_moment(what: str, happens: str, wanted: float, found: float, near: float) -> None:
    off = found - wanted
    if abs(off) > near:
        raise ResultWrong(
            f"{what} {happens} {abs(off):.2f} s too {'late' if off > 0 else 'early'} in the result: "
            f"at {found:.2f} s instead of {wanted:.2f} s."
        )


def _within(inner: Gap, outer: Gap, near: float) -> bool:
    return (
        inner.start_seconds >= outer.start_seconds - near
        and inner.start_seconds + inner.seconds <= outer.start_seconds + outer.seconds + near
    )


def _first_without(these: Track, those: Track, moved: float, near: float) -> float | None:
    """Return the first moment of one track at which the other shows nothing within a frame; None where there is none."""
    others, at = those.times, 0
    last = len(others) - 1
    for moment in these.times:
        wanted = moment + moved
        while at < last and others[at + 1] <= wanted:
            at += 1
        off = abs(others[at] - wanted)
        if off > near and (at == last or others[at + 1] - wanted > near):
            return moment
    return None


# --- how it stands, and its colours ---------------------------------------------------------------


def _compare_orientation(source: MediaInfo, result: MediaInfo, expected: Expectation) -> None:
    if expected.keeps_orientation:
        if (result.rotation_degrees, result.flipped) != (source.rotation_degrees, source.flipped):
            raise ResultWrong("The result has lost the rotation that its source asks of players.")
    elif result.rotation_degrees or result.flipped:
        raise ResultWrong("The result still asks players to turn it.")
    # Whole, even pixels: the shape may be off by what that rounds away.
    wide = result.height * source.width / source.height
    tall = result.width * source.height / source.width
    if min(abs(wide - result.width), abs(tall - result.height)) > SIZE_SLACK_PIXELS:
        raise ResultWrong(
            f"The shape is wrong: the source is shown as {source.width} x {source.height}, "
            f"the result as {result.width} x {result.height}."
        )


def _compare_colour(result: Colour, wanted: Colour) -> None:
    for what in ("primaries", "transfer", "matrix", "range"):
        found, should = getattr(result, what), getattr(wanted, what)
        if should and found != should:
            raise ResultWrong(
                f"The colour of the result is marked wrong: its {what} is {found or 'not said'}, not {should}."
            )
