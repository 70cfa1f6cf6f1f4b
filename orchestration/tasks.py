"""What Celery calls: a few lines each. A message only says "look"; no argument holds truth, nothing is retried here."""

from celery import shared_task
from django.utils import timezone

from orchestration.core import anchors, audit, rates, refusals, sealing
from orchestration.core.heartbeats import beat
from orchestration.core.installation import is_copy, is_waiting_to_be_taken_over
from orchestration.core.wakeups import wake_heartbeat
from orchestration.engine import calls, worker
from orchestration.engine import tick as clock
from orchestration.engine.control import is_running
from orchestration.github import watch
from orchestration.monitoring import background, health, probes, record_retention, statistics
from orchestration.notify import anchor_call, evaluation, outbox
from orchestration.notify import heartbeat as heart
from orchestration.pipeline import retention, uploads
from orchestration.register import proposals, sources
from orchestration.scheduling import kept_forecast, standing_runs
from orchestration.states import Trigger
from orchestration.webhooks import deliveries


def _as(name: str):
    return audit.acting_as(audit.Acting(name, None, Trigger.BEAT))


@shared_task
def tick(by_beat: bool = False) -> None:
    """Let time pass; the clock shows itself while it does, and rests where nothing can be due. A wake-up does neither."""
    if not by_beat:
        with _as("tick"):
            clock.tick()
        return
    if not clock.may_find():
        return
    beat("beat")
    failed = True
    try:
        with _as("tick"):
            clock.look()
        failed = False
    finally:
        if heart.is_due():
            wake_heartbeat(tick_failed=failed)


@shared_task
def work_fast() -> None:
    """Run short jobs until none is left."""
    beat("worker:control")
    worker.work(fast=True)


@shared_task
def work_slow() -> None:
    """Run slow jobs until none is left."""
    beat("worker:work")
    worker.work(fast=False)


@shared_task
def watch_runs() -> None:
    """Look at the open GitHub runs."""
    if not is_waiting_to_be_taken_over():
        with _as("watch"):
            watch.watch()


@shared_task
def probe_blockers() -> None:
    """Ask whether what work waits for has ended."""
    if not is_copy():
        with _as("probe"):
            probes.probe_due()


@shared_task
def scrape_sources() -> None:
    """Queue the sources whose next reading is due."""
    if is_running():
        with _as("beat"):
            sources.due_sources(timezone.now())


@shared_task
def run_standing_rules() -> None:
    """Run the standing rules whose time has come."""
    if is_running():
        with _as("standing rules"):
            standing_runs.run_due(timezone.now())


@shared_task
def check_channels() -> None:
    """Queue a look at every channel that was not looked at lately; in every state of the system."""
    with _as("beat"):
        health.due_checks(timezone.now())


@shared_task
def collect_statistics() -> None:
    """Queue the collection of numbers that is due."""
    if is_running():
        with _as("beat"):
            statistics.due_collections(timezone.now())


@shared_task
def tidy_uploads() -> None:
    """Hand on what is whole, and throw away what nobody finishes; a copy of a database leaves files alone."""
    if not is_copy():
        with _as("beat"):
            uploads.tidy()


@shared_task
def clean_disk() -> None:
    """Delete what is kept no longer, while the system runs; a copy of a database leaves files alone."""
    if is_running() and not is_copy():
        with _as("beat"):
            retention.clean()
            calls.prune(timezone.now())
            rates.prune()
            deliveries.prune()
            proposals.prune(timezone.now())
            record_retention.prune_due()


@shared_task
def notify() -> None:
    """Write what people are to be told, and send what waits; a copy of a database tells nobody anything."""
    if not is_copy():
        with _as("notify"):
            evaluation.evaluate(timezone.now())
            outbox.send_due()


@shared_task
def seal_record() -> None:
    """Tell what was refused, seal what the record says, and let an anchor leave the database; a copy of one tells nobody."""
    with _as("sealer"):
        refusals.tell()
        sealing.seal()
        dropped = None if is_copy() else anchors.drop()
        if dropped is not None:
            anchor_call.send(dropped)


@shared_task
def send_webhooks() -> None:
    """Write out what is new for each webhook endpoint, and begin to send; a copy of a database sends nobody anything."""
    if not is_copy():
        with _as("webhooks"):
            deliveries.look()


@shared_task
def heartbeat(tick_failed: bool = False) -> None:
    """Call the watchdog outside, which tells a person when the calls stay away; a copy of a database calls nobody."""
    if not is_copy():
        heart.ping(tick_failed=tick_failed)


@shared_task
def make_backup() -> None:
    """Make the backup that an administrator asked for, if none has taken it."""
    background.take(background.BACKUP)


@shared_task
def check_invariants() -> None:
    """Check the invariants, as an administrator asked, if none has taken it."""
    background.take(background.INVARIANTS)


@shared_task
def verify_record() -> None:
    """Hold the record against its chain, as an administrator asked, if none has taken it."""
    background.take(background.VERIFICATION)


@shared_task
def prune_record() -> None:
    """Export old entries and take them away, as an administrator asked, if none has taken it."""
    background.take(background.PRUNING)


@shared_task
def keep_reports() -> None:
    """Make anew the reports that take long and that somebody looks at; in every state of the system."""
    with _as("beat"):
        kept_forecast.make_due(timezone.now())
