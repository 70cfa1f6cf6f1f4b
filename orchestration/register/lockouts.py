"""Know which names and addresses are refused for a while after too many wrong passwords, and lift that.

A name from one address is counted by django-axes, an address and a name by themselves by `login_throttle`.
"""

from __future__ import annotations

from datetime import timedelta

from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.db import transaction
from django.db.models import Max, Sum
from django.utils import timezone

from orchestration.core import audit, rates
from orchestration.errors import InvalidRequest, NotFound
from orchestration.models import SystemState
from orchestration.register import login_throttle
from orchestration.results.people import LockoutShown


def shown() -> list[LockoutShown]:
    """List who is refused at this moment: names from an address, the latest first; then addresses; then names."""
    addresses, names = login_throttle.refused()
    _, ends_in = rates.window_of(login_throttle.SECONDS)
    until = timezone.now() + timedelta(seconds=ends_in)
    since = until - timedelta(seconds=login_throttle.SECONDS)
    return [
        *_names_from_an_address(),
        *(LockoutShown("", address, count, since, until) for address, count in addresses.items()),
        *(LockoutShown(name, "", count, since, until) for name, count in names.items()),
    ]


def _names_from_an_address() -> list[LockoutShown]:
    cooloff: timedelta = settings.AXES_COOLOFF_TIME
    rows = (
        AccessAttempt.objects.filter(attempt_time__gt=timezone.now() - cooloff)
        .order_by()
        .values("username", "ip_address")
        .annotate(failures=Sum("failures_since_start"), since=Max("attempt_time"))
        .filter(failures__gte=settings.AXES_FAILURE_LIMIT)
        .order_by("-since", "username")
    )
    return [
        LockoutShown(
            username=row["username"] or "",
            address=row["ip_address"] or "",
            failures=row["failures"],
            since=row["since"],
            until=row["since"] + cooloff,
        )
        for row in rows[:200]
    ]


def lift(username: str = "", reason: str = "", *, address: str = "") -> int:
    """Let a name try again wherever it was refused, or all names from an address; returns how many refusals that ends.

    Raises: InvalidRequest, NotFound.
    """
    if bool(username) == bool(address):
        raise InvalidRequest("Say either the name or the address that may try again.", field="username")
    field, value = ("username", username[:150]) if username else ("address", address[:64])
    locked = [row for row in shown() if (_is_of(row, username) if username else _is_all_from(row, address))]
    if not locked:
        raise NotFound(f"{value} is not locked out.", field=field)
    with transaction.atomic():
        if username:
            reset(username=username)
            login_throttle.forget(username)
            after = {"username": value, "addresses": len(locked)}
        else:
            login_throttle.forget_address(address)
            after = {"address": value}
        state, _ = SystemState.objects.get_or_create(pk=1)
        audit.record("lockout_lifted", state, after=after, reason=reason)
    return len(locked)


def _is_of(row: LockoutShown, username: str) -> bool:
    """Return whether a refusal is a name's; one that is counted wherever it is tried is kept in lower case."""
    return row.username == (username if row.address else username.casefold())


def _is_all_from(row: LockoutShown, address: str) -> bool:
    return not row.username and row.address == address
