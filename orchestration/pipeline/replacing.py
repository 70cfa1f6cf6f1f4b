"""Let go of an upload that nobody can watch, so that the video can be uploaded anew under another marker."""

from typing import Any

from orchestration.models import Distribution
from orchestration.pipeline.stage import orphan


def let_go(distribution: Distribution, why: str, *, is_gone: bool = False) -> dict[str, Any]:
    """List a locked distribution's upload for deletion, and return the columns that forget it; call it in a transaction.

    Its marker is forgotten too: the next one is of another generation, so that what failed is not found and adopted again.
    """
    old = distribution.youtube_video_id
    if old and not is_gone:
        distribution.youtube_video_id = None
        Distribution.objects.filter(pk=distribution.pk).update(youtube_video_id=None)
        orphan(distribution, old, why)
    return {
        "youtube_video_id": None,
        "marker": "",
        "generation": distribution.generation + 1,
        "upload_session_sealed": "",
        "staged_at": None,
        "last_set": {},
        "last_seen": {},
        "title_set": "",
    }
