"""Rank the videos that a channel may take: how well each fits, and how fresh it is.

Both parts lie between 0 and 1. The third part of the order, fairness, is not a number of a pair: the
channel with the emptiest backlog chooses next.
"""

from __future__ import annotations

from datetime import datetime

from orchestration.planning.filters import phrase_in, words_of
from orchestration.planning.types import ChannelView, Filters, VideoView

FIT_WEIGHT = 0.7
FRESHNESS_WEIGHT = 0.3
HALF_FRESH_DAYS = 7.0
FULL_HEIGHT = 1080
NOTHING_KNOWN = 0.5


class Ranker:
    """Rank videos for channels at one moment; channels with the same filters share the work."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._orders: dict[Filters, list[int]] = {}

    def fit(self, video: VideoView, filters: Filters) -> float:
        """Return how well a video fits a channel's filters: wanted words, exact language, picture height."""
        parts = []
        if filters.keywords_in:
            words = words_of(video) or ""
            found = sum(1 for phrase in filters.keywords_in if phrase_in(phrase, words))
            parts.append(found / len(filters.keywords_in))
        if filters.languages and video.language:
            parts.append(1.0 if video.language in filters.languages else NOTHING_KNOWN)
        if video.height:
            parts.append(min(video.height / FULL_HEIGHT, 1.0))
        return sum(parts) / len(parts) if parts else NOTHING_KNOWN

    def freshness(self, video: VideoView) -> float:
        """Return 1 for a video of this moment, a half after a week, falling on; 0 where its age is unknown."""
        since = video.ready_at or video.published_at
        if since is None:
            return 0.0
        days = max((self.now - since).total_seconds(), 0.0) / 86400
        return HALF_FRESH_DAYS / (HALF_FRESH_DAYS + days)

    def scores(self, video: VideoView, channel: ChannelView) -> dict[str, float]:
        """Return the parts of a pair's rank, and the rank."""
        fit, freshness = self.fit(video, channel.filters), self.freshness(video)
        return {"fit": fit, "freshness": freshness, "rank": FIT_WEIGHT * fit + FRESHNESS_WEIGHT * freshness}

    def order(self, videos: list[VideoView], channel: ChannelView) -> list[int]:
        """Return the places of the videos in their list, best first; equal ranks by id."""
        order = self._orders.get(channel.filters)
        if order is None:
            rank = [self.scores(video, channel)["rank"] for video in videos]
            order = sorted(range(len(videos)), key=lambda i: (-rank[i], videos[i].id))
            self._orders[channel.filters] = order
        return order
