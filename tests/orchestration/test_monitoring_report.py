"""The report of all channels is cheap, and asking for a check works whatever the state of the system."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orchestration.core.heartbeats import beat, component_ages
from orchestration.errors import InvalidRequest, NotFound
from orchestration.models import Activity, Heartbeat, Job
from orchestration.monitoring import health
from orchestration.states import JobKind, ScheduleState
from tests.factories import ChannelFactory, CredentialFactory, JobFactory, ScheduleFactory

pytestmark = pytest.mark.django_db


def test_the_report_counts_what_is_planned_published_failed_and_unclear():
    channel = ChannelFactory(failing=True)
    next_one = ScheduleFactory(channel=channel)
    ScheduleFactory(channel=channel, publish_at=next_one.publish_at + timedelta(hours=1))
    ScheduleFactory(channel=channel, held=True, publish_at=next_one.publish_at - timedelta(hours=1))
    out = ScheduleFactory(channel=channel, published=True)
    ScheduleFactory(channel=channel, needs_review=True)
    ScheduleFactory(channel=channel, state=ScheduleState.FAILED)
    ScheduleFactory(
        channel=channel, state=ScheduleState.MISSED, state_changed_at=timezone.now() - timedelta(days=2)
    )
    JobFactory(channel=channel, failed=True)

    (report,) = health.report([channel.pk]).channels

    assert (report.open_schedules, report.published_24h, report.failed_24h, report.needs_review) == (
        3,
        1,
        2,
        1,
    )
    assert report.next_publish_at == next_one.publish_at
    assert report.last_published_at == out.distribution.published_at
    assert report.health == "failing"
    assert report.checks[0].ok is False


def test_the_report_takes_as_many_queries_for_thirty_channels_as_for_one(django_assert_num_queries):
    for _ in range(30):
        channel = CredentialFactory().channel
        ScheduleFactory(channel=channel)
        JobFactory(channel=channel, failed=True)
    with django_assert_num_queries(4):
        reports = health.report().channels
    assert len(reports) == 30
    with django_assert_num_queries(4):
        health.report([reports[0].channel.pk])


@pytest.mark.parametrize(
    ("ids", "error"), [([], InvalidRequest), ([1, 1], InvalidRequest), ([4711], NotFound)]
)
def test_channels_that_cannot_be_meant_are_refused_by_the_name_of_the_field(ids, error):
    for call in (health.report, health.check):
        with pytest.raises(error) as refused:
            call(ids)
        assert refused.value.field == "channel_ids"
    assert not Job.objects.exists()


def test_a_check_can_be_asked_for_while_the_system_is_stopped_and_gives_one_job_a_channel():
    channels = [ChannelFactory(), ChannelFactory(paused=True)]
    ChannelFactory(disabled=True)
    first = health.check()
    again = health.check()
    assert {job.channel for job in first.jobs} == set(channels)
    assert first.jobs == again.jobs
    assert {job.kind for job in first.jobs} == {JobKind.CHECK}
    assert len(first.channels) == 2


def test_a_routine_check_that_waits_does_not_stand_in_for_one_that_was_asked_for():
    channel = ChannelFactory()
    (routine,) = health.due_checks(timezone.now())
    (asked,) = health.check([channel.pk]).jobs
    assert (routine.asked, asked.asked) == (False, True)


def test_a_heartbeat_is_one_statement_without_a_trace_in_the_audit_log(django_assert_num_queries):
    Heartbeat.objects.all().delete()  # a worker that another test started may show life once more after that has ended
    beat("worker", "first")
    with django_assert_num_queries(1):
        beat("worker", "second")
    assert Heartbeat.objects.get().info == "second"
    assert not Activity.objects.exists()
    ages = component_ages(timezone.now() + timedelta(seconds=40))
    assert 39 < ages["worker"] < 100
    assert component_ages().keys() == {"worker"}
