"""Find, fetch, measure and prepare videos. Knows no model and no settings: all it needs is passed in.

The public names are loaded when they are first used: yt-dlp and PyAV take most of a second to import,
which a web process or `manage.py status` need not wait for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .access import Access, AccessUnusable
from .errors import (
    AccessRefused,
    Cancelled,
    ChecksumWrong,
    FeedUnreadable,
    FileDamaged,
    FileEmpty,
    FileTooLarge,
    ItemChanged,
    MediaError,
    NoVideoFound,
    PictureTooLarge,
    PictureUnusable,
    ResultWrong,
    SourceTimedOut,
    SourceUnreachable,
    StorageFull,
    SubtitlesUnusable,
    ToolMissing,
    TranscodeFailed,
    UnsafeUrl,
    YouTubeRefused,
)
from .files import content_sha256, put_in_place
from .items import DownloadedFile, FoundItem
from .profiles import Profile
from .tools import MediaTool, ffmpeg_tool
from .urls import canonical_url, check_fetchable, is_youtube

if TYPE_CHECKING:
    from .listing import Reading, list_items, read_source
    from .measure import MediaInfo, probe
    from .scrape import download
    from .transcode import Prepared, is_upload_ready, normalise, thumbnail

_LOADED_ON_USE = {
    "MediaInfo": "measure",
    "probe": "measure",
    "download": "scrape",
    "Prepared": "transcode",
    "list_items": "listing",
    "read_source": "listing",
    "Reading": "listing",
    "is_upload_ready": "transcode",
    "normalise": "transcode",
    "thumbnail": "transcode",
}

__all__ = [
    "Access",
    "AccessRefused",
    "AccessUnusable",
    "Cancelled",
    "ChecksumWrong",
    "DownloadedFile",
    "FeedUnreadable",
    "FileDamaged",
    "FileEmpty",
    "FileTooLarge",
    "FoundItem",
    "ItemChanged",
    "MediaError",
    "MediaInfo",
    "MediaTool",
    "NoVideoFound",
    "PictureTooLarge",
    "PictureUnusable",
    "Prepared",
    "Profile",
    "Reading",
    "ResultWrong",
    "SourceTimedOut",
    "SourceUnreachable",
    "StorageFull",
    "SubtitlesUnusable",
    "ToolMissing",
    "TranscodeFailed",
    "UnsafeUrl",
    "YouTubeRefused",
    "canonical_url",
    "check_fetchable",
    "content_sha256",
    "download",
    "ffmpeg_tool",
    "is_upload_ready",
    "is_youtube",
    "list_items",
    "normalise",
    "probe",
    "put_in_place",
    "read_source",
    "thumbnail",
]


def __getattr__(name: str) -> Any:
    module = _LOADED_ON_USE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{module}", __name__), name)
