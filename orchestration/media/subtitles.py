"""Read subtitles, SRT and WebVTT: which text, shown from when to when; check them, and write them in UTF-8.

SRT has no standard; what is read is what players read: an optional number, `00:00:01,000 --> 00:00:04,000`, lines until an
empty one. WebVTT is read as its specification has it (w3.org/TR/webvtt1): a header, blocks, `NOTE`, `STYLE` and `REGION`.
An error names its line, counted from 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .errors import SubtitlesUnusable

MAX_BYTES = 5 * 1024 * 1024
MAX_CUES = 50_000
AFTER_THE_END_SECONDS = 2.0
"""How long after the film's last moment a cue may still begin: frame rates and rounding differ between tools."""

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_ARROW = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(?:[ \t]+(.*))?$", re.ASCII)
_LANGUAGE = re.compile(r"^([A-Za-z]{2,3})((?:-[A-Za-z0-9]{2,8})*)$", re.ASCII)
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# What a file of that language is most often written in where it is not UTF-8.
_OLD_ENCODINGS = {
    **dict.fromkeys(("ru", "uk", "be", "bg", "mk", "sr"), "cp1251"),
    **dict.fromkeys(("pl", "cs", "sk", "hu", "sl", "hr", "bs", "ro", "sq"), "cp1250"),
    **dict.fromkeys(("et", "lv", "lt"), "cp1257"),
    **dict.fromkeys(("ar", "fa", "ur"), "cp1256"),
    "el": "cp1253",
    "tr": "cp1254",
    "he": "cp1255",
    "iw": "cp1255",
    "vi": "cp1258",
    "th": "cp874",
    "ja": "cp932",
    "ko": "cp949",
    "zh": "gb18030",
}


@dataclass(frozen=True, slots=True)
class Cue:
    """One text with the span in which it is shown, in milliseconds from the film's start."""

    start_ms: int
    end_ms: int
    text: str
    settings: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Subtitles:
    """What a subtitles file holds: its cues in order, its format (`srt` or `vtt`), and what was noticed about it."""

    kind: str
    cues: tuple[Cue, ...]
    head: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def language_tag(value: str) -> str:
    """Return a BCP 47 tag as it is written (`pt-BR`, `zh-Hant`). Raises: ValueError, saying what is wrong."""
    found = _LANGUAGE.match(value.strip().replace("_", "-"))
    if not found or len(value.strip()) > 20:
        raise ValueError("is no language as BCP 47 writes it, such as en, pt-BR or zh-Hant")
    parts = [found[1].lower()]
    for part in found[2].split("-")[1:]:
        is_script, is_region = len(part) == 4 and part.isalpha(), len(part) == 2
        parts.append(part.title() if is_script else part.upper() if is_region else part.lower())
    return "-".join(parts)


def read_subtitles(data: bytes, *, language: str = "", film_seconds: float | None = None) -> Subtitles:
    """Read and check a subtitles file.

    `language` (BCP 47) tells in which old encoding a file may be that is not UTF-8. Times must be in order and begin
    within the film, where its length is known; what overlaps or outlasts it is noted.

    Raises: SubtitlesUnusable, naming the line.
    """
    if not data.strip():
        raise SubtitlesUnusable("the file is empty.")
    if len(data) > MAX_BYTES:
        raise SubtitlesUnusable(f"the file has {len(data):,} bytes; at most {MAX_BYTES:,} are read.")
    text, notes = _decoded(data, language)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    is_vtt = bool(re.match(r"WEBVTT(?:[ \t].*)?$", lines[0]))
    cues, head = _vtt(lines) if is_vtt else (_srt(lines), ())
    if not cues:
        raise SubtitlesUnusable(
            "the file holds no subtitle: no line with a time such as 00:00:01,000 --> 00:00:04,000."
        )
    notes += _checked(cues, film_seconds)
    return Subtitles("vtt" if is_vtt else "srt", tuple(cues), tuple(head), tuple(notes))


def written(subtitles: Subtitles, kind: str) -> str:
    """Return the subtitles as text of a `kind`, `srt` or `vtt`; what only WebVTT knows is left out of an SRT."""
    parts = []
    if kind == "vtt":
        parts = ["WEBVTT", *subtitles.head]
        for cue in subtitles.cues:
            where = f" {cue.settings}" if cue.settings else ""
            parts.append(
                f"{_time(cue.start_ms, '.')} --> {_time(cue.end_ms, '.')}{where}\n{_vtt_text(cue, subtitles)}"
            )
    else:
        for number, cue in enumerate(subtitles.cues, 1):
            parts.append(f"{number}\n{_time(cue.start_ms, ',')} --> {_time(cue.end_ms, ',')}\n{cue.text}")
    return "\n\n".join(parts) + "\n"


def _decoded(data: bytes, language: str) -> tuple[str, list[str]]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return _without_controls(data.decode(encoding)), []
            except UnicodeDecodeError as error:
                raise SubtitlesUnusable(
                    f"it says that it is {encoding}, and is not: {error.reason}."
                ) from None
    if b"\x00" in data[:4096]:
        raise SubtitlesUnusable("the file is no text; subtitles are SRT or WebVTT.")
    try:
        return _without_controls(data.decode("utf-8")), []
    except UnicodeDecodeError:
        pass
    for encoding in dict.fromkeys((_OLD_ENCODINGS.get(language.split("-")[0].lower(), "cp1252"), "cp1252")):
        try:
            text = _without_controls(data.decode(encoding))
        except (UnicodeDecodeError, SubtitlesUnusable):
            continue
        return text, [f"It was not UTF-8 and was read as {encoding}: look whether its letters are right."]
    raise SubtitlesUnusable("its encoding is not known; save it as UTF-8.")


def _without_controls(text: str) -> str:
    found = re.search(r"[\x00-\x08\x0b\x0e-\x1f\x7f]", text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise SubtitlesUnusable(f"a control character (code {ord(found[0])}), which no text has.", line=line)
    return text.replace("\x0c", " ")


def _srt(lines: list[str]) -> list[Cue]:
    cues: list[Cue] = []
    at, count = 0, len(lines)
    while at < count:
        line = lines[at].strip()
        if not line:
            at += 1
            continue
        if "-->" not in line:
            follows = lines[at + 1] if at + 1 < count else ""
            if not line.lstrip("\ufeff").isdigit() or "-->" not in follows:
                raise SubtitlesUnusable(f"“{line[:60]}” is neither a number nor a time.", line=at + 1)
            at += 1
        cue_line, (start, end, _) = at + 1, _span(lines[at], at + 1)
        at += 1
        begin = at
        while at < count and lines[at].strip() and not _begins_next(lines, at):
            at += 1
        _add(cues, start, end, "\n".join(lines[begin:at]), "", cue_line)
    return cues


def _begins_next(lines: list[str], at: int) -> bool:
    """Return whether a cue begins here although no empty line came before: a number, and then a time."""
    if "-->" in lines[at]:
        return _ARROW.match(lines[at]) is not None
    follows = lines[at + 1] if at + 1 < len(lines) else ""
    return lines[at].strip().isdigit() and _ARROW.match(follows) is not None


def _vtt(lines: list[str]) -> tuple[list[Cue], list[str]]:
    cues: list[Cue] = []
    head: list[str] = []
    at, count = 1, len(lines)
    while at < count and lines[at].strip():  # metadata of the header, as HLS writes it
        at += 1
    while at < count:
        if not lines[at].strip():
            at += 1
            continue
        begin = at
        while at < count and lines[at].strip():
            at += 1
        block = lines[begin:at]
        word = block[0].split(maxsplit=1)[0]
        if word == "NOTE":
            continue
        if word in {"STYLE", "REGION"} and "-->" not in "".join(block[:2]):
            if cues:
                raise SubtitlesUnusable(
                    f"{word} after the first cue; WebVTT wants it before.", line=begin + 1
                )
            head.append("\n".join(line.rstrip() for line in block))
            continue
        skip = 0 if "-->" in block[0] else 1
        if len(block) <= skip or "-->" not in block[skip]:
            raise SubtitlesUnusable(f"“{block[0][:60]}” begins no cue: a time is missing.", line=begin + 1)
        start, end, settings = _span(block[skip], begin + skip + 1)
        _add(cues, start, end, "\n".join(block[skip + 1 :]), settings, begin + skip + 1)
    return cues, head


def _add(cues: list[Cue], start: int, end: int, text: str, settings: str, line: int) -> None:
    if len(cues) >= MAX_CUES:
        raise SubtitlesUnusable(f"more than {MAX_CUES:,} subtitles.", line=line)
    if text.strip():  # one without words shows nothing
        cues.append(Cue(start, end, text.rstrip(), settings, line))


def _span(text: str, line: int) -> tuple[int, int, str]:
    found = _ARROW.match(text)
    if not found:
        raise SubtitlesUnusable(
            f"“{text.strip()[:60]}” is no time such as 00:00:01,000 --> 00:00:04,000.", line=line
        )
    values = found.groups()
    if any(int(values[index]) > 59 for index in (1, 2, 5, 6)):
        raise SubtitlesUnusable(f"“{text.strip()[:60]}” has more than 59 minutes or seconds.", line=line)
    return _ms(*values[0:4]), _ms(*values[4:8]), (values[8] or "").strip()


def _ms(hours: str | None, minutes: str, seconds: str, fraction: str) -> int:
    return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(fraction.ljust(3, "0"))


def _checked(cues: list[Cue], film_seconds: float | None) -> list[str]:
    overlaps, first_overlap, late_end = 0, 0, 0
    latest_end = -1
    before = cues[0].start_ms
    for cue in cues:
        if cue.end_ms <= cue.start_ms:
            raise SubtitlesUnusable(
                f"it ends at {_time(cue.end_ms, '.')}, not after its start.", line=cue.line
            )
        if cue.start_ms < before:
            raise SubtitlesUnusable(
                f"it begins at {_time(cue.start_ms, '.')}, before the one above it at {_time(before, '.')}.",
                line=cue.line,
            )
        if film_seconds is not None:
            if cue.start_ms > (film_seconds + AFTER_THE_END_SECONDS) * 1000:
                raise SubtitlesUnusable(
                    f"it begins at {_time(cue.start_ms, '.')}; the film ends at "
                    f"{_time(round(film_seconds * 1000), '.')}.",
                    line=cue.line,
                )
            late_end += cue.end_ms > (film_seconds + AFTER_THE_END_SECONDS) * 1000
        if cue.start_ms < latest_end:
            overlaps, first_overlap = overlaps + 1, first_overlap or cue.line
        before, latest_end = cue.start_ms, max(latest_end, cue.end_ms)
    notes = []
    if overlaps:
        notes.append(f"Shown while another still is: {overlaps}, the first in line {first_overlap}.")
    if late_end:
        notes.append("The last of them outlasts the film.")
    return notes


def _time(ms: int, mark: str) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{ms:03}"


def _vtt_text(cue: Cue, subtitles: Subtitles) -> str:
    """Return a cue's text for WebVTT: of an SRT, whose text knows no entities, `&` and stray `<` are written as such."""
    if subtitles.kind == "vtt":
        return cue.text
    text = cue.text.replace("&", "&amp;").replace("-->", "--&gt;")
    text = re.sub(r"<(?!/?[biu]>)", "&lt;", re.sub(r"</?font[^>]*>", "", text, flags=re.IGNORECASE))
    return re.sub(r"\{\\an?\d+\}", "", text)  # where SubStation's players show it
