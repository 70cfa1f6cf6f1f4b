"""`/api/channels`, `/api/slots` and `/api/blackouts`: the register and its calendars."""

from django.http import HttpRequest
from ninja import Path, Query, Router, Status
from ninja.pagination import paginate

from channels.models import Blackout, Channel, PostingSlot
from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.conditions import unchanged
from orchestration.api.pagination import Pages
from orchestration.api.schemas.channel_setup import (
    BlackoutChange,
    BlackoutParts,
    ChannelChange,
    NewChannel,
    SlotChange,
)
from orchestration.api.schemas.profiles import ChosenProfile
from orchestration.api.schemas.register import BlackoutOut, ChannelDetail, ChannelOut, SlotOut
from orchestration.api.schemas.requests import AS_SEEN, Decision, NewBlackout, NewSlot
from orchestration.api.schemas.system import MonitorResultOut, SyncResultOut
from orchestration.core import lookup
from orchestration.fields import Id
from orchestration.lists import BlackoutFilters, ChannelFilters, SlotFilters

router = Router(tags=["channels"])
slots = Router(tags=["slots"])
blackouts = Router(tags=["blackouts"])


@router.get("", response=list[ChannelOut], operation_id="channels_list", summary="List channels")
@paginate(Pages, item=ChannelOut, order=orders.CHANNELS)
def channels_list(request: HttpRequest, filters: Query[ChannelFilters]):
    """By name."""
    return filters.filter(Channel.objects.select_related("credential").prefetch_related("groups", "labels"))


@router.get("/{channel_id}", response=ChannelDetail, operation_id="channels_show", summary="Show a channel")
def channels_show(request: HttpRequest, channel_id: Path[Id]):
    """With its slots and blackouts."""
    return lookup.one(Channel, channel_id, field="channel_id")


@router.post("", response={201: ChannelOut}, operation_id="channels_create", summary="Register a channel")
def channels_create(request: HttpRequest, body: NewChannel):
    """A name is enough; slots, filters, words and the connection can follow."""
    return Status(201, service(request).add_channel(values=body.values(), reason=body.reason))


@router.patch("/{channel_id}", response=ChannelOut, operation_id="channels_patch", summary="Change a channel")
def channels_patch(request: HttpRequest, channel_id: Path[Id], body: ChannelChange):
    """What is planned already stays where it is. Every field at fault is named in `errors`."""
    return service(request).change_channel(
        channel_id=channel_id,
        values=body.values(),
        version=body.version,
        accept_problems=body.accept_problems,
        reason=body.reason,
    )


@router.delete(
    "/{channel_id}", response={204: None}, operation_id="channels_delete", summary="Remove a channel"
)
def channels_delete(request: HttpRequest, channel_id: Path[Id]):
    """Only while nothing rests on it; else 409 says what, and it can be disabled."""
    service(request).remove_channel(channel_id=channel_id)
    return Status(204, None)


@router.post(
    "/{channel_id}/pause", response=ChannelOut, operation_id="channels_pause", summary="Pause a channel"
)
def channels_pause(request: HttpRequest, channel_id: Path[Id], body: Decision = AS_SEEN):
    """Nothing new starts on it; what runs finishes."""
    return service(request).pause_channel(channel_id=channel_id, reason=body.reason, version=body.version)


@router.post(
    "/{channel_id}/resume", response=ChannelOut, operation_id="channels_resume", summary="Resume a channel"
)
def channels_resume(request: HttpRequest, channel_id: Path[Id], body: Decision = AS_SEEN):
    """Let a paused or disabled channel go on."""
    return service(request).resume_channel(channel_id=channel_id, reason=body.reason, version=body.version)


@router.post(
    "/{channel_id}/disable", response=ChannelOut, operation_id="channels_disable", summary="Disable a channel"
)
def channels_disable(request: HttpRequest, channel_id: Path[Id], body: Decision = AS_SEEN):
    """Take it out of planning altogether; its history stays."""
    return service(request).disable_channel(channel_id=channel_id, reason=body.reason, version=body.version)


@router.post(
    "/{channel_id}/set-profile",
    response=ChannelOut,
    operation_id="channels_set_profile",
    summary="Say how videos are prepared for a channel",
)
def channels_set_profile(request: HttpRequest, channel_id: Path[Id], body: ChosenProfile):
    """What is staged stays as it is, and an upload that has begun ends with its file."""
    return service(request).set_channel_profile(channel_id=channel_id, **body.model_dump())


@router.post(
    "/{channel_id}/check",
    response={202: MonitorResultOut},
    operation_id="channels_check",
    summary="Check a channel now",
)
def channels_check(request: HttpRequest, channel_id: Path[Id]):
    """Start a check of its credential, repository, workflow and recent outcomes."""
    return Status(202, service(request).check_channels(channel_ids=[channel_id]))


@router.post(
    "/{channel_id}/sync",
    response={202: SyncResultOut},
    operation_id="channels_sync",
    summary="Write a channel's configuration to its repository",
)
def channels_sync(request: HttpRequest, channel_id: Path[Id]):
    """Configuration, workflow and secrets, where they changed."""
    return Status(202, service(request).sync_channel_configs(channel_ids=[channel_id]))


@slots.get("", response=list[SlotOut], operation_id="slots_list", summary="List posting slots")
@paginate(Pages, item=SlotOut, order=orders.SLOTS)
def slots_list(request: HttpRequest, filters: Query[SlotFilters]):
    """By channel and time of the week."""
    rows = PostingSlot.objects.select_related("channel")
    return filters.filter(rows).order_by("channel__name", "channel_id", "weekday", "local_time")


@slots.post("", response={201: SlotOut}, operation_id="slots_create", summary="Give a channel a posting slot")
def slots_create(request: HttpRequest, body: NewSlot):
    """A weekly wall-clock time in the channel's zone."""
    return Status(201, service(request).add_slot(**body.model_dump()))


@slots.get("/{slot_id}", response=SlotOut, operation_id="slots_show", summary="Show a posting slot")
def slots_show(request: HttpRequest, slot_id: Path[Id]):
    """A weekly wall-clock time in the channel's zone."""
    return lookup.one(PostingSlot, slot_id, field="slot_id")


@slots.delete(
    "/{slot_id}", response={204: None}, operation_id="slots_delete", summary="Take a posting slot away"
)
def slots_delete(request: HttpRequest, slot_id: Path[Id]):
    """What is scheduled already stays as it is."""
    service(request).remove_slot(slot_id=slot_id)
    return Status(204, None)


@slots.patch("/{slot_id}", response=SlotOut, operation_id="slots_patch", summary="Switch a slot on or off")
def slots_patch(request: HttpRequest, slot_id: Path[Id], body: SlotChange):
    """A slot that is off is left out of planning until it is switched on again."""
    return service(request).enable_slot(slot_id=slot_id, **body.model_dump())


@blackouts.get("", response=list[BlackoutOut], operation_id="blackouts_list", summary="List blackouts")
@paginate(Pages, item=BlackoutOut, order=orders.BLACKOUTS)
def blackouts_list(request: HttpRequest, filters: Query[BlackoutFilters]):
    """By channel and first date."""
    rows = Blackout.objects.select_related("channel")
    return filters.filter(rows).order_by("channel__name", "channel_id", "first_date", "pk")


@blackouts.post(
    "", response={201: BlackoutOut}, operation_id="blackouts_create", summary="Give a channel a blackout"
)
def blackouts_create(request: HttpRequest, body: NewBlackout):
    """A stretch of wall-clock time in the channel's zone in which it does not publish."""
    return Status(201, service(request).add_blackout(**body.model_dump()))


@blackouts.get(
    "/{blackout_id}", response=BlackoutOut, operation_id="blackouts_show", summary="Show a blackout"
)
def blackouts_show(request: HttpRequest, blackout_id: Path[Id]):
    """A stretch of wall-clock time in the channel's zone in which it does not publish."""
    return lookup.one(Blackout, blackout_id, field="blackout_id")


@blackouts.delete(
    "/{blackout_id}", response={204: None}, operation_id="blackouts_delete", summary="Take a blackout away"
)
def blackouts_delete(request: HttpRequest, blackout_id: Path[Id]):
    """What is scheduled already stays as it is."""
    service(request).remove_blackout(blackout_id=blackout_id)
    return Status(204, None)


@blackouts.put(
    "/{blackout_id}",
    response=BlackoutOut,
    operation_id="blackouts_replace",
    summary="Give a blackout another stretch",
)
def blackouts_replace(request: HttpRequest, blackout_id: Path[Id], body: BlackoutChange):
    """Given whole; what is planned in it stays, and is a warning of the channel's health."""
    return service(request).change_blackout(blackout_id=blackout_id, **body.model_dump())


@blackouts.patch(
    "/{blackout_id}", response=BlackoutOut, operation_id="blackouts_patch", summary="Change a blackout"
)
def blackouts_patch(request: HttpRequest, blackout_id: Path[Id], body: BlackoutParts):
    """What is left out stays; what is planned in it stays, and is a warning of the channel's health."""
    with unchanged(request):
        present = BlackoutOut.from_orm(lookup.one(Blackout, blackout_id, field="blackout_id"))
        whole = body.over(present, BlackoutChange)
        return service(request).change_blackout(blackout_id=blackout_id, **whole.model_dump())
