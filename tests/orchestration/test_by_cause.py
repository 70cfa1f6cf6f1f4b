"""What one cause held back or ended is taken up, released or moved at once, and shown first member by member."""

import json
import re
from datetime import time, timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from channels.gateways.errors import PermissionMissing, RemoteRejected
from channels.models import Channel, PostingSlot
from orchestration.engine import worker
from orchestration.errors import InvalidRequest, NotPermitted
from orchestration.models import Activity, Blocker, Job, Schedule
from orchestration.monitoring import probes, problems
from orchestration.queue import jobs as queue
from orchestration.register import tokens
from orchestration.states import JobState, ScheduleState
from tests.engine_room import door
from tests.factories import BlockerFactory, ChannelFactory, in_
from tests.orchestration.api_client import ApiClient
from tests.orchestration.engine import claimed, ends_by, running, stage_job, staging_schedule

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keeps_invariants")]


def ended(monkeypatch, error, count: int = 3, **values) -> list[Job]:
    """Return staging jobs of one channel whose try ended by `error`."""
    running()
    ends_by(monkeypatch, error)
    channel = values.pop("channel", None) or ChannelFactory(min_gap_minutes=1)
    for weekday in range(7):
        for hour in range(0, 24, 2):
            PostingSlot.objects.create(channel=channel, weekday=weekday, local_time=time(hour))
    made = []
    for number in range(count):
        at = in_(hours=30 + number)
        row = staging_schedule(channel=channel, distribution__channel=channel, publish_at=at, **values)
        job = stage_job(schedule=row)
        worker.run(claimed(job))
        job.refresh_from_db()
        made.append(job)
    return made


def states(jobs: list[Job]) -> list[str]:
    return [Job.objects.get(pk=job.pk).state for job in jobs]


def test_a_preview_names_each_member_and_writes_nothing(monkeypatch):
    jobs = ended(monkeypatch, RemoteRejected("bad title"))
    before = Activity.objects.count()
    result = door().retry_by_cause(cause="remote_rejected", dry_run=True)
    assert [(member.id, member.done) for member in result.members] == [(job.pk, True) for job in jobs]
    assert (states(jobs), Activity.objects.count()) == ([JobState.FAILED] * 3, before)


def test_all_that_failed_by_one_cause_is_tried_again_and_one_refusal_keeps_nobody_from_it(monkeypatch):
    jobs = ended(monkeypatch, RemoteRejected("bad title"))
    door().reopen_schedule(schedule_id=jobs[1].schedule_id)
    door().hold_schedule(schedule_id=jobs[1].schedule_id)
    result = door().retry_by_cause(cause="remote_rejected", reason="titles are mended")
    assert [member.done for member in result.members] == [True, False, True]
    assert "Held" in result.members[1].sentence
    assert states(jobs) == [JobState.QUEUED, JobState.FAILED, JobState.QUEUED]
    entry = Activity.objects.get(verb="retry_by_cause")
    assert entry.additional_data["members"]["job"] == [jobs[0].pk, jobs[2].pk]


def test_what_waits_for_a_condition_is_moved_to_slots_of_its_own(monkeypatch):
    jobs = ended(monkeypatch, PermissionMissing("not allowed"))
    before = dict(Schedule.objects.values_list("pk", "publish_at"))
    foreseen = door().move_by_cause(cause="permission_missing", after=in_(days=3), dry_run=True)
    result = door().move_by_cause(cause="permission_missing", after=in_(days=3))
    assert [member.sentence for member in result.members] == [member.sentence for member in foreseen.members]
    after = dict(Schedule.objects.values_list("pk", "publish_at"))
    assert len(set(after.values())) == 3, "two do not take one slot"
    assert all(after[pk] > before[pk] + timedelta(hours=12) for pk in after)
    assert states(jobs) == [JobState.WAITING] * 3, "they wait on"


def test_what_a_misfire_policy_holds_is_released_by_that_cause(monkeypatch):
    jobs = ended(monkeypatch, RemoteRejected("bad title"), count=2)
    row = jobs[0].schedule
    door().reopen_schedule(schedule_id=row.pk)
    door().hold_schedule(schedule_id=row.pk)
    result = door().release_by_cause(cause="remote_rejected")
    assert [(member.id, member.done) for member in result.members] == [(row.pk, True)]
    row.refresh_from_db()
    assert row.state != ScheduleState.HELD


def test_what_cannot_be_understood_is_refused_by_field_and_readers_may_not():
    with pytest.raises(InvalidRequest) as refused:
        door().retry_by_cause(cause=" ")
    assert refused.value.field == "cause"
    with pytest.raises(InvalidRequest) as refused:
        door().move_by_cause(cause="x", after=in_(hours=-1))
    assert refused.value.field == "after"
    for call in (door("read").retry_by_cause, door("read").move_by_cause, door("read").release_by_cause):
        with pytest.raises(NotPermitted):
            call(cause="x")


# ---------------------------------------------------------------------------------------------------------------- doors


def test_the_api_lists_asks_and_acts(monkeypatch):
    jobs = ended(monkeypatch, PermissionMissing("not allowed"))
    api = ApiClient(tokens.issue("robot", "operate")[1])
    (item,) = api.get("blockers").json()["items"]
    assert (item["code"], item["waiting"], item["scope"]) == ("permission_missing", 3, "channel")
    assert item["remedy"]
    asked = api.post(f"blockers/{item['id']}/probe", {}).json()
    assert asked["last_answer"].endswith("is let try")
    wrong = api.post(f"blockers/{item['id']}/take-over-branch", {})
    assert wrong.status_code == 409
    answer = api.post("orchestration/retry-by-cause", {"cause": "remote_rejected", "dry_run": True})
    assert (answer.status_code, answer.json()["members"]) == (200, [])
    assert api.post("orchestration/move-by-cause", {"cause": ""}).status_code == 422
    assert api.get("orchestration/causes").json()["total"] == 0
    assert len(jobs) == 3


def test_the_command_line_says_the_same(monkeypatch, capsys):
    ended(monkeypatch, PermissionMissing("not allowed"), count=2)
    call_command("orchestration", "blockers")
    out = capsys.readouterr().out
    assert "permission_missing" in out and "2 waiting" in out
    call_command("orchestration", "retry", "--cause", "permission_missing", "--dry-run")
    assert "0 of 0 would be done" in capsys.readouterr().out
    call_command("orchestration", "move-by-cause", "--cause", "permission_missing", "--dry-run")
    assert "2 of 2 would be done" in capsys.readouterr().out
    later = (timezone.now() + timedelta(days=9)).isoformat()
    call_command(
        "orchestration",
        "move-by-cause",
        "--cause",
        "permission_missing",
        "--after",
        later,
        "--dry-run",
        "--json",
    )
    told = [member["sentence"] for member in json.loads(capsys.readouterr().out)["members"]]
    assert len(told) == 2
    assert min(sentence.removeprefix("it moves to ") for sentence in told) >= later[:10]


def test_the_page_shows_conditions_and_previews_a_bulk_verb(monkeypatch, client, django_user_model):
    from tests import factories

    client.force_login(factories.UserFactory(operator=True))
    ended(monkeypatch, PermissionMissing("not allowed"), count=2)
    page = client.get("/blockers/").content.decode()
    assert "permission missing" in page and "2 jobs" in page and "Ask now" in page
    preview = client.post(
        "/blockers/by-cause/", {"verb": "move", "cause": "permission_missing", "preview": "1"}
    )
    assert "it moves to" in preview.content.decode()
    later = (timezone.now() + timedelta(days=9)).replace(
        hour=0, minute=0, second=0, microsecond=0, tzinfo=None
    )
    sent = {
        "verb": "move",
        "cause": "permission_missing",
        "preview": "1",
        "after": later.isoformat(),
        "zone": "UTC",
    }
    moved = re.findall(
        r"it moves to (\d{4}-\d\d-\d\d)", client.post("/blockers/by-cause/", sent).content.decode()
    )
    assert len(moved) == 2 and min(moved) >= f"{later:%Y-%m-%d}"
    assert (
        "is over"
        in client.post(
            "/blockers/by-cause/", sent | {"after": "2020-01-01T00:00"}, follow=True
        ).content.decode()
    )
    before = set(Schedule.objects.values_list("publish_at", flat=True))
    client.post("/blockers/by-cause/", {"verb": "move", "cause": "permission_missing"})
    assert set(Schedule.objects.values_list("publish_at", flat=True)) != before
    assert client.post("/blockers/by-cause/", {"verb": "burn", "cause": "x"}, follow=True).status_code == 200


def test_the_overview_has_one_problem_a_condition_and_not_one_a_job(monkeypatch):
    ended(monkeypatch, PermissionMissing("not allowed"), count=3)
    found = [entry for entry in problems.problems() if entry["code"].startswith("blocked_")]
    assert [(entry["code"], entry["subject_type"]) for entry in found] == [
        ("blocked_permission_missing", "blocker")
    ]
    assert found[0]["sentence"].startswith("3 jobs wait: not allowed")


def test_many_conditions_are_listed_in_as_many_queries_as_few(django_assert_max_num_queries):
    for _ in range(12):
        BlockerFactory()
    with django_assert_max_num_queries(2):
        assert len(door().get_blockers()) == 12


# ------------------------------------------------------------------------------------------------ what lies at GitHub (F5)


@pytest.fixture
def github_row(engine):
    channel = engine.channel(github=True)
    engine.sandbox.run_queue_seconds = 3600
    return engine.planned(channel, minutes=60)


def repository(engine, **changes) -> None:
    with engine.sandbox.store.change("github") as github:
        for name in github["repositories"]:
            github["repositories"][name].update(changes)


def test_a_renamed_branch_is_waited_for_named_and_taken_over_with_one_verb(engine, github_row):
    with engine.sandbox.store.change("github") as github:
        for found in github["repositories"].values():
            for section in ("files", "heads"):
                found[section]["trunk"] = found[section].pop("main")
            found["default_branch"] = "trunk"
    engine.tick()
    engine.work()
    row = Blocker.objects.open().get()
    assert (row.code, row.channel_id) == ("branch_missing", github_row.channel_id)
    assert not probes.probe(row.pk)
    row.refresh_from_db()
    assert "default branch is trunk" in row.last_answer
    door().take_over_branch(blocker_id=row.pk)
    assert Channel.objects.get(pk=github_row.channel_id).ref == "trunk"
    assert Activity.objects.filter(verb="channel_branch_taken_over").exists()
    assert "stage" in [job.kind for job in queue.claim(limit=5)], "it goes on at once"


def test_an_archived_repository_is_waited_for_and_work_goes_on_when_it_is_unarchived(engine, github_row):
    repository(engine, archived=True)
    engine.tick()
    engine.work()
    row = Blocker.objects.open().get()
    assert row.code in {"repository_archived", "repository_changed"}
    assert not probes.probe(row.pk)
    repository(engine, archived=False)
    assert probes.probe(row.pk)
    engine.work()
    github_row.refresh_from_db()
    assert github_row.jobs.get().state == JobState.RUNNING, "dispatched"


def test_a_disabled_workflow_is_waited_for(engine, github_row):
    engine.sandbox.faults.add(
        "/dispatches$",
        "status_before",
        status=422,
        body={"message": "Cannot trigger a 'workflow_dispatch' on a disabled workflow"},
    )
    engine.tick()
    engine.work()
    row = Blocker.objects.open().get()
    assert row.code == "workflow_disabled"
    assert probes.probe(row.pk)
    engine.work()
    assert github_row.jobs.get().state == JobState.RUNNING
