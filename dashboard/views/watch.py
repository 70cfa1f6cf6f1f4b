"""Show films, frames and subtitles to whoever is logged in; add pictures and subtitles, and choose the picture."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST, require_safe

from dashboard.actions import act, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.listing import id_of
from orchestration.api.attachments import on_disk
from orchestration.api.media import show
from orchestration.errors import Busy, InvalidRequest, NotFound
from orchestration.media import MediaError
from orchestration.models import Attachment, Video
from orchestration.pipeline import watching
from orchestration.states import AttachmentKind

PIECE_BYTES = 4 * 1024 * 1024
"""A player gets no more at once: one that is paused then holds no thread of the web server. It asks for the next."""
UNPLAYABLE = (
    "prores",
    "dnxhd",
    "ffv1",
    "mpeg2video",
    "mpeg4",
    "msmpeg4",
    "wmv",
    "dvvideo",
    "rawvideo",
    "theora",
)
UNPLAYABLE_FILES = (".mkv", ".avi", ".ts", ".mts", ".flv", ".wmv", ".mpg", ".mpeg", ".mxf")
HEIGHT = 60


def player_of(row: Video, rendition_id: int | None = None) -> dict[str, Any]:
    """Return what the page of a video shows of its player: which files are there, frames, pictures, subtitles.

    `rendition_id` is the one of its prepared files to play; without it, or with another video's, the default one.
    """
    rows = list(row.attachments.all())
    has = {which: watching.has_file(row, which) for which in watching.FILES}
    hard = row.video_codec.lower().startswith(UNPLAYABLE) or row.original_file.lower().endswith(
        UNPLAYABLE_FILES
    )
    renditions = watching.renditions_of(row)
    chosen = next((each for each in renditions if each.pk == rendition_id), None)
    return {
        "renditions": renditions,
        "rendition": chosen,
        "has_prepared": has["prepared"] or chosen is not None,
        "has_original": has["original"],
        "gone": [which for which in watching.FILES if getattr(row, f"{which}_file") and not has[which]],
        "is_hard": hard,
        "frames": list(enumerate(watching.moments_of(row))) if any(has.values()) else [],
        "pictures": [each for each in rows if each.kind == AttachmentKind.PICTURE],
        "subtitles": [each for each in rows if each.kind == AttachmentKind.SUBTITLES],
        "chosen": (row.words or {}).get("picture"),
        "rate": row.frames_per_second or 25,
    }


def _video(pk: int) -> Video:
    return get_object_or_404(Video.objects.defer("description"), pk=pk)


@require_safe
def video_file(request: HttpRequest, pk: int, which: str) -> HttpResponseBase:
    """Serve the prepared or the original file to a player."""
    try:
        return show(request, watching.file_of(_video(pk), which), most_bytes=PIECE_BYTES)
    except NotFound as error:
        raise Http404(error.message) from error


@require_safe
def video_rendition(request: HttpRequest, pk: int, rendition_id: int) -> HttpResponseBase:
    """Serve the file that was prepared by one profile to a player."""
    try:
        return show(request, watching.rendition_file(_video(pk), rendition_id), most_bytes=PIECE_BYTES)
    except NotFound as error:
        raise Http404(error.message) from error


@require_safe
def video_frame(request: HttpRequest, pk: int, number: int) -> HttpResponseBase:
    """Serve one of the frames that are offered as a picture, made when it is first looked at."""
    try:
        return show(request, watching.frame_of(_video(pk), number))
    except (NotFound, MediaError) as error:
        raise Http404(str(error)) from error
    except Busy as error:
        return HttpResponse(error.message, status=error.status, headers={"Retry-After": "2"})


@require_safe
def video_loudness(request: HttpRequest, pk: int) -> HttpResponse:
    """Serve how loud a film is over its length, as a picture."""
    try:
        levels = watching.loudness_of(_video(pk))
    except (NotFound, MediaError) as error:
        raise Http404(str(error)) from error
    except Busy as error:
        return HttpResponse(error.message, status=error.status, headers={"Retry-After": "2"})
    svg = render_to_string("parts/loudness.svg", {"levels": bars_of(levels), "height": HEIGHT})
    return HttpResponse(
        svg,
        content_type="image/svg+xml",
        headers={
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            "Cache-Control": "private, max-age=3600",
        },
    )


def bars_of(levels: list[tuple[float, float]]) -> dict[str, Any]:
    """Return the outlines of mean and peak as points of a picture that is as wide as there are levels."""

    def outline(index: int) -> str:
        tall = [max(0.4, HEIGHT / 2 * (1 + max(pair[index], -60.0) / 60.0)) for pair in levels]
        above = [f"{at},{HEIGHT / 2 - value:.1f}" for at, value in enumerate(tall)]
        below = [f"{at},{HEIGHT / 2 + value:.1f}" for at, value in enumerate(tall)]
        return " ".join([*above, *reversed(below)])

    return {"wide": max(len(levels) - 1, 1), "mean": outline(0), "peak": outline(1), "is_empty": not levels}


@require_safe
def attachment(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Serve a picture; or subtitles as WebVTT, which a player shows."""
    row = get_object_or_404(Attachment, pk=pk)
    try:
        if row.kind == AttachmentKind.PICTURE:
            return show(request, watching.attachment_file(row))
        return HttpResponse(
            watching.vtt_of(row),
            content_type="text/vtt; charset=utf-8",
            headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache"},
        )
    except NotFound as error:
        raise Http404(error.message) from error


@require_POST
def attachment_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a picture or subtitles that no words name."""
    row = get_object_or_404(Attachment, pk=pk)
    return act(
        request,
        lambda: service(request).remove_attachment(attachment_id=pk, reason=reason_of(request)),
        f"Removed: {row.get_kind_display()} {row.name}.",
        to=_at(row.video_id),
    )


@require_POST
def video_choose_picture(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the picture: one that is there, the frame at a moment, a file that is sent, or none."""
    to, door = _at(pk), service(request)
    sent = request.FILES.get("file")
    at, chosen = request.POST.get("at", "").strip(), request.POST.get("attachment", "")

    def choose() -> Video:
        attachment_id = id_of(chosen)
        if sent is not None:
            with on_disk(sent) as path:
                attachment_id = door.add_picture(video_id=pk, path=path, name=sent.name or "").pk
        elif at:
            try:
                seconds = float(at)
            except ValueError:
                raise InvalidRequest(f"“{at[:20]}” is no moment in seconds.", field="at") from None
            attachment_id = door.add_frame(video_id=pk, at_seconds=seconds).pk
        elif attachment_id is None and chosen != "none":
            raise InvalidRequest("Choose a picture, a frame or a file.", field="attachment")
        return door.choose_picture(video_id=pk, attachment_id=attachment_id, reason=reason_of(request))

    return act(
        request,
        choose,
        lambda row: "The picture is chosen." if row.words.get("picture") else "No picture of ours any more.",
        to=to,
    )


@require_POST
def video_add_subtitles(request: HttpRequest, pk: int) -> HttpResponse:
    """Add subtitles to a video."""
    sent = request.FILES.get("file")
    if sent is None:
        return refuse(request, InvalidRequest("Choose a file: SRT or WebVTT.", field="file"), _at(pk))

    def add() -> Attachment:
        with on_disk(sent) as path:
            return service(request).add_subtitles(
                video_id=pk, path=path, language=request.POST.get("language", ""), name=sent.name or ""
            )

    return act(
        request,
        add,
        lambda row: " ".join([f"Added: subtitles in {row.language}.", *row.notes]),
        to=_at(pk),
    )


def _at(video_id: int) -> str:
    return f"{reverse('dashboard:video', args=[video_id])}#watch"
