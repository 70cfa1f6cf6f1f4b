"""A room in which people are told things."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from tests.orchestration.notify_room import Room, running
from tests.receiver import Receiver


@pytest.fixture
def room(db, receiver: Receiver) -> Iterator[Room]:
    with time_machine.travel(datetime(2026, 11, 25, 12, 0, tzinfo=UTC), tick=False) as clock:
        running()
        yield Room(receiver, clock)
