"""Who resumes chooses for each overdue publication, or for all, another way than its misfire policy's (F6)."""

from datetime import time, timedelta
from itertools import pairwise

import pytest
from django.core.management import call_command
from django.utils import timezone

from channels.models import PostingSlot
from orchestration.errors import InvalidRequest
from orchestration.models import Activity, Schedule, SystemState
from orchestration.planning.answers import MisfireAction
from orchestration.register import tokens
from orchestration.states import ScheduleState
from tests import factories
from tests.engine_room import door
from tests.orchestration.api_client import ApiClient
from tests.orchestration.engine import running

pytestmark = pytest.mark.django_db


@pytest.fixture
def backlog() -> list[Schedule]:
    """Return six publications, 5 minutes apart on a channel with a gap of 30, whose moments passed while it was paused."""
    running("paused")
    channel = factories.ChannelFactory(min_gap_minutes=30, misfire_grace_minutes=120, daily_cap=50)
    now = timezone.now()
    for weekday in range(7):
        for hour in range(24):
            PostingSlot.objects.create(channel=channel, weekday=weekday, local_time=time(hour))
    return [
        factories.ScheduleFactory(
            staged=True,
            channel=channel,
            distribution__channel=channel,
            publish_at=(now - timedelta(minutes=70 - 5 * number)).replace(microsecond=0),
        )
        for number in range(6)
    ]


def test_the_preview_has_what_the_policy_does_and_the_other_ways(backlog):
    items = door("read").preview_resume().items
    assert [item.action for item in items].count(MisfireAction.MISS) >= 3
    assert {way.choice for way in items[0].ways} == {"publish_now", "next_slot", "hold", "skip"}
    assert all(way.at > timezone.now() for way in items[0].ways if way.choice in {"publish_now", "next_slot"})


def test_what_would_be_missed_is_moved_to_next_slots_instead(backlog):
    chosen = [row.pk for row in backlog[3:]]
    door().resume(choices=dict.fromkeys(chosen, "next_slot"), reason="a night's backlog")
    moved = list(Schedule.objects.filter(pk__in=chosen).order_by("publish_at"))
    times = [row.publish_at for row in moved]
    assert all(at > timezone.now() and at.minute == 0 for at in times)
    assert len(set(times)) == 3
    assert {row.state for row in moved} == {ScheduleState.STAGED}
    assert Schedule.objects.get(pk=backlog[0].pk).publish_at == backlog[0].publish_at, (
        "the others follow the policy"
    )
    entry = Activity.objects.get(verb="overdue_chosen")
    assert set(entry.additional_data["members"]["schedule"]) == set(chosen)


def test_each_way_and_one_for_all_others(backlog):
    a, b, c, *others = backlog
    door().resume(choices={a.pk: "hold", b.pk: "skip", c.pk: "policy"}, all_as="publish_now")
    state = dict(Schedule.objects.values_list("pk", "state"))
    assert (state[a.pk], state[b.pk], state[c.pk]) == ("held", "skipped", "staged")
    times = sorted(
        Schedule.objects.filter(pk__in=[row.pk for row in others]).values_list("publish_at", flat=True)
    )
    assert times[0] < timezone.now() + timedelta(minutes=3)
    assert all(later - earlier >= timedelta(minutes=30) for earlier, later in pairwise(times))


def test_a_wrong_choice_is_refused_and_nothing_is_done(backlog):
    for choices, all_as, field in (
        ({backlog[0].pk: "burn"}, "policy", "choices"),
        ({}, "burn", "all_as"),
        ({987654: "skip"}, "policy", "choices"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            door().resume(choices=choices, all_as=all_as)
        assert refused.value.field == field
    assert SystemState.objects.get().state == "paused"


def test_the_preview_shows_what_a_person_released_as_published_late(backlog):
    row = backlog[0]
    type(row.channel).objects.update(misfire_policy="hold")
    Schedule.objects.filter(pk=row.pk).update(misfire_action=MisfireAction.PUBLISH_LATE)
    items = {item.schedule.pk: item for item in door("read").preview_resume().items}
    assert items[row.pk].action == MisfireAction.PUBLISH_LATE
    assert items[backlog[1].pk].action == MisfireAction.HOLD


def test_api_and_page_take_choices(backlog, client):
    api = ApiClient(tokens.issue("robot", "operate")[1])
    item = api.get("orchestration/preview-resume").json()["items"][0]
    assert item["ways"]
    wrong = api.post("orchestration/resume", {"choices": [{"schedule_id": backlog[0].pk, "choice": "burn"}]})
    assert wrong.status_code == 422
    client.force_login(factories.UserFactory(operator=True))
    page = client.post("/resume/", {"preview": "1"}).content.decode()
    assert f'name="choice-{backlog[0].pk}"' in page
    client.post("/resume/", {f"choice-{backlog[0].pk}": "skip", "all_as": "hold"})
    states = dict(Schedule.objects.values_list("pk", "state"))
    assert states.pop(backlog[0].pk) == "skipped"
    assert set(states.values()) == {"held"}


def test_the_command_line_takes_choices(backlog, capsys):
    a, b, *_ = backlog
    call_command("orchestration", "resume", "--yes", "--choose", f"{a.pk}=skip", "--overdue-as", "hold")
    states = dict(Schedule.objects.values_list("pk", "state"))
    assert (states[a.pk], states[b.pk]) == ("skipped", "held")
    with pytest.raises(SystemExit) as refused:
        call_command("orchestration", "resume", "--yes", "--choose", "burn")
    assert refused.value.code == 2
    assert "ID=WAY" in capsys.readouterr().err
