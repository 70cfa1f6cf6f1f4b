"""Two persons decide at once: a no wins over a move that has not seen it, whoever comes first."""

import pytest

from orchestration.errors import OrchestrationError
from orchestration.models import Schedule, Wave
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
