"""Where two people are wanted, nobody approves what they edited themselves."""

import pytest

from orchestration.core.permissions import Actor
from orchestration.errors import NotPermitted
from orchestration.service import CentralOrchestrationService
from orchestration.words.answers import Subject, WordsEdit
from tests import factories

pytestmark = pytest.mark.django_db


def door(name):
    return CentralOrchestrationService(actor=Actor(name, "schedule"))


@pytest.fixture
def row(db):
    channel = factories.ChannelFactory(needs_approval_since=factories.in_(hours=-1))
    return factories.ScheduleFactory(channel=channel)


def edit(name, subject, pk, title):
    door(name).edit_words(edits=[WordsEdit(subject, pk, {"title": title}, None)])


def approve(name, row):
    return door(name).approve_publications(schedule_ids=[row.pk])


@pytest.mark.parametrize("of", ["publication", "video"])
def test_whoever_edited_it_waits_for_somebody_else(row, settings, of):
    settings.HEADEND_APPROVE_OWN_EDITS = False
    pk = row.distribution_id if of == "publication" else row.distribution.video_id
    edit("sue", Subject(of), pk, "A better title")
    with pytest.raises(NotPermitted, match="somebody else"):
        approve("sue", row)
    assert approve("tom", row)
    assert approve("sue", row), "what another has approved as it is now, they may, too"
    edit("sue", Subject(of), pk, "A still better title")
    with pytest.raises(NotPermitted):
        approve("sue", row)


def test_it_is_so_only_where_it_is_wanted(row):
    edit("sue", Subject("publication"), row.distribution_id, "A better title")
    assert approve("sue", row)
