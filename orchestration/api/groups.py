"""`/api/groups` and `/api/labels`: what stands for many channels wherever channels are named."""

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router, Status
from ninja.pagination import paginate

from channels.models import ChannelGroup, Label
from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.groups import (
    ChangedGroup,
    GroupChangeOut,
    GroupOut,
    LabelledChannels,
    LabelledOut,
    LabelOut,
    MemberChannels,
    NewGroup,
)
from orchestration.api.schemas.requests import NO_REASON, Because
from orchestration.core import lookup
from orchestration.fields import Id
from orchestration.lists import GroupFilters, LabelFilters

router = Router(tags=["groups"])
labels = Router(tags=["labels"])


@router.get("", response=list[GroupOut], operation_id="groups_list", summary="List groups of channels")
@paginate(Pages, item=GroupOut, order=orders.GROUPS)
def groups_list(request: HttpRequest, filters: Query[GroupFilters]):
    """By name, each with how many channels are in it."""
    return filters.filter(ChannelGroup.objects.annotate(members=Count("channels")))


@router.post("", response={201: GroupOut}, operation_id="groups_create", summary="Make a group of channels")
def groups_create(request: HttpRequest, body: NewGroup, response: HttpResponse):
    """Without a slug its name becomes one."""
    row = service(request).add_channel_group(**body.with_chosen(enabled=False))
    response["Location"] = f"/api/groups/{row.pk}"
    return Status(201, row)


@router.get("/{group_id}", response=GroupOut, operation_id="groups_show", summary="Show a group")
def groups_show(request: HttpRequest, group_id: Path[Id]):
    """Its channels are `/api/channels?group=SLUG`."""
    return service(request).get_channel_group(group_id=group_id)


@router.delete("/{group_id}", response={204: None}, operation_id="groups_delete", summary="Take a group away")
def groups_delete(request: HttpRequest, group_id: Path[Id]):
    """As `remove`, without a reason."""
    service(request).remove_channel_group(group_id=group_id)
    return Status(204, None)


@router.patch("/{group_id}", response=GroupOut, operation_id="groups_patch", summary="Change a group")
@router.post(
    "/{group_id}/change", response=GroupOut, operation_id="groups_change", summary="Change what a group says"
)
def groups_change(request: HttpRequest, group_id: Path[Id], body: ChangedGroup):
    """What is left out stays."""
    return service(request).change_channel_group(group_id=group_id, **body.model_dump())


@router.post(
    "/{group_id}/remove", response={204: None}, operation_id="groups_remove", summary="Remove a group"
)
def groups_remove(request: HttpRequest, group_id: Path[Id], body: Because = NO_REASON):
    """Its channels stay. Refused while a rule or a silence uses it; `used_by` names which."""
    service(request).remove_channel_group(group_id=group_id, reason=body.reason)
    return Status(204, None)


@router.post(
    "/{group_id}/set-channels",
    response=GroupChangeOut,
    operation_id="groups_set_channels",
    summary="Say which channels are in a group",
)
def groups_set_channels(request: HttpRequest, group_id: Path[Id], body: MemberChannels):
    """Exactly these; rules that name the group follow at once."""
    return service(request).set_group_channels(group_id=group_id, **body.members())


@router.post(
    "/{group_id}/add-channels",
    response=GroupChangeOut,
    operation_id="groups_add_channels",
    summary="Put channels into a group",
)
def groups_add_channels(request: HttpRequest, group_id: Path[Id], body: MemberChannels):
    """Those in it already stay."""
    return service(request).add_group_channels(group_id=group_id, **body.members())


@router.post(
    "/{group_id}/remove-channels",
    response=GroupChangeOut,
    operation_id="groups_remove_channels",
    summary="Take channels out of a group",
)
def groups_remove_channels(request: HttpRequest, group_id: Path[Id], body: MemberChannels):
    """They stay as they are."""
    return service(request).remove_group_channels(group_id=group_id, **body.members())


@labels.get("", response=list[LabelOut], operation_id="labels_list", summary="List labels")
@paginate(Pages, item=LabelOut, order=orders.LABELS)
def labels_list(request: HttpRequest, filters: Query[LabelFilters]):
    """By name, each with how many channels have it."""
    return filters.filter(Label.objects.annotate(members=Count("channels")))


@labels.post("/add", response=LabelledOut, operation_id="labels_add", summary="Put labels on channels")
def labels_add(request: HttpRequest, body: LabelledChannels):
    """Made where they are new."""
    return {"changed": service(request).add_channel_labels(**body.arguments())}


@labels.post(
    "/take-off", response=LabelledOut, operation_id="labels_take_off", summary="Take labels off channels"
)
def labels_take_off(request: HttpRequest, body: LabelledChannels):
    """The labels themselves stay."""
    return {"changed": service(request).remove_channel_labels(**body.arguments())}


@labels.post("/set", response=LabelledOut, operation_id="labels_set", summary="Set the labels of channels")
def labels_set(request: HttpRequest, body: LabelledChannels):
    """Exactly these; none takes all off."""
    return {"changed": service(request).set_channel_labels(**body.arguments())}


# After the verbs: Django takes the first address that fits, and `add` would be the id of a label.
@labels.get("/{label_id}", response=LabelOut, operation_id="labels_show", summary="Show a label")
def labels_show(request: HttpRequest, label_id: Path[Id]):
    """With how many channels have it."""
    return lookup.one(Label.objects.annotate(members=Count("channels")), label_id, field="label_id")


@labels.delete("/{label_id}", response={204: None}, operation_id="labels_delete", summary="Take a label away")
def labels_delete(request: HttpRequest, label_id: Path[Id]):
    """As `remove`, without a reason."""
    service(request).remove_label(label_id=label_id)
    return Status(204, None)


@labels.post(
    "/{label_id}/remove", response={204: None}, operation_id="labels_remove", summary="Remove a label"
)
def labels_remove(request: HttpRequest, label_id: Path[Id], body: Because = NO_REASON):
    """From all channels. Refused while a rule uses it; `used_by` names which."""
    service(request).remove_label(label_id=label_id, reason=body.reason)
    return Status(204, None)
