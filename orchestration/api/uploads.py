"""`/api/uploads`: files in pieces, by tus 1.0 (https://tus.io/protocols/resumable-upload), and what came of them."""

import base64
import binascii
import functools
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import http_date
from ninja import Path, Query, Router, Status
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.library import SourceOut
from orchestration.api.schemas.uploads import NewUploadSource, UploadOut
from orchestration.below import below
from orchestration.errors import InvalidRequest, NotFound, TusVersionWrong
from orchestration.lists import UploadFilters
from orchestration.models import Upload
from orchestration.pipeline import uploads as rules
from orchestration.states import UploadState

router = Router(tags=["uploads"])
VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,termination,expiration"
BODY_TYPE = "application/offset+octet-stream"


def _header(name: str, description: str, *, required: bool = True) -> dict[str, Any]:
    schema = {"type": "string"}
    return {"in": "header", "name": name, "required": required, "description": description, "schema": schema}


TUS = _header("Tus-Resumable", f"the version of tus: {VERSION}")
CREATES = {
    "parameters": [
        TUS,
        _header("Upload-Length", "bytes of the whole file"),
        _header(
            "Upload-Metadata",
            "`filename`, `source_id` (a source of uploads); where wanted `title`, `sha256` (hex, of the whole file) and "
            "`fingerprint` (to know the file again). Each name, a blank, its value in Base64, with commas between",
        ),
    ]
}
APPENDS = {
    "parameters": [
        TUS,
        _header("Upload-Offset", "how many bytes are here, as HEAD says"),
        _header(
            "Upload-Checksum", "`sha256`, `sha1` or `md5`, a blank, Base64 of this piece's", required=False
        ),
    ],
    "requestBody": {
        "required": True,
        "content": {BODY_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    },
}


def tus(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Let a view be called by who speaks this version of tus only."""

    @functools.wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        spoken = request.headers.get("Tus-Resumable", "")
        if spoken != VERSION:
            raise TusVersionWrong(
                f"Tus-Resumable is {spoken or 'missing'}; this server speaks {VERSION}.",
                field="Tus-Resumable",
            )
        return view(request, *args, **kwargs)

    return checked


def _number(request: HttpRequest, name: str) -> int:
    text = request.headers.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise InvalidRequest(
            f"{name} {text or 'is missing; it'} is to be a whole number of bytes.", field=name
        )
    return int(text)


def _metadata(text: str) -> dict[str, str]:
    found = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise InvalidRequest(
                f"The value of {key} is not Base64 of UTF-8.", field="Upload-Metadata"
            ) from error
    return found


def _checksum(request: HttpRequest) -> rules.Checksum | None:
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _, value = text.strip().partition(" ")
    if algorithm not in rules.ALGORITHMS:
        raise InvalidRequest(
            f"{algorithm!r} is none of {', '.join(rules.ALGORITHMS)}.", field="Upload-Checksum"
        )
    try:
        return rules.Checksum(algorithm, base64.b64decode(value, validate=True))
    except binascii.Error as error:
        raise InvalidRequest("The checksum is not Base64.", field="Upload-Checksum") from error


def _answer(status: int, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(
        status=status, headers={"Tus-Resumable": VERSION, "Cache-Control": "no-store", **(headers or {})}
    )


def _how_far(upload: Upload) -> dict[str, str]:
    told = {"Upload-Offset": str(rules.offset_of(upload))}
    if upload.state == UploadState.OPEN:
        told["Upload-Expires"] = http_date(rules.expires_at(upload).timestamp())
    return told


@router.get("", response=list[UploadOut], operation_id="uploads_list", summary="List uploads")
@paginate(Pages, item=UploadOut, order=orders.UPLOADS)
def uploads_list(request: HttpRequest, filters: Query[UploadFilters]):
    """The newest first. `mine=true` keeps those that who asks has begun, to go on with."""
    rows = Upload.objects.select_related("source", "video", "job")
    rows = filters.filter(rows)
    if filters.mine:
        rows = rows.filter(owner=request.auth.label)  # type: ignore[attr-defined]
    return rows.order_by("-id")


@router.post(
    "/sources",
    response={201: SourceOut},
    operation_id="uploads_sources_create",
    summary="Make a source of uploads",
)
def uploads_sources_create(request: HttpRequest, body: NewUploadSource, response: HttpResponse):
    """The rights basis is said once for all that is sent to it."""
    source = service(request).add_upload_source(**body.model_dump())
    response["Location"] = f"/api/sources/{source.pk}"
    return Status(201, source)


@router.api_operation(["OPTIONS"], "", include_in_schema=False)
def uploads_options(request: HttpRequest) -> HttpResponseBase:
    """Say what of tus is spoken."""
    return _answer(
        204,
        {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(settings.HEADEND_MAX_UPLOAD_BYTES),
            "Tus-Checksum-Algorithm": ",".join(rules.ALGORITHMS),
        },
    )


@router.post(
    "",
    operation_id="uploads_create",
    summary="Begin an upload (tus)",
    openapi_extra=CREATES | {"responses": {201: {"description": "`Location` is where its bytes go"}}},
)
@tus
def uploads_create(request: HttpRequest) -> HttpResponseBase:
    """Announces a file; its bytes follow by PATCH. The source says under which rights it may be published."""
    said = _metadata(request.headers.get("Upload-Metadata", ""))
    source_id = said.get("source_id", "")
    if not source_id.isascii() or not source_id.isdigit() or len(source_id) > 18:
        raise InvalidRequest("The metadata name no source of uploads as source_id.", field="source_id")
    if "Upload-Defer-Length" in request.headers:
        raise InvalidRequest("Say how large the file is when you begin.", field="Upload-Length")
    upload = service(request).begin_upload(
        source_id=int(source_id),
        name=said.get("filename") or said.get("name") or "",
        size_bytes=_number(request, "Upload-Length"),
        title=said.get("title", ""),
        sha256=said.get("sha256", ""),
        fingerprint=said.get("fingerprint", ""),
        metadata=said,
    )
    return _answer(
        201, {"Location": request.build_absolute_uri(below(f"/api/uploads/{upload.key}")), **_how_far(upload)}
    )


@router.get("/{key}", response=UploadOut, operation_id="uploads_show", summary="Show an upload")
def uploads_show(request: HttpRequest, key: Path[UUID]):
    """With the video that became of it, or why none did."""
    return service(request).get_upload(key=str(key))


@router.api_operation(["HEAD"], "/{key}", include_in_schema=False)
@tus
def uploads_head(request: HttpRequest, key: Path[UUID]) -> HttpResponseBase:
    """Say how far an upload is."""
    upload = service(request).get_upload(key=str(key))
    said = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in upload.metadata.items()
    )
    more = {"Upload-Metadata": said} if said else {}
    return _answer(200, {"Upload-Length": str(upload.size_bytes), **_how_far(upload), **more})


@router.patch(
    "/{key}",
    operation_id="uploads_append",
    summary="Send the next piece (tus)",
    openapi_extra=APPENDS | {"responses": {204: {"description": "`Upload-Offset` is how far it is now"}}},
)
@tus
def uploads_append(request: HttpRequest, key: Path[UUID]) -> HttpResponseBase:
    """Of any size, from where HEAD says. The last byte makes it whole, and it is looked at and taken in.

    409 `upload_offset_wrong`: it is further, or less far; ask by HEAD. 423 `upload_busy`: another request writes to it. 460
    `upload_checksum_wrong`: the piece is thrown away. 507 `disk_too_full`: try again once there is room.
    """
    if request.content_type != BODY_TYPE:
        raise InvalidRequest(f"The body is to be {BODY_TYPE}.", field="Content-Type")
    upload = service(request).receive_upload(
        key=str(key),
        offset=_number(request, "Upload-Offset"),
        length=_number(request, "Content-Length"),
        body=request,  # type: ignore[arg-type]
        checksum=_checksum(request),
    )
    return _answer(204, _how_far(upload))


@router.delete(
    "/{key}",
    operation_id="uploads_abandon",
    summary="Give an upload up (tus)",
    openapi_extra={"parameters": [TUS], "responses": {204: {"description": "what had come is thrown away"}}},
)
@tus
def uploads_abandon(request: HttpRequest, key: Path[UUID]) -> HttpResponseBase:
    """What had come is thrown away. What is whole is in the library, or about to be, and stays."""
    service(request).abandon_upload(key=str(key))
    return _answer(204)


@router.api_operation(["POST"], "/{key}", include_in_schema=False)
def uploads_override(request: HttpRequest, key: Path[UUID]) -> HttpResponseBase:
    """Do what X-HTTP-Method-Override says, for who can send no PATCH."""
    meant = request.headers.get("X-HTTP-Method-Override", "").upper()
    views = {"PATCH": uploads_append, "DELETE": uploads_abandon, "HEAD": uploads_head}
    if meant not in views:
        raise NotFound("POST stands here for another method only, which X-HTTP-Method-Override names.")
    return views[meant](request, key)
