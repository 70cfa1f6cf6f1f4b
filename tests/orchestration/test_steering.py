"""What is planned can be moved, held, released, cancelled, bumped and reviewed, one by one and as a wave."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orchestration.errors import (
    IllegalTransition,
    InvalidRequest,
    NotFound,
    OrchestrationError,
    PlanOutdated,
    PlanRefused,
)
from orchestration.models import Activity, Conflict, Distribution, Job, Schedule, WorkflowRun
from orchestration.queue import pools
from orchestration.scheduling import waves
from orchestration.scheduling.disarming import is_beyond_stopping
from orchestration.states import (
    TAKING_BACK,
    ConflictState,
    DistributionState,
    JobKind,
    JobState,
    RunState,
    ScheduleState,
    WaveState,
)
from tests import factories
from tests.engine_room import door, state_of

pytestmark = pytest.mark.django_db
LIVE = ScheduleState.PLANNED, ScheduleState.STAGED, ScheduleState.HELD
ENDED = ScheduleState.MISSED, ScheduleState.SKIPPED, ScheduleState.CANCELLED, ScheduleState.FAILED
BUSY = ScheduleState.PUBLISHING, ScheduleState.PUBLISHED


@pytest.fixture(autouse=True)
def system(db):
    factories.SystemStateFactory(running=True)
    pools.ensure_defaults()


def in_hours(hours: float):
    return (timezone.now() + timedelta(hours=hours)).replace(microsecond=0)


def scheduled(state: str = ScheduleState.PLANNED, hours: float = 5, publish_at=None, **values) -> Schedule:
    """Return a schedule whose distribution is where its state says, due at that moment or in so many hours."""
    uploaded = state in {ScheduleState.STAGED, *BUSY}
    distribution = {
        ScheduleState.PUBLISHED: DistributionState.PUBLISHED,
        ScheduleState.CANCELLED: DistributionState.CANCELLED,
        ScheduleState.FAILED: DistributionState.FAILED,
        ScheduleState.NEEDS_REVIEW: DistributionState.NEEDS_REVIEW,
    }.get(state, DistributionState.STAGED if uploaded else DistributionState.ASSIGNED)
    made = factories.ScheduleFactory(state=state, publish_at=publish_at or in_hours(hours), **values)
    Distribution.objects.filter(pk=made.distribution_id).update(
        state=distribution, youtube_video_id=f"yt{made.pk:09d}" if uploaded else None, wave=made.wave
    )
    made.refresh_from_db()
    return made


# -- one at a time -------------------------------------------------------------------------------------------------


TAKEN_UP_BY = {
    ScheduleState.PLANNED: "move",
    ScheduleState.STAGED: "move",
    ScheduleState.HELD: "release",
    **dict.fromkeys(ENDED, "reopen"),
}


@pytest.mark.parametrize("state", [*LIVE, *ENDED])
def test_what_goes_on_is_moved_what_is_held_released_and_what_is_over_reopened_at_another_time(state, midday):
    row = scheduled(
        state, channel__timezone="Asia/Kolkata", misfire_action="publish_late", lateness_seconds=9
    )
    at = in_hours(50)
    for verb in {"move", "release", "reopen"} - {TAKEN_UP_BY[state]}:
        with pytest.raises(IllegalTransition) as refused:
            getattr(door(), f"{verb}_schedule")(schedule_id=row.pk, publish_at=at)
        assert refused.value.details["state"] == state
    verb = getattr(door(), f"{TAKEN_UP_BY[state]}_schedule")
    moved = verb(schedule_id=row.pk, publish_at=at, reason="a better day")
    row.refresh_from_db()
    assert (row.publish_at, row.overridden, moved.publish_at) == (at, True, at)
    assert row.local_wall == at.astimezone(row.channel.zone).strftime("%Y-%m-%dT%H:%M:%S")
    assert row.stage_at == at - timedelta(minutes=row.channel.lead_time_minutes)
    assert (row.misfire_action, row.lateness_seconds) == ("", None)
    wanted = (
        (ScheduleState.STAGED, "staged") if row.distribution.youtube_video_id else ("planned", "assigned")
    )
    assert state_of(row) == wanted
    entry = Activity.objects.get(verb="schedule_moved", object_id=row.pk)
    assert (entry.reason, entry.after["publish_at"]) == ("a better day", at.isoformat())


@pytest.mark.parametrize("state", [*BUSY, ScheduleState.STAGING, ScheduleState.NEEDS_REVIEW])
def test_what_is_under_way_or_public_cannot_be_moved(state):
    row = scheduled(state)
    with pytest.raises(IllegalTransition, match=state):
        door().move_schedule(schedule_id=row.pk, publish_at=in_hours(50))


def test_a_move_into_a_taken_time_is_refused_with_ranked_alternatives():
    channel = factories.ChannelFactory(min_gap_minutes=60)
    other = scheduled(channel=channel, hours=10)
    row = scheduled(channel=channel, hours=20)
    with pytest.raises(PlanRefused, match="keeps 60 min apart") as refused:
        door().move_schedule(schedule_id=row.pk, publish_at=other.publish_at)
    offers = refused.value.details["alternatives"]
    assert offers
    assert all(offer["at"] for offer in offers)
    assert offers == sorted(offers, key=lambda offer: offer["minutes_later"])
    row.refresh_from_db()
    assert row.publish_at != other.publish_at
    door().move_schedule(schedule_id=row.pk, publish_at=timezone.datetime.fromisoformat(offers[0]["at"]))


def test_unknown_schedules_and_times_are_named():
    row = scheduled()
    for values, field in (
        ({"schedule_id": 404, "publish_at": in_hours(3)}, "schedule_id"),
        ({"schedule_id": row.pk, "publish_at": in_hours(-1)}, "publish_at"),
        ({"schedule_id": row.pk, "publish_at": in_hours(3).replace(tzinfo=None)}, "publish_at"),
        ({"schedule_id": row.pk, "publish_at": None}, "publish_at"),
    ):
        with pytest.raises(OrchestrationError) as refused:
            door().move_schedule(**values)
        assert refused.value.field == field


def test_hold_and_release_go_back_to_where_the_video_stands():
    for state in (ScheduleState.PLANNED, ScheduleState.STAGED):
        row = scheduled(state)
        door().hold_schedule(schedule_id=row.pk)
        assert state_of(row)[0] == ScheduleState.HELD
        with pytest.raises(IllegalTransition):
            door().hold_schedule(schedule_id=row.pk)
        door().release_schedule(schedule_id=row.pk)
        assert state_of(row)[0] == state
        with pytest.raises(IllegalTransition, match="not held"):
            door().release_schedule(schedule_id=row.pk)


def test_a_cancel_takes_its_waiting_jobs_along_and_its_distribution():
    row = scheduled(ScheduleState.STAGING)
    waiting = factories.JobFactory(schedule=row, distribution=row.distribution, channel=row.channel)
    running = factories.JobFactory(
        schedule=row, distribution=row.distribution, channel=row.channel, running=True
    )
    door().cancel_schedule(schedule_id=row.pk, reason="not now")
    assert state_of(row) == (ScheduleState.CANCELLED, DistributionState.CANCELLED)
    waiting.refresh_from_db()
    running.refresh_from_db()
    assert waiting.state == JobState.CANCELLED
    assert (running.state, running.cancel_reason) == (JobState.RUNNING, "withdrawn")
    with pytest.raises(IllegalTransition):
        door().cancel_schedule(schedule_id=row.pk)


def test_a_bump_puts_the_work_first_and_begins_it_now():
    row = scheduled(distribution__video__found=True)
    video_job = factories.JobFactory(kind=JobKind.PROCESS, video=row.distribution.video, rank=5)
    door().bump_schedule(schedule_id=row.pk, reason="the client calls")
    row.refresh_from_db()
    video_job.refresh_from_db()
    assert row.stage_at <= timezone.now()
    assert row.bumped_at
    assert video_job.rank < 0
    assert Activity.objects.get(verb="schedule_bumped").reason == "the client calls"
    with pytest.raises(IllegalTransition, match="nothing waits"):
        door().bump_schedule(schedule_id=scheduled(ScheduleState.CANCELLED).pk)


@pytest.mark.parametrize(
    ("outcome", "values", "ends"),
    [
        ("published", {"youtube_video_id": "abcdefghijk"}, ("published", "published")),
        ("staged", {"youtube_video_id": "abcdefghijk"}, ("staged", "staged")),
        ("planned", {}, ("planned", "assigned")),
        ("failed", {}, ("failed", "failed")),
        ("cancelled", {}, ("cancelled", "cancelled")),
    ],
)
def test_a_review_settles_schedule_distribution_job_and_run(outcome, values, ends):
    row = scheduled(ScheduleState.NEEDS_REVIEW)
    job = factories.JobFactory(
        schedule=row, distribution=row.distribution, channel=row.channel, needs_review=True
    )
    run = factories.WorkflowRunFactory(job=job, state=RunState.NEEDS_REVIEW)
    door().review_schedule(schedule_id=row.pk, outcome=outcome, reason="seen in the studio", **values)
    assert state_of(row) == ends
    job.refresh_from_db()
    is_done = outcome in {"published", "staged"}
    assert job.state == (JobState.SUCCEEDED if is_done else JobState.FAILED)
    assert WorkflowRun.objects.get().state == (RunState.SUCCEEDED if is_done else RunState.FAILED)
    assert run.pk
    row.distribution.refresh_from_db()
    assert row.distribution.youtube_video_id == values.get("youtube_video_id")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"outcome": "great"}, "outcome"),
        ({"outcome": "published"}, "youtube_video_id"),
        ({"outcome": "published", "youtube_video_id": "https://youtu.be/abcdefghijk"}, "youtube_video_id"),
        ({"outcome": "staged", "youtube_video_id": "x" * 50}, "youtube_video_id"),
        ({"outcome": "staged", "youtube_video_id": "taken000001"}, "youtube_video_id"),
    ],
)
def test_a_review_that_cannot_be_is_refused_by_field(values, field):
    factories.DistributionFactory(staged=True, youtube_video_id="taken000001")
    row = scheduled(ScheduleState.NEEDS_REVIEW)
    with pytest.raises(InvalidRequest) as refused:
        door().review_schedule(schedule_id=row.pk, **values)
    assert refused.value.field == field
    assert state_of(row) == (ScheduleState.NEEDS_REVIEW, DistributionState.NEEDS_REVIEW)


def test_what_needs_no_review_is_not_reviewed():
    with pytest.raises(IllegalTransition, match="needs no review"):
        door().review_schedule(schedule_id=scheduled().pk, outcome="failed")


def test_a_schedule_armed_after_the_plan_was_made_does_not_give_way_unseen():
    from orchestration.planning.types import Displacement
    from orchestration.scheduling.plan_writer import displace

    row = scheduled(ScheduleState.STAGED)
    Schedule.objects.filter(pk=row.pk).update(armed_for=row.publish_at)
    away = Displacement(row.pk, row.channel_id, row.publish_at, in_hours(9), "yields")
    with pytest.raises(PlanOutdated, match="armed on YouTube"):
        displace([away], None, timezone.now())


def test_a_time_that_is_taken_says_by_which_film():
    row, other = scheduled(hours=40), scheduled(hours=60)
    Schedule.objects.filter(pk=other.pk).update(channel=row.channel)
    row.channel.min_gap_minutes = 60
    row.channel.save()
    other.distribution.video.title = "Night train"
    other.distribution.video.save()

    with pytest.raises(PlanRefused, match="“Night train”"):
        door().move_schedule(schedule_id=row.pk, publish_at=other.publish_at)
    moved = door().do_bulk(kind="schedule", verb="move", ids=[row.pk], values={"minutes": 20 * 60})
    assert "“Night train”" in str(moved.refused)


# -- conflicts -----------------------------------------------------------------------------------------------------


def shifted(*, priority: int = 8, other_priority: int = 5):
    """Return a conflict of a wave's member that was shifted, with the schedules of both parties."""
    channel = factories.ChannelFactory(min_gap_minutes=60)
    other = scheduled(channel=channel, hours=5, priority=other_priority, wave=factories.WaveFactory())
    door().schedule_wave_publication(
        video_ids=[factories.VideoFactory().pk],
        channel_ids=[channel.pk],
        scheduled_at=other.publish_at,
        priority=priority,
    )
    Conflict.objects.update(state=ConflictState.OPEN)  # as one that nothing has been done about yet
    return Conflict.objects.get(), Schedule.objects.exclude(pk=other.pk).get(), other


def index_of(conflict: Conflict, kind: str) -> int:
    return next(n for n, offer in enumerate(conflict.alternatives) if offer["kind"] == kind)


def test_an_alternative_to_skip_cancels_the_member():
    conflict, row, _ = shifted()
    door().apply_alternative(conflict_id=conflict.pk, index=index_of(conflict, "skip"))
    assert state_of(row) == (ScheduleState.CANCELLED, DistributionState.CANCELLED)
    conflict.refresh_from_db()
    assert conflict.resolution == "alternative"
    assert Activity.objects.filter(verb="alternative_applied").count() == 1


def test_an_alternative_to_preempt_takes_the_time_and_moves_the_other():
    conflict, row, other = shifted()
    wanted = other.publish_at
    door().apply_alternative(conflict_id=conflict.pk, index=index_of(conflict, "preempt"))
    row.refresh_from_db()
    other.refresh_from_db()
    assert row.publish_at == wanted
    assert other.publish_at >= wanted + timedelta(minutes=60)
    assert row.wave_id == conflict.wave_id


def test_a_preemption_is_refused_once_the_other_may_not_be_moved_any_more():
    conflict, row, other = shifted()
    Schedule.objects.filter(pk=other.pk).update(overridden=True)
    with pytest.raises(PlanRefused, match="keeps 60 min apart"):
        door().apply_alternative(conflict_id=conflict.pk, index=index_of(conflict, "preempt"))
    assert state_of(row)[0] == ScheduleState.PLANNED


def test_an_alternative_that_does_not_exist_is_named():
    conflict, *_ = shifted()
    with pytest.raises(InvalidRequest) as refused:
        door().apply_alternative(conflict_id=conflict.pk, index=9)
    assert refused.value.field == "index"
    with pytest.raises(NotFound):
        door().apply_alternative(conflict_id=404, index=0)


def test_a_conflict_can_be_dismissed_once():
    conflict = factories.ConflictFactory()
    assert (
        door().dismiss_conflict(conflict_id=conflict.pk, reason="as intended").state
        == ConflictState.DISMISSED
    )
    with pytest.raises(IllegalTransition):
        door().dismiss_conflict(conflict_id=conflict.pk)


# -- waves ---------------------------------------------------------------------------------------------------------


def a_wave(*states: str, hours: float = 5, **values):
    wave = factories.WaveFactory(scheduled_at=in_hours(hours))
    rows = [scheduled(state, publish_at=wave.scheduled_at, wave=wave, **values) for state in states]
    return wave, rows


def test_a_wave_is_paused_and_resumed_and_says_so():
    wave, rows = a_wave("planned", "staged")
    door().pause_wave(wave_id=wave.pk, reason="wait for the lawyer")
    report = door("read").get_wave(wave_id=wave.pk)
    assert (report.wave.state, report.actions) == (WaveState.PAUSED, ("resume", "move", "cancel", "recall"))
    assert {state_of(row)[0] for row in rows} == {ScheduleState.PLANNED, ScheduleState.STAGED}
    with pytest.raises(IllegalTransition):
        door().pause_wave(wave_id=wave.pk)
    assert door().resume_wave(wave_id=wave.pk).state == WaveState.SCHEDULED
    with pytest.raises(IllegalTransition, match="not paused"):
        door().resume_wave(wave_id=wave.pk)


def test_an_undone_move_of_a_wave_leaves_it_as_it_was_and_nobody_pinned():
    wave, (first, second) = a_wave("planned", "staged")
    later = scheduled(wave=wave, publish_at=wave.scheduled_at + timedelta(hours=2))
    before = {row.pk: row.publish_at for row in (first, second, later)}
    moving = door()
    moving.move_wave(wave_id=wave.pk, scheduled_at=in_hours(30))

    result = door().undo(correlation_id=moving.correlation_id)

    assert not result.refused
    assert {row.pk: row.publish_at for row in wave.schedules.all()} == before
    assert not wave.schedules.filter(overridden=True).exists()
    assert type(wave).objects.get(pk=wave.pk).scheduled_at == wave.scheduled_at


def test_what_has_another_time_or_is_pinned_since_stays_when_its_wave_is_moved_back_and_is_named():
    wave, (back, displaced, pinned) = a_wave("planned", "planned", "staged")
    was = wave.scheduled_at
    moving = door()
    moving.move_wave(wave_id=wave.pk, scheduled_at=in_hours(30))
    Schedule.objects.filter(pk=displaced.pk).update(publish_at=in_hours(33))
    Schedule.objects.filter(pk=pinned.pk).update(overridden=True)
    stood = dict(wave.schedules.values_list("pk", "publish_at"))

    result = door().undo(correlation_id=moving.correlation_id)

    assert dict(wave.schedules.values_list("pk", "publish_at")) == stood | {back.pk: was}
    assert len(result.refused) == 2
    for row, said in zip((displaced, pinned), result.refused, strict=True):
        assert str(row.channel) in said


def test_a_wave_goes_back_as_a_whole_or_not_at_all():
    wave, (first, _) = a_wave("planned", "planned")
    first.channel.min_gap_minutes = 60
    first.channel.save()
    was = first.publish_at
    moving = door()
    moving.move_wave(wave_id=wave.pk, scheduled_at=in_hours(30))
    stood = dict(wave.schedules.values_list("pk", "publish_at"))
    scheduled(publish_at=was, channel=first.channel)

    with pytest.raises(IllegalTransition, match="min from"):
        door().undo(correlation_id=moving.correlation_id)

    assert dict(wave.schedules.values_list("pk", "publish_at")) == stood


def test_a_wave_that_was_moved_once_more_is_not_moved_back_to_before():
    wave, _ = a_wave("planned")
    moving = door()
    moving.move_wave(wave_id=wave.pk, scheduled_at=in_hours(30))
    door().move_wave(wave_id=wave.pk, scheduled_at=in_hours(40))

    with pytest.raises(IllegalTransition, match="once more"):
        door().undo(correlation_id=moving.correlation_id)


def test_a_wave_moves_as_a_whole_and_keeps_what_a_person_pinned():
    wave, (first, second) = a_wave("planned", "staged")
    pinned = scheduled(wave=wave, hours=7, overridden=True)
    at = in_hours(30)
    report = door().move_wave(wave_id=wave.pk, scheduled_at=at)
    for row in (first, second):
        row.refresh_from_db()
        assert row.publish_at == at
    before = pinned.publish_at
    pinned.refresh_from_db()
    assert pinned.publish_at == before
    assert report.wave.scheduled_at == at
    assert Activity.objects.get(verb="wave_moved").after["kept"] == 1


def test_a_wave_moves_all_or_nothing():
    wave, (first, second) = a_wave("planned", "planned")
    blocking = scheduled(channel=second.channel, hours=30)
    with pytest.raises(PlanRefused, match="keeps 60 min apart"):
        door().move_wave(wave_id=wave.pk, scheduled_at=blocking.publish_at)
    before = first.publish_at
    first.refresh_from_db()
    assert first.publish_at == before


def test_a_cancelled_wave_leaves_what_is_public_and_says_what_it_came_too_late_for():
    wave, (planned, public, going) = a_wave("planned", "published", "publishing")
    door().cancel_wave(wave_id=wave.pk, reason="off")
    assert state_of(planned) == (ScheduleState.CANCELLED, DistributionState.CANCELLED)
    assert state_of(public)[0] == ScheduleState.PUBLISHED
    assert state_of(going)[0] == ScheduleState.PUBLISHING
    entry = Activity.objects.get(verb="wave_cancelled")
    assert entry.reason == "off; 1 could not be stopped any more"


def test_a_wave_is_completed_once_nothing_of_it_is_open():
    wave, (row,) = a_wave("planned")
    assert waves.complete(timezone.now()) == 0
    door().cancel_schedule(schedule_id=row.pk)
    assert waves.complete(timezone.now()) == 1
    wave.refresh_from_db()
    assert wave.state == WaveState.COMPLETED


def test_a_recall_needs_the_very_list_that_was_shown():
    wave, (public, planned) = a_wave("published", "planned")
    shown = door("read").preview_recall(wave_id=wave.pk)
    assert ([d.pk for d in shown.public], [s.pk for s in shown.cancelled]) == (
        [public.distribution_id],
        [planned.pk],
    )
    for confirmed in ([], [public.distribution_id, 404], [planned.distribution_id]):
        with pytest.raises(InvalidRequest) as refused:
            door().recall_wave(wave_id=wave.pk, confirmed_ids=confirmed)
        assert (refused.value.field, refused.value.details["public"]) == (
            "confirmed_ids",
            [public.distribution_id],
        )
    wave.refresh_from_db()
    assert wave.state == WaveState.SCHEDULED
    door().recall_wave(wave_id=wave.pk, confirmed_ids=[public.distribution_id])
    wave.refresh_from_db()
    assert (wave.state, state_of(planned)[0]) == (WaveState.RECALLING, ScheduleState.CANCELLED)
    assert Job.objects.get(kind__in=TAKING_BACK).kind == JobKind.RECALL
    with pytest.raises(IllegalTransition):
        door().recall_wave(wave_id=wave.pk, confirmed_ids=[public.distribution_id])
    with pytest.raises(IllegalTransition, match="reopen it"):
        door().move_schedule(schedule_id=planned.pk, publish_at=in_hours(80))


def test_a_wave_shows_each_members_readiness_and_afterwards_its_skew():
    wave, (planned, staged, first, second) = a_wave("planned", "staged", "published", "published")
    Schedule.objects.filter(pk=staged.pk).update(armed_for=staged.publish_at)
    at = first.publish_at
    Schedule.objects.filter(pk=second.pk).update(publish_at=at)
    for row, seconds in ((first, 0.2), (second, 0.9)):
        Distribution.objects.filter(pk=row.distribution_id).update(
            published_at=at + timedelta(seconds=seconds)
        )
    report = door("read").get_wave(wave_id=wave.pk)
    told = {member.schedule.pk: member.readiness for member in report.members}
    assert told == {planned.pk: "assigned", staged.pk: "armed", first.pk: "public", second.pk: "public"}
    assert report.counts == {"assigned": 1, "armed": 1, "public": 2}
    assert report.skew_seconds == pytest.approx(0.7)


def test_unknown_waves_are_named():
    for call in (door().pause_wave, door().resume_wave, door().cancel_wave, door("read").get_wave):
        with pytest.raises(NotFound) as refused:
            call(wave_id=404)
        assert refused.value.field == "wave_id"


def test_a_member_that_is_about_to_go_out_is_not_asked_to_move():
    wave, (going, open_one) = a_wave("staged", "planned")
    Schedule.objects.filter(pk=going.pk).update(
        publish_at=timezone.now() + timedelta(seconds=1), armed_for=timezone.now() + timedelta(seconds=1)
    )
    assert waves.is_going_out(Schedule.objects.get(pk=going.pk))
    assert is_beyond_stopping(Schedule.objects.get(pk=going.pk))
    at = in_hours(40)
    door().move_wave(wave_id=wave.pk, scheduled_at=at)
    open_one.refresh_from_db()
    going.refresh_from_db()
    assert open_one.publish_at == at
    assert going.publish_at < in_hours(1)
