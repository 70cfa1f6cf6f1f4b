"""A worker holds its job by a heartbeat; who is gone loses it, who lives keeps it, and a killed one's job goes on."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection
from django.db.utils import InterfaceError
from django.utils import timezone

from orchestration.engine import tick, worker
from orchestration.errors import LeaseLost
from orchestration.models import Heartbeat, Job, Lease
from orchestration.queue import holders
from orchestration.queue import jobs as queue
from orchestration.queue.lease import JobCancelled, JobLease
from orchestration.states import JobKind, JobState
from tests.factories import JobFactory, in_
from tests.orchestration.engine import claimed, ends_by, plain_job, process_job, running
from tests.patience import PATIENCE_SECONDS, wait_for

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def system(db):
    return running()


def lease_of(job, **kwargs):
    return JobLease(job, **({"every_seconds": 0} | kwargs))


# ------------------------------------------------------------------------------------------------------------ the lease


def test_a_held_job_that_nobody_wants_to_stop_goes_on():
    with lease_of(claimed(process_job())) as lease:
        lease.check()
        assert not lease.cancelled()


def test_a_job_that_is_asked_to_stop_learns_so():
    job = claimed(process_job())
    with lease_of(job) as lease:
        Job.objects.update(cancel_requested_at=timezone.now())
        with pytest.raises(JobCancelled):
            lease.check()


def test_a_job_that_was_taken_away_learns_so():
    job = claimed(process_job())
    with lease_of(job) as lease:
        Job.objects.update(holder="another")
        assert lease.cancelled()
        with pytest.raises(LeaseLost):
            lease.check()
        with pytest.raises(LeaseLost):
            lease.progress(0.5)


def test_progress_is_written_when_the_note_changes_and_otherwise_about_once_a_second():
    job = claimed(process_job())
    with lease_of(job) as lease:
        for fraction, note, written in [(0.1, "a", 0.1), (0.2, "a", 0.1), (0.3, "b", 0.3), (1.0, "b", 1.0)]:
            lease.progress(fraction, note)
            assert Job.objects.get().progress == written


def test_a_beat_shows_that_the_worker_lives():
    for job, component in ((process_job(), "worker:work"), (plain_job(), "worker:control")):
        with lease_of(claimed(job)) as lease:
            lease.check()
        assert Heartbeat.objects.filter(component=component).exists()


def test_waiting_for_an_instant_ends_when_it_has_come():
    with lease_of(claimed(plain_job())) as lease:
        at = in_(seconds=0.05)
        lease.wait_until(at)
        assert timezone.now() >= at


def test_waiting_for_an_instant_ends_early_when_asked_to_stop():
    with lease_of(claimed(plain_job())) as lease:
        Job.objects.update(cancel_requested_at=timezone.now())
        with pytest.raises(JobCancelled):
            lease.wait_until(in_(hours=1))


@pytest.mark.parametrize("error", [OperationalError("away"), InterfaceError("closed"), RuntimeError("odd")])
def test_a_heart_that_misses_a_beat_goes_on_beating(monkeypatch, error):
    """Without a heartbeat the job is taken for lost, and runs twice."""
    beats, enough = [], threading.Event()

    def heartbeat(job, holder, **kwargs):
        beats.append(holder)
        if len(beats) == 3:
            enough.set()
        if len(beats) < 3:
            raise error
        return False

    monkeypatch.setattr(queue, "heartbeat", heartbeat)
    monkeypatch.setattr("orchestration.queue.lease.beat", lambda component: None)
    with lease_of(claimed(process_job()), every_seconds=0.01) as lease:
        assert enough.wait(PATIENCE_SECONDS), "the heart stopped"
        assert not lease.cancelled()


def test_whoever_cannot_reach_the_database_for_a_whole_lease_takes_the_job_for_lost(monkeypatch):
    """By then somebody else may hold it; two uploads at once must not be."""
    with lease_of(claimed(process_job()), every_seconds=3600) as lease:
        assert not lease.cancelled()
        lease._beaten_at = time.monotonic() - queue.LEASE_SECONDS - 1
        with pytest.raises(LeaseLost):
            lease.check()


@pytest.mark.django_db(transaction=True)
def test_the_heart_beats_by_itself_while_the_work_is_busy():
    job = claimed(process_job())
    before = Job.objects.get().lease_expires_at
    Job.objects.update(lease_expires_at=in_(seconds=2))
    with lease_of(job, every_seconds=0.02):
        wait_for(lambda: Job.objects.get().lease_expires_at >= before)
    assert Job.objects.get().lease_expires_at >= before
    assert Lease.objects.get().expires_at >= before


# ------------------------------------------------------------------------------------------------------------- holders


def test_a_holder_that_lives_is_not_gone():
    assert not holders.is_gone(holders.me())


def test_every_thread_has_a_name_of_its_own():
    names = {holders.me()}
    thread = threading.Thread(target=lambda: names.add(holders.me()))
    thread.start()
    thread.join()
    assert len(names) == 2


def test_a_process_that_ended_is_gone_also_when_its_number_is_used_again():
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert holders.is_gone(f"{holders.host()}/{child.pid}/12345/1")
    assert holders.is_gone(f"{holders.host()}/{os.getpid()}/1/1"), "another process had this number before"


@pytest.mark.parametrize("name", ["", "run:abc", "elsewhere/1/1/1", "no-slashes", f"{holders.host()}/x/y/z"])
def test_of_a_holder_elsewhere_nothing_is_concluded(name):
    assert not holders.is_gone(name)


def test_a_job_of_a_holder_that_is_gone_is_rescued_before_its_lease_is_over():
    JobFactory(
        running=True,
        kind=JobKind.COLLECT,
        holder=f"{holders.host()}/999999999/1/1",
        lease_expires_at=in_(minutes=1),
    )
    assert worker.reap() == 1


def test_a_job_of_a_holder_elsewhere_is_kept_until_its_lease_is_over():
    job = JobFactory(
        running=True, kind=JobKind.COLLECT, holder="elsewhere/7/7/7", lease_expires_at=in_(minutes=1)
    )
    assert worker.reap() == 0
    assert worker.reap(timezone.now() + timedelta(seconds=61)) == 1
    job.refresh_from_db()
    assert "its lease ran out" in job.error_message


# ----------------------------------------------------------------------------------------------------- a killed worker

WORKER = """
import os, sys
import django
django.setup()
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from orchestration.core.audit import Acting, acting_as
from orchestration.engine import worker
from orchestration.states import Trigger

def hangs(job, lease):
    lease.progress(0.3, "half way")
    print(job.pk, flush=True)
    sys.stdin.read()

worker.RUNNERS = dict.fromkeys(worker.RUNNERS, hangs)
with acting_as(Acting("worker", None, Trigger.WORKER)):
    worker.work(fast=False)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("keeps_invariants")
@pytest.mark.slow
def test_the_job_of_a_killed_worker_is_picked_up_again(monkeypatch):
    job = process_job()
    name = str(connection.settings_dict["NAME"])
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORKER), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "PYTHONPATH": str(django_settings.BASE_DIR), "HEADEND_HEARTBEAT_SECONDS": "0"},
    )
    try:
        assert child.stdout.readline().strip() == str(job.pk)
        job.refresh_from_db()
        assert (job.state, job.progress, job.attempts) == (JobState.RUNNING, 0.3, 1)
        assert worker.reap() == 0, "it lives"
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.communicate()
    assert tick.tick()["rescued"] == 1
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.WAITING, "worker_lost")
    assert not Lease.objects.filter(released_at=None).exists()
    ends_by(monkeypatch, {"done": True})
    assert worker.work(fast=False) == 1
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.SUCCEEDED, 2)
    assert Lease.objects.filter(job=job).count() == 2
