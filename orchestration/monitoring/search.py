"""Find what somebody types a part of: channels, videos, waves, publications, jobs and sources, a few of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from channels.models import Channel
from orchestration.models import Job, Schedule, Source, Video, Wave

MOST = 6
LONGEST = 100
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Hit:
    """One row that fits: what kind it is, what it is called, what is said beside it, and what its page is opened by."""

    kind: str
    key: str
    title: str
    note: str
    state: str = ""


def search(words: str, most: int = MOST) -> list[Hit]:
    """Return what fits, best of each kind first: what begins with the words before what has them within.

    A number finds the publication, the job and the wave with that id, too. Six small statements, whatever there is.
    """
    words = " ".join(words.split())[:LONGEST]
    if not words:
        return []
    number = int(words.lstrip("#")) if words.lstrip("#").isascii() and words.lstrip("#").isdecimal() else 0
    number = number if number <= LARGEST_ID else 0
    return [
        *_channels(words, most),
        *_publications(words, number, most),
        *_waves(words, number, most),
        *_videos(words, most),
        *_sources(words, most),
        *_jobs(number),
    ]


def _ranked(rows: QuerySet[Any], field: str, words: str) -> QuerySet[Any]:
    begins = Case(
        When(**{f"{field}__istartswith": words}, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    return rows.annotate(begins=begins)


def _channels(words: str, most: int) -> list[Hit]:
    rows = Channel.objects.filter(Q(name__icontains=words) | Q(slug__icontains=words))
    found = _ranked(rows, "name", words).order_by("begins", "name").only("slug", "name", "state", "timezone")
    return [Hit("channel", row.slug, row.name, row.timezone, row.state) for row in found[:most]]


def _videos(words: str, most: int) -> list[Hit]:
    # The newest first, so that the search ends as soon as enough are found; a rank would have all of them read.
    rows = Video.objects.filter(title__icontains=words).order_by("-id").select_related("source")
    return [Hit("video", str(row.pk), str(row), str(row.source or ""), row.state) for row in rows[:most]]


def _waves(words: str, number: int, most: int) -> list[Hit]:
    rows = Wave.objects.filter(Q(name__icontains=words) | Q(pk=number)).order_by("-id")
    return [Hit("wave", str(row.pk), row.name, f"wave {row.pk}", row.state) for row in rows[:most]]


def _sources(words: str, most: int) -> list[Hit]:
    rows = _ranked(Source.objects.filter(name__icontains=words), "name", words).order_by("begins", "name")
    return [Hit("source", str(row.pk), row.name, "source", row.state) for row in rows[:most]]


def _publications(words: str, number: int, most: int) -> list[Hit]:
    """Find publications by id, or by the newest videos whose titles fit."""
    videos = Video.objects.filter(title__icontains=words).order_by("-id").values_list("pk", flat=True)[:50]
    rows = Schedule.objects.filter(Q(pk=number) | Q(distribution__video__in=list(videos))).select_related(
        "distribution__video", "channel"
    )
    return [
        Hit(
            "publication",
            str(row.pk),
            f"{row.distribution.video} on {row.channel}",
            f"{row.publish_at:%a} {row.publish_at.day} {row.publish_at:%b %H:%M} UTC",
            row.state,
        )
        for row in rows.order_by("-publish_at")[:most]
    ]


def _jobs(number: int) -> list[Hit]:
    if not number:
        return []
    rows = Job.objects.filter(pk=number).select_related("channel")
    return [
        Hit("job", str(row.pk), f"{row.get_kind_display()} job {row.pk}", str(row.channel or ""), row.state)
        for row in rows
    ]
