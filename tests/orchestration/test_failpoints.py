"""Wherever the protocol breaks off, a publication ends public exactly once and never early, by the sandbox's ledger."""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError
from django.utils import timezone

from channels.gateways.errors import RemoteError
from channels.models import ConfigRevision
from channels.sandbox import github_state
from channels.sandbox.ledger import count
from channels.states import MisfirePolicy
from orchestration.core import failpoints, gateways
from orchestration.engine import worker
from orchestration.errors import PermitNotYet, PermitRefused
from orchestration.github import dispatch, proof, repository_files, watch
from orchestration.models import Distribution, Job, Schedule, WorkflowRun
from orchestration.queue import jobs as queue
from orchestration.states import DistributionState, JobKind, ScheduleState
from tests.channels.youtube_helpers import metadata, video_file
from tests.engine_room import Engine, door

pytestmark = pytest.mark.django_db
ACTIONS = ("raise", "lost", "kill")
ENDED = (ScheduleState.PUBLISHED, ScheduleState.FAILED, ScheduleState.NEEDS_REVIEW)
SECRET = "one-run-s-own-token"
MOST_ROUNDS = 12


class Killed(BaseException):
    """The process is gone: nobody catches this, so no outcome is written."""


@pytest.fixture(autouse=True)
def killed_in_process(monkeypatch):
    def kill() -> None:
        raise Killed

    monkeypatch.setattr(failpoints, "kill", kill)


def named(beginning: str) -> list[str]:
    return [name for name in failpoints.NAMES if name.startswith(beginning)]


def one_round(engine: Engine, *others: Callable[[], object]) -> None:
    """Let everything look once, each as a process of its own: one that is killed is missed after its lease."""
    for step in (
        engine.tick,
        lambda: worker.work(fast=True),
        lambda: worker.work(fast=False),
        *others,
    ):
        try:
            step()
        except (
            Killed,
            OperationalError,
            RemoteError,
        ):  # the latter end a task of Celery, and the clock calls the next
            engine.pass_time(seconds=queue.LEASE_SECONDS + 5)
            worker.reap()


def settle(
    engine: Engine, done: Callable[[], bool], *others: Callable[[], object], pause_seconds: float = 2
) -> None:
    """Go on, in rounds, until something holds."""
    for _ in range(MOST_ROUNDS):
        one_round(engine, *others)
        if done():
            return
        engine.pass_time(seconds=pause_seconds)
        engine.retry_now()
    raise AssertionError(list(Job.objects.values("kind", "state", "attempts", "error_message")))


def go_public(engine: Engine, row: Schedule, *others: Callable[[], object]) -> None:
    """Let a publication's moment come and pass, until it has ended."""

    def has_ended() -> bool:
        row.refresh_from_db()
        return row.state in ENDED

    if row.publish_at > timezone.now():
        engine.pass_until(row.publish_at)
    settle(engine, has_ended, *others)


def assert_public_once(engine: Engine, row: Schedule, planned_at: datetime | None = None) -> None:
    row.refresh_from_db()
    assert row.state == ScheduleState.PUBLISHED, (row.state, row.reason, engine.jobs_of(row))
    engine.on_youtube(row)
    title = engine.on_youtube(row)["snippet"]["title"]
    at = (planned_at or row.publish_at).isoformat()
    plan = [{"channel": row.channel.youtube_channel_id, "title": title, "publish_at": at}]
    counted = count(engine.sandbox.ledger.lines(), plan)
    assert not counted.broken, counted.as_dict()
    assert not counted.never_public
    assert sum(story.uploads for story in counted.stories.values()) == 1


def is_armed_or_ended(row: Schedule) -> Callable[[], bool]:
    def holds() -> bool:
        row.refresh_from_db()
        return row.state in ENDED or row.armed_for == row.publish_at

    return holds


# -- by our own workers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    "name",
    [
        *named("claim"),
        *named("outcome"),
        *named("marker"),
        *named("session"),
        *named("upload"),
        *named("arming"),
    ],
)
def test_it_is_public_exactly_once_whatever_breaks_off_on_the_way_to_its_arming(engine, name, action):
    row = engine.planned(engine.channel(), minutes=10)
    with failpoints.armed(f"{name}={action}") as reached:
        settle(engine, is_armed_or_ended(row))
        go_public(engine, row)
    assert reached[name] == 1
    assert_public_once(engine, row)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", named("flip"))
def test_it_is_public_exactly_once_whatever_breaks_off_at_its_flip(engine, name, action):
    row = engine.staged(engine.channel(misfire_policy=MisfirePolicy.PUBLISH_LATE), minutes=5)
    engine.pass_until(row.publish_at - timedelta(seconds=1))
    with failpoints.armed(f"{name}={action}") as reached:
        go_public(engine, row)
    assert reached[name] == 1
    assert_public_once(engine, row)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", named("disarm"))
def test_what_is_moved_fires_once_and_at_its_new_time_whatever_breaks_off_at_its_disarming(
    engine, name, action
):
    row = engine.armed(engine.channel(lead_time_minutes=5), minutes=10)
    later = row.publish_at + timedelta(minutes=4)
    door().move_schedule(schedule_id=row.pk, publish_at=later)
    with failpoints.armed(f"{name}={action}") as reached:
        settle(engine, is_armed_or_ended(row))
        go_public(engine, row)
    assert reached[name] == 1
    assert_public_once(engine, row, later)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", named("recall"))
def test_what_is_recalled_is_private_for_good_whatever_breaks_off(engine, name, action):
    row = engine.published(engine.channel())
    queue.enqueue(
        JobKind.RECALL,
        dedupe_key=queue.publication_key(JobKind.RECALL, row.distribution_id),
        channel=row.channel,
        distribution=row.distribution,
        schedule=row,
    )

    def is_recalled() -> bool:
        return Distribution.objects.get(pk=row.distribution_id).state == DistributionState.RECALLED

    with failpoints.armed(f"{name}={action}") as reached:
        settle(engine, is_recalled)
        settle(engine, lambda: not Job.objects.open().exists())
    assert reached[name] == 1
    assert engine.on_youtube(row)["privacy_status"] == "private"
    (story,) = count(engine.sandbox.ledger.lines()).stories.values()
    assert (len(story.public_flips), story.taken_back) == (1, 1)


@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_late_is_decided_and_public_once_whatever_breaks_off_after_the_decision(engine, action):
    row = engine.staged(engine.channel(misfire_policy=MisfirePolicy.PUBLISH_LATE), minutes=5)
    engine.pass_until(row.publish_at + timedelta(minutes=3))
    with failpoints.armed(f"misfire.settled={action}") as reached:
        go_public(engine, row)
    assert reached["misfire.settled"] == 1
    assert_public_once(engine, row)


# -- by GitHub ----------------------------------------------------------------------------------------------------


class Run:
    """Do what the channel's script does in a run at GitHub, a call that is not answered again as it does."""

    def __init__(self, engine: Engine, tmp_path) -> None:
        self.engine, self.tmp_path = engine, tmp_path
        self.at_work: dict[int, int] = {}
        self.done: set[int] = set()

    def __call__(self) -> None:
        for number, run in self.engine.sandbox.store.snapshot()["github"].get("runs", {}).items():
            if number not in self.done:
                try:
                    self._serve(int(number), run["inputs"]["correlation_id"])
                except PermitNotYet:
                    continue  # it asks again
                except PermitRefused:
                    pass  # another run has its job
                self.done.add(number)
        WorkflowRun.objects.update(next_look_at=timezone.now() - timedelta(seconds=1))
        watch.watch()

    def _serve(self, number: int, correlation_id: str) -> None:
        run = WorkflowRun.objects.get(correlation_id=correlation_id)
        mine = {"correlation_id": correlation_id, "secret": SECRET, "run_id": number, "run_attempt": 1}
        self._patiently(lambda: door("read").take_permit(**mine))
        distribution = Distribution.objects.get(jobs__runs=run)
        with gateways.youtube(run.channel) as youtube:
            uploaded = youtube.upload(
                video_file(self.tmp_path, 2000),
                metadata(distribution.marker),
                on_session=lambda uri: None,
            )
        result = {"outcome": "staged", "youtube_video_id": uploaded.youtube_video_id}
        self._patiently(lambda: door("read").record_run_result(**mine, **result))
        with self.engine.sandbox.store.change("github") as github:
            now = self.engine.sandbox.store.now().isoformat()
            github["runs"][str(number)].update(status="completed", conclusion="success", updated_at=now)

    def _patiently(self, call: Callable[[], object]) -> None:
        for _ in range(3):
            try:
                call()
                return
            except (Killed, OperationalError, RemoteError):
                continue  # the web process is started again


@pytest.fixture
def github_run(engine, tmp_path, monkeypatch, settings) -> Run:
    settings.HEADEND_PUBLIC_URL, settings.GITHUB_OIDC = "https://headend.example", False
    for place in (dispatch, proof):
        monkeypatch.setattr(place, "secrets", SimpleNamespace(token_urlsafe=lambda size: SECRET))
    engine.sandbox.run_queue_seconds = 3600  # its own runner waits: the test is the runner
    return Run(engine, tmp_path)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", named("run"))
def test_it_is_dispatched_uploaded_and_public_exactly_once_whatever_breaks_off_around_its_run(
    engine, github_run, name, action
):
    row = engine.planned(engine.channel(github=True), minutes=14)
    with failpoints.armed(f"{name}={action}") as reached:
        settle(engine, is_armed_or_ended(row), github_run, pause_seconds=watch.SETTLE.seconds / 6)
        go_public(engine, row, github_run)
    assert reached[name] == 1
    assert_public_once(engine, row)
    assert sum(count(engine.sandbox.ledger.lines()).runs.values()) <= 1 + (name == "run.intended")


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", named("sync"))
def test_a_repository_holds_what_it_shall_and_each_file_was_committed_once_whatever_breaks_off(
    engine, name, action
):
    channel = engine.channel(github=True)
    door().sync_channel_configs(channel_ids=[channel.pk])
    with failpoints.armed(f"{name}={action}") as reached:
        settle(engine, lambda: not Job.objects.open().exists())
    assert reached[name] == 1
    assert ConfigRevision.objects.get(channel=channel).synced_at is not None
    assert set(github_state.secret_values(engine.sandbox.store, channel.repository)) == {
        "YT_CLIENT_ID",
        "YT_CLIENT_SECRET",
        "YT_REFRESH_TOKEN",
    }
    repository = next(iter(engine.sandbox.store.snapshot()["github"]["repositories"].values()))
    written = [each["path"] for each in repository["commits"] if each["message"].startswith("Headend:")]
    assert written.count(repository_files.DOCUMENT_PATH) == 1


def test_every_boundary_is_tried() -> None:
    local = {
        "claim",
        "outcome",
        "marker",
        "session",
        "upload",
        "arming",
        "flip",
        "disarm",
        "recall",
        "misfire",
        "edit",
        "extra",
    }
    assert {name.partition(".")[0] for name in failpoints.NAMES} == local | {"run", "sync", "webhook"}
    assert len(failpoints.NAMES) >= 20


# -- the setting ----------------------------------------------------------------------------------------------------


def test_without_a_setting_nothing_happens():
    for name in failpoints.NAMES:
        failpoints.failpoint(name)


def test_it_happens_as_often_as_it_says_and_a_full_disk_is_one_of_the_ways():
    with failpoints.armed("marker.stored=full:2") as reached:
        for _ in range(2):
            with pytest.raises(OSError, match=r"marker\.stored"):
                failpoints.failpoint("marker.stored")
        failpoints.failpoint("marker.stored")
    assert reached["marker.stored"] == 2
    assert failpoints.parse("run.dispatched=stop:75")["run.dispatched"].seconds == 75


def test_a_folder_says_it_to_the_first_process_that_comes_by(engine, monkeypatch, tmp_path):
    monkeypatch.setattr(failpoints, "_set", {})
    failpoints.load(f"@{tmp_path}")
    failpoints.failpoint("arming.set")
    (tmp_path / "arming.set").write_text("lost")
    with pytest.raises(RemoteError, match=r"arming\.set"):
        failpoints.failpoint("arming.set")
    failpoints.failpoint("arming.set")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("arming.sett=kill", "there is no failpoint 'arming.sett'"),
        ("arming.set=explode", "an action is one of raise, lost, full, kill, stop"),
        ("arming.set=kill:often", "'often' is no number"),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_by_its_part(engine, text, fact):
    with pytest.raises(ImproperlyConfigured, match=fact):
        failpoints.load(text)


def test_a_real_installation_refuses_failpoints_at_start_and_in_its_checks(settings):
    settings.YOUTUBE_API_URL = "https://youtube.googleapis.com"
    settings.HEADEND_FAILPOINTS = "arming.set=kill"
    with pytest.raises(ImproperlyConfigured, match="do not all lead to this machine"):
        failpoints.load(settings.HEADEND_FAILPOINTS)
    with pytest.raises(SystemCheckError, match=r"headend\.E003"):
        call_command("check")


def test_an_upload_whose_receipt_and_session_are_lost_is_found_before_another_is_made(engine):
    """Its file was gone and prepared again meanwhile, so its session was forgotten: only the look knows of it."""
    row = engine.planned(engine.channel(), minutes=14)
    with failpoints.armed("upload.returned=lost"):
        one_round(engine)
    Distribution.objects.filter(pk=row.distribution_id).update(upload_session_sealed="")
    engine.pass_time(minutes=5)
    settle(engine, is_armed_or_ended(row))
    (story,) = count(engine.sandbox.ledger.lines()).stories.values()
    assert (story.uploads, story.sessions) == (1, 1)
