"""Define who asks, and let a method of the service be called only by those who may."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from django.contrib.auth.models import Group, Permission
from django.db.models import Case, OuterRef, QuerySet, Subquery, When

from orchestration.core.audit import Acting, acting_as
from orchestration.errors import NotPermitted
from orchestration.models import ApiToken

P = ParamSpec("P")
R = TypeVar("R")

LEVELS: dict[str, str] = {
    ApiToken.Scope.READ: "viewer",
    ApiToken.Scope.SCHEDULE: "scheduler",
    ApiToken.Scope.OPERATE: "operator",
    ApiToken.Scope.ADMIN: "administrator",
    ApiToken.Scope.OWN: "owner",
}
"""What may be done, from least to most, and the role (a group of Django's) that may do it; each includes those before it."""
SCOPES: dict[str, int] = {level: rank for rank, level in enumerate(LEVELS)}
NEEDS: dict[str, str] = {}
"""What each method of the service needs, by its name; filled by `action`."""


def permission_of(level: str) -> str:
    """Return the name of the permission that stands for a level."""
    return f"may_{level}"


def with_level(users: QuerySet[Any]) -> QuerySet[Any]:
    """Let users be read with what their groups permit, in the same statement; `level_of` then asks no more."""
    whens = [When(codename=permission_of(level), then=rank) for level, rank in SCOPES.items()]
    held = (
        Permission.objects.filter(
            content_type__app_label="orchestration", codename__startswith="may_", group__user=OuterRef("pk")
        )
        .annotate(rank=Case(*whens, default=0))
        .order_by("-rank")
        .values("rank")[:1]
    )
    return users.annotate(held_rank=Subquery(held))


def level_of(user: Any) -> str:
    """Return what a person may do: the one place where that is read, from the permissions of their groups."""
    if user.is_superuser:
        return ApiToken.Scope.OWN
    if not hasattr(user, "held_rank"):
        user.held_rank = (
            with_level(type(user)._default_manager.filter(pk=user.pk))
            .values_list("held_rank", flat=True)
            .first()
        )
    return list(LEVELS)[user.held_rank or 0]


def give_level(user: Any, level: str) -> None:
    """Give a saved person one role, and take the others: the one place where that is written.

    Owners pass every check of Django's, too; they and administrators may look into the back door.
    """
    user.is_superuser = level == ApiToken.Scope.OWN
    user.is_staff = SCOPES[level] >= SCOPES[ApiToken.Scope.ADMIN]
    user.save(update_fields=["is_superuser", "is_staff"])
    others = user.groups.exclude(name__in=LEVELS.values())
    user.groups.set([*others, Group.objects.get_or_create(name=LEVELS[level])[0]])
    user.held_rank = SCOPES[level]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and what they may do: one of `LEVELS`."""

    label: str
    scope: str = ApiToken.Scope.READ
    user_id: int | None = None

    @classmethod
    def of_user(cls, user: Any) -> Actor:
        """Return the actor of a logged-in user."""
        return cls(user.get_username(), level_of(user), user.pk)

    @classmethod
    def of_token(cls, token: ApiToken) -> Actor:
        """Return the actor of a bearer token."""
        return cls(f"token {token.name}", token.scope)

    @classmethod
    def system(cls, label: str = "headend") -> Actor:
        """Return the system itself: beat, workers and the command line of the machine's owner."""
        return cls(label, ApiToken.Scope.OWN)

    def reaches(self, level: str) -> bool:
        """Return whether they may do what needs a level."""
        return SCOPES[self.scope] >= SCOPES[level]

    def may(self, method: str) -> bool:
        """Return whether they may call a method of the service."""
        return self.reaches(NEEDS[method])

    def require(self, level: str, what: str) -> None:
        """Refuse what needs more than they may. Raises: NotPermitted, naming both."""
        if not self.reaches(level):
            raise NotPermitted(
                f"{self.label} may {self.scope}, but {what} needs {level}: the role {LEVELS[level]}"
                f"{'' if level == ApiToken.Scope.OWN else ' or above'}.",
                scope=self.scope,
                needs=level,
            )


class Asking(Protocol):
    """What has methods that only some actors may call: the service."""

    actor: Actor
    trigger: str
    correlation_id: str


A = TypeVar("A", bound=Asking)


def action(scope: str) -> Callable[[Callable[Concatenate[A, P], R]], Callable[Concatenate[A, P], R]]:
    """Let a method be called by actors of `scope` and above, and name them in all it records."""

    def decorate(method: Callable[Concatenate[A, P], R]) -> Callable[Concatenate[A, P], R]:
        NEEDS[method.__name__] = scope

        @functools.wraps(method)
        def guarded(self: A, *args: P.args, **kwargs: P.kwargs) -> R:
            self.actor.require(scope, method.__name__)
            with acting_as(Acting(self.actor.label, self.actor.user_id, self.trigger, self.correlation_id)):
                return method(self, *args, **kwargs)

        return guarded

    return decorate
