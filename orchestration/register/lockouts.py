"""Know which names are refused for a while after too many wrong passwords (django-axes), and lift that."""

from __future__ import annotations

from datetime import timedelta

from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.db import transaction
from django.db.models import Max, Sum
from django.utils import timezone

from orchestration.core import audit
from orchestration.errors import NotFound
from orchestration.models import SystemState
from orchestration.register import login_throttle
from orchestration.results.people import LockoutShown


def shown() -> list[LockoutShown]:
    """List who is locked out at this moment, the latest first."""
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


def lift(username: str, reason: str = "") -> int:
    """Let a name try again, from wherever it was refused; returns from how many addresses. Raises: NotFound."""
    locked = {row.address for row in shown() if row.username == username}
    if not locked:
        raise NotFound(f"{username[:150]} is not locked out.", field="username")
    with transaction.atomic():
        reset(username=username)
        login_throttle.forget(username)
        state, _ = SystemState.objects.get_or_create(pk=1)
        audit.record(
            "lockout_lifted",
            state,
            after={"username": username[:150], "addresses": len(locked)},
            reason=reason,
        )
    return len(locked)
