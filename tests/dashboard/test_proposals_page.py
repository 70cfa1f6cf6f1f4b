"""What assistants propose, in the console: looked at, confirmed and refused by a person."""

import pytest

from orchestration.models import Activity
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def sam(client):
    client.force_login(factories.UserFactory(role="schedule", username="sam"))
    return client


def test_a_person_sees_what_it_would_do_and_confirms_it(sam):
    row = factories.ProposalFactory(
        arguments={"schedule_id": 7}, preview={"plan": {"summary": "one film at noon"}}
    )
    assert "Hold a publication" in sam.get("/proposals/").content.decode()
    html = sam.get(f"/proposals/{row.pk}/").content.decode()
    assert "one film at noon" in html
    assert "schedule_id" in html
    sam.post(f"/proposals/{row.pk}/confirm/")
    row.refresh_from_db()
    assert (row.state, row.decided_by) == ("confirmed", "sam")
    assert Activity.objects.get(verb="proposal_confirmed").trigger == "button"
    sam.post(f"/proposals/{row.pk}/refuse/", {"reason": "no"})
    row.refresh_from_db()
    assert (row.state, row.decision_reason) == ("refused", "no")


def test_what_has_expired_offers_no_button_and_takes_none(sam):
    row = factories.ProposalFactory(expired=True)
    assert "/confirm/" not in sam.get(f"/proposals/{row.pk}/").content.decode()
    said = sam.post(f"/proposals/{row.pk}/confirm/", follow=True).content.decode()
    assert "The proposal is expired" in said


def test_whoever_may_not_do_it_is_told_so(sam):
    row = factories.ProposalFactory(needs="operate")
    said = sam.post(f"/proposals/{row.pk}/confirm/", follow=True).content.decode()
    assert "needs operate" in said
    row.refresh_from_db()
    assert row.state == "waiting"
