"""Many at once, on a database that lets them: what is due happens once, nothing is passed, nobody waits for ever."""

import threading
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from channels.gateways.errors import RemoteRejected
from channels.gateways.github import RepositoryInfo
from channels.models import Channel
from orchestration.core.transitions import transition
from orchestration.engine import control, jobs, tick
from orchestration.engine import worker as execution
from orchestration.errors import IllegalTransition, StaleState
from orchestration.github import repository_pin
from orchestration.models import (
    Activity,
    BudgetEntry,
    Distribution,
    Job,
    Lease,
    Pool,
    Schedule,
    Video,
)
from orchestration.pipeline import outcomes as endings
from orchestration.queue import jobs as queue
from orchestration.queue import pool_names, pools
from orchestration.scheduling import schedules
from orchestration.states import JobKind, JobState, PoolKind, ScheduleState, VideoState
from tests import factories
from tests.factories import in_
from tests.orchestration.engine import (
    capacity,
    claimed,
    no_errors,
    plain_job,
    process_job,
    running,
    stage_job,
    staging_schedule,
    together,
)
from tests.patience import PATIENCE_SECONDS

pytestmark = [
    pytest.mark.postgres_only,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("keeps_invariants"),
]


@pytest.fixture(autouse=True)
def system(transactional_db):
    return running()


def due_schedules(count):
    """Make schedules whose staging is due, in a few statements."""
    source, channel = factories.SourceFactory(), factories.ChannelFactory(min_gap_minutes=0)
    videos = Video.objects.bulk_create(
        Video(
            source=source,
            url=f"https://videos.example/r/{n}",
            canonical_url=f"https://videos.example/r/{n}",
            content_hash=f"r{n:063x}",
            state=VideoState.READY,
            prepared_file=f"prepared/{n}.mp4",
        )
        for n in range(count)
    )
    factories.default_renditions(videos)
    distributions = Distribution.objects.bulk_create(
        Distribution(video=video, channel=channel, method="coordinated") for video in videos
    )
    at = in_(hours=1)
    return Schedule.objects.bulk_create(
        Schedule(
            distribution=distribution,
            channel=channel,
            publish_at=at + timedelta(seconds=number),
            local_wall="2026-11-23T18:00:00",
            zone="UTC",
            stage_at=in_(seconds=-1),
        )
        for number, distribution in enumerate(distributions)
    )


def test_four_dispatchers_give_a_thousand_due_schedules_exactly_a_thousand_jobs():
    due_schedules(1000)

    def dispatch():
        done = 0
        while staged := tick.stage_due(timezone.now(), most=60):
            done += staged
        return done

    counts = no_errors(together(*[dispatch] * 4))
    # A dispatcher that finds all that is left locked by the others stops early; the next tick comes anyway.
    tick.stage_due(timezone.now())
    assert Job.objects.filter(kind=JobKind.STAGE).count() == 1000
    assert Job.objects.values("schedule_id").distinct().count() == 1000
    assert set(Schedule.objects.values_list("state", "version")) == {(ScheduleState.STAGING, 1)}
    assert sum(counts) <= 1000
    members = [
        pk
        for entry in Activity.objects.filter(verb="schedules_staging")
        for pk in entry.additional_data["members"]["schedule"]
    ]
    assert len(members) == len(set(members)) == 1000


def test_whole_ticks_at_once_publish_and_stage_everything_once():
    due_schedules(60)
    for _ in range(20):
        factories.ScheduleFactory(staged=True, publish_at=in_(minutes=5))
    no_errors(together(*[tick.tick] * 4))
    no_errors(together(*[tick.tick] * 2))
    kinds = Counter(Job.objects.values_list("kind", flat=True))
    assert kinds == {JobKind.STAGE: 60, JobKind.PUBLISH: 20}


def test_late_publications_are_released_at_their_rate_however_many_ticks_look(settings):
    settings.HEADEND_RELEASES_PER_MINUTE = 5
    for _ in range(20):
        factories.ScheduleFactory(staged=True, publish_at=in_(minutes=-10), misfire_action="publish_late")
    no_errors(together(*[lambda: tick.release_late(timezone.now())] * 6))
    assert Job.objects.filter(kind=JobKind.PUBLISH).count() == 5


def test_no_job_is_given_to_two_holders():
    capacity(process=1000)
    expected = {plain_job().pk for _ in range(150)} | {process_job().pk for _ in range(50)}

    def claims(number):
        def claim():
            mine = []
            while taken := queue.claim(limit=1 + number % 3, holder=f"holder-{number}"):
                mine += [job.pk for job in taken]
            return mine

        return claim

    mine = no_errors(together(*[claims(number) for number in range(8)]))
    everything = [pk for pks in mine for pk in pks]
    while taken := queue.claim(limit=50, holder="rest"):
        everything += [job.pk for job in taken]
    assert len(everything) == len(set(everything)) == 200
    assert set(everything) == expected
    assert set(Job.objects.values_list("attempts", "version")) == {(1, 1)}
    for number, pks in enumerate(mine):
        assert set(Job.objects.filter(pk__in=pks).values_list("holder", flat=True)) <= {f"holder-{number}"}


def test_eight_holders_that_take_and_give_back_never_pass_a_pools_capacity():
    capacity(process=3)
    pool = Pool.objects.get(name="process")
    most, rounds = [], 250
    workers = [
        process_job(state=JobState.RUNNING, holder="w", lease_expires_at=in_(hours=1)) for _ in range(8)
    ]

    def worker(job):
        def work():
            got = 0
            for _ in range(rounds):
                with transaction.atomic():
                    room = pools.locked_room(timezone.now(), fast=False)
                    taken, _ = room.take([job], limit=1)
                    room.write(holder="w", lease_seconds=60)
                if taken:
                    got += 1
                    held = Lease.objects.filter(pool=pool, released_at=None).aggregate(n=Sum("units"))["n"]
                    most.append(held or 0)
                    pools.give_back(job, reason="done", spent=True, now=timezone.now())
            return got

        return work

    got = no_errors(together(*[worker(job) for job in workers]))
    assert max(most) <= 3
    assert sum(got) == Lease.objects.count() > 0
    assert not Lease.objects.filter(released_at=None).exists()
    Job.objects.update(state=JobState.SUCCEEDED)


def test_slots_are_never_passed_while_jobs_are_claimed_and_end(monkeypatch):
    capacity(process=2)
    for _ in range(40):
        process_job()
    most = []

    def runner(job, lease):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM orchestration_lease WHERE released_at IS NULL")
            most.append(cursor.fetchone()[0])
        return {}

    monkeypatch.setattr(execution, "RUNNERS", dict.fromkeys(execution.RUNNERS, runner))
    no_errors(together(*[lambda: execution.work(fast=False)] * 4))
    while execution.work(fast=False):
        pass
    assert max(most) <= 2
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.SUCCEEDED}


def test_a_days_budget_is_charged_to_the_unit_and_not_further():
    Pool.objects.filter(name=pool_names.UNITS).update(capacity=30, reserve=0)

    def charge():
        done = 0
        for _ in range(10):
            try:
                pools.charge(pool_names.UNITS, 1, call="videos.list")
            except pools.BudgetExhausted:
                continue
            done += 1
        return done

    assert sum(no_errors(together(*[charge] * 6))) == 30
    assert BudgetEntry.objects.aggregate(n=Sum("units"))["n"] == 30


def test_a_repository_is_pinned_by_one_and_whoever_saw_another_under_its_name_is_refused():
    """It was deleted and made anew between two looks at it; only what was pinned may be written or dispatched to."""
    pk = factories.ChannelFactory(github=True, repository_id=None).pk

    def look(repository_id, channel):
        found = RepositoryInfo(
            repository_id, channel.repository, "main", True, False, "https://github.example/x"
        )
        github = SimpleNamespace(repository=lambda name: found)
        return lambda: repository_pin.look_at(channel, github).id

    looks = [look(7 + number % 2, Channel.objects.get(pk=pk)) for number in range(6)]
    seen = together(*looks)
    pinned = Channel.objects.get(pk=pk).repository_id
    assert [outcome for outcome in seen if not isinstance(outcome, Exception)] == [pinned] * 3
    assert sum(isinstance(outcome, repository_pin.RepositoryChanged) for outcome in seen) == 3
    (entry,) = Activity.objects.filter(verb="repository_pinned")
    assert entry.after == {"repository_id": pinned}


def test_uploads_are_reserved_to_the_last_of_the_day_and_not_further():
    capacity(upload=100, youtube_uploads=7)
    for _ in range(20):
        stage_job()
    claims = no_errors(together(*[lambda: queue.claim(limit=5)] * 6))
    taken = [job for mine in claims for job in mine] + queue.claim(limit=20)
    assert len(taken) == 7
    assert BudgetEntry.objects.count() == 7


def test_a_rate_is_never_passed():
    Pool.objects.filter(name=pool_names.DISPATCH).update(capacity=6)
    assert Pool.objects.get(name=pool_names.DISPATCH).kind == PoolKind.RATE
    channel = factories.ChannelFactory(github=True, min_gap_minutes=0)
    for _ in range(15):
        stage_job(schedule=staging_schedule(channel=channel), executor="github", fast=True)
    claims = no_errors(together(*[lambda: queue.claim(limit=4)] * 5))
    taken = [job for mine in claims for job in mine] + queue.claim(limit=20)
    assert len(taken) == 6


def test_one_key_gives_one_job_whoever_asks():
    asked = no_errors(together(*[lambda: queue.enqueue(JobKind.CHECK, dedupe_key="check:channel:1").pk] * 8))
    assert len(set(asked)) == Job.objects.count() == 1
    assert Activity.objects.filter(verb="job_queued").count() == 1


def test_one_lost_job_is_rescued_once_whoever_looks():
    for _ in range(40):
        factories.JobFactory(running=True, kind=JobKind.COLLECT, lease_expires_at=in_(seconds=-1))
    rescued = no_errors(together(*[execution.reap] * 4))
    assert sum(rescued) == 40
    assert set(Job.objects.values_list("state", "version")) == {(JobState.WAITING, 1)}
    assert Activity.objects.filter(verb="job_waiting").count() == 40


def test_a_worker_that_ends_its_job_while_it_is_rescued_loses_or_wins_but_not_both():
    rows = [factories.JobFactory(running=True, kind=JobKind.COLLECT) for _ in range(30)]
    held = [Job.objects.get(pk=row.pk) for row in rows]
    Job.objects.update(lease_expires_at=in_(seconds=-1))

    def finishes():
        won = 0
        for job in held:
            try:
                queue.finish(job, JobState.SUCCEEDED, result={})
            except StaleState:
                continue
            won += 1
        return won

    finished, rescued = no_errors(together(finishes, execution.reap))
    assert finished + rescued == 30
    assert Job.objects.filter(state=JobState.SUCCEEDED).count() == finished
    assert Job.objects.filter(state=JobState.WAITING).count() == rescued
    assert set(Job.objects.values_list("version", flat=True)) == {1}


def test_a_job_is_claimed_or_cancelled_but_not_both():
    rows = [plain_job() for _ in range(40)]

    def cancels():
        asked = 0
        for row in rows:
            asked += jobs.cancel(row.pk).state == JobState.RUNNING
        return asked

    def claims():
        return sum(len(queue.claim(limit=2)) for _ in range(20))

    asked, taken = no_errors(together(cancels, claims))
    assert Job.objects.filter(state=JobState.CANCELLED).count() == 40 - asked
    assert Job.objects.filter(state=JobState.RUNNING).count() == taken
    assert taken >= asked


def test_whoever_moves_a_row_first_moves_it_alone():
    row = factories.ScheduleFactory()
    seen = [Schedule.objects.get(pk=row.pk) for _ in range(8)]
    outcomes = together(*[lambda one=one: transition(one, ScheduleState.HELD, reason="x") for one in seen])
    assert Counter(type(outcome).__name__ for outcome in outcomes) == {"Schedule": 1, "StaleState": 7}
    assert Activity.objects.filter(verb="schedule_held").count() == 1


def test_an_operator_who_holds_back_and_a_worker_who_fails_do_not_wait_for_each_other():
    """Both want the schedule and its job; they take them in the same order, or PostgreSQL would end one of them."""
    capacity(upload=100)
    pairs = [claimed(stage_job()) for _ in range(15)]

    def holds():
        done = 0
        for job in pairs:
            try:
                schedules.hold(job.schedule_id)
                done += 1
            except IllegalTransition:
                continue
        return done

    def fails():
        for job in pairs:
            with transaction.atomic():
                endings.lock(job)
                queue.finish(job, JobState.FAILED, error_code="x", error_message="no")
                endings.settle(job)

    held, _ = no_errors(together(holds, fails))
    states = Counter(Schedule.objects.values_list("state", flat=True))
    assert states[ScheduleState.HELD] == held
    assert states[ScheduleState.HELD] + states[ScheduleState.FAILED] == 15


def test_a_retried_job_has_one_successor_at_most():
    row = plain_job(state=JobState.FAILED, dedupe_key="collect:channel:1")
    outcomes = together(
        lambda: jobs.retry(row.pk),
        lambda: queue.enqueue(JobKind.COLLECT, dedupe_key="collect:channel:1"),
        lambda: jobs.retry(row.pk),
        lambda: queue.enqueue(JobKind.COLLECT, dedupe_key="collect:channel:1"),
    )
    assert not [o for o in outcomes if isinstance(o, Exception) and not isinstance(o, IllegalTransition)]
    assert Job.objects.filter(dedupe_key="collect:channel:1", state=JobState.QUEUED).count() == 1


def test_stop_now_while_jobs_end_leaves_none_running_and_none_forgotten(monkeypatch):
    for _ in range(30):
        plain_job()
    begun = threading.Event()

    def runner(job, lease):
        begun.set()
        lease.check()
        raise RemoteRejected("no")

    monkeypatch.setattr(execution, "RUNNERS", dict.fromkeys(execution.RUNNERS, runner))

    def stops():
        assert begun.wait(PATIENCE_SECONDS)
        control.stop(now=True)

    no_errors(together(*[lambda: execution.work(fast=True)] * 3, stops))
    assert not Job.objects.filter(state=JobState.RUNNING).exists()
    tick.tick()
    assert control.report().state == "stopped"
