"""`/api/reviews`: what waits for an approval, and the word on it."""

from datetime import datetime

from django.http import HttpRequest
from ninja import Path, Router, Schema
from ninja.pagination import paginate
from pydantic import Field

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.plan import ScheduleOut
from orchestration.api.schemas.requests import Because
from orchestration.fields import BodyId, Id, Text
from orchestration.results.library import ApprovalChange, PendingReview
from orchestration.states import Verdict

reviews = Router(tags=["reviews"])
of_channels = Router(tags=["channels"])
of_sources = Router(tags=["sources"])


class ReviewOut(Schema):
    """One publication that waits: what it would say, and `seal`, by which an approval is for exactly that."""

    schedule_id: int
    distribution_id: int
    video_id: int
    channel_id: int
    publish_at: datetime
    title: str
    description: str
    tags: list[str]
    picture: int | None
    subtitles: list[int]
    problems: list[str]
    seal: str
    wanted_by: str
    verdict: Verdict | None
    verdict_by: str
    verdict_reason: str

    @classmethod
    def of(cls, row: PendingReview) -> "ReviewOut":
        """Return one as the API shows it."""
        words, last = row.words, row.last
        return cls(
            schedule_id=row.schedule.pk,
            distribution_id=row.schedule.distribution_id,
            video_id=row.schedule.distribution.video_id,
            channel_id=row.schedule.channel_id,
            publish_at=row.schedule.publish_at,
            title=words.title,
            description=words.description,
            tags=list(words.tags),
            picture=words.picture,
            subtitles=list(words.subtitles),
            problems=[problem.message for problem in words.problems],
            seal=row.seal,
            wanted_by=row.wanted_by,
            verdict=Verdict(last.verdict) if last is not None else None,
            verdict_by=last.by if last is not None else "",
            verdict_reason=last.reason if last is not None else "",
        )


class Approve(Because):
    """What is approved; with `seals`, one for each id, only if it is still what was seen."""

    schedule_ids: list[BodyId] = Field(min_length=1, max_length=500)
    seals: list[Text] = []


class Refuse(Because):
    """What is refused, and why."""

    schedule_ids: list[BodyId] = Field(min_length=1, max_length=500)


class ApprovalNeeded(Because):
    """Whether publications wait for an approval."""

    needed: bool = Field(strict=True)


class ApprovalChangeOut(Schema):
    """What switching it did: how many armed publications were disarmed, and how many it came too late for."""

    needed: bool
    disarmed: int
    too_late: int


@reviews.get(
    "", response=list[ReviewOut], operation_id="reviews_list", summary="List what waits for an approval"
)
@paginate(Pages, item=ReviewOut, order=orders.REVIEWS)
def reviews_list(request: HttpRequest):
    """The nearest first."""
    return [ReviewOut.of(row) for row in service(request).get_reviews()]


@reviews.post(
    "/approve", response=list[ScheduleOut], operation_id="reviews_approve", summary="Approve publications"
)
def reviews_approve(request: HttpRequest, body: Approve):
    """All of them or none. An approval holds for the words and the file as they are; a change takes it back."""
    return service(request).approve_publications(**body.model_dump())


@reviews.post(
    "/refuse", response=list[ScheduleOut], operation_id="reviews_refuse", summary="Refuse publications"
)
def reviews_refuse(request: HttpRequest, body: Refuse):
    """With a reason; they wait on, and follow their misfire policy if nobody approves them."""
    return service(request).refuse_publications(**body.model_dump())


@of_channels.post(
    "/{channel_id}/set-approval",
    response=ApprovalChangeOut,
    operation_id="channels_set_approval",
    summary="Let a channel's publications wait for an approval",
)
def channels_set_approval(request: HttpRequest, channel_id: Path[Id], body: ApprovalNeeded) -> ApprovalChange:
    """What is public stays; what is armed and not approved is disarmed."""
    return service(request).set_channel_approval(channel_id=channel_id, **body.model_dump())


@of_sources.post(
    "/{source_id}/set-approval",
    response=ApprovalChangeOut,
    operation_id="sources_set_approval",
    summary="Let the publications of a source's videos wait for an approval",
)
def sources_set_approval(request: HttpRequest, source_id: Path[Id], body: ApprovalNeeded) -> ApprovalChange:
    """What is public stays; what is armed and not approved is disarmed."""
    return service(request).set_source_approval(source_id=source_id, **body.model_dump())
