"""Weigh a video for a channel, rule by rule: the decision and its explanation are this one list.

A rule reads a value from the video, compares it with the channel's threshold, and says yes or no. A limit
that a channel does not set says yes; a value that nobody knows fails a limit that is set, and the sentence
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from orchestration.planning.answers import RuleResult
from orchestration.planning.conflicts import CLOSED_CREDENTIALS
from orchestration.planning.types import ChannelView, VideoView

Test = Callable[[VideoView], bool]


@dataclass(frozen=True, slots=True)
class FilterRule:
    """One rule: where its threshold stands, what it reads, when it says yes, and how it is put into words.

    `threshold` answers None where the channel sets no limit: then every video passes. `prepare` turns a
    threshold into the test that is applied, once for a channel and not for each video.
    """

    code: str
    threshold: Callable[[ChannelView], Any]
    value: Callable[[VideoView], Any]
    prepare: Callable[[Any], Callable[[Any], bool]]
    template: str

    def test_for(self, channel: ChannelView) -> Test | None:
        """Return the test this channel puts to every video, or None where it sets no limit."""
        threshold = self.threshold(channel)
        return None if threshold is None else self.test(threshold)

    def test(self, threshold: Any) -> Test:
        """Return the test for a threshold; a value that nobody knows fails it."""
        value, passes = self.value, self.prepare(threshold)

        def test(video: VideoView) -> bool:
            found = value(video)
            return found is not None and passes(found)

        return test

    def result(self, video: VideoView, channel: ChannelView) -> RuleResult:
        """Return the same decision with its value, its threshold and its sentence."""
        test = self.test_for(channel)
        ok = test is None or test(video)
        return RuleResult(
            self.code,
            _for_display(self.value(video)),
            _for_display(self.threshold(channel)),
            ok,
            self.template,
        )


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """One rule that looks at the channel alone; it is decided once for all videos."""

    code: str
    value: Callable[[ChannelView], Any]
    passes: Callable[[Any], bool]
    threshold: Any
    template: str

    def result(self, channel: ChannelView) -> RuleResult:
        """Return the decision with its value and sentence."""
        value = self.value(channel)
        return RuleResult(self.code, value, self.threshold, self.passes(value), self.template)


def _for_display(value: Any) -> Any:
    if isinstance(value, frozenset | tuple):
        return ", ".join(sorted(str(part) for part in value))
    return value.strip() if isinstance(value, str) else value


@lru_cache(maxsize=16384)
def _as_words(text: str, more: tuple[str, ...] = ()) -> str:
    """Return text as lower-case words between single spaces, so that a word or a phrase is found by `in`."""
    joined = " ".join((text, *more)).casefold()
    words = "".join(c if c.isalnum() else " " for c in joined).split()
    return f" {' '.join(words)} " if words else ""


def words_of(video: VideoView) -> str | None:
    """Return the words of a video's title and keywords; None where it has none."""
    return _as_words(video.title, video.keywords) or None


def phrase_in(phrase: str, words: str) -> bool:
    """Return whether a word or a phrase occurs among the words of a video."""
    return _as_words(phrase) in words


def _any_of(wanted: Iterable[str]) -> Callable[[str], bool]:
    phrases = [_as_words(phrase) for phrase in wanted]
    return lambda words: any(phrase in words for phrase in phrases)


def _none_of(unwanted: Iterable[str]) -> Callable[[str], bool]:
    phrases = [_as_words(phrase) for phrase in unwanted]
    return lambda words: not any(phrase in words for phrase in phrases)


def _language_in(wanted: Iterable[str]) -> Callable[[str], bool]:
    """Accept a tag that is wanted, or a variety of one: `en` takes `en-GB`, `en-GB` does not take `en`."""
    lowered = tuple(tag.casefold() for tag in wanted)

    def passes(language: str) -> bool:
        tag = language.casefold()
        return any(tag == one or tag.startswith(one + "-") for one in lowered)

    return passes


def _at_least(limit: float) -> Callable[[float], bool]:
    return lambda value: value >= limit


def _at_most(limit: float) -> Callable[[float], bool]:
    return lambda value: value <= limit


CHANNEL_RULES: tuple[ChannelRule, ...] = (
    ChannelRule(
        "channel_active",
        lambda c: c.state,
        lambda s: s == "active",
        "active",
        "the channel is {value}, wanted {threshold}",
    ),
    ChannelRule(
        "channel_health",
        lambda c: c.health,
        lambda s: s != "failing",
        "not failing",
        "the channel's health is {value}, wanted {threshold}",
    ),
    ChannelRule(
        "credential",
        lambda c: c.credential_state,
        lambda s: s not in CLOSED_CREDENTIALS,
        "not revoked",
        "the channel's credential is {value}, wanted {threshold}",
    ),
)
VIDEO_RULES: tuple[FilterRule, ...] = (
    FilterRule(
        "video_ready",
        lambda c: "ready",
        lambda v: v.state,
        lambda wanted: lambda state: state == wanted,
        "the video is {value}, wanted {threshold}",
    ),
    FilterRule(
        "rights_basis",
        lambda c: "any",
        lambda v: v.rights_basis or None,
        lambda wanted: lambda basis: True,
        "the source's rights basis is {value}, wanted {threshold}",
    ),
    FilterRule(
        "title",
        lambda c: "a title" if c.needs_title else None,
        lambda v: None if v.is_untitled else "a title",
        lambda wanted: lambda title: True,
        "the video has {value}, wanted {threshold}",
    ),
)
FILTER_RULES: tuple[FilterRule, ...] = (
    FilterRule(
        "min_height", lambda c: c.filters.min_height, lambda v: v.height, _at_least,
        "height is {value} pixels, wanted at least {threshold}",
    ),
    FilterRule(
        "min_width", lambda c: c.filters.min_width, lambda v: v.width, _at_least,
        "width is {value} pixels, wanted at least {threshold}",
    ),
    FilterRule(
        "min_duration", lambda c: c.filters.min_duration_seconds, lambda v: v.duration_seconds, _at_least,
        "duration is {value} s, wanted at least {threshold} s",
    ),
    FilterRule(
        "max_duration", lambda c: c.filters.max_duration_seconds, lambda v: v.duration_seconds, _at_most,
        "duration is {value} s, wanted at most {threshold} s",
    ),
    FilterRule(
        "min_views", lambda c: c.filters.min_views, lambda v: v.views, _at_least,
        "views at the source are {value}, wanted at least {threshold}",
    ),
    FilterRule(
        "watermark", lambda c: "no watermark" if c.filters.exclude_watermarked else None,
        lambda v: None if v.watermarked is None else ("watermarked" if v.watermarked else "no watermark"),
        lambda wanted: lambda found: found == wanted,
        "watermark is {value}, wanted {threshold}",
    ),
    FilterRule(
        "language", lambda c: c.filters.languages or None, lambda v: v.language or None, _language_in,
        "language is {value}, wanted one of {threshold}",
    ),
    FilterRule(
        "keywords_in", lambda c: c.filters.keywords_in or None, words_of, _any_of,
        "words are {value}; wanted one of {threshold}",
    ),
    FilterRule(
        "keywords_out", lambda c: c.filters.keywords_out or None, words_of, _none_of,
        "words are {value}; wanted none of {threshold}",
    ),
    FilterRule(
        "source", lambda c: frozenset(c.filters.source_ids) or None, lambda v: v.source_id,
        lambda wanted: lambda source: source in wanted,
        "source is {value}, wanted one of {threshold}",
    ),
)  # fmt: skip
