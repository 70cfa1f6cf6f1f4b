"""Each invariant has a checker, and each checker finds what breaks it."""

import io
import json
import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels.models import Channel
from channels.quota import pacific_day
from orchestration.core import append_only, audit, change_counts
from orchestration.core.transitions import transition, transition_all
from orchestration.models import Distribution, Job, Lease, Pool, Schedule, SystemState, Video
from orchestration.monitoring import invariants
from orchestration.queue import pools
from orchestration.states import JobKind, JobState, ScheduleState, SystemStatus
from tests import factories
from tests.factories import in_
from tests.orchestration.engine import capacity, claimed, process_job, publish_job, running, stage_job

pytestmark = pytest.mark.django_db


def found(ticking=True):
    return [violation.name for violation in invariants.check(ticking=ticking)]


def test_an_empty_house_keeps_every_promise():
    assert found() == []


def test_a_busy_house_keeps_every_promise():
    running(state_changed_at=in_(hours=-1))
    factories.ScheduleFactory(published=True)
    factories.ScheduleFactory(staged=True)
    claimed(process_job())
    job = claimed(stage_job())
    pools.charge_reserved(job)
    transition(factories.ScheduleFactory(), ScheduleState.HELD, reason="wait")
    assert found() == []


def long_running():
    return running(state_changed_at=in_(hours=-1))


# --------------------------------------------------------------------------------------- each is broken, and each is found


def an_orphan_that_is_recorded():
    row = factories.DistributionFactory(published=True)
    factories.OrphanUploadFactory(distribution=row, youtube_video_id=row.youtube_video_id)


def public_without_a_video():
    factories.DistributionFactory(published=True, youtube_video_id=None)


def the_same_content_twice_on_one_channel():
    row = factories.DistributionFactory(published=True)
    twin = factories.VideoFactory(content_hash=row.video.content_hash, state="duplicate")
    factories.DistributionFactory(published=True, channel=row.channel, video=twin)


def two_open_jobs_for_one_key():
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX job_open_once")
    factories.JobFactory.create_batch(2, dedupe_key="stage:distribution:1")


def a_due_schedule_without_a_job(**values):
    long_running()
    values = {"publish_at": in_(minutes=-30), "stage_at": in_(minutes=-60)} | values
    return factories.ScheduleFactory(**values)


def a_running_job_that_everybody_forgot():
    factories.JobFactory(running=True, kind=JobKind.COLLECT, lease_expires_at=in_(minutes=-30))


def public_before_its_moment():
    row = factories.ScheduleFactory(published=True)
    Distribution.objects.filter(pk=row.distribution_id).update(
        published_at=row.publish_at - timedelta(seconds=3)
    )


def published_without_its_lateness():
    row = factories.ScheduleFactory(staged=True)
    transition(row, ScheduleState.PUBLISHED)
    Distribution.objects.update(state="published", published_at=in_(hours=2), verified_at=in_(hours=2))


def armed_without_an_approval():
    row = factories.ScheduleFactory(staged=True, publish_at=in_(hours=1), armed_for=in_(hours=1))
    Channel.objects.filter(pk=row.channel_id).update(needs_approval_since=in_(hours=-1))


def armed_before_its_moment():
    factories.ScheduleFactory(staged=True, armed_for=in_(minutes=1))


def more_holders_than_slots():
    capacity(upload=1)
    pool = Pool.objects.get(name="upload")
    factories.LeaseFactory.create_batch(2, pool=pool)


def a_rate_that_was_passed():
    pool = factories.PoolFactory(rate=True, capacity=2)
    for seconds in (-50, -30, -1):
        factories.LeaseFactory(pool=pool, acquired_at=in_(seconds=seconds), released=True)


def more_spent_than_a_day_has():
    pool = factories.PoolFactory(budget=True, capacity=1)
    factories.BudgetEntryFactory.create_batch(2, pool=pool, day=pacific_day(timezone.now()))


def a_slot_that_outlives_its_job():
    factories.LeaseFactory(job=factories.JobFactory(succeeded=True))


def a_slot_released_for_no_reason():
    factories.LeaseFactory(released=True, release_reason="")


def a_state_that_is_none():
    Job.objects.filter(pk=factories.JobFactory().pk).update(state="sleeping")


def a_change_that_no_arrow_allows():
    row = factories.ScheduleFactory(published=True)
    with transaction.atomic():
        audit.record("schedule_planned", row, before={"state": "published"}, after={"state": "planned"})


def staged_with_nothing_uploaded():
    factories.ScheduleFactory(state=ScheduleState.STAGED)


def published_while_its_distribution_is_not():
    row = factories.ScheduleFactory(published=True)
    Distribution.objects.filter(pk=row.distribution_id).update(state="cancelled")


def public_since_nobody_knows_when():
    factories.DistributionFactory(published=True, published_at=None)


def ready_without_a_file():
    Video.objects.filter(pk=factories.VideoFactory().pk).update(prepared_file="")


def running_and_held_by_nobody():
    factories.JobFactory(running=True, holder="")


def a_state_that_changed_past_the_door():
    row = factories.ScheduleFactory()
    Schedule.objects.filter(pk=row.pk).update(state="held", state_changed_at=in_(seconds=5))


def a_job_that_began_after_the_pause():
    running(SystemStatus.PAUSED, state_changed_at=in_(minutes=-5))
    factories.JobFactory(running=True, kind=JobKind.PROCESS)


def two_publications_at_one_moment():
    channel, at = factories.ChannelFactory(min_gap_minutes=30), in_(hours=3)
    factories.ScheduleFactory.create_batch(2, channel=channel, publish_at=at)


def a_token_in_the_log():
    with transaction.atomic():
        audit.record("x", factories.ChannelFactory(), reason="called with ghp_" + "a1B2" * 9)


def a_credential_in_a_job():
    factories.CredentialFactory(
        secrets={"client_secret": "hush-hush-client", "refresh_token": "hush-hush-token"}
    )
    factories.JobFactory(result={"said": "refused hush-hush-token"})


def a_setting_in_a_runs_result():
    factories.WorkflowRunFactory(result={"token": "the-github-token-of-settings"})


def an_upload_session_that_is_not_sealed():
    factories.DistributionFactory(upload_session_sealed="https://upload.example/resumable")


def a_copy_that_runs():
    running(installation_id="somebody else's")


def a_table_whose_changes_nobody_counts():
    lost = change_counts.triggers(connection.vendor)[0]
    with connection.cursor() as cursor:
        on = f' ON "{lost.table}"' if connection.vendor == "postgresql" else ""
        cursor.execute(f'DROP TRIGGER "{lost.name}"{on}')


def a_guard_of_the_record_that_is_gone():
    guard = append_only.guards(connection.vendor)[0]
    on = f' ON "{guard.table}"' if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TRIGGER "{guard.name}"{on}')


BREAKS = [
    (an_orphan_that_is_recorded, "at most one public video per distribution"),
    (public_without_a_video, "at most one public video per distribution"),
    (the_same_content_twice_on_one_channel, "at most one public video per distribution"),
    (two_open_jobs_for_one_key, "one open job per key"),
    (a_due_schedule_without_a_job, "no due schedule is lost"),
    (a_running_job_that_everybody_forgot, "no running job is forgotten"),
    (public_before_its_moment, "never early, and lateness is stored"),
    (published_without_its_lateness, "never early, and lateness is stored"),
    (armed_before_its_moment, "never early, and lateness is stored"),
    (armed_without_an_approval, "nothing goes out unapproved"),
    (more_holders_than_slots, "no pool holds more than it has"),
    (a_rate_that_was_passed, "no rate is passed"),
    (more_spent_than_a_day_has, "no day's budget is passed"),
    (a_slot_that_outlives_its_job, "a slot is released with its job"),
    (a_slot_released_for_no_reason, "a slot is released with its job"),
    (a_state_that_is_none, "only listed states"),
    (a_change_that_no_arrow_allows, "only listed transitions"),
    (staged_with_nothing_uploaded, "states agree with what they say"),
    (published_while_its_distribution_is_not, "states agree with what they say"),
    (public_since_nobody_knows_when, "states agree with what they say"),
    (ready_without_a_file, "states agree with what they say"),
    (running_and_held_by_nobody, "states agree with what they say"),
    (a_state_that_changed_past_the_door, "every change of state has its entry"),
    (a_job_that_began_after_the_pause, "nothing starts unless the system runs"),
    (two_publications_at_one_moment, "one firing per moment and channel"),
    (a_token_in_the_log, "no secret in plain rows"),
    (a_credential_in_a_job, "no secret in plain rows"),
    (a_setting_in_a_runs_result, "no secret in plain rows"),
    (an_upload_session_that_is_not_sealed, "no secret in plain rows"),
    (a_copy_that_runs, "a copy does not run"),
    (a_guard_of_the_record_that_is_gone, "the record is as it was sealed"),
    (a_table_whose_changes_nobody_counts, "an open page notices every change"),
]


@pytest.mark.parametrize(("break_it", "name"), BREAKS, ids=lambda case: getattr(case, "__name__", ""))
def test_what_breaks_a_promise_is_found_and_nothing_else(break_it, name, settings):
    settings.GITHUB_TOKEN = "the-github-token-of-settings"
    break_it()
    assert set(found()) == {name}


def test_every_check_is_broken_by_one_of_these():
    assert {name for _, name in BREAKS} == {name for _, name, _ in invariants.CHECKS}


@pytest.mark.parametrize(
    "why_not",
    [
        lambda row: SystemState.objects.update(state=SystemStatus.PAUSED),
        lambda row: SystemState.objects.update(state_changed_at=timezone.now()),
        lambda row: type(row.channel).objects.update(state="paused"),
        lambda row: Schedule.objects.update(wave=factories.WaveFactory(paused=True)),
        lambda row: Schedule.objects.update(state=ScheduleState.HELD),
        lambda row: Schedule.objects.update(misfire_action="publish_late"),
        lambda row: publish_job(schedule=row),
        lambda row: stage_job(schedule=row),
    ],
    ids=[
        "paused",
        "just resumed",
        "channel paused",
        "wave paused",
        "held",
        "released at a rate",
        "job",
        "staging",
    ],
)
def test_what_is_overdue_for_a_reason_is_not_lost(why_not):
    why_not(a_due_schedule_without_a_job())
    assert found() == []


def test_nothing_is_lost_while_nothing_ticks():
    a_due_schedule_without_a_job()
    a_running_job_that_everybody_forgot()
    assert found(ticking=False) == []


def test_the_clocks_heartbeat_tells_whether_it_ticks():
    a_due_schedule_without_a_job()
    assert invariants.check() == []
    factories.HeartbeatFactory(component="beat")
    assert [violation.number for violation in invariants.check()] == [2]


def test_a_capacity_that_an_operator_lowered_is_not_passed_by_those_who_held_before():
    pool = factories.PoolFactory(capacity=3)
    factories.LeaseFactory.create_batch(3, pool=pool)
    pool.capacity = 1
    pool.save()  # as the admin does it: django-auditlog writes the entry
    assert found() == []


def test_old_history_is_read_only_when_asked_for():
    factories.ActivityFactory(reason="Bearer " + "a1B2" * 9, timestamp=in_(days=-9))
    assert invariants.check(ticking=True) == []
    assert [violation.number for violation in invariants.check(ticking=True, everything=True)] == [12]


def test_a_batch_explains_the_state_of_its_members():
    rows = factories.ScheduleFactory.create_batch(3)
    transition_all(rows, ScheduleState.STAGING, verb="schedules_staging", subject=SystemState(pk=1))
    for row in rows:
        stage_job(schedule=row)
    assert found() == []


# ------------------------------------------------------------------------------------------------------------ the command


def run_command(*arguments):
    out = io.StringIO()
    try:
        call_command("check_invariants", *arguments, stdout=out)
    except SystemExit as ended:
        return ended.code, out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_that_nothing_is_broken():
    assert run_command() == (0, f"{len(invariants.CHECKS)} checks, nothing is broken.\n")


def test_the_command_names_what_is_broken_and_fails():
    running_and_held_by_nobody()
    code, text = run_command()
    assert code == 1
    assert "runs, but nobody holds it" in text
    assert text.endswith("1 broken.\n")


def test_the_command_answers_machines_with_one_document():
    job = factories.JobFactory(running=True, holder="")
    code, text = run_command("--json")
    assert code == 1
    assert json.loads(text) == {
        "ok": False,
        "checks": len(invariants.CHECKS),
        "violations": [
            {
                "number": 5,
                "name": "states agree with what they say",
                "subject": f"job {job.pk}",
                "sentence": f"job {job.pk} runs, but nobody holds it",
            }
        ],
    }


def test_checking_writes_nothing():
    running()
    claimed(process_job())
    with CaptureQueriesContext(connection) as queries:
        invariants.check(ticking=True)
    reads = re.compile(r'SELECT|DECLARE "\w+" NO SCROLL CURSOR FOR SELECT')
    assert not [q["sql"] for q in queries if not reads.match(q["sql"].lstrip())]
    assert Lease.objects.count() == 1
    assert Job.objects.get().state == JobState.RUNNING
