"""Problems of one cause are one need, the most urgent first with reason and remedy; one line says whether all is well."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from orchestration import overview
from orchestration.api.schemas.system import DashboardOut
from orchestration.core.heartbeats import beat
from orchestration.models import SystemState
from orchestration.monitoring.needs import needs_of, verdict
from orchestration.states import SystemStatus
from tests import factories

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def problem(code, number=1, kind="channel", **facts):
    return {
        "severity": "error",
        "code": code,
        "sentence": f"{code} {number}.",
        "subject": f"Channel {number}",
        "subject_type": kind,
        "subject_id": number,
        "slug": f"channel-{number}",
        "since": NOW,
        "fold": code,
        "detail": "",
        "deadline": None,
        "more": 0,
    } | facts


def test_problems_of_one_cause_are_one_with_what_they_have_in_common():
    ending = {"fold": "expiring", "detail": "the consent ends within 3 days", "severity": "warning"}
    found = [
        problem("credential_expiring", n, deadline=NOW + timedelta(hours=n), **ending) for n in range(1, 38)
    ]
    (need,) = needs_of(found)
    assert need.sentence == "37 channels: the consent ends within 3 days."
    assert (need.count, need.deadline, len(need.names)) == (37, NOW + timedelta(hours=1), 5)
    assert need.why == "The first publication that it holds up is due 2026-11-26 13:00 UTC."
    assert (need.remedy.page, need.subject_id) == ("channels", None)


def test_what_is_more_than_listed_is_counted_and_never_lost():
    (need,) = needs_of([problem("channels", subject_id=None, more=963)])
    assert need.count == 963


def test_what_is_public_comes_first_then_the_nearest_moment_then_the_rest():
    found = [
        problem("ffmpeg", 1, "system"),
        problem("channel_failing", 2, deadline=NOW + timedelta(days=2)),
        problem("source_without_rights", 3, "source", severity="info", deadline=NOW),
        problem("needs_review", 4, "schedule", deadline=NOW + timedelta(days=9)),
        problem("job_failed", 5, "job", severity="warning", deadline=NOW + timedelta(hours=1)),
    ]
    codes = [need.code for need in needs_of(reversed(found))]
    assert codes == ["needs_review", "job_failed", "channel_failing", "ffmpeg", "source_without_rights"]


@pytest.mark.parametrize(
    ("facts", "remedy"),
    [
        ({"code": "job_failed", "kind": "job", "number": 7}, ("job_retry", "7", "retry")),
        ({"code": "credential_revoked"}, ("channel_connect", "channel-1", "")),
        ({"code": "needs_review", "kind": "schedule", "number": 3}, ("publication", "3", "")),
        ({"code": "system_not_running", "kind": "system", "fold": "stopped"}, ("start", "", "start")),
        ({"code": "system_not_running", "kind": "system", "fold": "paused"}, ("resume", "", "resume")),
    ],
)
def test_each_need_has_its_remedy_one_click_away(facts, remedy):
    (need,) = needs_of([problem(**facts)])
    assert (need.remedy.page, need.remedy.key, need.remedy.verb) == remedy


def test_one_line_says_whether_all_is_well():
    assert verdict([], state="running", next_up="X on Aurora, 12:30").sentence == (
        "All is well; next: X on Aurora, 12:30."
    )
    needs = needs_of([problem("channel_failing", 1, fold="a"), problem("channel_failing", 2, fold="b")])
    told = verdict(needs, state="running")
    assert (told.is_well, told.level) == (False, "bad")
    assert told.sentence.startswith("2 things need you, first: channel_failing 1.")
    later = verdict(needs_of([problem("x", severity="info")]), state="running")
    assert later.is_well
    assert later.sentence == "All is well; nothing is planned. 1 thing to look at when there is time."


@pytest.mark.django_db
def test_a_system_that_stands_still_before_what_is_planned_needs_a_person():
    beat("beat")
    beat("worker")
    SystemState.objects.update_or_create(pk=1, defaults={"state": SystemStatus.PAUSED})
    factories.ScheduleFactory(publish_at=datetime.now(UTC) + timedelta(hours=2))
    (need,) = overview.head().needs
    assert (need.code, need.remedy.verb) == ("system_off", "resume")


@pytest.mark.django_db
def test_many_unwell_channels_are_one_need_and_the_answer_stays_small():
    beat("beat")
    beat("worker")
    SystemState.objects.update_or_create(pk=1, defaults={"state": SystemStatus.RUNNING})
    for number in range(40):
        channel = factories.ChannelFactory(failing=True, health_reason="x" * 300)
        if number < 13:
            factories.ScheduleFactory(channel=channel, wave=factories.WaveFactory())
            factories.JobFactory(channel=channel, running=True)
            factories.JobFactory(channel=channel, succeeded=True, kind="stage")
            factories.ActivityFactory(subject=channel)
            factories.SourceFactory(name=f"Source {number}")
    shown = overview.dashboard()
    (need,) = shown.needs
    assert need.count == 40
    answer = DashboardOut.model_validate(shown, from_attributes=True).model_dump(mode="json")
    sizes = {name: len(json.dumps(part)) for name, part in answer.items()}
    assert sum(sizes.values()) < 60_000, json.dumps(sizes)
    assert need.sentence.startswith("40 channels: ")
    assert (len(shown.channels), shown.channel_counts.failing) == (24, 40)
