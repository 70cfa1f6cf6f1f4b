"""Take a whole upload in: look at it as a file, not as what it was said to be, and make it a video."""

from typing import Any

from django.conf import settings
from django.db import transaction

from orchestration.core.transitions import transition
from orchestration.errors import StaleState
from orchestration.models import Job, Upload
from orchestration.pipeline import uploads
from orchestration.pipeline.take_in import take
from orchestration.queue.lease import JobLease
from orchestration.states import UploadState


def run_take(job: Job, lease: JobLease) -> dict[str, Any]:
    """Check an upload and make it a video; its file is let go once that is recorded. Raises: MediaError."""
    upload = uploads.of_job(job)
    if upload.state == UploadState.RECEIVED:
        lease.progress(0.1, f"looking at {upload.name}")
        path = uploads.path_of(upload)
        taken = take(
            path,
            source=upload.source,
            name=upload.name,
            title=upload.title,
            sha256=upload.sha256,
            max_bytes=settings.HEADEND_MAX_UPLOAD_BYTES,
            keep=True,
        )
        with transaction.atomic():
            lease.keep()
            transition(
                upload,
                UploadState.TAKEN,
                video=taken.video,
                is_new=taken.is_new,
                error_code="",
                error_message="",
            )
        path.unlink(missing_ok=True)
    if upload.state != UploadState.TAKEN:
        raise StaleState(f"{upload.name} is {upload.get_state_display()}; it is not taken in.")
    return _told(upload)


def _told(upload: Upload) -> dict[str, Any]:
    return {"video": upload.video_id, "new": upload.is_new, "size_bytes": upload.size_bytes}
