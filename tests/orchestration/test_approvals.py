"""What waits for an approval is neither armed nor public, whichever way is tried; what changes after one waits again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.states import MisfirePolicy
from orchestration.errors import IllegalTransition, InvalidRequest, NotPermitted, StaleVersion
from orchestration.models import Activity, Approval, Distribution, Schedule, Video
from orchestration.monitoring import invariants
from orchestration.monitoring.problems import problems
from orchestration.pipeline import approvals
from orchestration.scheduling import misfires
from orchestration.states import ScheduleState, Verdict
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db


@pytest.fixture
def careful(engine):
    """A channel whose publications wait for an approval."""
    channel = engine.channel()
    door().set_channel_approval(channel_id=channel.pk, needed=True)
    channel.refresh_from_db()
    return channel


def approve(row):
    return door().approve_publications(schedule_ids=[row.pk])


def play(engine):
    """Let a tick and its jobs pass, twice: what one leaves to the next is done, too."""
    for _ in range(2):
        engine.tick()
        engine.work()


def is_private(engine, row):
    row.refresh_from_db()
    shown = engine.on_youtube(row)
    return shown["privacy_status"] == "private" and not shown["publish_at"] and row.armed_for is None


def test_it_is_staged_and_not_armed_until_somebody_approves_it(engine, careful):
    row = engine.staged(careful)
    play(engine)
    assert is_private(engine, row)
    (waiting,) = door("read").get_reviews()
    assert (waiting.schedule.pk, waiting.wanted_by) == (row.pk, f"channel {careful.name}")
    assert [each["code"] for each in problems() if each["code"] == "approvals_wait"] == ["approvals_wait"]

    approve(row)
    play(engine)
    row.refresh_from_db()
    assert row.armed_for == row.publish_at
    assert door("read").get_reviews() == []
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    play(engine)
    row.refresh_from_db()
    assert row.state == ScheduleState.PUBLISHED
    assert invariants.check(ticking=True) == []


def test_a_source_can_want_it_too(engine):
    channel = engine.channel()
    row = engine.staged(channel)
    source = row.distribution.video.source
    door().set_source_approval(source_id=source.pk, needed=True)
    play(engine)
    assert is_private(engine, row)
    door().set_source_approval(source_id=source.pk, needed=False)
    play(engine)
    row.refresh_from_db()
    assert row.armed_for == row.publish_at


@pytest.mark.parametrize(
    ("policy", "state"),
    [
        (MisfirePolicy.PUBLISH_LATE, ScheduleState.MISSED),
        (MisfirePolicy.SKIP, ScheduleState.SKIPPED),
        (MisfirePolicy.HOLD, ScheduleState.HELD),
    ],
)
def test_what_is_not_approved_by_its_moment_follows_the_misfire_policy(engine, careful, policy, state):
    careful.misfire_policy = policy
    careful.save()
    row = engine.staged(careful)
    engine.pass_until(row.publish_at + timedelta(minutes=2))
    play(engine)
    assert is_private(engine, row)
    engine.pass_until(row.publish_at + timedelta(minutes=careful.misfire_grace_minutes + 1))
    play(engine)
    assert is_private(engine, row)
    assert row.state == state
    assert row.reason.startswith("not approved in time: ")


def test_what_is_approved_within_the_grace_goes_out_late(engine, careful):
    careful.misfire_policy, careful.misfire_grace_minutes = MisfirePolicy.PUBLISH_LATE, 60
    careful.save()
    row = engine.staged(careful)
    engine.pass_until(row.publish_at + timedelta(minutes=5))
    play(engine)
    assert is_private(engine, row)
    approve(row)
    play(engine)
    row.refresh_from_db()
    assert row.state == ScheduleState.PUBLISHED


def held_and_released(engine, row):
    door().hold_schedule(schedule_id=row.pk)
    door().release_schedule(schedule_id=row.pk)


def cancelled_and_reopened(engine, row):
    door().cancel_schedule(schedule_id=row.pk)
    door().reopen_schedule(schedule_id=row.pk, publish_at=timezone.now() + timedelta(minutes=10))


def paused_and_resumed(engine, row):
    door("admin").pause()
    engine.pass_until(row.publish_at + timedelta(minutes=2))
    door("admin").resume(choices={row.pk: "publish_now"})


def moved_near(engine, row):
    door().move_schedule(schedule_id=row.pk, publish_at=timezone.now() + timedelta(seconds=12))
    engine.pass_time(seconds=13)


def looked_at_first(engine, row):
    engine.pass_until(row.publish_at + timedelta(seconds=5))
    misfires.read_back_first(timezone.now())


WAYS = [held_and_released, cancelled_and_reopened, paused_and_resumed, moved_near, looked_at_first]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_way_round_leads_to_the_public(engine, careful, way):
    careful.misfire_policy, careful.misfire_grace_minutes = MisfirePolicy.PUBLISH_LATE, 600
    careful.min_gap_minutes = 0
    careful.save()
    row = engine.staged(careful)
    way(engine, row)
    for _ in range(3):
        play(engine)
        engine.pass_time(seconds=40)
    assert is_private(engine, row)
    assert Distribution.objects.get(pk=row.distribution_id).published_at is None
    assert [each for each in invariants.check(ticking=False) if "approved" in each.sentence] == []


def test_a_job_that_was_queued_before_looks_again_under_the_lock(engine, careful):
    row = engine.staged(careful)
    approve(row)
    engine.tick()  # its publish job is queued by now
    Video.objects.filter(pk=row.distribution.video_id).update(words={"title": "Quite another title"})
    engine.work()
    assert is_private(engine, row)


@pytest.mark.parametrize("what", ["words", "channel", "file", "picture"])
def test_a_change_takes_the_approval_back_and_disarms(engine, careful, what):
    row = engine.staged(careful)
    approve(row)
    play(engine)
    row.refresh_from_db()
    assert row.armed_for is not None
    video = row.distribution.video
    if what == "words":
        Video.objects.filter(pk=video.pk).update(words={"description": "New"})
    elif what == "picture":
        Video.objects.filter(pk=video.pk).update(
            words={"picture": factories.AttachmentFactory(video=video).pk}
        )
    elif what == "channel":
        careful.title_template = "{title} again"
        careful.save()
    else:
        Video.objects.filter(pk=video.pk).update(prepared_hash="9" * 64)
        video.renditions.update(content_hash="9" * 64)
    play(engine)
    assert is_private(engine, row)
    approval = Approval.objects.get()
    assert approval.verdict == Verdict.TAKEN_BACK
    entry = Activity.objects.get(verb="approval_taken_back")
    assert "what olga approved was changed since" in entry.reason
    assert [review.last.verdict for review in door("read").get_reviews()] == [Verdict.TAKEN_BACK]
    approve(row)
    play(engine)
    row.refresh_from_db()
    assert row.armed_for == row.publish_at


def test_what_is_approved_before_it_is_uploaded_goes_out(engine, careful):
    row = engine.planned(careful, minutes=5)
    approve(row)
    play(engine)
    row.refresh_from_db()
    assert row.armed_for == row.publish_at


def test_what_lies_on_youtube_is_what_is_seen(engine, careful):
    row = engine.staged(careful)
    title = door().get_reviews()[0].words.title
    Video.objects.filter(pk=row.distribution.video_id).update(words={"title": "Only here"})
    approve(row)
    play(engine)  # the look before arming finds that YouTube has another title
    assert is_private(engine, row)
    (review,) = door().get_reviews()
    assert review.words.title == title
    door().approve_publications(schedule_ids=[row.pk], seals=[review.seal])
    play(engine)
    row.refresh_from_db()
    assert row.armed_for == row.publish_at


def test_an_approval_is_for_what_was_seen(engine, careful):
    row = engine.staged(careful)
    (seen,) = door().get_reviews()
    Video.objects.filter(pk=row.distribution.video_id).update(words={"title": "Changed meanwhile"})
    with pytest.raises(StaleVersion, match="not as it was seen"):
        door().approve_publications(schedule_ids=[row.pk], seals=[seen.seal])
    (seen,) = door().get_reviews()
    assert seen.words.title == "Changed meanwhile"
    door().approve_publications(schedule_ids=[row.pk], seals=[seen.seal])


def test_what_is_refused_is_disarmed_and_waits_on(engine, careful):
    row = engine.staged(careful)
    approve(row)
    play(engine)
    with pytest.raises(InvalidRequest, match="say why"):
        door().refuse_publications(schedule_ids=[row.pk], reason=" ")
    door().refuse_publications(schedule_ids=[row.pk], reason="the wrong cut")
    play(engine)
    assert is_private(engine, row)
    (review,) = door().get_reviews()
    assert (review.last.verdict, review.last.reason) == (Verdict.REFUSED, "the wrong cut")


def test_switching_it_on_disarms_what_is_armed_and_takes_back_nothing_that_is_public(engine):
    channel = engine.channel(min_gap_minutes=0)
    public = engine.published(channel, minutes=2)
    armed = engine.armed(channel, minutes=8)
    change = door().set_channel_approval(channel_id=channel.pk, needed=True)
    assert (change.needed, change.disarmed, change.too_late) == (True, 1, 0)
    play(engine)
    assert is_private(engine, armed)
    assert engine.on_youtube(public)["privacy_status"] == "public"
    assert [each for each in invariants.check(ticking=True) if "approved" in each.sentence] == []


def test_a_run_of_github_stages_and_no_more(engine):
    channel = engine.channel("borealis", github=True)
    door().set_channel_approval(channel_id=channel.pk, needed=True)
    row = engine.planned(channel, minutes=5)
    for _ in range(4):
        play(engine)
        engine.pass_time(seconds=20)
    row.refresh_from_db()
    assert row.armed_for is None and row.distribution.published_at is None


def test_who_may_only_read_decides_nothing(engine, careful):
    row = engine.staged(careful)
    for call in (
        lambda: door("read").approve_publications(schedule_ids=[row.pk]),
        lambda: door("read").refuse_publications(schedule_ids=[row.pk], reason="no"),
        lambda: door("read").set_channel_approval(channel_id=careful.pk, needed=False),
    ):
        with pytest.raises(NotPermitted):
            call()


def test_what_is_over_takes_no_word(engine, careful):
    row = engine.staged(careful)
    door().cancel_schedule(schedule_id=row.pk)
    with pytest.raises(IllegalTransition, match="nothing waits"):
        approve(row)


def test_the_checker_sees_what_is_armed_or_public_without_an_approval(engine, careful):
    row = engine.staged(careful)
    Schedule.objects.filter(pk=row.pk).update(armed_for=row.publish_at)
    assert "nobody approved it" in " ".join(each.sentence for each in invariants.check(ticking=False))
    Schedule.objects.filter(pk=row.pk).update(armed_for=None)


def test_the_list_takes_few_queries_whatever_its_length(engine, careful, django_assert_max_num_queries):
    for number in range(6):
        engine.planned(careful, minutes=60 * (number + 1))
    with django_assert_max_num_queries(8):
        assert len(approvals.waiting()) == 6
