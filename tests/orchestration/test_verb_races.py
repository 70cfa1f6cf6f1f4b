"""Two persons decide at once: a no wins over a move that has not seen it, whoever comes first."""

import pytest

from orchestration.errors import OrchestrationError
from orchestration.models import Activity, Schedule, Wave
from orchestration.states import OPEN_SCHEDULES, ScheduleState, WaveState
from tests import factories
from tests.engine_room import door
from tests.factories import in_
from tests.orchestration.engine import running, together

pytestmark = [
    pytest.mark.postgres_only,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("keeps_invariants"),
]
ROUNDS = 6


@pytest.fixture(autouse=True)
def system(transactional_db):
    """Let the system run, with its pools."""
    return running()


def at_once(*calls):
    """Do all at once; returns the status of each, and lets nothing pass but refusals."""
    outcomes = []
    for outcome in together(*calls):
        if isinstance(outcome, Exception) and not isinstance(outcome, OrchestrationError):
            raise outcome
        outcomes.append(outcome.status if isinstance(outcome, OrchestrationError) else 200)
    return outcomes


@pytest.mark.parametrize(
    ("verb", "state"), [("cancel", ScheduleState.CANCELLED), ("hold", ScheduleState.HELD)]
)
@pytest.mark.parametrize("with_version", [True, False])
def test_a_move_at_the_same_moment_undoes_no_cancel_and_no_hold(verb, state, with_version):
    for _ in range(ROUNDS):
        row = factories.ScheduleFactory(publish_at=in_(hours=9))
        seen = {"version": row.version} if with_version else {}
        said, moved = at_once(
            lambda row=row, seen=seen: getattr(door(), f"{verb}_schedule")(schedule_id=row.pk, **seen),
            lambda row=row, seen=seen: door().move_schedule(
                schedule_id=row.pk, publish_at=in_(hours=50), **seen
            ),
        )
        row.refresh_from_db()
        if with_version:
            assert sorted([said, moved]) == [200, 409]
        if said == 200:
            assert row.state == state


@pytest.mark.parametrize("verb", ["move", "reopen"])
def test_no_member_of_a_wave_that_is_cancelled_meanwhile_stays_planned_in_it(verb):
    for _ in range(ROUNDS):
        wave = factories.WaveFactory()
        rows = [factories.ScheduleFactory(publish_at=in_(hours=9), wave=wave) for _ in range(3)]
        if verb == "reopen":
            door().cancel_schedule(schedule_id=rows[1].pk)
        values = {"schedule_id": rows[1].pk, "publish_at": in_(hours=50)}
        cancelled, _ = at_once(
            lambda wave=wave: door().cancel_wave(wave_id=wave.pk),
            lambda values=values: getattr(door(), f"{verb}_schedule")(**values),
        )
        assert cancelled == 200
        assert Wave.objects.get(pk=wave.pk).state == WaveState.CANCELLED
        assert not Schedule.objects.filter(wave=wave, state__in=OPEN_SCHEDULES).exists()


def test_a_distribution_at_the_same_moment_plans_nothing_that_is_being_cancelled():
    for _ in range(ROUNDS):
        channel = factories.ChannelFactory(healthy=True)
        factories.CredentialFactory(channel=channel)
        for weekday in range(7):
            factories.PostingSlotFactory(channel=channel, weekday=weekday)
        row = factories.ScheduleFactory(channel=channel, publish_at=in_(hours=9))
        video = row.distribution.video_id
        said, _ = at_once(
            lambda row=row: door().cancel_schedule(schedule_id=row.pk),
            lambda video=video, channel=channel: door().distribute_videos(
                video_ids=[video], channel_ids=[channel.pk]
            ),
        )
        assert said == 200
        row.refresh_from_db()
        assert row.state == ScheduleState.CANCELLED


def entries_of(rows):
    return Activity.objects.filter(content_type__model="schedule", object_id__in=[row.pk for row in rows])


def test_two_bulks_over_the_same_rows_do_each_row_once_and_wait_for_each_other():
    """Whoever comes second is told of each row that it is so by now; nobody deadlocks, whatever order rows are named in."""
    for first, second in (("hold", "cancel"), ("hold", "hold"), ("cancel", "cancel")):
        rows = [factories.ScheduleFactory(publish_at=in_(hours=9)) for _ in range(4)]
        ids = [row.pk for row in rows]
        results = together(
            lambda ids=ids, verb=first: door().do_bulk(kind="schedule", verb=verb, ids=ids),
            lambda ids=ids, verb=second: door().do_bulk(kind="schedule", verb=verb, ids=ids[::-1]),
        )
        assert not [found for found in results if isinstance(found, Exception)], results
        by_verb = {(result.verb, len(result.done)) for result in results}
        states = set(Schedule.objects.filter(pk__in=ids).values_list("state", flat=True))
        if first == second:
            assert by_verb == {(first, 4), (first, 0)} and len(states) == 1
            assert entries_of(rows).filter(verb__in=["schedule_held", "schedule_cancelled"]).count() == 4
        else:
            assert states == {ScheduleState.CANCELLED} and ("cancel", 4) in by_verb


def test_a_bulk_on_channels_and_one_on_their_publications_never_deadlock():
    for _ in range(ROUNDS):
        rows = [factories.ScheduleFactory(publish_at=in_(hours=9)) for _ in range(3)]
        results = together(
            lambda rows=rows: door().do_bulk(
                kind="channel", verb="pause", ids=[row.channel_id for row in rows]
            ),
            lambda rows=rows: door().do_bulk(
                kind="schedule", verb="cancel", ids=[row.pk for row in reversed(rows)]
            ),
        )
        assert [len(getattr(result, "done", ())) for result in results] == [3, 3], results


def test_an_undo_overwrites_nothing_that_is_decided_at_the_same_moment():
    for _ in range(ROUNDS):
        rows = [factories.ScheduleFactory(publish_at=in_(hours=9)) for _ in range(3)]
        held = door().do_bulk(kind="schedule", verb="hold", ids=[row.pk for row in rows])
        undone, cancelled = together(
            lambda held=held: door().undo(correlation_id=held.correlation_id),
            lambda rows=rows: door().cancel_schedule(schedule_id=rows[1].pk),
        )
        assert not isinstance(cancelled, Exception), cancelled
        assert len(undone.done) + len(undone.refused) == 3
        states = dict(Schedule.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", "state"))
        assert states[rows[1].pk] == ScheduleState.CANCELLED
        assert {states[rows[0].pk], states[rows[2].pk]} == {ScheduleState.PLANNED}


@pytest.mark.parametrize("kind", ["schedule", "channel", "conflict"])
def test_an_action_is_taken_back_once_however_many_ask_for_it(kind):
    make, verb = {
        "schedule": (factories.ScheduleFactory, "hold"),
        "channel": (factories.ChannelFactory, "pause"),
        "conflict": (factories.ConflictFactory, "dismiss"),
    }[kind]
    for _ in range(ROUNDS):
        done = door().do_bulk(kind=kind, verb=verb, ids=[make().pk for _ in range(2)])
        answers = at_once(*[lambda cid=done.correlation_id: door().undo(correlation_id=cid)] * 3)
        assert sorted(answers) == [200, 409, 409]
        assert Activity.objects.filter(verb="action_undone", after__of=done.correlation_id).count() == 1
