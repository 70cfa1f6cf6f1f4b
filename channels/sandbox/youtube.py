"""A YouTube Data API v3 in miniature: channels, videos, uploads, publication, quota.

Paths are those of Google's discovery document under ``/youtube``, so that the official client works when its root
address is replaced. Resumable uploads are in `youtube_upload`, the token endpoint in `oauth`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from channels.sandbox import oauth, youtube_upload  # noqa: F401 - they register their own routes
from channels.sandbox.wire import Request, Response, route
from channels.sandbox.youtube_state import (
    MAY_CHANGE,
    MAY_READ,
    MAY_UPLOAD,
    SECTION,
    apply_status,
    configure,
    delete_video,
    enter,
    instant,
    is_visible,
    own_video,
    paid_promotion,
    problem,
    publications,
    revoke,
    setting,
    snippet_of,
)
from channels.sandbox.youtube_upload import check_metadata, check_status, expire_sessions
from channels.sandbox.youtube_views import (
    CHANNEL_PARTS,
    VIDEO_PARTS,
    channel_resource,
    playlist_item,
    video_resource,
    wanted_parts,
)
from channels.sandbox.youtube_words import ITEM_PARTS, list_own_items

if TYPE_CHECKING:
    from channels.sandbox.server import Sandbox


API = "/youtube/youtube/v3"
THUMBNAIL_BYTES = 2 * 1024 * 1024


@route("GET", f"{API}/channels")
def list_channels(sandbox: Sandbox, request: Request) -> Response:
    """List the caller's own channel (``mine=true``) or channels by id."""
    caller = enter(sandbox, request, MAY_READ, units=1)
    parts = wanted_parts(request.query.get("part", ""), CHANNEL_PARTS)
    with sandbox.store.read(SECTION) as youtube:
        if request.query.get("mine") == "true":
            ids = [caller.channel_id]
        elif request.query.get("id"):
            ids = request.query["id"].split(",")
        else:
            raise problem(400, "missingRequiredParameter", "No filter selected.", domain="youtube.parameter")
        found = [youtube["channels"][each] for each in ids if each in youtube["channels"]]
        now = sandbox.store.now()
        items = [channel_resource(youtube, channel, parts, now) for channel in found]
    return _list("youtube#channelListResponse", items)


@route("GET", f"{API}/videos")
def list_videos(sandbox: Sandbox, request: Request) -> Response:
    """List videos by id, at most 50; another channel's private one is as good as not there."""
    caller = enter(sandbox, request, MAY_READ, units=1)
    parts = wanted_parts(request.query.get("part", ""), VIDEO_PARTS)
    ids = [each for each in request.query.get("id", "").split(",") if each]
    if not ids:
        raise problem(400, "missingRequiredParameter", "No filter selected.", domain="youtube.parameter")
    if len(ids) > 50:
        raise problem(400, "invalidFilters", "At most 50 ids may be given.", domain="youtube.parameter")
    with sandbox.store.read(SECTION) as youtube:
        now = sandbox.store.now()
        videos = [youtube.get("videos", {}).get(each) for each in dict.fromkeys(ids)]
        items = [
            video_resource(youtube, video, parts, caller, now)
            for video in videos
            if is_visible(video, caller)
        ]
    return _list("youtube#videoListResponse", items)


@route("PUT", f"{API}/videos")
def update_video(sandbox: Sandbox, request: Request) -> Response:
    """Replace the named parts of an own video; what is left out of a part goes back to its default."""
    caller = enter(sandbox, request, MAY_CHANGE, units=50)
    parts = wanted_parts(request.query.get("part", ""), VIDEO_PARTS)
    resource = request.json() or {}
    with sandbox.store.change(SECTION) as youtube:
        video = own_video(youtube, str(resource.get("id", "")), caller)
        if "snippet" in parts:
            check_metadata(resource)
            if not resource["snippet"].get("categoryId"):
                raise problem(400, "invalidCategoryId", "A category is required.")
            video["snippet"] = snippet_of(resource)
        if "paidProductPlacementDetails" in parts:
            video["paid_promotion"] = paid_promotion(resource)
        if "status" in parts:
            check_status(resource)
            apply_status(youtube, video, resource.get("status") or {}, sandbox.store.now(), cause="update")
        return Response.json(video_resource(youtube, video, parts, caller, sandbox.store.now()))


@route("DELETE", f"{API}/videos")
def remove_video(sandbox: Sandbox, request: Request) -> Response:
    """Delete an own video for good."""
    caller = enter(sandbox, request, MAY_CHANGE, units=50)
    with sandbox.store.change(SECTION) as youtube:
        video = own_video(youtube, request.query.get("id", ""), caller)
        delete_video(youtube, video["id"])
    if sandbox.store.persistent:
        (sandbox.store.folder("videos") / f"{video['id']}.mp4").unlink(missing_ok=True)
    return Response(204)


@route("GET", f"{API}/playlistItems")
def list_playlist_items(sandbox: Sandbox, request: Request) -> Response:
    """List an uploads playlist, newest first, or one that people made, in its order; in pages."""
    caller = enter(sandbox, request, MAY_READ, units=1)
    parts = wanted_parts(request.query.get("part", ""), ITEM_PARTS)
    size = _page_size(request.query.get("maxResults", "5"))
    start = _page_start(request.query.get("pageToken", ""))
    own = list_own_items(sandbox, request, caller)
    if own is not None:
        more = {"nextPageToken": f"SBX{start + size}"} if start + size < len(own) else {}
        shown = [_with_parts(item, parts) for item in own[start : start + size]]
        return _list("youtube#playlistItemListResponse", shown, len(own), **more)
    with sandbox.store.read(SECTION) as youtube:
        channel = next(
            (
                each
                for each in youtube.get("channels", {}).values()
                if each["uploads_playlist"] == request.query.get("playlistId")
            ),
            None,
        )
        if channel is None:
            raise problem(
                404, "playlistNotFound", "The playlist cannot be found.", domain="youtube.playlistItem"
            )
        # Kept in the order of arrival, so that uploads of the same instant keep their order too.
        videos = [v for v in youtube.get("videos", {}).values() if v["channel_id"] == channel["id"]][::-1]
        lag = timedelta(seconds=setting(youtube, "list_lag_seconds", channel["id"]))
        listed_before = sandbox.store.now() - lag
        videos = [v for v in videos if is_visible(v, caller) and instant(v["uploaded_at"]) <= listed_before]
        page = list(enumerate(videos))[start : start + size]
        items = [playlist_item(youtube, channel, video, position) for position, video in page]
    more = {"nextPageToken": f"SBX{start + size}"} if start + size < len(videos) else {}
    return _list("youtube#playlistItemListResponse", items, len(videos), **more)


@route("POST", "/youtube/upload/youtube/v3/thumbnails/set")
def set_thumbnail(sandbox: Sandbox, request: Request) -> Response:
    """Take a thumbnail for an own video: a JPEG or PNG of at most 2 MB."""
    caller = enter(sandbox, request, MAY_UPLOAD, units=50)
    image = request.read()
    kind = {b"\xff\xd8\xff": "jpg", b"\x89PN": "png"}.get(image[:3])
    if kind is None:
        raise problem(
            400, "invalidImage", "The provided image content is invalid.", domain="youtube.thumbnail"
        )
    if len(image) > THUMBNAIL_BYTES:
        raise problem(400, "mediaBodyTooLarge", "The image is too large.", domain="youtube.thumbnail")
    with sandbox.store.change(SECTION) as youtube:
        video = own_video(youtube, request.query.get("videoId", ""), caller)
        if not setting(youtube, "thumbnails_allowed", caller.channel_id):
            message = (
                "The authenticated user doesn't have permissions to upload and set custom video thumbnails."
            )
            raise problem(403, "forbidden", message, domain="youtube.thumbnail")
        video["thumbnail"] = {"kind": kind, "size_bytes": len(image)}
        path = sandbox.store.folder("thumbnails") / f"{video['id']}.{kind}"
        path.write_bytes(image)
    picture = {"default": {"url": f"{sandbox.youtube_url}/vi/{video['id']}", "width": 120, "height": 90}}
    return Response.json({"kind": "youtube#thumbnailSetResponse", "etag": "l", "items": [picture]})


@route("GET", "/youtube/vi/{video_id}")
def show_thumbnail(sandbox: Sandbox, request: Request) -> Response:
    """Show a video's thumbnail."""
    with sandbox.store.read(SECTION) as youtube:
        video = youtube.get("videos", {}).get(request.params["video_id"]) or {}
        kept = video.get("thumbnail")
    if not kept:
        return Response.text("Not Found", 404)
    return Response.file(request, sandbox.store.folder("thumbnails") / f"{video['id']}.{kept['kind']}")


# -- looking behind the scenes -------------------------------------------------------------------------


@route("GET", "/sandbox/youtube/publications")
def list_publications(sandbox: Sandbox, request: Request) -> Response:
    """List every time a video became public, with the instant by the sandbox's clock."""
    return Response.json(publications(sandbox.store))


@route("POST", "/sandbox/youtube/settings")
def change_settings(sandbox: Sandbox, request: Request) -> Response:
    """Change settings: ``{"uploads_per_day": 3}``, or one channel's with its ``"channel_id"``."""
    wanted = request.json()
    try:
        configure(sandbox.store, **(wanted if isinstance(wanted, dict) else {}))
    except ValueError as error:
        return Response.json({"message": str(error)}, 422)
    with sandbox.store.read(SECTION) as youtube:
        channel = youtube.get("channels", {}).get(wanted.get("channel_id", "")) if wanted else None
        return Response.json((channel or youtube).get("settings", {}))


@route("POST", "/sandbox/youtube/fail-processing")
def fail_processing(sandbox: Sandbox, request: Request) -> Response:
    """Let the processing of a video fail: ``{"video_id": …, "reason": "codec"}``, or be rejected: ``"rejected": true``."""
    wanted = request.json()
    with sandbox.store.change(SECTION) as youtube:
        video = youtube.get("videos", {}).get((wanted or {}).get("video_id"))
        if video is None:
            return Response.json({"message": "no such video_id"}, 404)
        video["rejection" if wanted.get("rejected") else "failure"] = wanted.get("reason", "codec")
    return Response(204)


@route("POST", "/sandbox/youtube/revoke")
def revoke_token(sandbox: Sandbox, request: Request) -> Response:
    """Take a permission back: ``{"refresh_token": "sandbox-refresh-aurora"}``."""
    wanted = request.json() or {}
    try:
        revoke(sandbox.store, wanted["refresh_token"])
    except (KeyError, TypeError):
        return Response.json({"message": "no such refresh_token"}, 404)
    return Response(204)


@route("POST", "/sandbox/youtube/forget-sessions")
def expire_all_sessions(sandbox: Sandbox, request: Request) -> Response:
    """Let every upload session lapse."""
    expire_sessions(sandbox.store)
    return Response(204)


# -- small things --------------------------------------------------------------------------------------


def _with_parts(item: dict[str, Any], parts: list[str]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name in {"kind", "etag", "id", *parts}}


def _list(kind: str, items: list[Any], total: int | None = None, **more: str) -> Response:
    page = {"totalResults": len(items) if total is None else total, "resultsPerPage": len(items)}
    return Response.json({"kind": kind, "etag": "l", **more, "pageInfo": page, "items": items})


def _page_size(written: str) -> int:
    if not written.isdigit() or not 0 <= int(written) <= 50:
        raise problem(400, "invalidParameter", "maxResults must be 0 to 50.", domain="youtube.parameter")
    return int(written)


def _page_start(token: str) -> int:
    if not token:
        return 0
    if not token.startswith("SBX") or not token[3:].isdigit():
        raise problem(400, "invalidPageToken", "The page token is invalid.", domain="youtube.parameter")
    return int(token[3:])
