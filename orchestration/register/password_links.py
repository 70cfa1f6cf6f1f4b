"""Let a person set a password by a link that opens once: its token dies with the password or login it was made for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from auditlog.context import disable_auditlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from orchestration.core import audit
from orchestration.errors import IllegalTransition, NotPermitted
from orchestration.register import users
from orchestration.results.people import PasswordLink
from orchestration.states import AccountState


def make(user_id: int, reason: str = "") -> PasswordLink:
    """Return a link by which a person sets a password, once, within a day. Raises: NotFound, IllegalTransition."""
    user = get_user_model().objects.filter(pk=user_id).first()
    if user is None:
        raise users.missing(user_id)
    if not user.is_active:
        raise IllegalTransition(
            f"{user.username} is deactivated; reactivate them first.", state=AccountState.DEACTIVATED
        )
    with transaction.atomic(), disable_auditlog():
        audit.record("password_link_made", user, after={"username": user.username}, reason=reason)
    path = reverse(
        "set_password",
        args=[urlsafe_base64_encode(force_bytes(user.pk)), default_token_generator.make_token(user)],
    )
    return PasswordLink(
        username=user.username,
        path=path,
        expires_at=timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
    )


def use(user: Any, token: str, password: str) -> None:
    """Set the password that a person chose behind their link. Raises: NotPermitted, InvalidRequest."""
    with transaction.atomic():
        fresh = get_user_model().objects.filter(pk=user.pk, is_active=True).first()
        if fresh is None or not default_token_generator.check_token(fresh, token):
            raise NotPermitted("This link was used, or is too old; ask for another one.")
        users.set_password(fresh.pk, password, how="link")
