"""Channels and videos are picked by searching on the server; what is chosen goes with the form in words."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.forms import WaveForm
from dashboard.picking import MOST_OPTIONS, channel_chips, channel_options, video_options
from orchestration.models import Schedule
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def many():
    """Return sixty channels in the group crowd, of which one is disabled."""
    rows = factories.ChannelFactory.create_batch(60)
    rows[0].state = "disabled"
    rows[0].save()
    group = factories.ChannelGroupFactory(slug="crowd", name="Crowd")
    group.channels.set(rows)
    return rows


def test_an_older_video_is_ticked_where_a_wave_is_planned_with_it(console):
    old = factories.VideoFactory(title="The old film", ready_at=timezone.now() - timedelta(days=900))
    factories.VideoFactory.create_batch(MOST_OPTIONS + 1)

    page = console.get(f"/waves/new/?video={old.pk}").content.decode()

    assert re.search(rf'name="videos" value="{old.pk}" checked>\s*<span>The old film', page)


def test_no_page_lists_all_channels(console, many):
    video = factories.VideoFactory()
    rule = factories.StandingRuleFactory()
    for address in (
        "/waves/new/",
        f"/videos/{video.pk}/",
        "/schedule/",
        "/jobs/",
        "/conflicts/",
        "/words/",
        "/distribute/",
        "/notifications/",
        f"/standing/{rule.pk}/",
    ):
        page = console.get(address).content.decode()
        assert sum(f'value="{row.pk}"' in page or f'value="{row.slug}"' in page for row in many) < 5, address


def test_a_search_offers_what_stands_for_many_first_and_counts_what_is_left(
    many, django_assert_max_num_queries
):
    with django_assert_max_num_queries(5):
        found = channel_options("channel", enabled=True)

    assert [chip.value for chip in found.many] == ['search:"channel"']
    assert len(found.single) == MOST_OPTIONS and found.left == 59 - MOST_OPTIONS
    assert channel_options("crow").many[0].value == "group:crowd"


def test_a_saved_view_of_channels_is_a_set_to_choose(operator, many):
    factories.SavedViewFactory(
        owner=operator, page="channels", name="Crowd now", query="group=crowd&state=active"
    )

    [chip] = [chip for chip in channel_options("crowd n", user_id=operator.pk).many if "saved" in chip.label]
    assert chip.note == "59" and many[1].slug in chip.value.split()


def test_a_pasted_list_is_one_option_and_names_what_it_does_not_know(many):
    first, second = many[1].slug, many[2].slug

    assert [chip.label for chip in channel_options(f"{first}, {second}").many] == ["2 channels"]
    assert "nobody" in channel_options(f"{first}, nobody").refusal


def test_more_than_forty_single_channels_are_shown_as_one_chip_more(many):
    chips = channel_chips([row.slug for row in many])

    assert len(chips) == 41 and len(chips[-1].value.split()) == 20


def test_videos_are_found_by_title_source_state_and_day_page_by_page():
    source = factories.SourceFactory(name="Archive")
    wanted = factories.VideoFactory(source=source, title="Market day")
    factories.VideoFactory.create_batch(MOST_OPTIONS + 3)
    factories.VideoFactory(state="found", title="Market night")

    def titles(*given):
        return [chip.value for chip in video_options(*given).single]

    assert titles("archive market", "", "", 1) == [str(wanted.pk)]
    assert titles("market", "ready", "", 1) == [str(wanted.pk)]
    assert titles("market", "", "2999-01-01", 1) == []
    assert video_options("", "", "", 1).next_page == 2 and video_options("", "", "", 2).next_page == 0


def test_a_form_reads_words_and_leaves_disabled_ones_of_a_group_out(many):
    video = factories.VideoFactory()
    data = {"videos": [video.pk], "channels": ["group:crowd"], "timing": "simultaneous", "zone": "UTC"}
    form = WaveForm(querydict(data | {"on_conflict": "shift"}))

    assert form.is_valid(), form.errors
    assert len(form.cleaned_data["channels"]) == 59

    form = WaveForm(querydict(data | {"on_conflict": "shift", "channels": ["group:crowd", "nobody"]}))
    assert "nobody" in str(form.errors["channels"]) and not form.is_valid()


def querydict(values):
    from django.http import QueryDict

    data = QueryDict(mutable=True)
    for name, value in values.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data


def test_a_list_is_filtered_by_a_group_and_an_older_link_by_id_still_opens(console, many):
    mine = factories.ScheduleFactory(channel=many[5], publish_at=timezone.now() + timedelta(hours=2))
    other = factories.ScheduleFactory(publish_at=timezone.now() + timedelta(hours=2))

    for address in ("/schedule/?channels=group:crowd", f"/schedule/?channel={many[5].pk}"):
        page = console.get(address)
        assert list(page.context["page"].object_list if page.context else Schedule.objects.none()) in (
            [mine],
            [],
        )
        assert str(mine.distribution.video) in page.content.decode()
        assert str(other.distribution.video) not in page.content.decode()


def test_what_is_asked_of_pickers_with_nonsense_is_answered(console):
    for address in (
        "/pick/channels/?q=%00",
        "/pick/channels/?q=%22%22%22",
        "/pick/channels/?q=" + "x" * 3000,
        "/pick/channels/count/?channels=group:nobody",
        "/pick/channels/count/",
        "/pick/videos/?q=a&state=nonsense&since=yesterday&page=-1",
    ):
        assert console.get(address).status_code == 200, address
