"""What the rows and the log say of a publication and of a job is put together, whoever asks."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from channels.gateways import observed
from orchestration.core import audit
from orchestration.core.transitions import transition
from orchestration.engine import calls
from orchestration.errors import NotFound
from orchestration.models import Call
from orchestration.monitoring.job_history import log_lines
from orchestration.states import JobState, ScheduleState
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db


def test_a_publication_that_is_held_says_who_holds_it_and_since_when():
    row = factories.ScheduleFactory()
    with audit.acting_as(audit.Acting("olga")):
        transition(row, ScheduleState.HELD, reason="not today")
    why = door().explain_publication(schedule_id=row.pk)
    assert why.outcome == "held"
    assert "held by olga" in why.sentence
    assert "not today" in why.sentence
    with pytest.raises(NotFound):
        door().explain_publication(schedule_id=999)


def test_a_conflict_that_moved_it_is_told_with_its_sentence():
    row = factories.ScheduleFactory()
    wanted = row.publish_at - timedelta(minutes=52)
    factories.ConflictFactory(
        schedule=row, wanted_at=wanted, moved_to=row.publish_at, yielded="request", message="Aurora at 12:30"
    )
    why = door().explain_publication(schedule_id=row.pk)
    assert (why.wished_at, why.moved_seconds) == (wanted, 52 * 60)
    assert "Aurora at 12:30" in why.delays[0].sentence


def test_the_attempts_of_a_job_are_read_from_the_log_with_their_pauses():
    row = factories.ScheduleFactory()
    job = factories.JobFactory(kind="stage", schedule=row, channel=row.channel, distribution=row.distribution)
    later = timezone.now() + timedelta(seconds=90)
    transition(job, JobState.RUNNING, holder="box:1", started_at=timezone.now())
    transition(
        job, JobState.WAITING, reason="YouTube answered 503", error_code="remote_unavailable", run_at=later
    )
    transition(job, JobState.RUNNING, holder="box:2")
    history = door().get_job_history(job_id=job.pk)
    first, second = history.attempts
    assert (first.worker, first.outcome, first.code, first.message) == (
        "box:1",
        "waiting",
        "remote_unavailable",
        "YouTube answered 503",
    )
    assert first.pause_seconds == pytest.approx(90, abs=5)
    assert (second.number, second.worker, second.ended_at) == (2, "box:2", None)
    waits = [d for d in door().explain_publication(schedule_id=row.pk).delays if d.code == "retry"]
    assert not waits or "YouTube answered 503" in waits[0].sentence


def test_calls_are_written_in_one_statement_without_query_and_bounded(django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(calls, "MOST_OF_AN_ATTEMPT", 2)
    job = factories.JobFactory(running=True, attempts=3)
    with django_assert_num_queries(1), calls.recorded(job):
        for number in range(4):
            with observed.request("get", f"https://u:p@api.example.org/repos/{number}?token=secret") as heard:
                heard.take(200, {"X-GitHub-Request-Id": "AB:12", "Authorization": "secret"})
    first, last = Call.objects.order_by("pk")
    assert (first.method, first.host, first.path, first.status) == ("GET", "api.example.org", "/repos/0", 200)
    assert (first.request_id, first.attempt, first.error) == ("AB:12", 3, "")
    assert last.error == "2 more followed and are not kept"


def test_a_call_without_an_answer_names_what_came_instead_and_the_failure_goes_on():
    job = factories.JobFactory(running=True)
    with pytest.raises(ConnectionError), calls.recorded(job), observed.request("POST", "//host/path"):
        raise ConnectionError("no way")
    (call,) = door().get_job_history(job_id=job.pk).calls
    assert (call.status, call.error) == (None, "ConnectionError")


def test_without_an_observer_nothing_is_kept_and_old_calls_are_deleted(settings):
    with observed.request("GET", "https://example.org/") as heard:
        heard.take(200)
    settings.HEADEND_CALLS_DAYS = 14
    old = Call.objects.create(
        job=factories.JobFactory(),
        at=timezone.now() - timedelta(days=15),
        method="GET",
        host="x",
        duration_ms=1,
    )
    kept = Call.objects.create(job=old.job, method="GET", host="x", duration_ms=1)
    assert calls.prune(timezone.now()) == 1
    assert list(Call.objects.all()) == [kept]


def test_lines_of_the_log_are_found_by_the_job_that_they_name(tmp_path):
    (tmp_path / "work.log").write_text(
        "a INFO x said [job 12]\nb of job 12 is lost\nc [job 120]\nd nothing\n"
    )
    assert log_lines(12, tmp_path) == ["a INFO x said [job 12]", "b of job 12 is lost"]
    assert log_lines(12, tmp_path / "none") == []


def test_the_doors_say_the_same(capsys, admin_client):
    row = factories.ScheduleFactory()
    job = factories.JobFactory(running=True, schedule=row, channel=row.channel)
    said = door().explain_publication(schedule_id=row.pk).sentence
    assert admin_client.get(f"/api/schedules/{row.pk}/why").json()["sentence"] == said
    assert admin_client.get(f"/api/jobs/{job.pk}/history").json()["calls"] == []
    assert admin_client.get("/api/orchestration/needs").json()["verdict"]["sentence"]
    call_command("orchestration", "why", row.pk)
    call_command("orchestration", "job-history", job.pk)
    call_command("orchestration", "needs")
    assert said in capsys.readouterr().out


def test_late_and_routine_are_filters_of_the_lists(admin_client):
    late = factories.ScheduleFactory(published=True, lateness_seconds=600)
    factories.ScheduleFactory(published=True, lateness_seconds=0.4)
    assert [row["id"] for row in admin_client.get("/api/schedules?late=true").json()["items"]] == [late.pk]
    routine = factories.JobFactory(kind="collect", succeeded=True)
    other = factories.JobFactory(kind="stage", succeeded=True)
    ids = [row["id"] for row in admin_client.get("/api/jobs?routine=false").json()["items"]]
    assert other.pk in ids
    assert routine.pk not in ids
    html = admin_client.get("/jobs/").content.decode()
    assert f"job-{routine.pk}" not in html
    assert "1 succeeded" in " ".join(html.split())
    assert f"job-{routine.pk}" in admin_client.get("/jobs/?routine=1").content.decode()
