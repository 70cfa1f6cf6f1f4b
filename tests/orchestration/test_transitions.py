"""States change along the listed arrows only, by compare-and-swap, with the audit entry in the same transaction."""

import pytest
from django.db import transaction

from channels.models import Channel, Credential
from channels.states import CHANNEL_TRANSITIONS, CHANNEL_VERBS, ChannelState
from orchestration import states
from orchestration.core import audit
from orchestration.core.transitions import transition, transition_all
from orchestration.errors import IllegalTransition, StaleState
from orchestration.models import (
    Activity,
    Conflict,
    Distribution,
    Job,
    Rollout,
    Schedule,
    Source,
    SystemState,
    Video,
    Wave,
    WorkflowRun,
)
from orchestration.states import JobState, ScheduleState, SystemStatus, VideoState, WaveState
from tests import factories

pytestmark = pytest.mark.django_db

MADE_BY = {
    Channel: factories.ChannelFactory,
    Credential: factories.CredentialFactory,
    Conflict: factories.ConflictFactory,
    Distribution: factories.DistributionFactory,
    Job: factories.JobFactory,
    Rollout: factories.RolloutFactory,
    Schedule: factories.ScheduleFactory,
    Source: factories.SourceFactory,
    SystemState: factories.SystemStateFactory,
    Video: factories.VideoFactory,
    Wave: factories.WaveFactory,
    WorkflowRun: factories.WorkflowRunFactory,
}
PAIRS = [
    (model, old, new)
    for model in MADE_BY
    for old in model._meta.get_field("state").flatchoices
    for new in model._meta.get_field("state").flatchoices
]
ARROWS = [(model, old[0], new[0]) for model, old, new in PAIRS if new[0] in model.TRANSITIONS[old[0]]]
STATES = list(dict.fromkeys((model, old[0]) for model, old, _ in PAIRS))


def named(cases):
    return ["-".join([model.__name__, *rest]) for model, *rest in cases]


@pytest.mark.parametrize(("model", "old", "new"), ARROWS, ids=named(ARROWS))
def test_a_listed_arrow_is_taken_and_leaves_one_entry(model, old, new):
    row = MADE_BY[model](state=old)
    transition(row, new, reason="because")
    fresh = model.objects.get(pk=row.pk)
    assert (fresh.state, fresh.version) == (new, row.version)
    assert fresh.state_changed_at == row.state_changed_at
    entry = Activity.objects.get(verb=f"{model._meta.model_name}_{new}")
    assert (entry.before["state"], entry.after["state"]) == (old, new)
    assert (entry.object_pk, entry.reason) == (str(row.pk), "because")


@pytest.mark.parametrize(("model", "old"), STATES, ids=named(STATES))
def test_an_arrow_that_is_not_listed_is_refused_and_writes_nothing(model, old):
    row = MADE_BY[model](state=old)
    entries = Activity.objects.count()
    for new in {value for value, _ in model._meta.get_field("state").flatchoices} - model.TRANSITIONS[old]:
        with pytest.raises(IllegalTransition):
            transition(row, new)
    assert (row.state, row.version) == (old, 0)
    assert model.objects.filter(pk=row.pk, state=old, version=0).exists()
    assert Activity.objects.count() == entries


@pytest.mark.parametrize("model", MADE_BY, ids=lambda model: model.__name__)
def test_every_state_of_a_model_stands_in_its_table_and_every_arrow_leads_to_one_of_them(model):
    named_states = {value for value, _ in model._meta.get_field("state").flatchoices}
    assert set(model.TRANSITIONS) == named_states
    assert set().union(*model.TRANSITIONS.values()) <= named_states
    assert all(state not in onward for state, onward in model.TRANSITIONS.items())


ENDS = {
    SystemState: set(),
    Source: set(),
    Channel: set(),
    Credential: set(),
    Conflict: {"resolved"},
    Video: set(),
    Wave: {"recalled"},
    Distribution: {"recalled"},
    Schedule: set(),
    Job: {"succeeded"},
    Rollout: {"completed", "stopped"},
    WorkflowRun: {"succeeded", "failed", "cancelled"},
}


@pytest.mark.parametrize("model", MADE_BY, ids=lambda model: model.__name__)
def test_every_state_that_is_not_an_end_can_be_left(model):
    assert {state for state, onward in model.TRANSITIONS.items() if not onward} == ENDS[model]


@pytest.mark.parametrize("model", MADE_BY, ids=lambda model: model.__name__)
def test_every_state_is_reached_from_the_first_one(model):
    first = model._meta.get_field("state").default
    reached, ahead = set(), {first}
    while ahead:
        state = ahead.pop()
        reached.add(state)
        ahead |= model.TRANSITIONS[state] - reached
    assert reached == set(model.TRANSITIONS)


VERB_TABLES = {
    "system": (states.SYSTEM_VERBS, SystemStatus, states.SYSTEM_TRANSITIONS),
    "wave": (states.WAVE_VERBS, WaveState, states.WAVE_TRANSITIONS),
    "channel": (CHANNEL_VERBS, ChannelState, CHANNEL_TRANSITIONS),
    "schedule": (states.SCHEDULE_VERBS, ScheduleState, states.SCHEDULE_TRANSITIONS),
    "job": (states.JOB_VERBS, JobState, states.JOB_TRANSITIONS),
    "source": (states.SOURCE_VERBS, states.SourceState, states.SOURCE_TRANSITIONS),
    "conflict": (states.CONFLICT_VERBS, states.ConflictState, states.CONFLICT_TRANSITIONS),
    "pool": (states.POOL_VERBS, states.PoolState, None),
    "lease": (states.LEASE_VERBS, states.LeaseState, None),
}


@pytest.mark.parametrize("name", VERB_TABLES)
def test_a_table_of_verbs_names_states_of_its_subject_only(name):
    verbs, choices, _ = VERB_TABLES[name]
    for rule in verbs.values():
        assert rule.states <= set(choices.values)
        assert rule.to <= set(choices.values)


@pytest.mark.parametrize("name", [name for name, (*_, arrows) in VERB_TABLES.items() if arrows])
def test_a_verb_leads_only_where_an_arrow_leads(name):
    verbs, _, arrows = VERB_TABLES[name]
    for called, rule in verbs.items():
        for state in rule.states:
            # A verb may keep the state, ask a job to stop, or be reached by way of another state.
            onward = arrows[state] | {state} | {far for near in arrows[state] for far in arrows[near]}
            assert rule.to <= onward, f"{called} from {state}"


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("OPEN_SCHEDULES", ScheduleState),
        ("OCCUPYING_SCHEDULES", ScheduleState),
        ("CLOSED_SCHEDULES", ScheduleState),
        ("OPEN_JOBS", JobState),
        ("CLAIMABLE_JOBS", JobState),
        ("FINISHED_JOBS", JobState),
        ("OPEN_RUNS", states.RunState),
        ("OPEN_WAVES", WaveState),
        ("ENDED_WAVES", WaveState),
        ("TAKEN_DISTRIBUTIONS", states.DistributionState),
        ("USABLE_VIDEOS", VideoState),
    ],
)
def test_a_named_set_holds_states_of_its_model_only(name, choices):
    assert getattr(states, name) <= set(choices.values)


def test_open_and_finished_jobs_are_all_jobs_and_no_job_is_both():
    assert set(JobState.values) == states.OPEN_JOBS | states.FINISHED_JOBS
    assert not states.OPEN_JOBS & states.FINISHED_JOBS
    assert states.CLAIMABLE_JOBS | {JobState.RUNNING} == states.OPEN_JOBS


# ------------------------------------------------------------------------------------------------- compare and swap


def test_who_read_an_older_version_writes_nothing():
    row = factories.JobFactory()
    stale = Job.objects.get(pk=row.pk)
    transition(row, JobState.CANCELLED)
    entries = Activity.objects.count()
    with pytest.raises(StaleState):
        transition(stale, JobState.RUNNING, holder="late")
    fresh = Job.objects.get(pk=row.pk)
    assert (fresh.state, fresh.holder, fresh.version) == (JobState.CANCELLED, "", 1)
    assert Activity.objects.count() == entries


def test_a_row_that_came_back_to_its_old_state_still_refuses_the_older_version():
    row = factories.JobFactory(running=True)
    stale = Job.objects.get(pk=row.pk)
    transition(row, JobState.WAITING)
    transition(row, JobState.RUNNING)
    with pytest.raises(StaleState):
        transition(stale, JobState.SUCCEEDED)
    assert Job.objects.get(pk=row.pk).state == JobState.RUNNING


def test_a_guard_that_does_not_hold_writes_nothing():
    row = factories.JobFactory(running=True, holder="ours")
    with pytest.raises(StaleState):
        transition(row, JobState.SUCCEEDED, where={"holder": "theirs"}, progress=1.0)
    fresh = Job.objects.get(pk=row.pk)
    assert (fresh.state, fresh.progress, row.state, row.progress) == (
        JobState.RUNNING,
        0.42,
        JobState.RUNNING,
        0.42,
    )


def test_what_changed_with_the_state_stands_in_the_entry():
    row = factories.ScheduleFactory()
    transition(row, ScheduleState.HELD, reason="wait", misfire_action="hold", lateness_seconds=4.5)
    entry = Activity.objects.get(verb="schedule_held")
    assert entry.before == {"state": "planned", "misfire_action": "", "lateness_seconds": None}
    assert entry.after == {"state": "held", "misfire_action": "hold", "lateness_seconds": 4.5}
    assert entry.changes["state"] == ["planned", "held"]


def test_a_sealed_value_never_reaches_the_log():
    row = factories.DistributionFactory()
    sealed = row.sealed_session("https://upload.example/session?upload_id=capability")
    transition(row, states.DistributionState.STAGED, upload_session_sealed=sealed, youtube_video_id="yt1")
    entry = Activity.objects.get(verb="distribution_staged")
    assert "upload_session_sealed" not in entry.before | entry.after
    assert sealed not in str(entry.changes)


# --------------------------------------------------------------------------------------------- one transaction for both


def test_a_transaction_that_is_rolled_back_leaves_neither_state_nor_entry():
    row = factories.JobFactory()
    with pytest.raises(RuntimeError), transaction.atomic():
        transition(row, JobState.CANCELLED)
        assert Activity.objects.filter(verb="job_cancelled").exists()
        raise RuntimeError("the consequence failed")
    assert Job.objects.get(pk=row.pk).state == JobState.QUEUED
    assert not Activity.objects.filter(verb="job_cancelled").exists()


def test_an_entry_that_cannot_be_written_takes_the_state_back(monkeypatch):
    row = factories.JobFactory()

    def refuse(*args, **kwargs):
        raise RuntimeError("no room for entries")

    monkeypatch.setattr(audit, "entry", refuse)
    with pytest.raises(RuntimeError):
        transition(row, JobState.CANCELLED)
    assert Job.objects.get(pk=row.pk).state == JobState.QUEUED
    assert (row.state, row.version) == (JobState.QUEUED, 0), "memory must not say what was never written"


# --------------------------------------------------------------------------------------------------------- many at once


def test_many_rows_move_in_one_statement_with_one_entry_that_names_them():
    rows = factories.ScheduleFactory.create_batch(3)
    system = SystemState(pk=1)
    moved = transition_all(
        rows, ScheduleState.STAGING, verb="schedules_staging", subject=system, reason="due"
    )
    assert moved == rows
    assert set(Schedule.objects.values_list("state", "version")) == {(ScheduleState.STAGING, 1)}
    entry = Activity.objects.get(verb="schedules_staging")
    assert entry.additional_data == {"members": {"schedule": [row.pk for row in rows]}}
    assert (entry.before["state"], entry.after["state"]) == ("planned", "staging")


def test_rows_whose_state_has_no_such_arrow_are_left_out():
    planned, done = factories.ScheduleFactory(), factories.ScheduleFactory(published=True)
    moved = transition_all([planned, done], ScheduleState.STAGING, verb="v", subject=SystemState(pk=1))
    assert moved == [planned]
    assert Schedule.objects.get(pk=done.pk).state == ScheduleState.PUBLISHED


def test_nothing_to_move_leaves_no_entry():
    assert transition_all([], ScheduleState.STAGING, verb="v", subject=SystemState(pk=1)) == []
    assert not Activity.objects.filter(verb="v").exists()


def test_one_changed_row_among_many_stops_all_of_them():
    rows = factories.ScheduleFactory.create_batch(3)
    transition(Schedule.objects.get(pk=rows[1].pk), ScheduleState.HELD)
    with pytest.raises(StaleState):
        transition_all(rows, ScheduleState.STAGING, verb="v", subject=SystemState(pk=1))
    assert sorted(Schedule.objects.values_list("state", flat=True)) == ["held", "planned", "planned"]
    assert not Activity.objects.filter(verb="v").exists()
    assert {row.state for row in rows} == {ScheduleState.PLANNED}


def test_a_row_that_went_round_and_came_back_stops_all_of_them():
    """The versions of the batch are compared one by one: another row's version must not stand in for it."""
    rows = factories.ScheduleFactory.create_batch(2)
    transition(rows[0], ScheduleState.HELD)
    transition(rows[0], ScheduleState.PLANNED)  # version 2
    stale = Schedule.objects.get(pk=rows[1].pk)  # version 0
    behind = Schedule.objects.get(pk=rows[1].pk)
    transition(behind, ScheduleState.HELD)
    transition(behind, ScheduleState.PLANNED)  # version 2 as well
    with pytest.raises(StaleState):
        transition_all([rows[0], stale], ScheduleState.STAGING, verb="v", subject=SystemState(pk=1))
    assert set(Schedule.objects.values_list("state", flat=True)) == {ScheduleState.PLANNED}
