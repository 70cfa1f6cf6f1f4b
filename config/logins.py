"""Write who logs in and out to the activity log, and count who tries in vain."""

from __future__ import annotations

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest

from config.middleware import NOBODY
from orchestration.core import audit, refusals
from orchestration.core.addresses import client_address
from orchestration.core.audit import Acting, acting_as
from orchestration.states import Trigger


def connect() -> None:
    """Listen to Django's own signals, which every way of logging in sends."""
    for signal, receiver in (
        (user_logged_in, _logged_in),
        (user_logged_out, _logged_out),
        (user_login_failed, _failed),
        (user_locked_out, _locked_out),
    ):
        signal.connect(receiver, dispatch_uid=f"headend{receiver.__name__}")


def _logged_in(sender: Any, request: HttpRequest | None, user: Any, **_: Any) -> None:
    _record("logged_in", request, user)


def _logged_out(sender: Any, request: HttpRequest | None, user: Any, **_: Any) -> None:
    if user is not None:
        _record("logged_out", request, user)


def _record(verb: str, request: HttpRequest | None, user: Any) -> None:
    with transaction.atomic(), acting_as(Acting(user.get_username(), user.pk, Trigger.BUTTON)):
        entry = audit.entry(verb, user, after={})
        entry.remote_addr = _address(request)
        entry.save()


def _failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Count it. Names that are nobody's are not kept: people type passwords there."""
    name = str(credentials.get(get_user_model().USERNAME_FIELD) or "")
    is_known = get_user_model().objects.filter(username=name[:150]).exists() if "\x00" not in name else False
    what = f"as {name}" if is_known else "as nobody who is known here"
    refusals.note(refusals.LOGIN, Acting(NOBODY, None, Trigger.BUTTON), address=_address(request), what=what)


def _locked_out(sender: Any, request: HttpRequest | None = None, **_: Any) -> None:
    who = Acting(NOBODY, None, Trigger.BUTTON)
    refusals.note("login_locked_out", who, address=_address(request), what="after too many wrong passwords")


def _address(request: HttpRequest | None) -> str | None:
    return client_address(request) if request is not None else None
