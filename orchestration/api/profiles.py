"""`/api/profiles`: how videos are prepared."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Path, Router, Status
from ninja.pagination import paginate
from pydantic import Field

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.conditions import unchanged
from orchestration.api.pagination import Pages
from orchestration.api.schemas.profiles import ProfileBody, ProfileOut, ProfileParts
from orchestration.api.schemas.requests import NO_REASON, Because
from orchestration.core import lookup

router = Router(tags=["profiles"])
Key = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[-a-zA-Z0-9_]+$")]


@router.get("", response=list[ProfileOut], operation_id="profiles_list", summary="List profiles")
@paginate(Pages, item=ProfileOut, order=orders.PROFILES)
def profiles_list(request: HttpRequest):
    """Built-in ones first, each with who uses it."""
    return service(request).get_profiles()


@router.get("/{key}", response=ProfileOut, operation_id="profiles_show", summary="Show a profile")
def profiles_show(request: HttpRequest, key: Path[Key]):
    """With how many channels, sources and files have it."""
    return lookup.among(service(request).get_profiles(), key, called="profile", by="key", field="key")


@router.delete("/{key}", response={204: None}, operation_id="profiles_delete", summary="Take a profile away")
def profiles_delete(request: HttpRequest, key: Path[Key]):
    """As `remove`, without a reason."""
    service(request).remove_profile(key=key)
    return Status(204, None)


@router.put(
    "/{key}", response=ProfileOut, operation_id="profiles_replace", summary="Make or change a profile"
)
def profiles_replace(request: HttpRequest, key: Path[Key], body: ProfileBody):
    """What is prepared and staged stays as it is; what is prepared from now on follows it."""
    values = body.model_dump(exclude={"reason"})
    return service(request).save_profile(key=key, values=values, reason=body.reason)


@router.patch(
    "/{key}", response=ProfileOut, operation_id="profiles_patch", summary="Change some of a profile"
)
def profiles_patch(request: HttpRequest, key: Path[Key], body: ProfileParts):
    """What is left out stays; what is prepared and staged stays too."""
    with unchanged(request):
        found = lookup.among(service(request).get_profiles(), key, called="profile", by="key", field="key")
        whole = body.over(ProfileOut.model_validate(found), ProfileBody)
        values = whole.model_dump(exclude={"reason"})
        return service(request).save_profile(key=key, values=values, reason=whole.reason)


@router.post(
    "/{key}/remove", response={204: None}, operation_id="profiles_remove", summary="Remove a profile"
)
def profiles_remove(request: HttpRequest, key: Path[Key], body: Because = NO_REASON):
    """Refused while a channel or a source names it."""
    service(request).remove_profile(key=key, reason=body.reason)
    return Status(204, None)
