"""Give every template what it needs to know about whoever looks."""

from __future__ import annotations

from django.http import HttpRequest

from orchestration.core.permissions import Actor
from orchestration.models import ApiToken


def permissions(request: HttpRequest) -> dict[str, bool]:
    """Return whether this user may operate, and administer; a button that would only refuse is not shown."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"may_operate": False, "may_administer": False}
    scope = Actor.of_user(user).scope
    return {
        "may_operate": scope != ApiToken.Scope.READ,
        "may_administer": scope == ApiToken.Scope.ADMIN,
    }
