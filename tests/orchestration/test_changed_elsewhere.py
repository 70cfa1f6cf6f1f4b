"""What somebody changed on YouTube is theirs: nothing of ours is written over it, and it is shown until a person decides."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.sandbox import youtube_state
from orchestration.models import Distribution, Schedule
from orchestration.states import DistributionState, ScheduleState
from tests.engine_room import PUBLISHED, door, state_of

pytestmark = pytest.mark.django_db
VIDEOS = "/youtube/youtube/v3/videos"
IN_REVIEW = (ScheduleState.NEEDS_REVIEW, DistributionState.NEEDS_REVIEW)
SOON = timedelta(minutes=3)


def in_studio(engine, row: Schedule, **status) -> None:
    """Let a person set the video's visibility in YouTube Studio."""
    distribution = Distribution.objects.get(pk=row.distribution_id)
    with engine.sandbox.store.change("youtube") as youtube:
        video = youtube["videos"][distribution.youtube_video_id]
        now = engine.sandbox.store.now()
        youtube_state.apply_status(youtube, video, status, now, cause="studio")


def let_its_moment_pass(engine, row: Schedule) -> None:
    """Go to its moment, and past the time for which YouTube is waited for."""
    for after in (2, 50):
        engine.pass_until(row.publish_at + timedelta(seconds=after))
        engine.retry_now()
        engine.tick()
        engine.work()


def writes(engine) -> int:
    return len(engine.sandbox.requests("PUT", VIDEOS))


def last_words(row: Schedule) -> str:
    return Distribution.objects.get(pk=row.distribution_id).error_message


# -- before it is made public ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["unscheduled", "rescheduled", "unlisted"])
def test_what_its_owner_takes_back_in_studio_is_never_made_public_by_us(engine, name):
    row = engine.armed(engine.channel())
    engine.pass_until(row.publish_at - timedelta(minutes=2))
    later = (row.publish_at + timedelta(days=1)).isoformat()
    wanted = {
        "unscheduled": {"privacyStatus": "private"},
        "rescheduled": {"privacyStatus": "private", "publishAt": later},
        "unlisted": {"privacyStatus": "unlisted"},
    }[name]
    in_studio(engine, row, **wanted)
    before, was = writes(engine), engine.on_youtube(row)
    let_its_moment_pass(engine, row)
    assert state_of(row) == IN_REVIEW
    assert engine.publications() == []
    assert writes(engine) == before
    now = engine.on_youtube(row)
    assert (now["privacy_status"], now["publish_at"]) == (was["privacy_status"], was["publish_at"])
    distribution = Distribution.objects.get()
    assert distribution.error_code == "changed_elsewhere"
    assert "on YouTube" in distribution.error_message


@pytest.mark.parametrize(
    "wanted", [{"privacyStatus": "unlisted"}, {"privacyStatus": "private", "publishAt": "later"}]
)
def test_what_somebody_set_before_it_was_armed_is_not_armed_over(engine, wanted):
    row = engine.staged(engine.channel(), minutes=10)
    if "publishAt" in wanted:
        wanted = {**wanted, "publishAt": (row.publish_at + timedelta(days=2)).isoformat()}
    in_studio(engine, row, **wanted)
    engine.tick()
    engine.work()
    assert state_of(row) == IN_REVIEW
    assert writes(engine) == 0


def test_what_is_unlisted_seconds_before_its_flip_is_not_flipped(engine):
    row = engine.staged(engine.channel(), minutes=30)
    at = (timezone.now() + timedelta(seconds=3)).replace(microsecond=0)
    Schedule.objects.filter(pk=row.pk).update(publish_at=at)
    in_studio(engine, row, privacyStatus="unlisted")
    engine.stand_still_at(at - timedelta(seconds=3))
    engine.tick()
    engine.work()
    assert state_of(row) == IN_REVIEW
    assert engine.on_youtube(row)["privacy_status"] == "unlisted"


def test_what_youtube_forgot_still_carries_our_time_and_is_published(engine):
    row = engine.armed(engine.channel())
    with engine.sandbox.store.change("youtube") as youtube:
        youtube["scheduled"].clear()
    let_its_moment_pass(engine, row)
    assert state_of(row) == PUBLISHED


def test_what_somebody_set_to_the_very_moment_that_we_want_contradicts_nobody(engine):
    row = engine.staged(engine.channel(), minutes=10)
    in_studio(engine, row, privacyStatus="private", publishAt=row.publish_at.isoformat())
    engine.tick()
    engine.work()
    let_its_moment_pass(engine, row)
    assert state_of(row) == PUBLISHED
    assert writes(engine) == 0


# -- what takes a time off ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["unlisted", "public", "later"])
def test_a_disarming_leaves_alone_what_somebody_else_set(engine, wanted):
    row = engine.armed(engine.channel())
    later = (row.publish_at + timedelta(days=1)).isoformat()
    status = (
        {"privacyStatus": "private", "publishAt": later} if wanted == "later" else {"privacyStatus": wanted}
    )
    in_studio(engine, row, **status)
    before = writes(engine)
    door().hold_schedule(schedule_id=row.pk)
    engine.work()
    assert writes(engine) == before
    assert state_of(row) == IN_REVIEW
    assert Distribution.objects.get().error_code == "changed_elsewhere"


def test_a_disarming_whose_time_is_off_already_is_over(engine):
    row = engine.armed(engine.channel())
    in_studio(engine, row, privacyStatus="private")
    before = writes(engine)
    door().hold_schedule(schedule_id=row.pk)
    engine.work()
    assert writes(engine) == before
    assert state_of(row) == (ScheduleState.HELD, DistributionState.STAGED)


# -- what published rests on -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["failure", "rejection"])
def test_a_public_video_that_nobody_can_watch_is_not_published(engine, fault):
    row = engine.armed(engine.channel())
    reason = "codec" if fault == "failure" else "duplicate"
    with engine.sandbox.store.change("youtube") as youtube:
        for video in youtube["videos"].values():
            video[fault] = reason
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    engine.tick()
    engine.work()
    assert state_of(row) == (ScheduleState.FAILED, DistributionState.FAILED)
    assert reason in last_words(row)
    assert Distribution.objects.get().published_at is None
