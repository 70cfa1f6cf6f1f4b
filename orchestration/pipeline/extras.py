"""Give an upload what goes with it: picture, playlists, subtitles. What YouTube does not take fails no publication.

Headend's own workers do it for both executors, after the upload is recorded, so that a GitHub run and a worker of ours end
with the same video. Each extra is looked for before it is added, its intent is kept before the call, and a call whose
answer was lost is looked after by the next try. None of it draws on what the budget keeps for publishing.

A failure is kept by the extra's key (`word_faults`): tried again with growing pauses, on the next day where a budget is
spent, and given up after `PATIENCE`, or at once where YouTube says that it never will be.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import AlreadyThere, PermissionMissing, QuotaExhausted, RateLimited, RemoteError
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_words import CaptionTrack
from orchestration.core import audit
from orchestration.core.failpoints import failpoint
from orchestration.models import Attachment, Distribution, Job
from orchestration.pipeline import words_kept
from orchestration.pipeline.looks import SETTLE
from orchestration.pipeline.scrape import absolute
from orchestration.pipeline.youtube_calls import charged
from orchestration.queue import pools
from orchestration.queue.lease import JobLease

PATIENCE = timedelta(days=7)
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
NO_PERMISSION_PAUSE = timedelta(days=1)
"""Somebody has to give it: a telephone number for pictures, another consent for subtitles."""
SOURCE_PICTURE = "source"


class FileMissing(Exception):
    """The file of an extra is gone; another one has to be chosen."""

    code = "file_missing"


class _NotListedYet(Exception):
    """An earlier try may have added it, and YouTube's list may not show it yet."""

    def __init__(self, again_at: datetime) -> None:
        super().__init__("an earlier try may have added it; YouTube's list is looked at again")
        self.again_at = again_at


def bring(job: Job, lease: JobLease, youtube: YouTubeGateway, distribution: Distribution) -> datetime | None:
    """Do what is pending and due; returns when the rest is tried again, None where nothing is left.

    Raises: what concerns more than this extra: a revoked credential, a disabled API.
    """
    work = _Extras(job, lease, youtube, distribution)
    for key, value in words_kept.pending_extras(distribution).items():
        fault = distribution.word_faults.get(key, {})
        if fault.get("next_at") and datetime.fromisoformat(fault["next_at"]) > timezone.now():
            continue
        lease.check()
        work.one(key, value)
    distribution.refresh_from_db(fields=["words_set", "words_wanted", "word_faults"])
    pending = words_kept.pending_extras(distribution)
    at = [distribution.word_faults.get(key, {}).get("next_at") for key in pending]
    soon = timezone.now() + FIRST_PAUSE
    return min((datetime.fromisoformat(each) if each else soon for each in at), default=None)


class _Extras:
    """The extras of one upload, in one try of its job."""

    def __init__(
        self, job: Job, lease: JobLease, youtube: YouTubeGateway, distribution: Distribution
    ) -> None:
        self.job, self.lease, self.youtube, self.distribution = job, lease, youtube, distribution
        self.video_id = str(distribution.youtube_video_id)
        self._tracks: list[CaptionTrack] | None = None

    def one(self, key: str, value: Any) -> None:
        """Do one extra and keep what came of it."""
        kind = key.partition(":")[0]
        do: Callable[[str, Any], dict[str, Any]] = {
            "picture": self._picture,
            "playlist": self._playlist,
            "subtitles": self._subtitles,
        }[kind]
        try:
            done = do(key, value)
        except RemoteError as error:
            if (
                error.again == "blocked" and not isinstance(error, PermissionMissing)
            ) or error.scope == "installation":
                raise
            self._fault(key, error.code, str(error), _pause(error))
        except pools.BudgetExhausted as error:
            self._fault(key, error.code, error.message, error.resets_at)
        except _NotListedYet as error:
            self._fault(key, "not_listed_yet", str(error), error.again_at)
        except FileMissing as error:
            self._fault(key, error.code, str(error), None)
        else:
            self._done(key, {**done, "value": value, "at": timezone.now().isoformat()})
            failpoint("extra.recorded")

    # -- each kind -------------------------------------------------------------------------------------

    def _picture(self, key: str, value: Any) -> dict[str, Any]:
        path = self._file(value)
        self._intend(key, value)
        with charged("set_thumbnail", "thumbnails.set", self.job):
            self.youtube.set_thumbnail(self.video_id, path)
            failpoint("extra.called")
        return {}

    def _playlist(self, key: str, value: Any) -> dict[str, Any]:
        entry = self._entry(value)
        if entry:
            return {"id": entry}
        self._wait_for_list(key, value)
        self._intend(key, value)
        try:
            with charged("add_to_playlist", "playlistItems.insert", self.job):
                entry = self.youtube.add_to_playlist(value, self.video_id)
                failpoint("extra.called")
        except AlreadyThere:
            entry = self._entry(value)
        return {"id": entry}

    def _entry(self, playlist_id: str) -> str:
        with charged("playlist_item", "playlistItems.list", self.job):
            return self.youtube.playlist_item(playlist_id, self.video_id)

    def _subtitles(self, key: str, value: Any) -> dict[str, Any]:
        attachment = self._attachment(value)
        path = self._file(value)
        name = self._track_name(attachment)
        there = self._track(attachment.language, name)
        if there is not None:
            return self._same_language(key, value, there, path)
        self._intend(key, value)
        try:
            with charged("add_captions", "captions.insert", self.job):
                track = self.youtube.add_captions(self.video_id, attachment.language, name, path)
                failpoint("extra.called")
        except AlreadyThere:
            self._tracks = None
            there = self._track(attachment.language, name)
            track = there.id if there is not None else ""
        return {"id": track}

    def _same_language(self, key: str, value: Any, there: CaptionTrack, path: Path) -> dict[str, Any]:
        """Replace captions that an earlier choice of ours put there; an earlier try's stay, and so do a person's own."""
        ours = {
            other: done
            for other, done in self.distribution.words_set.get("extras", {}).items()
            if other.startswith("subtitles:") and other != key and done.get("id") == there.id
        }
        if ours:
            self._intend(key, value)
            with charged("replace_captions", "captions.update", self.job):
                self.youtube.replace_captions(there.id, path)
                failpoint("extra.called")
        return {"id": there.id, "was_there": not ours}

    def _track(self, language: str, name: str) -> CaptionTrack | None:
        if self._tracks is None:
            with charged("captions", "captions.list", self.job):
                self._tracks = self.youtube.captions(self.video_id)
        found = (
            track
            for track in self._tracks
            if track.kind == "standard" and (track.language, track.name) == (language, name)
        )
        return next(found, None)

    def _track_name(self, attachment: Attachment) -> str:
        """Return the name of a track: none, but for a second one of the same language, which has to have one."""
        wanted = self.distribution.words_wanted.get("extras", {}).get("subtitles", [])
        rows = Attachment.objects.filter(pk__in=wanted, language=attachment.language)
        others = [pk for pk in wanted if pk in set(rows.values_list("pk", flat=True))]
        return "" if not others or others[0] == attachment.pk else attachment.name[:150]

    # -- files and rows --------------------------------------------------------------------------------

    def _attachment(self, attachment_id: int) -> Attachment:
        found = Attachment.objects.filter(pk=attachment_id, video=self.distribution.video_id).first()
        if found is None:
            raise FileMissing(f"attachment {attachment_id} is gone; choose another one")
        return found

    def _file(self, value: Any) -> Path:
        video = self.distribution.video
        name = video.thumbnail_file if value == SOURCE_PICTURE else self._attachment(value).file
        path = absolute(name)
        if not name or not path.is_file():
            raise FileMissing(f"the file of {'the picture' if value == SOURCE_PICTURE else value} is gone")
        return path

    def _wait_for_list(self, key: str, value: Any) -> None:
        """Let YouTube's list catch up with an earlier try whose answer was lost. Raises: _NotListedYet."""
        tried = self.distribution.words_set.get("extras", {}).get(key, {})
        if tried.get("trying") == value:
            settled_at = datetime.fromisoformat(tried["at"]) + SETTLE
            if timezone.now() < settled_at:
                raise _NotListedYet(settled_at)

    def _intend(self, key: str, value: Any) -> None:
        """Write down that a call is about to be made, while the job is ours. Raises: LeaseLost."""
        with transaction.atomic():
            found = self._locked()
            self._write(found, key, {"trying": value, "at": timezone.now().isoformat()})
        failpoint("extra.intended")

    def _done(self, key: str, done: dict[str, Any]) -> None:
        with transaction.atomic():
            found = self._locked()
            before = found.words_set.get("extras", {}).get(key, {}).get("value")
            self._write(found, key, done)
            faults = {name: fault for name, fault in found.word_faults.items() if name != key}
            if faults != found.word_faults:
                words_kept.changed(found, "word_faults", faults)
            audit.record("extra_set", found, before={key: before}, after={key: done["value"]})
            self.distribution.words_set, self.distribution.word_faults = found.words_set, found.word_faults

    def _fault(self, key: str, code: str, message: str, next_at: datetime | None) -> None:
        """Keep why an extra is not there; without a next time it is given up."""
        now = timezone.now()
        with transaction.atomic():
            found = self._locked()
            was = found.word_faults.get(key, {})
            tries = int(was.get("tries", 0)) + 1
            since = was.get("since") or now.isoformat()
            fault = {"code": code, "message": message[:300], "since": since, "tries": tries}
            if next_at is None or next_at > datetime.fromisoformat(since) + PATIENCE:
                fault["given_up"] = True
            else:
                grown = now + min(FIRST_PAUSE * 2 ** min(tries - 1, 10), LONGEST_PAUSE)
                fault["next_at"] = max(next_at, grown).isoformat()
            words_kept.changed(found, "word_faults", {**found.word_faults, key: fault})
            if was.get("code") != code or fault.get("given_up"):
                audit.record("extra_failed", found, after={key: fault}, reason=message)
            self.distribution.word_faults = found.word_faults

    def _locked(self) -> Distribution:
        found = Distribution.objects.locked().get(pk=self.distribution.pk)
        self.lease.keep()
        return found

    def _write(self, found: Distribution, key: str, document: dict[str, Any]) -> None:
        extras = {**found.words_set.get("extras", {}), key: document}
        words_kept.changed(found, "words_set", {**found.words_set, "extras": extras})
        self.distribution.words_set = found.words_set


def _pause(error: RemoteError) -> datetime | None:
    """Return when an extra is tried again at the earliest; None where it never will be."""
    now = timezone.now()
    if isinstance(error, PermissionMissing):
        return now + NO_PERMISSION_PAUSE
    if isinstance(error, QuotaExhausted):
        return error.resets_at or now + timedelta(hours=1)
    if isinstance(error, RateLimited):
        return now + timedelta(seconds=error.retry_after_seconds or 60)
    return None if error.again == "never" else now
