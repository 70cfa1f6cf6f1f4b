"""Profiles as the API takes and shows them."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Schema
from pydantic import ConfigDict, Field

from orchestration.api.schemas.parts import Parts
from orchestration.api.schemas.requests import Decision
from orchestration.fields import Body, Reason, Text, Value
from orchestration.media.profiles import BITRATES_KBITS, CRFS, HEIGHTS, RATES
from orchestration.models import Profile

Preset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
]


class ProfileBody(Body):
    """What a profile asks for. It is given whole each time: what is left out has its default."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "4K with HDR", "max_height": 2160, "colour": "keep"}]}
    )

    name: Annotated[Text, Field(min_length=1, max_length=80)]
    max_height: int = Field(
        1080, strict=True, ge=HEIGHTS[0], le=HEIGHTS[1], description="lines of the shorter side"
    )
    max_fps: int = Field(60, strict=True, ge=RATES[0], le=RATES[1])
    colour: Profile.Colour = Profile.Colour.KEEP
    crf: int = Field(18, strict=True, ge=CRFS[0], le=CRFS[1], description="of H.264; less is finer")
    preset: Preset = "veryfast"
    audio_kbits: int = Field(384, strict=True, ge=BITRATES_KBITS[0], le=BITRATES_KBITS[1])
    loudness: Profile.Loudness = Profile.Loudness.EVEN
    is_default: bool = Field(
        False, strict=True, description="for whatever has no profile, instead of HEADEND_PROFILE"
    )
    reason: Reason = ""


class ProfileParts(Parts):
    """What changes of a profile."""

    whole = ProfileBody


class ChosenProfile(Decision):
    """The profile that a channel or a source shall have; empty: none of its own."""

    profile: Annotated[Text, Field(max_length=40)] = ""


class ProfileOut(Value):
    """A way in which videos are prepared, and how many channels, sources and files have it."""

    key: str
    name: str
    built_in: bool
    is_default: bool
    max_height: int
    max_fps: int
    colour: Profile.Colour
    crf: int
    preset: str
    audio_kbits: int
    loudness: Profile.Loudness
    channels: int
    sources: int
    files: int


class RenditionOut(Schema):
    """A prepared file of a video: how it was made, or why it could not be."""

    profile_name: str
    content_hash: str
    size_bytes: int | None
    measures: dict[str, str | int | float | None]
    notes: list[str]
    error_message: str
