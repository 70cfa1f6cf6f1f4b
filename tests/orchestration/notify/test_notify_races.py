"""Two who evaluate or send at once, on a database that lets them: each message goes out once."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.utils import timezone

from orchestration.models import Incident, Notification
from orchestration.notify import evaluation, outbox
from tests.orchestration.engine import no_errors, together
from tests.orchestration.notify_room import Room, running
from tests.patience import PATIENCE_SECONDS
from tests.receiver import Receiver

pytestmark = [pytest.mark.postgres_only, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def crowd(transactional_db, receiver: Receiver, settings) -> Room:
    settings.HEADEND_NOTIFY_SETTLE_SECONDS = 0
    running()
    room = Room(receiver, clock=None)  # type: ignore[arg-type]  # nobody moves it here
    room.rule(kinds=["channel"], min_severity="info")
    for _ in range(3):
        room.broken_channel()
    return room


@pytest.fixture
def time_machine_at() -> Iterator[Callable[[datetime], None]]:
    """Move the clock to an instant until the test ends."""
    travels: list[time_machine.travel] = []

    def move(to: datetime) -> None:
        travels.append(time_machine.travel(to, tick=True))
        travels[-1].start()

    yield move
    for travel in reversed(travels):
        travel.stop()


def test_two_who_evaluate_at_once_write_each_message_once(crowd: Room):
    for _ in range(5):
        no_errors(together(*[lambda: evaluation.evaluate(timezone.now())] * 4))
    assert Incident.objects.filter(over_at=None, category="channel").count() == 3
    assert Notification.objects.count() == 3


def test_two_who_send_at_once_send_each_message_once(crowd: Room):
    evaluation.evaluate(timezone.now())
    no_errors(together(*[outbox.send_due] * 4))
    outbox.send_due()
    assert len(crowd.receiver.taken) == 3
    assert Notification.objects.filter(outcome="sent", attempts=1).count() == 3


SENDER = """
import django; django.setup()
from orchestration.notify import outbox
outbox.send_due()
"""


def test_what_a_killed_sender_held_arrives_once_more_and_says_so(crowd: Room, time_machine_at):
    evaluation.evaluate(timezone.now())
    crowd.receiver.hold = threading.Event()
    database = connection.settings_dict
    login = f"{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT'] or 5432}"
    environment = {**os.environ, "DATABASE_URL": f"postgres://{login}/{database['NAME']}"}
    environment["HEADEND_ENCRYPTION_KEYS"] = ",".join(settings.HEADEND_ENCRYPTION_KEYS)
    with subprocess.Popen([sys.executable, "-c", SENDER], env=environment, cwd=settings.BASE_DIR) as sender:
        assert crowd.receiver.asked.wait(PATIENCE_SECONDS)
        sender.kill()
    crowd.receiver.hold.set()
    crowd.receiver.hold = None
    assert Notification.objects.filter(outcome="sending", attempts=1).count() == 1
    outbox.send_due()
    assert Notification.objects.filter(outcome="sent").count() == 2

    time_machine_at(timezone.now() + outbox.DEAD_AFTER + timedelta(minutes=1))
    outbox.send_due()
    assert Notification.objects.filter(outcome="sent").count() == 3
    assert "may arrive twice" in crowd.receiver.taken[-1]["message"]
    outbox.send_due()
    assert len(crowd.receiver.taken) == 4  # the held one, and the three


def test_who_finds_another_evaluating_does_not_wait(crowd: Room):
    inside, leave = threading.Event(), threading.Event()
    found = evaluation.causes.found

    def slowly(now):
        inside.set()
        assert leave.wait(10)
        return found(now)

    def other():
        assert inside.wait(10)
        try:
            return evaluation.evaluate(timezone.now())
        finally:
            leave.set()

    patch = pytest.MonkeyPatch()
    patch.setattr(evaluation.causes, "found", slowly)
    try:
        first, second = together(lambda: evaluation.evaluate(timezone.now()), other)
    finally:
        patch.undo()
    assert (first, second) == (3, 0)
