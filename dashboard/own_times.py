"""Read the times that members of a wave are given by hand, each on the clock on its own channel's wall."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict

from channels.models import Channel
from orchestration.models import Video
from orchestration.planning.slots import NonexistentLocalTime, resolve_local

Member = tuple[int, int]
"""A video and a channel, by id."""

_NAME = re.compile(r"at-([1-9][0-9]{0,17})-([1-9][0-9]{0,17})")
MAX_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One member of a plan, with the field in which it is given a time of its own."""

    video: Video | None
    channel: Channel | None
    name: str
    typed: str
    place: Any = None


def name_of(member: Member) -> str:
    """Return the name of the field that holds a member's own time."""
    return f"at-{member[0]}-{member[1]}"


def typed_in(data: QueryDict, videos: Iterable[int], channels: Iterable[int]) -> dict[Member, str]:
    """Return what was typed for members that are still ticked; a time of another one says nothing any more."""
    videos, channels = set(videos), set(channels)
    typed: dict[Member, str] = {}
    for name in data:
        match, text = _NAME.fullmatch(name), str(data[name])
        if match and text.strip():
            member = (int(match[1]), int(match[2]))
            if member[0] in videos and member[1] in channels:
                typed[member] = text.strip()
    return typed


def instant_of(text: str, channel: Channel, field: Any) -> datetime:
    """Return the instant that a wall-clock time means on a channel. Raises: ValidationError, naming the channel."""
    try:
        return resolve_local(field.clean(text), channel.timezone).at
    except NonexistentLocalTime as error:
        raise ValidationError(f"own time on {channel.name}: {error}") from error
    except ValidationError as error:
        raise ValidationError(f"own time on {channel.name}: {' '.join(error.messages)}") from error


def rows_of(
    placements: Iterable[Any],
    typed: Mapping[Member, str],
    videos: Mapping[int, Video],
    channels: Mapping[int, Channel],
) -> tuple[list[Row], list[Row]]:
    """Return the first placements of a plan with their fields, and the typed times that stand beside none of these.

    The second list keeps what was typed for a member that the plan left out or that is not shown: the next preview
    must not plan it at another time silently.
    """

    def row(member: Member, place: Any = None) -> Row:
        video, channel = videos.get(member[0]), channels.get(member[1])
        return Row(video, channel, name_of(member), typed.get(member, ""), place)

    placed = [row((place.video_id, place.channel_id), place) for place in list(placements)[:MAX_SHOWN]]
    shown = {(item.place.video_id, item.place.channel_id) for item in placed}
    return placed, [row(member) for member in typed if member not in shown]
