"""The sandbox's playlists and captions: what belongs to a video beside itself, with YouTube's costs and refusals.

https://developers.google.com/youtube/v3/docs/playlistItems and https://developers.google.com/youtube/v3/docs/captions
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import timedelta
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any

from channels.sandbox.ledger import note
from channels.sandbox.store import Store, iso
from channels.sandbox.wire import Problem, Request, Response, route
from channels.sandbox.youtube_state import (
    MAY_CAPTION,
    MAY_CHANGE,
    SECTION,
    Caller,
    Section,
    Video,
    enter,
    instant,
    marker_of,
    own_video,
    problem,
    setting,
    text,
)
from channels.sandbox.youtube_views import wanted_parts

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox

API = "/youtube/youtube/v3"
UPLOAD = "/youtube/upload/youtube/v3"
ITEM_PARTS = ("id", "snippet", "contentDetails", "status")
CAPTION_PARTS = ("id", "snippet")
CUE = re.compile(r"\d{2}:\d{2}[:.,]\d{2,3}")
"""What SRT and VTT have in common: a file without a single time is neither."""


# -- playlists -----------------------------------------------------------------------------------------


def add_playlist(store: Store, channel_id: str, playlist_id: str, title: str = "", most: int = 5000) -> None:
    """Make a playlist of a channel, empty; `most` is how many videos it takes."""
    with store.change(SECTION) as youtube:
        youtube.setdefault("playlists", {})[playlist_id] = {
            "id": playlist_id,
            "channel_id": channel_id,
            "title": title or playlist_id,
            "most": most,
            "items": [],
        }


def remove_playlist(store: Store, playlist_id: str) -> None:
    """Delete a playlist, as its owner does in Studio."""
    with store.change(SECTION) as youtube:
        del youtube["playlists"][playlist_id]


def videos_in(store: Store, playlist_id: str) -> list[str]:
    """Return the ids of the videos in a playlist, in order; one that is in it twice stands there twice."""
    with store.read(SECTION) as youtube:
        return [item["video_id"] for item in youtube["playlists"][playlist_id]["items"]]


def list_own_items(sandbox: Sandbox, request: Request, caller: Caller) -> list[dict[str, Any]] | None:
    """Return what a playlist has, of one video if the request names it; None where it is no playlist of people."""
    wanted_id, video_id = request.query.get("playlistId", ""), request.query.get("videoId", "")
    with sandbox.store.read(SECTION) as youtube:
        playlist = youtube.get("playlists", {}).get(wanted_id)
        if playlist is None:
            return None
        lag = timedelta(seconds=setting(youtube, "list_lag_seconds", playlist["channel_id"]))
        listed_before = sandbox.store.now() - lag
        return [
            _item(youtube, playlist, item, position)
            for position, item in enumerate(playlist["items"])
            if (not video_id or item["video_id"] == video_id) and instant(item["at"]) <= listed_before
        ]


@route("POST", f"{API}/playlistItems")
def add_playlist_item(sandbox: Sandbox, request: Request) -> Response:
    """Put a video at the end of an own playlist; as at YouTube, a second time where it is in it already."""
    caller = enter(sandbox, request, MAY_CHANGE, units=50)
    wanted_parts(request.query.get("part", ""), ITEM_PARTS)
    snippet = (request.json() or {}).get("snippet") or {}
    video_id = (snippet.get("resourceId") or {}).get("videoId", "")
    with sandbox.store.change(SECTION) as youtube:
        playlist = youtube.get("playlists", {}).get(snippet.get("playlistId"))
        if playlist is None:
            raise problem(
                404, "playlistNotFound", "The playlist cannot be found.", domain="youtube.playlistItem"
            )
        if playlist["channel_id"] != caller.channel_id:
            raise problem(403, "playlistItemsNotAccessible", "The playlist is another channel's.")
        if video_id not in youtube.get("videos", {}):
            raise problem(404, "videoNotFound", "The video cannot be found.", domain="youtube.playlistItem")
        if len(playlist["items"]) >= playlist["most"]:
            message = "The playlist contains the maximum allowed number of items."
            raise problem(403, "playlistContainsMaximumNumberOfVideos", message)
        item = {"id": secrets.token_urlsafe(12), "video_id": video_id, "at": text(sandbox.store.now())}
        playlist["items"].append(item)
        _write_down(youtube, youtube["videos"][video_id], "playlist", item["at"], playlist=playlist["id"])
        return Response.json(_item(youtube, playlist, item, len(playlist["items"]) - 1))


@route("POST", "/sandbox/youtube/playlists")
def make_playlist(sandbox: Sandbox, request: Request) -> Response:
    """Make a playlist: ``{"channel_id": …, "playlist_id": …, "title": …}``."""
    wanted = request.json() or {}
    add_playlist(sandbox.store, wanted["channel_id"], wanted["playlist_id"], wanted.get("title", ""))
    return Response(204)


def _item(youtube: Section, playlist: Section, item: Section, position: int) -> dict[str, Any]:
    video = youtube.get("videos", {}).get(item["video_id"])
    return {
        "kind": "youtube#playlistItem",
        "etag": "p",
        "id": item["id"],
        "snippet": {
            "publishedAt": iso(instant(item["at"])),
            "channelId": playlist["channel_id"],
            "channelTitle": youtube["channels"][playlist["channel_id"]]["title"],
            "title": video["snippet"]["title"] if video else "Deleted video",
            "playlistId": playlist["id"],
            "position": position,
            "resourceId": {"kind": "youtube#video", "videoId": item["video_id"]},
        },
        "contentDetails": {"videoId": item["video_id"]},
        "status": {"privacyStatus": video["privacy_status"] if video else "privacyStatusUnspecified"},
    }


# -- captions ------------------------------------------------------------------------------------------


@route("GET", f"{API}/captions")
def list_captions(sandbox: Sandbox, request: Request) -> Response:
    """List the captions of an own video. One call costs 50 units."""
    caller = enter(sandbox, request, MAY_CAPTION, units=50)
    wanted_parts(request.query.get("part", ""), CAPTION_PARTS)
    with sandbox.store.read(SECTION) as youtube:
        video = own_video(youtube, request.query.get("videoId", ""), caller)
        tracks = [_caption(video, track) for track in video.get("captions", {}).values()]
    return Response.json({"kind": "youtube#captionListResponse", "etag": "l", "items": tracks})


@route("POST", f"{UPLOAD}/captions")
def add_captions(sandbox: Sandbox, request: Request) -> Response:
    """Take captions for an own video; refuses a second track of the same language and name."""
    caller = enter(sandbox, request, MAY_CAPTION, units=400)
    resource, content = parts_of(request)
    snippet = resource.get("snippet") or {}
    language, name = str(snippet.get("language") or ""), snippet.get("name")
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", language):
        raise _refused(400, "invalidMetadata", "The request contains invalid metadata values.")
    if name is None:
        raise _refused(400, "nameRequired", "The track's name is required; it may be empty.")
    if len(str(name)) > 150:
        raise _refused(400, "nameTooLong", "The specified name is too long: at most 150 characters.")
    _readable(content)
    with sandbox.store.change(SECTION) as youtube:
        video = own_video(youtube, str(snippet.get("videoId", "")), caller)
        tracks = video.setdefault("captions", {})
        if any((track["language"], track["name"]) == (language, name) for track in tracks.values()):
            message = "The specified video already has a caption track with this language and name."
            raise _refused(409, "captionExists", message)
        now = text(sandbox.store.now())
        track = {"id": secrets.token_urlsafe(16), "language": language, "name": name, "at": now}
        tracks[track["id"]] = {**track, "text": content.decode("utf-8", "replace")}
        _write_down(youtube, video, "captions", now, language=language, name=name)
        return Response.json(_caption(video, track))


@route("PUT", f"{UPLOAD}/captions")
def replace_captions(sandbox: Sandbox, request: Request) -> Response:
    """Replace the text of captions."""
    caller = enter(sandbox, request, MAY_CAPTION, units=450)
    resource, content = parts_of(request)
    _readable(content)
    with sandbox.store.change(SECTION) as youtube:
        for video in youtube.get("videos", {}).values():
            track = video.get("captions", {}).get(resource.get("id"))
            if track is not None and video["channel_id"] == caller.channel_id:
                track |= {"text": content.decode("utf-8", "replace"), "at": text(sandbox.store.now())}
                return Response.json(_caption(video, track))
    raise _refused(404, "captionNotFound", "The caption track could not be found.")


def parts_of(request: Request) -> tuple[dict[str, Any], bytes]:
    """Return resource and file of an upload in one request (``uploadType=multipart``), or answer 400."""
    head = f"Content-Type: {request.headers.get('Content-Type') or ''}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + request.read())
    pieces = list(message.iter_parts()) if message.is_multipart() else []
    try:
        described, file = pieces
        resource = json.loads(bytes(described.get_payload(decode=True)))
    except ValueError:
        raise problem(
            400, "badRequest", "A multipart upload is a resource and a file.", domain="global"
        ) from None
    return resource, bytes(file.get_payload(decode=True))


def _readable(content: bytes) -> None:
    if not content.strip():
        raise _refused(400, "contentRequired", "The request does not specify any caption content.")
    if not CUE.search(content.decode("utf-8", "replace")):
        raise _refused(400, "invalidMetadata", "The caption track's content cannot be read.")


def _caption(video: Video, track: Section) -> dict[str, Any]:
    return {
        "kind": "youtube#caption",
        "etag": "c",
        "id": track["id"],
        "snippet": {
            "videoId": video["id"],
            "lastUpdated": iso(instant(track["at"])),
            "trackKind": "standard",
            "language": track["language"],
            "name": track["name"],
            "audioTrackType": "unknown",
            "isCC": False,
            "isLarge": False,
            "isEasyReader": False,
            "isDraft": False,
            "isAutoSynced": False,
            "status": "serving",
        },
    }


def _refused(status: int, reason: str, message: str) -> Problem:
    return problem(status, reason, message, domain="youtube.caption")


def _write_down(youtube: Section, video: Video, kind: str, at: str, **facts: Any) -> None:
    whose = {"channel": video["channel_id"], "marker": marker_of(video), "title": video["snippet"]["title"]}
    note(youtube, kind, at, **whose, video=video["id"], **facts)
