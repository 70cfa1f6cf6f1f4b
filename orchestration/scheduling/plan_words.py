"""Tell in a plan which members' words break a limit, before anything is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from channels.models import Channel
from orchestration.models import Distribution, Video
from orchestration.planning import rules, types
from orchestration.scheduling.publication_words import Member, resolve_members
from orchestration.states import OnConflict
from orchestration.words.resolving import Remark


def with_words(request: types.WaveRequest, made: types.Plan) -> types.Plan:
    """Return a plan with a conflict for each member whose words cannot be published as they are.

    They can be mended until it is staged, so it is a warning that stays open; under `reject` the whole is refused.
    """
    found = _conflicts(made.placements, is_rejecting=request.on_conflict == OnConflict.REJECT)
    if not found:
        return made
    count = found[0].message
    if len(found) > 1:
        count = f"of {len(found)} publications the words break a limit of YouTube's, or cannot be filled in"
    return replace(made, conflicts=(*made.conflicts, *found), summary=f"{made.summary}; {count}")


def _conflicts(placements: Sequence[types.Placement], *, is_rejecting: bool) -> list[types.Conflict]:
    """Return the conflicts of planned publications; channels that say the same are looked at once for each video."""
    videos = Video.objects.select_related("source").in_bulk({p.video_id for p in placements})
    channels = Channel.objects.in_bulk({p.channel_id for p in placements})
    said = _own_words(videos, channels)
    members: dict[tuple[Any, ...], Member] = {}
    keys = []
    shapes = {pk: _shape(channel) for pk, channel in channels.items()}
    for p in placements:
        own = said.get((p.video_id, p.channel_id))
        shape = shapes[p.channel_id]
        key = (p.video_id, shape, p.at if "{date" in shape else None, p.channel_id if own else None)
        keys.append(key)
        if key not in members:
            members[key] = Member(videos[p.video_id], channels[p.channel_id], p.at, None, own)
    resolved = resolve_members(list(members.values()))
    problems = {key: words.problems for key, words in zip(members, resolved, strict=True) if words.problems}
    if not problems:
        return []
    return [
        _conflict(p, videos[p.video_id], channels[p.channel_id], problem, is_rejecting)
        for p, key in zip(placements, keys, strict=True)
        for problem in problems.get(key, ())[:1]
    ]


def _own_words(
    videos: dict[int, Video], channels: dict[int, Channel]
) -> dict[tuple[int, int], dict[str, Any]]:
    """Return what publications that stand already, and are taken up again, say themselves."""
    rows = Distribution.objects.filter(video__in=videos, channel__in=channels).exclude(words={}).order_by()
    return {
        (video, channel): said for video, channel, said in rows.values_list("video_id", "channel_id", "words")
    }


def _shape(channel: Channel) -> str:
    """Return everything of a channel that its words are made of: channels with the same say the same."""
    texts = f"{channel.title_template}\n{channel.description_template}"
    uses = [channel.name, channel.timezone] if "{channel" in texts or "{date" in texts else []
    said = [channel.tags, channel.category_id, channel.language, channel.words, uses]
    return f"{texts}\n{json.dumps(said, sort_keys=True)}"


def _conflict(
    placement: types.Placement, video: Video, channel: Channel, problem: Remark, is_rejecting: bool
) -> types.Conflict:
    return types.Conflict(
        rules.WORDS_REFUSED,
        placement.video_id,
        placement.channel_id,
        placement.at,
        f"“{str(video)[:80]}” on {channel.name}: {problem.message}",
        yielded=types.Yielded.NOBODY,
        resolution=types.Resolution.REJECTED if is_rejecting else types.Resolution.OPEN,
    )
