"""Make the smallest valid row of every model; traits name situations.

Rows are written directly, past the service: a factory sets a scene, it does not tell how the scene came about.
"""

from datetime import UTC, datetime, time, timedelta

import factory
from auditlog.context import disable_auditlog
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from factory.django import DjangoModelFactory

from channels.models import (
    Blackout,
    Channel,
    ChannelGroup,
    ChannelStatistics,
    ConfigRevision,
    Credential,
    Label,
    PostingSlot,
)
from channels.states import ChannelHealth, ChannelState, CredentialState, Executor
from orchestration.core.permissions import give_level
from orchestration.media.profiles import AS_IS, SDR_1080
from orchestration.models import (
    Activity,
    ApiToken,
    Approval,
    Attachment,
    Blocker,
    BudgetEntry,
    CalendarAddress,
    Call,
    ChangeCount,
    Conflict,
    Distribution,
    ExternalIdentity,
    Heartbeat,
    IdempotencyRecord,
    Incident,
    Job,
    KeptReport,
    Lease,
    Notification,
    NotificationAddress,
    NotificationRule,
    OrphanUpload,
    Pool,
    Preferences,
    Profile,
    Proposal,
    RateCount,
    RecoveryCode,
    Refusal,
    Rendition,
    RepositoryRecord,
    Restriction,
    Rollout,
    RolloutMember,
    SavedView,
    Schedule,
    Seal,
    SealBlock,
    SecondFactor,
    Silence,
    Source,
    StandingRule,
    SystemState,
    Upload,
    Video,
    VideoStatistics,
    Wave,
    WebhookDelivery,
    WebhookEndpoint,
    WorkflowRun,
)
from orchestration.models.factors import FactorKind
from orchestration.states import (
    AttachmentKind,
    BlockerScope,
    BudgetEntryState,
    ConflictKind,
    ConflictState,
    DistributionState,
    JobKind,
    JobState,
    PoolKind,
    RightsBasis,
    RolloutState,
    RunState,
    ScheduleState,
    SourceKind,
    SourceState,
    SystemStatus,
    Timing,
    Trigger,
    Verdict,
    VideoState,
    WaveState,
)


def in_(**span: float) -> datetime:
    """Return the instant that lies `span` (hours=1, minutes=-5, …) from now."""
    return timezone.now() + timedelta(**span)


class UserFactory(DjangoModelFactory):
    """Someone who may look and no more."""

    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    class Params:
        scheduler = factory.Trait(role="schedule")
        operator = factory.Trait(role="operate")
        administrator = factory.Trait(role="admin")
        admin = factory.Trait(role="own")

    username = factory.Sequence(lambda n: f"user{n}")
    password = factory.django.Password("correct horse battery staple")
    role = "read"

    @classmethod
    def _create(cls, model_class, *args, role, **kwargs):
        with disable_auditlog():  # as the service does, which records it by itself
            user = super()._create(model_class, *args, **kwargs)
            give_level(user, role)
        return user


class ChannelFactory(DjangoModelFactory):
    """An active channel that our own workers serve."""

    class Meta:
        model = Channel

    class Params:
        github = factory.Trait(
            executor=Executor.GITHUB, repository=factory.LazyAttribute(lambda row: f"headend/{row.slug}")
        )
        paused = factory.Trait(state=ChannelState.PAUSED)
        disabled = factory.Trait(state=ChannelState.DISABLED)
        healthy = factory.Trait(
            health=ChannelHealth.HEALTHY,
            health_reason="everything that was looked at works",
            health_checks=[
                {
                    "check": "credential",
                    "ok": True,
                    "sentence": "Google opens the channel with this credential.",
                }
            ],
            health_checked_at=factory.LazyFunction(timezone.now),
        )
        failing = factory.Trait(
            health=ChannelHealth.FAILING,
            health_reason="Google refuses the refresh token",
            health_checks=[
                {"check": "credential", "ok": False, "sentence": "Google refuses the refresh token."}
            ],
            health_checked_at=factory.LazyFunction(timezone.now),
        )

    slug = factory.Sequence(lambda n: f"channel-{n}")
    name = factory.LazyAttribute(lambda row: row.slug.replace("-", " ").title())
    youtube_channel_id = factory.LazyAttribute(lambda row: f"UC{row.slug}"[:64])


class PostingSlotFactory(DjangoModelFactory):
    """Mondays at six in the evening."""

    class Meta:
        model = PostingSlot

    channel = factory.SubFactory(ChannelFactory)
    weekday = PostingSlot.Weekday.MONDAY
    local_time = time(18, 0)


class BlackoutFactory(DjangoModelFactory):
    """Christmas, two whole days."""

    class Meta:
        model = Blackout

    channel = factory.SubFactory(ChannelFactory)
    first_date = datetime(2026, 12, 25, tzinfo=UTC).date()
    last_date = datetime(2026, 12, 26, tzinfo=UTC).date()
    reason = "holidays"


class CredentialFactory(DjangoModelFactory):
    """A credential that Google takes."""

    class Meta:
        model = Credential
        skip_postgeneration_save = True

    class Params:
        revoked = factory.Trait(
            state=CredentialState.REVOKED, reason="invalid_grant: Token has been revoked."
        )
        missing = factory.Trait(state=CredentialState.MISSING, secrets=None)

    channel = factory.SubFactory(ChannelFactory)
    client_id = "headend.apps.example"
    state = CredentialState.VALID

    @factory.post_generation
    def secrets(self, create: bool, extracted: dict[str, str] | None, **kwargs: str) -> None:
        """Seal a client secret and a refresh token, unless `missing`."""
        if not create or self.state == CredentialState.MISSING:
            return
        self.set_secrets(
            **(extracted or {"client_secret": "client-secret", "refresh_token": "refresh-token"})
        )
        self.save()


class ConfigRevisionFactory(DjangoModelFactory):
    """The first revision of a channel's configuration, not yet in its repository."""

    class Meta:
        model = ConfigRevision

    channel = factory.SubFactory(ChannelFactory)
    number = 1
    document = factory.LazyAttribute(lambda row: {"channel": row.channel.slug})
    checksum = factory.Sequence(lambda n: f"{n:064x}")


def _reading(model, key, values):
    """Write a reading of YouTube's numbers; the newest is the latest, in whatever order they are made."""
    row = model(**values)
    others = model.objects.filter(**{key: values[key]})
    row.is_latest = not others.filter(collected_at__gt=row.collected_at).exists()
    if row.is_latest:
        others.update(is_latest=False)
    row.save()
    return row


class ChannelStatisticsFactory(DjangoModelFactory):
    """What YouTube counted for a channel just now."""

    class Meta:
        model = ChannelStatistics

    channel = factory.SubFactory(ChannelFactory)
    subscriber_count = 1_200
    view_count = 45_000
    video_count = 31

    @classmethod
    def _create(cls, model, *args, **values):
        return _reading(model, "channel", values)


class ChannelGroupFactory(DjangoModelFactory):
    """Channels that are run together; none yet."""

    class Meta:
        model = ChannelGroup

    slug = factory.Sequence(lambda n: f"group-{n}")
    name = factory.Sequence(lambda n: f"Group {n}")


class LabelFactory(DjangoModelFactory):
    """A word on channels."""

    class Meta:
        model = Label

    name = factory.Sequence(lambda n: f"label-{n}")


class SourceFactory(DjangoModelFactory):
    """A feed of our own videos."""

    class Meta:
        model = Source

    class Params:
        without_rights = factory.Trait(rights_basis=RightsBasis.NONE)
        paused = factory.Trait(state=SourceState.PAUSED)
        broken = factory.Trait(last_error="The feed answered 404.", consecutive_failures=3)

    name = factory.Sequence(lambda n: f"Source {n}")
    url = factory.Sequence(lambda n: f"https://videos.example/feed-{n}.xml")
    rights_basis = RightsBasis.OWNED


class VideoFactory(DjangoModelFactory):
    """A video whose file is ready to be uploaded."""

    class Meta:
        model = Video
        skip_postgeneration_save = True

    class Params:
        found = factory.Trait(state=VideoState.FOUND, content_hash="", ready_at=None, prepared_file="")
        failed = factory.Trait(
            state=VideoState.FAILED,
            error_code="no_video_found",
            error_message="The page holds no video.",
            content_hash="",
            ready_at=None,
        )

    source = factory.SubFactory(SourceFactory)
    url = factory.Sequence(lambda n: f"https://videos.example/v/{n}.mp4")
    canonical_url = factory.LazyAttribute(lambda row: row.url)
    title = factory.Sequence(lambda n: f"Clip {n}")
    content_hash = factory.Sequence(lambda n: f"{n:064x}")
    size_bytes = 4_000_000
    duration_seconds = 61.5
    width = 1920
    height = 1080
    state = VideoState.READY
    prepared_file = factory.Sequence(lambda n: f"prepared/{n}.mp4")
    ready_at = factory.LazyFunction(timezone.now)

    @factory.post_generation
    def rendition(self, create, _extracted, **_values):
        """Give a ready video its prepared file's row, by the default profile."""
        if create and self.state == VideoState.READY:
            default_renditions([self])


def default_renditions(videos):
    """Write down the prepared files of videos, in one statement."""
    return Rendition.objects.bulk_create(
        Rendition(
            video=video,
            fingerprint=SDR_1080.fingerprint,
            profile_name=SDR_1080.name,
            file=video.prepared_file or f"prepared/{video.pk}.mp4",
            content_hash=video.prepared_hash,
            made_at=timezone.now(),
        )
        for video in videos
    )


class ProfileFactory(DjangoModelFactory):
    """A profile that an operator made: 4K, with its HDR."""

    class Meta:
        model = Profile

    key = factory.Sequence(lambda n: f"profile-{n}")
    name = factory.Sequence(lambda n: f"Profile {n}")
    max_height = 2160


class RenditionFactory(DjangoModelFactory):
    """A file that was made of a video as it is, beside the one of the default profile."""

    class Meta:
        model = Rendition

    video = factory.SubFactory(VideoFactory)
    fingerprint = AS_IS.fingerprint
    profile_name = AS_IS.name
    file = factory.Sequence(lambda n: f"prepared/rendition-{n}.mp4")
    content_hash = factory.Sequence(lambda n: f"{n:064x}")
    size_bytes = 4_000_000
    made_at = factory.LazyFunction(timezone.now)


class ApprovalFactory(DjangoModelFactory):
    """A publication that somebody approved."""

    class Meta:
        model = Approval

    distribution = factory.LazyFunction(lambda: DistributionFactory())
    verdict = Verdict.APPROVED
    seal = "0" * 64
    by = "olga"


class AttachmentFactory(DjangoModelFactory):
    """A picture that goes with a video."""

    class Meta:
        model = Attachment

    video = factory.SubFactory(VideoFactory)
    kind = AttachmentKind.PICTURE
    name = "cover.jpg"
    file = factory.Sequence(lambda n: f"attachments/{n}.jpg")
    content_hash = factory.Sequence(lambda n: f"{n:064x}")
    size_bytes = 40_000


class StandingRuleFactory(DjangoModelFactory):
    """A rule that distributes ready videos over all channels."""

    class Meta:
        model = StandingRule
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Rule {n}")
    next_run_at = factory.LazyFunction(timezone.now)


class CalendarAddressFactory(DjangoModelFactory):
    """The secret address of a person's calendar."""

    class Meta:
        model = CalendarAddress

    user = factory.SubFactory(UserFactory)
    secret_hash = factory.Sequence(lambda n: f"{n:064x}")


class PreferencesFactory(DjangoModelFactory):
    """A person who reads times on a clock of their own."""

    class Meta:
        model = Preferences

    user = factory.SubFactory(UserFactory)
    timezone = "Europe/Berlin"


class SavedViewFactory(DjangoModelFactory):
    """A person's own view of the failed jobs."""

    class Meta:
        model = SavedView

    owner = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"View {n}")
    page = "jobs"
    query = "state=failed"


class ChangeCountFactory(DjangoModelFactory):
    """A topic of no table."""

    class Meta:
        model = ChangeCount

    topic = factory.Sequence(lambda n: f"topic-{n}")


class KeptReportFactory(DjangoModelFactory):
    """A report that was computed just now."""

    class Meta:
        model = KeptReport

    key = factory.Sequence(lambda n: f"report-{n}")
    document = factory.LazyFunction(lambda: {"days": 7})
    computed_at = factory.LazyFunction(timezone.now)
    took_seconds = 0.1


class RefusalFactory(DjangoModelFactory):
    """A refused call that is not told yet."""

    class Meta:
        model = Refusal

    key = factory.Sequence(lambda n: f"{n:064x}")
    verb = "call_refused"
    actor_label = "token reader"
    trigger = Trigger.API
    count = 1
    first_at = factory.LazyFunction(timezone.now)
    last_at = factory.SelfAttribute("first_at")


class SealBlockFactory(DjangoModelFactory):
    """A block of one entry; of a chain that nothing was computed for."""

    class Meta:
        model = SealBlock

    number = factory.Sequence(lambda n: n + 1)
    sealed_at = factory.LazyFunction(timezone.now)
    entries = 1
    first_entry = factory.Sequence(lambda n: n + 1)
    last_entry = factory.SelfAttribute("first_entry")
    previous = "0" * 64
    digest = "1" * 64


class SealFactory(DjangoModelFactory):
    """The seal of an entry."""

    class Meta:
        model = Seal

    entry = factory.Sequence(lambda n: n + 1)
    block = 1
    digest = "2" * 64


class CallFactory(DjangoModelFactory):
    """An answer that a job got from YouTube."""

    class Meta:
        model = Call

    job = factory.SubFactory("tests.factories.JobFactory")
    method = "GET"
    host = "www.googleapis.com"
    path = "/youtube/v3/videos"
    status = 200
    duration_ms = 120


class UploadFactory(DjangoModelFactory):
    """A file of which nothing has come yet."""

    class Meta:
        model = Upload

    owner = "olga"
    source = factory.SubFactory(
        SourceFactory,
        kind=SourceKind.UPLOADS,
        url="",
        canonical_url=factory.Sequence(lambda n: f"headend:uploads/{n}"),
    )
    name = factory.Sequence(lambda n: f"film-{n}.mp4")
    size_bytes = 4_000_000


class WaveFactory(DjangoModelFactory):
    """A wave that goes out in an hour, still without members."""

    class Meta:
        model = Wave

    class Params:
        paused = factory.Trait(state=WaveState.PAUSED)
        completed = factory.Trait(
            state=WaveState.COMPLETED, scheduled_at=factory.LazyFunction(lambda: in_(hours=-1))
        )

    name = factory.Sequence(lambda n: f"Wave {n}")
    timing = Timing.SIMULTANEOUS
    scheduled_at = factory.LazyFunction(lambda: in_(hours=1))
    correlation_id = factory.Sequence(lambda n: f"wave{n:028x}")
    request = factory.LazyFunction(lambda: {"timing": "simultaneous"})
    created_by = "factory"


class DistributionFactory(DjangoModelFactory):
    """A video that goes to a channel, nothing uploaded yet."""

    class Meta:
        model = Distribution

    class Params:
        staged = factory.Trait(
            state=DistributionState.STAGED,
            youtube_video_id=factory.Sequence(lambda n: f"yt{n:09d}"),
            staged_at=factory.LazyFunction(timezone.now),
        )
        published = factory.Trait(
            state=DistributionState.PUBLISHED,
            youtube_video_id=factory.Sequence(lambda n: f"yp{n:09d}"),
            staged_at=factory.LazyFunction(lambda: in_(hours=-2)),
            published_at=factory.LazyFunction(lambda: in_(hours=-1)),
            verified_at=factory.LazyFunction(lambda: in_(hours=-1)),
        )

    video = factory.SubFactory(VideoFactory)
    channel = factory.SubFactory(ChannelFactory)
    method = Distribution.Method.COORDINATED


class ScheduleFactory(DjangoModelFactory):
    """A publication planned for an hour from now."""

    class Meta:
        model = Schedule

    class Params:
        staged = factory.Trait(
            state=ScheduleState.STAGED,
            distribution=factory.SubFactory(
                DistributionFactory, staged=True, channel=factory.SelfAttribute("..channel")
            ),
        )
        published = factory.Trait(
            state=ScheduleState.PUBLISHED,
            publish_at=factory.LazyFunction(lambda: in_(hours=-1)),
            lateness_seconds=0.4,
            distribution=factory.SubFactory(
                DistributionFactory, published=True, channel=factory.SelfAttribute("..channel")
            ),
        )
        armed = factory.Trait(staged=True, armed_for=factory.SelfAttribute("publish_at"))
        overdue = factory.Trait(publish_at=factory.LazyFunction(lambda: in_(minutes=-10)))
        held = factory.Trait(state=ScheduleState.HELD, reason="held by hand")
        needs_review = factory.Trait(
            state=ScheduleState.NEEDS_REVIEW, reason="the outcome of the call is not known"
        )

    channel = factory.SubFactory(ChannelFactory)
    distribution = factory.SubFactory(DistributionFactory, channel=factory.SelfAttribute("..channel"))
    publish_at = factory.LazyFunction(lambda: in_(hours=1))
    zone = factory.LazyAttribute(lambda row: row.channel.timezone)
    local_wall = factory.LazyAttribute(
        lambda row: row.publish_at.astimezone(row.channel.zone).strftime("%Y-%m-%dT%H:%M:%S")
    )
    stage_at = factory.LazyAttribute(lambda row: row.publish_at - timedelta(minutes=30))
    priority = 5


class ConflictFactory(DjangoModelFactory):
    """Two publications too close together, nothing done about it yet, one alternative."""

    class Meta:
        model = Conflict

    class Params:
        resolved = factory.Trait(state=ConflictState.RESOLVED, resolution="shifted", yielded="request")

    kind = ConflictKind.TIMING
    rule = "minimum_gap"
    message = "Closer than 60 minutes to another publication."
    video = factory.SubFactory(VideoFactory)
    channel = factory.SubFactory(ChannelFactory)
    wanted_at = factory.LazyFunction(lambda: in_(hours=1))
    alternatives = factory.LazyFunction(
        lambda: [
            {
                "kind": "shift",
                "at": in_(hours=2).isoformat(),
                "minutes_later": 60,
                "units": 0,
                "sentence": "Publish 60 minutes later.",
            }
        ]
    )
    correlation_id = factory.Sequence(lambda n: f"conflict{n:024x}")


class BlockerFactory(DjangoModelFactory):
    """A channel's consent that was revoked."""

    class Meta:
        model = Blocker

    code = "credential_revoked"
    scope = BlockerScope.CHANNEL
    channel = factory.SubFactory(ChannelFactory)
    subject_id = factory.SelfAttribute("channel.pk")
    sentence = "Google refused the refresh token: it was revoked."
    next_probe_at = factory.LazyFunction(lambda: in_(minutes=1))


class JobFactory(DjangoModelFactory):
    """A job that waits to be claimed."""

    class Meta:
        model = Job

    class Params:
        running = factory.Trait(
            state=JobState.RUNNING,
            attempts=1,
            progress=0.42,
            progress_note="uploading",
            holder="worker@localhost/1",
            started_at=factory.LazyFunction(lambda: in_(seconds=-20)),
            heartbeat_at=factory.LazyFunction(timezone.now),
            lease_expires_at=factory.LazyFunction(lambda: in_(minutes=1)),
        )
        succeeded = factory.Trait(
            state=JobState.SUCCEEDED,
            attempts=1,
            progress=1.0,
            started_at=factory.LazyFunction(lambda: in_(minutes=-2)),
            finished_at=factory.LazyFunction(lambda: in_(minutes=-1)),
        )
        failed = factory.Trait(
            state=JobState.FAILED,
            attempts=5,
            error_code="quota_exceeded",
            error_message="The day's quota is used up.",
            finished_at=factory.LazyFunction(lambda: in_(minutes=-1)),
        )
        needs_review = factory.Trait(state=JobState.NEEDS_REVIEW, attempts=1)

    kind = JobKind.STAGE
    dedupe_key = factory.Sequence(lambda n: f"job:{n}")
    channel = factory.SubFactory(ChannelFactory)
    correlation_id = factory.Sequence(lambda n: f"job{n:029x}")


class WorkflowRunFactory(DjangoModelFactory):
    """A GitHub run that was dispatched and has an id."""

    class Meta:
        model = WorkflowRun

    job = factory.SubFactory(JobFactory)
    channel = factory.SelfAttribute("job.channel")
    repository = factory.LazyAttribute(lambda row: row.channel.repository or f"headend/{row.channel.slug}")
    workflow = "headend.yml"
    ref = "main"
    correlation_id = factory.Sequence(lambda n: f"run{n:029x}")
    state = RunState.DISPATCHED
    run_id = factory.Sequence(lambda n: 9_000_000 + n)
    run_attempt = 1
    html_url = factory.LazyAttribute(
        lambda row: f"https://github.com/{row.repository}/actions/runs/{row.run_id}"
    )
    remote_status = "queued"


class OrphanUploadFactory(DjangoModelFactory):
    """An upload that lost the race."""

    class Meta:
        model = OrphanUpload

    distribution = factory.SubFactory(DistributionFactory)
    youtube_video_id = factory.Sequence(lambda n: f"or{n:09d}")
    reason = "another upload was recorded first"


class RepositoryRecordFactory(DjangoModelFactory):
    """A repository that nothing was written to yet."""

    class Meta:
        model = RepositoryRecord

    channel = factory.SubFactory(ChannelFactory, github=True)


class RolloutFactory(DjangoModelFactory):
    """A rollout without a canary."""

    class Meta:
        model = Rollout

    cohort_size = 1
    cohort = 1


class EndedRolloutFactory(RolloutFactory):
    """A rollout that is over; of those there may be many."""

    state = RolloutState.COMPLETED


class RolloutMemberFactory(DjangoModelFactory):
    """A channel whose turn in a rollout has come."""

    class Meta:
        model = RolloutMember

    rollout = factory.SubFactory(RolloutFactory)
    channel = factory.SubFactory(ChannelFactory)
    cohort = 1


class PoolFactory(DjangoModelFactory):
    """Three things at once."""

    class Meta:
        model = Pool

    class Params:
        budget = factory.Trait(kind=PoolKind.BUDGET, capacity=100)
        rate = factory.Trait(kind=PoolKind.RATE, capacity=80, window_seconds=60)

    name = factory.Sequence(lambda n: f"pool-{n}")
    label = factory.LazyAttribute(lambda row: row.name.replace("-", " "))
    kind = PoolKind.SLOTS
    capacity = 3


class LeaseFactory(DjangoModelFactory):
    """A lease that is held for another minute."""

    class Meta:
        model = Lease

    class Params:
        released = factory.Trait(released_at=factory.LazyFunction(timezone.now), release_reason="done")

    pool = factory.SubFactory(PoolFactory)
    job = factory.SubFactory(JobFactory, running=True)
    holder = "worker@localhost/1"
    expires_at = factory.LazyFunction(lambda: in_(minutes=1))


class BudgetEntryFactory(DjangoModelFactory):
    """One upload, charged today."""

    class Meta:
        model = BudgetEntry

    pool = factory.SubFactory(PoolFactory, budget=True)
    day = factory.LazyFunction(lambda: timezone.now().date())
    units = 1
    call = "videos.insert"
    state = BudgetEntryState.CHARGED


class VideoStatisticsFactory(DjangoModelFactory):
    """What YouTube counted for a published video just now."""

    class Meta:
        model = VideoStatistics

    distribution = factory.SubFactory(DistributionFactory, published=True)
    view_count = 321
    like_count = 12
    comment_count = 3

    @classmethod
    def _create(cls, model, *args, **values):
        return _reading(model, "distribution", values)


class SystemStateFactory(DjangoModelFactory):
    """The one row, stopped."""

    class Meta:
        model = SystemState
        django_get_or_create = ("pk",)

    class Params:
        running = factory.Trait(state=SystemStatus.RUNNING)
        paused = factory.Trait(state=SystemStatus.PAUSED)

    pk = 1


class HeartbeatFactory(DjangoModelFactory):
    """A component that is alive."""

    class Meta:
        model = Heartbeat
        django_get_or_create = ("component",)

    component = "worker"


class NotificationAddressFactory(DjangoModelFactory):
    """An address that leads nowhere."""

    class Meta:
        model = NotificationAddress

    name = factory.Sequence(lambda n: f"address {n}")
    kind = "json"
    shown = "json://127…"


class NotificationRuleFactory(DjangoModelFactory):
    """A rule without addresses."""

    class Meta:
        model = NotificationRule

    name = factory.Sequence(lambda n: f"rule {n}")


class SecondFactorFactory(DjangoModelFactory):
    """An authenticator app that counts."""

    class Meta:
        model = SecondFactor

    user = factory.SubFactory(UserFactory)
    kind = FactorKind.AUTHENTICATOR
    name = "authenticator app"
    confirmed_at = factory.LazyFunction(timezone.now)


class ExternalIdentityFactory(DjangoModelFactory):
    """Who somebody is to a provider."""

    class Meta:
        model = ExternalIdentity

    user = factory.SubFactory(UserFactory)
    issuer = "https://login.example.org"
    subject = factory.Sequence(lambda n: f"subject-{n}")


class RecoveryCodeFactory(DjangoModelFactory):
    """A code that was not used yet."""

    class Meta:
        model = RecoveryCode

    user = factory.SubFactory(UserFactory)
    digest = factory.Sequence(lambda n: f"{n:064x}")


class WebhookEndpointFactory(DjangoModelFactory):
    """An endpoint that leads nowhere."""

    class Meta:
        model = WebhookEndpoint

    name = factory.Sequence(lambda n: f"endpoint {n}")
    shown = "https://hooks.example.org"


class WebhookDeliveryFactory(DjangoModelFactory):
    """An event that waits for its endpoint."""

    class Meta:
        model = WebhookDelivery

    endpoint = factory.SubFactory(WebhookEndpointFactory)
    event_id = factory.Sequence(lambda n: f"1-{n}-0123abcd")
    entry = factory.Sequence(lambda n: 1_000_000 + n)
    type = "schedule.published"
    give_up_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=1))


class SilenceFactory(DjangoModelFactory):
    """A silence of an hour."""

    class Meta:
        model = Silence

    kind = "channel"
    until = factory.LazyFunction(lambda: timezone.now() + timedelta(hours=1))


class IncidentFactory(DjangoModelFactory):
    """Something that stands."""

    class Meta:
        model = Incident

    key = factory.Sequence(lambda n: f"channel_failing:channel:{n}")
    code = "channel_failing"
    category = "channel"
    severity = "error"
    subject = "Aurora"
    sentence = "Aurora is failing."
    link = "/channels/"
    opened_at = factory.LazyFunction(timezone.now)


class NotificationFactory(DjangoModelFactory):
    """A message that was sent."""

    class Meta:
        model = Notification

    once = factory.Sequence(lambda n: f"test:{n}")
    kind = "problem"
    title = "error: Aurora"
    body = "Aurora is failing."
    address = factory.SubFactory(NotificationAddressFactory)
    address_name = factory.SelfAttribute("address.name")
    outcome = "sent"
    due_at = factory.LazyFunction(timezone.now)
    sent_at = factory.LazyFunction(timezone.now)
    attempts = 1


class ApiTokenFactory(DjangoModelFactory):
    """A token that may read."""

    class Meta:
        model = ApiToken

    name = factory.Sequence(lambda n: f"token {n}")
    token_hash = factory.Sequence(lambda n: f"{n:064x}")


class ProposalFactory(DjangoModelFactory):
    """A hold that an assistant proposes, and nobody has said anything to."""

    class Meta:
        model = Proposal

    class Params:
        confirmed = factory.Trait(confirmed_at=factory.LazyFunction(timezone.now), decided_by="olga")
        expired = factory.Trait(
            expires_at=factory.LazyFunction(lambda: timezone.now() - timedelta(minutes=1))
        )

    token = factory.SubFactory(ApiTokenFactory, for_assistant=True, scope="schedule")
    operation = "schedules_hold"
    title = "Hold a publication"
    arguments = factory.LazyFunction(lambda: {"schedule_id": 1})
    needs = "schedule"
    correlation_id = factory.Sequence(lambda n: f"proposal-{n}")
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(hours=1))


class RestrictionFactory(DjangoModelFactory):
    """That a token is limited to groups, and to none so far."""

    class Meta:
        model = Restriction

    token = factory.SubFactory(ApiTokenFactory)


class RateCountFactory(DjangoModelFactory):
    """That something happened once."""

    class Meta:
        model = RateCount

    key = factory.Sequence(lambda n: f"asks:token {n}")
    window = 1
    seconds = 60
    count = 1


class IdempotencyRecordFactory(DjangoModelFactory):
    """A request that was answered."""

    class Meta:
        model = IdempotencyRecord

    caller = "token 1"
    key = factory.Sequence(lambda n: f"key-{n}")
    fingerprint = factory.Sequence(lambda n: f"{n:064x}")
    status_code = 200
    body = factory.LazyFunction(dict)


class ActivityFactory(DjangoModelFactory):
    """An entry about a channel."""

    class Meta:
        model = Activity

    class Params:
        subject = factory.SubFactory(ChannelFactory)

    verb = "pause_channel"
    trigger = Trigger.BUTTON
    actor_label = "operator"
    action = Activity.Action.UPDATE
    content_type = factory.LazyAttribute(lambda row: ContentType.objects.get_for_model(row.subject))
    object_pk = factory.LazyAttribute(lambda row: str(row.subject.pk))
    object_id = factory.LazyAttribute(lambda row: row.subject.pk)
    object_repr = factory.LazyAttribute(lambda row: str(row.subject))
    changes = factory.LazyFunction(lambda: {"state": ["active", "paused"]})
    before = factory.LazyFunction(lambda: {"state": "active"})
    after = factory.LazyFunction(lambda: {"state": "paused"})
    cid = factory.Sequence(lambda n: f"activity{n:024x}")
