"""Change what lies on YouTube beside the upload itself: words of a video, its picture, captions and playlists.

`videos.update` replaces every part that it names, whole: what is left out of a part is deleted there. So whatever is
changed is sent with all that was seen of its part, and a part of which nothing changes is not named at all.
https://developers.google.com/youtube/v3/docs/videos/update
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from googleapiclient.http import MediaFileUpload

from channels.gateways.errors import RemoteRejected
from channels.gateways.youtube_upload import marked_description
from channels.gateways.youtube_values import VideoStatus, video_of
from channels.quota import (
    CAPTION_INSERT_UNITS,
    CAPTION_LIST_UNITS,
    CAPTION_UPDATE_UNITS,
    READ_UNITS,
    WRITE_UNITS,
)

OF_SNIPPET: Mapping[str, tuple[str, ...]] = {
    "title": ("title",),
    "description": ("description",),
    "tags": ("tags",),
    "category_id": ("categoryId",),
    "language": ("defaultLanguage", "defaultAudioLanguage"),
}
OF_STATUS: Mapping[str, tuple[str, ...]] = {
    "licence": ("license",),
    "embeddable": ("embeddable",),
    "made_for_kids": ("selfDeclaredMadeForKids",),
    "synthetic_media": ("containsSyntheticMedia",),
}
OF_PROMOTION: Mapping[str, tuple[str, ...]] = {"paid_promotion": ("hasPaidProductPlacement",)}
PARTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "snippet": OF_SNIPPET,
    "status": OF_STATUS,
    "paidProductPlacementDetails": OF_PROMOTION,
}
"""Our field -> the properties of the part that carry it. Status carries visibility, too, and is named only if it must be."""
KEPT_STATUS = (
    "selfDeclaredMadeForKids",
    "embeddable",
    "license",
    "publicStatsViewable",
    "containsSyntheticMedia",
)
"""What `videos.update` would reset to YouTube's defaults if it were left out of the status."""
TO_BE_PUBLIC_SOON = timedelta(seconds=30)
CAPTION_KINDS = {".vtt": "text/vtt", ".srt": "application/x-subrip"}


@dataclass(frozen=True, slots=True)
class CaptionTrack:
    """Captions as YouTube lists them; language and name together are unique among a video's standard tracks."""

    id: str
    language: str
    name: str
    kind: str
    """`standard`, `ASR` (by speech recognition) or `forced`."""


class ChangesWords:
    """The calls for words; mixed into the gateway, which owns the wire and counts what is spent."""

    if TYPE_CHECKING:  # what the gateway has
        _api: Any

        def _item(self, video_id: str) -> dict[str, Any]: ...
        def _read(self, request: Any, units: int = READ_UNITS) -> dict[str, Any]: ...
        def _write(self, request: Any, units: int = WRITE_UNITS) -> dict[str, Any]: ...

    def set_words(self, video_id: str, changes: Mapping[str, Any], marker: str) -> VideoStatus:
        """Change some words of a video, keep everything else of it, and return what YouTube now states.

        `changes` names fields of `PARTS`; a description comes without its marker, tags without it, too. Who may see the
        video stays as it was seen.

        Raises: RemoteRejected, where YouTube refuses a value, or where status words are to be changed of a video that
        becomes public this very moment; RemoteNotFound; RemoteUncertain (look what it says now) and other RemoteErrors.
        """
        item = self._item(video_id)
        body: dict[str, Any] = {"id": video_id}
        for part, fields in PARTS.items():
            wanted = {name: value for name, value in changes.items() if name in fields}
            if wanted:
                body[part] = _whole(part, item, wanted, marker)
        parts = [part for part in PARTS if part in body]
        unknown = set(changes) - {name for fields in PARTS.values() for name in fields}
        if unknown or not parts:
            raise ValueError(f"no words of a video: {', '.join(sorted(unknown)) or 'nothing'}")
        answer = self._write(self._api.videos().update(part=",".join(parts), body=body))
        return video_of({**item, **{part: answer[part] for part in parts if part in answer}})

    def set_thumbnail(self, video_id: str, path: Path) -> None:
        """Give a video its picture, a JPEG or PNG of at most 2 MB. Doing it twice does no harm."""
        kind = "image/png" if Path(path).suffix.lower() == ".png" else "image/jpeg"
        self._send_file(
            path, kind, lambda media: self._api.thumbnails().set(videoId=video_id, media_body=media)
        )

    # -- playlists -------------------------------------------------------------------------------------

    def playlist_item(self, playlist_id: str, video_id: str) -> str:
        """Return the id of the entry by which a playlist has a video; empty where it has it not.

        Raises: RemoteNotFound for a playlist that is gone, and other RemoteErrors.
        """
        answer = self._read(
            self._api.playlistItems().list(part="id", playlistId=playlist_id, videoId=video_id, maxResults=1)
        )
        items = answer.get("items") or [{}]
        return str(items[0].get("id", ""))

    def add_to_playlist(self, playlist_id: str, video_id: str) -> str:
        """Put a video at a playlist's end and return the entry's id. Look first: each call makes an entry.

        Raises: AlreadyThere, RemoteNotFound; RemoteUncertain (look again) and other RemoteErrors.
        """
        resource = {"kind": "youtube#video", "videoId": video_id}
        body = {"snippet": {"playlistId": playlist_id, "resourceId": resource}}
        answer = self._write(self._api.playlistItems().insert(part="snippet", body=body))
        return str(answer.get("id", ""))

    # -- captions --------------------------------------------------------------------------------------

    def captions(self, video_id: str) -> list[CaptionTrack]:
        """Return a video's captions. Raises: PermissionMissing without the scope for captions, and other RemoteErrors."""
        request = self._api.captions().list(part="snippet", videoId=video_id)
        items = self._read(request, CAPTION_LIST_UNITS).get("items", [])
        return [
            CaptionTrack(
                id=item["id"],
                language=item["snippet"].get("language", ""),
                name=item["snippet"].get("name", ""),
                kind=item["snippet"].get("trackKind", "standard"),
            )
            for item in items
        ]

    def add_captions(self, video_id: str, language: str, name: str, path: Path) -> str:
        """Give a video captions, an SRT or VTT file, and return their id.

        Raises: AlreadyThere, where the video has some of this language and name; RemoteRejected for a file that YouTube
        cannot read; RemoteUncertain (look again) and other RemoteErrors.
        """
        body = {"snippet": {"videoId": video_id, "language": language, "name": name, "isDraft": False}}
        answer = self._send_file(
            path,
            _caption_kind(path),
            lambda media: self._api.captions().insert(part="snippet", body=body, media_body=media),
            CAPTION_INSERT_UNITS,
        )
        return str(answer.get("id", ""))

    def replace_captions(self, caption_id: str, path: Path) -> None:
        """Replace the text of captions. Doing it twice does no harm."""
        self._send_file(
            path,
            _caption_kind(path),
            lambda media: self._api.captions().update(part="id", body={"id": caption_id}, media_body=media),
            CAPTION_UPDATE_UNITS,
        )

    def _send_file(
        self, path: Path, kind: str, request: Callable[[Any], Any], units: int = WRITE_UNITS
    ) -> dict[str, Any]:
        try:
            media = MediaFileUpload(str(path), mimetype=kind, resumable=False)
        except OSError as error:
            raise RemoteRejected(f"the file cannot be read: {error.strerror}") from error
        try:
            return self._write(request(media), units)
        finally:
            media.stream().close()


def _whole(part: str, item: Mapping[str, Any], wanted: Mapping[str, Any], marker: str) -> dict[str, Any]:
    """Return a part as it is to be: everything that can be set in it as it was seen, with the wanted changes."""
    seen, fields = item.get(part, {}), PARTS[part]
    if part == "status":
        whole = {name: seen[name] for name in (*KEPT_STATUS, "privacyStatus", "publishAt") if name in seen}
        _refuse_near_its_moment(whole)
    else:
        whole = {name: seen[name] for names in fields.values() for name in names if name in seen}
    for field, value in wanted.items():
        for name in fields[field]:
            if value == "" and field == "language":
                whole.pop(name, None)
            else:
                whole[name] = _sent(field, value, marker)
    return whole


def _sent(field: str, value: Any, marker: str) -> Any:
    if field == "description":
        return marked_description(value, marker) if marker else value
    if field == "tags":
        return [*(tag for tag in value if tag != marker), *([marker] if marker else [])]
    return value


def _refuse_near_its_moment(status: Mapping[str, Any]) -> None:
    """Refuse to repeat a publishAt that may have passed when it arrives: YouTube would publish, or take back, at once."""
    if "privacyStatus" not in status:
        raise RemoteRejected("YouTube did not say who may see the video, so its status is left alone")
    said = status.get("publishAt")
    if said and datetime.fromisoformat(said) <= datetime.now(UTC) + TO_BE_PUBLIC_SOON:
        raise RemoteRejected(f"the video is to become public at {said}: its status is left alone until then")


def _caption_kind(path: Path) -> str:
    return CAPTION_KINDS.get(Path(path).suffix.lower(), "application/octet-stream")
