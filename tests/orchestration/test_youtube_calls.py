"""A call to YouTube is charged before it is made, and its charge is closed by what is known of it."""

import pytest

from channels.gateways.errors import RemoteRejected, RemoteUncertain
from orchestration.models import BudgetEntry
from orchestration.pipeline.youtube_calls import charged
from orchestration.queue.pools import BudgetExhausted
from tests.orchestration.engine import capacity, publish_job, running

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keeps_invariants")]


@pytest.fixture(autouse=True)
def system(db):
    return running()


def charge(error=None):
    with charged("publish_now", "videos.update", publish_job()):
        assert BudgetEntry.objects.get().state == "charged", "before the call"
        if error is not None:
            raise error


def test_a_call_that_was_answered_is_settled():
    charge()
    entry = BudgetEntry.objects.get()
    assert (entry.state, entry.units, entry.call) == ("settled", 51, "videos.update")


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (RemoteRejected("no"), "settled"),
        (RemoteUncertain("timed out"), "unknown"),
        (ValueError("a fault of ours"), "unknown"),
    ],
)
def test_a_call_that_failed_is_settled_only_where_its_effect_is_known(error, state):
    with pytest.raises(type(error)):
        charge(error)
    assert BudgetEntry.objects.get().state == state


def test_what_the_budget_cannot_pay_is_not_called():
    capacity(youtube_units=50)
    with pytest.raises(BudgetExhausted), charged("publish_now", "videos.update", publish_job()):
        pytest.fail("it was called")
    assert not BudgetEntry.objects.exists()
