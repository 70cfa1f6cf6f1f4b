"""The sandbox's resumable uploads: a session, pieces of 256 KiB steps, a question where it was, then a video.

The video exists only after the last byte; before that there is nothing but the session.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from channels.sandbox.ledger import note
from channels.sandbox.store import Store
from channels.sandbox.wire import BodyCut, Problem, Request, Response, route
from channels.sandbox.youtube_state import (
    MAY_UPLOAD,
    SECTION,
    Caller,
    Section,
    caller_of,
    charge_upload,
    checked_status,
    marker_in,
    new_video,
    problem,
    setting,
    settle,
    text,
)
from channels.sandbox.youtube_views import video_resource

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox

CATEGORIES = frozenset(
    ["1", "2", "10", "15", "17", "19", "20", "22", "23", "24", "25", "26", "27", "28", "29"]
)
"""Those that videoCategories.list says are assignable; the others exist, and are refused."""
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
STEP_BYTES = 256 * 1024
PATH = "/youtube/upload/youtube/v3/videos"


@route("POST", PATH)
def open_session(sandbox: Sandbox, request: Request) -> Response:
    """Open an upload session and say where to send the bytes."""
    caller = caller_of(sandbox.store, request, MAY_UPLOAD)
    settle(sandbox.store)
    charge_upload(sandbox.store, caller)
    if request.query.get("uploadType") != "resumable":
        raise problem(400, "badRequest", "This sandbox takes resumable uploads only.", domain="global")
    resource = request.json()
    check_metadata(resource)
    checked_status(resource.get("status") or {}, was_public=False)
    length = request.headers.get("X-Upload-Content-Length")
    upload_id = secrets.token_urlsafe(24)
    with sandbox.store.change(SECTION) as youtube:
        youtube.setdefault("sessions", {})[upload_id] = {
            "channel_id": caller.channel_id,
            "project": caller.project,
            "part": request.query.get("part", "snippet,status"),
            "resource": resource,
            "total": int(length) if length and length.isdigit() else None,
            "received": 0,
            "video_id": None,
            "opened_at": text(sandbox.store.now()),
        }
        snippet = resource["snippet"]
        marker = marker_in(snippet.get("description", ""))
        whose = {"channel": caller.channel_id, "marker": marker, "title": snippet["title"]}
        note(youtube, "session", text(sandbox.store.now()), **whose)
    host = request.headers.get("Host") or f"127.0.0.1:{sandbox.port}"
    where = f"http://{host}{PATH}?uploadType=resumable&upload_id={upload_id}"
    return Response(200, b"", {"Location": where, "X-GUploader-UploadID": upload_id})


@route("PUT", PATH)
def take_piece(sandbox: Sandbox, request: Request) -> Response:
    """Take the next bytes, or say how far the upload is when none are sent."""
    settle(sandbox.store)
    upload_id = request.query.get("upload_id", "")
    session = _session(sandbox.store, upload_id)
    if session["video_id"]:
        return _finished(sandbox.store, session)
    asked = re.fullmatch(r"bytes \*/(\d+)", request.headers.get("Content-Range") or "")
    if not asked:
        first, last, total = _range(request, session)
        sent = last + 1 - first
        if total - 1 > last and sent % STEP_BYTES:
            raise problem(400, "badContent", f"A piece must be a multiple of {STEP_BYTES} bytes.")
        if first == session["received"]:
            _take(sandbox.store, upload_id, first, total, request)
    session = _session(sandbox.store, upload_id)
    if session["received"] == session["total"]:
        return _finish(sandbox.store, upload_id)
    headers = {"Range": f"bytes=0-{session['received'] - 1}"} if session["received"] else {}
    return Response(308, b"", headers)


@route("DELETE", PATH)
def cancel_session(sandbox: Sandbox, request: Request) -> Response:
    """Throw an upload away."""
    upload_id = request.query.get("upload_id", "")
    _session(sandbox.store, upload_id)
    with sandbox.store.change(SECTION) as youtube:
        del youtube["sessions"][upload_id]
    _file(sandbox.store, upload_id).unlink(missing_ok=True)
    return Response(499)


def expire_sessions(store: Store) -> None:
    """Let every open session lapse, as YouTube does after some days."""
    with store.change(SECTION) as youtube:
        youtube["sessions"] = {}


def check_metadata(resource: Any) -> None:
    """Refuse what YouTube refuses before any byte is sent."""
    snippet = resource.get("snippet", {}) if isinstance(resource, dict) else {}
    title, description = str(snippet.get("title") or ""), str(snippet.get("description") or "")
    if not title.strip() or len(title.encode("utf-16-le")) > 200 or "<" in title or ">" in title:
        raise problem(400, "invalidTitle", "The request metadata specifies an invalid or empty video title.")
    if len(description.encode()) > 5000 or "<" in description or ">" in description:
        raise problem(
            400, "invalidDescription", "The request metadata specifies an invalid video description."
        )
    tags = snippet.get("tags") or []
    if sum(len(str(tag)) + (2 if " " in str(tag) else 0) for tag in tags) + max(0, len(tags) - 1) > 500:
        raise problem(400, "invalidTags", "The request metadata specifies invalid video keywords.")
    if any("<" in str(tag) or ">" in str(tag) for tag in tags):
        raise problem(400, "invalidTags", "The request metadata specifies invalid video keywords.")
    if str(snippet.get("categoryId", "22")) not in CATEGORIES:
        raise problem(400, "invalidCategoryId", "The request metadata specifies an invalid category ID.")
    for name in ("defaultLanguage", "defaultAudioLanguage"):
        if snippet.get(name) and not LANGUAGE.fullmatch(str(snippet[name])):
            raise problem(400, "invalidVideoMetadata", f"The request metadata is invalid: {name}.")
    check_status(resource)


def check_status(resource: dict[str, Any]) -> None:
    """Refuse a licence that does not exist."""
    if (resource.get("status") or {}).get("license", "youtube") not in ("youtube", "creativeCommon"):
        raise problem(400, "invalidVideoMetadata", "The request metadata is invalid: license.")


def _session(store: Store, upload_id: str) -> dict[str, Any]:
    with store.read(SECTION) as youtube:
        session = youtube.get("sessions", {}).get(upload_id)
        if session is None:
            raise Problem(Response.text("Not Found", 404))
        return dict(session)


def _range(request: Request, session: dict[str, Any]) -> tuple[int, int, int]:
    length = int(request.headers.get("Content-Length") or 0)
    written = request.headers.get("Content-Range")
    if written is None and session["received"] == 0:
        return 0, length - 1, length
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", written or "")
    if match:
        first, last, total = (int(group) for group in match.groups())
        if last + 1 - first == length and last < total and session["total"] in (None, total):
            return first, last, total
    raise problem(400, "badRequest", f"Invalid Content-Range: {written}", domain="global")


def _take(store: Store, upload_id: str, first: int, total: int, request: Request) -> None:
    """Append what arrives. Another sender may be at it too: each block is taken only where the file ends."""
    offset = first
    try:
        for block in request.body.blocks():
            with store.change(SECTION) as youtube:
                session = youtube["sessions"].get(upload_id)
                if session is None or session["received"] != offset:
                    return
                with _file(store, upload_id).open("r+b" if offset else "wb") as file:
                    file.seek(offset)
                    file.write(block)
                offset += len(block)
                session.update(received=offset, total=total)
    except BodyCut:
        # What is kept of a broken piece ends at a whole step, as on the real service.
        with store.change(SECTION) as youtube:
            session = youtube["sessions"].get(upload_id)
            if session and session["received"] == offset:
                session["received"] = max(first, offset - offset % STEP_BYTES)
                if offset:
                    os.truncate(_file(store, upload_id), session["received"])
        raise


def _finish(store: Store, upload_id: str) -> Response:
    """Make the video of a complete upload, once, however many ask."""
    path = _file(store, upload_id)
    facts = _facts(path) if path.exists() else {}
    with store.change(SECTION) as youtube:
        session = youtube["sessions"][upload_id]
        if not session["video_id"]:
            checked = setting(youtube, "check_media")
            facts["failure"] = "invalidFile" if checked and not facts["duration_seconds"] else ""
            video = new_video(youtube, session["channel_id"], session["resource"], store.now(), **facts)
            session["video_id"] = video["id"]
            if store.persistent:
                path.replace(store.folder("videos") / f"{video['id']}.mp4")
            else:
                path.unlink()
        return _answer(store, youtube, session)


def _finished(store: Store, session: dict[str, Any]) -> Response:
    with store.read(SECTION) as youtube:
        if setting(youtube, "answer_after_completion") == "error":
            raise Problem(Response.text("Gone", 410))
        return _answer(store, youtube, session)


def _answer(store: Store, youtube: Section, session: dict[str, Any]) -> Response:
    video = youtube["videos"].get(session["video_id"])
    if video is None:
        raise Problem(Response.text("Not Found", 404))
    caller = Caller(session["channel_id"], session["project"])
    return Response.json(video_resource(youtube, video, session["part"].split(","), caller, store.now()))


def _facts(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {
        "sha256": digest.hexdigest(),
        "size_bytes": path.stat().st_size,
        "duration_seconds": _duration_seconds(path),
    }


def _duration_seconds(path: Path) -> float:
    import av

    try:
        with av.open(str(path)) as container:
            return (container.duration or 0) / 1_000_000
    except (av.FFmpegError, ValueError):
        return 0.0


def _file(store: Store, upload_id: str) -> Path:
    return store.folder("uploads") / f"{upload_id}.part"
