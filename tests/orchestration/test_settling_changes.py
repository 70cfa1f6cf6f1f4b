"""What was changed on YouTube is settled by one click: what somebody set there holds, or ours is set again."""

from datetime import datetime, timedelta

import pytest

from channels.sandbox import youtube_state
from orchestration.errors import IllegalTransition, InvalidRequest, StaleVersion
from orchestration.models import Activity, Distribution, Schedule
from orchestration.states import DistributionState, ScheduleState
from tests.engine_room import PUBLISHED, door, state_of

pytestmark = pytest.mark.django_db
IN_REVIEW = (ScheduleState.NEEDS_REVIEW, DistributionState.NEEDS_REVIEW)


def in_studio(engine, row: Schedule, **status) -> None:
    distribution = Distribution.objects.get(pk=row.distribution_id)
    with engine.sandbox.store.change("youtube") as youtube:
        video = youtube["videos"].get(distribution.youtube_video_id)
        if not status:
            youtube_state.delete_video(youtube, video["id"])
            return
        now = engine.sandbox.store.now()
        youtube_state.apply_status(youtube, video, status, now, cause="studio")


def changed(engine, **status) -> Schedule:
    """Return a publication ten minutes ahead that somebody changed on YouTube, in review."""
    row = engine.staged(engine.channel(), minutes=10)
    if isinstance(status.get("publishAt"), timedelta):
        status["publishAt"] = (row.publish_at + status["publishAt"]).isoformat()
    in_studio(engine, row, **status)
    engine.tick()
    engine.work()
    assert state_of(row) == IN_REVIEW
    return row


def settle(row: Schedule, way: str, **values) -> Schedule:
    return door().settle_change(distribution_id=row.distribution_id, way=way, **values)


def go_on(engine, row: Schedule) -> None:
    """Let the engine do what it would until a minute after the moment."""
    for at in (None, row.publish_at + timedelta(seconds=2), row.publish_at + timedelta(seconds=50)):
        if at is not None:
            engine.pass_until(at)
        for _ in range(2):
            engine.retry_now()
            engine.tick()
            engine.work()


UNLISTED = {"privacyStatus": "unlisted"}
PUBLIC = {"privacyStatus": "public"}
LATER = {"privacyStatus": "private", "publishAt": timedelta(days=1)}


def test_theirs_unlisted_calls_the_publication_off(engine):
    row = changed(engine, **UNLISTED)
    settle(row, "take_theirs")
    assert state_of(row) == (ScheduleState.CANCELLED, DistributionState.CANCELLED)
    go_on(engine, row)
    assert engine.on_youtube(row)["privacy_status"] == "unlisted"
    assert Distribution.objects.get().error_code == ""


def test_theirs_published_by_hand_is_published_with_its_time(engine):
    row = changed(engine, **PUBLIC)
    settle(row, "take_theirs")
    assert state_of(row) == PUBLISHED
    (public,) = engine.publications()
    distribution = Distribution.objects.get()
    said = datetime.fromisoformat(public["public_at"])
    assert abs(distribution.published_at - said) < timedelta(seconds=1)
    assert row.publish_at == distribution.published_at
    assert row.lateness_seconds == 0


def test_their_time_becomes_the_publications_and_is_kept_to(engine):
    row = changed(engine, **LATER)
    at = row.publish_at + timedelta(days=1)
    settle(row, "take_theirs")
    row.refresh_from_db()
    assert (row.publish_at, row.armed_for, row.overridden) == (at, at, True)
    go_on(engine, row)
    assert state_of(row) == PUBLISHED
    (public,) = engine.publications()
    assert datetime.fromisoformat(public["public_at"]) == at
    assert public["cause"] == "publishAt"


def test_a_time_that_they_took_off_holds_the_publication_until_it_is_released(engine):
    row = engine.armed(engine.channel(misfire_policy="publish_late", misfire_grace_minutes=60))
    in_studio(engine, row, privacyStatus="private")
    for seconds in (2, 50):
        engine.pass_until(row.publish_at + timedelta(seconds=seconds))
        engine.retry_now()
        engine.tick()
        engine.work()
    assert state_of(row) == IN_REVIEW
    settle(row, "take_theirs")
    assert state_of(row) == (ScheduleState.HELD, DistributionState.STAGED)
    engine.tick()
    engine.work()
    assert engine.publications() == []
    door().release_schedule(schedule_id=row.pk)
    go_on(engine, row)
    assert state_of(row) == PUBLISHED


def test_theirs_deleted_fails_and_may_be_uploaded_anew(engine):
    row = changed(engine)
    old = Distribution.objects.get().youtube_video_id
    settle(row, "take_theirs")
    assert state_of(row) == (ScheduleState.FAILED, DistributionState.FAILED)
    assert Distribution.objects.get().youtube_video_id is None
    door().reopen_schedule(schedule_id=row.pk)
    go_on(engine, row)
    assert state_of(row) == PUBLISHED
    assert Distribution.objects.get().youtube_video_id != old


@pytest.mark.parametrize(
    "status", [UNLISTED, PUBLIC, LATER, {}], ids=["unlisted", "public", "later", "deleted"]
)
def test_ours_is_put_back_and_goes_out_at_its_moment(engine, status):
    row = changed(engine, **status)
    settle(row, "put_ours_back")
    row.refresh_from_db()
    assert row.state in {ScheduleState.STAGED, ScheduleState.PLANNED}
    for _ in range(3):
        engine.retry_now()
        engine.tick()
        engine.work()
    assert engine.on_youtube(row)["privacy_status"] == "private"
    go_on(engine, row)
    assert state_of(row) == PUBLISHED
    assert datetime.fromisoformat(engine.publications()[-1]["public_at"]) >= row.publish_at


def test_ours_put_back_after_its_moment_goes_out_at_once(engine):
    row = engine.armed(engine.channel())
    in_studio(engine, row, privacyStatus="private")
    for seconds in (2, 50):
        engine.pass_until(row.publish_at + timedelta(seconds=seconds))
        engine.retry_now()
        engine.tick()
        engine.work()
    engine.pass_time(hours=5)
    settle(row, "put_ours_back")
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED


def test_what_was_not_changed_is_not_settled_and_what_was_is_settled_once(engine):
    row = engine.staged(engine.channel(), minutes=10)
    with pytest.raises(IllegalTransition):
        settle(row, "take_theirs")
    in_studio(engine, row, **UNLISTED)
    engine.tick()
    engine.work()
    row.refresh_from_db()
    assert {"take_theirs", "put_ours_back"} <= set(row.actions)
    with pytest.raises(InvalidRequest) as wrong:
        settle(row, "both")
    assert wrong.value.field == "way"
    with pytest.raises(StaleVersion):
        settle(row, "take_theirs", version=row.version - 1)
    settle(row, "take_theirs", version=row.version)
    assert Activity.objects.filter(verb="change_settled", object_id=row.pk).count() >= 1
    with pytest.raises(IllegalTransition):
        settle(row, "put_ours_back")
