"""What waits for a condition waits by its name: one row, one probe, and everything goes on when it has ended."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels import quota
from channels.gateways import errors
from channels.gateways.errors import PermissionMissing, QuotaExhausted
from channels.models import Credential
from channels.sandbox import youtube_state
from channels.sandbox.seed import CLIENT_ID, CLIENT_SECRET
from channels.states import CredentialState
from orchestration.engine import worker
from orchestration.models import Activity, Blocker, Job
from orchestration.monitoring import probes
from orchestration.queue import blockers
from orchestration.queue import jobs as queue
from orchestration.queue.remedies import REMEDIES
from orchestration.states import JobKind, JobState, ScheduleState
from tests.engine_room import Engine, door
from tests.factories import in_
from tests.orchestration.engine import claimed, ends_by, plain_job, running, stage_job, together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keeps_invariants")]


def state_of(row):
    row.refresh_from_db()
    return row.state


def blocked(error=None, monkeypatch=None, **values):
    """Return a job that met a condition."""
    ends_by(monkeypatch, error or PermissionMissing("not allowed"))
    job = stage_job(**values)
    worker.run(claimed(job))
    job.refresh_from_db()
    return job


# ------------------------------------------------------------------------------------- an outage that ends in time is free


@pytest.mark.parametrize("minutes", [4, 10, 600])
def test_an_outage_that_ends_before_the_moment_costs_nothing(engine: Engine, minutes):
    rows = [engine.planned(engine.channel(f"c{n}"), minutes=minutes + 30) for n in range(4)]
    engine.stand_still_at(timezone.now())
    end = timezone.now() + timedelta(minutes=minutes)
    engine.sandbox.faults.add("^/(youtube|upload)/", "status_before", status=503, times=None)
    tries = 0
    while timezone.now() < end:
        engine.tick()
        tries += len(engine.work())
        engine.stand_still_at(min(Job.objects.open().earliest("run_at").run_at, end))
    assert tries < 4 * (12 + minutes / 7), "the pauses grow"
    engine.sandbox.faults.clear()
    moment = rows[0].publish_at
    while timezone.now() < moment - timedelta(minutes=1):
        engine.tick()
        engine.work()
        if {state_of(row) for row in rows} == {ScheduleState.STAGED}:
            break
        engine.stand_still_at(max(Job.objects.open().earliest("run_at").run_at, timezone.now()))
    assert [state_of(row) for row in rows] == [ScheduleState.STAGED] * 4


# ------------------------------------------------------------------------------------------------------ a revoked consent


def test_a_revoked_consent_costs_nothing_that_is_connected_again_in_time(engine: Engine):
    channel = engine.channel(min_gap_minutes=1)
    rows = [engine.planned(channel, minutes=60 + 5 * number) for number in range(6)]
    token = f"sandbox-refresh-{channel.slug}"
    youtube_state.revoke(engine.sandbox.store, token)
    engine.tick()
    engine.work()
    assert {state_of(row) for row in rows} == {ScheduleState.STAGING}
    row = Blocker.objects.open().counted().get()
    assert (row.code, row.channel, row.waiting) == ("credential_revoked", channel, 6)
    assert "revoked" in row.sentence.lower() or "expired" in row.sentence.lower()
    assert Credential.objects.get().state == CredentialState.REVOKED

    engine.pass_time(minutes=20)
    asked = len(engine.sandbox.requests("POST", "/token"))
    assert probes.probe_due() == 0
    assert len(engine.sandbox.requests("POST", "/token")) == asked + 1, "one probe, not one a job"
    assert engine.work() == []

    with engine.sandbox.store.change("youtube") as youtube:
        youtube["refresh_tokens"][token]["revoked"] = False
    assert probes.probe(row.pk)
    engine.work()
    assert {state_of(row) for row in rows} == {ScheduleState.STAGED}
    entry = Activity.objects.get(verb="blocker_ended")
    assert len(entry.additional_data["members"]["job"]) == 6


def test_only_the_moment_ends_what_is_blocked(engine: Engine):
    channel = engine.channel(misfire_grace_minutes=10)
    row = engine.planned(channel, minutes=30)
    youtube_state.revoke(engine.sandbox.store, f"sandbox-refresh-{channel.slug}")
    engine.tick()
    engine.work()
    engine.pass_until(row.publish_at + timedelta(minutes=5))
    engine.tick()
    assert state_of(row) == ScheduleState.STAGING
    engine.pass_until(row.publish_at + timedelta(minutes=12))
    engine.tick()
    assert state_of(row) == ScheduleState.MISSED
    assert not Job.objects.open().filter(kind=JobKind.STAGE).exists()
    probes.probe_due(in_(minutes=1))
    assert Blocker.objects.get().ended_how == "nothing waits for it any more"


# ------------------------------------------------------------------------------------------- a client secret that is rotated


def rotate(engine: Engine, secret: str) -> None:
    with engine.sandbox.store.change("youtube") as youtube:
        youtube["clients"][CLIENT_ID]["secret"] = secret


def test_rotating_the_clients_secret_is_one_setting_also_for_rows_that_have_an_old_copy(engine, settings):
    row = engine.planned(engine.channel())
    assert Credential.objects.get().client_secret, "the row carries the old one"
    rotate(engine, "rotated")
    settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = CLIENT_ID, "rotated"
    engine.tick()
    engine.work()
    assert state_of(row) == ScheduleState.STAGED
    assert Credential.objects.get().state == CredentialState.VALID


def test_a_client_that_google_refuses_blocks_everything_once_and_disconnects_nobody(engine, settings):
    settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
    rows = [engine.planned(engine.channel(slug)) for slug in ("aurora", "borealis")]
    rotate(engine, "rotated")
    engine.tick()
    engine.work()
    row = Blocker.objects.open().counted().get()
    assert (row.code, row.scope, row.waiting) == ("client_refused", "installation", 2)
    assert set(Credential.objects.values_list("state", flat=True)) == {CredentialState.VALID}
    assert not probes.probe(row.pk)
    settings.GOOGLE_CLIENT_SECRET = "rotated"
    assert probes.probe(row.pk)
    engine.work()
    assert {state_of(row) for row in rows} == {ScheduleState.STAGED}


# ------------------------------------------------------------------------------------------------------------- the row


def test_every_condition_that_a_call_can_meet_has_a_remedy():
    codes, waiting = set(), [errors.RemoteError]
    while waiting:
        known = waiting.pop()
        codes |= {known.code} if known.again == "blocked" else set()
        waiting += known.__subclasses__()
    assert codes <= set(REMEDIES)
    assert set(probes.PROBES) <= set(REMEDIES)


def test_what_waits_goes_on_in_the_order_it_had(monkeypatch):
    running()
    jobs = [blocked(monkeypatch=monkeypatch, rank=rank) for rank in (3.0, 1.0, 2.0)]
    for number, job in enumerate(jobs):
        channel = jobs[0].channel_id
        Job.objects.filter(pk=job.pk).update(
            blocked_on=jobs[0].blocked_on, channel=channel, rank=(3, 1, 2)[number]
        )
    Blocker.objects.exclude(pk=jobs[0].blocked_on_id).delete()
    assert blockers.clear(jobs[0].blocked_on_id, "mended") == 3
    assert [job.pk for job in queue.claim(limit=3)] == [jobs[1].pk, jobs[2].pk, jobs[0].pk]
    assert blockers.clear(jobs[0].blocked_on_id, "mended") == 0, "once"


def test_where_only_a_try_can_tell_one_job_is_let_try(monkeypatch):
    running()
    first = blocked(monkeypatch=monkeypatch)
    second = stage_job(
        channel=first.channel, distribution=None, video=None, schedule=first.schedule, dedupe_key="x"
    )
    Job.objects.filter(pk=second.pk).update(state=JobState.WAITING, blocked_on=first.blocked_on)
    row = first.blocked_on
    assert not probes.probe(row.pk)
    assert not probes.probe(row.pk), "the same one is still trying"
    assert Job.objects.blocked().count() == 1
    (canary,) = queue.claim(limit=5)
    worker.run(canary)
    assert Job.objects.blocked().count() == 2, "it met the condition again"
    assert probes.probe(row.pk) is False
    ends_by(monkeypatch, {})
    worker.run(queue.claim(limit=1)[0])
    assert Job.objects.blocked().count() == 0
    row.refresh_from_db()
    assert "let try" in row.ended_how


def test_the_probes_come_after_a_minute_and_then_ever_more_rarely_to_a_quarter_of_an_hour(monkeypatch):
    running()
    row = blocked(monkeypatch=monkeypatch).blocked_on
    assert in_(seconds=50) < row.next_probe_at < in_(seconds=70)
    for _ in range(7):
        blockers.take(row.pk, timezone.now())
    row.refresh_from_db()
    assert in_(minutes=13) < row.next_probe_at < in_(minutes=17)


def test_a_condition_that_comes_back_soon_is_asked_about_at_the_pace_that_it_had_reached(monkeypatch):
    running()
    job = blocked(monkeypatch=monkeypatch)
    Blocker.objects.update(probes=6)
    blockers.clear(job.blocked_on_id, "seemingly mended")
    worker.run(queue.claim()[0])
    job.refresh_from_db()
    assert job.blocked_on.probes == 6
    assert job.blocked_on.next_probe_at > in_(minutes=13)


def test_a_spent_quota_blocks_until_it_is_refilled_without_anybody_asking(monkeypatch):
    running()
    job = blocked(QuotaExhausted("spent", bucket=quota.UNITS, resets_at=in_(hours=2)), monkeypatch)
    row = job.blocked_on
    assert (row.code, row.detail, row.scope) == ("quota_exhausted", quota.UNITS, "installation")
    assert queue.claim(now=in_(minutes=119)) == []
    assert [taken.pk for taken in queue.claim(now=in_(minutes=121))] == [job.pk], "also where no probe runs"


def test_a_channel_s_own_cap_holds_for_that_channel_alone(monkeypatch):
    running()
    spent = QuotaExhausted("its own cap", bucket=quota.CHANNEL_UPLOADS, resets_at=in_(hours=24))
    assert blocked(spent, monkeypatch).blocked_on.scope == "channel"


def test_a_job_that_is_blocked_can_be_cancelled(monkeypatch):
    running()
    job = blocked(monkeypatch=monkeypatch)
    assert door().cancel_job(job_id=job.pk).state == JobState.CANCELLED


# ------------------------------------------------------------------------------------------------------------- the races


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_two_workers_that_meet_one_condition_make_one_row():
    running()
    jobs = [plain_job(JobKind.SYNC) for _ in range(6)]
    taken = [claimed(job) for job in jobs]

    def meet(job):
        return lambda: blockers.block(job, "client_refused", "refused", scope="installation")

    together(*(meet(job) for job in taken))
    row = Blocker.objects.open().counted().get()
    assert row.waiting == 6


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_a_condition_that_ends_while_a_job_meets_it_leaves_no_job_behind():
    """It goes on with the others, or waits on a new row that is asked about: never on one that has ended."""
    running()
    for _ in range(15):
        first, second = (claimed(plain_job(JobKind.SYNC)) for _ in range(2))
        row = blockers.block(first, "client_refused", "refused", scope="installation")
        together(
            lambda row=row: blockers.clear(row.pk, "mended"),
            lambda job=second: blockers.block(job, "client_refused", "refused", scope="installation"),
        )
        assert not Job.objects.filter(blocked_on__ended_at__isnull=False).exists()
        for open_row in Blocker.objects.open():
            blockers.clear(open_row.pk, "mended")
        assert Job.objects.blocked().count() == 0
        Job.objects.all().delete()
