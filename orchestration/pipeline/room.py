"""Keep room on the disk that holds MEDIA_ROOT: below a floor nothing new is fetched or received."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings

from orchestration.errors import DiskTooFull


def free_bytes() -> int:
    """Return how much room the disk that holds MEDIA_ROOT has for us."""
    folder = Path(settings.MEDIA_ROOT)
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(folder).free


def require_room(size_bytes: int = 0) -> None:
    """Go on only if so many bytes leave HEADEND_DISK_FLOOR_BYTES free. Raises: DiskTooFull."""
    free = free_bytes()
    if free - size_bytes < settings.HEADEND_DISK_FLOOR_BYTES:
        raise DiskTooFull(
            f"{free:,} bytes are free on the disk of MEDIA_ROOT, and {size_bytes:,} more would leave less than the "
            f"{settings.HEADEND_DISK_FLOOR_BYTES:,} that are kept free.",
        )
