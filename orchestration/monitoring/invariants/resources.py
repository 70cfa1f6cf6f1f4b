"""Check pools, leases and budgets."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.contrib.contenttypes.models import ContentType
from django.db.models import Min, Sum

from channels.quota import pacific_day, pacific_day_bounds
from orchestration.models import Activity, BudgetEntry, Lease, Pool
from orchestration.monitoring.invariants.values import Look, Violation, broken
from orchestration.queue.pools import SPENT
from orchestration.states import JobState, PoolKind


def slots_within_capacity(look: Look) -> Iterator[Violation]:
    """Look for more holders than slots."""
    held = (
        Lease.objects.held()
        .filter(pool__kind=PoolKind.SLOTS)
        .values("pool_id")
        .annotate(units=Sum("units"), since=Min("acquired_at"))
        .order_by()
    )
    pools = Pool.objects.in_bulk([row["pool_id"] for row in held])
    for row in held:
        pool = pools[row["pool_id"]]
        if row["units"] > pool.capacity and not _capacity_changed(pool, row["since"]):
            yield broken(pool, f"has {pool.capacity} slots, and {row['units']} are held")


def rates_within_capacity(look: Look) -> Iterator[Violation]:
    """Look for a window in which more was begun than its rate allows."""
    for pool in Pool.objects.filter(kind=PoolKind.RATE):
        window = timedelta(seconds=pool.window_seconds)
        begun: list[tuple[datetime, int]] = []
        for at, units in (
            Lease.objects.filter(pool=pool, acquired_at__gt=look.since)
            .order_by("acquired_at")
            .values_list("acquired_at", "units")
        ):
            begun = [entry for entry in begun if entry[0] > at - window]
            begun.append((at, units))
            total = sum(entry[1] for entry in begun)
            if total > pool.capacity and not _capacity_changed(pool, begun[0][0]):
                yield broken(
                    pool, f"began {total} in {pool.window_seconds} s before {at}; {pool.capacity} are allowed"
                )
                break


def budgets_within_capacity(look: Look) -> Iterator[Violation]:
    """Look for a Pacific day on which more was spent than there is."""
    spent = (
        BudgetEntry.objects.filter(state__in=SPENT, day__gte=pacific_day(look.since))
        .values("pool_id", "day")
        .annotate(units=Sum("units"))
        .order_by()
    )
    pools = Pool.objects.in_bulk([row["pool_id"] for row in spent])
    for row in spent:
        pool = pools[row["pool_id"]]
        since = pacific_day_bounds(row["day"])[0]
        if row["units"] > pool.capacity and not _capacity_changed(pool, since):
            yield broken(
                pool, f"has {pool.capacity} a day, and {row['units']} were spent on {row['day']} (Pacific)"
            )


def slots_end_with_their_jobs(look: Look) -> Iterator[Violation]:
    """Look for leases that outlive the job they were taken for, and for ends without a reason."""
    left = Lease.objects.held().filter(job__isnull=False).exclude(job__state=JobState.RUNNING)
    for lease in left.select_related("job"):
        state = lease.job.state if lease.job else "gone"
        yield broken(lease, f"is held by {lease.holder}, although its job {lease.job_id} is {state}")
    for lease in Lease.objects.filter(released_at__isnull=False, release_reason=""):
        yield broken(lease, "was released for no stated reason")


def _capacity_changed(pool: Pool, since: datetime) -> bool:
    """Return whether an operator changed a pool's capacity since: what is over it then is allowed to run out."""
    edits = Activity.objects.filter(
        content_type=ContentType.objects.get_for_model(Pool),
        object_id=pool.pk,
        action=Activity.Action.UPDATE,
        timestamp__gte=since,
    )
    return any("capacity" in (changes or {}) for changes in edits.values_list("changes", flat=True))
