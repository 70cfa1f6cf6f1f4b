"""Define who asks, and let a method of the service be called only by those who may."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from orchestration.core.audit import Acting, acting_as
from orchestration.errors import NotPermitted
from orchestration.models import ApiToken

P = ParamSpec("P")
R = TypeVar("R")

SCOPES: dict[str, int] = {ApiToken.Scope.READ: 0, ApiToken.Scope.OPERATE: 1, ApiToken.Scope.ADMIN: 2}


def level_of(user: Any) -> str:
    """Return what a person may do, as a scope: the one place where that is read from their row."""
    if user.is_superuser:
        return ApiToken.Scope.ADMIN
    return ApiToken.Scope.OPERATE if user.is_staff else ApiToken.Scope.READ


def give_level(user: Any, level: str) -> None:
    """Let an unsaved row say what a person may do: the one place where that is written to it."""
    user.is_superuser = level == ApiToken.Scope.ADMIN
    user.is_staff = level in (ApiToken.Scope.ADMIN, ApiToken.Scope.OPERATE)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and what they may do: `read`, `operate` or `admin`."""

    label: str
    scope: str = ApiToken.Scope.READ
    user_id: int | None = None

    @classmethod
    def of_user(cls, user: Any) -> Actor:
        """Return the actor of a logged-in user: superusers administer, staff operate, others read."""
        return cls(user.get_username(), level_of(user), user.pk)

    @classmethod
    def of_token(cls, token: ApiToken) -> Actor:
        """Return the actor of a bearer token."""
        return cls(f"token {token.name}", token.scope)

    @classmethod
    def system(cls, label: str = "headend") -> Actor:
        """Return the system itself: beat, workers and the command line of the machine's owner."""
        return cls(label, ApiToken.Scope.ADMIN)


def may_operate(actor: Actor) -> bool:
    """Return whether an actor may change what goes out, and see what opens files."""
    return SCOPES[actor.scope] >= SCOPES[ApiToken.Scope.OPERATE]


def may_approve(actor: Actor) -> bool:
    """Return whether an actor may say that a publication goes out: the one place where that is decided."""
    return may_operate(actor)


class Asking(Protocol):
    """What has methods that only some actors may call: the service."""

    actor: Actor
    trigger: str
    correlation_id: str


A = TypeVar("A", bound=Asking)


def action(scope: str) -> Callable[[Callable[Concatenate[A, P], R]], Callable[Concatenate[A, P], R]]:
    """Let a method be called by actors of `scope` and above, and name them in all it records."""

    def decorate(method: Callable[Concatenate[A, P], R]) -> Callable[Concatenate[A, P], R]:
        @functools.wraps(method)
        def guarded(self: A, *args: P.args, **kwargs: P.kwargs) -> R:
            if SCOPES[self.actor.scope] < SCOPES[scope]:
                raise NotPermitted(
                    f"{self.actor.label} may {self.actor.scope}, but {method.__name__} needs {scope}."
                )
            with acting_as(Acting(self.actor.label, self.actor.user_id, self.trigger, self.correlation_id)):
                return method(self, *args, **kwargs)

        return guarded

    return decorate
