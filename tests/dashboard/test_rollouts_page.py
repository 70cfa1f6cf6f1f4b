"""A rollout is shown before it begins, begins from the page, and refuses by its fields."""

import pytest

from orchestration.models import Job, Rollout
from tests import factories

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def channels():
    """Give three channels with repositories, none of which has its configuration yet."""
    return [factories.ChannelFactory(github=True, slug=f"c{n}", name=f"Channel {n}") for n in range(3)]


def test_what_would_be_written_is_shown_and_nothing_is(console, channels):
    sent = {"channels": ["c0", "c1", "c2"], "canary": "c1", "cohort_size": "1"}
    html = console.post("/rollouts/preview/", sent, headers=HTMX).content.decode()
    assert "3 channels in 3 cohorts" in html
    assert html.index("Channel 1") < html.index("Channel 0") < html.index("Channel 2")
    assert not Rollout.objects.exists() and not Job.objects.exists()
    whole = console.post("/rollouts/preview/", sent).content.decode()
    assert "3 channels in 3 cohorts" in whole and "<h1>Rollouts</h1>" in whole


def test_it_begins_with_the_canary(console, channels):
    console.post("/rollouts/begin/", {"channels": ["c0", "c1"], "canary": "c1", "cohort_size": "5"})
    rollout = Rollout.objects.get()
    assert rollout.members.count() == 2
    assert [job.channel.slug for job in Job.objects.select_related("channel")] == ["c1"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"cohort_size": "0"}, "channels at once"),
        ({"cohort_size": "1", "canary": "nowhere"}, "canary"),
        ({"cohort_size": "1", "channels": ["c0"], "canary": "c1"}, "not among the channels"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(console, channels, sent, said):
    for address in ("/rollouts/preview/", "/rollouts/begin/"):
        assert said in console.post(address, sent, headers=HTMX).content.decode()
    assert not Rollout.objects.exists()


def test_where_nothing_changed_there_is_nothing_to_begin(console):
    html = console.post("/rollouts/preview/", {"cohort_size": "3"}, headers=HTMX).content.decode()
    assert "nothing to write" in html
    told = console.post("/rollouts/begin/", {"cohort_size": "3"}, follow=True).content.decode()
    assert "Nothing has to be written" in told
    assert not Rollout.objects.exists()
