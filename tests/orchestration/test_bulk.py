"""One verb for many rows is shown with what is refused and why, done as one action, and taken back where that can be."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orchestration.engine import bulk
from orchestration.errors import IllegalTransition, InvalidRequest, NotFound, StaleState
from orchestration.lists import BULK_LISTS
from orchestration.models import Activity, Job, Schedule
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db


def scheduled(count=3, **given):
    return [factories.ScheduleFactory(**given) for _ in range(count)]


def ids(rows):
    return [row.pk for row in rows]


def state_of(row):
    row.refresh_from_db()
    return row.state


def test_a_preview_counts_what_is_refused_by_cause_and_writes_nothing():
    open_ones, over = scheduled(3), scheduled(2, published=True)

    shown = door().preview_bulk(kind="schedule", verb="hold", ids=ids(open_ones + over))

    assert (len(shown.done), shown.refused_count, shown.total) == (3, 2, 5)
    [refusal] = shown.refused
    assert refusal.count == 2 and refusal.cause.startswith("It is published")
    assert {state_of(row) for row in open_ones} == {"planned"} and not Activity.objects.filter(
        verb="bulk_hold"
    ).exists()


def test_what_was_shown_is_done_with_one_entry_that_names_all_and_one_of_each():
    open_ones, over = scheduled(3), scheduled(1, published=True)

    done = door().do_bulk(kind="schedule", verb="hold", ids=ids(open_ones + over), reason="storm")

    assert {state_of(row) for row in open_ones} == {"held"} and done.refused_count == 1
    entry = Activity.objects.get(verb="bulk_hold")
    assert (sorted(entry.additional_data["members"]["schedule"]), entry.reason) == (
        sorted(ids(open_ones)),
        "storm",
    )
    assert entry.after == {"kind": "schedule", "done": 3, "refused": 1}
    of_members = Activity.objects.filter(cid=done.correlation_id, content_type__model="schedule")
    assert of_members.count() == 3


def test_all_that_fit_the_filters_of_a_list_are_meant(django_assert_max_num_queries):
    group = factories.ChannelGroupFactory(slug="news")
    rows = scheduled(4)
    group.channels.add(rows[0].channel, rows[1].channel)
    for row in rows:
        row.channel.state = "paused"
        row.channel.save()

    with django_assert_max_num_queries(12):
        shown = door().preview_bulk(kind="channel", verb="resume", filters={"group": ["news"]})
    assert shown.total == 2
    door().do_bulk(kind="channel", verb="resume", filters={"group": ["news"]})
    assert [state_of(row.channel) for row in rows] == ["active", "active", "paused", "paused"]


def test_a_thousand_rows_are_shown_in_few_queries(django_assert_max_num_queries):
    channel = factories.ChannelFactory()
    jobs = [factories.JobFactory.build(channel=channel, dedupe_key=f"k{n}") for n in range(1000)]
    type(jobs[0]).objects.bulk_create(jobs)

    with django_assert_max_num_queries(8):
        shown = door().preview_bulk(kind="job", verb="cancel", filters={"state": ["open"]})
    assert len(shown.done) == 1000 and len(shown.names) == bulk.MEMBERS_NAMED


def _made(kind, count):
    make = {
        "channel": lambda: factories.ChannelFactory(),
        "schedule": lambda: (
            factories.JobFactory(
                schedule=(row := factories.ScheduleFactory()),
                distribution=row.distribution,
                channel=row.channel,
                kind="stage",
            ).schedule
        ),
        "job": lambda: factories.JobFactory(kind="check", channel=factories.ChannelFactory()),
        "conflict": lambda: factories.ConflictFactory(),
        "source": lambda: factories.SourceFactory(),
        "wave": lambda: _wave_of_two(),
    }[kind]
    return [make() for _ in range(count)]


def _wave_of_two():
    wave = factories.WaveFactory()
    factories.ScheduleFactory(wave=wave)
    armed_for = timezone.now() + timedelta(days=3)
    factories.ScheduleFactory(wave=wave, state="staged", publish_at=armed_for, armed_for=armed_for)
    return wave


@pytest.mark.parametrize(
    ("kind", "verb"),
    [
        *(("channel", verb) for verb in ("pause", "disable")),
        *(("schedule", verb) for verb in ("hold", "cancel", "bump")),
        *(("job", verb) for verb in ("cancel", "bump")),
        ("conflict", "dismiss"),
        *(("source", verb) for verb in ("pause", "scrape")),
        *(("wave", verb) for verb in ("pause", "cancel")),
    ],
)
def test_many_cost_no_more_statements_than_few_and_say_of_each_what_one_alone_says(kind, verb):
    first, few, many, alone = (_made(kind, count) for count in (1, 2, 12, 1))
    door().do_bulk(kind=kind, verb=verb, ids=ids(first))  # content types are read once
    counts = []
    for rows in (few, many):
        with CaptureQueriesContext(connection) as asked:
            done = door().do_bulk(kind=kind, verb=verb, ids=ids(rows), reason="storm")
        counts.append(len(asked))
        assert len(done.done) == len(rows)
    assert counts[1] <= counts[0] <= 40
    single = door()
    said = {} if verb == "scrape" else {"reason": "storm"}  # a source is read without a reason
    getattr(single, f"{verb}_{kind}")(**{f"{kind}_id": alone[0].pk}, **said)

    def told(cid, model):
        found = Activity.objects.filter(cid=cid, content_type__model=model)
        return {(row.verb, row.reason, tuple(row.before or ()), tuple(row.after or ())) for row in found}

    for model in ("channel", "schedule", "distribution", "job", "conflict", "wave", "source"):
        assert told(done.correlation_id, model) == told(single.correlation_id, model)


@pytest.mark.parametrize("kind", ["source", "wave"])
def test_what_was_paused_together_goes_on_together_in_as_few_statements(kind):
    counts = []
    for rows in (_made(kind, 2), _made(kind, 2), _made(kind, 12)):
        door().do_bulk(kind=kind, verb="pause", ids=ids(rows))
        active = _made(kind, 1)
        with CaptureQueriesContext(connection) as asked:
            done = door().do_bulk(kind=kind, verb="resume", ids=ids(rows + active))
        counts.append(len(asked))
        assert (len(done.done), done.refused_count) == (len(rows), 1)
    assert counts[2] <= counts[1] <= 40
    if kind == "source":
        assert Job.objects.filter(kind="scrape", source__isnull=False).count() == 16


def test_a_wave_with_one_that_cannot_be_cancelled_is_left_whole_and_keeps_no_other_from_it(monkeypatch):
    stuck, free = _wave_of_two(), _wave_of_two()
    said = "Publication may be public."
    of_stuck = set(Schedule.objects.filter(wave=stuck).values_list("pk", flat=True))
    whole = Schedule.why_not
    monkeypatch.setattr(
        Schedule,
        "why_not",
        lambda row, verb: said if verb == "cancel" and row.pk in of_stuck else whole(row, verb),
    )
    done = door().do_bulk(kind="wave", verb="cancel", ids=[stuck.pk, free.pk])
    assert done.done == [free.pk] and [refusal.cause for refusal in done.refused] == [said]
    assert {state_of(stuck), state_of(free)} == {"scheduled", "cancelled"}
    assert not Schedule.objects.filter(wave=stuck, state="cancelled").exists()


def test_what_only_one_row_stands_against_keeps_no_other_from_it(monkeypatch):
    rows = scheduled(3)

    def changed_meanwhile(rows, *_, **__):
        if rows:
            raise StaleState("some schedules changed in the meantime; look again.")

    monkeypatch.setattr("orchestration.scheduling.rows.transition_each", changed_meanwhile)
    done = door().do_bulk(kind="schedule", verb="hold", ids=ids(rows))
    assert len(done.done) == 3 and {state_of(row) for row in rows} == {"held"}


def test_an_undo_of_many_costs_no_more_statements_than_one_of_few():
    counts = []
    for kind, verb in (("channel", "pause"), ("schedule", "hold")):
        for count in (2, 12):
            rows = scheduled(count) if kind == "schedule" else _made(kind, count)
            done = door().do_bulk(kind=kind, verb=verb, ids=ids(rows))
            with CaptureQueriesContext(connection) as asked:
                undone = door().undo(correlation_id=done.correlation_id)
            counts.append(len(asked))
            assert (len(undone.done), len({state_of(row) for row in rows})) == (count, 1)
    assert counts[1] <= counts[0] <= 40 and counts[3] <= counts[2] <= 40


@pytest.mark.parametrize(
    ("kind", "verb", "values"),
    [
        ("schedule", "cancel", {}),
        ("schedule", "move", {"minutes": 30}),
        ("source", "pause", {}),
        ("wave", "pause", {}),
        ("conflict", "dismiss", {}),
    ],
)
def test_an_undo_of_many_is_made_in_sets_whatever_was_done(kind, verb, values):
    counts = []
    for count in (2, 2, 12):
        rows = scheduled(count) if kind == "schedule" else _made(kind, count)
        before = [(state_of(row), getattr(row, "publish_at", None)) for row in rows]
        done = door().do_bulk(kind=kind, verb=verb, ids=ids(rows), values=values)
        with CaptureQueriesContext(connection) as asked:
            undone = door().undo(correlation_id=done.correlation_id)
        counts.append(len(asked))
        assert (len(undone.done), len(undone.refused)) == (count, 0)
        assert [(state_of(row), getattr(row, "publish_at", None)) for row in rows] == before
    assert counts[2] <= counts[1] <= 60


def test_publications_are_moved_together_and_each_makes_room_for_the_one_before_it():
    channel = factories.ChannelFactory(min_gap_minutes=60)
    at = timezone.now().replace(microsecond=0) + timedelta(days=2)
    first = factories.ScheduleFactory(channel=channel, publish_at=at)
    second = factories.ScheduleFactory(channel=channel, publish_at=at + timedelta(hours=1))

    moved = door().do_bulk(kind="schedule", verb="move", ids=[first.pk, second.pk], values={"minutes": 60})

    assert not moved.refused and len(moved.sentences) == 2
    first.refresh_from_db()
    assert first.publish_at == at + timedelta(hours=1)
    blocked = factories.ScheduleFactory(channel=channel, publish_at=at + timedelta(hours=4))
    shown = door().preview_bulk(kind="schedule", verb="move", ids=[second.pk], values={"minutes": 90})
    assert shown.refused_count == 1 and not shown.done and blocked.pk


BEFORE = {"release": "hold", "reopen": "cancel", "move": ""}


@pytest.mark.parametrize("verb", sorted(BEFORE))
def test_times_of_many_cost_no_more_statements_than_of_few_and_say_of_each_what_one_alone_says(verb):
    values = {"minutes": 30} if verb == "move" else {}

    def ready(count):
        rows = _made("schedule", count)
        if BEFORE[verb]:
            door().do_bulk(kind="schedule", verb=BEFORE[verb], ids=ids(rows))
        return rows

    given = {"kind": "schedule", "verb": verb, "values": values}
    door().do_bulk(ids=ids(ready(1)), **given)  # content types are read once
    counts, shown = [], []
    for rows in (ready(2), ready(12)):
        with CaptureQueriesContext(connection) as asked:
            preview = door().preview_bulk(ids=ids(rows), **given)
        shown.append(len(asked))
        with CaptureQueriesContext(connection) as asked:
            done = door().do_bulk(ids=ids(rows), reason="storm", **given)
        counts.append(len(asked))
        assert list(done.done) == list(preview.done) and len(done.done) == len(rows)
        assert preview.sentences == done.sentences and len(done.sentences) == len(rows)
    assert counts[1] <= counts[0] <= 60 and shown[1] <= shown[0] <= 60

    [alone], single = ready(1), door()
    at = {"publish_at": alone.publish_at + timedelta(minutes=30)} if verb == "move" else {}
    getattr(single, f"{verb}_schedule")(schedule_id=alone.pk, reason="storm", **at)

    def told(cid, model):
        found = Activity.objects.filter(cid=cid, content_type__model=model)
        return {(row.verb, row.reason, tuple(row.before or ()), tuple(row.after or ())) for row in found}

    for model in ("schedule", "distribution", "job"):
        assert told(done.correlation_id, model) == told(single.correlation_id, model)


def test_one_whose_new_time_is_taken_stays_and_stands_against_who_wanted_its_place():
    channel = factories.ChannelFactory(min_gap_minutes=60)
    at = timezone.now().replace(microsecond=0) + timedelta(days=2)
    first, second = (
        factories.ScheduleFactory(channel=channel, publish_at=at + timedelta(hours=hour)) for hour in (0, 1)
    )
    factories.ScheduleFactory(channel=channel, publish_at=at + timedelta(hours=2, minutes=30))
    free = factories.ScheduleFactory(publish_at=at)

    moved = door().do_bulk(
        kind="schedule", verb="move", ids=ids([first, second, free]), values={"minutes": 60}
    )

    assert moved.done == [free.pk] and moved.refused_count == 2
    for row, where in ((first, at), (second, at + timedelta(hours=1)), (free, at + timedelta(hours=1))):
        row.refresh_from_db()
        assert row.publish_at == where


def test_what_could_not_all_be_staged_in_time_is_asked_one_by_one(monkeypatch):
    rows = scheduled(2)
    monkeypatch.setattr("orchestration.scheduling.new_times.short", lambda moves, now: ["no room for all"])

    moved = door().do_bulk(kind="schedule", verb="move", ids=ids(rows), values={"minutes": 30})

    assert len(moved.done) == 2 and not moved.refused


def test_a_wave_of_many_is_moved_in_as_few_statements_as_one_of_few():
    at, counts = timezone.now().replace(microsecond=0) + timedelta(days=5), []
    for count in (1, 2, 12):
        wave = factories.WaveFactory()
        rows = scheduled(count, wave=wave, publish_at=at)
        with CaptureQueriesContext(connection) as asked:
            door().move_wave(wave_id=wave.pk, scheduled_at=at + timedelta(days=1), reason="storm")
        counts.append(len(asked))
        for row in rows:
            row.refresh_from_db()
            assert row.publish_at == at + timedelta(days=1) and not row.overridden and row.version > 0
        entries = Activity.objects.filter(verb="schedule_moved", object_id__in=ids(rows))
        assert entries.count() == count and {entry.reason for entry in entries} == {"storm"}
    assert counts[2] <= counts[1] <= 60


def test_more_than_are_retimed_in_one_statement_each_get_their_own_time(monkeypatch):
    monkeypatch.setattr("orchestration.scheduling.rows.RETIMED_AT_ONCE", 2)
    at = timezone.now().replace(microsecond=0) + timedelta(days=2)
    rows = [factories.ScheduleFactory(publish_at=at + timedelta(minutes=n)) for n in range(5)]

    door().do_bulk(kind="schedule", verb="move", ids=ids(rows), values={"minutes": 7})

    for n, row in enumerate(rows):
        row.refresh_from_db()
        assert (row.publish_at, row.overridden) == (at + timedelta(minutes=n + 7), True)
        assert row.local_wall.startswith(f"{row.publish_at.astimezone(row.channel.zone):%Y-%m-%dT%H:%M}")


def test_channels_are_put_into_a_group_and_labelled_by_the_same_way():
    rows = factories.ChannelFactory.create_batch(2)
    group = factories.ChannelGroupFactory()

    door().do_bulk(kind="channel", verb="add_to_group", ids=ids(rows), values={"group_id": group.pk})
    door().do_bulk(kind="channel", verb="add_labels", ids=ids(rows), values={"labels": ["de"]})

    assert group.channels.count() == 2 and rows[0].labels.get().name == "de"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "poem", "verb": "hold", "ids": [1]}, "kind"),
        ({"kind": "schedule", "verb": "sing", "ids": [1]}, "verb"),
        ({"kind": "schedule", "verb": "hold", "ids": []}, "ids"),
        ({"kind": "schedule", "verb": "move", "ids": [1]}, "minutes"),
        ({"kind": "schedule", "verb": "move", "ids": [1], "values": {"minutes": 0}}, "minutes"),
        ({"kind": "schedule", "verb": "hold", "filters": {"colour": "red"}}, "filters.colour"),
        ({"kind": "schedule", "verb": "hold", "filters": {"state": ["red"]}}, "filters.state.0"),
        ({"kind": "channel", "verb": "add_labels", "ids": [1], "values": {"labels": ["a b"]}}, "labels"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_field(given, field):
    with pytest.raises(InvalidRequest) as refused:
        door().preview_bulk(**given)
    assert refused.value.field == field


def test_every_kind_has_a_list_and_only_verbs_that_its_table_knows():
    assert set(bulk.KINDS) == set(BULK_LISTS)
    for name, kind in bulk.KINDS.items():
        known = set(BULK_LISTS[name][1].VERBS)
        assert {verb for verb, how in kind.verbs.items() if not how.any_state} <= known, name


# ----------------------------------------------------------------------------------------------------------------- undo


def test_a_bulk_action_is_undone_as_a_whole_once():
    rows = scheduled(3)
    held = door().do_bulk(kind="schedule", verb="hold", ids=ids(rows))
    assert door().can_undo(correlation_id=held.correlation_id)

    undone = door().undo(correlation_id=held.correlation_id)

    assert len(undone.done) == 3 and {state_of(row) for row in rows} == {"planned"}
    with pytest.raises(IllegalTransition, match="undone by"):
        door().undo(correlation_id=held.correlation_id)


def test_what_was_cancelled_is_reopened_at_its_time_only_while_that_is_ahead_and_free():
    row, late = scheduled(2)
    done = door().do_bulk(kind="schedule", verb="cancel", ids=[row.pk, late.pk])
    type(late).objects.filter(pk=late.pk).update(publish_at=timezone.now() - timedelta(minutes=1))

    undone = door().undo(correlation_id=done.correlation_id)

    assert state_of(row) == "planned" and state_of(late) == "cancelled"
    assert len(undone.done) == 1 and "is over" in undone.refused[0]


def test_what_somebody_changed_since_is_not_undone_and_the_fact_is_named():
    channel = factories.ChannelFactory(name="Aurora")
    service = door()
    service.pause_channel(channel_id=channel.pk)
    door().resume_channel(channel_id=channel.pk)

    with pytest.raises(IllegalTransition, match="Aurora: it is Active by now"):
        door().undo(correlation_id=service.correlation_id)


def test_a_move_a_pause_a_dismissal_and_a_group_are_taken_back():
    at = timezone.now().replace(microsecond=0) + timedelta(days=2)
    row = factories.ScheduleFactory(publish_at=at)
    conflict = factories.ConflictFactory()
    group = factories.ChannelGroupFactory()
    source = factories.SourceFactory()
    for act in (
        lambda s: s.move_schedule(schedule_id=row.pk, publish_at=at + timedelta(hours=3)),
        lambda s: s.pause_channel(channel_id=row.channel_id),
        lambda s: s.dismiss_conflict(conflict_id=conflict.pk),
        lambda s: s.add_group_channels(group_id=group.pk, channel_ids=[row.channel_id]),
        lambda s: s.pause_source(source_id=source.pk),
    ):
        service = door()
        act(service)
        door().undo(correlation_id=service.correlation_id)

    assert state_of(row) == "planned" and row.publish_at == at
    assert (state_of(row.channel), state_of(conflict), state_of(source)) == ("active", "open", "active")
    assert not group.channels.exists()


def test_what_has_no_way_back_says_so():
    service = door()
    service.add_channel_group(name="News")
    with pytest.raises(NotFound):
        door().undo(correlation_id=service.correlation_id)
    assert not door().can_undo(correlation_id="nonsense")
