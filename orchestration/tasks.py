"""What Celery calls: a few lines each. A message only says "look"; no argument holds truth, nothing is retried here."""

from celery import shared_task
from django.utils import timezone

from orchestration import activity, execution, monitoring, sources, statistics, workflows
from orchestration import tick as clock
from orchestration.control import is_running
from orchestration.installation import is_copy
from orchestration.states import Trigger


def _as(name: str):
    return activity.acting_as(activity.Acting(name, None, Trigger.BEAT))


@shared_task
def tick(by_beat: bool = False) -> None:
    """Let time pass; the clock says so of itself, a wake-up does not."""
    if by_beat:
        monitoring.beat("beat")
    with _as("tick"):
        clock.tick()


@shared_task
def work_fast() -> None:
    """Run short jobs until none is left."""
    monitoring.beat("worker:control")
    execution.work(fast=True)


@shared_task
def work_slow() -> None:
    """Run slow jobs until none is left."""
    monitoring.beat("worker:work")
    execution.work(fast=False)


@shared_task
def watch_runs() -> None:
    """Look at the open GitHub runs."""
    if not is_copy():
        with _as("watch"):
            workflows.watch()


@shared_task
def scrape_sources() -> None:
    """Queue the sources whose next reading is due."""
    if is_running():
        with _as("beat"):
            sources.due_sources(timezone.now())


@shared_task
def check_channels() -> None:
    """Queue a look at every channel that was not looked at lately; in every state of the system."""
    with _as("beat"):
        monitoring.due_checks(timezone.now())


@shared_task
def collect_statistics() -> None:
    """Queue the collection of numbers that is due."""
    if is_running():
        with _as("beat"):
            statistics.due_collections(timezone.now())
