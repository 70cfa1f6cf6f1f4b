"""Read channels as a person names them: `aurora, group:news, label:de, search:"night shift"`.

One parser for pages, command line and API. A word is a channel's slug or id, or stands for many: `group:` and `label:` for
those in it or with it now, `search:` for those whose name, slug or repository contains something, `all` for all; `not:`
excepts one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from channels.models import Channel, ChannelGroup, Label
from channels.querysets import ChannelQuerySet
from channels.states import ChannelState
from channels.text import control_in
from orchestration.errors import InvalidRequest, NotFound
from orchestration.fields import LARGEST_ID

SHAPE = 'such as aurora, group:news, label:de or search:"night shift"'
MOST_WORDS = 10_000
_NAMED = 10
_WORD = re.compile(r'(?:[^\s,;"]|"[^"]*")+')
_KINDS = ("group", "label", "search", "not")


@dataclass(frozen=True, slots=True)
class Selection:
    """What was named: single channels by slug, and what stands for many."""

    slugs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    everything: bool = False
    without: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.slugs or self.groups or self.labels or self.searches or self.everything)

    def words(self) -> list[str]:
        """Return the words that mean the same, as `read` takes them."""
        return [
            *(["all"] if self.everything else []),
            *(f"group:{slug}" for slug in self.groups),
            *(f"label:{name}" for name in self.labels),
            *(f'search:"{text}"' for text in self.searches),
            *self.slugs,
            *(f"not:{slug}" for slug in self.without),
        ]

    def fixed(self) -> Selection:
        """Return what a rule cannot follow, as a group or a label can be followed: single channels, searches and all."""
        return Selection(
            slugs=self.slugs, searches=self.searches, everything=self.everything, without=self.without
        )

    def channels(self, *, enabled: bool = False) -> ChannelQuerySet[Channel]:
        """Return these channels by name, each once; `enabled` leaves disabled ones out that were not named themselves."""
        many = Q(pk__in=[])
        if self.groups:
            inside = Channel.groups.through.objects.filter(channelgroup__slug__in=self.groups)
            many |= Q(pk__in=inside.values("channel"))
        if self.labels:
            having = Channel.labels.through.objects.filter(label__name__in=self.labels)
            many |= Q(pk__in=having.values("channel"))
        for text in self.searches:
            many |= matching(text)
        if self.everything:
            many = Q()
        if enabled:
            many &= ~Q(state=ChannelState.DISABLED)
        if self.slugs:
            many |= Q(slug__in=self.slugs)
        rows = Channel.objects.filter(many)
        return rows.exclude(slug__in=self.without) if self.without else rows

    def ids(self, *, enabled: bool = False) -> list[int]:
        """Return the ids of `channels`, by name."""
        return list(self.channels(enabled=enabled).order_by("name", "pk").values_list("pk", flat=True))


def matching(text: str) -> Q:
    """Return which channels a search means: part of the name, the slug or the repository."""
    return Q(name__icontains=text) | Q(slug__icontains=text) | Q(repository__icontains=text)


def split(texts: str | Iterable[str]) -> list[str]:
    """Return the words of one text or several; commas, semicolons and spaces part them, quotes hold together."""
    given = [texts] if isinstance(texts, str) else texts
    return list(dict.fromkeys(word for text in given for word in _WORD.findall(text)))


def read(texts: str | Iterable[str], *, field: str = "channels") -> Selection:
    """Read what names channels, in four queries at most. Raises: NotFound, naming each word that names nothing."""
    words = split(texts)
    if len(words) > MOST_WORDS:
        raise InvalidRequest(f"At most {MOST_WORDS} words name channels at once.", field=field)
    parts = _Parts()
    for word in words:
        parts.take(word)
    slugs = _slugs([*parts.names, *parts.of["not"]], parts.numbers)
    groups = _known(parts.of["group"], ChannelGroup.objects.values_list("slug", flat=True), "slug")
    labels = _known(parts.of["label"], Label.objects.values_list("name", flat=True), "name")
    unknown = [
        *(name for name in parts.names if name not in slugs),
        *(f"not:{name}" for name in parts.of["not"] if name not in slugs),
        *(f"group:{slug}" for slug in parts.of["group"] if slug not in groups),
        *(f"label:{name}" for name in parts.of["label"] if name not in labels),
        *parts.empty,
    ]
    if unknown:
        raise NotFound(_refusal(unknown), field=field, missing=unknown[:200])
    return Selection(
        tuple(dict.fromkeys(slugs[name] for name in parts.names)),
        tuple(groups),
        tuple(labels),
        tuple(parts.of["search"]),
        parts.everything,
        tuple(dict.fromkeys(slugs[name] for name in parts.of["not"])),
    )


def slugs_of(words: Iterable[str]) -> dict[str, str]:
    """Return the slug that each of these words means, where it means a single channel."""
    parts = _Parts()
    for word in words:
        parts.take(word)
    return _slugs(parts.names, parts.numbers)


def trusted(words: Iterable[str]) -> Selection:
    """Return what `Selection.words` wrote down, without asking whether it is still there."""
    parts = _Parts()
    for word in split(words):
        parts.take(word)
    return Selection(
        tuple(parts.names),
        tuple(parts.of["group"]),
        tuple(parts.of["label"]),
        tuple(parts.of["search"]),
        parts.everything,
        tuple(parts.of["not"]),
    )


def read_ids(
    texts: str | Iterable[str], *, field: str = "channels", enabled: bool = False, some: bool = False
) -> list[int]:
    """Return the ids of the channels that are named, by name; with `some` an empty answer is refused.

    Raises: NotFound, naming each word that names nothing; InvalidRequest.
    """
    chosen = read(texts, field=field)
    ids = chosen.ids(enabled=enabled)
    if some and not ids:
        what = ", ".join(chosen.words()[:_NAMED])
        raise InvalidRequest(
            f"No channel is meant by {what}." if what else "Name at least one channel.", field=field
        )
    return ids


@dataclass(slots=True)
class _Parts:
    names: list[str] = field(default_factory=list)
    of: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in _KINDS})
    empty: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    everything: bool = False

    def take(self, word: str) -> None:
        """Sort one word by what it stands for."""
        kind, colon, rest = word.partition(":")
        rest = rest.replace('"', "").strip()
        if control_in(word):
            self.empty.append(
                "".join("\N{REPLACEMENT CHARACTER}" if control_in(sign) else sign for sign in word)
            )
        elif colon and kind.lower() == "id" and _is_id(rest):
            self.numbers[word] = int(rest)
            self.names.append(word)
        elif colon and kind.lower() in _KINDS:
            text = rest if kind.lower() == "search" else rest.lower()
            (self.of[kind.lower()] if text else self.empty).append(text or word)
        elif word.lower() == "all":
            self.everything = True
        else:
            self.names.append(word.replace('"', ""))


def _slugs(names: list[str], ids: dict[str, int]) -> dict[str, str]:
    """Return the slug that each name means: a slug, in any case, else an id; `id:7` is an id for sure."""
    if not names:
        return {}
    wanted = {name.lower() for name in names}
    numbers = {int(name) for name in names if _is_id(name)} | set(ids.values())
    rows = Channel.objects.filter(Q(slug__in={*names, *wanted}) | Q(pk__in=numbers))
    by_id = dict(rows.values_list("pk", "slug"))
    by_slug = {slug: slug for slug in by_id.values()}
    found = {}
    for name in names:
        slug: str | None = None if name in ids else by_slug.get(name) or by_slug.get(name.lower())
        if slug is None and (name in ids or _is_id(name)):
            slug = by_id.get(ids.get(name) or int(name))
        if slug:
            found[name] = slug
    return found


def _is_id(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 20 and 1 <= int(name) <= LARGEST_ID


def _known(wanted: list[str], rows: QuerySet[Any, str], name: str) -> list[str]:
    """Return those that there are, in the order in which they were named."""
    if not wanted:
        return []
    there = set(rows.filter(**{f"{name}__in": wanted}))
    return [each for each in dict.fromkeys(wanted) if each in there]


def _refusal(unknown: list[str]) -> str:
    """Say which words name nothing, and what a single one may have been meant for."""
    shown = ", ".join(word[:60] for word in unknown[:_NAMED])
    more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
    if len(unknown) > 1:
        return f"Nothing is named {shown}{more}; channels are named by slug, {SHAPE}."
    near = _nearest(unknown[0])
    return f"There is no channel {shown}; " + (
        f"{near} is near." if near else f"channels are named by slug, {SHAPE}."
    )


def _nearest(word: str) -> str:
    kind, colon, _ = word.partition(":")
    if colon and kind == "group":
        names = [f"group:{slug}" for slug in ChannelGroup.objects.values_list("slug", flat=True)]
    elif colon and kind == "label":
        names = [f"label:{name}" for name in Label.objects.values_list("name", flat=True)]
    else:
        names = list(Channel.objects.values_list("slug", flat=True))
    return next(iter(difflib.get_close_matches(word, names, n=1, cutoff=0.7)), "")
