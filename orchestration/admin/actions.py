"""Do what the admin's actions ask for: call the service as the user who chose them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from orchestration.core.permissions import Actor
from orchestration.errors import OrchestrationError
from orchestration.service import CentralOrchestrationService
from orchestration.states import Trigger


def service(request: HttpRequest) -> CentralOrchestrationService:
    """Return the service, called by the user of this request."""
    return CentralOrchestrationService(actor=Actor.of_user(request.user), trigger=Trigger.ADMIN)


def for_each(
    request: HttpRequest,
    rows: Iterable[Any],
    call: Callable[[CentralOrchestrationService, Any], Any],
    outcome: str,
) -> None:
    """Call the service once for each row, and say what was done and what was refused."""
    done = 0
    for row in rows:
        try:
            call(service(request), row)
            done += 1
        except OrchestrationError as error:
            messages.error(request, f"{row}: {error.message}")
    if done:
        messages.success(request, f"{done} {outcome}.")
