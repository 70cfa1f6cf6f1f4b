"""Word the sandbox's channels and videos as resources of the YouTube Data API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from channels.sandbox.store import iso
from channels.sandbox.youtube_state import Caller, Section, Video, instant, problem, setting, view_count

VIDEO_PARTS = (
    "id",
    "snippet",
    "status",
    "statistics",
    "contentDetails",
    "processingDetails",
    "paidProductPlacementDetails",
)
CHANNEL_PARTS = ("id", "snippet", "contentDetails", "statistics", "status")


def wanted_parts(written: str, known: tuple[str, ...]) -> list[str]:
    """Return the asked parts, or answer 400 for one that does not exist."""
    parts = [part for part in written.split(",") if part]
    unknown = [part for part in parts if part not in known]
    if unknown or not parts:
        raise problem(
            400,
            "unknownPart",
            f"{', '.join(unknown) or 'part'}: unknown or missing part",
            domain="youtube.part",
        )
    return parts


def video_resource(
    youtube: Section, video: Video, parts: list[str], caller: Caller, now: datetime
) -> dict[str, Any]:
    """Word one video, as the caller may see it."""
    channel = youtube["channels"][video["channel_id"]]
    own = caller.channel_id == video["channel_id"]
    resource: dict[str, Any] = {
        "kind": "youtube#video",
        "etag": f"v{len(video['transitions'])}",
        "id": video["id"],
    }
    if "snippet" in parts:
        resource["snippet"] = {
            "publishedAt": iso(instant(video["made_public_at"] or video["uploaded_at"])),
            "channelId": video["channel_id"],
            "channelTitle": channel["title"],
            "liveBroadcastContent": "none",
            **video["snippet"],
        }
    if "status" in parts:
        resource["status"] = _status(youtube, video, own, now)
    if "statistics" in parts:
        views = view_count(video, now)
        resource["statistics"] = {
            "viewCount": str(views),
            "likeCount": str(views // 27),
            "favoriteCount": "0",
            "commentCount": str(views // 190),
        }
    if "contentDetails" in parts:
        resource["contentDetails"] = {
            "duration": _duration(video["duration_seconds"]),
            "dimension": "2d",
            "definition": "hd",
            "caption": "true" if video.get("captions") else "false",
            "licensedContent": False,
            "hasCustomThumbnail": video["thumbnail"] is not None,
        }
    if "paidProductPlacementDetails" in parts:
        resource["paidProductPlacementDetails"] = {
            "hasPaidProductPlacement": bool(video.get("paid_promotion"))
        }
    if "processingDetails" in parts and own:
        resource["processingDetails"] = _processing(upload_status(youtube, video, now))
    return resource


def upload_status(youtube: Section, video: Video, now: datetime) -> str:
    """Return how far the processing of an uploaded file is."""
    seconds = setting(youtube, "processing_seconds", video["channel_id"])
    if now < instant(video["uploaded_at"]) + timedelta(seconds=seconds):
        return "uploaded"
    if video.get("rejection"):
        return "rejected"
    return "failed" if video["failure"] else "processed"


def _processing(upload: str) -> dict[str, str]:
    """Word how far processing is; a rejected video was processed all the same."""
    if upload == "failed":
        return {"processingStatus": "failed", "processingFailureReason": "transcodeFailed"}
    return {"processingStatus": "processing" if upload == "uploaded" else "succeeded"}


def channel_resource(
    youtube: Section, channel: dict[str, Any], parts: list[str], now: datetime
) -> dict[str, Any]:
    """Word one channel."""
    resource: dict[str, Any] = {"kind": "youtube#channel", "etag": "c", "id": channel["id"]}
    if "snippet" in parts:
        resource["snippet"] = {
            "title": channel["title"],
            "description": "",
            "publishedAt": iso(instant(channel["created_at"])),
        }
    if "contentDetails" in parts:
        resource["contentDetails"] = {
            "relatedPlaylists": {"likes": "", "uploads": channel["uploads_playlist"]}
        }
    if "status" in parts:
        resource["status"] = {"privacyStatus": "public", "isLinked": True, "longUploadsStatus": "allowed"}
    if "statistics" in parts:
        videos = [v for v in youtube.get("videos", {}).values() if v["channel_id"] == channel["id"]]
        views = sum(view_count(video, now) for video in videos)
        resource["statistics"] = {
            "viewCount": str(channel["views"] + views),
            "subscriberCount": str(channel["subscribers"] + views // 140),
            "hiddenSubscriberCount": bool(channel.get("hides_subscribers", False)),
            "videoCount": str(sum(video["privacy_status"] == "public" for video in videos)),
        }
        if resource["statistics"]["hiddenSubscriberCount"]:
            resource["statistics"]["subscriberCount"] = "0"
    return resource


def playlist_item(youtube: Section, channel: dict[str, Any], video: Video, position: int) -> dict[str, Any]:
    """Word one entry of a channel's uploads playlist."""
    return {
        "kind": "youtube#playlistItem",
        "etag": "p",
        "id": f"{channel['uploads_playlist']}.{video['id']}",
        "snippet": {
            "publishedAt": iso(instant(video["made_public_at"] or video["uploaded_at"])),
            "channelId": channel["id"],
            "channelTitle": channel["title"],
            "title": video["snippet"]["title"],
            "description": video["snippet"]["description"],
            "playlistId": channel["uploads_playlist"],
            "position": position,
            "resourceId": {"kind": "youtube#video", "videoId": video["id"]},
        },
        "contentDetails": {"videoId": video["id"]},
        "status": {"privacyStatus": video["privacy_status"]},
    }


def _status(youtube: Section, video: Video, own: bool, now: datetime) -> dict[str, Any]:
    state = upload_status(youtube, video, now)
    status: dict[str, Any] = {"uploadStatus": state, "privacyStatus": video["privacy_status"]}
    if state == "failed":
        status["failureReason"] = video["failure"]
    if state == "rejected":
        status["rejectionReason"] = video["rejection"]
    status |= {
        key: value for key, value in video["status"].items() if own or key != "selfDeclaredMadeForKids"
    }
    status["madeForKids"] = video["status"]["selfDeclaredMadeForKids"]
    if own and video["publish_at"]:
        status["publishAt"] = iso(instant(video["publish_at"]))
    return status


def _duration(seconds: float) -> str:
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    written = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (left, "S")) if n)
    return f"PT{written or '0S'}"
