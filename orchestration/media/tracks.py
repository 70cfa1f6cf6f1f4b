"""Choose the picture and the sound that a video is made of, and say what is left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
from av.stream import Disposition

from .errors import FileDamaged

_BESIDE = (
    Disposition.comment
    | Disposition.hearing_impaired
    | Disposition.visual_impaired
    | Disposition.descriptions
    | Disposition.karaoke
    | Disposition.clean_effects
)
_STILL = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
# ISO 639: the two letters of the languages that films most often carry, and their three (two of them for some).
_THREE = {
    "ar": ("ara",),
    "bg": ("bul",),
    "cs": ("ces", "cze"),
    "da": ("dan",),
    "de": ("deu", "ger"),
    "el": ("ell", "gre"),
    "en": ("eng",),
    "es": ("spa",),
    "et": ("est",),
    "fa": ("fas", "per"),
    "fi": ("fin",),
    "fr": ("fra", "fre"),
    "he": ("heb",),
    "hi": ("hin",),
    "hr": ("hrv",),
    "hu": ("hun",),
    "id": ("ind",),
    "it": ("ita",),
    "ja": ("jpn",),
    "ko": ("kor",),
    "lt": ("lit",),
    "lv": ("lav",),
    "ms": ("msa", "may"),
    "nl": ("nld", "dut"),
    "no": ("nor", "nob", "nno"),
    "pl": ("pol",),
    "pt": ("por",),
    "ro": ("ron", "rum"),
    "ru": ("rus",),
    "sk": ("slk", "slo"),
    "sl": ("slv",),
    "sr": ("srp",),
    "sv": ("swe",),
    "th": ("tha",),
    "tr": ("tur",),
    "uk": ("ukr",),
    "vi": ("vie",),
    "zh": ("zho", "chi", "cmn", "yue"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen picture and sound, the sound's language as the file writes it, and a sentence for each track left out."""

    video: av.VideoStream
    audio: av.AudioStream | None
    language: str
    left_out: tuple[str, ...]


def choose(container: av.container.InputContainer, language: str = "") -> Choice:
    """Choose what is shown and heard: of each kind the default track, of several the one in `language`, else the first.

    Pictures that go with a sound file are no tracks; a commentary or a description is chosen only for want of another.

    Raises: FileDamaged where there is no moving picture.
    """
    videos = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & _STILL
    ]
    if not videos:
        raise FileDamaged("The file holds no moving picture.")
    audios = [stream for stream in container.streams.audio if stream.codec_context is not None]
    video, audio = _best(videos, language), _best(audios, language) if audios else None
    left_out = [
        f"Left out: {_named(stream)}."
        for stream in (*videos, *audios, *container.streams.subtitles)
        if stream not in (video, audio)
    ]
    unreadable = [stream for stream in container.streams.audio if stream.codec_context is None]
    left_out += [
        f"Left out: the sound of track {stream.index + 1}, whose codec is not known." for stream in unreadable
    ]
    return Choice(video, audio, _language(audio) if audio is not None else "", tuple(left_out))


def _best(streams: list[Any], language: str) -> Any:
    main = [stream for stream in streams if not stream.disposition & _BESIDE] or streams
    default = [stream for stream in main if stream.disposition & Disposition.default] or main
    wanted = _forms(language)
    return next((stream for stream in default if _language(stream) in wanted), default[0])


def _forms(language: str) -> frozenset[str]:
    short = language.lower().replace("_", "-").partition("-")[0]
    if not short:
        return frozenset()
    for two, three in _THREE.items():
        if short == two or short in three:
            return frozenset({two, *three})
    return frozenset({short})


def _language(stream: av.stream.Stream) -> str:
    said = str(stream.metadata.get("language", "")).lower().partition("-")[0]
    return "" if said == "und" else said


def _named(stream: av.stream.Stream) -> str:
    what = {"video": "a picture", "audio": "a sound", "subtitle": "subtitles"}.get(stream.type, "a track")
    details = [part for part in (_language(stream), str(stream.metadata.get("title", ""))[:60]) if part]
    return f"{what} (track {stream.index + 1}{''.join(', ' + part for part in details)})"
