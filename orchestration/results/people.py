"""Who may log in, and by what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.models import (
        ApiToken,
    )


@dataclass(frozen=True, slots=True)
class UserShown:
    """One person who may log in, or could: what they may do, and whether anybody has shut them out."""

    id: int
    username: str
    full_name: str
    email: str
    level: str
    limited_to: list[str] | None
    """The groups of channels whose they may see and do something to, by slug; None without a limit."""
    state: str
    is_you: bool
    has_password: bool
    joined_at: datetime
    last_login_at: datetime | None
    timezone: str
    has_calendar: bool
    tokens: int
    actions: tuple[str, ...]
    why_kept: str
    """Why they cannot be deactivated or given less; empty if they can."""
    sessions: int | None = None
    """How many browsers they are logged in with; None where it was not counted."""


@dataclass(frozen=True, slots=True)
class LockoutShown:
    """A name that is refused from one address for a while, because its password was wrong too often."""

    username: str
    address: str
    failures: int
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class PasswordLink:
    """The way to set a password without knowing the old one, once; shown to whoever asked for it, this once."""

    username: str
    path: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks, and how they want to see things."""

    label: str
    user_id: int | None
    level: str
    timezone: str
    has_calendar: bool
    sessions: int


@dataclass(frozen=True, slots=True)
class TokenMade:
    """A token that was just made, with its text: the only time that it is known."""

    token: ApiToken
    text: str
