"""Take files from people: the page to drop them on, and the form for whoever has no JavaScript."""

from __future__ import annotations

from typing import BinaryIO, cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from dashboard.actions import act, page, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.filters import filters_of, first
from dashboard.forms import UploadForm, sentence_of
from dashboard.listing import page_of
from dashboard.live_pages import show
from orchestration.errors import InvalidRequest
from orchestration.lists import UploadFilters
from orchestration.models import Source, Upload
from orchestration.states import SourceKind, UploadState

MOST_SOURCES = 500


def _form(data: object = None) -> UploadForm:
    rows = Source.objects.filter(kind=SourceKind.UPLOADS).order_by("name")[:MOST_SOURCES]
    named = [
        (row.pk, f"{row.name} ({row.get_rights_basis_display() if row.rights_basis else 'no rights yet'})")
        for row in rows
    ]
    return UploadForm(data, sources=named)


@page
def library(request: HttpRequest) -> HttpResponse:
    """Show a place to drop files on, and what became of those that were."""
    filters = filters_of(request, UploadFilters, ("state", "q"))
    rows = filters.filter(Upload.objects.select_related("source", "video", "job"))
    return show(
        request,
        "library.html",
        {
            "page": page_of(request, rows.order_by("-id")),
            "form": _form(),
            "max_bytes": settings.HEADEND_MAX_UPLOAD_BYTES,
            "days": settings.HEADEND_UPLOAD_DAYS,
            "state": first(filters.state),
            "states": UploadState.choices,
            "q": filters.q or "",
        },
    )


@require_POST
def upload_send(request: HttpRequest) -> HttpResponse:
    """Take whole files from a plain form; large ones are better sent by the page's script, which can go on."""
    to = reverse("dashboard:library")
    form = _form(request.POST)
    files = request.FILES.getlist("files")
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), to)
    if not files:
        return refuse(request, InvalidRequest("Choose a file.", field="files"), to)

    def send() -> int:
        door, source_id = service(request), form.cleaned_data["source_id"]
        if not source_id:
            said = {name: form.cleaned_data[name] for name in ("name", "rights_basis", "rights_note")}
            source_id = door.add_upload_source(**said).pk
        for file in files:
            upload = door.begin_upload(
                source_id=int(source_id), name=file.name or "", size_bytes=file.size or 0
            )
            door.receive_upload(
                key=str(upload.key), offset=0, length=upload.size_bytes, body=cast(BinaryIO, file.file)
            )
        return len(files)

    return act(request, send, lambda count: f"{count} received; looked at now.", to=to)


@require_POST
def upload_abandon(request: HttpRequest, key: UUID) -> HttpResponse:
    """Give an upload up and throw away what has come."""
    return act(
        request,
        lambda: service(request).abandon_upload(key=str(key), reason=reason_of(request)),
        lambda upload: f"{upload.name} is given up.",
        to=reverse("dashboard:library"),
    )
