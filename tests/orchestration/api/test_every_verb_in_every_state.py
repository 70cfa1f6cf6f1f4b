"""Every verb in every state: what is offered is taken, what is not is refused with the true state, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings

from channels.states import CHANNEL_VERBS, ChannelState
from channels.verbs import Verbs, offered
from orchestration.errors import IllegalTransition, OrchestrationError
from orchestration.models import (
    Activity,
    Conflict,
    Distribution,
    Job,
    Lease,
    Pool,
    Schedule,
    Source,
    SystemState,
    Wave,
)
from orchestration.queue import pools
from orchestration.service import CentralOrchestrationService
from orchestration.states import (
    CONFLICT_VERBS,
    JOB_VERBS,
    LEASE_VERBS,
    POOL_VERBS,
    SCHEDULE_VERBS,
    SOURCE_VERBS,
    SYSTEM_VERBS,
    WAVE_VERBS,
    ConflictState,
    DistributionState,
    JobState,
    LeaseState,
    PoolState,
    ScheduleState,
    SourceState,
    SystemStatus,
    WaveState,
)
from tests import factories
from tests.factories import in_

pytestmark = pytest.mark.django_db

SETTLING = frozenset({"take_theirs", "put_ours_back"})
LATER = {"publish_at": in_(hours=90).replace(microsecond=0)}
UPLOADED = {ScheduleState.STAGED, ScheduleState.PUBLISHING, ScheduleState.PUBLISHED}


def a_schedule(state: str) -> Schedule:
    """Return a schedule whose distribution is where its state says."""
    is_uploaded = state in UPLOADED
    distribution = {
        ScheduleState.PUBLISHED: DistributionState.PUBLISHED,
        ScheduleState.CANCELLED: DistributionState.CANCELLED,
        ScheduleState.FAILED: DistributionState.FAILED,
        ScheduleState.NEEDS_REVIEW: DistributionState.NEEDS_REVIEW,
    }.get(state, DistributionState.STAGED if is_uploaded else DistributionState.ASSIGNED)
    row = factories.ScheduleFactory(state=state, publish_at=in_(hours=9))
    Distribution.objects.filter(pk=row.distribution_id).update(
        state=distribution, youtube_video_id=f"yt{row.pk:09d}" if is_uploaded else None
    )
    if (
        state == ScheduleState.NEEDS_REVIEW
    ):  # since somebody changed it: so every verb of that state is possible
        Distribution.objects.filter(pk=row.distribution_id).update(
            error_code="changed_elsewhere",
            youtube_video_id=f"yt{row.pk:09d}",
            last_seen={"privacy_status": "private", "publish_at": None},
        )
    return row


def a_job(state: str) -> Job:
    """Return a job about an upload for which nothing is planned."""
    distribution = factories.DistributionFactory(
        state=DistributionState.NEEDS_REVIEW if state == JobState.NEEDS_REVIEW else DistributionState.ASSIGNED
    )
    return factories.JobFactory(
        state=state,
        kind="stage",
        distribution=distribution,
        channel=distribution.channel,
        video=distribution.video,
        holder="w" if state == JobState.RUNNING else "",
    )


def a_wave(state: str) -> Wave:
    """Return a wave with a planned and a public member."""
    wave = factories.WaveFactory(state=state)
    for values in ({"publish_at": in_(hours=9)}, {"published": True}):
        row = factories.ScheduleFactory(wave=wave, **values)
        Distribution.objects.filter(pk=row.distribution_id).update(wave=wave)
    return wave


def a_conflict(state: str) -> Conflict:
    """Return a conflict about a planned publication, with a time to offer."""
    row = factories.ScheduleFactory(publish_at=in_(hours=9))
    offer = {
        "kind": "shift",
        "at": in_(hours=90).isoformat(),
        "minutes_later": 9,
        "units": 0,
        "sentence": "later",
    }
    return factories.ConflictFactory(
        state=state, schedule=row, video=row.distribution.video, channel=row.channel, alternatives=[offer]
    )


def the_system(state: str) -> SystemState:
    """Let the system be in a state."""
    SystemState.objects.update(state=state, installation_id=settings.HEADEND_INSTALLATION_ID)
    return SystemState.objects.get()


def public_ids(wave: Wave) -> dict[str, Any]:
    """Return what a recall has to confirm."""
    rows = Distribution.objects.filter(wave=wave, state=DistributionState.PUBLISHED)
    return {"confirmed_ids": list(rows.values_list("pk", flat=True))}


@dataclass(frozen=True)
class Subject:
    """One subject: its table, how a row in a state is made, and how a verb is called through the service and over HTTP."""

    verbs: Verbs
    states: list[str]
    make: Callable[[str], Any]
    noun: str
    path: str
    values: dict[str, Callable[[Any], dict[str, Any]]] = field(default_factory=dict)
    methods: dict[str, str] = field(default_factory=dict)
    known_as: str = ""

    def arguments(self, verb: str, row: Any) -> dict[str, Any]:
        """Return what else a verb wants to know."""
        return self.values[verb](row) if verb in self.values else {}

    def call(self, verb: str, row: Any) -> Any:
        """Call a verb's method of the service."""
        values = self.arguments(verb, row)
        if verb in SETTLING:
            return CentralOrchestrationService().settle_change(distribution_id=row.distribution_id, way=verb)
        name = self.methods.get(verb, f"{verb}_{self.noun}" if self.noun else verb)
        if name in {"check_channels", "sync_channel_configs"}:
            values = {"channel_ids": [row.pk]}
        elif self.noun:
            values = {f"{self.known_as or self.noun}_id": row.pk} | values
        return getattr(CentralOrchestrationService(), name)(**values)

    def address(self, verb: str, row: Any) -> tuple[str, dict[str, Any]]:
        """Return where a verb is posted, and with which body."""
        body = self.arguments(verb, row)
        if (self.noun, verb) == ("channel", "trigger"):
            return "orchestration/trigger-pipeline", {"channel_id": row.pk} | body
        if verb in SETTLING:
            return f"distributions/{row.distribution_id}/settle-change", {"way": verb}
        body = {
            name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in body.items()
        }
        return self.path.format(row=row, verb=verb), body


SUBJECTS = {
    "system": Subject(
        SYSTEM_VERBS,
        SystemStatus.values,
        the_system,
        "",
        "orchestration/{verb}",
        {"stop": lambda row: {"now": row.state == SystemStatus.DRAINING}},
    ),
    "channel": Subject(
        CHANNEL_VERBS,
        ChannelState.values,
        lambda state: factories.ChannelFactory(state=state, github=True),
        "channel",
        "channels/{row.pk}/{verb}",
        {"trigger": lambda row: {"video_id": factories.VideoFactory().pk}},
        {"trigger": "trigger_pipeline", "check": "check_channels", "sync": "sync_channel_configs"},
    ),
    "source": Subject(
        SOURCE_VERBS,
        SourceState.values,
        lambda state: factories.SourceFactory(state=state),
        "source",
        "sources/{row.pk}/{verb}",
    ),
    "schedule": Subject(
        SCHEDULE_VERBS,
        ScheduleState.values,
        a_schedule,
        "schedule",
        "schedules/{row.pk}/{verb}",
        {"move": lambda row: LATER, "reopen": lambda row: LATER, "review": lambda row: {"outcome": "failed"}},
    ),
    "job": Subject(
        JOB_VERBS,
        JobState.values,
        a_job,
        "job",
        "jobs/{row.pk}/{verb}",
        {"review": lambda row: {"outcome": "failed"}},
    ),
    "wave": Subject(
        WAVE_VERBS,
        WaveState.values,
        a_wave,
        "wave",
        "waves/{row.pk}/{verb}",
        {"move": lambda row: {"scheduled_at": LATER["publish_at"]}, "recall": public_ids},
    ),
    "conflict": Subject(
        CONFLICT_VERBS,
        ConflictState.values,
        a_conflict,
        "conflict",
        "conflicts/{row.pk}/{verb}",
        {"apply": lambda row: {"index": 0}},
        {"apply": "apply_alternative"},
    ),
    "pool": Subject(
        POOL_VERBS,
        PoolState.values,
        lambda state: factories.PoolFactory(paused=state == PoolState.PAUSED),
        "pool",
        "pools/{row.pk}/{verb}",
    ),
    "lease": Subject(
        LEASE_VERBS,
        LeaseState.values,
        lambda state: factories.LeaseFactory(released=state == LeaseState.RELEASED),
        "lease",
        "pools/{row.pool_id}/leases/{row.pk}/{verb}",
    ),
}
CELLS = [
    (name, verb, state)
    for name, subject in SUBJECTS.items()
    for verb, rule in subject.verbs.items()
    if rule.offered
    for state in subject.states
]
FOLLOWED = (Conflict, Distribution, Job, Lease, Pool, Schedule, Source, SystemState, Wave)


@pytest.fixture(autouse=True)
def system(db):
    """Let the system run, with its pools."""
    factories.SystemStateFactory(running=True)
    pools.ensure_defaults()


def everything() -> dict[str, Any]:
    """Return all that a refused verb must leave as it was."""
    rows = {model.__name__: list(model.objects.order_by("pk").values()) for model in FOLLOWED}
    return rows | {"activity": Activity.objects.count()}


@pytest.mark.parametrize(("name", "verb", "state"), CELLS)
def test_a_verb_is_taken_where_it_is_offered_and_refused_elsewhere(name, verb, state):
    subject = SUBJECTS[name]
    row = subject.make(state)
    arguments = subject.arguments(verb, row)
    subject = Subject(**{**vars(subject), "values": {**subject.values, verb: lambda _: arguments}})
    before = everything()
    if verb in offered(subject.verbs, state):
        subject.call(verb, row)
        after = type(row).objects.get(pk=row.pk)
        to = subject.verbs[verb].to
        assert after.state in (to | {state} if name == "job" and verb == "cancel" else to or {state})
    else:
        with pytest.raises(OrchestrationError) as refused:
            subject.call(verb, row)
        assert refused.value.status == 409
        assert refused.value.details["state"] == state
        assert everything() == before


@pytest.mark.parametrize(("name", "verb", "state"), CELLS)
def test_over_http_the_same_verbs_are_listed_taken_and_refused(api, name, verb, state):
    subject = SUBJECTS[name]
    row = subject.make(state)
    address, body = subject.address(verb, row)
    before = everything()
    answer = api.post(address, body)
    if verb in offered(subject.verbs, state):
        assert answer.status_code in (200, 201, 202), answer.content
    else:
        assert answer.status_code == 409, answer.content
        assert answer.json()["state"] == state
        assert everything() == before


@pytest.mark.parametrize("name", ["channel", "source", "schedule", "job", "wave", "conflict"])
def test_each_row_lists_the_verbs_that_its_state_allows(api, name):
    subject = SUBJECTS[name]
    rows = {state: subject.make(state) for state in subject.states}
    for state, row in rows.items():
        address = subject.path.format(row=row, verb="").rstrip("/")
        shown = api.get(address).json()
        shown = shown.get("wave", shown)
        assert shown["actions"] == list(offered(subject.verbs, state))
        assert shown["version"] == type(row).objects.get(pk=row.pk).version


def test_what_the_planner_alone_may_do_is_shown_to_nobody():
    assert "displace" in SCHEDULE_VERBS
    assert not any("displace" in offered(SCHEDULE_VERBS, state) for state in ScheduleState.values)


# ---------------------------------------------------------------------------------------- what lies beyond the state


def test_what_is_about_to_be_public_offers_nothing_that_would_come_too_late():
    row = a_schedule(ScheduleState.STAGED)
    Schedule.objects.filter(pk=row.pk).update(armed_for=in_(seconds=1))
    row.refresh_from_db()
    assert row.actions == ()
    for verb in ("hold", "cancel", "move"):
        with pytest.raises(IllegalTransition, match="only be recalled"):
            SUBJECTS["schedule"].call(verb, row)


@pytest.mark.parametrize("ended", [WaveState.CANCELLED, WaveState.RECALLING, WaveState.RECALLED])
@pytest.mark.parametrize(("state", "verb"), [("planned", "move"), ("held", "release")])
def test_a_member_of_a_wave_that_was_called_off_neither_moves_nor_goes_on(ended, state, verb):
    row = a_schedule(state)
    Schedule.objects.filter(pk=row.pk).update(wave=factories.WaveFactory(state=ended))
    row.refresh_from_db()
    assert verb not in row.actions
    with pytest.raises(IllegalTransition, match="outside of the wave"):
        SUBJECTS["schedule"].call(verb, row)


@pytest.mark.parametrize("became", [DistributionState.RECALLED, DistributionState.PUBLISHED])
def test_what_was_public_is_not_reopened(became):
    row = a_schedule(ScheduleState.CANCELLED)
    Distribution.objects.filter(pk=row.distribution_id).update(state=became)
    row = Schedule.objects.get(pk=row.pk)
    assert row.actions == ()
    with pytest.raises(IllegalTransition, match="cannot be reopened"):
        SUBJECTS["schedule"].call("reopen", row)


def test_a_job_does_not_take_back_a_doubt_about_its_publication():
    """Its publication may be public: trying again would hide that from *Needs a look*."""
    row = a_schedule(ScheduleState.NEEDS_REVIEW)
    job = factories.JobFactory(
        kind="publish",
        state=JobState.FAILED,
        schedule=row,
        distribution=row.distribution,
        channel=row.channel,
    )
    assert "retry" not in job.actions
    with pytest.raises(IllegalTransition, match="may be public"):
        SUBJECTS["job"].call("retry", job)


def test_a_failed_member_of_a_cancelled_wave_is_not_tried_again():
    row = a_schedule(ScheduleState.FAILED)
    Schedule.objects.filter(pk=row.pk).update(wave=factories.WaveFactory(state=WaveState.CANCELLED))
    row.refresh_from_db()
    job = factories.JobFactory(
        kind="stage", state=JobState.FAILED, schedule=row, distribution=row.distribution, channel=row.channel
    )
    assert "retry" not in job.actions
    with pytest.raises(IllegalTransition, match="is cancelled"):
        SUBJECTS["job"].call("retry", job)
