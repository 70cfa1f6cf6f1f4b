"""Channels as a body names them: by id, or in words as everywhere in Headend."""

from collections import Counter
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from orchestration.fields import Body, BodyId, Says, Word
from orchestration.register import selection


def each_once(ids: list[int]) -> list[int]:
    """Refuse an id that is named twice."""
    twice = sorted(i for i, times in Counter(ids).items() if times > 1)
    if twice:
        raise ValueError(f"names {', '.join(map(str, twice[:10]))} more than once")
    return ids


Ids = Annotated[
    list[BodyId], AfterValidator(each_once), Says(uniqueItems=True), Field(min_length=1, max_length=10_000)
]
Channels = Annotated[
    list[Word],
    Field(
        max_length=selection.MOST_WORDS,
        description="instead of `channel_ids`, or beside it: slugs, `group:SLUG`, `label:NAME`, `search:TEXT`, `all`",
        examples=[["group:news", "aurora"]],
    ),
]


class NamesChannels(Body):
    """Channels by id, in words, or both; disabled ones are left out of what stands for many."""

    channel_ids: Ids | None = None
    channels: Channels = []

    def chosen(self, *, enabled: bool = True) -> list[int] | None:
        """Return the ids of the channels that are named; None where none is named. Raises: NotFound, InvalidRequest."""
        if not self.channels:
            return self.channel_ids
        found = selection.read_ids(self.channels, enabled=enabled, some=True)
        return list(dict.fromkeys([*(self.channel_ids or ()), *found]))

    def with_chosen(self, *, enabled: bool = True, **without: Any) -> dict[str, Any]:
        """Return the body's values with the channels as ids."""
        return self.model_dump(exclude={"channels"}, **without) | {
            "channel_ids": self.chosen(enabled=enabled)
        }


def scope_of(words: list[str], ids: list[int]) -> dict[str, Any]:
    """Return what a rule is limited to: groups and labels, which it follows, and the rest as the channels it means now."""
    chosen = selection.read(words)
    return {
        "channel_ids": list(dict.fromkeys([*ids, *chosen.fixed().ids()])),
        "groups": list(chosen.groups),
        "labels": list(chosen.labels),
    }
