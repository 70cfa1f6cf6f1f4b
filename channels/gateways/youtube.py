"""Speak to YouTube on behalf of one channel: upload private, publish, look; words are in `youtube_words`.

A gateway belongs to one thread and one task: make it, use it, close it. What it returns are values of this
module, what it raises are `channels.gateways.errors`. A call that changes something is sent once; if its
answer is lost the error is `RemoteUncertain`, and `videos` shows what happened.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from google.oauth2.credentials import Credentials

from channels.gateways.errors import PermissionMissing, RemoteNotFound, RemoteRejected, WrongChannel
from channels.gateways.youtube_oauth import (
    GOOGLE_API_URL,
    GOOGLE_TOKEN_URL,
    OAuthCredential,
)
from channels.gateways.youtube_upload import (
    Upload,
    UploadReceipt,
    VideoMetadata,
    carries_marker,
)
from channels.gateways.youtube_values import (
    ChannelInfo,
    VideoStatus,
    channel_of,
    video_of,
    whole_second,
    with_status,
    written,
)
from channels.gateways.youtube_wire import Wire
from channels.gateways.youtube_words import KEPT_STATUS, ChangesWords
from channels.quota import READ_UNITS, UNITS, UPLOADS, WRITE_UNITS

PAGE = 50
VIDEO_PARTS = "snippet,status,statistics,processingDetails,paidProductPlacementDetails"
"""Whatever they are, one look at 50 videos costs one unit."""
MIB = 1024 * 1024


class YouTubeGateway(ChangesWords):
    """Make one channel's calls. Raises CredentialMissing at once when the credential is incomplete."""

    def __init__(
        self,
        credential: OAuthCredential,
        api_url: str = GOOGLE_API_URL,
        token_url: str = GOOGLE_TOKEN_URL,
        timeout_seconds: float = 30,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        credential.require_complete()
        google = Credentials(
            token=None,
            refresh_token=credential.refresh_token,
            token_uri=token_url,
            client_id=credential.client_id,
            client_secret=credential.client_secret,
        )
        self._wire = Wire(google, api_url, timeout_seconds)
        self._sleep = sleep
        self._uploads_playlist_id: str | None = None
        self.spent: Counter[str] = Counter()
        """What this gateway's calls have cost so far, by quota bucket; counted before each call is sent."""
        self._prepared: dict[str, dict[str, Any]] = {}

    @property
    def clock_ahead(self) -> timedelta:
        """How far our clock was ahead of YouTube's at the last answer; 0 where it was not, as far as can be told."""
        return self._wire.http.ahead

    def close(self) -> None:
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- the channel -------------------------------------------------------------------------------

    def my_channel(self) -> ChannelInfo:
        """Return the channel that this credential speaks for.

        Raises: PermissionMissing when the Google account has no channel.
        """
        answer = self._read(self._api.channels().list(part="snippet,contentDetails,statistics", mine=True))
        if not answer.get("items"):
            raise PermissionMissing("this Google account has no YouTube channel")
        channel = channel_of(answer["items"][0])
        self._uploads_playlist_id = channel.uploads_playlist_id
        return channel

    def require_channel(self, channel_id: str) -> ChannelInfo:
        """Return the channel, or raise WrongChannel when the credential speaks for another one."""
        channel = self.my_channel()
        if channel.id != channel_id:
            raise WrongChannel(
                f"the credential belongs to the channel {channel.id} ({channel.title}), not to {channel_id}"
            )
        return channel

    # -- reading -----------------------------------------------------------------------------------

    def videos(self, ids: Iterable[str]) -> dict[str, VideoStatus]:
        """Return the state of videos by id, 50 a call. One that is gone or not visible is left out."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, VideoStatus] = {}
        for start in range(0, len(wanted), PAGE):
            for item in self._items(wanted[start : start + PAGE]):
                found[item["id"]] = video_of(item)
        return found

    def find_by_marker(self, marker: str, newest: int = 200) -> str | None:
        """Return the id of this channel's video that carries the marker, or None.

        Looks through the `newest` uploads. Of several, the one uploaded first: its receipt was lost.
        """
        found = self.find_all_by_marker(marker, newest)
        return found[-1] if found else None

    def find_all_by_marker(
        self,
        marker: str,
        newest: int = 200,
        *,
        since: datetime | None = None,
        before_more: Callable[[], None] = lambda: None,
    ) -> list[str]:
        """Return the ids of all videos among the `newest` uploads that carry the marker, newest first.

        With `since`, goes on as many further at a time until one is older, and calls `before_more` before each such time.
        """
        return [
            item["snippet"]["resourceId"]["videoId"]
            for item in self._uploads(newest, since, before_more)
            if carries_marker(item["snippet"].get("description", ""), marker)
        ]

    def prepare(self, ids: Iterable[str]) -> dict[str, VideoStatus]:
        """Fetch the access token and the videos' state ahead, so that the next write of each is one single call.

        For the last minute before a publication: what somebody else changes in between is overwritten.
        """
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), PAGE):
            self._prepared |= {item["id"]: item for item in self._items(wanted[start : start + PAGE])}
        return {each: video_of(self._prepared[each]) for each in wanted if each in self._prepared}

    # -- writing -----------------------------------------------------------------------------------

    def upload(
        self,
        path: Path,
        metadata: VideoMetadata,
        *,
        session_uri: str | None = None,
        on_session: Callable[[str], None],
        on_progress: Callable[[int, int], None] = lambda sent_bytes, total_bytes: None,
        cancelled: Callable[[], bool] = lambda: False,
        chunk_bytes: int = 8 * MIB,
        on_last_piece: Callable[[], None] = lambda: None,
    ) -> UploadReceipt:
        """Upload a file as a private video that carries its marker; go on with `session_uri` if it is given.

        `on_session` gets the session's address before the first byte is sent: store it (encrypted, it is a
        permission to upload), and after a crash give it back here. `on_last_piece` is called before the piece that
        ends the file is sent: from then on there may be a video. A piece that fails is asked about and sent
        again a bounded number of times, with growing waits.

        Raises: SessionGone (look for the marker, then begin anew); RemoteUncertain when all was sent and no
        receipt came (resume, or look for the marker); UploadCancelled; RemoteUnavailable (resume later);
        QuotaExhausted and other RemoteErrors.
        """
        if session_uri is None:
            self.spent[UPLOADS] += 1
        run = Upload(
            self._wire,
            Path(path),
            metadata,
            on_session,
            on_progress,
            cancelled,
            chunk_bytes,
            self._sleep,
            on_last_piece,
        )
        return run.run(session_uri)

    def set_publish_at(self, video_id: str, instant: datetime) -> VideoStatus:
        """Let YouTube publish a private video by itself at `instant`, and return what it now states.

        The instant is sent in whole seconds, rounded up so that nothing is early. One in the past is refused
        here, because YouTube would publish at once.

        Raises: RemoteRejected when the instant is not in the future or the video was published before;
        RemoteNotFound; RemoteUncertain (read back) and other RemoteErrors.
        """
        if instant.utcoffset() is None:
            raise ValueError("publish_at needs a time zone")
        at = whole_second(instant)
        if at <= datetime.now(UTC):
            raise RemoteRejected(f"publish_at {at.isoformat()} is not in the future")
        item = self._item(video_id)
        current = video_of(item)
        if current.privacy_status == "private" and current.publish_at == at:
            return current
        if current.privacy_status != "private":
            raise RemoteRejected(
                f"the video is {current.privacy_status}: only a private one can be scheduled"
            )
        return self._update_status(item, {"privacyStatus": "private", "publishAt": written(at)})

    def publish_now(self, video_id: str) -> VideoStatus:
        """Make a video public and return what YouTube now states; leave one alone that is public already."""
        item = self._item(video_id)
        current = video_of(item)
        if current.is_public:
            return current
        return self._update_status(item, {"privacyStatus": "public"})

    def make_private(self, video_id: str) -> VideoStatus:
        """Make a video private, dropping a planned publication, and return what YouTube now states."""
        item = self._item(video_id)
        current = video_of(item)
        if current.privacy_status == "private" and current.publish_at is None:
            return current
        return self._update_status(item, {"privacyStatus": "private"})

    def delete(self, video_id: str) -> None:
        """Delete a video for good. Raises RemoteNotFound when it is not there."""
        self._write(self._api.videos().delete(id=video_id))

    # -- inside ------------------------------------------------------------------------------------

    @property
    def _api(self) -> Any:
        return self._wire.service

    def _read(self, request: Any, units: int = READ_UNITS) -> dict[str, Any]:
        self.spent[UNITS] += units
        return self._wire.execute(request)

    def _write(self, request: Any, units: int = WRITE_UNITS) -> dict[str, Any]:
        self.spent[UNITS] += units
        return self._wire.execute(request)

    def _items(self, ids: list[str]) -> list[dict[str, Any]]:
        request = self._api.videos().list(part=VIDEO_PARTS, id=",".join(ids), maxResults=PAGE)
        items: list[dict[str, Any]] = self._read(request).get("items", [])
        return items

    def _item(self, video_id: str) -> dict[str, Any]:
        prepared = self._prepared.pop(video_id, None)
        if prepared is not None:
            return prepared
        items = self._items([video_id])
        if not items:
            raise RemoteNotFound(f"YouTube has no video {video_id} that this channel may see")
        return items[0]

    def _update_status(self, item: dict[str, Any], wanted: dict[str, Any]) -> VideoStatus:
        kept = {name: item["status"][name] for name in KEPT_STATUS if name in item["status"]}
        body = {"id": item["id"], "status": {**kept, **wanted}}
        answer = self._write(self._api.videos().update(part="status", body=body))
        return with_status(video_of(item), answer.get("status", {}))

    def _uploads(
        self, newest: int, since: datetime | None = None, before_more: Callable[[], None] = lambda: None
    ) -> Iterator[dict[str, Any]]:
        playlist_id = self._uploads_playlist_id or self.my_channel().uploads_playlist_id
        page_token, left = None, newest
        while left > 0:
            answer = self._read(
                self._api.playlistItems().list(
                    part="snippet", playlistId=playlist_id, maxResults=min(PAGE, left), pageToken=page_token
                )
            )
            items = answer.get("items", [])
            yield from items
            left -= len(items)
            page_token = answer.get("nextPageToken")
            if not page_token or not items:
                return
            if left <= 0 and since is not None and _is_of_after(items[-1], since):
                before_more()
                left = newest


def _is_of_after(item: dict[str, Any], since: datetime) -> bool:
    """Return whether an upload is listed as of after an instant; one that does not say when may be."""
    said = item["snippet"].get("publishedAt")
    return said is None or datetime.fromisoformat(said) > since
