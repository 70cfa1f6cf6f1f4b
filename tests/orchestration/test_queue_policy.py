"""One row for each kind of job says what holds for it, and nothing else does."""

import re
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
TRIES = re.compile(r"max_attempts\W{0,3}[=:]\W{0,2}\d|\b[A-Z_]*ATTEMPTS\b")


def test_every_kind_of_job_has_a_row():
    assert set(POLICIES) == set(JobKind)


def test_every_execution_has_a_runner_and_every_runner_a_row():
    assert {(kind, executor) for kind, executor, _ in executions()} == set(RUNNERS)


def test_what_a_kind_draws_from_is_a_pool_that_is_made():
    assert pools_of(None) <= {pool["name"] for pool in DEFAULTS}


def test_a_lane_locks_the_pools_of_its_own_jobs_only():
    assert pools_of(True) == {"github_dispatches", "youtube_uploads"}
    assert pools_of(False) == {"scrape", "process", "upload", "youtube_uploads"}


def test_nothing_else_says_how_often_a_job_is_tried():
    own = {ENGINE / "queue/policy.py", ENGINE / "models/work.py"}
    others = {"migrations", "media"}  # the media's downloads have tries of their own
    files = [path for path in ENGINE.rglob("*.py") if path not in own and others.isdisjoint(path.parts)]
    assert [str(path) for path in files if TRIES.search(path.read_text())] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "executor", "attempts", "priority"),
    [
        (JobKind.STAGE, Executor.LOCAL, 5, 5),
        (JobKind.STAGE, Executor.GITHUB, 3, 5),
        (JobKind.PUBLISH, Executor.LOCAL, 30, 5),
        (JobKind.RECALL, Executor.LOCAL, 20, 10),
        (JobKind.DISARM, Executor.LOCAL, 240, 10),
        (JobKind.COLLECT, Executor.LOCAL, 3, 2),
    ],
)
def test_a_job_is_made_by_its_row(kind, executor, attempts, priority):
    job = queue.enqueue(kind, dedupe_key="k", executor=executor)
    assert (job.max_attempts, job.priority) == (attempts, priority)
