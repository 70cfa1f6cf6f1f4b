"""A pause or a stop may also take back what YouTube was told to publish by itself; alone it does not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.gateways.errors import RemoteUncertain
from channels.sandbox.faults import Match
from orchestration.errors import IllegalTransition
from orchestration.models import Activity, Job, Pool, Schedule, SystemState
from orchestration.monitoring import problems
from orchestration.pipeline import publish
from orchestration.queue import pool_names
from orchestration.scheduling import disarming, rows
from orchestration.states import JobKind, JobState, ScheduleState, SystemStatus
from tests.engine_room import PUBLISHED, STAGED, door, state_of

pytestmark = pytest.mark.django_db


def nothing_goes_public(engine, row):
    """Let workers and clock go on past the publication's moment."""
    engine.tick()
    engine.work()
    engine.retry_now()
    engine.work()
    assert engine.on_youtube(row)["publish_at"] is None
    engine.pass_until(row.publish_at + timedelta(minutes=2))
    engine.tick()
    engine.work()
    assert engine.publications() == []


def test_what_no_budget_is_left_to_take_back_is_an_error_until_there_is(engine):
    row = engine.armed(engine.channel())
    Pool.objects.filter(name=pool_names.UNITS).update(paused=True)
    door().pause(disarm=True)
    engine.work()
    (problem,) = [entry for entry in problems.problems() if entry["code"] == "not_taken_back"]
    assert (problem["severity"], problem["subject_type"]) == ("error", "job")
    assert "YouTube API units is paused" in problem["sentence"]
    Pool.objects.filter(name=pool_names.UNITS).update(paused=False)
    nothing_goes_public(engine, row)
    assert [entry for entry in problems.problems() if entry["code"] == "not_taken_back"] == []


def test_what_youtube_refuses_to_take_back_is_an_error_that_says_so(engine):
    row = engine.armed(engine.channel())
    engine.sandbox.faults.add(Match("PUT", "/youtube/v3/videos"), "quota", times=1)
    door().pause(disarm=True)
    engine.work()
    (problem,) = [entry for entry in problems.problems() if entry["code"] == "not_taken_back"]
    assert str(row.distribution.video) in problem["sentence"] and "quota" in problem["sentence"]
    engine.retry_now()
    engine.work()
    assert engine.on_youtube(row)["publish_at"] is None
    assert [entry for entry in problems.problems() if entry["code"] == "not_taken_back"] == []


@pytest.mark.parametrize("how", ["pause", "stop"])
def test_armed_publications_are_taken_back_with_it(engine, how):
    row, other = engine.armed(engine.channel()), engine.armed(engine.channel("borealis"))
    report = getattr(door(), how)(disarm=True, reason="wrong film")
    assert (report.armed_schedules, report.disarming_schedules) == (0, 2)
    entry = Activity.objects.get(verb="system_disarmed")
    assert entry.additional_data["members"] == {"schedule": [row.pk, other.pk]}
    assert (entry.after["taken_back"], entry.after["too_late"], entry.reason) == (2, 0, "wrong film")
    nothing_goes_public(engine, row)
    assert (state_of(row), state_of(other)) == (STAGED, STAGED)
    assert door().get_status().disarming_schedules == 0


def test_a_pause_alone_lets_what_is_armed_go_public(engine):
    row = engine.armed(engine.channel())
    assert door().pause().armed_schedules == 1
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    engine.work()
    assert state_of(row) == PUBLISHED


def test_what_was_taken_back_is_armed_again_by_a_resume_before_its_moment(engine):
    row = engine.armed(engine.channel(), minutes=10)
    door().pause(disarm=True)
    engine.work()
    door().resume()
    for _ in range(2):
        engine.tick()
        engine.work()
        engine.retry_now()
    row.refresh_from_db()
    assert row.armed_for == row.publish_at
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED
    (public,) = engine.publications()
    assert timezone.datetime.fromisoformat(public["public_at"]) == row.publish_at


def test_what_was_taken_back_follows_its_misfire_policy_after_its_moment(engine):
    row = engine.armed(engine.channel(misfire_policy="skip"))
    door().pause(disarm=True)
    nothing_goes_public(engine, row)
    door().resume()
    engine.tick()
    assert state_of(row)[0] == ScheduleState.SKIPPED


@pytest.mark.parametrize(
    ("state", "how"),
    [(SystemStatus.PAUSED, "pause"), (SystemStatus.PAUSED, "stop"), (SystemStatus.STOPPED, "stop")],
)
def test_an_operator_who_paused_first_can_still_take_back(engine, state, how):
    row = engine.armed(engine.channel())
    door().pause() if state == SystemStatus.PAUSED else door().stop()
    report = getattr(door(), how)(disarm=True)
    assert report.state == (SystemStatus.STOPPED if how == "stop" else state)
    nothing_goes_public(engine, row)


def test_a_stopped_system_is_not_paused_by_it(engine):
    door().stop()
    with pytest.raises(IllegalTransition):
        door().pause(disarm=True)


def test_what_its_moment_has_come_for_is_said_and_not_touched(engine):
    row = engine.armed(engine.channel())
    engine.stand_still_at(row.publish_at - timedelta(seconds=1))
    report = door().pause(disarm=True)
    assert (report.armed_schedules, report.disarming_schedules) == (1, 0)
    assert Activity.objects.get(verb="system_disarmed").after["too_late"] == 1
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    engine.work()
    assert state_of(row) == PUBLISHED


@pytest.mark.parametrize("answer", ["heard", "lost"])
def test_an_arming_that_is_under_way_is_taken_back_too(engine, answer):
    row = engine.staged(engine.channel(), minutes=10)
    engine.tick()
    set_publish_at = publish.YouTubeGateway.set_publish_at

    def paused_meanwhile(gateway, video_id, instant):
        door().pause(disarm=True)
        engine.work()  # another worker takes the disarming at once, before the call has its effect
        status = set_publish_at(gateway, video_id, instant)
        if answer == "lost":
            raise RemoteUncertain("no answer")
        return status

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish.YouTubeGateway, "set_publish_at", paused_meanwhile)
        engine.work_one()
    engine.retry_now()
    nothing_goes_public(engine, row)


def test_one_whose_moment_comes_while_the_others_are_taken_back_does_not_undo_the_pause(engine, monkeypatch):
    """Taking back hundreds takes seconds, and each of them was asked again whether its moment had come."""
    engine.stand_still_at(
        timezone.now()
    )  # so that both have the same moment, however long it takes to arm them
    row, other = engine.armed(engine.channel()), engine.armed(engine.channel("borealis"))
    assert row.publish_at == other.publish_at
    disarm_all, began = disarming.disarm_all, timezone.now()

    def takes_seconds(schedules, why):
        engine.stand_still_at(row.publish_at - timedelta(seconds=1))
        return disarm_all(schedules, why)

    monkeypatch.setattr(rows, "disarm_all", takes_seconds)
    report = door().pause(disarm=True)
    assert timezone.now() > began + timedelta(minutes=4)
    assert (report.state, report.armed_schedules, report.disarming_schedules) == (SystemStatus.PAUSED, 0, 2)
    # A second is too short for workers on a busy machine; that they are in time is not what is tested here.
    engine.pass_until(began)
    Job.objects.filter(kind=JobKind.DISARM).update(run_at=began)
    nothing_goes_public(engine, row)


def test_a_copy_takes_nothing_back_that_the_original_armed(engine):
    engine.armed(engine.channel())
    SystemState.objects.update(installation_id="another")
    door().get_status()
    engine.tick()
    with pytest.raises(IllegalTransition, match="copy"):
        door().pause(disarm=True)
    assert not Job.objects.filter(kind=JobKind.DISARM, state=JobState.QUEUED).exists()
    assert Schedule.objects.get().armed_for is not None
