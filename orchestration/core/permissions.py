"""Define who asks, and let a method of the service be called only by those who may."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from django.contrib.auth.models import Group, Permission
from django.db.models import Case, OuterRef, QuerySet, Subquery, When

from channels.limits import Limit, limited_to
from channels.models import Channel
from orchestration.core import reach
from orchestration.core.audit import Acting, acting_as
from orchestration.errors import ConfirmationNeeded, NotPermitted
from orchestration.models import ApiToken, Restriction

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
    restricted = Restriction.objects.filter(user=OuterRef("pk")).values("pk")
    return users.annotate(held_rank=Subquery(held), restriction_pk=Subquery(restricted))


def limit_of(restriction_pk: int | None) -> Limit | None:
    """Return what somebody is limited to, as it is at this moment; None without a restriction."""
    if restriction_pk is None:
        return None
    named = Restriction.groups.through.objects.filter(restriction=restriction_pk)
    groups = frozenset(named.values_list("channelgroup", flat=True))
    members = Channel.groups.through.objects.filter(channelgroup__in=groups)
    return Limit(groups, frozenset(members.values_list("channel", flat=True)))


def level_of(user: Any) -> str:
    """Return what a person may do: the one place where that is read, from the permissions of their groups."""
    if user.is_superuser:
        return ApiToken.Scope.OWN
    return list(LEVELS)[_known(user).held_rank or 0]


def _known(user: Any) -> Any:
    """Return a person's row with what `with_level` asks for."""
    if not hasattr(user, "restriction_pk"):
        row = with_level(type(user)._default_manager.filter(pk=user.pk)).first()
        user.held_rank = row.held_rank if row else None
        user.restriction_pk = row.restriction_pk if row else None
    return user


def give_level(user: Any, level: str) -> None:
    """Give a saved person one role, and take the others: the one place where that is written.

    Owners pass every check of Django's, too; they and administrators may look into the back door.
    """
    user.is_superuser = level == ApiToken.Scope.OWN
    user.is_staff = SCOPES[level] >= SCOPES[ApiToken.Scope.ADMIN]
    user.save(update_fields=["is_superuser", "is_staff"])
    others = user.groups.exclude(name__in=LEVELS.values())
    user.groups.set([*others, Group.objects.get_or_create(name=LEVELS[level])[0]])
    user.__dict__.pop("restriction_pk", None)  # read anew, with the level


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and what they may do: one of `LEVELS`."""

    label: str
    scope: str = ApiToken.Scope.READ
    user_id: int | None = None
    limit: Limit | None = None
    token_id: int | None = None
    proposes: bool = False
    """Whether it is an assistant's token: it looks, and proposes; a change takes a person's confirmation."""

    @classmethod
    def of_user(cls, user: Any) -> Actor:
        """Return the actor of a logged-in user."""
        level = level_of(user)
        limit = None if level == ApiToken.Scope.OWN else limit_of(_known(user).restriction_pk)
        return cls(user.get_username(), level, user.pk, limit)

    @classmethod
    def of_token(cls, token: ApiToken) -> Actor:
        """Return the actor of a bearer token."""
        restriction = getattr(token, "restriction", None)
        return cls(
            f"token {token.name}",
            token.scope,
            limit=limit_of(restriction.pk if restriction else None),
            token_id=token.pk,
            proposes=token.for_assistant,
        )

    @classmethod
    def system(cls, label: str = "headend") -> Actor:
        """Return the system itself: beat, workers and the command line of the machine's owner."""
        return cls(label, ApiToken.Scope.OWN)

    def reaches(self, level: str) -> bool:
        """Return whether they may do what needs a level."""
        return SCOPES[self.scope] >= SCOPES[level]

    def may(self, method: str) -> bool:
        """Return whether they may call a method of the service, whatever it is about: their level and limit allow it."""
        return self.reaches(NEEDS[method]) and not (self.limit is not None and reach.concerns_all(method))

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


PROPOSING = frozenset({"make_proposal", "commit_proposal", "refuse_proposal"})
"""What an assistant may call that writes: what it proposes, and what of that a person has confirmed."""
_confirmed: ContextVar[bool] = ContextVar("confirmed", default=False)


@contextmanager
def confirmed() -> Iterator[None]:
    """Let a change of an assistant through, inside: a person has confirmed exactly this one."""
    token = _confirmed.set(True)
    try:
        yield
    finally:
        _confirmed.reset(token)


def _only_looks(method: str, scope: str, named: Mapping[str, Any]) -> bool:
    """Return whether a call changes nothing: it needs no more than to read, or is a preview."""
    return scope == ApiToken.Scope.READ or method.startswith("preview_") or named.get("dry_run") is True


def _require_confirmation(actor: Actor, method: str, scope: str, named: Mapping[str, Any]) -> None:
    """Refuse what an assistant would change by itself. Raises: ConfirmationNeeded."""
    if method in PROPOSING or _confirmed.get() or _only_looks(method, scope, named):
        return
    raise ConfirmationNeeded(
        f"{actor.label} is an assistant's: {method} takes the confirmation of a person. Make a proposal of it.",
        scope=actor.scope,
        needs=scope,
    )


def action(scope: str) -> Callable[[Callable[Concatenate[A, P], R]], Callable[Concatenate[A, P], R]]:
    """Let a method be called by actors of `scope` and above, and name them in all it records."""

    def decorate(method: Callable[Concatenate[A, P], R]) -> Callable[Concatenate[A, P], R]:
        NEEDS[method.__name__] = scope
        signature = inspect.signature(method)

        @functools.wraps(method)
        def guarded(self: A, *args: P.args, **kwargs: P.kwargs) -> R:
            self.actor.require(scope, method.__name__)
            limit = self.actor.limit
            if limit is not None or self.actor.proposes:
                named = signature.bind(self, *args, **kwargs).arguments
            if self.actor.proposes:
                _require_confirmation(self.actor, method.__name__, scope, named)
            if limit is not None:
                limit = reach.judge(limit, method.__name__, self.actor.label, named)
            with (
                limited_to(limit),
                acting_as(Acting(self.actor.label, self.actor.user_id, self.trigger, self.correlation_id)),
            ):
                return method(self, *args, **kwargs)

        return guarded

    return decorate
