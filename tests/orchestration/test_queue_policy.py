"""One row for each kind of job says what holds for it, and nothing else does."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

import orchestration
from channels.states import Executor
from orchestration.engine.worker import RUNNERS
from orchestration.queue import jobs as queue
from orchestration.queue.policy import POLICIES, executions, pools_of
from orchestration.queue.pools import DEFAULTS
from orchestration.states import JobKind

ENGINE = Path(orchestration.__file__).parent
TRIES = re.compile(r"max_attempts|\b[A-Z_]*ATTEMPTS\b")


def test_every_kind_of_job_has_a_row():
    assert set(POLICIES) == set(JobKind)


def test_every_execution_has_a_runner_and_every_runner_a_row():
    assert {(kind, executor) for kind, executor, _ in executions()} == set(RUNNERS)


def test_what_a_kind_draws_from_is_a_pool_that_is_made():
    assert pools_of(None) <= {pool["name"] for pool in DEFAULTS}


def test_a_lane_locks_the_pools_of_its_own_jobs_only():
    assert pools_of(True) == {"github_dispatches", "youtube_uploads"}
    assert pools_of(False) == {"scrape", "process", "upload", "youtube_uploads"}


def test_no_kind_of_job_has_a_number_of_tries():
    """A budget of tries is used up by an outage of a minute; a time is what the outage is measured in."""
    others = {"migrations", "media"}  # the media's downloads have tries of their own
    files = [path for path in ENGINE.rglob("*.py") if others.isdisjoint(path.parts)]
    assert [str(path) for path in files if TRIES.search(path.read_text())] == []


@pytest.mark.parametrize("kind", JobKind)
def test_every_kind_states_how_long_it_is_tried_without_a_publication(kind):
    assert timedelta(minutes=5) <= POLICIES[kind].patience <= timedelta(hours=24)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "executor", "priority"),
    [
        (JobKind.STAGE, Executor.LOCAL, 5),
        (JobKind.STAGE, Executor.GITHUB, 5),
        (JobKind.RECALL, Executor.LOCAL, 10),
        (JobKind.COLLECT, Executor.LOCAL, 2),
    ],
)
def test_a_job_is_made_by_its_row(kind, executor, priority):
    job = queue.enqueue(kind, dedupe_key="k", executor=executor)
    assert (job.fast, job.priority) == (POLICIES[kind].by(executor).fast, priority)
