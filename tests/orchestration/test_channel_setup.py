"""A channel is made, changed and removed by one set of rules, whoever asks; each change is kept as a revision."""

from datetime import date, time

import pytest

from channels.editing import ChannelValues, fingerprint
from channels.models import Channel, ConfigRevision
from orchestration.errors import InvalidRequest, NotFound, NotPermitted, StaleVersion, WordsRefused
from orchestration.models import Activity, Job
from orchestration.register.channel_edit import ChannelHasHistory
from orchestration.states import JobKind
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db
DAY = date(2027, 5, 1)


def change(channel: Channel, **values):
    options = {name: values.pop(name) for name in ("version", "seen", "accept_problems") if name in values}
    return door().change_channel(channel_id=channel.pk, values=ChannelValues(**values), **options)


def faults(refused) -> dict[str, str]:
    return {each["field"]: each["message"] for each in refused.value.details["errors"]}


def test_a_name_is_enough_and_the_slug_is_made_of_it():
    first = door().add_channel(values=ChannelValues(name="Müller & Söhne", timezone="Europe/Berlin"))
    second = door().add_channel(values=ChannelValues(name="Müller & Söhne"))
    assert (first.slug, second.slug) == ("muller-sohne", "muller-sohne-2")
    assert Activity.objects.filter(verb="channel_added").count() == 2
    assert not Activity.objects.filter(verb="create").exists(), "one entry says it"
    assert [row.number for row in ConfigRevision.objects.all()] == [1, 1]


def test_everything_that_is_wrong_is_named_at_once_by_its_field():
    there = factories.ChannelFactory(slug="north", youtube_channel_id="UC1")
    with pytest.raises(InvalidRequest) as refused:
        door().add_channel(
            values=ChannelValues(
                name="",
                slug="north",
                timezone="Mars/Olympus",
                youtube_channel_id="UC1",
                executor="github",
                daily_cap=0,
                min_gap_minutes=366 * 24 * 60 + 1,
                filters={"min_height": 0},
                tags=["a", ""],
            )
        )
    assert {
        "name",
        "slug",
        "timezone",
        "youtube_channel_id",
        "daily_cap",
        "min_gap_minutes",
        "filters",
        "tags",
    } <= set(faults(refused))
    assert there.name in faults(refused)["slug"]
    assert Channel.objects.count() == 1


@pytest.mark.parametrize("slug", ["new", "check", "sync"])
def test_a_slug_that_is_a_page_is_refused(slug):
    with pytest.raises(InvalidRequest) as refused:
        door().add_channel(values=ChannelValues(name="New", slug=slug))
    assert refused.value.field == "slug"
    assert door().add_channel(values=ChannelValues(name=slug)).slug == f"{slug}-2"


def test_a_change_is_written_recorded_and_kept_as_a_revision():
    channel = factories.ChannelFactory(daily_cap=6)
    changed = change(channel, daily_cap=3, filters={"min_height": 720, "languages": []})
    assert (changed.daily_cap, changed.filters) == (3, {"min_height": 720})
    entry = Activity.objects.get(verb="channel_changed")
    assert (entry.before["daily_cap"], entry.after["daily_cap"]) == (6, 3)
    assert ConfigRevision.objects.get().document["publishing"]["daily_cap"] == 3
    change(changed, daily_cap=3)
    assert Activity.objects.filter(verb="channel_changed").count() == 1, "nothing changed"
    assert changed.version == Channel.objects.get().version == channel.version + 1


def test_what_was_changed_meanwhile_is_refused_by_version_or_by_the_fields_themselves():
    channel = factories.ChannelFactory()
    seen = fingerprint(channel, ["daily_cap"])
    change(channel, min_gap_minutes=30)
    with pytest.raises(StaleVersion):
        change(channel, daily_cap=2, version=channel.version)
    change(channel, daily_cap=2, seen=seen)  # another section was changed, not this one
    with pytest.raises(StaleVersion):
        change(channel, daily_cap=4, seen=seen)


def test_another_repository_is_pinned_anew_and_the_channel_is_looked_at_again():
    channel = factories.ChannelFactory(github=True, repository_id=700)
    assert change(channel, repository=channel.repository.upper()).repository_id == 700
    assert change(channel, repository="headend/another").repository_id is None
    assert Job.objects.get(kind=JobKind.CHECK).asked


def test_templates_are_tried_on_what_waits_and_refused_if_they_break_it():
    channel = factories.ScheduleFactory().channel
    with pytest.raises(InvalidRequest) as refused:
        change(channel, title_template="{nonsense}", language="klingonisch")
    assert set(faults(refused)) == {"title_template", "language"}
    with pytest.raises(WordsRefused):
        change(channel, title_template="x" * 95 + " {channel}")
    assert change(channel, title_template="x" * 95 + " {channel}", accept_problems=True).title_template
    assert Activity.objects.filter(verb="words_changed").count() == 1


def test_a_filter_names_only_sources_that_there_are():
    source = factories.SourceFactory()
    channel = factories.ChannelFactory()
    assert change(channel, filters={"source_ids": [source.pk]}).filters == {"source_ids": [source.pk]}
    with pytest.raises(InvalidRequest, match="no source 4711"):
        change(channel, filters={"source_ids": [4711]})


def test_a_channel_is_removed_only_while_nothing_rests_on_it():
    fresh, used = factories.ChannelFactory(), factories.ScheduleFactory().channel
    door().remove_channel(channel_id=fresh.pk)
    assert not Channel.objects.filter(pk=fresh.pk).exists()
    assert Activity.objects.get(verb="channel_removed").before["name"] == fresh.name
    with pytest.raises(ChannelHasHistory, match=r"1 video was given to it.*Disable"):
        door().remove_channel(channel_id=used.pk)
    named = factories.ChannelFactory()
    rule = factories.NotificationRuleFactory(name="Night watch")
    rule.channels.add(named)
    with pytest.raises(ChannelHasHistory, match="Night watch"):
        door().remove_channel(channel_id=named.pk)


def test_a_credential_is_sealed_checked_and_never_said():
    channel = factories.ChannelFactory()
    with pytest.raises(InvalidRequest) as refused:
        door().set_credential(channel_id=channel.pk, client_id="me", client_secret="s3cret")
    assert refused.value.field == "refresh_token"
    row = door().set_credential(
        channel_id=channel.pk, client_id="me", client_secret="s3cret", refresh_token="r3fresh"
    )
    assert (row.client_secret, row.refresh_token) == ("s3cret", "r3fresh")
    door().set_credential(channel_id=channel.pk, client_id="me", client_secret="an0ther")
    row.refresh_from_db()
    assert (row.client_secret, row.refresh_token) == ("an0ther", "r3fresh")
    told = str(list(Activity.objects.values()))
    assert "s3cret" not in told and "r3fresh" not in told
    assert Job.objects.get(kind=JobKind.CHECK).channel == channel


def test_whoever_may_only_read_changes_nothing():
    channel = factories.ChannelFactory()
    with pytest.raises(NotPermitted):
        door("read").change_channel(channel_id=channel.pk, values=ChannelValues(daily_cap=1))


# -- revisions -----------------------------------------------------------------------------------------------------


def test_an_earlier_revision_is_shown_compared_and_brought_back_as_a_new_one():
    channel = door().add_channel(values=ChannelValues(name="North", daily_cap=6))
    door().add_slots(channel_id=channel.pk, weekdays=[0, 4], local_times=[time(18)])
    door().add_blackout(channel_id=channel.pk, first_date=DAY, last_date=DAY)
    change(channel, daily_cap=2, slug="northern", title_template="{title} | {channel}")
    assert [row.number for row in door().get_revisions(channel_id=channel.pk)] == [4, 3, 2, 1]
    differs = door().diff_revisions(channel_id=channel.pk, first=1, second=4).changes
    by_field = {each.field: (each.before, each.after) for each in differs}
    assert by_field["publishing.slots"] == ("", "Monday 18:00, Friday 18:00")
    assert by_field["publishing.daily_cap"] == ("6", "2")

    foreseen = door().roll_back_configuration(channel_id=channel.pk, number=2, dry_run=True)
    assert {each.field for each in foreseen.changes} == {
        "publishing.blackouts",
        "publishing.daily_cap",
        "metadata.title_template",
    }
    assert Channel.objects.get().daily_cap == 2 and channel.blackouts.exists()
    assert any("north" in sentence for sentence in foreseen.left_out), "the slug stays, and that is said"

    done = door().roll_back_configuration(channel_id=channel.pk, number=2)
    row = Channel.objects.get()
    assert done.changes == foreseen.changes
    assert (row.daily_cap, row.slug, row.title_template) == (6, "northern", "{title}")
    assert not row.blackouts.exists() and row.slots.count() == 2
    assert row.revisions.order_by("-number").first().number == 5
    assert Activity.objects.get(verb="configuration_rolled_back").after["revision"] == 2


def test_going_back_keeps_what_was_changed_elsewhere_and_leaves_what_is_gone_out():
    source = factories.SourceFactory()
    channel = door().add_channel(
        values=ChannelValues(name="North", filters={"source_ids": [source.pk], "min_height": 720})
    )
    Channel.objects.update(daily_cap=1)  # by the admin
    source.delete()
    done = door().roll_back_configuration(channel_id=channel.pk, number=1)
    assert Channel.objects.get().filters == {"min_height": 720}
    assert any("gone" in sentence for sentence in done.left_out)
    assert [row.document["publishing"]["daily_cap"] for row in channel.revisions.order_by("number")] == [
        6,
        1,
        6,
    ]


def test_a_revision_that_there_is_not_is_refused_by_name():
    channel = factories.ChannelFactory()
    with pytest.raises(NotFound) as refused:
        door().roll_back_configuration(channel_id=channel.pk, number=9)
    assert refused.value.field == "number"


# -- words ---------------------------------------------------------------------------------------------------------


def test_words_are_shown_with_a_real_video_before_they_are_saved():
    channel = factories.ChannelFactory(name="North")
    video = factories.VideoFactory(title="A walk")
    shown = door().preview_channel_words(channel_id=channel.pk, words={"title": "{title} on {channel}"})
    assert (shown.video_id, shown.words.title, shown.faults) == (video.pk, "A walk on North", {})
    shown = door().preview_channel_words(channel_id=channel.pk, words={"title": "{tilte}"}, video_id=video.pk)
    assert shown.words.title == "A walk" and "{tilte}" in shown.faults["title"]
    video.delete()
    assert door().preview_channel_words(channel_id=channel.pk, words={}).video_id is None
