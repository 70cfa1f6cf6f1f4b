"""A message goes out in one process and is taken by a worker in another, over a real broker."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection

from config.env import BASE_DIR
from config.supervisor import plan

pytestmark = pytest.mark.broker

URL = os.environ.get("HEADEND_TEST_BROKER_URL", "")
# Tasks of the test alone, in a queue of its own: other programs may use the same server.
TASKS = '''
import os
from pathlib import Path

from config.celery import app


@app.task(name="write")
def write(path: str, text: str) -> None:
    with Path(path).open("a") as file:
        file.write(text + "\\n")


@app.task(name="hang")
def hang(path: str) -> None:
    """Begin, and never end the first time."""
    first = not Path(path).exists()
    with Path(path).open("a") as file:
        file.write("begun\\n")
    if first:
        os.kill(os.getpid(), 9)
'''
SEND = """
import sys
sys.path.insert(0, {folder!r})
import broker_tasks
broker_tasks.app.send_task({name!r}, args={args!r}, queue={queue!r})
"""


class Place:
    """A folder, a queue and processes that use the broker under test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.queue = f"test-{uuid.uuid4().hex[:12]}"
        self.environment = os.environ | {
            "HEADEND_DATA_DIR": str(folder / "data"),
            "CELERY_BROKER_URL": URL,
            "PYTHONPATH": str(folder),
            "CELERY_SKIP_CHECKS": "yes",
        }
        self.workers: list[subprocess.Popen] = []
        (folder / "broker_tasks.py").write_text(TASKS)

    def start_worker(self, *pool: str) -> subprocess.Popen:
        """Start a worker of the test's queue."""
        options = ["--pool", *(pool or ("solo",)), *plan.QUIET]
        name = ["--queues", self.queue, "--hostname", f"{self.queue}@test"]
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "config", "worker", *options, *name, "-I", "broker_tasks"],
            cwd=BASE_DIR,
            env=self.environment,
            start_new_session=True,
        )
        self.workers.append(worker)
        return worker

    def send(self, name: str, *args: str) -> None:
        """Send a message from a process of its own."""
        code = SEND.format(folder=str(self.folder), name=name, args=list(args), queue=self.queue)
        subprocess.run(
            [sys.executable, "-c", code], cwd=BASE_DIR, env=self.environment, check=True, timeout=60
        )

    def wait_for_lines(self, path: Path, count: int) -> list[str]:
        """Wait until a file has so many lines; fail if it never does."""
        for _ in range(1200):
            lines = path.read_text().splitlines() if path.exists() else []
            if len(lines) >= count:
                return lines
            subprocess.run(["sleep", "0.05"], check=True)
        raise AssertionError(f"{path.name} never had {count} lines")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Return a place to send and take messages in; its workers are killed afterwards."""
    if not URL:
        pytest.skip("set HEADEND_TEST_BROKER_URL to a Redis or RabbitMQ server; .ci/run does")
    place = Place(tmp_path)
    yield place
    for worker in place.workers:
        worker.kill()
        worker.wait(timeout=30)
    with Connection(URL) as connection:
        connection.default_channel.queue_delete(place.queue)


def test_a_message_reaches_a_worker(place: Place) -> None:
    place.start_worker()
    place.send("write", str(place.folder / "out"), "looked")
    assert place.wait_for_lines(place.folder / "out", 1) == ["looked"]


def test_a_message_waits_for_a_worker_that_is_not_there_yet(place: Place) -> None:
    place.send("write", str(place.folder / "out"), "first")
    place.send("write", str(place.folder / "out"), "second")
    place.start_worker()
    assert place.wait_for_lines(place.folder / "out", 2) == ["first", "second"]


def test_a_worker_that_was_killed_does_not_keep_others_from_working(place: Place) -> None:
    killed = place.start_worker()
    place.send("hang", str(place.folder / "begun"))
    place.wait_for_lines(place.folder / "begun", 1)
    killed.wait(timeout=30)
    place.start_worker()
    place.send("write", str(place.folder / "out"), "goes on")
    assert place.wait_for_lines(place.folder / "out", 1) == ["goes on"]


@pytest.mark.parametrize("pool", [("threads", "--concurrency", "2"), ("prefork", "--concurrency", "1")])
def test_a_worker_that_has_nothing_to_do_ends_in_its_time(place: Place, pool: tuple[str, ...]) -> None:
    worker = place.start_worker(*pool)
    place.send("write", str(place.folder / "out"), "ready")
    place.wait_for_lines(place.folder / "out", 1)
    worker.terminate()
    patience = next(seconds for names, seconds in plan.STOP_ORDER if plan.CONTROL in names)
    assert worker.wait(timeout=patience) == 0


def test_readiness_finds_the_broker(place: Place) -> None:
    code = (
        "import django; django.setup(); from config.health import check_broker; print(check_broker().detail)"
    )
    environment = place.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == "answers"


CUT = """
import gc, socket
import django
django.setup()
from celery.beat import ScheduleEntry, SchedulingError
from config.beat import CadenceScheduler
from config.celery import app

scheduler = CadenceScheduler.__new__(CadenceScheduler)
scheduler.app, scheduler.Producer, scheduler._dirty = app, app.amqp.Producer, set()
entry = ScheduleEntry("call", "a.task", schedule=60, app=app, options={{"queue": {queue!r}}})


def call():
    try:
        scheduler.apply_async(entry, producer=scheduler.producer, advance=False)
        return "sent"
    except SchedulingError:
        return "lost"


said = [call()]
for each in gc.get_objects():
    if isinstance(each, socket.socket) and each.fileno() > 0 and each.type == socket.SOCK_STREAM:
        each.shutdown(socket.SHUT_RDWR)
said += [call() for _ in range(3)]
print(*said)
"""


def test_beat_calls_again_after_its_connection_was_cut(place: Place):
    """It kept the broken one for ever: after a restart of RabbitMQ nothing was called until beat was started again."""
    done = subprocess.run(
        [sys.executable, "-c", CUT.format(queue=place.queue)],
        cwd=BASE_DIR, env=place.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        check=False, timeout=60, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split()[-2:] == ["sent", "sent"], done.stdout + done.stderr
