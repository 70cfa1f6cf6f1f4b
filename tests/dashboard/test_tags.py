"""Instants, lengths, states and numbers are shown the same way everywhere."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.template import Context, Template

from channels.states import CHANNEL_VERBS, ChannelHealth, ChannelState, CredentialState
from dashboard import badges, wording
from dashboard.templatetags import headend_buttons, headend_filters, headend_tags
from orchestration import states
from orchestration.results.board import Remedy

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.44, "0.4 s"),
        (42, "42 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (7800, "2 h 10 min"),
        (273600, "3 d 4 h"),
        (-90, "−1 min 30 s"),
        (timedelta(minutes=2), "2 min"),
    ],
)
def test_a_length_of_time_is_said_shortly(seconds, text):
    assert wording.duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(None, "–"), (0.4, "on time"), (12, "12 s late")])
def test_lateness_under_a_second_is_on_time(seconds, text):
    assert wording.lateness(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(None, "–"), (62, "1:02"), (3723, "1:02:03")])
def test_a_videos_length_reads_as_on_a_player(seconds, text):
    assert wording.clock_length(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (999, "999 B"), (1_500_000, "1.5 MB"), (4e12, "4.0 TB")]
)
def test_a_size_is_said_in_its_unit(value, text):
    assert wording.size(value) == text


def test_a_number_is_grouped_and_a_count_takes_its_noun():
    assert wording.number(1234567) == "1\u202f234\u202f567"
    assert wording.plural(1, "entry,entries") == "1 entry"
    assert wording.plural(2, "entry,entries") == "2 entries"
    assert wording.plural(3, "job") == "3 jobs"


def test_an_instant_stands_on_the_clock_of_its_zone():
    assert "Wed 1 Jul 14:00:00" in headend_tags.when(NOON, "Europe/Berlin")
    assert 'title="2026-07-01 12:00:00 UTC"' in headend_tags.when(NOON, "Europe/Berlin")
    assert "12:00:00" in headend_tags.when(NOON, "No/Where")
    assert "data-relative" in headend_tags.relative(NOON, "Europe/Berlin")


@pytest.mark.parametrize("value", [None, "", "nonsense", datetime(2026, 7, 1, 12)])  # noqa: DTZ001 - naive on purpose
def test_what_is_no_instant_is_shown_as_none(value):
    assert headend_tags.when(value) == headend_tags.NOTHING
    assert headend_tags.relative(value) == headend_tags.NOTHING


STATES = {
    *(
        value
        for choices in (
            states.SystemStatus,
            states.SourceState,
            states.VideoState,
            states.WaveState,
            states.DistributionState,
            states.ScheduleState,
            states.JobState,
            states.RunState,
            states.BudgetEntryState,
            states.ConflictState,
            ChannelState,
            ChannelHealth,
            CredentialState,
        )
        for value in choices.values
    ),
    *headend_filters.READINESS,
}


@pytest.mark.parametrize("state", sorted(STATES))
def test_every_state_has_a_badge_and_is_shown_with_a_mark_and_its_word(state):
    assert state in badges.BADGE_OF_STATE
    html = headend_tags.state(state)
    assert badges.MARKS[badges.badge_of(state)] in html
    assert headend_tags.SHOWN_AS.get(state, state.replace("_", " ")) in html


def test_a_state_escapes_what_it_is_given():
    assert "<script>" not in headend_tags.state("<script>", title='"><script>')
    assert headend_tags.state("") == headend_tags.NOTHING


def test_what_is_armed_is_not_shown_as_a_failed_try():
    assert wording.waiting("another try: armed: YouTube does it") == "YouTube does it"
    assert wording.waiting("another try: no answer") == "another try: no answer"


def test_every_action_of_the_tables_has_a_button():
    tables = (
        states.SYSTEM_VERBS,
        states.WAVE_VERBS,
        CHANNEL_VERBS,
        states.SCHEDULE_VERBS,
        states.JOB_VERBS,
        states.SOURCE_VERBS,
        states.CONFLICT_VERBS,
        states.POOL_VERBS,
    )
    named = {name for table in tables for name, rule in table.items() if rule.offered}
    assert named <= set(headend_buttons.BUTTONS)


def test_facts_show_any_json_as_names_and_values():
    html = headend_tags.facts(
        {"a": [1, 2], "b": {"c": None}, "d": True, "e": [{"f": "<i>"}], "g": list(range(30))}
    )
    assert "1, 2" in html
    assert "&lt;i&gt;" in html
    assert "yes" in html
    assert "and 6 more" in html
    assert headend_tags.facts(None) == headend_tags.NOTHING


def test_a_bar_tells_its_share_in_words_and_by_tone():
    assert 'value="0.5000"' in headend_tags.bar(5, 10)
    assert 'class="bar bad"' in headend_tags.bar(10, 10)
    assert 'class="bar warn"' in headend_tags.bar(9, 10)
    assert 'value="0.0000"' in headend_tags.bar(None, 0)


def test_a_member_lights_as_many_lamps_as_it_has_steps_behind_it():
    for step, name in enumerate(headend_filters.READINESS, 1):
        assert sum(headend_filters.readiness_steps(SimpleNamespace(readiness=name))["lamps"]) == step
    assert sum(headend_filters.readiness_steps(SimpleNamespace(readiness="failed"))["lamps"]) == 0


@pytest.mark.parametrize(
    ("remedy", "address"),
    [
        (Remedy("Look", "channel", "north"), "/channels/north/"),
        (Remedy("Look", "publication", "7", "#review"), "/schedules/7/#review"),
        (Remedy("Look", "conflicts", query="state=open#conflict-7"), "/conflicts/?state=open#conflict-7"),
        (Remedy("Retry", "job_retry", "7", verb="retry"), "/jobs/7/retry/"),
        (Remedy("Look", "nowhere"), "/"),
    ],
)
def test_a_remedy_leads_to_exactly_the_place(remedy, address):
    assert headend_filters.remedy_url(remedy) == address


def test_what_is_sent_keeps_words_apart_and_loses_the_rest_of_the_layout():
    html = Template(
        "{% load headend_tags %}{% tight %}<p>\n  <b>one</b>\n  <span>two</span>\n</p>\n<p>x</p>{% endtight %}"
    ).render(Context())
    assert html == "<p><b>one</b> <span>two</span></p><p>x</p>"


def test_neighbours_that_did_well_are_shown_as_one_line():
    def job(kind: str, state: str) -> SimpleNamespace:
        return SimpleNamespace(kind=kind, state=state)

    shown = headend_filters.collapsed(
        [
            job("collect", "succeeded"),
            job("collect", "succeeded"),
            job("collect", "failed"),
            job("check", "succeeded"),
        ]
    )
    assert [(row.kind, row.state, row.alike) for row in shown] == [
        ("collect", "succeeded", 1),
        ("collect", "failed", 0),
        ("check", "succeeded", 0),
    ]


def test_budget_days_add_up():
    assert headend_filters.taken_and_planned(SimpleNamespace(day=date(2026, 1, 1), taken=2, planned=3)) == 5


def test_the_instants_of_a_sentence_are_written_as_everywhere_on_the_page_and_the_rest_is_escaped():
    said = headend_tags.dated(
        "<b>moved</b> from 2026-11-26 12:08 to 2026-11-26 13:00:01 UTC, not 2026-13-99 99:99 UTC"
    )
    assert said.startswith("&lt;b&gt;moved&lt;/b&gt; from <time")
    assert ">Thu 26 Nov 12:08 <" in said
    assert ">Thu 26 Nov 13:00:01 <" in said
    assert said.endswith(", not 2026-13-99 99:99 UTC")
