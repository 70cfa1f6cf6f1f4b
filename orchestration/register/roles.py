"""Keep the roles: a group of Django's for each, with the permissions of its level and of those below it."""

from __future__ import annotations

from typing import Any

from auditlog.context import disable_auditlog
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

from orchestration.core.permissions import LEVELS, SCOPES, give_level, permission_of, with_level
from orchestration.models import ApiToken, SystemState


class RoleBackend(ModelBackend):
    """Read whoever is logged in together with what they may do, in one statement."""

    def get_user(self, user_id: Any) -> Any:
        """Return a person who may log in; None of anybody else."""
        user = with_level(get_user_model()._default_manager.filter(pk=user_id)).first()
        return user if user is not None and self.user_can_authenticate(user) else None


def install(**_signal: Any) -> None:
    """Make the groups with their permissions, and give a role to whoever has none; receives `post_migrate`.

    Of an installation that knew no roles: its superusers become owners, its staff operators, all others viewers.
    """
    there = set(connection.introspection.table_names())
    if not {Group._meta.db_table, get_user_model()._meta.db_table, SystemState._meta.db_table} <= there:
        return
    # What a version brings is nobody's edit.
    with transaction.atomic(), disable_auditlog():
        permissions = _permissions()
        for level, name in LEVELS.items():
            wanted = [permissions[below] for below, rank in SCOPES.items() if rank <= SCOPES[level]]
            group, _ = Group.objects.get_or_create(name=name)
            ours = group.permissions.filter(
                content_type__app_label="orchestration", codename__startswith="may_"
            )
            if set(ours.values_list("pk", flat=True)) != {each.pk for each in wanted}:
                group.permissions.remove(*ours.exclude(pk__in=[each.pk for each in wanted]))
                group.permissions.add(*wanted)
        looked_at = Permission.objects.filter(
            codename__startswith="view_", content_type__app_label__in=["channels", "orchestration"]
        )
        group = Group.objects.get(name=LEVELS[ApiToken.Scope.ADMIN])
        group.permissions.add(*looked_at.exclude(group=group))
        for user in get_user_model().objects.exclude(groups__name__in=LEVELS.values()):
            give_level(user, level_without_role(user))


def level_without_role(user: Any) -> str:
    """Return what somebody without a role may do, by Django's own marks."""
    if user.is_superuser:
        return ApiToken.Scope.OWN
    return ApiToken.Scope.OPERATE if user.is_staff else ApiToken.Scope.READ


def _permissions() -> dict[str, Permission]:
    kind = ContentType.objects.get_for_model(SystemState)
    names = dict(SystemState._meta.permissions)
    found = {row.codename: row for row in Permission.objects.filter(content_type=kind)}
    for level in LEVELS:
        code = permission_of(level)
        if code not in found:
            found[code] = Permission.objects.create(content_type=kind, codename=code, name=names[code])
    return {level: found[permission_of(level)] for level in LEVELS}
