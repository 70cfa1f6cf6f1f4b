"""Planning at the door: what cannot be planned is refused by field and fact, what collides is recorded with its reason."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from channels.models import Channel
from orchestration.errors import (
    ChannelPaused,
    IllegalTransition,
    InvalidRequest,
    NoRightsBasis,
    NotFound,
    NotPermitted,
    OrchestrationError,
    PlanOutdated,
    PlanRefused,
    VideoNotReady,
)
from orchestration.models import Activity, Conflict, Distribution, Pool, Schedule, Video, Wave
from orchestration.queue import pool_names, pools
from orchestration.states import ConflictState, DistributionState, ScheduleState, VideoState
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db
NAIVE = datetime.fromisoformat("2030-01-01T12:00:00")


@pytest.fixture(autouse=True)
def system(db):
    factories.SystemStateFactory(running=True)
    pools.ensure_defaults()


def in_hours(hours: float) -> datetime:
    return (timezone.now() + timedelta(hours=hours)).replace(microsecond=0)


def wave(videos, channels, **values):
    values = {"scheduled_at": in_hours(5), "acknowledge_policy": True, **values}
    return door().schedule_wave_publication(
        video_ids=[getattr(v, "pk", v) for v in videos],
        channel_ids=[getattr(c, "pk", c) for c in channels],
        **values,
    )


def written() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Wave, Distribution, Schedule, Conflict, Activity))


def standing(channel: Channel, at: datetime, *, priority: int = 5, **values) -> Schedule:
    return factories.ScheduleFactory(channel=channel, publish_at=at, priority=priority, **values)


# -- bad input -----------------------------------------------------------------------------------------------------

BAD = [
    ("unknown video", {"video_ids": [404]}, NotFound, "video_ids"),
    ("unknown channel", {"channel_ids": [404]}, NotFound, "channel_ids"),
    ("no videos", {"video_ids": []}, InvalidRequest, "video_ids"),
    ("no channels", {"channel_ids": []}, InvalidRequest, "channel_ids"),
    ("a video twice", {"video_ids": "twice"}, InvalidRequest, "video_ids"),
    ("a channel twice", {"channel_ids": "twice"}, InvalidRequest, "channel_ids"),
    ("naive", {"scheduled_at": NAIVE}, InvalidRequest, "scheduled_at"),
    ("past", {"scheduled_at": datetime(2020, 1, 1, tzinfo=UTC)}, InvalidRequest, "scheduled_at"),
    ("far away", {"scheduled_at": datetime(2050, 1, 1, tzinfo=UTC)}, InvalidRequest, "scheduled_at"),
    ("unknown timing", {"timing": "soon"}, InvalidRequest, "timing"),
    ("unknown resolution", {"on_conflict": "pray"}, InvalidRequest, "on_conflict"),
    ("priority 11", {"priority": 11}, InvalidRequest, "priority"),
    ("negative delay", {"delay_seconds": -1}, InvalidRequest, "delay_seconds"),
    ("foreign override", {"overrides": {(404, 404): in_hours(3)}}, InvalidRequest, "overrides"),
    ("naive override", {"overrides": "naive"}, InvalidRequest, "overrides"),
]


@pytest.mark.parametrize(
    ("values", "error", "field"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_bad_input_names_its_field_and_writes_nothing(values, error, field, dry_run):
    channel, video = factories.ChannelFactory(), factories.VideoFactory()
    given = {"video_ids": [video.pk], "channel_ids": [channel.pk], "scheduled_at": in_hours(5), **values}
    for name, row in (("video_ids", video), ("channel_ids", channel)):
        if given[name] == "twice":
            given[name] = [row.pk, row.pk]
    if given.get("overrides") == "naive":
        given["overrides"] = {(video.pk, channel.pk): NAIVE}
    before = written()
    with pytest.raises(OrchestrationError) as refused:
        door().schedule_wave_publication(dry_run=dry_run, **given)
    assert type(refused.value) is error
    assert refused.value.field == field
    assert refused.value.message
    assert written() == before


@pytest.mark.parametrize(
    ("channel", "video", "error", "field"),
    [
        ({"paused": True}, {}, ChannelPaused, "channel_ids"),
        ({"disabled": True}, {}, ChannelPaused, "channel_ids"),
        ({}, {"source__rights_basis": ""}, NoRightsBasis, "video_ids"),
        ({}, {"source": None}, NoRightsBasis, "video_ids"),
        ({}, {"failed": True}, VideoNotReady, "video_ids"),
        ({}, {"state": VideoState.WITHDRAWN}, VideoNotReady, "video_ids"),
        ({"failing": True}, {}, PlanRefused, ""),
    ],
)
def test_what_may_not_be_published_is_refused_whole(channel, video, error, field):
    good = factories.ChannelFactory()
    row, clip = factories.ChannelFactory(**channel), factories.VideoFactory(**video)
    before = written()
    with pytest.raises(error) as refused:
        wave([clip], [good, row])
    assert (refused.value.field, refused.value.details["plan"].refused) == (field, True)
    assert written() == before


def test_a_reader_may_not_plan():
    channel, video = factories.ChannelFactory(), factories.VideoFactory()
    with pytest.raises(NotPermitted, match="needs schedule"):
        door("read").coordinate_publication(video_id=video.pk, channel_ids=[channel.pk])
    assert Wave.objects.count() == 0


def test_coordinate_names_its_own_field_for_an_unknown_video():
    with pytest.raises(NotFound) as refused:
        door().coordinate_publication(video_id=404, channel_ids=[factories.ChannelFactory().pk])
    assert refused.value.field == "video_id"


# -- all or nothing ------------------------------------------------------------------------------------------------


def test_a_wave_is_written_whole_with_one_entry_that_names_its_members():
    channels = factories.ChannelFactory.create_batch(3)
    videos = factories.VideoFactory.create_batch(2)
    made = wave(videos, channels, name="Evening", priority=8).wave
    rows = Schedule.objects.filter(wave=made)
    assert rows.count() == Distribution.objects.filter(wave=made).count() == 6
    assert set(rows.values_list("state", "priority")) == {(ScheduleState.PLANNED, 8)}
    entry = Activity.objects.get(verb="wave_scheduled")
    assert sorted(entry.additional_data["members"]["schedule"]) == sorted(rows.values_list("pk", flat=True))
    assert (entry.actor_label, entry.trigger, entry.cid) == ("olga", "button", made.correlation_id)


def test_a_simultaneous_wave_has_one_instant_for_all_its_channels():
    channels = factories.ChannelFactory.create_batch(4)
    at = in_hours(6)
    made = wave(factories.VideoFactory.create_batch(1), channels, scheduled_at=at).wave
    assert set(Schedule.objects.filter(wave=made).values_list("publish_at", flat=True)) == {at}


def test_a_staggered_wave_keeps_its_offset():
    channels = factories.ChannelFactory.create_batch(3)
    at = in_hours(6)
    made = door().coordinate_publication(
        video_id=factories.VideoFactory().pk,
        channel_ids=[c.pk for c in channels],
        timing="staggered",
        stagger_seconds=90,
        scheduled_at=at,
    )
    times = list(
        Schedule.objects.filter(wave=made.wave).order_by("publish_at").values_list("publish_at", flat=True)
    )
    assert times == [at, at + timedelta(seconds=90), at + timedelta(seconds=180)]


def test_an_independent_wave_uses_each_channels_own_slots_in_its_zone():
    berlin = factories.ChannelFactory(timezone="Europe/Berlin")
    tokyo = factories.ChannelFactory(timezone="Asia/Tokyo")
    for channel in (berlin, tokyo):
        for day in range(7):
            factories.PostingSlotFactory(channel=channel, weekday=day)
    made = door().coordinate_publication(
        video_id=factories.VideoFactory().pk, channel_ids=[berlin.pk, tokyo.pk], timing="independent"
    )
    for row in Schedule.objects.filter(wave=made.wave):
        assert row.local_wall.endswith("T18:00:00")
        assert row.zone == row.channel.timezone
        assert row.publish_at.astimezone(row.channel.zone).hour == 18


def test_one_paused_channel_refuses_the_wave_and_skip_leaves_it_out():
    good, paused = factories.ChannelFactory(), factories.ChannelFactory(paused=True)
    video = factories.VideoFactory()
    with pytest.raises(ChannelPaused):
        wave([video], [good, paused])
    made = wave([video], [good, paused], on_conflict="skip").wave
    assert list(Schedule.objects.filter(wave=made).values_list("channel", flat=True)) == [good.pk]
    conflict = Conflict.objects.get(rule="channel_paused")
    assert (conflict.kind, conflict.resolution, conflict.channel_id) == ("channel", "skipped", paused.pk)


def test_a_dry_run_writes_nothing_and_shows_what_the_commit_then_does():
    channels = factories.ChannelFactory.create_batch(2)
    video = factories.VideoFactory()
    standing(channels[0], in_hours(5))
    before = written()
    shown = wave([video], channels, dry_run=True)
    assert written() == before
    assert (shown.wave, shown.dry_run) == (None, True)
    done = wave([video], channels)
    assert shown.plan.fingerprint == done.plan.fingerprint
    assert {(p.channel_id, p.at) for p in shown.plan.placements} == set(
        Schedule.objects.filter(wave=done.wave).values_list("channel", "publish_at")
    )


def test_a_plan_that_was_shown_is_written_as_it_was_shown_or_not_at_all():
    channel, video, at = factories.ChannelFactory(min_gap_minutes=60), factories.VideoFactory(), in_hours(5)
    shown = wave([video], [channel], scheduled_at=at, dry_run=True).plan.fingerprint
    taken = standing(channel, at, priority=9)
    before = written()
    with pytest.raises(PlanOutdated, match="1 h later") as refused:
        wave([video], [channel], scheduled_at=at, fingerprint=shown)
    assert written() == before and refused.value.details["plan"].placements[0].at > at
    taken.delete()
    assert wave([video], [channel], scheduled_at=at, fingerprint=shown).wave.schedules.get().publish_at == at


def test_the_same_wave_again_is_refused_as_a_duplicate():
    channel, video = factories.ChannelFactory(), factories.VideoFactory()
    wave([video], [channel])
    before = written()
    with pytest.raises(PlanRefused, match="already goes, or went") as refused:
        wave([video], [channel], scheduled_at=in_hours(50))
    assert refused.value.details["plan"].conflicts[0].rule == "already_distributed"
    assert written() == before


def test_an_override_keeps_a_member_at_its_own_time():
    channels = factories.ChannelFactory.create_batch(2)
    video = factories.VideoFactory()
    at, own = in_hours(5), in_hours(9)
    made = wave([video], channels, scheduled_at=at, overrides={(video.pk, channels[1].pk): own}).wave
    rows = {row.channel_id: row for row in Schedule.objects.filter(wave=made)}
    assert (rows[channels[0].pk].publish_at, rows[channels[0].pk].overridden) == (at, False)
    assert (rows[channels[1].pk].publish_at, rows[channels[1].pk].overridden) == (own, True)


@pytest.mark.parametrize(
    ("state", "has_upload", "becomes"),
    [
        (DistributionState.CANCELLED, False, ScheduleState.PLANNED),
        (DistributionState.FAILED, False, ScheduleState.PLANNED),
        (DistributionState.CANCELLED, True, ScheduleState.STAGED),
        (DistributionState.STAGED, True, ScheduleState.STAGED),
    ],
)
def test_what_ended_without_being_public_may_be_planned_again(state, has_upload, becomes):
    channel = factories.ChannelFactory()
    old = factories.DistributionFactory(
        channel=channel, state=state, youtube_video_id="yt000000001" if has_upload else None
    )
    factories.ScheduleFactory(channel=channel, distribution=old, state=ScheduleState.CANCELLED)
    wave([old.video], [channel])
    row = Schedule.objects.get()
    assert (row.distribution_id, row.state) == (old.pk, becomes)


def test_what_was_recalled_is_not_published_again():
    distribution = factories.DistributionFactory(published=True, state=DistributionState.RECALLED)
    with pytest.raises(PlanRefused, match="recalled"):
        wave([distribution.video], [distribution.channel])


# -- conflicts: each kind, recorded --------------------------------------------------------------------------------


def recorded(rule: str) -> Conflict:
    conflict = Conflict.objects.get(rule=rule)
    assert conflict.message
    assert conflict.correlation_id
    return conflict


def test_a_run_that_cannot_fetch_its_file_is_said_in_the_plan_and_kept_as_an_open_conflict(settings):
    settings.HEADEND_PUBLIC_URL = None
    runs = factories.ChannelFactory.create_batch(2, github=True)
    local = factories.ChannelFactory()
    page = factories.VideoFactory(url="https://films.example/watch?v=2", title="Harbour")
    file = factories.VideoFactory(url="https://films.example/3.mp4")
    made = wave([page, file], [local, *runs], on_conflict="reject")
    (shown,) = (c for c in made.plan.conflicts if c.kind == "resource")
    assert (shown.rule, shown.resolution, shown.channel_ids) == (
        "out_of_reach",
        "open",
        tuple(c.pk for c in runs),
    )
    conflict = recorded("out_of_reach")
    assert (conflict.kind, conflict.state, conflict.video_id) == ("resource", ConflictState.OPEN, page.pk)
    assert "HEADEND_PUBLIC_URL is not set" in conflict.message
    assert f"the GitHub run of {runs[0].name} and 1 other channel fetches “Harbour”" in conflict.message


def test_a_run_gets_its_file_from_headend_where_that_has_a_public_address(settings):
    settings.HEADEND_PUBLIC_URL = "https://headend.example"
    page = factories.VideoFactory(url="https://films.example/watch?v=2")
    assert wave([page], [factories.ChannelFactory(github=True)]).plan.conflicts == ()


def test_a_gap_conflict_shifts_the_request_and_records_both_parties_and_alternatives():
    channel = factories.ChannelFactory(min_gap_minutes=60)
    at = in_hours(5)
    other = standing(channel, at + timedelta(minutes=20), priority=7)
    made = wave([factories.VideoFactory()], [channel], scheduled_at=at).wave
    row = Schedule.objects.get(wave=made)
    conflict = recorded("minimum_gap")
    assert (conflict.kind, conflict.resolution, conflict.yielded) == ("timing", "shifted", "request")
    assert (conflict.schedule_id, conflict.other_schedule_id) == (row.pk, other.pk)
    assert (conflict.wanted_at, conflict.moved_to) == (at, row.publish_at)
    assert row.publish_at == other.publish_at + timedelta(minutes=60)
    assert conflict.state == ConflictState.RESOLVED
    assert "20 min from" in conflict.message
    assert [a["kind"] for a in conflict.alternatives][-1] == "skip"
    assert all({"at", "minutes_later", "units", "sentence"} <= set(a) for a in conflict.alternatives)


def test_a_lower_priority_yields_and_its_move_is_recorded_on_it():
    channel = factories.ChannelFactory(min_gap_minutes=60)
    at = in_hours(5)
    other = standing(channel, at, priority=2)
    made = wave([factories.VideoFactory()], [channel], scheduled_at=at, priority=8).wave
    other.refresh_from_db()
    assert Schedule.objects.get(wave=made).publish_at == at
    assert other.publish_at >= at + timedelta(minutes=60)
    assert "yields to priority 8" in other.reason
    conflict = recorded("minimum_gap")
    assert (conflict.yielded, conflict.other_schedule_id, conflict.moved_to) == (
        "existing",
        other.pk,
        other.publish_at,
    )
    assert Activity.objects.filter(verb="schedule_displaced", object_id=other.pk).count() == 1


def test_preempt_takes_the_time_of_another_waves_lower_member():
    channel = factories.ChannelFactory(min_gap_minutes=60)
    at = in_hours(5)
    other = standing(channel, at, priority=2, wave=factories.WaveFactory())
    made = wave(
        [factories.VideoFactory()], [channel], scheduled_at=at, priority=8, on_conflict="preempt"
    ).wave
    other.refresh_from_db()
    assert Schedule.objects.get(wave=made).publish_at == at
    assert other.publish_at != at
    assert recorded("minimum_gap").resolution == "preempted"


def test_nobody_of_equal_priority_nobody_pinned_and_nothing_armed_is_moved():
    at = in_hours(5)
    for values in ({"priority": 8}, {"priority": 1, "overridden": True}, {"priority": 1, "armed_for": at}):
        channel = factories.ChannelFactory(min_gap_minutes=60)
        other = standing(channel, at, **values)
        wave([factories.VideoFactory()], [channel], scheduled_at=at, priority=8, on_conflict="preempt")
        other.refresh_from_db()
        assert other.publish_at == at


def test_skip_leaves_the_member_out_and_says_so():
    free, busy = factories.ChannelFactory(), factories.ChannelFactory(min_gap_minutes=60)
    at = in_hours(5)
    other = standing(busy, at)
    made = wave([factories.VideoFactory()], [free, busy], scheduled_at=at, on_conflict="skip").wave
    assert list(Schedule.objects.filter(wave=made).values_list("channel", flat=True)) == [free.pk]
    conflict = recorded("minimum_gap")
    assert (conflict.state, conflict.resolution, conflict.schedule_id) == (
        ConflictState.OPEN,
        "skipped",
        None,
    )
    assert conflict.other_schedule_id == other.pk


def test_reject_writes_no_wave_but_keeps_the_explanation_and_its_alternatives_once():
    channel = factories.ChannelFactory(min_gap_minutes=60)
    at = in_hours(5)
    other = standing(channel, at)
    video = factories.VideoFactory()
    for _ in range(2):
        with pytest.raises(PlanRefused):
            wave([video], [channel], scheduled_at=at, on_conflict="reject")
    assert (Wave.objects.count(), Schedule.objects.count()) == (0, 1)
    conflict = recorded("minimum_gap")
    assert (conflict.resolution, conflict.state, conflict.wave) == ("rejected", ConflictState.OPEN, None)
    assert conflict.other_schedule_id == other.pk
    door().apply_alternative(conflict_id=conflict.pk, index=0)
    row = Schedule.objects.exclude(pk=other.pk).get()
    assert row.publish_at >= at + timedelta(minutes=60)
    conflict.refresh_from_db()
    assert (conflict.state, conflict.resolution) == (ConflictState.RESOLVED, "alternative")


def refused_by_a_lower_one(priority: int) -> tuple[Conflict, Schedule, datetime]:
    """Have a request of priority 9 refused because of one that would have to yield to it."""
    channel = factories.ChannelFactory(min_gap_minutes=60)
    at = in_hours(5)
    other = standing(channel, at, priority=priority)
    with pytest.raises(PlanRefused):
        wave([factories.VideoFactory()], [channel], scheduled_at=at, on_conflict="reject", priority=9)
    return recorded("minimum_gap"), other, at


def number_of(conflict: Conflict, kind: str) -> int:
    return next(n for n, offer in enumerate(conflict.alternatives) if offer["kind"] == kind)


@pytest.mark.parametrize("kind", ["preempt", "shift"])
def test_an_alternative_of_a_refused_request_is_carried_out_with_the_priority_of_the_request(kind):
    conflict, other, at = refused_by_a_lower_one(7)
    door().apply_alternative(conflict_id=conflict.pk, index=number_of(conflict, kind))
    row = Schedule.objects.exclude(pk=other.pk).get()
    other.refresh_from_db()
    an_hour_later = at + timedelta(hours=1)
    times = (at, an_hour_later) if kind == "preempt" else (an_hour_later, at)
    assert (row.publish_at, other.publish_at) == times
    assert row.priority == 9


def test_an_alternative_that_cannot_be_had_any_more_is_refused_and_nothing_else_is_done_instead():
    conflict, other, at = refused_by_a_lower_one(7)
    Schedule.objects.filter(pk=other.pk).update(overridden=True)  # somebody pinned it meanwhile
    with pytest.raises(PlanRefused, match="cannot be had any more"):
        door().apply_alternative(conflict_id=conflict.pk, index=number_of(conflict, "preempt"))
    conflict.refresh_from_db()
    assert (conflict.state, list(Schedule.objects.values_list("publish_at", flat=True))) == (
        ConflictState.OPEN,
        [at],
    )


def test_what_was_planned_by_an_alternative_is_not_said_to_be_left_out_by_a_second_one():
    conflict, _, _ = refused_by_a_lower_one(7)
    door().apply_alternative(conflict_id=conflict.pk, index=number_of(conflict, "shift"))
    for kind in ("shift", "skip"):
        with pytest.raises(IllegalTransition, match="is resolved"):
            door().apply_alternative(conflict_id=conflict.pk, index=number_of(conflict, kind))
    assert Schedule.objects.count() == 2
    assert Activity.objects.filter(verb="alternative_applied").count() == 1


def test_a_daily_cap_conflict_is_recorded_with_its_numbers():
    channel = factories.ChannelFactory(min_gap_minutes=0, daily_cap=1)
    at = (timezone.now() + timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
    standing(channel, at - timedelta(hours=3))
    made = wave([factories.VideoFactory()], [channel], scheduled_at=at).wave
    conflict = recorded("daily_cap")
    assert conflict.kind == "timing"
    assert "its daily cap is 1" in conflict.message
    assert Schedule.objects.get(wave=made).publish_at.date() > at.date()


def test_a_blackout_conflict_names_its_reason():
    channel = factories.ChannelFactory()
    at = in_hours(30)
    factories.BlackoutFactory(channel=channel, first_date=at.date(), last_date=at.date(), reason="mourning")
    made = wave([factories.VideoFactory()], [channel], scheduled_at=at).wave
    conflict = recorded("blackout")
    assert (conflict.kind, "mourning" in conflict.message) == ("timing", True)
    assert Schedule.objects.get(wave=made).publish_at == conflict.moved_to


def test_a_budget_conflict_is_recorded_as_a_resource(midday):
    Pool.objects.filter(name=pool_names.UPLOADS).update(capacity=1)
    channels = factories.ChannelFactory.create_batch(2)
    made = wave([factories.VideoFactory()], channels, scheduled_at=in_hours(1)).wave
    conflict = recorded("budget_exhausted")
    assert (conflict.kind, conflict.resolution) == ("resource", "shifted")
    assert "a Pacific day" in conflict.message
    assert Schedule.objects.filter(wave=made, publish_at__gt=in_hours(1)).count() == 2


def test_a_duplicate_conflict_names_where_the_content_went():
    channel, free = factories.ChannelFactory(), factories.ChannelFactory()
    video = factories.VideoFactory()
    factories.DistributionFactory(video=video, channel=channel, published=True)
    wave([video], [channel, free], on_conflict="skip")
    conflict = recorded("already_distributed")
    assert (conflict.kind, conflict.video_id, conflict.channel_id) == ("duplicate", video.pk, channel.pk)
    assert "published" in conflict.message


def test_a_rights_conflict_is_recorded_for_the_whole_video():
    channel = factories.ChannelFactory()
    good, bad = factories.VideoFactory(), factories.VideoFactory(source__rights_basis="")
    wave([good, bad], [channel], on_conflict="skip")
    conflict = recorded("no_rights_basis")
    assert (conflict.kind, conflict.video_id, conflict.channel_id) == ("rights", bad.pk, None)


def test_the_policy_warning_is_recorded_open_until_it_is_acknowledged():
    channels = factories.ChannelFactory.create_batch(4)
    wave([factories.VideoFactory()], channels, acknowledge_policy=False)
    conflict = recorded("same_asset_many_channels")
    assert (conflict.kind, conflict.state, conflict.resolution) == ("policy", ConflictState.OPEN, "open")
    wave([factories.VideoFactory()], channels, scheduled_at=in_hours(30))
    warned = Conflict.objects.filter(rule="same_asset_many_channels").latest("pk")
    assert (warned.state, warned.resolution) == (ConflictState.RESOLVED, "warned")
    with pytest.raises(PlanRefused, match=r"spam policy.*spacing\. Acknowledge that .* to go on\.$"):
        wave(
            [factories.VideoFactory()],
            channels,
            scheduled_at=in_hours(60),
            acknowledge_policy=False,
            on_conflict="reject",
        )


def test_a_credential_that_opens_nothing_is_a_channel_conflict():
    channel, free = factories.ChannelFactory(), factories.ChannelFactory()
    factories.CredentialFactory(channel=channel, revoked=True)
    wave([factories.VideoFactory()], [channel, free], on_conflict="skip")
    assert recorded("credential_revoked").kind == "channel"


def test_a_gap_of_a_week_is_seen_however_far_the_other_publication_lies():
    channel = factories.ChannelFactory(min_gap_minutes=7 * 24 * 60)
    other = standing(channel, in_hours(24))
    row = standing(channel, in_hours(24 * 30))
    with pytest.raises(PlanRefused, match="keeps 10080 min apart"):
        door().move_schedule(schedule_id=row.pk, publish_at=other.publish_at + timedelta(days=6))


def test_staging_jobs_that_are_not_claimed_yet_still_hold_their_part_of_the_day(midday):
    Pool.objects.filter(name=pool_names.UPLOADS).update(capacity=2)
    for _ in range(2):
        standing(
            factories.ChannelFactory(), in_hours(2), state=ScheduleState.STAGING, stage_at=timezone.now()
        )
    shown = wave(
        [factories.VideoFactory()], [factories.ChannelFactory()], scheduled_at=in_hours(1), dry_run=True
    )
    assert [c.rule for c in shown.plan.conflicts] == ["budget_exhausted"]


def test_the_request_is_kept_as_it_came_in():
    channel, video = factories.ChannelFactory(), Video.objects.get(pk=factories.VideoFactory().pk)
    at = in_hours(5)
    made = wave([video], [channel], scheduled_at=at).wave
    assert made.request["video_ids"] == [video.pk]
    assert made.request["scheduled_at"] == at.isoformat()
