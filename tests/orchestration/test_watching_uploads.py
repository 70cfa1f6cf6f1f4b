"""Uploads are looked at between their staging and their moment, and in the first day of being public."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from channels.sandbox import youtube_state
from orchestration.models import Activity, BudgetEntry, Distribution, Job, OrphanUpload, Schedule
from orchestration.pipeline import replacing
from orchestration.planning.looks import AFTER_PUBLICATION, AFTER_STAGING, next_look_after, next_look_before
from orchestration.states import DistributionState, JobKind, ScheduleState
from tests.engine_room import PUBLISHED, STAGED, state_of

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
LOOKED = timedelta(minutes=4)


def fail(engine, row: Schedule, reason: str = "codec", *, rejected: bool = False) -> str:
    """Let YouTube give up, or reject, what is uploaded for a publication; returns its id."""
    video_id = Distribution.objects.get(pk=row.distribution_id).youtube_video_id
    with engine.sandbox.store.change("youtube") as youtube:
        youtube["videos"][video_id]["rejection" if rejected else "failure"] = reason
    return video_id


def go_on(engine, **span) -> None:
    engine.pass_time(**span)
    for _ in range(3):
        engine.tick()
        engine.work()
        engine.retry_now()


# -- when ----------------------------------------------------------------------------------------------------------


@given(after=st.integers(0, 60 * 24 * 40), lead=st.integers(1, 60 * 24 * 40))
def test_looks_before_the_moment_grow_rarer_and_end_with_it(after, lead):
    now = NOON + timedelta(minutes=after)
    at = next_look_before(NOON, NOON + timedelta(minutes=lead), now)
    if at is not None:
        assert now < at < NOON + timedelta(minutes=lead)
        assert at - now <= timedelta(days=1)


def test_a_publication_staged_two_hours_ahead_is_looked_at_three_times_and_four_times_after():
    """So a hundred uploads, a day's budget of a Google project, cost at most 700 of its 10,000 units."""
    moment, at, before = NOON + timedelta(hours=2), NOON, []
    while (at := next_look_before(NOON, moment, at)) is not None:
        before.append(at - NOON)
    assert before == list(AFTER_STAGING[:3])
    at, after = moment, []
    while (at := next_look_after(moment, at)) is not None:
        after.append(at - moment)
    assert after == list(AFTER_PUBLICATION)


# -- before its moment ---------------------------------------------------------------------------------------------


def test_an_upload_whose_processing_failed_is_replaced_while_there_is_time(engine):
    row = engine.staged(engine.channel(), minutes=60)
    old = fail(engine, row)
    go_on(engine, minutes=4)
    assert state_of(row) == STAGED
    new = Distribution.objects.get()
    assert new.youtube_video_id not in {None, old}
    assert OrphanUpload.objects.get().youtube_video_id == old
    assert Activity.objects.filter(verb="upload_replaced").count() == 2
    engine.pass_until(row.publish_at - timedelta(minutes=5))
    engine.tick()
    engine.work()
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED
    (public,) = engine.publications()
    assert public["video_id"] == new.youtube_video_id


def test_an_upload_that_failed_while_it_was_armed_is_made_private_before_another_takes_its_place(engine):
    engine.settings.HEADEND_ARM_SECONDS = 3600
    row = engine.armed(engine.channel(), minutes=40)
    old = fail(engine, row)
    go_on(engine, minutes=4)
    row.refresh_from_db()
    assert Distribution.objects.get().youtube_video_id not in {None, old}
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED
    assert [each["video_id"] for each in engine.publications()] == [
        Distribution.objects.get().youtube_video_id
    ]


def test_arming_finds_a_failed_upload_too_and_replaces_it(engine):
    engine.settings.HEADEND_ARM_SECONDS = 3600
    row = engine.staged(engine.channel(), minutes=40)
    old = fail(engine, row)
    go_on(engine, seconds=5)
    assert Distribution.objects.get().youtube_video_id not in {None, old}
    assert row.pk and state_of(row) == STAGED


def test_what_fails_again_and_again_is_not_uploaded_for_ever(engine):
    youtube_state.configure(engine.sandbox.store, fails_in_processing="codec")
    row = engine.staged(engine.channel(), minutes=120)
    for _ in range(5):
        go_on(engine, minutes=4)
    assert state_of(row) == (ScheduleState.FAILED, DistributionState.FAILED)
    assert len(engine.uploads()) == 1 + replacing.MAX_REPLACEMENTS
    assert "codec" in Distribution.objects.get().error_message


def test_what_youtube_rejects_is_not_uploaded_again(engine):
    row = engine.staged(engine.channel(), minutes=60)
    fail(engine, row, "duplicate", rejected=True)
    go_on(engine, minutes=4)
    assert state_of(row) == (ScheduleState.FAILED, DistributionState.FAILED)
    assert "duplicate" in Distribution.objects.get().error_message
    assert len(engine.uploads()) == 1


def test_too_near_to_its_moment_it_fails_with_the_sentence(engine):
    row = engine.staged(engine.channel(), minutes=12)
    fail(engine, row)
    go_on(engine, minutes=4)
    assert state_of(row) == (ScheduleState.FAILED, DistributionState.FAILED)
    assert "codec" in Distribution.objects.get().error_message


def test_what_somebody_changed_long_before_its_moment_is_shown_at_the_next_look(engine):
    row = engine.staged(engine.channel(), minutes=60)
    distribution = Distribution.objects.get()
    with engine.sandbox.store.change("youtube") as youtube:
        video = youtube["videos"][distribution.youtube_video_id]
        now = engine.sandbox.store.now()
        youtube_state.apply_status(youtube, video, {"privacyStatus": "unlisted"}, now, cause="studio")
    go_on(engine, minutes=4)
    assert state_of(row) == (ScheduleState.NEEDS_REVIEW, DistributionState.NEEDS_REVIEW)
    assert Distribution.objects.get().error_code == "changed_elsewhere"


# -- after it ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["made private", "deleted", "rejected"])
def test_what_is_not_public_any_more_is_shown_and_not_put_back(engine, what):
    row = engine.published(engine.channel())
    video_id = Distribution.objects.get().youtube_video_id
    with engine.sandbox.store.change("youtube") as youtube:
        video = youtube["videos"][video_id]
        if what == "made private":
            now = engine.sandbox.store.now()
            youtube_state.apply_status(youtube, video, {"privacyStatus": "private"}, now, cause="studio")
        elif what == "deleted":
            youtube_state.delete_video(youtube, video_id)
        else:
            video["rejection"] = "copyright"
    writes = len(engine.sandbox.requests("PUT", "/youtube/youtube/v3/videos"))
    go_on(engine, minutes=11)
    assert state_of(row) == (ScheduleState.NEEDS_REVIEW, DistributionState.NEEDS_REVIEW)
    code = Distribution.objects.get().error_code
    assert code == ("taken_down" if what == "rejected" else "changed_elsewhere")
    go_on(engine, hours=2)
    assert len(engine.sandbox.requests("PUT", "/youtube/youtube/v3/videos")) == writes


def test_what_stays_public_is_looked_at_four_times_and_then_left_alone(engine):
    row = engine.published(engine.channel())
    for _ in range(30):
        go_on(engine, hours=1)
    assert state_of(row) == PUBLISHED
    assert Distribution.objects.get().look_at is None
    looks = Job.objects.filter(kind=JobKind.LOOK, created_at__gt=row.publish_at)
    assert len(AFTER_PUBLICATION) - 1 <= looks.count() <= len(AFTER_PUBLICATION)


def test_fifty_uploads_of_a_channel_cost_one_unit_and_never_the_reserve(engine):
    channel = engine.channel()
    rows = [engine.planned(channel, minutes=200 + n) for n in range(4)]
    engine.tick()
    engine.work()
    before = BudgetEntry.objects.filter(call="videos.list").count()
    go_on(engine, minutes=4)
    assert BudgetEntry.objects.filter(call="videos.list").count() == before + 1
    assert all(row.distribution.pk for row in rows)
    assert all(
        seen["privacy_status"] == "private"
        for seen in Distribution.objects.values_list("last_seen", flat=True)
    )
    assert timezone.now() < Distribution.objects.earliest("look_at").look_at
