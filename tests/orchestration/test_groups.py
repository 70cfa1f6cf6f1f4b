"""Groups and labels stand for many channels, and a selection is read the same way everywhere."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.models import Label
from orchestration.errors import InvalidRequest, NotFound
from orchestration.lists import ActivityFilters, JobFilters, ScheduleFilters, WaveFilters
from orchestration.models import Activity, Job, NotificationRule, Schedule, Wave
from orchestration.notify import digest, rules, silences
from orchestration.register import selection
from orchestration.scheduling import standing_runs
from orchestration.scheduling.standing import StandingValues
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db


@pytest.fixture
def news():
    """Return the channels aurora, borealis and the disabled corona; the group news has all three."""
    rows = [
        factories.ChannelFactory(slug="aurora", name="Aurora"),
        factories.ChannelFactory(slug="borealis", name="Borealis Night"),
        factories.ChannelFactory(slug="corona", name="Corona", state="disabled"),
    ]
    group = door().add_channel_group(name="News", channel_ids=[row.pk for row in rows])
    return group, rows


def test_a_group_takes_its_slug_from_its_name_and_its_entry_names_its_channels(news):
    group, rows = news

    assert (group.slug, group.members) == ("news", 3)
    entry = Activity.objects.get(verb="group_added")
    assert entry.additional_data["members"]["channel"] == sorted(row.pk for row in rows)


def test_setting_the_channels_of_a_group_says_what_came_in_and_what_went_out(news):
    group, (aurora, borealis, corona) = news
    other = factories.ChannelFactory()

    changed = door().set_group_channels(group_id=group.pk, channel_ids=[aurora.pk, other.pk], reason="tidy")

    assert (changed.added, changed.removed) == ([other.pk], sorted([borealis.pk, corona.pk]))
    entry = Activity.objects.get(verb="group_channels_changed")
    assert (entry.before, entry.after, entry.reason) == ({"channels": 3}, {"channels": 2}, "tidy")


def test_adding_what_is_in_a_group_already_writes_nothing(news):
    group, rows = news

    assert door().add_group_channels(group_id=group.pk, channel_ids=[rows[0].pk]).added == []
    assert not Activity.objects.filter(verb="group_channels_changed").exists()


def test_a_name_or_slug_that_is_taken_or_unusable_is_refused_by_its_field(news):
    for given, field in [
        ({"name": "news"}, "name"),
        ({"name": "Other", "slug": "news"}, "slug"),
        ({"name": "Other", "slug": "two words"}, "slug"),
        ({"name": "Other", "slug": "new"}, "slug"),
        ({"name": "ニュース"}, "slug"),
        ({"name": " "}, "name"),
    ]:
        with pytest.raises(InvalidRequest) as refused:
            door().add_channel_group(**given)
        assert refused.value.field == field, given


def test_a_group_that_is_used_is_not_removed_and_names_what_uses_it(news):
    group, _ = news
    factories.StandingRuleFactory(name="evenings").groups.add(group)
    factories.NotificationRuleFactory(name="night shift").groups.add(group)

    with pytest.raises(InvalidRequest, match="the standing rule evenings, the notification rule night shift"):
        door().remove_channel_group(group_id=group.pk)


def test_labels_are_added_taken_off_and_set_on_many_at_once(news, django_assert_max_num_queries):
    _, (aurora, borealis, corona) = news
    ids = [aurora.pk, borealis.pk, corona.pk]

    with django_assert_max_num_queries(22):
        assert door().add_channel_labels(channel_ids=ids, labels=["DE", "live"]) == 3
    assert door().remove_channel_labels(channel_ids=ids[:1], labels=["live"]) == 1
    assert door().set_channel_labels(channel_ids=ids[1:2], labels=["en"]) == 1

    assert [sorted(row.labels.values_list("name", flat=True)) for row in (aurora, borealis, corona)] == [
        ["de"],
        ["en"],
        ["de", "live"],
    ]
    with pytest.raises(InvalidRequest, match="two words"):
        door().add_channel_labels(channel_ids=ids, labels=["two words"])


def test_a_label_goes_from_all_channels_but_not_while_a_rule_names_it(news):
    _, (aurora, *_) = news
    door().add_channel_labels(channel_ids=[aurora.pk], labels=["de"])
    label = Label.objects.get()
    rule = factories.StandingRuleFactory(name="german")
    rule.labels.add(label)

    with pytest.raises(InvalidRequest, match="the standing rule german"):
        door().remove_label(label_id=label.pk)
    rule.labels.clear()
    door().remove_label(label_id=label.pk)
    assert not aurora.labels.exists()


# ------------------------------------------------------------------------------------------------------------ selection


def test_words_name_channels_by_slug_id_group_label_and_search(news):
    _, (aurora, borealis, corona) = news
    door().add_channel_labels(channel_ids=[aurora.pk], labels=["de"])
    borealis_id, corona_id = borealis.pk, corona.pk

    assert selection.read_ids("Aurora, aurora") == [aurora.pk]
    assert selection.read_ids(["group:news"]) == [aurora.pk, borealis_id, corona_id]
    assert selection.read_ids(f"{borealis_id} label:DE") == [aurora.pk, borealis_id]
    assert selection.read_ids('search:"lis night"') == [borealis_id]
    assert selection.read_ids("all", enabled=True) == [aurora.pk, borealis_id]
    assert selection.read_ids("") == []


def test_a_disabled_channel_comes_with_its_name_but_not_with_its_group(news):
    _, (aurora, borealis, corona) = news

    assert selection.read_ids("group:news", enabled=True) == [aurora.pk, borealis.pk]
    assert selection.read_ids("group:news corona", enabled=True) == [aurora.pk, borealis.pk, corona.pk]


def test_each_word_that_names_nothing_is_named(news):
    with pytest.raises(NotFound, match="auror; aurora is near") as refused:
        selection.read("auror")
    assert refused.value.field == "channels"
    with pytest.raises(NotFound, match="nord, group:old, label:x"):
        selection.read("nord aurora group:old label:x")
    with pytest.raises(InvalidRequest, match="No channel is meant by label:empty"):
        factories.LabelFactory(name="empty")
        selection.read_ids("label:empty", some=True)


def test_a_selection_is_read_in_few_queries_whatever_it_names(news, django_assert_num_queries):
    slugs = [row.slug for row in factories.ChannelFactory.create_batch(30)]

    with django_assert_num_queries(3):
        chosen = selection.read(["group:news", *slugs])
        assert len(chosen.ids()) == 33


# ----------------------------------------------------------------------------------------------------------------- rules


def test_a_standing_rule_follows_its_group_and_an_empty_group_means_nobody(news):
    group, (_aurora, _borealis, _) = news
    rule = door().add_standing_rule(values=StandingValues(name="evenings", groups=["news"]))

    assert {row.slug for row in standing_runs._channels_of(rule)} == {"aurora", "borealis"}
    later = factories.ChannelFactory(slug="later")
    door().set_group_channels(group_id=group.pk, channel_ids=[later.pk])
    assert {row.slug for row in standing_runs._channels_of(rule)} == {"later"}
    door().set_group_channels(group_id=group.pk, channel_ids=[])
    assert standing_runs._channels_of(rule) == []


def test_a_notification_rule_and_a_silence_follow_their_group(news):
    group, (aurora, _borealis, _corona) = news
    factories.NotificationRuleFactory(name="news").groups.add(group)
    incident = factories.IncidentFactory(channel=aurora)
    silence = door().add_silence(until=timezone.now() + timedelta(hours=1), group="news")

    assert rules.enabled()[0].wants(incident)
    assert silences.holding(timezone.now())[0].covers(incident)
    door().set_group_channels(group_id=group.pk, channel_ids=[])
    assert not rules.enabled()[0].wants(incident)
    assert not silences.holding(timezone.now())[0].covers(incident)
    assert digest._schedules(rules.enabled()[0].channels).count() == 0
    with pytest.raises(InvalidRequest, match=f"the silence until {silence.until:%Y-%m-%d}"):
        NotificationRule.objects.all().delete()
        door().remove_channel_group(group_id=group.pk)


def test_lists_are_filtered_by_channels_in_words_by_group_and_by_label(news):
    _, (aurora, borealis, _) = news
    door().add_channel_labels(channel_ids=[aurora.pk], labels=["de"])
    mine = factories.ScheduleFactory(channel=aurora)
    other = factories.ScheduleFactory(channel=borealis)
    factories.ScheduleFactory()

    def found(**given):
        return set(ScheduleFilters(**given).filter(Schedule.objects.all()))

    assert found(channels=["group:news"]) == found(group=["news"]) == {mine, other}
    assert found(channels=["label:de"]) == found(label=["de"], group=["news"]) == {mine}
    assert found(channels=["aurora borealis"]) == {mine, other}
    with pytest.raises(ValueError, match="group:old"):
        found(channels=["group:old"])
    assert set(JobFilters(group=["news"]).filter(Job.objects.all())) == set()
    waves = WaveFilters(group=["news"]).filter(Wave.objects.all())
    entries = ActivityFilters(channels=["aurora"]).filter(Activity.objects.all())
    assert not waves.exists()
    assert {entry.verb for entry in entries} <= {"create"}
