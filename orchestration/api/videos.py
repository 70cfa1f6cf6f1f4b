"""`/api/sources`, `/api/videos`, `/api/activity` and `/api/statistics`: what comes in, and what was done."""

from django.http import HttpRequest
from ninja import Path, Query, Router
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.pagination import Pages
from orchestration.api.schemas.library import VideoDetail, VideoOut
from orchestration.core import lookup
from orchestration.fields import Id
from orchestration.lists import VideoFilters
from orchestration.models import Video

videos = Router(tags=["videos"])


@videos.get("", response=list[VideoOut], operation_id="videos_list", summary="List videos")
@paginate(Pages, item=VideoOut, order=orders.VIDEOS)
def videos_list(request: HttpRequest, filters: Query[VideoFilters]):
    """Newest first."""
    return filters.filter(Video.objects.select_related("source"))


@videos.get("/{video_id}", response=VideoDetail, operation_id="videos_show", summary="Show a video")
def videos_show(request: HttpRequest, video_id: Path[Id]):
    """With its measured properties."""
    return lookup.one(Video, video_id, field="video_id")
