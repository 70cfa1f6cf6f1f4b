"""The overview is gathered in a bounded number of queries, and its version says whether anything changed."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels.models import Channel
from orchestration import overview
from orchestration.core.heartbeats import beat
from orchestration.models import Activity, Job, SystemState, Video
from orchestration.queue.pools import ensure_defaults
from orchestration.states import SystemStatus, VideoState
from tests.factories import (
    ChannelFactory,
    ChannelStatisticsFactory,
    ConflictFactory,
    CredentialFactory,
    DistributionFactory,
    JobFactory,
    LeaseFactory,
    PostingSlotFactory,
    ScheduleFactory,
    SourceFactory,
    VideoFactory,
    WaveFactory,
)

pytestmark = pytest.mark.django_db

MAX_HEAD, MAX_HEALTHY, MAX_QUERIES = 24, 13, 35
"""What is asked first, with and without problems (each kind of them asks once), and all of it."""


@pytest.fixture(autouse=True)
def an_installation():
    ensure_defaults()
    SystemState.objects.update_or_create(pk=1, defaults={"state": SystemStatus.RUNNING})
    beat("beat")
    beat("worker")


def busy(channels: int) -> None:
    """Fill the installation with channels, each with something planned, published, running and wrong."""
    wave = WaveFactory()
    for _ in range(channels):
        channel = CredentialFactory(channel=ChannelFactory(failing=True)).channel
        PostingSlotFactory(channel=channel)
        ScheduleFactory(channel=channel, wave=wave)
        ScheduleFactory(channel=channel, published=True, wave=wave)
        ScheduleFactory(channel=channel, needs_review=True)
        LeaseFactory(job__channel=channel)
        JobFactory(channel=channel, failed=True)
        ConflictFactory(channel=channel)
        ChannelStatisticsFactory(channel=channel)


def queries(call=overview.dashboard) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        call()
    return len(captured)


def test_everything_that_happens_is_on_the_overview():
    channel = CredentialFactory(channel=ChannelFactory(healthy=True)).channel
    planned = ScheduleFactory(channel=channel, wave=WaveFactory())
    running, failed = JobFactory(running=True, channel=channel), JobFactory(failed=True, channel=channel)
    source = SourceFactory()
    video = VideoFactory(found=True, source=source)

    shown = overview.dashboard()

    assert shown.status.state == SystemStatus.RUNNING
    assert [report.channel for report in shown.channels] == [channel]
    assert [report.wave for report in shown.waves] == [planned.wave]
    assert shown.upcoming == [planned]
    assert (shown.running_jobs, shown.recent_jobs) == ([running], [failed])
    assert [problem["code"] for problem in shown.problems] == ["job_failed"]
    assert source in shown.sources
    assert shown.videos[VideoState.FOUND] == 1
    assert shown.videos[VideoState.WITHDRAWN] == 0
    assert video in shown.recent_videos
    assert {pool.name for pool in shown.pools} >= {"upload", "youtube_units"}


@pytest.mark.slow
def test_the_overview_takes_as_many_queries_for_fifty_channels_as_for_twenty_five():
    busy(25)
    fewer, first = queries(), queries(overview.head)
    busy(25)
    assert Channel.objects.count() >= 50
    assert (queries(), queries(overview.head)) == (fewer, first)
    assert fewer <= MAX_QUERIES
    assert first <= MAX_HEAD


def test_where_nothing_is_wrong_no_kind_of_problem_is_asked_for():
    ScheduleFactory(
        channel=CredentialFactory(channel=ChannelFactory(healthy=True)).channel, wave=WaveFactory()
    )
    DistributionFactory(published=True)
    assert queries(overview.head) <= MAX_HEALTHY


def test_the_version_stays_while_nothing_happens():
    busy(2)
    first = overview.dashboard().version
    beat("worker", "still here")
    Job.objects.filter(state="running").update(heartbeat_at=timezone.now())
    Channel.objects.update(health_checked_at=timezone.now())
    assert overview.dashboard().version == first


@pytest.mark.parametrize(
    "happen",
    [
        lambda: Job.objects.filter(state="running").update(progress=0.9),
        lambda: SystemState.objects.update(state=SystemStatus.PAUSED),
        lambda: Channel.objects.update(health="healthy"),
        lambda: VideoFactory(),
        lambda: ConflictFactory(),
        lambda: Video.objects.update(title="Renamed"),
        lambda: DistributionFactory(published=True),
    ],
)
def test_the_version_changes_when_something_happens(happen):
    busy(1)
    first = overview.dashboard().version
    happen()
    assert overview.dashboard().version != first


def test_a_new_installation_is_told_what_to_do_first():
    SystemState.objects.update(state=SystemStatus.STOPPED)
    steps = overview.dashboard().first_steps
    assert [step["title"] for step in steps][:2] == ["Register a channel", "Connect it to YouTube"]
    assert not any(step["done"] for step in steps)
    assert all(step["url_name"] and step["sentence"] for step in steps)


def test_the_first_steps_are_ticked_off_and_end_with_the_first_publication():
    channel = CredentialFactory().channel
    PostingSlotFactory(channel=channel)
    VideoFactory()
    steps = overview.dashboard().first_steps
    assert [step["done"] for step in steps] == [True, True, True, True, True, False]

    DistributionFactory(channel=channel, published=True)
    assert overview.dashboard().first_steps == []


def test_the_activity_on_the_overview_leaves_out_the_jobs():
    job = JobFactory()
    for verb in ("job_claimed", "jobs_claimed", "channel_paused"):
        Activity.objects.create(
            content_type_id=1, object_pk=str(job.pk), object_repr="x", action=1, verb=verb, changes={}
        )
    verbs = {entry.verb for entry in overview.dashboard().activity}
    assert "channel_paused" in verbs
    assert not any(verb.startswith("job") for verb in verbs)
