"""`/api/videos/…/media`, `…/attachments`, `/api/attachments`: the files of a video, its pictures and its subtitles."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath

from django.core.files.uploadedfile import UploadedFile as DjangoFile
from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Path, Router, Status, UploadedFile
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.media import show
from orchestration.api.pagination import Pages
from orchestration.api.schemas.library import VideoOut
from orchestration.api.schemas.requests import NO_REASON, Because
from orchestration.api.schemas.watching import AttachmentOut, ChosenPicture, FrameAt
from orchestration.core import lookup
from orchestration.fields import Id
from orchestration.models import Attachment, Video
from orchestration.pipeline import watching

of_videos = Router(tags=["videos"])
attachments = Router(tags=["attachments"])


@contextmanager
def on_disk(file: DjangoFile) -> Iterator[FilePath]:
    """Give an uploaded file as a path, for as long as the block lasts; a large one lies on the disk already."""
    with tempfile.NamedTemporaryFile(prefix="headend-upload-") as kept:
        for piece in file.chunks():
            kept.write(piece)
        kept.flush()
        yield FilePath(kept.name)


@of_videos.get("/{video_id}/media/{which}", operation_id="videos_media", summary="Read a video's file")
def videos_media(request: HttpRequest, video_id: Path[Id], which: str):
    """`prepared` or `original`; with `Range`, only that part of it."""
    return show(request, watching.file_of(lookup.one(Video, video_id, field="video_id"), which))


@of_videos.get(
    "/{video_id}/attachments",
    response=list[AttachmentOut],
    operation_id="videos_attachments",
    summary="List a video's pictures and subtitles",
)
@paginate(Pages, item=AttachmentOut, order=orders.ATTACHMENTS)
def videos_attachments(request: HttpRequest, video_id: Path[Id]):
    """What words may name as `picture` and `subtitles`."""
    return service(request).get_attachments(video_id=video_id)


@of_videos.post(
    "/{video_id}/pictures",
    response={201: AttachmentOut},
    operation_id="videos_add_picture",
    summary="Add a picture to a video",
)
def videos_add_picture(
    request: HttpRequest, video_id: Path[Id], response: HttpResponse, file: File[UploadedFile]
):
    """JPEG, PNG or WebP as `multipart/form-data`; made a JPEG of at most 1280x720 and 2 MB. The same one is kept once."""
    with on_disk(file) as path:
        row = service(request).add_picture(video_id=video_id, path=path, name=file.name or "")
    response["Location"] = f"/api/attachments/{row.pk}"
    return Status(201, row)


@of_videos.post(
    "/{video_id}/frames",
    response={201: AttachmentOut},
    operation_id="videos_add_frame",
    summary="Keep a frame of a video as a picture",
)
def videos_add_frame(request: HttpRequest, video_id: Path[Id], response: HttpResponse, body: FrameAt):
    """The frame that is shown at `at_seconds`."""
    row = service(request).add_frame(video_id=video_id, at_seconds=body.at_seconds)
    response["Location"] = f"/api/attachments/{row.pk}"
    return Status(201, row)


@of_videos.post(
    "/{video_id}/subtitles",
    response={201: AttachmentOut},
    operation_id="videos_add_subtitles",
    summary="Add subtitles to a video",
)
def videos_add_subtitles(
    request: HttpRequest,
    video_id: Path[Id],
    response: HttpResponse,
    file: File[UploadedFile],
    language: Form[str],
):
    """SRT or WebVTT as `multipart/form-data`, with their `language` as BCP 47 writes it; refused with the line at fault."""
    with on_disk(file) as path:
        row = service(request).add_subtitles(
            video_id=video_id, path=path, language=language, name=file.name or ""
        )
    response["Location"] = f"/api/attachments/{row.pk}"
    return Status(201, row)


@of_videos.post(
    "/{video_id}/choose-picture",
    response=VideoOut,
    operation_id="videos_choose_picture",
    summary="Choose a video's picture",
)
def videos_choose_picture(request: HttpRequest, video_id: Path[Id], body: ChosenPicture):
    """Its words name one of its pictures, or none."""
    return service(request).choose_picture(
        video_id=video_id, attachment_id=body.attachment_id, reason=body.reason
    )


@attachments.get(
    "/{attachment_id}",
    response=AttachmentOut,
    operation_id="attachments_show",
    summary="Show a picture's or subtitles' properties",
)
def attachments_show(request: HttpRequest, attachment_id: Path[Id]):
    """With what was noticed when it was checked."""
    return lookup.one(Attachment, attachment_id, field="attachment_id")


@attachments.get(
    "/{attachment_id}/file", operation_id="attachments_file", summary="Read an attachment's file"
)
def attachments_file(request: HttpRequest, attachment_id: Path[Id]):
    """A JPEG, or subtitles in UTF-8."""
    row = lookup.one(Attachment, attachment_id, field="attachment_id")
    return show(request, watching.attachment_file(row))


@attachments.post(
    "/{attachment_id}/remove",
    response=VideoOut,
    operation_id="attachments_remove",
    summary="Remove a picture or subtitles",
)
def attachments_remove(request: HttpRequest, attachment_id: Path[Id], body: Because = NO_REASON):
    """Refused while words name it. Answers with its video."""
    return service(request).remove_attachment(attachment_id=attachment_id, reason=body.reason)


@attachments.delete(
    "/{attachment_id}",
    response={204: None},
    operation_id="attachments_delete",
    summary="Take a picture or subtitles away",
)
def attachments_delete(request: HttpRequest, attachment_id: Path[Id]):
    """As `remove`, without a reason."""
    service(request).remove_attachment(attachment_id=attachment_id)
    return Status(204, None)
