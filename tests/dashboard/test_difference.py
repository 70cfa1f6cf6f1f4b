"""A preview begins with how the plan differs from the wish, and its buttons ask for something else."""

import re
from datetime import UTC, datetime, time

import pytest

from orchestration.models import Wave
from tests import factories

HTMX = {"HX-Request": "true"}
YEAR = datetime.now(UTC).year + 1

AT = datetime(YEAR, 5, 5, 18, tzinfo=UTC)


@pytest.fixture
def crowded(db):
    """Return a video and two channels; on the first another publication stands at the wished moment."""
    north = factories.ChannelFactory(name="North", timezone="Europe/Berlin", min_gap_minutes=52, healthy=True)
    east = factories.ChannelFactory(name="East", min_gap_minutes=0, healthy=True)
    factories.ScheduleFactory(channel=north, publish_at=AT)
    return factories.VideoFactory(title="Harbour"), north, east


def form(crowded, **changes):
    video, *channels = crowded
    return {
        "videos": [video.pk],
        "channels": [channel.pk for channel in channels],
        "timing": "simultaneous",
        "scheduled_at": f"{YEAR}-05-05T18:00",
        "zone": "UTC",
        "on_conflict": "shift",
    } | changes


def answer(console, crowded, address="/waves/preview/", **changes):
    return " ".join(console.post(address, form(crowded, **changes)).content.decode().split())


def test_the_difference_stands_beside_the_button_and_in_it(console, crowded):
    html = answer(console, crowded)
    assert "52 min later for both, because of North at 18:00" in html
    assert "Commit: 2 publications, 52 min later" in html
    assert f'value="without:{crowded[1].pk}"' in html


def test_a_way_plans_anew_with_the_form_changed(console, crowded):
    html = answer(console, crowded, way=f"without:{crowded[1].pk}")
    assert "Commit: 1 publication, as asked" in html
    kept = [
        part for part in html.split("<") if 'name="channels"' in part and f'value="{crowded[1].slug}"' in part
    ]
    assert kept == []
    html = answer(
        console, crowded, way=f"own_time:{crowded[0].pk},{crowded[1].pk},{YEAR}-05-05T18:52:00+00:00"
    )
    assert "Commit: 2 publications, as asked" in html
    assert f'name="at-{crowded[0].pk}-{crowded[1].pk}" form="wave-form" value="{YEAR}-05-05T20:52:00"' in html
    assert not Wave.objects.exists()


def test_the_times_that_could_be_had_instead_are_buttons_that_name_their_zone(console, crowded):
    video, north, _ = crowded
    factories.PostingSlotFactory(channel=north, weekday=AT.weekday(), local_time=time(23))
    slot, said = f"{YEAR}-05-05T21:00:00+00:00", "23:00 Europe/Berlin of North"
    html = answer(console, crowded)
    table = html[html.index('id="plan-conflicts"') :]
    assert f'value="own_time:{video.pk},{north.pk},{slot}"' in table and said in table
    beside, _, table = answer(console, crowded, channels=[north.pk]).partition('id="plan-conflicts"')
    assert f'value="moment:{slot}"' in beside and f'value="moment:{slot}"' in table and said in beside
    html = answer(console, crowded, channels=[north.pk], way=f"moment:{slot}")
    assert "Commit: 1 publication, as asked" in html and f'value="{YEAR}-05-05T21:00:00"' in html


@pytest.mark.parametrize(
    "way", ["x:y", "without:ü", "moment:9", "own_time:1,2", "own_time:1,99,2026-01-01", "moment:"]
)
def test_a_way_that_is_none_is_refused_or_changes_nothing(console, crowded, way):
    assert console.post("/waves/preview/", form(crowded, way=way), follow=True).status_code == 200


def test_a_video_is_previewed_on_its_own_page(console, crowded):
    address = f"/videos/{crowded[0].pk}/preview/"
    html = console.post(address, form(crowded), headers=HTMX).content.decode()
    assert "Commit: 2 publications, 52 min later" in html
    assert "own_time:" not in html
    whole = answer(console, crowded, address, way=f"without:{crowded[1].pk}")
    assert "Commit: 1 publication, as asked" in whole
    assert "<h1>Harbour</h1>" in whole


def test_the_button_commits_the_plan_that_it_stands_beside_or_says_what_it_is_now(console, crowded):
    shown = re.search(r'name="fingerprint" value="(\w+)"', answer(console, crowded))
    assert shown, "the button carries the plan"
    factories.ScheduleFactory(channel=crowded[1], publish_at=AT, priority=9)
    type(crowded[1]).objects.filter(pk=crowded[1].pk).update(min_gap_minutes=90)
    refused = console.post("/waves/schedule/", form(crowded, fingerprint=shown[1]), headers=HTMX)
    assert refused.status_code == 409 and "The plan is another one than was shown" in refused.content.decode()
    assert not Wave.objects.exists()
    again = re.search(r'name="fingerprint" value="(\w+)"', answer(console, crowded))[1]
    console.post("/waves/schedule/", form(crowded, fingerprint=again))
    assert Wave.objects.count() == 1
