"""A look before: pictures and subtitles of videos, and which picture is shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orchestration.core import lookup
from orchestration.core.permissions import action
from orchestration.models import Attachment, Video
from orchestration.pipeline import attachments, watching
from orchestration.service.base import Door


class Watching(Door):
    """A look before: pictures and subtitles of videos, and which picture is shown."""

    @action("read")
    def get_attachments(self, *, video_id: int) -> Sequence[Attachment]:
        """List the pictures and subtitles of a video."""
        return list(lookup.one(Video, video_id, field="video_id").attachments.all())

    @action("schedule")
    def add_picture(self, *, video_id: int, path: Path, name: str = "") -> Attachment:
        """Keep a picture with a video, made as YouTube takes it; the file stays. Raises: NotFound, InvalidRequest."""
        video = lookup.one(Video, video_id, field="video_id")
        return attachments.add_picture(video, path, name or path.name)

    @action("schedule")
    def add_subtitles(self, *, video_id: int, path: Path, language: str, name: str = "") -> Attachment:
        """Keep checked subtitles, SRT or WebVTT, with a video; the file stays. Raises: NotFound, InvalidRequest."""
        video = lookup.one(Video, video_id, field="video_id")
        return attachments.add_subtitles(video, path, language, name or path.name)

    @action("schedule")
    def add_frame(self, *, video_id: int, at_seconds: float) -> Attachment:
        """Keep the frame shown at a moment as a picture of the video. Raises: NotFound, InvalidRequest, Busy."""
        return watching.add_frame(lookup.one(Video, video_id, field="video_id"), at_seconds)

    @action("schedule")
    def remove_attachment(self, *, attachment_id: int, reason: str = "") -> Video:
        """Remove a picture or subtitles that no words name. Raises: NotFound, InvalidRequest."""
        row = lookup.one(Attachment.objects.select_related("video"), attachment_id, field="attachment_id")
        attachments.remove(row, reason)
        return row.video

    @action("schedule")
    def choose_picture(self, *, video_id: int, attachment_id: int | None, reason: str = "") -> Video:
        """Let a video's words name one of its pictures, or none. Raises: NotFound, InvalidRequest."""
        return watching.choose_picture(video_id, attachment_id, reason)
