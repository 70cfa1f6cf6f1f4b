"""Make gateways to the sandbox's YouTube, and the small files and metadata that the tests upload."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_oauth import OAuthCredential
from channels.gateways.youtube_upload import UploadReceipt, VideoMetadata
from channels.sandbox.server import Sandbox

KIB = 1024
STEP = 256 * KIB
MARKER = "headend:0199-marker"


def gateway(
    sandbox: Sandbox, slug: str = "aurora", *, timeout_seconds: float = 30, sleeps: list[float] | None = None
) -> YouTubeGateway:
    credential = OAuthCredential("sandbox-client", "sandbox-client-secret", f"sandbox-refresh-{slug}")
    waits = sleeps if sleeps is not None else []
    return YouTubeGateway(
        credential, sandbox.youtube_url, sandbox.token_url, timeout_seconds, sleep=waits.append
    )


def metadata(marker: str = MARKER, title: str = "Harbour at dawn", **changes: object) -> VideoMetadata:
    values = {
        "title": title,
        "description": "Boats leave.\n\nFilmed in May.",
        "tags": ("harbour", "boats"),
        "category_id": "22",
        "language": "en",
        "made_for_kids": False,
        "marker": marker,
    }
    return VideoMetadata(**{**values, **changes})


def video_file(folder: Path, size_bytes: int = 3 * STEP + 1000) -> Path:
    """Write a file whose every block is different, so that a piece in the wrong place shows."""
    path = folder / f"video-{size_bytes}.mp4"
    blocks = (hashlib.sha256(str(number).encode()).digest() for number in range(size_bytes // 32 + 1))
    path.write_bytes(b"".join(blocks)[:size_bytes])
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass
class Sent:
    """Remember what an upload told its caller."""

    session_uris: list[str] = field(default_factory=list)
    progress: list[tuple[int, int]] = field(default_factory=list)

    def on_session(self, uri: str) -> None:
        self.session_uris.append(uri)

    def on_progress(self, sent_bytes: int, total_bytes: int) -> None:
        self.progress.append((sent_bytes, total_bytes))


def upload(
    youtube: YouTubeGateway,
    folder: Path,
    *,
    marker: str = MARKER,
    title: str = "Harbour at dawn",
    size_bytes: int = 2000,
) -> UploadReceipt:
    return youtube.upload(
        video_file(folder, size_bytes), metadata(marker, title), on_session=lambda uri: None, chunk_bytes=STEP
    )


def stored_videos(sandbox: Sandbox) -> list[dict]:
    return list(sandbox.store.snapshot()["youtube"].get("videos", {}).values())
