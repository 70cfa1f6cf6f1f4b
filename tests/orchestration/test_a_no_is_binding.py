"""What a person said no to stays so until a person takes it up again; a decision made on an old view is refused."""

import pytest

from channels.models import Blackout, Channel
from orchestration.errors import IllegalTransition, InvalidRequest, PlanOutdated, PlanRefused, StaleVersion
from orchestration.models import Activity, Conflict, Distribution, Job, Schedule
from orchestration.monitoring.problems import problems
from orchestration.planning import types
from orchestration.queue import pools
from orchestration.scheduling import plan_writer
from orchestration.states import ConflictState, DistributionState, JobKind, ScheduleState, WaveState
from tests import factories
from tests.engine_room import door
from tests.factories import in_

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keeps_invariants")]


@pytest.fixture(autouse=True)
def system(db):
    """Let the system run, with its pools."""
    factories.SystemStateFactory(running=True)
    pools.ensure_defaults()


def a_channel(**values):
    """Return a channel that posts every day at 18:00."""
    channel = factories.ChannelFactory(healthy=True, min_gap_minutes=0, **values)
    factories.CredentialFactory(channel=channel)
    for weekday in range(7):
        factories.PostingSlotFactory(channel=channel, weekday=weekday)
    return channel


def distribute(video, channel):
    """Distribute one video over one channel; returns the decision about the pair."""
    made = door().distribute_videos(video_ids=[video.pk], channel_ids=[channel.pk])
    return made.decisions[0]


@pytest.fixture
def pair():
    """Give a video and a channel, and what was distributed of the one to the other."""
    video, channel = factories.VideoFactory(), a_channel()
    assert distribute(video, channel).chosen
    return video, channel, Schedule.objects.get()


# ------------------------------------------------------------------------------------------------------- distribution


def test_what_a_person_cancelled_is_not_distributed_again(pair):
    video, channel, row = pair
    door().cancel_schedule(schedule_id=row.pk, reason="rights dispute")
    again = distribute(video, channel)
    assert not again.chosen
    assert "cancelled by olga" in again.reason
    assert "rights dispute" in again.reason
    kept = Schedule.objects.get()
    assert (kept.pk, kept.state) == (row.pk, ScheduleState.CANCELLED)


def test_explain_says_who_cancelled_it_when_and_why(pair):
    video, channel, row = pair
    door().cancel_schedule(schedule_id=row.pk, reason="rights dispute")
    told = door("read").explain(video_id=video.pk, channel_id=channel.pk)
    rule = next(rule for rule in told.rules if rule.rule == "cancelled_before")
    at = Activity.objects.get(verb="schedule_cancelled").timestamp
    assert (told.ok, rule.ok) == (False, False)
    assert rule.value == f"cancelled by olga at {at:%Y-%m-%d %H:%M} UTC: rights dispute"


def test_a_member_of_a_cancelled_wave_is_not_distributed_again():
    video, channel = factories.VideoFactory(), a_channel()
    wave = door().schedule_wave_publication(video_ids=[video.pk], channel_ids=[channel.pk]).wave
    door().cancel_wave(wave_id=wave.pk, reason="the film is not released")
    assert "the film is not released" in distribute(video, channel).reason


def test_what_was_cancelled_counts_for_no_other_channel_or_limit(pair, settings):
    video, _, row = pair
    settings.HEADEND_CHANNELS_PER_VIDEO = 1
    door().cancel_schedule(schedule_id=row.pk)
    assert distribute(video, a_channel()).chosen


def test_staging_by_hand_does_not_undo_a_cancel(pair):
    video, channel, row = pair
    door().cancel_schedule(schedule_id=row.pk)
    door().trigger_pipeline(channel_id=channel.pk, video_id=video.pk)
    assert not distribute(video, channel).chosen
    row.refresh_from_db()
    assert row.state == ScheduleState.CANCELLED


def test_no_pipeline_chooses_by_itself_what_was_cancelled(pair):
    _, channel, row = pair
    door().cancel_schedule(schedule_id=row.pk)
    other = factories.VideoFactory()
    assert door().trigger_pipeline(channel_id=channel.pk).job.video_id == other.pk


def test_what_was_reopened_goes_on_and_may_be_distributed_no_second_time(pair):
    video, channel, row = pair
    door().cancel_schedule(schedule_id=row.pk)
    door().reopen_schedule(schedule_id=row.pk, reason="settled")
    row.refresh_from_db()
    assert (row.state, row.distribution.state) == (ScheduleState.PLANNED, DistributionState.ASSIGNED)
    assert not distribute(video, channel).chosen
    entry = Activity.objects.get(verb="schedule_reopened")
    assert (entry.before["state"], entry.reason) == ("cancelled", "settled")


def test_what_was_missed_is_planned_again_in_its_own_row(pair):
    video, channel, row = pair
    Schedule.objects.filter(pk=row.pk).update(state=ScheduleState.MISSED, lateness_seconds=7)
    assert distribute(video, channel).chosen
    again = Schedule.objects.get()
    assert (again.pk, again.state, again.lateness_seconds) == (row.pk, ScheduleState.PLANNED, None)
    assert Activity.objects.get(verb="schedule_planned_again").before["state"] == "missed"


# -------------------------------------------------------------------------------------------------------------- waves


def wave_over(video, channel, **values):
    """Schedule a wave of one member."""
    return door().schedule_wave_publication(
        video_ids=[video.pk], channel_ids=[channel.pk], scheduled_at=in_(hours=50), **values
    )


def test_a_wave_over_a_cancelled_pair_is_refused_and_says_what_to_do(pair):
    video, channel, row = pair
    door().cancel_schedule(schedule_id=row.pk, reason="rights dispute")
    with pytest.raises(
        PlanRefused, match=r"rights dispute.*reopen that publication, or acknowledge"
    ) as refused:
        wave_over(video, channel)
    (conflict,) = refused.value.details["plan"].conflicts
    assert (conflict.rule, conflict.kind) == ("cancelled_before", "policy")


def test_a_wave_leaves_a_cancelled_pair_out_where_it_is_told_to_skip(pair):
    video, channel, row = pair
    door().cancel_schedule(schedule_id=row.pk)
    other = factories.VideoFactory()
    made = door().schedule_wave_publication(
        video_ids=[video.pk, other.pk], channel_ids=[channel.pk], on_conflict="skip"
    )
    assert [placement.video_id for placement in made.plan.placements] == [other.pk]
    assert Conflict.objects.get(rule="cancelled_before").state == ConflictState.OPEN


def test_a_wave_takes_up_a_cancelled_pair_where_that_is_acknowledged(pair):
    video, channel, row = pair
    door().cancel_schedule(schedule_id=row.pk)
    made = wave_over(video, channel, acknowledge_policy=True)
    row.refresh_from_db()
    assert (row.state, row.wave_id) == (ScheduleState.PLANNED, made.wave.pk)
    assert Conflict.objects.get(rule="cancelled_before").resolution == "warned"


def test_a_reopened_member_leaves_the_wave_that_was_cancelled():
    video, channel = factories.VideoFactory(), a_channel()
    wave = wave_over(video, channel).wave
    row = Schedule.objects.get()
    door().cancel_wave(wave_id=wave.pk)
    door().reopen_schedule(schedule_id=row.pk)
    row.refresh_from_db()
    assert (row.state, row.wave, row.distribution.wave) == (ScheduleState.PLANNED, None, None)


def test_a_reopened_member_stays_in_a_wave_that_goes_on():
    wave = wave_over(factories.VideoFactory(), a_channel()).wave
    row = Schedule.objects.get()
    door().cancel_schedule(schedule_id=row.pk)
    door().reopen_schedule(schedule_id=row.pk)
    row.refresh_from_db()
    assert row.wave_id == wave.pk


@pytest.mark.parametrize("outcome", ["planned", "staged"])
def test_a_review_does_not_let_a_member_of_a_cancelled_wave_go_on(outcome):
    wave = factories.WaveFactory(state=WaveState.CANCELLED)
    row = factories.ScheduleFactory(needs_review=True, wave=wave, distribution__wave=wave)
    Distribution.objects.update(state=DistributionState.NEEDS_REVIEW)
    known = {"youtube_video_id": "abcdefghijk"} if outcome == "staged" else {}
    door().review_schedule(schedule_id=row.pk, outcome=outcome, **known)
    row.refresh_from_db()
    assert (row.state, row.distribution.state) == (ScheduleState.CANCELLED, DistributionState.CANCELLED)
    assert row.distribution.youtube_video_id == (known.get("youtube_video_id"))


def test_a_reopened_publication_needs_a_free_time(pair):
    _, channel, row = pair
    Channel.objects.filter(pk=channel.pk).update(min_gap_minutes=60)
    door().cancel_schedule(schedule_id=row.pk)
    factories.ScheduleFactory(channel=channel, publish_at=row.publish_at)
    with pytest.raises(PlanRefused) as refused:
        door().reopen_schedule(schedule_id=row.pk)
    assert refused.value.details["alternatives"]


# ---------------------------------------------------------------------------------------------------------- conflicts


def test_an_open_conflict_does_not_plan_anew_what_was_cancelled_since(pair):
    video, channel, row = pair
    conflict = factories.ConflictFactory(video=video, channel=channel, schedule=row)
    left_out = factories.ConflictFactory(video=video, channel=channel)
    door().cancel_schedule(schedule_id=row.pk)
    for found in (conflict, left_out):
        with pytest.raises(IllegalTransition, match="reopen it"):
            door().apply_alternative(conflict_id=found.pk, index=0)
        found.refresh_from_db()
        assert found.state == ConflictState.OPEN
    row.refresh_from_db()
    assert row.state == ScheduleState.CANCELLED


# -------------------------------------------------------------------------------------------------- what may be public


def test_an_unclear_publication_is_not_cancelled_out_of_sight():
    row = factories.ScheduleFactory(needs_review=True, distribution__staged=True)
    Distribution.objects.update(state=DistributionState.NEEDS_REVIEW)
    conflict = factories.ConflictFactory(
        schedule=row, alternatives=[{"kind": "skip", "at": None, "sentence": "leave it out"}]
    )
    wave = factories.WaveFactory()
    Schedule.objects.update(wave=wave)
    with pytest.raises(IllegalTransition, match="settled by a review"):
        door().cancel_schedule(schedule_id=row.pk)
    with pytest.raises(IllegalTransition, match="settled by a review"):
        door().apply_alternative(conflict_id=conflict.pk, index=0)
    door().cancel_wave(wave_id=wave.pk)
    door().disable_channel(channel_id=row.channel_id)
    assert "needs_review" in {problem["code"] for problem in problems()}


def test_a_plan_does_not_take_up_what_became_unclear_after_it_was_made():
    row = factories.ScheduleFactory(needs_review=True)
    Distribution.objects.update(state=DistributionState.NEEDS_REVIEW)
    again = types.Placement(
        video_id=row.distribution.video_id,
        channel_id=row.channel_id,
        at=in_(hours=5),
        local_wall=in_(hours=5).replace(tzinfo=None),
        zone="UTC",
        priority=5,
        method="slot",
        reason="",
        slot_id=None,
        stage_at=in_(hours=4),
        stage_on=None,
    )
    with pytest.raises(PlanOutdated):
        plan_writer.write_placements([again], wave=None, method="distributed", now=in_(hours=0))
    row.refresh_from_db()
    assert row.state == ScheduleState.NEEDS_REVIEW


# ------------------------------------------------------------------------------------------------------------ versions


def test_a_decision_on_an_old_view_is_refused_with_the_true_state_and_who_changed_it(pair):
    *_, row = pair
    seen = row.version
    door().cancel_schedule(schedule_id=row.pk, reason="rights dispute")
    with pytest.raises(
        StaleVersion, match=r"cancelled now \(schedule_cancelled by olga, .*rights dispute"
    ) as stale:
        door().reopen_schedule(schedule_id=row.pk, version=seen)
    assert stale.value.details["state"] == "cancelled"
    assert stale.value.details["changed_by"] == "olga"
    row.refresh_from_db()
    assert row.state == ScheduleState.CANCELLED
    door().reopen_schedule(schedule_id=row.pk, version=row.version)


def test_a_stale_button_is_answered_by_that_sentence(admin_client, pair):
    *_, row = pair
    page = admin_client.get(f"/schedules/{row.pk}/").content.decode()
    assert f'name="version" value="{row.version}"' in page
    assert f'name="version" value="{row.version}" form="move-form"' in page
    door().hold_schedule(schedule_id=row.pk, reason="wait for the lawyer")
    answer = admin_client.post(
        f"/schedules/{row.pk}/cancel/", {"version": row.version}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 409
    assert "it is held now (schedule_held by olga" in answer.content.decode()
    row.refresh_from_db()
    assert row.state == ScheduleState.HELD


# ------------------------------------------------------------------------------------------------------ said once only


def test_two_presses_without_a_video_are_one_upload():
    channel = factories.ChannelFactory(healthy=True)
    factories.CredentialFactory(channel=channel)
    factories.VideoFactory.create_batch(3)
    first = door().trigger_pipeline(channel_id=channel.pk)
    second = door().trigger_pipeline(channel_id=channel.pk)
    assert first.job == second.job
    assert Job.objects.filter(kind=JobKind.STAGE).count() == 1
    Job.objects.update(state="succeeded")
    assert door().trigger_pipeline(channel_id=channel.pk).job != first.job


def test_the_same_blackout_is_taken_once():
    channel = factories.ChannelFactory()
    day = {"channel_id": channel.pk, "first_date": in_(days=3).date(), "last_date": in_(days=4).date()}
    door().add_blackout(**day)
    with pytest.raises(InvalidRequest, match="this blackout already"):
        door().add_blackout(**day)
    assert Blackout.objects.count() == 1
