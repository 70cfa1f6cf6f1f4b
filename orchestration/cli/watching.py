"""List the commands about pictures and subtitles of videos."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from orchestration.api.schemas.library import VideoOut
from orchestration.api.schemas.watching import AttachmentOut
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service, reason
from orchestration.errors import InvalidRequest
from orchestration.models import Attachment, Video


def _attachment(row: Attachment) -> list[str]:
    what = f"{row.kind} {row.language}".strip()
    return [
        f"{row.pk}  {what}, “{row.name}”, {row.size_bytes:,} bytes",
        *(f"    {note}" for note in row.notes),
    ]


def _attachments(rows: Sequence[Attachment]) -> list[str]:
    return [line for row in rows for line in _attachment(row)] or ["No picture and no subtitles."]


def _chosen(row: Video) -> list[str]:
    picture = row.words.get("picture")
    return [f"video {row.pk}: {f'picture {picture}' if picture else 'no picture of ours'}"]


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise InvalidRequest(f"There is no file {text}.", field="file")
    return path


def _video(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the video")


def _with_file(parser: argparse.ArgumentParser) -> None:
    _video(parser)
    parser.add_argument("file", help="path of the file; it stays where it is")


def _subtitles(parser: argparse.ArgumentParser) -> None:
    _with_file(parser)
    parser.add_argument("--language", required=True, help="as BCP 47 writes it: en, pt-BR, zh-Hant")


def _at(parser: argparse.ArgumentParser) -> None:
    _video(parser)
    parser.add_argument("at", type=float, metavar="SECONDS", help="from the film's start")


def _set_options(parser: argparse.ArgumentParser) -> None:
    _video(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--attachment", type=arguments.row_id, metavar="ID", help="a picture that is there")
    which.add_argument("--file", help="a picture to add")
    which.add_argument("--at", type=float, metavar="SECONDS", help="the frame shown there")
    which.add_argument("--none", action="store_true", help="no picture of ours")
    arguments.add_reason(parser)


def _set(service: Service, options: Options) -> Video:
    chosen = options.attachment
    if options.file:
        chosen = service.add_picture(video_id=options.id, path=_file(options.file)).pk
    elif options.at is not None:
        chosen = service.add_frame(video_id=options.id, at_seconds=options.at).pk
    return service.choose_picture(video_id=options.id, attachment_id=chosen, reason=reason(options))


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the picture or the subtitles")
    arguments.add_reason(parser)


WATCHING = (
    Command(
        "attachments",
        "list a video's pictures and subtitles",
        lambda s, o: s.get_attachments(video_id=o.id),
        list[AttachmentOut],
        _attachments,
        _video,
    ),
    Command(
        "picture-add",
        "keep a picture with a video, made as YouTube takes it",
        lambda s, o: s.add_picture(video_id=o.id, path=_file(o.file)),
        AttachmentOut,
        _attachment,
        _with_file,
    ),
    Command(
        "frame-add",
        "keep a frame of a video as a picture",
        lambda s, o: s.add_frame(video_id=o.id, at_seconds=o.at),
        AttachmentOut,
        _attachment,
        _at,
    ),
    Command("picture-set", "choose a video's picture", _set, VideoOut, _chosen, _set_options),
    Command(
        "subtitles-add",
        "keep checked subtitles with a video",
        lambda s, o: s.add_subtitles(video_id=o.id, path=_file(o.file), language=o.language),
        AttachmentOut,
        _attachment,
        _subtitles,
    ),
    Command(
        "attachment-remove",
        "remove a picture or subtitles that no words name",
        lambda s, o: s.remove_attachment(attachment_id=o.id, reason=reason(o)),
        VideoOut,
        _chosen,
        _one,
    ),
)
