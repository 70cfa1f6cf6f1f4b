"""A recorded video is made public in its second, once, whatever fails on the way; and not at all where it is not wanted."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.gateways.errors import RemoteUnavailable, RemoteUncertain
from channels.sandbox import youtube_state
from channels.sandbox.faults import Match
from orchestration.core import gateways
from orchestration.engine import worker
from orchestration.errors import IllegalTransition, LeaseLost
from orchestration.models import Activity, Blocker, Distribution, Job, Schedule, Wave
from orchestration.monitoring import probes
from orchestration.pipeline import publish
from orchestration.queue import jobs as queue
from orchestration.queue.lease import JobLease
from orchestration.scheduling.disarming import disarm
from orchestration.states import (
    DistributionState,
    JobKind,
    JobState,
    RightsBasis,
    ScheduleState,
    SystemStatus,
    WaveState,
)
from tests import factories
from tests.engine_room import PUBLISHED, STAGED, door, state_of

pytestmark = pytest.mark.django_db
VIDEOS = "/youtube/youtube/v3/videos"
UPDATE = Match("PUT", f"^{VIDEOS}")


class Killed(BaseException):
    """The worker is gone; nothing after this is written."""


def publish_job(row: Schedule) -> Job:
    return Job.objects.filter(schedule=row, kind=JobKind.PUBLISH).latest("pk")


# -- ahead of its moment -------------------------------------------------------------------------------------------


def test_a_staged_video_is_armed_ahead_and_stays_private(engine):
    row = engine.armed(engine.channel())
    video = engine.on_youtube(row)
    assert video["privacy_status"] == "private"
    assert timezone.datetime.fromisoformat(video["publish_at"]) == row.publish_at
    job = publish_job(row)
    assert (job.state, job.run_at) == (JobState.WAITING, row.publish_at + publish.LOOK_AFTER)
    assert Activity.objects.filter(verb="schedule_armed", object_id=row.pk).count() == 1


def test_an_armed_video_goes_public_in_its_second_while_headend_is_down(engine):
    row = engine.armed(engine.channel())
    engine.pass_until(row.publish_at + timedelta(hours=3))  # nobody ticked, nobody worked
    (public,) = engine.publications()
    assert timezone.datetime.fromisoformat(public["public_at"]) == row.publish_at
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED
    assert row.lateness_seconds == 0
    row.distribution.refresh_from_db()
    assert row.distribution.published_at == row.publish_at
    assert row.distribution.verified_at > row.publish_at


def test_published_is_said_only_after_it_was_seen_by_reading_back(engine):
    row = engine.armed(engine.channel())
    engine.sandbox.store.advance(-120)  # YouTube's clock is behind ours: it has not flipped yet
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    engine.work()
    assert state_of(row) == STAGED
    assert publish_job(row).waits_for.endswith("YouTube has not made it public yet")
    engine.sandbox.store.advance(120)
    engine.retry_now()
    engine.work()
    assert state_of(row) == PUBLISHED
    assert len(engine.publications()) == 1


def test_what_is_too_near_to_be_armed_is_flipped_at_its_moment_and_never_early(engine):
    row = engine.staged(engine.channel(), minutes=30)
    at = (timezone.now() + timedelta(seconds=3)).replace(microsecond=0)
    Schedule.objects.filter(pk=row.pk).update(publish_at=at)
    engine.stand_still_at(at - timedelta(seconds=3))
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED
    (public,) = engine.publications()
    assert at <= timezone.datetime.fromisoformat(public["public_at"]) < at + timedelta(seconds=3)
    assert public["cause"] == "update"
    row.refresh_from_db()
    assert 0 <= row.lateness_seconds < 3
    assert row.armed_for is None


def test_an_armed_video_that_youtube_forgets_is_flipped_after_its_grace(engine):
    row = engine.armed(engine.channel())
    with engine.sandbox.store.change("youtube") as youtube:
        youtube["scheduled"].clear()
    engine.pass_until(row.publish_at + publish.GRACE_FOR_YOUTUBE + timedelta(seconds=5))
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED
    row.refresh_from_db()
    assert row.lateness_seconds >= 45
    assert len(engine.publications()) == 1


# -- answers that are lost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["status_after", "timeout_after"])
def test_a_publication_whose_answer_is_lost_is_found_by_reading_back_and_not_repeated(engine, kind):
    row = engine.staged(engine.channel(), minutes=30)
    Schedule.objects.filter(pk=row.pk).update(publish_at=timezone.now() - timedelta(seconds=1))
    engine.sandbox.faults.add(UPDATE, kind, status=500, hold_seconds=0.1)
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED
    assert len(engine.publications()) == 1
    assert len(engine.sandbox.requests("PUT", VIDEOS)) == 1


def test_a_publication_that_had_no_effect_is_tried_again_until_it_is_seen(engine):
    row = engine.staged(engine.channel(), minutes=30)
    Schedule.objects.filter(pk=row.pk).update(publish_at=timezone.now() - timedelta(seconds=1))
    engine.sandbox.faults.add(UPDATE, "status_before", status=500, times=2)
    engine.tick()
    engine.work()
    assert state_of(row) == (ScheduleState.PUBLISHING, DistributionState.STAGED)
    for _ in range(3):
        engine.retry_now()
        engine.work()
    assert state_of(row) == PUBLISHED
    assert len(engine.publications()) == 1


def test_a_worker_killed_between_the_flip_and_its_record_publishes_nothing_twice(engine):
    row = engine.staged(engine.channel(), minutes=30)
    Schedule.objects.filter(pk=row.pk).update(publish_at=timezone.now() - timedelta(seconds=1))
    engine.tick()
    publish_now = publish.YouTubeGateway.publish_now

    def killed_after(gateway, video_id):
        publish_now(gateway, video_id)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish.YouTubeGateway, "publish_now", killed_after)
        with pytest.raises(Killed):
            engine.work_one()
    assert state_of(row)[0] == ScheduleState.PUBLISHING
    Job.objects.filter(state=JobState.RUNNING).update(lease_expires_at=timezone.now())
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED
    assert len(engine.publications()) == 1


def test_an_arming_whose_answer_is_lost_is_taken_back_when_the_publication_is_held(engine):
    """The call took effect and nobody heard: whoever then holds the publication must not be surprised by YouTube."""
    row = engine.staged(engine.channel(), minutes=10)
    engine.sandbox.faults.add(UPDATE, "status_after", status=500)
    engine.tick()
    engine.work()
    assert engine.on_youtube(row)["publish_at"] is not None
    door().hold_schedule(schedule_id=row.pk)
    engine.work()
    assert engine.on_youtube(row)["publish_at"] is None
    engine.pass_time(hours=1)
    assert engine.publications() == []
    assert state_of(row) == (ScheduleState.HELD, DistributionState.STAGED)


def test_a_failure_after_an_arming_whose_answer_was_lost_does_not_make_it_forgotten(engine):
    """The second try is refused for certain; what the first one did is not known by that."""
    row = engine.staged(engine.channel(), minutes=10)
    engine.tick()
    engine.sandbox.faults.add(UPDATE, "status_after", status=503)
    engine.work()
    engine.sandbox.faults.add(Match("GET", f"^{VIDEOS}"), "status_before", status=503)
    engine.retry_now()
    engine.work()
    row.refresh_from_db()
    assert row.armed_for == row.publish_at
    door().hold_schedule(schedule_id=row.pk)
    take_back(engine, row)


@pytest.mark.parametrize("ends", ["refused", "taken back"])
def test_a_worker_that_lost_its_job_does_not_make_an_arming_forgotten(engine, ends, monkeypatch):
    """It slept in a call; meanwhile another armed the publication, and what the sleeper writes would hide that."""
    row = engine.staged(engine.channel(), minutes=10)
    if ends == "refused":
        engine.tick()
    else:
        disarm(row, "test")
    (job,) = queue.claim(limit=1, holder="sleeper")
    module, name = (publish.YouTubeGateway, "set_publish_at")
    if ends == "taken back":
        name = "make_private"
    call = getattr(module, name)

    def sleeps(gateway, *args):
        monkeypatch.setattr(module, name, call)
        answer = call(gateway, *args) if ends == "taken back" else None
        Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now())
        worker.reap()
        for _ in range(2):
            engine.work()
            engine.tick()
            engine.retry_now()
        engine.work()
        row.refresh_from_db()
        assert row.armed_for == row.publish_at
        if ends == "refused":
            raise RemoteUnavailable("no connection")
        return answer

    monkeypatch.setattr(module, name, sleeps)
    worker.run(job)
    row.refresh_from_db()
    assert row.armed_for == row.publish_at
    door().hold_schedule(schedule_id=row.pk)
    take_back(engine, row)


def test_an_arming_whose_answer_is_lost_is_confirmed_by_the_next_try(engine):
    row = engine.staged(engine.channel(), minutes=10)
    engine.sandbox.faults.add(UPDATE, "status_after", status=500)
    engine.tick()
    engine.work()
    engine.retry_now()
    engine.work()
    row.refresh_from_db()
    assert row.armed_for == row.publish_at
    assert Activity.objects.filter(verb="schedule_armed", object_id=row.pk).count() == 1
    assert len(engine.sandbox.requests("PUT", VIDEOS)) == 1


def test_an_arming_that_was_refused_is_not_believed(engine):
    row = engine.staged(engine.channel(), minutes=10)
    engine.sandbox.faults.add(UPDATE, "quota")
    engine.tick()
    engine.work()
    row.refresh_from_db()
    assert row.armed_for is None
    assert publish_job(row).state == JobState.WAITING


@pytest.mark.parametrize("broken", [UPDATE, Match(path=f"^{VIDEOS}")], ids=["writes", "everything"])
@pytest.mark.parametrize("over", ["before its moment", "at its moment"])
def test_an_outage_while_there_is_time_left_uses_up_no_tries(engine, broken, over):
    """Arming begins a quarter of an hour ahead so that it may fail; ten failures then are no failed publication."""
    row = engine.staged(engine.channel(), minutes=12)
    engine.sandbox.faults.add(broken, "status_before", times=None, status=503)
    for _ in range(10):
        engine.retry_now()
        engine.tick()
        engine.work()
    job = publish_job(row)
    assert (job.state, job.attempts) == (JobState.WAITING, 0)
    assert "not armed yet" in job.waits_for
    assert state_of(row) == STAGED
    if over == "before its moment":
        engine.sandbox.faults.clear()
        engine.retry_now()
        engine.work()
        assert Activity.objects.filter(verb="schedule_armed", object_id=row.pk).exists()
        engine.pass_until(row.publish_at + timedelta(seconds=2))
    else:
        engine.stand_still_at(row.publish_at - timedelta(seconds=2))
        engine.sandbox.faults.clear()
        engine.retry_now()
    engine.work()
    assert state_of(row) == PUBLISHED
    assert row.lateness_seconds < 1
    (public,) = engine.publications()
    assert timezone.datetime.fromisoformat(public["public_at"]) >= row.publish_at


def test_an_outage_does_not_let_the_next_try_sleep_past_the_moment(engine):
    row = engine.staged(engine.channel(), minutes=12)
    engine.tick()
    engine.stand_still_at(row.publish_at - timedelta(seconds=12))
    engine.sandbox.faults.add(UPDATE, "status_before", status=503)
    engine.work_one()
    assert timezone.now() < publish_job(row).run_at < row.publish_at - timedelta(seconds=2)


def test_a_video_that_youtube_takes_no_time_for_is_flipped_at_its_moment(engine):
    """Held too late, it was public for a moment; YouTube schedules nothing that was ever public."""
    row = engine.armed(engine.channel())
    door().hold_schedule(schedule_id=row.pk)
    engine.pass_until(row.publish_at + timedelta(seconds=1))
    engine.work()
    assert engine.on_youtube(row)["privacy_status"] == "private"
    again = (timezone.now() + timedelta(minutes=10)).replace(microsecond=0)
    door().release_schedule(schedule_id=row.pk, publish_at=again)
    engine.tick()
    engine.work()
    job = publish_job(row)
    assert (job.state, job.run_at) == (JobState.WAITING, again - publish.ARM_MARGIN)
    assert "takes no publishAt" in job.waits_for
    row.refresh_from_db()
    assert row.armed_for is None
    engine.stand_still_at(again - timedelta(seconds=1))
    engine.work()
    assert state_of(row) == PUBLISHED
    assert timezone.datetime.fromisoformat(engine.publications()[-1]["public_at"]) >= again
    row.distribution.refresh_from_db()
    assert row.distribution.published_at >= again, "not when it was public the first time"


# -- what is taken back while it is armed --------------------------------------------------------------------------


def take_back(engine, row):
    """Let the workers see to it, then let the old moment pass."""
    engine.work()
    assert engine.on_youtube(row)["publish_at"] is None
    old = row.publish_at
    engine.pass_until(old + timedelta(minutes=2))
    assert engine.publications() == []


def test_a_held_publication_is_disarmed(engine):
    row = engine.armed(engine.channel())
    door().hold_schedule(schedule_id=row.pk, reason="the client wants to look again")
    take_back(engine, row)
    assert state_of(row) == (ScheduleState.HELD, DistributionState.STAGED)
    assert publish_job(row).state == JobState.CANCELLED


def test_a_cancelled_publication_is_disarmed_and_stays_private(engine):
    row = engine.armed(engine.channel())
    door().cancel_schedule(schedule_id=row.pk)
    take_back(engine, row)
    assert state_of(row) == (ScheduleState.CANCELLED, DistributionState.CANCELLED)
    assert Schedule.objects.get(pk=row.pk).armed_for is None


def test_a_moved_publication_is_disarmed_and_fires_once_at_its_new_time(engine):
    row = engine.armed(engine.channel())
    later = row.publish_at + timedelta(minutes=5)
    door().move_schedule(schedule_id=row.pk, publish_at=later)
    engine.tick()
    engine.work()
    engine.pass_until(row.publish_at + timedelta(minutes=2))
    assert engine.publications() == []
    engine.retry_now()
    engine.tick()
    engine.work()
    row.refresh_from_db()
    assert row.armed_for == later
    engine.pass_until(later + timedelta(seconds=2))
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED
    (public,) = engine.publications()
    assert timezone.datetime.fromisoformat(public["public_at"]) == later


def test_a_publication_moved_to_the_next_seconds_is_not_made_private_by_the_disarming_of_its_old_time(engine):
    """The disarming, slow, reached YouTube after the flip was read back: public by our record, private in truth."""
    row = engine.armed(engine.channel(), minutes=10)
    at = (timezone.now() + timedelta(seconds=4)).replace(microsecond=0)
    engine.stand_still_at(at - timedelta(seconds=4))  # else a slow machine is past it before it is moved
    door().move_schedule(schedule_id=row.pk, publish_at=at)
    engine.tick()
    disarming = Job.objects.get(kind=JobKind.DISARM)
    make_private = publish.YouTubeGateway.make_private

    def slow(gateway, video_id):
        engine.pass_until(at + timedelta(seconds=1))
        engine.work()  # another worker is at the publish job
        return make_private(gateway, video_id)

    (job,) = queue.claim(limit=1)
    assert job.pk == disarming.pk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish.YouTubeGateway, "make_private", slow)
        worker.run(job)
    for _ in range(3):
        engine.retry_now()
        engine.tick()
        engine.work()
    assert state_of(row) == PUBLISHED
    assert engine.on_youtube(row)["privacy_status"] == "public"


def test_a_paused_wave_is_disarmed_and_a_paused_channel_too(engine):
    wave = factories.WaveFactory()
    row = engine.armed(engine.channel(), wave=wave)
    other = engine.armed(engine.channel("borealis"))
    door().pause_wave(wave_id=wave.pk)
    door().pause_channel(channel_id=other.channel_id)
    engine.work()
    assert engine.on_youtube(row)["publish_at"] is None
    assert engine.on_youtube(other)["publish_at"] is None
    engine.pass_until(row.publish_at + timedelta(minutes=2))
    engine.tick()
    engine.work()
    assert engine.publications() == []
    assert (state_of(row), state_of(other)) == (STAGED, STAGED)


def test_what_is_armed_can_be_stopped_also_while_the_system_is_paused(engine):
    row = engine.armed(engine.channel())
    door().pause()
    door().cancel_schedule(schedule_id=row.pk)
    take_back(engine, row)


def test_what_is_about_to_go_public_can_only_be_recalled(engine):
    row = engine.armed(engine.channel())
    engine.stand_still_at(row.publish_at - timedelta(seconds=1))
    for call in (door().hold_schedule, door().cancel_schedule):
        with pytest.raises(IllegalTransition, match="only be recalled"):
            call(schedule_id=row.pk)
    assert state_of(row) == STAGED


def test_a_time_taken_away_during_the_arming_call_does_not_fire(engine):
    """Held while the request is on its way: the publishAt that it leaves behind is removed."""
    row = engine.staged(engine.channel(), minutes=10)
    engine.tick()
    set_publish_at = publish.YouTubeGateway.set_publish_at

    def held_meanwhile(gateway, video_id, instant):
        answer = set_publish_at(gateway, video_id, instant)
        door().hold_schedule(schedule_id=row.pk)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish.YouTubeGateway, "set_publish_at", held_meanwhile)
        engine.work_one()
    engine.retry_now()
    engine.work()
    assert engine.on_youtube(row)["publish_at"] is None
    assert state_of(row)[0] == ScheduleState.HELD
    row.refresh_from_db()
    assert row.armed_for is None


@pytest.mark.parametrize("ends", ["armed", "answer lost"])
def test_an_operator_who_cancels_a_publish_job_while_it_arms_is_not_forgotten(engine, ends):
    """The job would have waited for its moment with nobody looking at the wish before YouTube had published."""
    row = engine.staged(engine.channel(), minutes=10)
    engine.tick()
    set_publish_at = publish.YouTubeGateway.set_publish_at

    def cancelled_meanwhile(gateway, video_id, instant):
        answer = set_publish_at(gateway, video_id, instant)
        door().cancel_job(job_id=publish_job(row).pk, reason="wrong video")
        if ends == "answer lost":
            raise RemoteUncertain("no answer")
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish.YouTubeGateway, "set_publish_at", cancelled_meanwhile)
        engine.work_one()
    assert publish_job(row).state == JobState.CANCELLED
    engine.retry_now()
    take_back(engine, row)
    assert state_of(row)[0] == ScheduleState.HELD


def test_a_worker_killed_while_it_arms_leaves_nothing_that_fires_after_a_hold(engine):
    """The disarming waits until the job that may still be arming is over."""
    row = engine.staged(engine.channel(), minutes=10)
    engine.tick()
    set_publish_at = publish.YouTubeGateway.set_publish_at

    def killed_after(gateway, video_id, instant):
        door().hold_schedule(schedule_id=row.pk)
        engine.work()  # another worker takes the disarming at once, before the call has its effect
        set_publish_at(gateway, video_id, instant)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish.YouTubeGateway, "set_publish_at", killed_after)
        with pytest.raises(Killed):
            engine.work_one()
    Job.objects.filter(state=JobState.RUNNING).update(lease_expires_at=timezone.now())
    engine.tick()
    engine.retry_now()
    engine.work()
    assert engine.on_youtube(row)["publish_at"] is None
    assert state_of(row)[0] == ScheduleState.HELD


# -- what is not wanted any more -----------------------------------------------------------------------------------


def due_now(row: Schedule) -> Schedule:
    Schedule.objects.filter(pk=row.pk).update(publish_at=timezone.now() - timedelta(seconds=1))
    row.refresh_from_db()
    return row


def flip_after(engine, act):
    """Let something happen after the publish job was claimed and before it flips."""
    (job,) = queue.claim(limit=1)
    act()
    return worker.run(job)


def test_a_pause_before_the_flip_prevents_it_and_a_resume_lets_it_go_on(engine):
    row = due_now(engine.staged(engine.channel(), minutes=30))
    engine.tick()
    job = flip_after(engine, lambda: door().pause(reason="stop the presses"))
    assert engine.publications() == []
    assert state_of(row) == STAGED
    assert (job.state, job.attempts) == (JobState.WAITING, 0)
    door().resume()
    engine.retry_now()
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED


def test_a_long_pause_does_not_use_up_the_tries_of_a_publication(engine):
    row = engine.armed(engine.channel())
    with engine.sandbox.store.change("youtube") as youtube:
        youtube["scheduled"].clear()
    door().pause()
    engine.pass_until(row.publish_at + timedelta(minutes=2))
    for _ in range(12):
        engine.retry_now()
        engine.work()
        engine.pass_time(minutes=2)
    assert state_of(row) == STAGED
    assert publish_job(row).state == JobState.WAITING


def test_a_wave_paused_before_the_flip_prevents_it(engine):
    wave = factories.WaveFactory()
    row = due_now(engine.staged(engine.channel(), minutes=30, wave=wave))
    engine.tick()
    flip_after(engine, lambda: door().pause_wave(wave_id=wave.pk))
    assert engine.publications() == []
    assert state_of(row) == STAGED
    door().resume_wave(wave_id=wave.pk)
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED


def test_a_wave_paused_during_the_flip_keeps_what_was_published(engine):
    """Pausing must not ask a job to stop that has made its video public and is about to write so."""
    wave = factories.WaveFactory()
    row = due_now(engine.staged(engine.channel(), minutes=30, wave=wave))
    engine.tick()
    publish_now = publish.YouTubeGateway.publish_now

    def paused_meanwhile(gateway, video_id):
        door().pause_wave(wave_id=wave.pk)
        return publish_now(gateway, video_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish.YouTubeGateway, "publish_now", paused_meanwhile)
        engine.work_one()
    assert state_of(row) == PUBLISHED


def test_a_channel_paused_before_the_flip_prevents_it(engine):
    row = due_now(engine.staged(engine.channel(), minutes=30))
    engine.tick()
    flip_after(engine, lambda: door().pause_channel(channel_id=row.channel_id))
    assert engine.publications() == []
    assert state_of(row) == STAGED


def test_rights_withdrawn_after_staging_keep_the_video_private(engine):
    row = due_now(engine.staged(engine.channel(), minutes=30))
    source = row.distribution.video.source
    source.rights_basis = RightsBasis.NONE
    source.save()
    engine.tick()
    engine.work()
    assert engine.publications() == []
    assert state_of(row) == (ScheduleState.FAILED, DistributionState.STAGED)
    assert publish_job(row).error_code == "no_rights_basis"


def test_a_rejected_upload_is_not_published_and_says_why(engine):
    row = due_now(engine.staged(engine.channel(), minutes=30))
    with engine.sandbox.store.change("youtube") as youtube:
        youtube["videos"][Distribution.objects.get().youtube_video_id]["failure"] = "invalidFile"
    engine.pass_time(seconds=3)
    engine.tick()
    engine.work()
    assert engine.publications() == []
    assert state_of(row)[0] == ScheduleState.FAILED
    assert "invalidFile" in publish_job(row).error_message


def test_a_video_deleted_on_youtube_is_left_to_a_person_with_its_reason(engine):
    row = due_now(engine.staged(engine.channel(), minutes=30))
    with engine.sandbox.store.change("youtube") as youtube:
        youtube["videos"].clear()
    engine.tick()
    engine.work()
    assert state_of(row) == (ScheduleState.NEEDS_REVIEW, DistributionState.NEEDS_REVIEW)
    assert "somebody deleted it" in publish_job(row).error_message


@pytest.mark.parametrize("seconds", [600, 3])
def test_a_video_that_somebody_made_public_ahead_of_its_moment_is_left_to_a_person(engine, seconds):
    row = engine.staged(engine.channel(), minutes=20)
    row.distribution.refresh_from_db()
    with gateways.youtube(row.channel) as youtube:
        youtube.publish_now(row.distribution.youtube_video_id)
    engine.stand_still_at(row.publish_at - timedelta(seconds=seconds))
    engine.tick()
    engine.work()
    assert state_of(row) == (ScheduleState.NEEDS_REVIEW, DistributionState.NEEDS_REVIEW)
    assert "outside of Headend" in publish_job(row).error_message
    assert len(engine.publications()) == 1


def test_a_publication_overdue_when_its_waiting_job_is_claimed_follows_its_misfire_policy(engine):
    """The job was queued before a pause; after it, the job is claimed before any tick has looked."""
    row = engine.staged(engine.channel(misfire_policy="skip"), minutes=10)
    engine.tick()
    door().pause()
    engine.pass_until(row.publish_at + timedelta(hours=2))
    door().resume()
    engine.work()
    assert engine.publications() == []
    assert state_of(row)[0] == ScheduleState.SKIPPED
    row.refresh_from_db()
    assert row.lateness_seconds >= 7000


def test_a_flip_left_behind_for_days_is_not_made_up_for_against_the_policy(engine):
    row = due_now(engine.staged(engine.channel(misfire_policy="hold"), minutes=30))
    engine.sandbox.faults.add(UPDATE, "status_before", status=500)
    engine.tick()
    engine.work()
    assert state_of(row)[0] == ScheduleState.PUBLISHING
    engine.pass_time(days=3)
    engine.tick()
    engine.work()
    engine.tick()
    assert engine.publications() == []
    assert state_of(row)[0] == ScheduleState.HELD


def test_a_flip_whose_job_was_lost_is_looked_at_and_then_decided_by_the_policy(engine):
    row = due_now(engine.staged(engine.channel(misfire_policy="skip"), minutes=30))
    engine.sandbox.faults.add(UPDATE, "status_before", status=500)
    engine.tick()
    engine.work()
    Job.objects.filter(kind=JobKind.PUBLISH).delete()
    engine.pass_time(days=3)
    engine.tick()
    engine.work()
    assert engine.publications() == []
    assert state_of(row)[0] == ScheduleState.SKIPPED


@pytest.mark.parametrize("step", [publish._store_arming_intent, publish._store_flip_intent])
def test_a_holder_whose_job_was_given_to_another_writes_nothing_of_what_it_intends(engine, step):
    row = due_now(engine.staged(engine.channel(), minutes=30))
    engine.tick()
    (job,) = queue.claim(limit=1)
    lease = JobLease(job, every_seconds=0)
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now())
    worker.reap()
    queue.claim(limit=1, holder="another")
    with pytest.raises(LeaseLost):
        step(row, lease)
    assert state_of(row) == STAGED
    assert Schedule.objects.get(pk=row.pk).armed_for is None


def test_a_stopped_system_publishes_nothing_new(engine):
    row = due_now(engine.staged(engine.channel(), minutes=30))
    assert door().stop().state == SystemStatus.STOPPED
    engine.tick()
    engine.work()
    assert (engine.publications(), state_of(row)) == ([], STAGED)


# -- whatever way it came to that ------------------------------------------------------------------------------------


def test_cancelling_the_publish_job_of_an_armed_publication_disarms_it(engine):
    row = engine.armed(engine.channel())
    door().cancel_job(job_id=publish_job(row).pk)
    assert state_of(row)[0] == ScheduleState.HELD
    engine.tick()
    take_back(engine, row)
    assert Schedule.objects.get(pk=row.pk).armed_for is None


def test_a_publication_planned_anew_while_its_old_time_is_being_disarmed_does_not_fire_at_it(engine):
    row = engine.armed(engine.channel(min_gap_minutes=0))
    door().cancel_schedule(schedule_id=row.pk)
    at = row.publish_at + timedelta(minutes=30)
    door().coordinate_publication(
        video_id=row.distribution.video_id,
        channel_ids=[row.channel_id],
        scheduled_at=at,
        acknowledge_policy=True,
    )
    engine.work()
    assert engine.on_youtube(row)["publish_at"] is None
    engine.pass_until(row.publish_at + timedelta(minutes=2))
    assert engine.publications() == []


def test_a_publication_planned_anew_whose_disarming_was_lost_is_disarmed_all_the_same(engine):
    """Its old schedule is deleted with what was armed for it, before any tick saw that nobody disarms it."""
    row = engine.armed(engine.channel(), minutes=10)
    old, distribution = row.publish_at, row.distribution
    door().cancel_schedule(schedule_id=row.pk)
    Job.objects.filter(kind=JobKind.DISARM).update(state=JobState.CANCELLED)
    door().coordinate_publication(
        video_id=distribution.video_id,
        channel_ids=[row.channel_id],
        scheduled_at=old + timedelta(hours=5),
        acknowledge_policy=True,
    )
    engine.tick()
    engine.work()
    assert engine.on_youtube(distribution)["publish_at"] is None
    engine.pass_until(old + timedelta(minutes=2))
    assert engine.publications() == []


@pytest.mark.parametrize("begun", [False, True])
def test_what_takes_an_unwanted_time_off_youtube_cannot_be_cancelled(engine, begun):
    """Of a held publication it alone knows that YouTube would still publish it."""
    row = engine.armed(engine.channel(), minutes=10)
    door().hold_schedule(schedule_id=row.pk)
    job = Job.objects.get(kind=JobKind.DISARM)
    if begun:
        (job,) = queue.claim(limit=1)
    with pytest.raises(IllegalTransition, match="takes back"):
        door().cancel_job(job_id=job.pk)
    worker.run(job) if begun else engine.work()
    take_back(engine, row)


@pytest.mark.parametrize("asked", [{}, {"Retry-After": "3600"}], ids=["no word", "asked to wait an hour"])
def test_a_disarming_goes_on_through_an_outage_and_does_not_sleep_past_the_moment(engine, asked):
    row = engine.armed(engine.channel(), minutes=12)
    door().hold_schedule(schedule_id=row.pk)
    engine.sandbox.faults.add(
        Match(path=f"^{VIDEOS}"), "status_before", times=None, status=503, headers=asked
    )
    for _ in range(15):
        engine.retry_now()
        engine.work()
    job = Job.objects.get(kind=JobKind.DISARM)
    assert job.state == JobState.WAITING
    assert job.run_at < timezone.now() + timedelta(seconds=40)
    engine.sandbox.faults.clear()
    engine.retry_now()
    take_back(engine, row)
    assert state_of(row) == (ScheduleState.HELD, DistributionState.STAGED)


def test_youtube_out_of_reach_at_the_moment_does_not_make_a_failure_of_what_it_published(engine):
    row = engine.armed(engine.channel())
    engine.sandbox.faults.add(Match("GET", f"^{VIDEOS}"), "status_before", status=503, times=None)
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    for _ in range(10):
        engine.retry_now()
        engine.work()
    assert state_of(row) == STAGED
    assert "cannot be asked now" in publish_job(row).waits_for
    engine.sandbox.faults.clear()
    engine.retry_now()
    engine.work()
    assert state_of(row) == PUBLISHED


def test_a_token_revoked_after_arming_is_waited_for_and_the_publication_read_back_then(engine):
    """YouTube publishes it all the same; nobody has to say so by hand."""
    row = engine.armed(engine.channel())
    youtube_state.revoke(engine.sandbox.store, "sandbox-refresh-aurora")
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    engine.work()
    assert state_of(row) == (ScheduleState.STAGED, DistributionState.STAGED)
    blocker = Blocker.objects.open().get()
    assert blocker.code == "credential_revoked"
    engine.pass_time(hours=30)
    engine.tick()
    assert state_of(row) == (ScheduleState.STAGED, DistributionState.STAGED), "nothing is concluded unseen"
    with engine.sandbox.store.change("youtube") as youtube:
        youtube["refresh_tokens"]["sandbox-refresh-aurora"]["revoked"] = False
    assert probes.probe(blocker.pk)
    engine.work()
    assert state_of(row) == PUBLISHED


def test_a_review_that_says_cancelled_disarms_what_is_still_armed(engine):
    row = engine.armed(engine.channel())
    Schedule.objects.filter(pk=row.pk).update(state=ScheduleState.NEEDS_REVIEW)
    Distribution.objects.update(state=DistributionState.NEEDS_REVIEW)
    door().review_schedule(schedule_id=row.pk, outcome="cancelled")
    take_back(engine, row)


# -- recall --------------------------------------------------------------------------------------------------------


def test_a_recalled_wave_is_private_again_and_read_back(engine):
    wave = factories.WaveFactory()
    row = engine.published(engine.channel(), wave=wave)
    Distribution.objects.update(wave=wave)
    assert [d.pk for d in door().preview_recall(wave_id=wave.pk).public] == [row.distribution_id]
    door().recall_wave(wave_id=wave.pk, confirmed_ids=[row.distribution_id], reason="wrong film")
    engine.work()
    engine.tick()
    assert engine.on_youtube(row)["privacy_status"] == "private"
    assert state_of(row) == (ScheduleState.PUBLISHED, DistributionState.RECALLED)
    wave.refresh_from_db()
    assert wave.state == WaveState.RECALLED


def test_a_member_that_goes_public_during_the_recall_is_taken_back_too(engine):
    wave = factories.WaveFactory()
    row = engine.armed(engine.channel(), wave=wave)
    Distribution.objects.update(wave=wave)
    engine.stand_still_at(row.publish_at - timedelta(seconds=1))
    door().recall_wave(wave_id=wave.pk, confirmed_ids=[])
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    for _ in range(3):
        engine.retry_now()
        engine.tick()
        engine.work()
    engine.tick()
    assert engine.on_youtube(row)["privacy_status"] == "private"
    assert state_of(row)[1] == DistributionState.RECALLED
    wave.refresh_from_db()
    assert wave.state == WaveState.RECALLED


@pytest.mark.parametrize("ended", [WaveState.CANCELLED, WaveState.RECALLING])
def test_what_is_left_open_in_a_wave_that_was_called_off_is_not_made_public(engine, ended):
    wave = factories.WaveFactory()
    row = engine.staged(engine.channel(), wave=wave)
    Wave.objects.update(state=ended)
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    for _ in range(3):
        engine.retry_now()
        engine.tick()
        engine.work()
    assert engine.on_youtube(row)["privacy_status"] == "private"
    assert state_of(row) == (ScheduleState.CANCELLED, DistributionState.CANCELLED)


def test_a_recall_that_failed_and_is_tried_again_ends_as_recalled(engine):
    wave = factories.WaveFactory()
    row = engine.published(engine.channel(), wave=wave)
    Distribution.objects.update(wave=wave)
    engine.sandbox.faults.add(
        UPDATE,
        "status_before",
        status=403,
        body={
            "error": {
                "code": 403,
                "message": "Forbidden",
                "errors": [{"reason": "forbidden", "message": "Forbidden"}],
            }
        },
    )
    door().recall_wave(wave_id=wave.pk, confirmed_ids=[row.distribution_id])
    engine.work()
    assert Blocker.objects.open().get().code == "permission_missing"
    engine.tick()
    wave.refresh_from_db()
    assert wave.state == WaveState.RECALLING
    probes.probe(Blocker.objects.get().pk)
    engine.work()
    engine.tick()
    assert state_of(row)[1] == DistributionState.RECALLED
    wave.refresh_from_db()
    assert wave.state == WaveState.RECALLED


def test_a_recall_of_a_video_that_is_gone_from_youtube_is_over(engine):
    wave = factories.WaveFactory()
    row = engine.published(engine.channel(), wave=wave)
    Distribution.objects.update(wave=wave)
    with engine.sandbox.store.change("youtube") as youtube:
        youtube["videos"].clear()
    door().recall_wave(wave_id=wave.pk, confirmed_ids=[row.distribution_id])
    engine.work()
    engine.tick()
    assert state_of(row)[1] == DistributionState.RECALLED
