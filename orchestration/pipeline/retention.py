"""Delete files that are kept no longer, by the rules of the installation or of their source, and say what the disk holds.

Nothing is deleted that a plan needs or that cannot be had again: `orchestration.planning.retention` decides it, here under
the lock that planners take, so that no plan comes between the look and the deletion.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from orchestration.core import audit
from orchestration.models import Distribution, Job, Rendition, Schedule, Upload, Video
from orchestration.models.library import Source
from orchestration.pipeline.scrape import absolute
from orchestration.planning.retention import Facts, Rule, deletable
from orchestration.results.pools import CleanItem, CleanResult, DiskReport
from orchestration.scheduling import reservations
from orchestration.states import OPEN_SCHEDULES, DistributionState, ScheduleState, UploadState, VideoState

BATCH = 100
MOST = 5000
GROWTH_DAYS = 7
WOULD_BE_FREED = "headend:would-be-freed"
NEEDS = OPEN_SCHEDULES | {ScheduleState.NEEDS_REVIEW}
MAY_BE_SENT = frozenset(
    {DistributionState.ASSIGNED, DistributionState.STAGED, DistributionState.NEEDS_REVIEW}
)


def rules_of(source: Source | None) -> tuple[Rule, Rule]:
    """Return for how long originals and prepared files of a source are kept: its own rules, else the installation's."""
    original = (source.keep_originals if source else "") or settings.HEADEND_KEEP_ORIGINALS
    prepared = (source.keep_prepared if source else "") or settings.HEADEND_KEEP_PREPARED
    return Rule.read(original), Rule.read(prepared)


def _candidates() -> QuerySet[Any]:
    of_video = {"distribution__video": OuterRef("pk")}
    files = Rendition.objects.present().filter(video=OuterRef("pk"))
    needed = (
        Exists(Schedule.objects.filter(state__in=NEEDS, **of_video))
        | Exists(Job.objects.open().filter(video=OuterRef("pk")))
        | Exists(Distribution.objects.filter(video=OuterRef("pk"), state__in=MAY_BE_SENT))
    )
    published = Max("distributions__published_at")
    return (
        Video.objects.filter(state=VideoState.READY)
        .select_related("source")
        .annotate(needed=needed, prepared=Exists(files), published=published)
        .filter(~Q(original_file="") | Q(prepared=True))
        .order_by("ready_at", "pk")
    )


def _decided(video: Any, now: datetime) -> tuple[bool, bool]:
    facts = Facts(
        is_ready=video.state == VideoState.READY,
        is_needed=video.needed,
        can_be_fetched=bool(video.url),
        has_original=bool(video.original_file),
        has_prepared=video.prepared,
        ready_at=video.ready_at,
        published_at=video.published,
    )
    return deletable(facts, *rules_of(video.source), now)


def _over(now: datetime) -> Iterator[CleanItem]:
    """Yield what would be deleted now, the oldest first."""
    if not _any_rule():
        return
    sizes = dict(
        Rendition.objects.present()
        .filter(video__state=VideoState.READY)
        .values_list("video")
        .annotate(Sum("size_bytes"))
        .order_by()
    )
    for video in _candidates().filter(needed=False).iterator(chunk_size=1000):
        original, prepared = _decided(video, now)
        if original or prepared:
            freed = (video.size_bytes or 0 if original else 0) + (sizes.get(video.pk) or 0 if prepared else 0)
            yield CleanItem(video.pk, str(video), original, prepared, freed)


def _any_rule() -> bool:
    """Return whether any rule ever ends."""
    if any(rule != Rule() for rule in rules_of(None)):
        return True
    return Source.objects.exclude(keep_originals="", keep_prepared="").exists()


def clean(*, dry_run: bool = False, now: datetime | None = None) -> CleanResult:
    """Delete what is kept no longer; a dry run only tells what that is. At most some thousand videos at once."""
    now = now or timezone.now()
    items = []
    for item in _over(now):
        items.append(item)
        if len(items) == MOST:
            break
    if not dry_run:
        items = [
            done
            for start in range(0, len(items), BATCH)
            for done in _delete([item.video_id for item in items[start : start + BATCH]], now)
        ]
    return CleanResult(items=items, freed_bytes=sum(item.freed_bytes for item in items), dry_run=dry_run)


def _delete(ids: Sequence[int], now: datetime) -> list[CleanItem]:
    """Decide anew under the planners' lock, write what is gone, and delete it once that is committed."""
    done, paths = [], []
    with transaction.atomic():
        reservations.hold_alone()
        list(Video.objects.filter(pk__in=ids).locked().order_by("pk").values_list("pk", flat=True))
        for video in _candidates().filter(pk__in=ids):
            original, prepared = _decided(video, now)
            if not original and not prepared:
                continue
            rows = list(Rendition.objects.present().filter(video=video)) if prepared else []
            files = [row.file for row in rows] + ([video.original_file] if original else [])
            freed = sum(_size(absolute(name)) for name in files)
            Rendition.objects.filter(pk__in=[row.pk for row in rows]).update(file="")
            changes = {"original_file": ""} if original else {}
            changes |= {"prepared_file": ""} if prepared else {}
            Video.objects.filter(pk=video.pk).update(**changes)
            audit.record(
                "files_deleted",
                video,
                before={"files": files},
                after={"files": [], "freed_bytes": freed},
                reason="kept no longer, by the rule of "
                + ("its source" if _has_own_rule(video.source) else "the installation"),
            )
            paths += [absolute(name) for name in files]
            done.append(CleanItem(video.pk, str(video), original, prepared, freed))
    for path in paths:
        _unlink(path)
    return done


def _has_own_rule(source: Source | None) -> bool:
    return source is not None and bool(source.keep_originals or source.keep_prepared)


def _unlink(path: Path) -> None:
    """Delete a file, unless a row names it again meanwhile: it was made or fetched anew under the same name."""
    name = path.relative_to(Path(settings.MEDIA_ROOT)).as_posix()
    named = Rendition.objects.filter(file=name).exists() or Video.objects.filter(original_file=name).exists()
    if not named:
        path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def report(now: datetime | None = None) -> DiskReport:
    """Say what lies on the disk of MEDIA_ROOT, how fast it grows, and when it will be full at that."""
    now = now or timezone.now()
    folder = Path(settings.MEDIA_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    usage = shutil.disk_usage(folder)
    since = now - timedelta(days=GROWTH_DAYS)
    videos, files = Video.objects.exclude(original_file=""), Rendition.objects.present()
    originals, originals_grown = _sums(videos, Q(created_at__gte=since))
    prepared, prepared_grown = _sums(files, Q(made_at__gte=since))
    a_day = (originals_grown + prepared_grown) // GROWTH_DAYS
    room = usage.free - settings.HEADEND_DISK_FLOOR_BYTES
    waiting = Upload.objects.filter(state__in=[UploadState.OPEN, UploadState.RECEIVED, UploadState.FAILED])
    freed_bytes, freed_videos = _would_be_freed(now)
    return DiskReport(
        total_bytes=usage.total,
        free_bytes=usage.free,
        floor_bytes=settings.HEADEND_DISK_FLOOR_BYTES,
        originals_bytes=originals,
        prepared_bytes=prepared,
        uploads_bytes=waiting.aggregate(total=Sum("received_bytes"))["total"] or 0,
        grows_bytes_a_day=a_day,
        days_left=max(0, room // a_day) if a_day else None,
        keep_originals=settings.HEADEND_KEEP_ORIGINALS,
        keep_prepared=settings.HEADEND_KEEP_PREPARED,
        deletable_bytes=freed_bytes,
        deletable_videos=freed_videos,
    )


def _would_be_freed(now: datetime) -> tuple[int, int]:
    """Return the bytes, and of how many videos: looked up once a minute, since open pages ask every other second."""
    if not _any_rule():
        return 0, 0
    told = cache.get(WOULD_BE_FREED)
    if told is None:
        over = clean(dry_run=True, now=now)
        told = over.freed_bytes, len(over.items)
        cache.set(WOULD_BE_FREED, told, timeout=60)
    return told


def _sums(rows: QuerySet, lately: Q) -> tuple[int, int]:
    """Return how many bytes there are in all, and how many of them came lately."""
    told = rows.aggregate(all=Sum("size_bytes"), lately=Sum("size_bytes", filter=lately))
    return told["all"] or 0, told["lately"] or 0
