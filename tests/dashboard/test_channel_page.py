"""A channel's page: few statements, sections that work with and without a script, faults beside their fields."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels.models import Channel
from dashboard import system_bar
from tests import factories

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
MOST_STATEMENTS = 17


def statements(client, address: str) -> int:
    client.get(address)
    system_bar.forget()  # as for the first page of some moments
    with CaptureQueriesContext(
        connection,
    ) as caught:
        assert client.get(address).status_code == 200
    return len(caught)


@pytest.mark.parametrize("address", ["/channels/", "/channels/?sort=next", "/channels/first/"])
def test_a_page_takes_a_few_statements_whatever_there_is(console, address):
    first = factories.ChannelFactory(slug="first")
    factories.PostingSlotFactory(channel=first)
    factories.ScheduleFactory(channel=first)
    few = statements(console, address)
    for _ in range(5):
        row = factories.ScheduleFactory().channel
        factories.PostingSlotFactory(channel=row)
        factories.ScheduleFactory(channel=first)
        factories.JobFactory(channel=first)
    many = statements(console, address)
    assert many == few
    assert many <= MOST_STATEMENTS


def test_the_list_is_cut_sorted_and_filtered_by_group_and_label(console):
    rows = [factories.ChannelFactory(name=f"Channel {n:02}") for n in range(60)]
    group = factories.ChannelGroupFactory(slug="north", name="North")
    rows[59].groups.add(group)
    html = console.get("/channels/").content.decode()
    assert html.count('<tr id="channel-') == 25 and "60 of 60 channels" in html
    html = console.get("/channels/?group=north&sort=next").content.decode()
    assert "Channel 59" in html and "1 of 60 channels" in html
    assert 'name="channels" value="group:north"' in html, "an older link is a chip of the picker"
    html = console.get(f"/channels/?channels=group:north&channels={rows[0].slug}").content.decode()
    assert "2 of 60 channels" in html
    assert "Nothing fits these filters" in console.get("/channels/?q=nothing").content.decode()


def test_an_empty_list_says_the_first_step(console):
    html = console.get("/channels/").content.decode()
    assert "No channel yet" in html and 'href="/channels/new/"' in html


def test_a_new_channel_that_cannot_be_keeps_what_was_typed(console):
    answer = console.post("/channels/add/", {"name": "North", "timezone": "Mars", "executor": "github"})
    html = answer.content.decode()
    assert answer.status_code == 422 and 'value="Mars"' in html
    assert "is not an IANA time zone" in html and "needs a repository" in html
    made = console.post("/channels/add/", {"name": "North", "timezone": "UTC", "executor": "local"})
    assert made.headers["Location"] == "/channels/north/?open=week#section-week"


def test_a_section_is_saved_on_its_own_and_says_what_is_wrong_beside_its_field(console):
    row = factories.ChannelFactory(slug="north", daily_cap=6)
    html = console.get("/channels/north/section/pace/", headers=HTMX).content.decode()
    seen = re.search(r'name="seen" value="(\w+)"', html)[1]
    typed = {
        "section": "pace",
        "seen": seen,
        "min_gap_minutes": 60,
        "daily_cap": 0,
        "lead_time_minutes": 120,
        "misfire_policy": "hold",
        "misfire_grace_minutes": 10,
    }
    wrong = console.post("/channels/north/change/", typed, headers=HTMX)
    assert wrong.status_code == 422 and 'id="id_daily_cap_error"' in wrong.content.decode()
    assert wrong.headers["HX-Trigger"], "the page's script shows it where it belongs"
    Channel.objects.update(daily_cap=5)  # somebody else, meanwhile
    stale = console.post("/channels/north/change/", typed | {"daily_cap": 2}, headers=HTMX)
    assert stale.status_code == 409 and "was changed here since you looked" in stale.content.decode()
    seen = re.search(r'name="seen" value="(\w+)"', stale.content.decode())[1]
    saved = console.post("/channels/north/change/", typed | {"daily_cap": 2, "seen": seen})
    assert saved.headers["Location"] == "/channels/north/?open=pace#section-pace", "without a script"
    row.refresh_from_db()
    assert (row.daily_cap, row.misfire_policy) == (2, "hold")


def test_filters_are_fields_and_words_are_tried(console):
    source = factories.SourceFactory()
    row = factories.ChannelFactory(slug="north", filters={"min_height": 720, "languages": ["en"]})
    html = console.get("/channels/north/?open=takes").content.decode()
    assert 'name="min_height" value="720"' in html and "en</textarea>" in html
    typed = {
        "section": "takes",
        "languages": "de, pt-BR",
        "source_ids": [source.pk],
        "exclude_watermarked": "on",
    }
    console.post("/channels/north/change/", typed)
    row.refresh_from_db()
    assert row.filters == {
        "languages": ["de", "pt-BR"],
        "source_ids": [source.pk],
        "exclude_watermarked": True,
    }
    video = factories.VideoFactory(title="A walk")
    words = {"title": "{title}!", "video": video.pk}
    shown = console.post("/channels/north/preview-words/", words, headers=HTMX).content.decode()
    assert "A walk!" in shown and "Title: 7 of 100 characters" in shown
    console.post("/channels/north/edit-words/", words)
    row.refresh_from_db()
    assert row.title_template == "{title}!"


def test_the_week_and_blackouts_are_changed_by_plain_forms(console):
    row = factories.ChannelFactory(slug="north")
    console.post("/channels/north/add-slots/", {"days": [0, 4], "at": "18:30"})
    console.post("/channels/north/change-week/", {"add": "2 09:00"})
    slot = row.slots.get(weekday=2)
    console.post("/channels/north/change-week/", {"off": slot.pk})
    console.post("/channels/north/copy-day/", {"day": 2, "to": [3]})
    console.post("/channels/north/change-week/", {"remove": row.slots.get(weekday=4).pk})
    assert [(each.weekday, each.enabled) for each in row.slots.all()] == [(0, True), (2, False), (3, False)]
    other = factories.PostingSlotFactory()
    answer = console.post("/channels/north/change-week/", {"remove": other.pk}, headers=HTMX)
    assert answer.status_code == 404 and type(other).objects.filter(pk=other.pk).exists()
    dates = {"first_date": "2027-05-01", "last_date": "2027-05-02"}
    console.post("/channels/north/add-blackout/", dates)
    dark = row.blackouts.get()
    console.post(f"/channels/north/blackouts/{dark.pk}/change/", dates | {"reason": "fair"})
    html = console.get("/channels/north/section/blackouts/?year=2027", headers=HTMX).content.decode()
    assert re.search(r'data-day="2027-05-02"\s+title="fair"', html)
    console.post(f"/channels/north/blackouts/{dark.pk}/remove/")
    assert not row.blackouts.exists()


def test_a_secret_is_taken_and_never_shown(console):
    factories.ChannelFactory(slug="north")
    typed = {"client_id": "me", "client_secret": "s3cret", "refresh_token": "r3fresh"}
    html = console.post("/channels/north/set-credential/", typed, headers=HTMX).content.decode()
    assert "client secret and refresh token, encrypted" in html
    assert "s3cret" not in html and "r3fresh" not in html


def test_a_channel_that_something_rests_on_offers_to_be_disabled_instead(console):
    used = factories.ScheduleFactory().channel
    html = console.get(f"/channels/{used.slug}/section/end/", headers=HTMX).content.decode()
    assert "1 video was given to it" in html and 'data-action="disable"' in html
    factories.ChannelFactory(slug="fresh")
    assert console.post("/channels/fresh/remove/").headers["Location"] == "/channels/"


def test_no_section_is_an_address_of_another(console):
    factories.ChannelFactory(slug="north")
    assert console.get("/channels/north/section/secrets/").status_code == 404
    assert console.get("/channels/north/?open=secrets").status_code == 200
    plain = console.get("/channels/north/section/week/")
    assert plain.headers["Location"] == "/channels/north/?open=week#section-week"


def test_groups_are_ticked_and_labels_written(console):
    row = factories.ChannelFactory(slug="north")
    old, new = factories.ChannelGroupFactory(), factories.ChannelGroupFactory()
    row.groups.add(old)
    console.post("/channels/north/set-groups/", {"groups": [new.pk], "labels": "music, live"})
    assert list(row.groups.all()) == [new]
    assert [label.name for label in row.labels.all()] == ["live", "music"]
    wrong = console.post("/channels/north/set-groups/", {"labels": "not a word!"}, headers=HTMX)
    assert wrong.status_code == 422 and "errors" in wrong.content.decode() and row.groups.exists()
