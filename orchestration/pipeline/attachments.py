"""Keep the pictures and subtitles that go with a video: checked, made as YouTube takes them, below the video's folder.

Files are named by their content, never by what somebody called them. An attachment is never changed; what is better is
added, and named by the words instead.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.db import transaction
from django.db.models import Q

from orchestration import media
from orchestration.core import audit, preconditions
from orchestration.errors import InvalidRequest
from orchestration.media.errors import MediaError, SubtitlesUnusable
from orchestration.models import Attachment, Distribution, Video, Wave
from orchestration.pipeline.scrape import absolute, folder_of, relative
from orchestration.states import AttachmentKind

NAME_LENGTH = 150


def add_picture(video: Video, path: Path, name: str, *, is_frame: bool = False) -> Attachment:
    """Keep a copy of the picture at `path` as YouTube takes it: JPEG, at most 1280x720 and 2 MB, without EXIF.

    The same picture is kept once. `is_frame` says that it was taken from the film, and may be small. The file at `path`
    stays as it is. Raises: InvalidRequest (field `picture`), StorageFull.
    """
    from orchestration.media.pictures import make_picture  # Pillow is loaded when it is needed

    with _workplace(video) as place:
        made = place / "picture.jpg"
        try:
            make_picture(path, made, enlarge=is_frame)
        except MediaError as error:
            if error.again != "never":
                raise
            raise InvalidRequest(f"{_shown(name)} {error}", field="picture") from error
        return _kept(video, made, AttachmentKind.PICTURE, "", name, [])


def add_subtitles(video: Video, path: Path, language: str, name: str) -> Attachment:
    """Keep a checked copy of the subtitles at `path`, SRT or WebVTT, in UTF-8; `language` as BCP 47 writes it.

    The same subtitles of a language are kept once. What was noticed (`notes`) does not stand against them. The file at
    `path` stays as it is. Raises: InvalidRequest (field `subtitles`, with `line`, or `language`), StorageFull.
    """
    from orchestration.media import subtitles

    try:
        tag = subtitles.language_tag(language)
    except ValueError as error:
        raise InvalidRequest(f"language: “{language[:40]}” {error}.", field="language") from None
    try:
        if path.stat().st_size > subtitles.MAX_BYTES:
            raise SubtitlesUnusable(f"the file has more than {subtitles.MAX_BYTES:,} bytes.")
        found = subtitles.read_subtitles(
            path.read_bytes(), language=tag, film_seconds=video.duration_seconds or None
        )
    except SubtitlesUnusable as error:
        raise InvalidRequest(f"{_shown(name)}: {error}", field="subtitles", line=error.line) from error
    with _workplace(video) as place:
        made = place / f"subtitles.{found.kind}"
        made.write_text(subtitles.written(found, found.kind), encoding="utf-8", newline="\n")
        return _kept(video, made, AttachmentKind.SUBTITLES, tag, name, list(found.notes))


def remove(attachment: Attachment, reason: str = "") -> None:
    """Remove an attachment and its file. Raises: InvalidRequest while words still name it."""
    with transaction.atomic():
        row = Attachment.objects.locked().get(pk=attachment.pk)
        preconditions.hold(Attachment, row.pk)
        named = named_by(row)
        if named:
            raise InvalidRequest(
                f"{row.get_kind_display()} {row.pk} is still named by the words of {', '.join(named[:5])}"
                f"{f' and {len(named) - 5} more' if len(named) > 5 else ''}; choose another one there first.",
                field="attachment_id",
            )
        shared = Attachment.objects.filter(file=row.file).exclude(pk=row.pk).exists()
        path = absolute(row.file)
        audit.record(
            "attachment_removed", row.video, before={row.kind: row.pk, "name": row.name}, reason=reason
        )
        row.delete()
        if not shared:
            transaction.on_commit(lambda: path.unlink(missing_ok=True))


def named_by(attachment: Attachment) -> list[str]:
    """Return whose words name an attachment: its video's, its publications' or their waves'."""
    pk = attachment.pk
    distributions = Distribution.objects.filter(video=attachment.video_id)
    waves = Wave.objects.filter(distributions__video=attachment.video_id).distinct()
    named = [f"video {attachment.video_id}"] if _names(attachment.video.words, pk) else []
    for row_id, words in distributions.filter(_may_name()).values_list("pk", "words"):
        if _names(words, pk):
            named.append(f"publication {row_id}")
    for row_id, words in waves.filter(_may_name()).values_list("pk", "words"):
        if _names(words, pk):
            named.append(f"wave {row_id}")
    return named


def _may_name() -> Q:
    return Q(words__has_key="picture") | Q(words__has_key="subtitles")


def _names(words: dict, pk: int) -> bool:
    return words.get("picture") == pk or pk in (words.get("subtitles") or [])


@contextlib.contextmanager
def _workplace(video: Video) -> Iterator[Path]:
    """Give a folder for half-made files on the disk where the whole ones will lie."""
    folder = folder_of(video) / "attachments"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as place:
        yield Path(place)


def _kept(
    video: Video, made: Path, kind: AttachmentKind, language: str, name: str, notes: list[str]
) -> Attachment:
    digest = media.content_sha256(made)
    target = folder_of(video) / "attachments" / f"{digest[:32]}{made.suffix}"
    size = made.stat().st_size
    media.put_in_place(made, target)
    with transaction.atomic():
        row, is_new = Attachment.objects.get_or_create(
            video=video,
            kind=kind,
            language=language,
            content_hash=digest,
            defaults={
                "name": _shown(name)[:NAME_LENGTH],
                "file": relative(target),
                "size_bytes": size,
                "notes": notes,
            },
        )
        if is_new:
            audit.record(
                "attachment_added",
                video,
                after={str(kind): row.pk, "name": row.name, "language": language, "bytes": size},
            )
    return row


def _shown(name: str) -> str:
    """Return the last part of what somebody called a file, without what no name has."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter for letter in last if letter.isprintable()).strip() or "the file"
