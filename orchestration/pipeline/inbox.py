"""Look into a watched folder, and take in what has stopped growing."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from orchestration import media
from orchestration.core import audit, lookup
from orchestration.errors import InvalidRequest
from orchestration.media import folder
from orchestration.models import Job, Source, Video
from orchestration.pipeline import attachments, sidecars
from orchestration.pipeline.take_in import take, title_of
from orchestration.queue.lease import JobLease, WaitUntil

logger = logging.getLogger(__name__)

MOST_FOLLOWED = 500
"""How many growing films are followed at once; the others wait for their turn."""


def watched_path(source: Source) -> Path:
    """Return the folder that a source watches, if it still may. Raises: FolderUnusable."""
    path = Path(source.place["path"])
    why = refusal(path)
    if why:
        raise folder.FolderUnusable(why)
    if path == settings.HEADEND_INBOX:
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def refusal(path: Path) -> str:
    """Return why a folder may not be watched, in a sentence; empty if it may. Nothing is written."""
    if not path.is_absolute():
        return f"{path} is not a whole path, from / on."
    inbox, data = settings.HEADEND_INBOX, Path(settings.HEADEND_DATA_DIR).resolve()
    found = path.resolve()
    if found != path and path != inbox:
        return f"{path} leads to {found} by a link; name that folder itself."
    if found.is_relative_to(inbox.resolve()):
        return ""
    if found.is_relative_to(data) or data.is_relative_to(found):
        return f"{path} holds Headend's own files, or lies among them."
    roots = [root.resolve() for root in settings.HEADEND_INBOX_FOLDERS]
    if not any(found.is_relative_to(root) for root in roots):
        where = ", ".join(map(str, roots)) or "none"
        return f"{path} lies in no folder of HEADEND_INBOX_FOLDERS ({where}), nor in {inbox}."
    return ""


def look(job: Job, lease: JobLease) -> dict[str, Any]:
    """Take in each film that has not changed over two looks and HEADEND_INBOX_SECONDS; wait for those that still do.

    Raises: FolderUnusable, StorageFull, Cancelled; WaitUntil, while something grows.
    """
    source = lookup.one(Source, job.source_id or 0, field="source_id")
    done: dict[str, int] = {"taken": 0, "known": 0, "refused": 0}
    failures: list[Exception] = []
    with folder.Folder(watched_path(source)) as watched:
        ripe = watched.left_over()
        films = watched.films()
        still, growing = _settled(source, films)
        for film in still:
            claimed = watched.claim(film)
            if claimed is not None:
                ripe.append(claimed)
        for number, claimed in enumerate(ripe):
            if lease.cancelled():
                raise media.Cancelled("Cancelled while looking into a folder.")
            lease.progress(number / len(ripe), f"taking in {claimed.key}"[:200])
            try:
                done[_take(source, watched, claimed)] += 1
            except media.MediaError:
                raise
            except Exception as error:
                # It stays where it is and is tried at the next look; it does not keep the others from being taken.
                logger.exception("%s of source %s could not be taken in", claimed.key, source.pk)
                failures.append(error)
    _note_look(source, len(films), growing)
    if failures:
        raise failures[0]
    if growing:
        at = timezone.now() + timedelta(seconds=max(settings.HEADEND_INBOX_SECONDS, 1))
        raise WaitUntil(at, f"{len(growing)} still growing, or just put there")
    return done


def _settled(source: Source, films: list[folder.Film]) -> tuple[list[folder.Film], dict[str, dict[str, Any]]]:
    """Tell films that have not changed since an earlier look, long enough ago, from those to look at again."""
    now, before = timezone.now(), source.looked_at or {}
    still: list[folder.Film] = []
    growing: dict[str, dict[str, Any]] = {}
    for film in films:
        facts = [list(fact) for fact in film.facts]
        seen = before.get(film.key)
        if seen is None or seen["facts"] != facts:
            if len(growing) < MOST_FOLLOWED:
                growing[film.key] = {"facts": facts, "since": now.isoformat()}
        elif now - datetime.fromisoformat(seen["since"]) >= timedelta(seconds=settings.HEADEND_INBOX_SECONDS):
            still.append(film)
        else:
            growing[film.key] = seen
    return still, growing


def _note_look(source: Source, found: int, growing: dict[str, dict[str, Any]]) -> None:
    now = timezone.now()
    Source.objects.filter(pk=source.pk).update(
        looked_at=growing,
        last_scraped_at=now,
        last_found=found,
        last_error="",
        consecutive_failures=0,
        next_scrape_at=now + timedelta(minutes=source.scrape_interval_minutes),
    )


def _take(source: Source, watched: folder.Folder, claimed: folder.Claimed) -> str:
    """Take one film in with what belongs to it, or refuse it whole; returns what became of it."""
    tool = media.ffmpeg_tool(
        settings.HEADEND_FFMPEG or None
    )  # outside: a missing one is no fault of the film
    try:
        info = media.probe(claimed.path, tool=tool)
        beside = sidecars.read(claimed, language=source.language, film_seconds=info.duration_seconds)
        if source.place.get("keep", True):
            folder.keep_second_name(claimed)
        taken = take(
            claimed.path,
            source=source,
            name=claimed.name,
            title=beside.title,
            words=beside.words,
            published_at=beside.published_at,
        )
    except (sidecars.SidecarWrong, InvalidRequest, media.MediaError) as error:
        if isinstance(error, media.MediaError) and error.again != "never":
            raise
        return _refuse(source, watched, claimed, str(error))
    video = taken.video
    notes = []
    if video.source_id == source.pk:
        notes = _describe(video, source, claimed, beside)
    elif claimed.extras:
        notes = [f"It came by another source, so {', '.join(claimed.extras)} was left unread."]
    said = "Taken in as" if taken.is_new else "Its content is here already, as"
    text = f"{said} video {video.pk}, {video}, at {timezone.now():%Y-%m-%d %H:%M} UTC."
    where = watched.set_aside(claimed, folder.TAKEN, "\n".join([text, *notes]))
    with transaction.atomic():
        audit.record(
            "inbox_film_taken",
            source,
            after={"file": claimed.key, "video": video.pk, "new": taken.is_new, "lies": where},
            members={"video": [video.pk]},
        )
    return "taken" if taken.is_new else "known"


def _refuse(source: Source, watched: folder.Folder, claimed: folder.Claimed, why: str) -> str:
    where = watched.set_aside(
        claimed, folder.REFUSED, f"{why}\n\nMend it, and move {claimed.name} back with what belongs to it."
    )
    with transaction.atomic():
        audit.record(
            "inbox_film_refused", source, after={"file": claimed.key, "lies": where}, reason=why[:500]
        )
    return "refused"


def _describe(video: Video, source: Source, claimed: folder.Claimed, beside: sidecars.Beside) -> list[str]:
    """Give a video what lay beside it: once more after a crash changes nothing. What a person said since stays."""
    notes: list[str] = []
    words: dict[str, Any] = {}
    if beside.picture:
        words["picture"] = attachments.add_picture(video, claimed.place / beside.picture, beside.picture).pk
    if beside.subtitles:
        words["subtitles"] = [
            attachments.add_subtitles(video, claimed.place / name, language, name).pk
            for name, language in beside.subtitles
        ]
    with transaction.atomic():
        row = Video.objects.locked().get(pk=video.pk)
        for name, value, unsaid in (
            ("title", beside.title, title_of(claimed.name)),
            ("description", beside.description, ""),
            ("tags", list(beside.tags), []),
            ("language", beside.language, source.language),
        ):
            if value and getattr(row, name) in (unsaid, ""):
                setattr(row, name, value)
            elif value and getattr(row, name) != value:
                notes.append(f"The video has another {name} already; it stays.")
        row.words = {**words, **beside.words, **row.words}
        Video.objects.filter(pk=row.pk).update(
            title=row.title,
            description=row.description,
            tags=row.tags,
            language=row.language,
            words=row.words,
        )
    return notes
