"""`/api/orchestration/disk` and `clean-disk`: what lies on the disk, and what is deleted."""

from django.http import HttpRequest
from ninja import Router

from orchestration.api.auth import service
from orchestration.api.schemas.disk import CleanDisk, CleanOut, DiskOut

router = Router(tags=["disk"])


@router.get("/disk", response=DiskOut, operation_id="orchestration_disk", summary="Show the disk")
def orchestration_disk(request: HttpRequest):
    """What lies there, how fast it grows, and what the rules of retention would free now."""
    return service(request).get_disk()


@router.post(
    "/clean-disk",
    response=CleanOut,
    operation_id="orchestration_clean_disk",
    summary="Delete what is kept no longer",
)
def orchestration_clean_disk(request: HttpRequest, body: CleanDisk):
    """By the rules of retention, only what no plan needs and what can be had again. A dry run only tells what that is."""
    return service(request).preview_cleaning() if body.dry_run else service(request).clean_disk()
