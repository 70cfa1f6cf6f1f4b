"""Whoever withdraws the right to publish a source's videos has what YouTube would publish of it taken back."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orchestration.errors import InvalidRequest, NotFound
from orchestration.models import Activity, Source
from orchestration.pipeline import publish
from orchestration.states import DistributionState, RightsBasis, ScheduleState, Trigger
from tests import factories
from tests.engine_room import PUBLISHED, STAGED, door, state_of

pytestmark = pytest.mark.django_db
HELD = (ScheduleState.HELD, DistributionState.STAGED)


def source_of(row) -> Source:
    return row.distribution.video.source


def test_what_is_armed_of_it_is_held_and_disarmed_and_counted(engine):
    row, other = engine.armed(engine.channel()), engine.armed(engine.channel("borealis"))
    source = source_of(row)
    answer = door().set_source_rights(source_id=source.pk, rights_basis="", reason="the licence ended")
    assert (answer.held, answer.too_late) == (1, 0)
    assert answer.source.rights_basis == RightsBasis.NONE
    engine.work()
    assert engine.on_youtube(row)["publish_at"] is None
    assert engine.on_youtube(other)["publish_at"] is not None
    assert state_of(row) == HELD
    entry = Activity.objects.get(verb="source_rights_changed")
    assert (entry.before["rights_basis"], entry.after["rights_basis"]) == ("owned", "")
    assert (entry.reason, entry.after["held"], entry.after["too_late"]) == ("the licence ended", 1, 0)
    assert entry.additional_data["members"] == {"schedule": [row.pk]}
    held = Activity.objects.get(verb="schedule_held", object_id=row.pk)
    assert "no rights basis" in held.reason
    engine.pass_until(row.publish_at + timedelta(minutes=2))
    assert len(engine.publications()) == 1
    assert state_of(row) == HELD


def test_what_goes_public_in_this_second_is_counted_and_not_touched(engine):
    row = engine.armed(engine.channel())
    engine.stand_still_at(row.publish_at - timedelta(seconds=1))
    answer = door().set_source_rights(source_id=source_of(row).pk, rights_basis="")
    assert (answer.held, answer.too_late) == (0, 1)
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    engine.work()
    assert state_of(row) == PUBLISHED


def test_rights_that_are_given_or_changed_take_nothing_back(engine):
    row = engine.armed(engine.channel())
    answer = door().set_source_rights(
        source_id=source_of(row).pk, rights_basis="licensed", rights_note="no 7"
    )
    assert (answer.held, answer.source.rights_basis, answer.source.rights_note) == (0, "licensed", "no 7")
    assert state_of(row) == STAGED
    row.refresh_from_db()
    assert row.armed_for is not None


def test_rights_withdrawn_during_the_arming_call_take_its_time_back(engine):
    row = engine.staged(engine.channel(), minutes=10)
    engine.tick()
    set_publish_at = publish.YouTubeGateway.set_publish_at

    def withdrawn_meanwhile(gateway, video_id, instant):
        door().set_source_rights(source_id=source_of(row).pk, rights_basis="")
        return set_publish_at(gateway, video_id, instant)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish.YouTubeGateway, "set_publish_at", withdrawn_meanwhile)
        engine.work_one()
    engine.retry_now()
    engine.work()
    assert engine.on_youtube(row)["publish_at"] is None
    assert state_of(row) == HELD


def test_what_was_held_can_be_released_once_there_are_rights_again(engine):
    row = engine.armed(engine.channel(), minutes=10)
    source = source_of(row)
    door().set_source_rights(source_id=source.pk, rights_basis="")
    engine.work()
    door().set_source_rights(source_id=source.pk, rights_basis="owned")
    door().release_schedule(schedule_id=row.pk)
    engine.tick()
    engine.work()
    engine.pass_until(row.publish_at + timedelta(seconds=2))
    engine.tick()
    engine.work()
    assert state_of(row) == PUBLISHED


def test_an_unknown_source_and_an_unknown_basis_are_named():
    with pytest.raises(NotFound) as error:
        door().set_source_rights(source_id=4711, rights_basis="")
    assert error.value.field == "source_id"
    source = factories.SourceFactory()
    with pytest.raises(InvalidRequest) as error:
        door().set_source_rights(source_id=source.pk, rights_basis="borrowed")
    assert error.value.field == "rights_basis"


def test_the_admins_form_takes_back_through_the_same_door_and_says_how_many(admin_client):
    row = factories.ScheduleFactory(staged=True, publish_at=timezone.now() + timedelta(minutes=10))
    type(row).objects.update(armed_for=row.publish_at)
    source = source_of(row)
    form = {
        "name": "renamed",
        "url": source.url,
        "rights_basis": "",
        "rights_note": "ended",
        "priority": source.priority,
        "language": source.language,
        "scrape_interval_minutes": source.scrape_interval_minutes,
        "item_limit": source.item_limit,
    }
    answer = admin_client.post(
        reverse("admin:orchestration_source_change", args=[source.pk]), form, follow=True
    )
    assert "1 armed publication was taken back" in answer.content.decode()
    source.refresh_from_db()
    assert (source.name, source.rights_basis, source.rights_note) == ("renamed", "", "ended")
    assert Activity.objects.get(verb="source_rights_changed").trigger == Trigger.ADMIN
    assert state_of(row)[0] == ScheduleState.HELD
