"""What a channel is, below `/api/channels/{id}`: its credential, its week, its words tried, its revisions."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Path, Query, Router
from pydantic import Field

from orchestration.api.auth import service
from orchestration.api.schemas.channel_setup import (
    CopyDay,
    CredentialOut,
    GoBack,
    NewCredential,
    NewWeek,
    RevisionDetail,
    RevisionDiffOut,
    RevisionOut,
    RollBackOut,
    TriedWordsOut,
    TryWords,
    WeekOut,
)
from orchestration.fields import Id

router = Router(tags=["channels"])
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]


@router.post(
    "/{channel_id}/set-credential",
    response=CredentialOut,
    operation_id="channels_set_credential",
    summary="Give a channel its own OAuth client and token",
)
def channels_set_credential(request: HttpRequest, channel_id: Path[Id], body: NewCredential):
    """Sealed as it comes and never shown; Google is asked about it at once."""
    return service(request).set_credential(channel_id=channel_id, **body.model_dump())


@router.post(
    "/{channel_id}/preview-words",
    response=TriedWordsOut,
    operation_id="channels_preview_words",
    summary="Try a channel's words on a video",
)
def channels_preview_words(request: HttpRequest, channel_id: Path[Id], body: TryWords):
    """How it would look on YouTube; nothing is written."""
    return service(request).preview_channel_words(
        channel_id=channel_id, words=body.words, video_id=body.video_id
    )


@router.get(
    "/{channel_id}/week", response=WeekOut, operation_id="channels_week", summary="Show a channel's week"
)
def channels_week(request: HttpRequest, channel_id: Path[Id]):
    """Its slots, and what the gap, the daily cap and the clocks make of them."""
    return service(request).get_week(channel_id=channel_id)


@router.post(
    "/{channel_id}/set-slots",
    response=WeekOut,
    operation_id="channels_set_slots",
    summary="Set all slots of a channel's week",
)
def channels_set_slots(request: HttpRequest, channel_id: Path[Id], body: NewWeek):
    """Whatever is not named is taken away; what is scheduled already stays."""
    return service(request).set_slots(
        channel_id=channel_id, slots=body.values(), version=body.version, reason=body.reason
    )


@router.post(
    "/{channel_id}/copy-day",
    response=WeekOut,
    operation_id="channels_copy_day",
    summary="Give other days the slots of one",
)
def channels_copy_day(request: HttpRequest, channel_id: Path[Id], body: CopyDay):
    """They have exactly these slots afterwards."""
    return service(request).copy_day(
        channel_id=channel_id, weekday=body.weekday, to=body.to, reason=body.reason
    )


@router.get(
    "/{channel_id}/revisions",
    response=list[RevisionOut],
    operation_id="channels_revisions",
    summary="List a channel's revisions",
)
def channels_revisions(
    request: HttpRequest,
    channel_id: Path[Id],
    before: Annotated[Number | None, Query(description="only older ones than this number")] = None,
):
    """The newest first, twenty at a time."""
    return service(request).get_revisions(channel_id=channel_id, before=before)


@router.get(
    "/{channel_id}/revisions/{number}",
    response=RevisionDetail,
    operation_id="channels_revision",
    summary="Show a revision",
)
def channels_revision(request: HttpRequest, channel_id: Path[Id], number: Path[Number]):
    """With its document."""
    return service(request).get_revision(channel_id=channel_id, number=number)


@router.get(
    "/{channel_id}/revisions/{number}/diff",
    response=RevisionDiffOut,
    operation_id="channels_diff_revisions",
    summary="Compare a revision with an earlier one",
)
def channels_diff_revisions(
    request: HttpRequest, channel_id: Path[Id], number: Path[Number], since: Annotated[Number, Query()]
):
    """Field by field: what it was in `since`, and what it is in this one."""
    return service(request).diff_revisions(channel_id=channel_id, first=since, second=number)


@router.post(
    "/{channel_id}/revisions/{number}/roll-back",
    response=RollBackOut,
    operation_id="channels_roll_back",
    summary="Bring an earlier configuration back",
)
def channels_roll_back(request: HttpRequest, channel_id: Path[Id], number: Path[Number], body: GoBack):
    """As a revision of its own; `left_out` says what of it is not brought back."""
    return service(request).roll_back_configuration(channel_id=channel_id, number=number, **body.model_dump())
