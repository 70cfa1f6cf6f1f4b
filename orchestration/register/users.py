"""Say who may log in and what they may do; nobody is deleted, since what they did stays theirs.

A person's password, and every session that knew it, is theirs: whoever sets another one, or shuts them out, ends these.
"""

from __future__ import annotations

from typing import Any

from auditlog.context import disable_auditlog
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef

from channels.querysets import Lockable
from orchestration.core import audit
from orchestration.core.permissions import SCOPES, give_level, level_of
from orchestration.errors import IllegalTransition, InvalidRequest, NotFound
from orchestration.models import ApiToken, CalendarAddress, Preferences
from orchestration.register import sessions
from orchestration.results.people import UserShown
from orchestration.states import ACCOUNT_VERBS, AccountState
from orchestration.text import plain_line

LEVELS = {
    str(ApiToken.Scope.READ): "reader",
    str(ApiToken.Scope.OPERATE): "operator",
    str(ApiToken.Scope.ADMIN): "administrator",
}
"""What a person may do, and what that is called."""


def shown(*, asks: int | None = None, only: int | None = None) -> list[UserShown]:
    """List people by name, in one query whatever their number; `asks` is who looks."""
    calendars = CalendarAddress.objects.filter(user=OuterRef("pk"))
    rows = (
        get_user_model()
        .objects.select_related("preferences")
        .annotate(has_calendar=Exists(calendars), token_count=Count("apitoken"))
        .order_by("username", "pk")
    )
    admins = _administrators()
    return [_shown(row, asks, admins) for row in (rows if only is None else rows.filter(pk=only))]


def one(user_id: int, *, asks: int | None = None) -> UserShown:
    """Return one person, with how many browsers they are logged in with. Raises: NotFound."""
    found = shown(asks=asks, only=user_id)
    if not found:
        raise missing(user_id)
    return found[0]


def missing(user_id: int) -> NotFound:
    """Return the refusal of an id that is nobody's."""
    return NotFound(f"There is no user {user_id}.", field="user_id")


def id_of(name: str) -> int:
    """Return whose user name it is. Raises: NotFound."""
    found = get_user_model().objects.filter(username=name).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound(f"There is no user {name}.", field="username")
    return found


def add(
    *, username: str, level: str, full_name: str = "", email: str = "", password: str = "", reason: str = ""
) -> int:
    """Register a person; without a password they set one by a link. Returns their id. Raises: InvalidRequest."""
    _check_level(level)
    user = get_user_model()(username=get_user_model().normalize_username(username.strip()))
    _describe(user, full_name, email)
    give_level(user, level)
    if password:
        check_password(password, user)
        user.set_password(password)
    else:
        user.set_unusable_password()
    _check(user)
    try:
        with transaction.atomic(), disable_auditlog():
            user.save()
            audit.record("user_added", user, after=_document(user), reason=reason)
    except IntegrityError as error:
        raise InvalidRequest(f"There is a user named {user.username} already.", field="username") from error
    return user.pk


def change(
    user_id: int,
    *,
    level: str | None = None,
    username: str | None = None,
    full_name: str | None = None,
    email: str | None = None,
    asks: int | None = None,
    reason: str = "",
) -> None:
    """Give a person another level, name or mail address; None keeps what there is.

    Raises: NotFound; InvalidRequest; IllegalTransition, if they are the last administrator or take a level from themselves.
    """
    if level is not None:
        _check_level(level)
    with transaction.atomic(), disable_auditlog():
        user, admins = _locked(user_id)
        before = _document(user)
        if level is not None and level != level_of(user):
            if SCOPES[level] < SCOPES[level_of(user)]:
                _refuse_loss(user, admins, asks)
            give_level(user, level)
        if username is not None:
            user.username = get_user_model().normalize_username(username.strip())
        _describe(user, full_name, email)
        _check(user)
        if _document(user) != before:
            user.save()
            audit.record("user_changed", user, before=before, after=_document(user), reason=reason)


def set_password(user_id: int, password: str, *, how: str, keep_session: str = "", reason: str = "") -> None:
    """Give a person another password and end the sessions that knew the old one, but for `keep_session`.

    `how` says in the log by which way; the password is never in it. Raises: NotFound, InvalidRequest.
    """
    with transaction.atomic(), disable_auditlog():
        user, _ = _locked(user_id)
        check_password(password, user)
        user.set_password(password)
        user.save(update_fields=["password"])
        ended = sessions.end(user_id, but=keep_session)
        audit.record("user_password_set", user, after={"how": how, "sessions_ended": ended}, reason=reason)


def switch(user_id: int, *, active: bool, asks: int | None = None, reason: str = "") -> None:
    """Shut a person out, ending their sessions, or let them in again.

    Raises: NotFound; IllegalTransition, if they are so already, are whoever asks, or the last administrator.
    """
    name = "reactivate" if active else "deactivate"
    with transaction.atomic(), disable_auditlog():
        user, admins = _locked(user_id)
        if state_of(user) not in ACCOUNT_VERBS[name].states:
            raise IllegalTransition(f"{user.username} is {state_of(user)} already.", state=state_of(user))
        if not active:
            _refuse_loss(user, admins, asks)
        user.is_active = active
        user.save(update_fields=["is_active"])
        after: dict[str, Any] = {"state": str(state_of(user))}
        if not active:
            after["sessions_ended"] = sessions.end(user_id)
        before = {"state": str(AccountState.DEACTIVATED if active else AccountState.ACTIVE)}
        audit.record(f"user_{name}d", user, before=before, after=after, reason=reason)


def end_sessions(user_id: int, *, keep_session: str = "", reason: str = "") -> int:
    """Log a person out of every browser but the one of `keep_session`; returns of how many. Raises: NotFound."""
    with transaction.atomic(), disable_auditlog():
        user, _ = _locked(user_id)
        ended = sessions.end(user_id, but=keep_session)
        audit.record("user_sessions_ended", user, after={"sessions_ended": ended}, reason=reason)
    return ended


def set_timezone(user_id: int, zone: str) -> str:
    """Let a person be told times by a clock of their own; empty: by each channel's. Raises: InvalidRequest."""
    with transaction.atomic(), disable_auditlog():
        user, _ = _locked(user_id)
        row = Preferences.objects.filter(user=user).first() or Preferences(user=user)
        before, row.timezone = row.timezone, zone.strip()
        try:
            row.clean_fields(exclude=["user"])
        except ValidationError as error:
            raise InvalidRequest(
                f"{zone!r} is no time zone such as Europe/Berlin.", field="timezone"
            ) from error
        if row.timezone != before or row.pk is None:
            row.save()
            audit.record("timezone_set", user, before={"timezone": before}, after={"timezone": row.timezone})
    return row.timezone


def check_password(password: str, user: Any) -> None:
    """Refuse a password that can be guessed. Raises: InvalidRequest, saying why."""
    if "\x00" in password:
        raise InvalidRequest("A password holds no NUL character.", field="password")
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidRequest(" ".join(error.messages), field="password") from error


def state_of(user: Any) -> str:
    """Return whether a person can log in."""
    return AccountState.ACTIVE if user.is_active else AccountState.DEACTIVATED


def _locked(user_id: int) -> tuple[Any, list[int]]:
    """Return a person's row under its lock and that of all administrators, so that no two are taken away at once."""
    model = get_user_model()
    list(Lockable(model).filter(is_superuser=True, is_active=True).order_by("pk").locked())
    user = Lockable(model).filter(pk=user_id).locked().first()
    if user is None:
        raise missing(user_id)
    return user, _administrators()


def _administrators() -> list[int]:
    return list(
        get_user_model().objects.filter(is_superuser=True, is_active=True).values_list("pk", flat=True)
    )


def _why_kept(user: Any, admins: list[int], asks: int | None) -> str:
    if user.pk == asks:
        return "You cannot take your own account away; another administrator can."
    if admins == [user.pk]:
        return f"{user.username} is the last active administrator; make another one first."
    return ""


def _refuse_loss(user: Any, admins: list[int], asks: int | None) -> None:
    if why := _why_kept(user, admins, asks):
        raise IllegalTransition(why, state=state_of(user))


def _check_level(level: str) -> None:
    if level not in LEVELS:
        raise InvalidRequest(f"{level!r} is no level; choose one of {', '.join(LEVELS)}.", field="level")


def _describe(user: Any, full_name: str | None, email: str | None) -> None:
    if full_name is not None:
        first, _, last = plain_line(full_name).partition(" ")
        user.first_name, user.last_name = first, last
    if email is not None:
        user.email = plain_line(email)


def _check(user: Any) -> None:
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        field = {"first_name": "full_name", "last_name": "full_name"}.get(field, field)
        raise InvalidRequest(" ".join(messages), field=field) from error


def _document(user: Any) -> dict[str, Any]:
    return {
        "username": user.username,
        "level": level_of(user),
        "full_name": user.get_full_name(),
        "email": user.email,
    }


def _shown(row: Any, asks: int | None, admins: list[int]) -> UserShown:
    kept = _why_kept(row, admins, asks) if row.is_active else ""
    verbs = [name for name, rule in ACCOUNT_VERBS.items() if state_of(row) in rule.states]
    preferences = getattr(row, "preferences", None)
    return UserShown(
        id=row.pk,
        username=row.username,
        full_name=row.get_full_name(),
        email=row.email,
        level=level_of(row),
        state=state_of(row),
        is_you=row.pk == asks,
        has_password=row.has_usable_password(),
        joined_at=row.date_joined,
        last_login_at=row.last_login,
        timezone=preferences.timezone if preferences else "",
        has_calendar=row.has_calendar,
        tokens=row.token_count,
        actions=tuple(name for name in verbs if not (name == "deactivate" and kept)),
        why_kept=kept,
    )
