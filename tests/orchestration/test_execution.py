"""Whatever a runner does, its job ends in a state that says so, and what follows from it is written with it."""

from datetime import timedelta

import pytest
from django.db import InternalError, OperationalError, connection
from django.db.utils import InterfaceError
from django.utils import timezone

from channels.gateways.errors import (
    CredentialMissing,
    CredentialRevoked,
    PermissionMissing,
    QuotaExhausted,
    RateLimited,
    RemoteNotFound,
    RemoteRejected,
    RemoteUnavailable,
    RemoteUncertain,
    SessionGone,
    WrongChannel,
)
from channels.secrets import SecretUnreadable
from channels.states import CredentialState
from orchestration.engine import worker
from orchestration.errors import IllegalTransition, LeaseLost, NotFound, StaleState, SystemNotRunning
from orchestration.media.errors import (
    Cancelled,
    FileDamaged,
    SourceUnreachable,
    StorageFull,
    TranscodeFailed,
)
from orchestration.models import Activity, Blocker, BudgetEntry, Job, Lease, Video
from orchestration.pipeline import outcomes
from orchestration.queue import jobs as queue
from orchestration.queue import pools
from orchestration.queue.lease import JobCancelled, OutcomeUnknown, WaitUntil
from orchestration.states import BudgetEntryState, DistributionState, JobKind, JobState, VideoState
from tests.factories import CredentialFactory, JobFactory, WorkflowRunFactory, in_
from tests.orchestration.engine import (
    claimed,
    ends_by,
    plain_job,
    process_job,
    publish_job,
    running,
    stage_job,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keeps_invariants")]


@pytest.fixture(autouse=True)
def system(db):
    return running()


def run(job: Job) -> Job:
    worker.run(claimed(job))
    job.refresh_from_db()
    return job


def test_a_job_that_returns_its_result_has_succeeded(monkeypatch):
    ends_by(monkeypatch, {"bytes": 7})
    job = run(process_job())
    assert (job.state, job.result, job.progress, job.attempts) == (JobState.SUCCEEDED, {"bytes": 7}, 1.0, 1)
    assert job.finished_at is not None
    assert not Lease.objects.filter(job=job, released_at=None).exists()


def test_a_job_that_returns_nothing_is_held_by_somebody_else_now(monkeypatch):
    ends_by(monkeypatch, lambda job, lease: queue.hand_over(job, lease.holder, "run:abc", seconds=60))
    job = run(stage_job())
    assert (job.state, job.holder) == (JobState.RUNNING, "run:abc")
    assert set(Lease.objects.filter(job=job, released_at=None).values_list("holder", flat=True)) == {
        "run:abc"
    }


NEVER = [
    RemoteRejected("bad title"),
    RemoteNotFound("gone"),
    FileDamaged("cut short"),
    TranscodeFailed("ffmpeg gave up"),
    SourceUnreachable("404", status=404),
    NotFound("there is no video 7"),
]


@pytest.mark.parametrize("error", NEVER, ids=lambda error: type(error).__name__)
def test_what_will_not_get_better_by_itself_fails_at_once(monkeypatch, error):
    ends_by(monkeypatch, error)
    job = run(plain_job())
    assert (job.state, job.attempts, job.error_message) == (JobState.FAILED, 1, str(error))
    assert job.error_code


AGAIN = [
    RemoteUnavailable("503"),
    RemoteUncertain("timed out"),
    SessionGone("404"),
    SourceUnreachable("502", status=502),
    TranscodeFailed("no memory", again="again"),
    OperationalError("the database went away"),
    InterfaceError("connection already closed"),
    StaleState("somebody changed it"),
]


@pytest.mark.parametrize("error", AGAIN, ids=lambda error: type(error).__name__)
def test_what_may_pass_is_tried_again_later(monkeypatch, error):
    ends_by(monkeypatch, error)
    job = run(plain_job())
    assert (job.state, job.attempts) == (JobState.WAITING, 1)
    assert job.run_at > timezone.now()
    assert job.waits_for.startswith("another try: ")


@pytest.mark.parametrize("error", AGAIN, ids=lambda error: type(error).__name__)
def test_what_does_not_pass_ends_after_the_last_try(monkeypatch, error):
    ends_by(monkeypatch, error)
    job = run(plain_job())
    assert job.try_until is not None
    assert job.try_until > in_(hours=1), "a number has its patience in policy"
    Job.objects.filter(pk=job.pk).update(try_until=in_(seconds=-1), run_at=in_(seconds=-1))
    job = run(job)
    assert (job.state, job.attempts) == (JobState.FAILED, 2)
    assert job.finished_at is not None


@pytest.mark.parametrize("error", AGAIN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("make", [stage_job, publish_job])
def test_no_number_of_tries_ends_what_a_publication_waits_for(monkeypatch, error, make):
    ends_by(monkeypatch, error)
    job = run(make(attempts=200))
    assert (job.state, job.attempts, job.try_until) == (JobState.WAITING, 201, None)
    assert job.run_at < in_(minutes=20)


BLOCKED = [
    CredentialMissing("no credential"),
    CredentialRevoked("revoked"),
    PermissionMissing("not allowed"),
    WrongChannel("another channel"),
    SecretUnreadable("sealed for another row"),
    StorageFull("The disk is full."),
    OSError(28, "No space left on device"),
]


@pytest.mark.parametrize("error", BLOCKED, ids=lambda error: type(error).__name__)
def test_what_waits_for_a_condition_waits_on_its_one_row_uncounted(monkeypatch, error):
    ends_by(monkeypatch, error)
    jobs = [run(stage_job()) for _ in range(2)]
    for job in jobs:
        assert (job.state, job.attempts, job.try_until) == (JobState.WAITING, 0, None)
        assert job.blocked_on.code == job.error_code
        assert not queue.claim(), "what is blocked is claimed by nobody"
    of_all = {"storage_full"} & {jobs[0].error_code}
    assert Blocker.objects.count() == (1 if of_all else 2), "one a channel, or one for all"


@pytest.mark.parametrize("kind", [JobKind.CHECK, JobKind.COLLECT])
def test_a_look_has_its_answer_with_what_would_block_others(monkeypatch, kind):
    ends_by(monkeypatch, CredentialMissing("no credential"))
    assert run(plain_job(kind)).state == JobState.FAILED
    assert not Blocker.objects.exists()


def test_a_remote_that_says_when_to_come_back_is_obeyed(monkeypatch):
    ends_by(monkeypatch, RemoteUnavailable("503", retry_after_seconds=600))
    before = timezone.now()
    job = run(plain_job())
    assert job.run_at >= before + timedelta(seconds=600)


@pytest.mark.parametrize("kind", [JobKind.STAGE, JobKind.PUBLISH, JobKind.RECALL, JobKind.DISARM])
def test_a_call_of_unknown_outcome_is_reviewed_after_the_last_look(monkeypatch, kind):
    """Calling such a job failed would invite a second upload, or leave a public video called private."""
    ends_by(monkeypatch, RemoteUncertain("timed out"))
    make = stage_job if kind == JobKind.STAGE else publish_job
    job = make(kind=kind, attempts=4, try_until=in_(seconds=-1))
    if kind == JobKind.STAGE:  # without a schedule no misfire policy ends it
        Job.objects.filter(pk=job.pk).update(schedule=None)
    elif kind == JobKind.PUBLISH:
        type(job.schedule).objects.filter(pk=job.schedule_id).update(state="publishing")
    job = run(job)
    assert (job.state, job.error_code) == (JobState.NEEDS_REVIEW, "remote_uncertain")
    job.distribution.refresh_from_db()
    assert job.distribution.state == DistributionState.NEEDS_REVIEW


def test_what_nobody_knows_is_reviewed(monkeypatch):
    ends_by(monkeypatch, OutcomeUnknown("neither the run nor the upload can be found"))
    job = run(stage_job())
    assert (job.state, job.error_code) == (JobState.NEEDS_REVIEW, "outcome_unknown")
    job.schedule.refresh_from_db()
    assert job.schedule.state == "needs_review"


def test_a_fault_of_ours_is_told_apart_from_a_refusal(monkeypatch):
    ends_by(monkeypatch, KeyError("spam"))
    job = run(plain_job())
    assert (job.state, job.error_code, job.error_message) == (
        JobState.ERRORED,
        "internal_error",
        "KeyError: 'spam'",
    )


def test_an_executor_that_nobody_serves_is_a_fault_of_ours():
    job = run(plain_job(executor="github"))
    assert (job.state, job.error_code) == (JobState.ERRORED, "internal_error")


# ------------------------------------------------------------------------------------------------ waits are no attempts


def waits(at):
    return [
        WaitUntil(at, "armed"),
        QuotaExhausted("spent", bucket="youtube_units", resets_at=at),
        pools.BudgetExhausted("spent", resets_at=at),
        RateLimited("slow down", retry_after_seconds=7200),
        QuotaExhausted("the channel's own cap", bucket="channel_uploads", retry_after_seconds=7200),
    ]


@pytest.mark.parametrize("number", range(5))
def test_a_wait_for_a_quota_is_not_counted_and_lasts_until_it_is_refilled(monkeypatch, number):
    at = in_(hours=2)
    ends_by(monkeypatch, waits(at)[number])
    job = plain_job(attempts=4)
    for _ in range(3):
        run(job)
        assert (job.state, job.attempts) == (JobState.WAITING, 4)
        assert abs(job.run_at - at) < timedelta(minutes=1)
        Job.objects.filter(pk=job.pk).update(run_at=timezone.now())


@pytest.mark.parametrize(
    "error",
    [
        QuotaExhausted("spent", bucket="youtube_units", resets_at=in_(hours=-1)),
        pools.BudgetExhausted("spent", resets_at=in_(hours=-1)),
        QuotaExhausted("spent", bucket="youtube_units"),
        RateLimited("slow down"),
    ],
    ids=["refill in the past", "own budget in the past", "no hint", "no hint for a rate"],
)
def test_a_wait_without_a_usable_hint_is_still_a_wait(monkeypatch, error):
    ends_by(monkeypatch, error)
    job = run(plain_job())
    assert job.run_at > in_(seconds=20)


def test_a_switch_that_was_turned_off_on_the_way_is_a_wait_too(monkeypatch):
    """An armed publication is looked at while the system is paused; that it may not flip is no failure of its own."""
    ends_by(monkeypatch, SystemNotRunning("The system is paused; nothing new is published."))
    job = publish_job(armed=True, attempts=7)
    run(job)
    assert (job.state, job.attempts) == (JobState.WAITING, 7)
    assert job.run_at > in_(seconds=15), "each look costs a unit"


def test_an_unarmed_publication_goes_on_the_moment_the_system_does(monkeypatch):
    ends_by(monkeypatch, SystemNotRunning("The system is paused; nothing new is published."))
    job = run(publish_job())
    assert (job.state, job.attempts) == (JobState.WAITING, 0)
    assert job.run_at <= timezone.now()


# ------------------------------------------------------------------------------------------------------- asked to stop


@pytest.mark.parametrize("error", [JobCancelled("stop"), Cancelled("stop")], ids=["between", "in ffmpeg"])
def test_a_job_that_stops_as_asked_is_cancelled(monkeypatch, error):
    ends_by(monkeypatch, error)
    job = run(plain_job())
    assert (job.state, job.error_code) == (JobState.CANCELLED, "cancelled")


def asked_to_stop(reason):
    """Ask while it runs, as another process does: the row in the worker's memory knows nothing of it."""

    def runner(job, lease):
        Job.objects.filter(pk=job.pk).update(cancel_requested_at=timezone.now(), cancel_reason=reason)
        lease.check()

    return runner


def test_stop_now_sends_a_video_back_to_where_it_goes_on_from(monkeypatch):
    ends_by(monkeypatch, asked_to_stop("stop_now"))
    video = run(process_job(video=None)).video
    video.refresh_from_db()
    assert video.state == VideoState.SCRAPED


def test_stop_now_sends_a_schedule_back_to_be_staged_at_the_next_start(monkeypatch):
    ends_by(monkeypatch, asked_to_stop("stop_now"))
    schedule = run(stage_job()).schedule
    schedule.refresh_from_db()
    assert schedule.state == "planned"


def test_an_operator_who_cancels_a_staging_holds_its_publication(monkeypatch):
    ends_by(monkeypatch, asked_to_stop("operator"))
    schedule = run(stage_job()).schedule
    schedule.refresh_from_db()
    assert schedule.state == "held"


def test_an_operator_who_cancels_a_running_publish_job_holds_its_publication(monkeypatch):
    ends_by(monkeypatch, asked_to_stop("operator"))
    schedule = run(publish_job()).schedule
    schedule.refresh_from_db()
    assert schedule.state == "held"


def test_what_was_withdrawn_has_no_consequence_of_its_own(monkeypatch):
    ends_by(monkeypatch, asked_to_stop("withdrawn"))
    schedule = run(stage_job()).schedule
    schedule.refresh_from_db()
    assert schedule.state == "staging"


# --------------------------------------------------------------------------------------------- the job is taken from us


def taken_by_another(job, lease):
    Job.objects.filter(pk=job.pk).update(holder="another", version=job.version + 2)
    return {"done": True}


@pytest.mark.parametrize(
    "then", [None, RemoteRejected("no"), WaitUntil(in_(hours=1), "x"), ValueError(), StaleState("x")]
)
def test_a_stale_holder_writes_nothing(monkeypatch, then):
    def runner(job, lease):
        taken_by_another(job, lease)
        if then:
            raise then
        return {"done": True}

    ends_by(monkeypatch, runner)
    job = process_job()
    worker.run(claimed(job))
    job.refresh_from_db()
    assert (job.state, job.holder, job.result, job.finished_at) == (JobState.RUNNING, "another", {}, None)
    assert Video.objects.get(pk=job.video_id).state == VideoState.SCRAPED
    assert not Activity.objects.filter(verb__in=["job_succeeded", "job_failed", "job_waiting"]).exists()
    assert Lease.objects.filter(job=job, released_at=None).exists(), "the other one still needs it"


def test_a_worker_that_took_the_job_up_again_under_the_same_name_is_another_holder(monkeypatch):
    """Names of threads can come back; the version cannot."""

    def runner(job, lease):
        Job.objects.filter(pk=job.pk).update(version=job.version + 2)
        with pytest.raises(LeaseLost):
            lease.progress(0.5, "half")
        return {"done": True}

    ends_by(monkeypatch, runner)
    job = process_job()
    worker.run(claimed(job))
    job.refresh_from_db()
    assert (job.state, job.progress) == (JobState.RUNNING, 0)


def test_a_lost_lease_ends_the_work_without_a_word(monkeypatch):
    ends_by(monkeypatch, LeaseLost("gone"))
    job = plain_job()
    worker.run(claimed(job))
    job.refresh_from_db()
    assert job.state == JobState.RUNNING


# ------------------------------------------------------------------------------------------------ when the ending breaks


def test_a_consequence_that_cannot_be_written_takes_the_outcome_back_and_is_told(monkeypatch):
    """Both stand in one transaction; the job then ends by what went wrong and not by a silence until its lease is over."""
    settle = outcomes.settle
    calls = []

    def breaks_once(job):
        calls.append(job.state)
        if len(calls) == 1:
            raise ValueError("the consequence is broken")
        settle(job)

    monkeypatch.setattr(outcomes, "settle", breaks_once)
    ends_by(monkeypatch, {"done": True})
    job = run(process_job())
    assert calls == [JobState.SUCCEEDED, JobState.ERRORED]
    assert (job.state, job.error_message) == (JobState.ERRORED, "ValueError: the consequence is broken")
    assert not Lease.objects.filter(job=job, released_at=None).exists()


def test_one_job_whose_rescue_breaks_does_not_keep_the_others_from_it(monkeypatch):
    broken, fine = (
        JobFactory(running=True, kind=JobKind.COLLECT, lease_expires_at=in_(minutes=-1)) for _ in range(2)
    )
    give_back = pools.give_back

    def breaks(job, **kwargs):
        if job.pk == broken.pk:
            raise ValueError("broken")
        give_back(job, **kwargs)

    monkeypatch.setattr(pools, "give_back", breaks)
    assert worker.reap() == 1
    fine.refresh_from_db()
    broken.refresh_from_db()
    assert (fine.state, broken.state) == (JobState.WAITING, JobState.RUNNING)
    monkeypatch.undo()
    worker.reap()


def test_a_revoked_credential_is_written_on_the_channel(monkeypatch):
    ends_by(monkeypatch, CredentialRevoked("Google refuses the refresh token"))
    job = plain_job(JobKind.PUBLISH, channel=CredentialFactory().channel)
    run(job)
    credential = job.channel.credential
    credential.refresh_from_db()
    assert (job.state, credential.state) == (JobState.WAITING, CredentialState.REVOKED)
    assert (job.blocked_on.code, job.blocked_on.channel) == ("credential_revoked", job.channel)
    assert credential.reason == "Google refuses the refresh token"
    assert Activity.objects.filter(verb="credential_revoked").exists()


# ------------------------------------------------------------------------------------------------------ budgets and jobs


def ledger(job):
    return list(BudgetEntry.objects.filter(job=job).order_by("pk").values_list("state", flat=True))


def charges_then(error):
    def runner(job, lease):
        pools.charge_reserved(job)
        if error:
            raise error
        return {}

    return runner


@pytest.mark.parametrize(
    ("runner", "states"),
    [
        (charges_then(None), [BudgetEntryState.SETTLED]),
        (charges_then(RemoteRejected("no")), [BudgetEntryState.UNKNOWN]),
        (charges_then(OutcomeUnknown("?")), [BudgetEntryState.UNKNOWN]),
        (charges_then(RemoteUnavailable("503")), [BudgetEntryState.CHARGED]),
        (RemoteRejected("no"), [BudgetEntryState.RELEASED]),
        (RemoteUnavailable("503"), [BudgetEntryState.RELEASED]),
        (OutcomeUnknown("?"), [BudgetEntryState.SETTLED]),
    ],
    ids=["uploaded", "refused", "unknown", "to be resumed", "never called", "never reached", "unknown early"],
)
def test_an_upload_is_charged_from_its_call_on_and_given_back_only_if_there_was_none(
    monkeypatch, runner, states
):
    ends_by(monkeypatch, runner)
    assert ledger(run(stage_job())) == states


def test_an_upload_that_goes_on_the_same_day_is_charged_once(monkeypatch):
    ends_by(monkeypatch, charges_then(RemoteUnavailable("503")))
    job = run(stage_job())
    Job.objects.filter(pk=job.pk).update(run_at=timezone.now())
    ends_by(monkeypatch, charges_then(None))
    run(job)
    assert ledger(job) == [BudgetEntryState.SETTLED]


# ------------------------------------------------------------------------------------------------------- working through


def test_a_worker_works_through_what_is_there_and_stops(monkeypatch):
    ends_by(monkeypatch, {})
    for _ in range(3):
        plain_job()
    assert worker.work(fast=True) == 3
    assert worker.work(fast=True) == 0
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.SUCCEEDED}


def test_a_worker_for_short_jobs_leaves_the_long_ones(monkeypatch):
    ends_by(monkeypatch, {})
    slow = process_job()
    assert worker.work(fast=True) == 0
    assert worker.work(fast=False) == 1
    slow.refresh_from_db()
    assert slow.state == JobState.SUCCEEDED


def test_a_worker_takes_no_more_than_it_was_told(monkeypatch):
    ends_by(monkeypatch, {})
    for _ in range(3):
        plain_job()
    assert worker.work(fast=True, most=2) == 2


def test_a_job_is_run_under_its_own_correlation_id_by_a_named_worker(monkeypatch):
    ends_by(monkeypatch, {})
    job = run(plain_job())
    entry = Activity.objects.get(verb="job_succeeded")
    assert (entry.cid, entry.trigger) == (job.correlation_id, "worker")
    assert entry.actor_label.startswith("worker ")


# ---------------------------------------------------------------------------------------------------------- the rescue


def lost_job(**values):
    return JobFactory(
        **{"running": True, "kind": JobKind.COLLECT, "lease_expires_at": in_(seconds=-1)} | values
    )


def test_a_job_whose_lease_ran_out_starts_again():
    job = lost_job(attempts=2)
    assert worker.reap() == 1
    job.refresh_from_db()
    assert (job.state, job.error_code, job.attempts) == (JobState.WAITING, "worker_lost", 2)
    assert job.run_at <= timezone.now()


def test_a_job_that_takes_its_worker_down_every_time_fails_in_the_end():
    job = lost_job(attempts=5, error_code="worker_lost", try_until=in_(seconds=-1))
    worker.reap()
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "worker_lost")


def test_deaths_of_workers_use_up_nothing_of_a_publication():
    for number in range(12):
        job = stage_job() if not number else Job.objects.get()
        Job.objects.filter(pk=job.pk).update(
            state="running", holder="gone", lease_expires_at=in_(seconds=-1), attempts=number + 1
        )
        worker.reap()
        job.refresh_from_db()
        assert (job.state, job.error_code) == (JobState.WAITING, "worker_lost")
        assert job.run_at <= (in_(minutes=20) if number else timezone.now())


def test_a_lost_job_that_was_asked_to_stop_is_cancelled():
    job = lost_job(cancel_requested_at=timezone.now(), cancel_reason="operator")
    worker.reap()
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_a_job_that_is_held_is_left_alone():
    job = lost_job(lease_expires_at=in_(seconds=30))
    assert worker.reap() == 0
    job.refresh_from_db()
    assert job.state == JobState.RUNNING


def test_a_job_that_a_run_serves_is_left_to_those_who_ask_github():
    job = lost_job(holder="run:abc", kind=JobKind.STAGE)
    WorkflowRunFactory(job=job, correlation_id="abc")
    assert worker.reap() == 0


def test_a_job_whose_run_is_over_without_its_job_starts_again():
    """The run was concluded, then its watcher died before it ended the job: nobody looks at a closed run again."""
    job = lost_job(holder="run:abc", kind=JobKind.STAGE, lease_expires_at=in_(hours=5))
    run_row = WorkflowRunFactory(job=job, correlation_id="abc", state="succeeded")
    assert worker.reap() == 0, "its watcher may be about to end the job"
    type(run_row).objects.update(state_changed_at=in_(minutes=-3))
    assert worker.reap() == 1
    job.refresh_from_db()
    assert job.state == JobState.WAITING


def test_the_rescue_ends_with_the_actor_of_the_tick_and_the_id_of_the_job():
    job = lost_job()
    worker.reap()
    assert Activity.objects.get(verb="job_waiting").cid == job.correlation_id


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_connection_broke_takes_a_new_one_to_say_so(monkeypatch):
    def runner(job, lease):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    ends_by(monkeypatch, runner)
    job = run(plain_job())
    assert (job.state, job.error_code) == (JobState.WAITING, "database_unavailable")


@pytest.mark.parametrize(
    ("of_the_server", "state"),
    [(False, JobState.WAITING), (True, JobState.ERRORED)],
)
def test_a_begin_that_was_answered_twice_is_a_lost_database_and_an_error_with_a_state_is_ours(
    monkeypatch, of_the_server, state
):
    """PgBouncer's answer when a server dies; psycopg calls it internal, without the state of a server's error."""

    class Of(Exception):
        sqlstate = "25P02" if of_the_server else None

    error = InternalError("received 2 results from command 'BEGIN'")
    error.__cause__ = Of()
    ends_by(monkeypatch, error)
    assert run(plain_job()).state == state


def test_an_ending_that_is_illegal_now_is_left_to_whoever_made_it_so(monkeypatch):
    ends_by(monkeypatch, IllegalTransition("not from here"))
    job = run(plain_job())
    assert (job.state, job.error_code) == (JobState.FAILED, "illegal_transition")
