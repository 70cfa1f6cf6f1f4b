"""`/api/profiles`: how videos are prepared."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Path, Router, Status
from ninja.pagination import paginate
from pydantic import Field

from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.profiles import ProfileBody, ProfileOut
from orchestration.api.schemas.requests import NO_REASON, Because

router = Router(tags=["profiles"])
Key = Annotated[str, Field(min_length=1, max_length=40)]


@router.get("", response=list[ProfileOut], operation_id="profiles_list", summary="List profiles")
@paginate(Pages)
def profiles_list(request: HttpRequest):
    """Built-in ones first, each with who uses it."""
    return service(request).get_profiles()


@router.put("/{key}", response=ProfileOut, operation_id="profiles_save", summary="Make or change a profile")
def profiles_save(request: HttpRequest, key: Path[Key], body: ProfileBody):
    """What is prepared and staged stays as it is; what is prepared from now on follows it."""
    values = body.model_dump(exclude={"reason"})
    return service(request).save_profile(key=key, values=values, reason=body.reason)


@router.post(
    "/{key}/remove", response={204: None}, operation_id="profiles_remove", summary="Remove a profile"
)
def profiles_remove(request: HttpRequest, key: Path[Key], body: Because = NO_REASON):
    """Refused while a channel or a source names it."""
    service(request).remove_profile(key=key, reason=body.reason)
    return Status(204, None)
