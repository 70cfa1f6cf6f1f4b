"""Whatever happens in whatever order: no pool is passed, each slot comes back once, each unit is counted once."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from orchestration.engine import worker
from orchestration.errors import StaleState
from orchestration.models import BudgetEntry, Job, Lease, Pool, Schedule, SystemState
from orchestration.monitoring import invariants
from orchestration.queue import jobs as queue
from orchestration.queue import pool_actions, pool_names, pools
from orchestration.states import BudgetEntryState, JobState
from tests import factories
from tests.orchestration.engine import capacity, process_job, running, stage_job

SLOTS = {"process": 2, "upload": 2}
BUDGET = 4
ENDS = st.sampled_from([JobState.SUCCEEDED, JobState.FAILED, JobState.ERRORED, JobState.CANCELLED])


class Undone(Exception):
    """Takes back what a run of the machine wrote."""


class PoolsMachine(RuleBasedStateMachine):
    """Claim, charge, beat, end, lose and rescue jobs in any order, by a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        running()
        capacity(**SLOTS, youtube_uploads=BUDGET)
        self.channel = factories.ChannelFactory(min_gap_minutes=0)
        self.now = timezone.now()
        self.held: dict[int, Job] = {}
        self.charged: Counter[int] = Counter()
        self.released: dict[int, object] = {}

    def teardown(self) -> None:
        # Jobs end here without their consequence, so only what concerns jobs and pools can be asked for.
        broken = [v for v in invariants.check(ticking=False) if v.number in {1, 4, 5, 6, 7}]
        self.atomic.__exit__(Undone, Undone(), None)
        assert broken == []

    # -- what happens ------------------------------------------------------------------------------------------------

    @rule()
    def more_to_process(self) -> None:
        process_job()

    @rule(skip_upload=st.booleans())
    def more_to_stage(self, skip_upload: bool) -> None:
        schedule = factories.ScheduleFactory(
            channel=self.channel, state="staging", stage_at=self.now - timedelta(minutes=1)
        )
        stage_job(schedule=schedule, skip_upload=skip_upload)

    @rule(limit=st.integers(1, 4))
    def claim(self, limit: int) -> None:
        for job in queue.claim(limit=limit, holder="machine"):
            assert job.pk not in self.held, "one job, two holders"
            self.held[job.pk] = job

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def charge(self, data) -> None:
        job = self._one(data)
        reserved = BudgetEntry.objects.filter(job=job, state=BudgetEntryState.RESERVED).count()
        pools.charge_reserved(job)
        self.charged[job.pk] += reserved

    @precondition(lambda self: self.held)
    @rule(data=st.data(), state=ENDS)
    def end(self, data, state: str) -> None:
        job = self._one(data)
        queue.finish(job, state, error_code="", error_message="")
        del self.held[job.pk]

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def try_again(self, data) -> None:
        job = self._one(data)
        queue.try_again(job, at=timezone.now(), error_code="x", error_message="503")
        del self.held[job.pk]

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def lose_and_rescue(self, data) -> None:
        job = self._one(data)
        Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        assert worker.reap() == 1
        del self.held[job.pk]
        assert not queue.held(job, "machine").exists()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def beat(self, data) -> None:
        queue.heartbeat(self._one(data), "machine")

    @rule(name=st.sampled_from(sorted(SLOTS)))
    def pause_or_resume_a_pool(self, name: str) -> None:
        pool = Pool.objects.get(name=name)
        (pool_actions.resume if pool.paused else pool_actions.pause)(pool.pk)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def stale_holder(self, data) -> None:
        """One who was told of the job before it was claimed again changes nothing."""
        job = self._one(data)
        stale = Job.objects.get(pk=job.pk)
        stale.version -= 1
        with pytest.raises(StaleState), transaction.atomic():
            queue.finish(stale, JobState.SUCCEEDED, result={})

    def _one(self, data) -> Job:
        return self.held[data.draw(st.sampled_from(sorted(self.held)))]

    # -- what always holds ---------------------------------------------------------------------------------------------

    @invariant()
    def no_pool_is_passed(self) -> None:
        for name, most in SLOTS.items():
            assert Lease.objects.filter(pool__name=name, released_at=None).count() <= most
        spent = BudgetEntry.objects.filter(pool__name=pool_names.UPLOADS, state__in=pools.SPENT).count()
        assert spent <= BUDGET

    @invariant()
    def who_runs_holds_its_slot_and_nobody_else_does(self) -> None:
        holding = set(Lease.objects.filter(released_at=None).values_list("job_id", flat=True))
        assert holding == set(Job.objects.filter(state=JobState.RUNNING).values_list("pk", flat=True))
        assert holding == set(self.held)

    @invariant()
    def a_slot_is_released_once(self) -> None:
        for pk, at in Lease.objects.filter(released_at__isnull=False).values_list("pk", "released_at"):
            assert self.released.setdefault(pk, at) == at

    @invariant()
    def what_was_charged_is_never_given_back(self) -> None:
        counted = (BudgetEntryState.CHARGED, BudgetEntryState.SETTLED, BudgetEntryState.UNKNOWN)
        for pk, charged in self.charged.items():
            assert BudgetEntry.objects.filter(job=pk, state__in=counted).count() >= charged


@pytest.mark.django_db
@pytest.mark.slow
def test_pools_and_leases_keep_their_promises_in_any_order():
    assert not SystemState.objects.exists()
    assert not Schedule.objects.exists()

    run_state_machine_as_test(
        PoolsMachine,
        settings=settings(
            max_examples=10,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert not Job.objects.exists()
