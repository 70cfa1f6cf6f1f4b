"""Say who may log in and what they may do; nobody is deleted, since what they did stays theirs.

A person's password, and every session that knew it, is theirs: whoever sets another one, or shuts them out, ends these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditlog.context import disable_auditlog
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Prefetch

from channels.querysets import Lockable
from orchestration.core import audit, preconditions
from orchestration.core.permissions import LEVELS, SCOPES, Actor, give_level, level_of, with_level
from orchestration.errors import IllegalTransition, InvalidRequest, NotFound
from orchestration.models import ApiToken, CalendarAddress, Preferences, SecondFactor
from orchestration.register import restrictions, sessions
from orchestration.results.people import UserShown
from orchestration.states import ACCOUNT_VERBS, AccountState
from orchestration.text import plain_line

_FACTORS = Prefetch(
    "second_factors",
    queryset=SecondFactor.objects.filter(confirmed_at__isnull=False),
    to_attr="factors_shown",
)


def shown(*, asks: Actor | None = None, only: int | None = None) -> list[UserShown]:
    """List people by name, in one query whatever their number; `asks` is who looks."""
    asks = asks or Actor.system()
    calendars = CalendarAddress.objects.filter(user=OuterRef("pk"))
    rows = (
        with_level(get_user_model().objects.all())
        .select_related("preferences")
        .prefetch_related("restriction__groups", _FACTORS)
        .annotate(has_calendar=Exists(calendars), token_count=Count("apitoken"))
        .order_by("username", "pk")
    )
    owners = _owners()
    return [_shown(row, asks, owners) for row in (rows if only is None else rows.filter(pk=only))]


def one(user_id: int, *, asks: Actor | None = None) -> UserShown:
    """Return one person, with how many browsers they are logged in with. Raises: NotFound."""
    found = shown(asks=asks, only=user_id)
    if not found:
        raise missing(user_id)
    return found[0]


def missing(user_id: int) -> NotFound:
    """Return the refusal of an id that is nobody's."""
    return NotFound(f"There is no user {user_id}.", field="user_id")


def found(user_id: int) -> Any:
    """Return a person's row. Raises: NotFound."""
    row = get_user_model().objects.filter(pk=user_id).first()
    if row is None:
        raise missing(user_id)
    return row


def id_of(name: str) -> int:
    """Return whose user name it is. Raises: NotFound."""
    found = get_user_model().objects.filter(username=name).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound(f"There is no user {name}.", field="username")
    return found


def add(
    *,
    username: str,
    level: str,
    full_name: str = "",
    email: str = "",
    password: str = "",
    limited_to: Sequence[str] = (),
    asks: Actor | None = None,
    reason: str = "",
) -> int:
    """Register a person; without a password they set one by a link. Returns their id.

    Raises: InvalidRequest; NotPermitted, if it takes an owner to give this level.
    """
    _check_level(level)
    _require_giver(asks or Actor.system(), level)
    user = get_user_model()(username=get_user_model().normalize_username(username.strip()))
    _describe(user, full_name, email)
    if password:
        check_password(password, user)
        user.set_password(password)
    else:
        user.set_unusable_password()
    _check(user)
    try:
        with transaction.atomic(), disable_auditlog():
            user.save()
            give_level(user, level)
            restrictions.keep(user, level, limited_to)
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
    limited_to: Sequence[str] | None = None,
    asks: Actor | None = None,
    reason: str = "",
) -> None:
    """Give a person another level, name or mail address; None keeps what there is.

    Raises: NotFound; InvalidRequest; NotPermitted, if it takes an owner; IllegalTransition, if they are the last
    owner or take a level from themselves.
    """
    asks = asks or Actor.system()
    if level is not None:
        _check_level(level)
    with transaction.atomic(), disable_auditlog():
        user, owners = _locked(user_id)
        require_over(asks, user)
        before = _document(user)
        if level is not None and level != level_of(user):
            _require_giver(asks, level, level_of(user))
            if SCOPES[level] < SCOPES[level_of(user)]:
                _refuse_loss(user, owners, asks)
            give_level(user, level)
        restrictions.keep(user, level_of(user), limited_to)
        if username is not None:
            user.username = get_user_model().normalize_username(username.strip())
        _describe(user, full_name, email)
        _check(user)
        if _document(user) != before:
            user.save()
            audit.record("user_changed", user, before=before, after=_document(user), reason=reason)


def set_password(
    user_id: int,
    password: str,
    *,
    how: str,
    keep_session: str = "",
    asks: Actor | None = None,
    reason: str = "",
) -> None:
    """Give a person another password and end the sessions that knew the old one, but for `keep_session`.

    `how` says in the log by which way; the password is never in it. Raises: NotFound, InvalidRequest.
    """
    with transaction.atomic(), disable_auditlog():
        user, _ = _locked(user_id)
        require_over(asks or Actor.system(), user)
        check_password(password, user)
        user.set_password(password)
        user.save(update_fields=["password"])
        ended = sessions.end(user_id, but=keep_session)
        audit.record("user_password_set", user, after={"how": how, "sessions_ended": ended}, reason=reason)


def switch(user_id: int, *, active: bool, asks: Actor | None = None, reason: str = "") -> None:
    """Shut a person out, ending their sessions, or let them in again.

    Raises: NotFound; IllegalTransition, if they are so already, are whoever asks, or the last owner;
    NotPermitted, if it takes an owner.
    """
    asks = asks or Actor.system()
    name = "reactivate" if active else "deactivate"
    with transaction.atomic(), disable_auditlog():
        user, owners = _locked(user_id)
        require_over(asks, user)
        if state_of(user) not in ACCOUNT_VERBS[name].states:
            raise IllegalTransition(f"{user.username} is {state_of(user)} already.", state=state_of(user))
        if not active:
            _refuse_loss(user, owners, asks)
        user.is_active = active
        user.save(update_fields=["is_active"])
        after: dict[str, Any] = {"state": str(state_of(user))}
        if not active:
            after["sessions_ended"] = sessions.end(user_id)
        before = {"state": str(AccountState.DEACTIVATED if active else AccountState.ACTIVE)}
        audit.record(f"user_{name}d", user, before=before, after=after, reason=reason)


def end_sessions(user_id: int, *, keep_session: str = "", asks: Actor | None = None, reason: str = "") -> int:
    """Log a person out of every browser but the one of `keep_session`; returns of how many. Raises: NotFound."""
    with transaction.atomic(), disable_auditlog():
        user, _ = _locked(user_id)
        require_over(asks or Actor.system(), user)
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
    """Return a person's row under its lock and that of all owners, so that no two are taken away at once."""
    model = get_user_model()
    list(Lockable(model).filter(is_superuser=True, is_active=True).order_by("pk").locked())
    user = Lockable(model).filter(pk=user_id).locked().first()
    if user is None:
        raise missing(user_id)
    preconditions.hold(model, user_id)
    return user, _owners()


def _owners() -> list[int]:
    return list(
        get_user_model().objects.filter(is_superuser=True, is_active=True).values_list("pk", flat=True)
    )


def require_over(asks: Actor, user: Any) -> None:
    """Refuse that anybody but an owner does something to an owner's account. Raises: NotPermitted."""
    if user.pk != asks.user_id and level_of(user) == ApiToken.Scope.OWN:
        asks.require(ApiToken.Scope.OWN, f"what is done to {user.username}, an owner,")


def _require_giver(asks: Actor, *levels: str) -> None:
    """Refuse that anybody but an owner makes or unmakes administrators and owners. Raises: NotPermitted."""
    if any(SCOPES[level] >= SCOPES[ApiToken.Scope.ADMIN] for level in levels):
        asks.require(ApiToken.Scope.OWN, "giving or taking the role of an administrator or an owner")


def _why_kept(user: Any, owners: list[int], asks: Actor) -> str:
    if user.pk == asks.user_id:
        return "You cannot take your own account away; another owner can."
    if owners == [user.pk]:
        return f"{user.username} is the last active owner; make another one first."
    if level_of(user) == ApiToken.Scope.OWN and not asks.reaches(ApiToken.Scope.OWN):
        return f"{user.username} is an owner: only another owner can."
    return ""


def _refuse_loss(user: Any, owners: list[int], asks: Actor) -> None:
    if why := _why_kept(user, owners, asks):
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
        "limited_to": restrictions.of(user),
    }


def _shown(row: Any, asks: Actor, owners: list[int]) -> UserShown:
    kept = _why_kept(row, owners, asks) if row.is_active else ""
    verbs = [name for name, rule in ACCOUNT_VERBS.items() if state_of(row) in rule.states]
    preferences = getattr(row, "preferences", None)
    return UserShown(
        id=row.pk,
        username=row.username,
        full_name=row.get_full_name(),
        email=row.email,
        level=level_of(row),
        limited_to=restrictions.of(row),
        state=state_of(row),
        is_you=row.pk == asks.user_id,
        has_password=row.has_usable_password(),
        joined_at=row.date_joined,
        last_login_at=row.last_login,
        timezone=preferences.timezone if preferences else "",
        has_calendar=row.has_calendar,
        tokens=row.token_count,
        second_factors=tuple(dict.fromkeys(factor.kind for factor in row.factors_shown)),
        actions=tuple(name for name in verbs if not (name == "deactivate" and kept)),
        why_kept=kept,
    )
