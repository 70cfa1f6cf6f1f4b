"""Take a second factor, or a passkey alone, as ways of authentication: wrong ones count and lock out like passwords."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest

from orchestration.core.audit import Acting, acting_as
from orchestration.register import factors, login_throttle, passkeys
from orchestration.states import Trigger


class SecondStepBackend:
    """Stands last, behind the throttles; keeps nobody logged in, which is the role's way."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str = "",
        secret_code: str = "",
        secret_passkey: str = "",
        asked: Any = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the person whose code or passkey it is; None of anybody else, which Django tells as a failed login."""
        if request is not None and secret_passkey and asked:
            return passkeys.whose(asked, secret_passkey, host_of(request))
        if not username or not secret_code:
            return None
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            return None
        if request is not None:
            login_throttle.refuse_second_step(request, username)
        with acting_as(Acting(username, user.pk, Trigger.BUTTON)):
            if factors.accepts(user, secret_code):
                return user
        if request is not None:
            login_throttle.count_second_step(username)
        return None

    def get_user(self, user_id: Any) -> None:
        """Return nobody."""
        return


def host_of(request: HttpRequest) -> str:
    """Return the host name that a passkey belongs to, without a port."""
    host = request.get_host()
    return host[: host.rindex(":")] if host.rpartition(":")[2].isdigit() else host
