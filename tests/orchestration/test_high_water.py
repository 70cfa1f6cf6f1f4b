"""A database that is older than its installation is noticed, wherever it is put: it boots paused and says why."""

import json
import random
import stat
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.db import transaction
from django.utils import timezone

from orchestration.core import audit, high_water, installation, system_lock
from orchestration.engine import control, tick
from orchestration.errors import IllegalTransition
from orchestration.models import Activity, Distribution, SystemState
from orchestration.pipeline import stage
from orchestration.queue import jobs as queue
from orchestration.states import SystemStatus
from tests import factories
from tests.engine_room import PUBLISHED, door, state_of
from tests.orchestration.engine import together

pytestmark = pytest.mark.django_db
ELSEWHERE = "0123456789abcdef"


@contextmanager
def lost_by_a_restore():
    """Let what is done inside be lost to the database, and to nothing else, as by putting a backup in its place."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def running() -> None:
    factories.SystemStateFactory(state=SystemStatus.RUNNING)
    something_is_written()
    tick.tick()


def something_is_written() -> Activity:
    with transaction.atomic():
        return audit.record("noted", SystemState.objects.get(), after={"n": random.random()})


def noticed() -> str:
    """Return why the system is paused after a tick; empty if it is not."""
    tick.tick()
    state = SystemState.objects.get()
    assert (state.state == SystemStatus.PAUSED) == (state.behind_since is not None)
    return state.reason if state.state == SystemStatus.PAUSED else ""


def test_a_backup_put_back_into_the_same_folder_boots_paused_and_says_what_was_found():
    running()
    newest = Activity.objects.order_by("-pk").values_list("timestamp", flat=True).first()
    with lost_by_a_restore():
        later = something_is_written()
        tick.tick()
    assert system_lock.read() == (SystemStatus.RUNNING, False), "even before its first tick"
    assert queue.claim(limit=10) == []
    assert queue.locked_status() == SystemStatus.PAUSED
    why = noticed()
    assert "older than its installation" in why
    for at in (newest, later.timestamp):
        assert f"{at:%Y-%m-%d %H:%M:%S} UTC" in why
    assert "resume" in why
    assert len(why) < 300


def test_what_was_begun_counts_though_it_wrote_no_entry():
    """The marker of an upload, a time set on YouTube: the intent stands in a column and has no entry of its own."""
    running()
    with lost_by_a_restore():
        high_water.before_outward_write()
    assert "older than its installation" in noticed()


def test_it_is_told_once_and_stays_though_people_write_on_in_it():
    running()
    with lost_by_a_restore():
        something_is_written()
        tick.tick()
    why = noticed()
    for _ in range(5):
        something_is_written()
        assert noticed() == why
    assert Activity.objects.filter(verb="system_restore_found").count() == 1


def test_a_backup_that_was_written_in_before_its_first_tick_is_noticed_by_the_entry_that_it_has_not():
    running()
    with lost_by_a_restore():
        something_is_written()
        tick.tick()
        mark = high_water.read()
    while Activity.objects.order_by("-pk").values_list("pk", flat=True).first() <= mark.entry:
        something_is_written()
    assert noticed()


@pytest.mark.parametrize("state", SystemStatus.values)
def test_it_cannot_be_started_or_disarmed_but_only_resumed(state):
    running()
    with lost_by_a_restore():
        something_is_written()
        tick.tick()
    SystemState.objects.update(state=state)
    with pytest.raises(IllegalTransition, match="Use resume"):
        control.start()
    with pytest.raises(IllegalTransition, match="Resume first"):
        control.pause(disarm=True)
    assert not control.is_running()
    control.resume("looked")
    assert control.is_running()


def test_a_resume_takes_it_over_and_the_mark_begins_anew_from_it(django_capture_on_commit_callbacks):
    running()
    with lost_by_a_restore():
        for _ in range(3):
            something_is_written()
            high_water.before_outward_write()
        tick.tick()
    ahead = high_water.read()
    assert noticed()
    before = timezone.now()
    with django_capture_on_commit_callbacks(execute=True):
        control.resume("looked")
    state = SystemState.objects.get()
    assert state.restored_at >= before
    assert state.restored_from <= before
    assert state.behind_since is None
    assert high_water.read().writes < ahead.writes
    entry = Activity.objects.get(verb="system_resumed")
    assert entry.after["restored_at"] == state.restored_at.isoformat()
    assert not noticed()
    something_is_written()
    assert not noticed()
    with lost_by_a_restore():
        something_is_written()
        tick.tick()
    assert noticed(), "and a second restore is noticed as the first was"


def test_what_another_machine_has_marked_before_the_take_over_says_nothing_any_more():
    """Several machines serve one database, each with a folder of its own; one of them resumes."""
    running()
    with lost_by_a_restore():
        something_is_written()
        tick.tick()
    others = high_water.path().read_bytes()
    assert noticed()
    control.resume("looked")
    high_water.path().write_bytes(others)
    assert not noticed()


def test_a_machine_that_slept_while_another_worked_is_not_paused():
    running()
    asleep = high_water.path().read_bytes()
    for _ in range(3):
        something_is_written()
        high_water.before_outward_write()
    high_water.path().write_bytes(asleep)
    assert not noticed()
    high_water.path().unlink()
    assert not noticed()


def test_a_new_database_in_an_old_folder_begins_at_its_own_beginning():
    running()
    with lost_by_a_restore():
        something_is_written()
        tick.tick()
    SystemState.objects.all().delete()
    control.start()
    assert not noticed()
    assert high_water.read().entry == Activity.objects.order_by("-pk").values_list("pk", flat=True).first()


def test_a_mark_of_another_installation_says_nothing():
    running()
    mark = replace(high_water.read(), installation=ELSEWHERE, writes=10**6, entry=10**6)
    high_water._write(mark)
    assert not noticed()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"writes": 1}', '{"installation": 1, "written_at": "yesterday"}', "\x00"]
)
def test_a_damaged_mark_pauses_and_a_resume_makes_it_anew(text):
    running()
    high_water.path().write_text(text)
    assert "high_water.json" in noticed()
    control.resume("looked")
    assert not noticed()
    assert not high_water.read().damaged


def test_the_mark_is_its_owners_alone_and_never_half_there(tmp_path):
    running()
    assert stat.S_IMODE(high_water.path().stat().st_mode) == 0o600
    assert set(json.loads(high_water.path().read_text())) >= {"installation", "writes", "entry", "entry_at"}
    assert [file.name for file in Path(tmp_path).glob(".high_water*")] == []


def test_a_mark_that_cannot_be_written_is_logged_and_keeps_nothing_from_its_moment(monkeypatch, caplog):
    running()
    monkeypatch.setattr(high_water, "_write", Mock(side_effect=OSError(28, "No space left on device")))
    high_water.before_outward_write()
    assert "cannot be written" in caplog.text
    assert SystemState.objects.get().outward_writes == 1


def test_the_mark_is_never_lowered_by_whoever_comes_late():
    running()
    late = high_water.stand(None)
    high_water.before_outward_write()
    something_is_written()
    tick.tick()
    ahead = high_water.read()
    high_water._raise_to(late)
    assert (high_water.read().writes, high_water.read().entry) == (ahead.writes, ahead.entry)


def test_a_tick_with_no_news_writes_nothing():
    running()
    tick.tick()
    before = high_water.path().stat().st_mtime_ns
    tick.tick()
    assert high_water.path().stat().st_mtime_ns == before


@pytest.mark.parametrize("is_github", [False, True])
def test_the_mark_is_raised_before_each_call_that_counts(engine, is_github, monkeypatch):
    """An upload, a dispatch, a time set, a flip, a video made private: the file is ahead before the sandbox hears of it."""
    seen = []
    engine.tick()
    requested = engine.sandbox.store.snapshot

    def writes() -> int:
        return high_water.read().writes

    counted = high_water.before_outward_write
    monkeypatch.setattr(
        high_water,
        "before_outward_write",
        lambda: (counted(), seen.append((writes(), len(str(requested()))))),
    )
    if is_github:
        row = engine.planned(engine.channel(github=True))
        tick.stage_due(timezone.now())
        engine.work()
        assert len(seen) == 1, "the dispatch"
    else:
        row = engine.armed(engine.channel())
        assert len(seen) == 2, "the upload and its time"
        engine.pass_until(row.publish_at + timedelta(seconds=2))
        engine.tick()
        engine.work()
        assert state_of(row) == PUBLISHED
    assert [count for count, _ in seen] == list(range(1, len(seen) + 1))


def test_a_restore_into_its_own_folder_uploads_nothing_a_second_time(engine):
    """What C3 of issue 7 saw: nine of nine were published twice, because a first try does not look."""
    row = engine.planned(engine.channel(misfire_policy="publish_late", misfire_grace_minutes=600))
    engine.tick()
    with lost_by_a_restore():
        engine.tick()
        engine.work()
        engine.pass_until(row.publish_at - timedelta(minutes=2))
        engine.tick()
        engine.work()
        engine.pass_until(row.publish_at + timedelta(seconds=2))
        engine.tick()
        engine.work()
        assert state_of(row) == PUBLISHED
    engine.tick()
    assert door().get_status().state == SystemStatus.PAUSED
    engine.work()
    door().resume()
    for _ in range(4):
        engine.tick()
        engine.work()
        engine.retry_now()
    assert state_of(row) == PUBLISHED
    assert len(engine.uploads()) == 1
    assert len(engine.publications()) == 1


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_nothing_raises_a_false_alarm_however_many_write_at_once_and_whatever_is_rolled_back():
    """Sequences skip, transactions end in another order than they began: nobody ever finds the database behind."""
    factories.SystemStateFactory(state=SystemStatus.RUNNING)
    tick.tick()
    alarms = []

    def writes(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            with transaction.atomic():
                audit.record("noted", SystemState(pk=1), after={"n": chance.random()})
                transaction.set_rollback(chance.random() < 0.3)
            if chance.random() < 0.5:
                high_water.before_outward_write()
            else:
                high_water.keep_up()

    def looks() -> None:
        for _ in range(150):
            with transaction.atomic():
                _, is_up_to_date = system_lock.read()
            if not is_up_to_date or installation.is_waiting_to_be_taken_over():
                alarms.append((high_water.read(), high_water.stand(None)))

    together(*[lambda seed=seed: writes(seed) for seed in range(4)], looks, looks)
    assert alarms == []
    mark, standing = high_water.read(), high_water.stand(high_water.read())
    assert mark.writes == standing.writes
    assert standing.same_entry_at == mark.entry_at


def test_a_restored_database_looks_before_every_first_upload_of_what_existed_before():
    running()
    old = factories.DistributionFactory()
    SystemState.objects.update(restored_at=timezone.now())
    new = factories.DistributionFactory()
    Distribution.objects.filter(pk=new.pk).update(created_at=timezone.now() + timedelta(seconds=1))
    new.refresh_from_db()
    assert stage.may_be_uploaded(old, fresh=True)
    assert not stage.may_be_uploaded(new, fresh=True)
