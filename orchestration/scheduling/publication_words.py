"""Read what each layer says of publications, and work out their words, in a few queries whatever their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from channels.models import Channel
from orchestration.errors import WordsRefused
from orchestration.models import Attachment, Distribution, Schedule, Video
from orchestration.states import AttachmentKind
from orchestration.words import limits, placeholders
from orchestration.words.fields import LayerName
from orchestration.words.resolving import Facts, Layer, Resolved, resolve


@dataclass(frozen=True, slots=True)
class Member:
    """One publication, written or only planned: what it is of and for, what its wave and itself say, and its instant."""

    video: Video
    channel: Channel
    at: datetime | None = None
    wave_words: Mapping[str, Any] | None = None
    words: Mapping[str, Any] | None = None


def words_of(distribution: Distribution) -> Resolved:
    """Return what one publication says; with a problem in it, it must not be published (`require`)."""
    return words_of_many([distribution.pk])[distribution.pk]


def words_of_many(distribution_ids: Iterable[int]) -> dict[int, Resolved]:
    """Return what publications say, by the distribution's id, in two queries."""
    rows = list(with_words(distribution_ids))
    resolved = resolve_members([member_of(row) for row in rows])
    return {row.pk: words for row, words in zip(rows, resolved, strict=True)}


def with_words(distribution_ids: Iterable[int] | QuerySet[Any]) -> Sequence[Distribution]:
    """Return distributions with everything that their words are read from; a query of their ids is asked with them."""
    asked = distribution_ids if isinstance(distribution_ids, QuerySet) else list(distribution_ids)
    rows = Distribution.objects.filter(pk__in=asked)
    return list(rows.select_related("video__source", "channel", "wave", "schedule").order_by("pk"))


def member_of(row: Distribution) -> Member:
    """Return a distribution, read by `with_words`, as what its words are worked out from."""
    schedule: Schedule | None = getattr(row, "schedule", None)
    at = row.published_at or (schedule.publish_at if schedule is not None else None)
    return Member(row.video, row.channel, at, row.wave.words if row.wave is not None else None, row.words)


def resolve_members(members: Sequence[Member]) -> list[Resolved]:
    """Return what each member says, in their order; their videos' sources and channels are read already."""
    subtitles = _subtitles({member.video.pk for member in members})
    of_source = {
        member.video.pk: source_layer(member.video, subtitles.get(member.video.pk, ())) for member in members
    }
    of_channel = {member.channel.pk: channel_layer(member.channel) for member in members}
    return [
        resolve(
            [
                of_channel[member.channel.pk],
                of_source[member.video.pk],
                Layer(LayerName.VIDEO, member.video.words or {}),
                Layer(LayerName.WAVE, member.wave_words or {}),
                Layer(LayerName.PUBLICATION, member.words or {}),
            ],
            facts_of(member),
        )
        for member in members
    ]


def channel_layer(channel: Channel) -> Layer:
    """Return what a channel says: its columns, and its words for the rest."""
    return Layer(
        LayerName.CHANNEL,
        {
            **(channel.words or {}),
            "title": channel.title_template or "{title}",
            "description": channel.description_template,
            "tags": channel.tags,
            "category_id": channel.category_id or None,
            "language": channel.language,
            "made_for_kids": channel.made_for_kids,
            "notify_subscribers": channel.notify_subscribers,
        },
    )


def source_layer(video: Video, subtitles: Sequence[int] = ()) -> Layer:
    """Return what a video's source says of it; its newest subtitles of each language count as said there."""
    language = video.language or (video.source.language if video.source is not None else "")
    return Layer(
        LayerName.SOURCE,
        {
            "title": video.title,
            "description": video.description,
            "tags": video.tags,
            "language": language or None,
            "subtitles": list(subtitles) or None,
        },
    )


def facts_of(member: Member) -> Facts:
    """Return what a member's templates are filled with beside its words."""
    video, channel = member.video, member.channel
    return Facts(
        channel=channel.name,
        source=video.source.name if video.source is not None else "",
        local=member.at.astimezone(channel.zone) if member.at is not None else None,
        video=f"Video {video.pk}",
    )


def needs_title(template: str) -> bool:
    """Return whether a channel's titles are made of its videos'; one that cannot be read counts as such."""
    try:
        return "title" in placeholders.names_in(template)
    except placeholders.PlaceholderWrong:
        return True


def is_untitled(title: str, words: Mapping[str, Any] | None) -> bool:
    """Return whether neither a video's source nor a person gave it a title that shows anything."""
    said = (words or {}).get("title")
    if said is None or said.strip() == "{title}":
        return not limits.is_visible(title)
    return False


def require(words: Resolved) -> Resolved:
    """Return words that may be published. Raises: WordsRefused, naming each problem."""
    if words.problems:
        sentences = "; ".join(problem.message for problem in words.problems)
        raise WordsRefused(
            f"{sentences[0].upper()}{sentences[1:]}.",
            field=words.problems[0].field,
            problems=[
                {"field": problem.field, "code": problem.code, "message": problem.message}
                for problem in words.problems
            ],
        )
    return words


def _subtitles(video_ids: Iterable[int]) -> dict[int, list[int]]:
    """Return the ids of videos' newest subtitles of each language, in the languages' order."""
    newest: dict[int, dict[str, int]] = defaultdict(dict)
    rows = Attachment.objects.filter(video__in=list(video_ids), kind=AttachmentKind.SUBTITLES)
    for pk, video_id, language in rows.order_by("language", "pk").values_list("pk", "video_id", "language"):
        newest[video_id][language] = pk
    return {video_id: list(by_language.values()) for video_id, by_language in newest.items()}
