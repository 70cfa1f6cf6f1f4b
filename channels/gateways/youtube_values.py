"""The values that the YouTube gateway returns, and how they are read out of the API's answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """The channel a credential speaks for, and its numbers as YouTube states them."""

    id: str
    title: str
    uploads_playlist_id: str
    subscriber_count: int | None  # None: the owner hides it
    view_count: int
    video_count: int


@dataclass(frozen=True, slots=True)
class VideoStatus:
    """One video as YouTube states it at the moment of reading.

    `published_at` is when it was uploaded while it is private, and when it became public afterwards.
    """

    id: str
    channel_id: str
    privacy_status: str
    publish_at: datetime | None
    upload_status: str
    failure_reason: str
    rejection_reason: str
    published_at: datetime | None
    title: str
    description: str
    tags: tuple[str, ...]
    view_count: int | None
    like_count: int | None
    comment_count: int | None
    processing_status: str = ""
    """`processing`, `succeeded`, `failed` or `terminated` (given up); only its owner is told."""
    category_id: str = ""
    language: str = ""
    licence: str = ""
    embeddable: bool = True
    made_for_kids: bool = False
    """As its owner declared it; only the owner is told."""
    synthetic_media: bool = False
    paid_promotion: bool = False

    @property
    def is_public(self) -> bool:
        return self.privacy_status == "public"


def channel_of(item: dict[str, Any]) -> ChannelInfo:
    """Read a channel out of the API's answer."""
    numbers = item.get("statistics", {})
    hidden = numbers.get("hiddenSubscriberCount", False)
    return ChannelInfo(
        id=item["id"],
        title=item["snippet"]["title"],
        uploads_playlist_id=item["contentDetails"]["relatedPlaylists"]["uploads"],
        subscriber_count=None if hidden else _number(numbers.get("subscriberCount")),
        view_count=_number(numbers.get("viewCount")) or 0,
        video_count=_number(numbers.get("videoCount")) or 0,
    )


def video_of(item: dict[str, Any]) -> VideoStatus:
    """Read a video out of the API's answer."""
    snippet, status, numbers = (item.get(part, {}) for part in ("snippet", "status", "statistics"))
    paid = item.get("paidProductPlacementDetails", {})
    return VideoStatus(
        id=item["id"],
        channel_id=snippet.get("channelId", ""),
        privacy_status=status.get("privacyStatus", ""),
        publish_at=_instant(status.get("publishAt")),
        upload_status=status.get("uploadStatus", ""),
        failure_reason=status.get("failureReason", ""),
        rejection_reason=status.get("rejectionReason", ""),
        published_at=_instant(snippet.get("publishedAt")),
        title=snippet.get("title", ""),
        description=snippet.get("description", ""),
        tags=tuple(snippet.get("tags", ())),
        view_count=_number(numbers.get("viewCount")),
        like_count=_number(numbers.get("likeCount")),
        comment_count=_number(numbers.get("commentCount")),
        processing_status=item.get("processingDetails", {}).get("processingStatus", ""),
        category_id=str(snippet.get("categoryId", "")),
        language=snippet.get("defaultLanguage", ""),
        licence=status.get("license", "youtube"),
        embeddable=bool(status.get("embeddable", True)),
        made_for_kids=bool(status.get("selfDeclaredMadeForKids", False)),
        synthetic_media=bool(status.get("containsSyntheticMedia", False)),
        paid_promotion=bool(paid.get("hasPaidProductPlacement", False)),
    )


def with_status(video: VideoStatus, status: dict[str, Any]) -> VideoStatus:
    """Return a video with the status that an update answered."""
    return replace(
        video,
        privacy_status=status.get("privacyStatus", ""),
        publish_at=_instant(status.get("publishAt")),
        upload_status=status.get("uploadStatus", video.upload_status),
    )


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def whole_second(instant: datetime) -> datetime:
    """Return the instant in UTC, rounded up to a whole second."""
    at = instant.astimezone(UTC)
    return at if not at.microsecond else at.replace(microsecond=0) + timedelta(seconds=1)


def written(instant: datetime) -> str:
    """Write an instant as the API wants it."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
