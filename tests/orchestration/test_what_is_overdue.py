"""What is overdue is the same wherever it is told: in the report, the problems, the checks and the metrics."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orchestration.engine import control
from orchestration.models import Schedule
from orchestration.models.querysets import ON_TIME
from orchestration.monitoring import checks, problems
from orchestration.planning.misfire import decide_misfire
from orchestration.scheduling import misfires
from tests.factories import ChannelFactory, ScheduleFactory, WaveFactory

pytestmark = pytest.mark.django_db

A_BIT = timedelta(seconds=30)


@pytest.fixture
def due():
    """Return a function that makes a publication whose moment passed so long ago."""

    def make(ago: timedelta = ON_TIME + A_BIT, **values) -> Schedule:
        return ScheduleFactory(publish_at=timezone.now() - ago, **values)

    return make


def told(client, channel) -> list[int]:
    """Return how many are overdue by the report, the problems, the channel's check and the metrics."""
    now = timezone.now()
    sentences = [p["sentence"] for p in problems.problems(now=now) if p["code"] == "overdue"]
    check = checks.of_overdue(channel, now)
    metrics = client.get("/metrics").content.decode().splitlines()
    return [
        control.report(now).overdue_schedules,
        int(sentences[0].split()[0]) if sentences else 0,
        0 if check.ok else int(check.sentence.split()[0]),
        int(
            float(next(line.split()[1] for line in metrics if line.startswith("headend_overdue_schedules ")))
        ),
    ]


@pytest.mark.parametrize(
    ("ago", "values", "count"),
    [
        (ON_TIME - A_BIT, {}, 0),
        (ON_TIME + A_BIT, {}, 1),
        (ON_TIME + A_BIT, {"staged": True}, 1),
        (ON_TIME + A_BIT, {"state": "publishing"}, 1),
        (ON_TIME + A_BIT, {"armed": True}, 1),
        (ON_TIME + A_BIT, {"held": True}, 0),
        (ON_TIME + A_BIT, {"state": "published"}, 0),
        (ON_TIME + A_BIT, {"state": "missed"}, 0),
        (-A_BIT, {}, 0),
    ],
)
def test_the_four_places_agree(admin_client, due, ago, values, count):
    channel = ChannelFactory()
    due(ago, channel=channel, **values)
    assert told(admin_client, channel) == [count] * 4


def test_what_is_overdue_is_no_longer_on_time_for_its_policy(due):
    row = due()
    assert list(misfires.overdue_schedules(timezone.now())) == [row]
    late = decide_misfire("skip", row.publish_at, timezone.now())
    assert late.action == "skip"
    on_time = decide_misfire("skip", timezone.now() - ON_TIME + A_BIT, timezone.now())
    assert on_time.action == "on_time"


@pytest.mark.parametrize(
    "values",
    [{"armed": True}, {"state": "publishing"}, {"channel__state": "paused"}, {"wave__state": "paused"}],
    ids=str,
)
def test_not_everything_overdue_is_left_to_its_policy(due, values):
    if "wave__state" in values:
        values = {"wave": WaveFactory(state="paused")}
    row = due(**values)
    assert list(Schedule.objects.overdue(timezone.now())) == [row]
    assert not misfires.overdue_schedules(timezone.now())
