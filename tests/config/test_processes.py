"""Child processes: restarted when they crash, stopped in order, and never left behind."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.supervisor import plan, processes
from config.supervisor.processes import Child, Sweeper
from config.supervisor.supervisor import Supervisor
from tests.patience import PATIENCE_SECONDS, wait_for

WAIT = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
print("up", flush=True)
time.sleep(60)
"""
STUBBORN = WAIT.replace("lambda *_: sys.exit()", "signal.SIG_IGN")
WITH_CHILD = (
    "import subprocess, sys, time; "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    "print(child.pid, flush=True); time.sleep(60)"
)


def lives(pid: int) -> bool:
    """Return whether a process lives; a zombie that nobody has buried does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (
        FileNotFoundError,
        ProcessLookupError,
    ):  # it ended before the file was opened, or before it was read
        return False
    return state not in "ZX"


class Room:
    """Supervised children of a test, and what was said about them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.supervisors: list[Supervisor] = []

    def child(self, name: str, code: str) -> Child:
        """Make a child that runs some Python."""
        arguments = [sys.executable, "-S", "-c", code]
        return Child(name, arguments, self.folder / "logs" / f"{name}.log", dict(os.environ), self.folder)

    def supervise(self, **code: str) -> Supervisor:
        """Start children and wait until each has written a line."""
        children = [self.child(name, lines) for name, lines in code.items()]
        supervisor = Supervisor(self.folder, children, self.said.append)
        self.supervisors.append(supervisor)
        supervisor.start_all()
        for child in children:
            wait_for(lambda path=child.log_path: path.read_text() if path.exists() else "")
        return supervisor


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Return a place to start children in; whatever is left of them is killed."""
    room = Room(tmp_path)
    yield room
    for supervisor in room.supervisors:
        for child in supervisor.children.values():
            child.kill()
        supervisor._sweeper.close()


def test_a_killed_child_is_started_again_and_that_is_said(room: Room) -> None:
    supervisor = room.supervise(work=WAIT)
    first = supervisor.children["work"].pid
    os.kill(first, signal.SIGKILL)
    supervisor.run(until=lambda: any("started again" in line and "process" in line for line in room.said))
    assert "work was ended by SIGKILL" in room.said[0]
    assert supervisor.children["work"].pid != first


def test_a_child_that_keeps_failing_is_started_ever_less_often(room: Room) -> None:
    child = room.child("work", "raise SystemExit(3)")
    child.started_at = processes.monotonic()
    delays = [child.plan_restart() for _ in range(8)]
    assert delays == sorted(delays)
    assert delays[-1] == processes.RESTART_SECONDS[-1]


def test_a_child_that_ran_well_for_long_is_started_again_quickly(room: Room) -> None:
    child = room.child("work", WAIT)
    child.failures = 5
    child.started_at = processes.monotonic() - processes.STEADY_SECONDS
    assert child.plan_restart() == processes.RESTART_SECONDS[0]


def test_what_a_dead_child_had_started_is_killed_too(room: Room) -> None:
    supervisor = room.supervise(work=WITH_CHILD)
    grandchild = int(supervisor.children["work"].log_path.read_text())
    os.kill(supervisor.children["work"].pid, signal.SIGKILL)
    supervisor.run(until=lambda: bool(room.said))
    wait_for(lambda: not lives(grandchild))


def test_children_stop_in_order_and_without_being_killed(room: Room, monkeypatch) -> None:
    patient = [(names, PATIENCE_SECONDS) for names, _ in plan.STOP_ORDER]
    monkeypatch.setattr("config.supervisor.supervisor.STOP_ORDER", patient)
    say_goodbye = WAIT.replace("sys.exit()", "(open('order', 'a').write(NAME + ' '), sys.exit())")
    names = ("broker", "web", "control", "work", "beat")
    supervisor = room.supervise(**{name: f"NAME = {name!r}\n{say_goodbye}" for name in names})
    pids = [child.pid for child in supervisor.children.values()]
    supervisor.stop_all()
    order = (room.folder / "order").read_text().split()
    assert set(order[:2]) == {"web", "beat"}
    assert set(order[2:4]) == {"control", "work"}
    assert order[4] == "broker"
    assert not any(lives(pid) for pid in pids)
    assert room.said == []


def test_a_child_that_will_not_stop_is_killed_and_that_is_said(room: Room, monkeypatch) -> None:
    monkeypatch.setattr("config.supervisor.supervisor.STOP_ORDER", ((("work",), 0.2),))
    supervisor = room.supervise(work=STUBBORN)
    pid = supervisor.children["work"].pid
    supervisor.stop_all()
    assert "work did not end in time and is killed" in room.said[0]
    assert not lives(pid)


def test_a_second_signal_kills_without_patience(room: Room) -> None:
    supervisor = room.supervise(work=STUBBORN)
    supervisor._on_signal()
    supervisor._on_signal()
    supervisor.stop_all()
    assert "work did not end in time" in room.said[0]


def signalled_at(line: int, supervisor: Supervisor, action: Callable[[], object]) -> bool:
    """Do something in a thread, with a signal before its n-th line of Python; tells whether there was such a line."""
    seen = 0

    def trace(frame, event, arg):
        nonlocal seen
        if event == "line" and (seen := seen + 1) == line:
            supervisor._on_signal()
        return trace

    def act() -> None:
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            action()
        finally:
            sys.settrace(before)

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive(), f"it waits for itself when a signal comes before line {line}"
    return seen >= line


@pytest.mark.parametrize("name", ["wait", "stop_all"])
@pytest.mark.slow
def test_a_signal_may_come_at_any_line(room: Room, name: str) -> None:
    """Found in the sandbox: an Event was being waited for, with its lock held, when the signal came that sets it."""
    for line in range(1, 1000):
        supervisor = room.supervise()
        action = {"wait": lambda: supervisor.wait(0.001), "stop_all": supervisor.stop_all}[name]  # noqa: B023
        there_was = signalled_at(line, supervisor, action)
        supervisor.stop_all()
        if not there_was:
            break
    assert line > 1


def test_a_one_shot_command_says_how_it_ended(room: Room) -> None:
    supervisor = room.supervise(work=WAIT)
    assert supervisor.run_once(room.child("demo", "raise SystemExit(3)")) == "ended with exit code 3"
    supervisor.stopping = True
    assert supervisor.run_once(room.child("demo", WAIT)) is None


def test_nothing_is_left_when_the_supervisor_itself_is_killed(tmp_path: Path) -> None:
    script = f"""
import os, sys, time
from pathlib import Path
from config.supervisor.processes import Child, Sweeper
sweeper = Sweeper()
child = Child("work", [sys.executable, "-S", "-c", {WITH_CHILD!r}], Path({str(tmp_path / "work.log")!r}),
              dict(os.environ), Path("."))
child.start(sweeper)
print(sweeper.pid, child.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    sweeper, child = map(int, parent.stdout.readline().split())
    wait_for(lambda: (tmp_path / "work.log").read_text())
    grandchild = int((tmp_path / "work.log").read_text())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not lives(child) and not lives(grandchild) and not lives(sweeper))


BORN = """
import os, signal, sys, time
print(os.getpid(), os.getsid(0), open("/proc/self/comm").read().strip(), sys.argv, flush=True)
open("pipes", "w").write(" ".join(os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if int(n) > 2
                                  and os.path.lexists(f"/proc/self/fd/{n}")))
print("open", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
@pytest.mark.parametrize("how", ["ends", "is told to", "is killed", "is left alone"])
def test_a_fork_is_a_process_of_its_own_and_ends_as_others_do(tmp_path: Path, how: str) -> None:
    """A fork has a name, a session and a log, none of the parent's pipes, and a death that is told and never outlived."""
    (tmp_path / "born.py").write_text(
        BORN.replace("time.sleep(60)", "sys.exit(7)") if how == "ends" else BORN
    )
    script = f"""
import django, os, sys, time
from pathlib import Path
from config.supervisor.processes import Child, Sweeper
django.setup()
sys.path.insert(0, {str(tmp_path)!r})
folder = Path({str(tmp_path)!r})
sweeper = Sweeper()
child = Child("work", [sys.executable, "-m", "born", "--queues"], folder / "work.log", {{}}, folder, shares=True)
child.start(sweeper)
print(sweeper.pid, child.pid, os.readlink(f"/proc/self/fd/{{sweeper._input.fileno()}}"), flush=True)
while (ending := child.bury(sweeper)) is None:
    time.sleep(0.05)
print(ending, flush=True)
"""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "HEADEND_DATA_DIR": str(tmp_path),
    }
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    )
    sweeper, child, pipe = parent.stdout.readline().split()
    wait_for(lambda: "open" in (tmp_path / "work.log").read_text(), PATIENCE_SECONDS)
    said = (tmp_path / "work.log").read_text().splitlines()[0]
    assert said.startswith(f"{child} {child} headend-work ")
    assert "--queues" in said
    assert pipe not in (tmp_path / "pipes").read_text()
    if how == "is told to":
        os.kill(int(child), signal.SIGTERM)
    elif how == "is killed":
        os.kill(int(child), signal.SIGKILL)
    elif how == "is left alone":
        parent.kill()
    wait_for(lambda: not lives(int(child)), PATIENCE_SECONDS)
    ending = {
        "ends": "ended with exit code 7",
        "is told to": "was ended by SIGTERM",
        "is killed": "was ended by SIGKILL",
    }
    assert parent.stdout.read().strip() == ending.get(how, "")
    parent.wait(PATIENCE_SECONDS)
    parent.stdout.close()
    wait_for(lambda: not lives(int(sweeper)), PATIENCE_SECONDS)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_process_whose_parent_is_gone_already_ends_itself() -> None:
    code = "from config.supervisor.processes import die_with_parent; die_with_parent(1); print('alive')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "ended with exit code 0"), (-9, "was ended by SIGKILL"), (-250, "was ended by signal 250")],
)
def test_an_end_is_described_in_words(code, words) -> None:
    assert processes.describe_end(code) == words


def test_the_sweeper_leaves_alone_what_it_was_told_to_forget() -> None:
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    sweeper = Sweeper()
    sweeper.watch(sleeper.pid)
    sweeper.unwatch(sleeper.pid)
    sweeper.close()
    assert sleeper.poll() is None
    sleeper.kill()
    sleeper.wait()


def test_a_tick_never_waits_behind_ffmpeg_for_it_has_a_worker_of_its_own(tmp_path: Path) -> None:
    children = plan.children(tmp_path, {}, host="127.0.0.1", port=8000, server=None, work_concurrency=3)
    commands = {child.name: " ".join(child.arguments) for child in children}
    assert "--queues control " in commands["control"]
    assert "--queues work " in commands["work"]
    assert list(commands) == ["web", "control", "work", "beat"]


def test_the_children_get_the_names_under_which_browsers_come(tmp_path: Path, monkeypatch) -> None:
    assert "192.0.2.7" in plan.environment_for(tmp_path, "192.0.2.7")["ALLOWED_HOSTS"].split(",")
    monkeypatch.setenv("ALLOWED_HOSTS", "headend.example")
    assert plan.environment_for(tmp_path, "192.0.2.7")["ALLOWED_HOSTS"] == "headend.example"
