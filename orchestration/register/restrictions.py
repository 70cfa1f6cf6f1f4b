"""Limit people and tokens to channels of some groups: they see nothing of the others, and do nothing to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model

from orchestration.core import scope
from orchestration.core.permissions import LEVELS, SCOPES
from orchestration.errors import InvalidRequest
from orchestration.models import ApiToken, Restriction


def keep(of_whom: Any, level: str, slugs: Sequence[str] | None) -> None:
    """Limit a saved person or token to groups; none lifts the limit, None leaves it as it is.

    Raises: InvalidRequest, if whoever sets up would be limited, since that holds for all channels; NotFound, naming groups.
    """
    by = "user" if isinstance(of_whom, get_user_model()) else "token"
    row = Restriction.objects.filter(**{by: of_whom}).first()
    wanted = slugs if slugs is not None else [group.slug for group in row.groups.all()] if row else []
    if (row is not None or wanted) and SCOPES[level] >= SCOPES[ApiToken.Scope.ADMIN] and slugs != []:
        raise InvalidRequest(
            f"The role {LEVELS[level]} cannot be limited to groups: what it sets up holds for all channels.",
            field="limited_to",
        )
    if slugs is None:
        return
    if not slugs:
        Restriction.objects.filter(**{by: of_whom}).delete()
    else:
        row = row or Restriction.objects.create(**{by: of_whom})
        row.groups.set(scope.check_groups(slugs, field="limited_to"))
    for kept in ("restriction_pk", "_prefetched_objects_cache"):
        of_whom.__dict__.pop(kept, None)
    of_whom._state.fields_cache.pop("restriction", None)


def of(whom: Any) -> list[str] | None:
    """Return the groups that a person or a token is limited to, by slug; None without a limit."""
    row = getattr(whom, "restriction", None)
    return None if row is None else sorted(group.slug for group in row.groups.all())
