"""Name what each list can be filtered by, once for its page and its API; times are instants with an offset.

`ChannelFilters.filter(rows)` keeps the rows that are asked for. Where a list has groups of states, such as what is open or
needs a look, their words stand beside the states'.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from ninja import FilterLookup, FilterSchema
from pydantic import Field, ValidationError
from pydantic_core import core_schema

from channels.models import Channel
from channels.states import ChannelHealth, ChannelState, Executor
from orchestration.errors import InvalidRequest
from orchestration.fields import Id, Instant, WallDate, Word
from orchestration.models import Conflict, Distribution, Job, Schedule, Source, Wave
from orchestration.models.notify import NotificationKind, NotificationOutcome, Severity
from orchestration.models.querysets import ON_TIME, is_overdue
from orchestration.models.webhooks import DeliveryOutcome
from orchestration.register.channel_filters import OfChannels
from orchestration.states import (
    OPEN_JOBS,
    OPEN_SCHEDULES,
    OPEN_WAVES,
    ROUTINE_JOBS,
    ConflictKind,
    ConflictState,
    DistributionState,
    JobKind,
    JobState,
    RightsBasis,
    RunState,
    ScheduleState,
    SourceState,
    Trigger,
    UploadState,
    VideoState,
    WaveState,
)


class WaveGroup(models.TextChoices):
    """States of waves under one word."""

    OPEN = "open", "under way"


class ScheduleGroup(models.TextChoices):
    """States of schedules under one word."""

    OPEN = "open", "still to come"
    ATTENTION = "attention", "needs a look"


class JobGroup(models.TextChoices):
    """States of jobs under one word."""

    OPEN = "open", "waits or runs"
    ATTENTION = "attention", "needs a look"


class OneOf:
    """Take the words of several vocabularies."""

    def __init__(self, *vocabularies: type[models.TextChoices]) -> None:
        self.words: list[str] = [word for choices in vocabularies for word in choices.values]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        """Return the schema of the words, all in one list."""
        return core_schema.literal_schema(self.words)


WAVE_GROUPS: dict[str, frozenset[str]] = {WaveGroup.OPEN: OPEN_WAVES}
SCHEDULE_GROUPS: dict[str, frozenset[str]] = {
    ScheduleGroup.OPEN: OPEN_SCHEDULES,
    ScheduleGroup.ATTENTION: frozenset(
        {
            ScheduleState.NEEDS_REVIEW,
            ScheduleState.MISSED,
            ScheduleState.FAILED,
            ScheduleState.HELD,
            ScheduleState.SKIPPED,
        }
    ),
}
JOB_GROUPS: dict[str, frozenset[str]] = {
    JobGroup.OPEN: OPEN_JOBS,
    JobGroup.ATTENTION: frozenset({JobState.FAILED, JobState.ERRORED, JobState.NEEDS_REVIEW}),
}

CreatedSince = Annotated[
    Instant | None, FilterLookup("created_at__gte"), Field(description="made at or after")
]
CreatedUntil = Annotated[Instant | None, FilterLookup("created_at__lt"), Field(description="made before")]


def _in_states(words: Iterable[str] | None, groups: Mapping[str, frozenset[str]]) -> Q:
    return Q() if words is None else Q(state__in=_states_of(words, groups))


def _states_of(words: Iterable[str], groups: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*(groups.get(word, {word}) for word in words))


def schedule_states(words: Iterable[str]) -> frozenset[str]:
    """Return the states of schedules that some words mean, those of groups among them."""
    return _states_of(words, SCHEDULE_GROUPS)


class ChannelFilters(OfChannels):
    """Of channels."""

    state: Annotated[list[ChannelState] | None, FilterLookup("state__in")] = None
    health: Annotated[list[ChannelHealth] | None, FilterLookup("health__in")] = None
    executor: Annotated[Executor | None, FilterLookup("executor")] = None
    slug: Annotated[Word | None, FilterLookup("slug")] = None
    q: Annotated[
        Word | None,
        FilterLookup(["name__icontains", "slug__icontains", "repository__icontains"]),
        Field(description="part of the name, the slug or the repository"),
    ] = None

    @classmethod
    def on(cls, channels: QuerySet[Channel]) -> Q:
        """Return which rows they are: these themselves."""
        return Q(pk__in=channels.values("pk"))


class GroupFilters(FilterSchema):
    """Of groups of channels."""

    slug: Annotated[Word | None, FilterLookup("slug")] = None
    q: Annotated[Word | None, FilterLookup(["name__icontains", "slug__icontains"])] = None


class SavedViewFilters(FilterSchema):
    """Of saved views; `page` is the page of the answer itself."""

    of_page: Annotated[Word | None, Field(description="only of this list, such as jobs")] = None

    def filter_of_page(self, name: str | None) -> Q:
        """Keep those of one page."""
        return Q(page=name) if name else Q()


class LabelFilters(FilterSchema):
    """Of labels."""

    q: Annotated[Word | None, FilterLookup("name__icontains")] = None


class SlotFilters(OfChannels):
    """Of slots."""

    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    weekday: Annotated[int | None, FilterLookup("weekday"), Field(ge=0, le=6)] = None
    enabled: Annotated[bool | None, FilterLookup("enabled")] = None


class BlackoutFilters(OfChannels):
    """Of blackouts, by the dates of the channel's zone."""

    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    since: Annotated[
        WallDate | None, FilterLookup("last_date__gte"), Field(description="ends on it or later")
    ] = None
    until: Annotated[
        WallDate | None, FilterLookup("first_date__lte"), Field(description="begins on it or earlier")
    ] = None


class SourceFilters(FilterSchema):
    """Of sources."""

    state: Annotated[list[SourceState] | None, FilterLookup("state__in")] = None
    rights_basis: Annotated[list[RightsBasis] | None, FilterLookup("rights_basis__in")] = None
    q: Annotated[Word | None, FilterLookup(["name__icontains", "url__icontains"])] = None


class VideoFilters(OfChannels):
    """Of videos."""

    state: Annotated[list[VideoState] | None, FilterLookup("state__in")] = None
    source_id: Annotated[list[Id] | None, FilterLookup("source_id__in")] = None
    q: Annotated[Word | None, FilterLookup(["title__icontains", "url__icontains"])] = None
    since: CreatedSince = None
    until: CreatedUntil = None

    @classmethod
    def on(cls, channels: QuerySet[Channel]) -> Q:
        """Return which videos go, or went, to these channels."""
        return Q(pk__in=Distribution.objects.filter(channel__in=channels.values("pk")).values("video"))


class UploadFilters(FilterSchema):
    """Of uploads."""

    state: Annotated[list[UploadState] | None, FilterLookup("state__in")] = None
    source_id: Annotated[list[Id] | None, FilterLookup("source_id__in")] = None
    mine: bool = False
    q: Annotated[Word | None, FilterLookup(["name__icontains", "title__icontains"])] = None
    since: CreatedSince = None
    until: CreatedUntil = None

    def filter_mine(self, value: bool) -> Q:
        """Keep all: whose they are, only the request knows."""
        return Q()


class WaveFilters(OfChannels):
    """Of waves."""

    state: list[Annotated[str, OneOf(WaveGroup, WaveState)]] | None = None
    correlation_id: Annotated[Word | None, FilterLookup("correlation_id")] = None
    q: Annotated[Word | None, FilterLookup("name__icontains")] = None
    since: CreatedSince = None
    until: CreatedUntil = None

    def filter_state(self, words: list[str] | None) -> Q:
        """Keep these states, and those of these groups."""
        return _in_states(words, WAVE_GROUPS)

    @classmethod
    def on(cls, channels: QuerySet[Channel]) -> Q:
        """Return which waves have a member on one of these channels."""
        members = Schedule.objects.filter(channel__in=channels.values("pk")).exclude(wave=None)
        return Q(pk__in=members.values("wave"))


class DistributionFilters(OfChannels):
    """Of distributions."""

    state: Annotated[list[DistributionState] | None, FilterLookup("state__in")] = None
    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    video_id: Annotated[list[Id] | None, FilterLookup("video_id__in")] = None
    wave_id: Annotated[list[Id] | None, FilterLookup("wave_id__in")] = None
    method: Annotated[list[Distribution.Method] | None, FilterLookup("method__in")] = None
    since: CreatedSince = None
    until: CreatedUntil = None


class WordsFilters(OfChannels):
    """Of publications, by their words; `since` and `until` mean the moment of publication."""

    state: Annotated[list[DistributionState] | None, FilterLookup("state__in")] = None
    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    wave_id: Annotated[list[Id] | None, FilterLookup("wave_id__in")] = None
    video_id: Annotated[list[Id] | None, FilterLookup("video_id__in")] = None
    source_id: Annotated[list[Id] | None, FilterLookup("video__source_id__in")] = None
    distribution_id: Annotated[list[Id] | None, FilterLookup("pk__in")] = None
    q: Annotated[
        Word | None,
        FilterLookup(["video__title__icontains", "channel__name__icontains"]),
        Field(description="in the source's title of the video, or the channel's name"),
    ] = None
    since: Annotated[Instant | None, FilterLookup("schedule__publish_at__gte")] = None
    until: Annotated[Instant | None, FilterLookup("schedule__publish_at__lt")] = None


class ScheduleFilters(OfChannels):
    """Of schedules; `since` and `until` mean the moment of publication."""

    state: list[Annotated[str, OneOf(ScheduleGroup, ScheduleState)]] | None = None
    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    wave_id: Annotated[list[Id] | None, FilterLookup("wave_id__in")] = None
    video_id: Annotated[list[Id] | None, FilterLookup("distribution__video_id__in")] = None
    distribution_id: Annotated[list[Id] | None, FilterLookup("distribution_id__in")] = None
    since: Annotated[
        Instant | None, FilterLookup("publish_at__gte"), Field(description="public at or after")
    ] = None
    until: Annotated[Instant | None, FilterLookup("publish_at__lt"), Field(description="public before")] = (
        None
    )
    late: Annotated[bool | None, Field(description="public late, or overdue now; false: neither")] = None

    def filter_late(self, wanted: bool | None) -> Q:
        """Keep what was public late, or is overdue now; or what is neither."""
        if wanted is None:
            return Q()
        late = Q(lateness_seconds__gt=ON_TIME.total_seconds()) | is_overdue(timezone.now())
        return late if wanted else ~late

    def filter_state(self, words: list[str] | None) -> Q:
        """Keep these states, and those of these groups."""
        return _in_states(words, SCHEDULE_GROUPS)


class JobFilters(OfChannels):
    """Of jobs."""

    state: list[Annotated[str, OneOf(JobGroup, JobState)]] | None = None
    kind: Annotated[list[JobKind] | None, FilterLookup("kind__in")] = None
    executor: Annotated[Executor | None, FilterLookup("executor")] = None
    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    source_id: Annotated[list[Id] | None, FilterLookup("source_id__in")] = None
    video_id: Annotated[list[Id] | None, FilterLookup("video_id__in")] = None
    distribution_id: Annotated[list[Id] | None, FilterLookup("distribution_id__in")] = None
    schedule_id: Annotated[list[Id] | None, FilterLookup("schedule_id__in")] = None
    wave_id: Annotated[list[Id] | None, FilterLookup("schedule__wave_id__in")] = None
    correlation_id: Annotated[Word | None, FilterLookup("correlation_id")] = None
    q: Annotated[
        Word | None,
        FilterLookup(
            [
                "video__title__icontains",
                "error_message__icontains",
                "holder__icontains",
                "correlation_id__startswith",
            ]
        ),
        Field(
            description="part of the video's title, the error or the holder, or how the correlation id begins"
        ),
    ] = None
    routine: Annotated[bool | None, Field(description="done by itself all the time, and went well")] = None
    since: CreatedSince = None
    until: CreatedUntil = None

    def filter_state(self, words: list[str] | None) -> Q:
        """Keep these states, and those of these groups."""
        return _in_states(words, JOB_GROUPS)

    def filter_routine(self, wanted: bool | None) -> Q:
        """Keep what is done by itself all the time and went well, or leave it out."""
        return Q() if wanted is None else routine() if wanted else ~routine()


def routine() -> Q:
    """Return the condition of a job that is done by itself all the time and went well: a list leaves it out by itself."""
    return Q(kind__in=ROUTINE_JOBS, state=JobState.SUCCEEDED, asked=False)


class RunFilters(OfChannels):
    """Of GitHub runs."""

    state: Annotated[list[RunState] | None, FilterLookup("state__in")] = None
    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    job_id: Annotated[list[Id] | None, FilterLookup("job_id__in")] = None
    repository: Annotated[Word | None, FilterLookup("repository")] = None
    correlation_id: Annotated[Word | None, FilterLookup("correlation_id")] = None
    since: CreatedSince = None
    until: CreatedUntil = None


class ConflictFilters(OfChannels):
    """Of conflicts."""

    state: Annotated[list[ConflictState] | None, FilterLookup("state__in")] = None
    kind: Annotated[list[ConflictKind] | None, FilterLookup("kind__in")] = None
    rule: Annotated[Word | None, FilterLookup("rule")] = None
    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    video_id: Annotated[list[Id] | None, FilterLookup("video_id__in")] = None
    wave_id: Annotated[list[Id] | None, FilterLookup("wave_id__in")] = None
    schedule_id: Annotated[list[Id] | None, FilterLookup("schedule_id__in")] = None
    correlation_id: Annotated[Word | None, FilterLookup("correlation_id")] = None
    since: CreatedSince = None
    until: CreatedUntil = None


class NotificationFilters(OfChannels):
    """Of the log of notifications."""

    kind: Annotated[list[NotificationKind] | None, FilterLookup("kind__in")] = None
    outcome: Annotated[list[NotificationOutcome] | None, FilterLookup("outcome__in")] = None
    severity: Annotated[list[Severity] | None, FilterLookup("severity__in")] = None
    address_id: Annotated[list[Id] | None, FilterLookup("address_id__in")] = None
    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    cause: Annotated[Word | None, FilterLookup("cause")] = None
    q: Annotated[
        Word | None,
        FilterLookup(["title__icontains", "body__icontains", "address_name__icontains", "error__icontains"]),
        Field(description="part of the title, the text, the address's name or the error"),
    ] = None
    since: CreatedSince = None
    until: CreatedUntil = None


class DeliveryFilters(FilterSchema):
    """Of what was sent to webhook endpoints."""

    endpoint_id: Annotated[list[Id] | None, FilterLookup("endpoint_id__in")] = None
    outcome: Annotated[list[DeliveryOutcome] | None, FilterLookup("outcome__in")] = None
    type: Annotated[Word | None, FilterLookup("type"), Field(description="such as schedule.published")] = None
    q: Annotated[
        Word | None,
        FilterLookup(["type__icontains", "event_id__startswith", "error__icontains", "answer__icontains"]),
        Field(description="part of the type, the error or the answer, or how the event's id begins"),
    ] = None
    since: CreatedSince = None
    until: CreatedUntil = None


class SilenceFilters(OfChannels):
    """Of silences."""

    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    since: Annotated[Instant | None, FilterLookup("until__gte"), Field(description="ends at or after")] = None


class ActivityFilters(OfChannels):
    """Of activity."""

    verb: Annotated[list[Word] | None, FilterLookup("verb__in")] = None
    trigger: Annotated[list[Trigger] | None, FilterLookup("trigger__in")] = None
    actor: Annotated[Word | None, FilterLookup("actor_label")] = None
    actor_contains: Annotated[
        Word | None, FilterLookup("actor_label__icontains"), Field(description="part of the actor's name")
    ] = None
    subject_type: Annotated[Word | None, Field(description="for example channel, wave, job")] = None
    subject_id: Annotated[Word | None, FilterLookup("object_pk")] = None
    correlation_id: Annotated[Word | None, FilterLookup("cid")] = None
    q: Annotated[
        Word | None, Field(description="part of the subject, of what it is about, or of the reason")
    ] = None
    since: Annotated[Instant | None, FilterLookup("timestamp__gte"), Field(description="at or after")] = None
    until: Annotated[Instant | None, FilterLookup("timestamp__lt"), Field(description="before")] = None

    def filter_subject_type(self, name: str | None) -> Q:
        """Keep the entries about rows of this kind."""
        return Q(content_type__in=ContentType.objects.filter(model=name)) if name else Q()

    def filter_q(self, words: str | None) -> Q:
        """Keep the entries that say these words."""
        return _mentions(words) if words else Q()

    @classmethod
    def on(cls, channels: QuerySet[Channel]) -> Q:
        """Return which entries are about these channels, or about their publications and jobs."""
        ids = channels.values("pk")
        found = Q(content_type=ContentType.objects.get_for_model(Channel), object_id__in=ids)
        for model in (Distribution, Schedule, Job):
            kind = ContentType.objects.get_for_model(model)
            rows = model.objects.filter(channel__in=ids).order_by()
            found |= Q(content_type=kind, object_id__in=rows.values("pk"))
        return found


def _mentions(words: str) -> Q:
    """Return which entries say these words: as they were written down, or in the names of what they are about."""
    publications = Distribution.objects.filter(
        Q(video__title__icontains=words) | Q(channel__name__icontains=words)
    ).order_by()
    jobs = Job.objects.filter(
        Q(video__title__icontains=words)
        | Q(source__name__icontains=words)
        | Q(channel__name__icontains=words)
        | Q(distribution__video__title__icontains=words)
    ).order_by()
    about = {
        Distribution: publications.values("pk"),
        Schedule: publications.exclude(schedule=None).values("schedule"),
        Job: jobs.values("pk"),
    }
    found = Q(object_repr__icontains=words) | Q(reason__icontains=words)
    for model, ids in about.items():
        found |= Q(content_type=ContentType.objects.get_for_model(model), object_id__in=ids)
    return found


BULK_LISTS: Mapping[str, tuple[type[FilterSchema], type[models.Model]]] = {
    "channel": (ChannelFilters, Channel),
    "schedule": (ScheduleFilters, Schedule),
    "job": (JobFilters, Job),
    "wave": (WaveFilters, Wave),
    "source": (SourceFilters, Source),
    "conflict": (ConflictFilters, Conflict),
}


def ids_that_fit(kind: str, filters: Mapping[str, Any]) -> list[int]:
    """Return the ids of all rows of a list that fit its filters. Raises: InvalidRequest, naming the filter."""
    if kind not in BULK_LISTS:
        raise InvalidRequest(f"{kind!r} is not one of {', '.join(BULK_LISTS)}.", field="kind")
    schema, model = BULK_LISTS[kind]
    unknown = sorted(set(filters) - set(schema.model_fields))
    if unknown:
        raise InvalidRequest(f"This list has no filter {', '.join(unknown)}.", field=f"filters.{unknown[0]}")
    try:
        chosen = schema.model_validate(dict(filters))
    except ValidationError as refusal:
        first = refusal.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidRequest(f"{where}: {first['msg']}", field=f"filters.{where}") from refusal
    return list(chosen.filter(model._default_manager.order_by("pk")).values_list("pk", flat=True).distinct())
